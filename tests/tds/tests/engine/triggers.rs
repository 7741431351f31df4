//! Triggers see what their statement changed, once per statement.

use sluss_tds::value::{Outcome, Value};

use super::{Bench, text};

fn watched() -> Bench {
    let mut bench = Bench::empty();
    bench.run("CREATE TABLE t (id int PRIMARY KEY, a nvarchar(20), rv rowversion); CREATE TABLE seen (n int IDENTITY(1,1), what varchar(20), id int, old nvarchar(20), new nvarchar(20))");
    bench.run(
        "CREATE TRIGGER t_seen ON t AFTER INSERT, UPDATE, DELETE AS
         BEGIN
           SET NOCOUNT ON;
           DECLARE @rows int = (SELECT COUNT(*) FROM inserted);
           IF NOT EXISTS (SELECT 1 FROM deleted) INSERT INTO seen (what, id, new) SELECT 'insert', i.id, i.a FROM inserted AS i;
           ELSE IF @rows = 0 INSERT INTO seen (what, id, old) SELECT 'delete', d.id, d.a FROM deleted d;
           ELSE IF UPDATE(a) INSERT INTO seen (what, id, old, new) SELECT 'update', i.id, d.a, i.a FROM inserted AS i JOIN deleted AS d ON d.id = i.id WHERE i.rv > d.rv;
         END",
    );
    bench
}

#[test]
fn inserted_and_deleted() {
    let mut bench = watched();
    assert_eq!(bench.run("INSERT INTO t (id, a) VALUES (1, N'x'), (2, N'y')"), [Outcome::Done(2)]);
    bench.run("UPDATE t SET a = a + N'!' WHERE id = 2; DELETE FROM t WHERE id = 1; DELETE FROM t WHERE id = 77");
    let rows = bench.rows("SELECT what, id, old, new FROM seen ORDER BY n");
    assert_eq!(
        rows,
        [
            [text("insert"), Value::Int(1), Value::Null, text("x")],
            [text("insert"), Value::Int(2), Value::Null, text("y")],
            [text("update"), Value::Int(2), text("y"), text("y!")],
            [text("delete"), Value::Int(1), text("x"), Value::Null],
        ]
    );
    assert_eq!(bench.fails("UPDATE t SET a = N'z' OUTPUT inserted.a").number, 334);
    // Its own identities are not the caller's.
    assert_eq!(bench.value("SET NOCOUNT ON; INSERT INTO t (id) VALUES (9); SELECT SCOPE_IDENTITY()"), Value::Null);
}

#[test]
fn a_trigger_can_be_disabled_replaced_and_dropped() {
    let mut bench = watched();
    bench.run("DISABLE TRIGGER t_seen ON t");
    assert_eq!(bench.rows("INSERT INTO t (id) OUTPUT inserted.id VALUES (1)"), [[Value::Int(1)]]);
    bench.run("ALTER TABLE t ENABLE TRIGGER t_seen");
    bench.run("CREATE OR ALTER TRIGGER t_seen ON t AFTER DELETE AS INSERT INTO seen (what) VALUES ('gone')");
    bench.run("INSERT INTO t (id) VALUES (2); DELETE FROM t");
    assert_eq!(bench.rows("SELECT what FROM seen"), [[text("gone")]]);
    bench.run("DROP TRIGGER t_seen; INSERT INTO t (id) VALUES (3); DELETE FROM t; ALTER TABLE t ADD more int");
    assert_eq!(bench.value("SELECT COUNT(*) FROM seen"), Value::Int(1));
}

#[test]
fn a_trigger_may_change_its_own_table_and_refuse() {
    let mut bench = Bench::empty();
    bench.run("CREATE TABLE t (id int PRIMARY KEY, changed int NOT NULL DEFAULT 0)");
    bench.run("CREATE TRIGGER t_changed ON t AFTER INSERT, UPDATE AS BEGIN SET NOCOUNT ON; UPDATE x SET changed = x.changed + 1 FROM t AS x JOIN inserted AS i ON i.id = x.id; END");
    bench.run("INSERT INTO t (id) VALUES (1), (2); UPDATE t SET id = 3 WHERE id = 2");
    assert_eq!(bench.rows("SELECT id, changed FROM t ORDER BY id"), [[Value::Int(1), Value::Int(1)], [Value::Int(3), Value::Int(2)]]);
    bench.run("CREATE TRIGGER t_kept ON t AFTER DELETE AS IF EXISTS (SELECT 1 FROM deleted WHERE id = 1) THROW 50009, 'kept', 1;");
    assert_eq!(bench.fails("DELETE FROM t").number, 50009);
    assert_eq!(bench.value("SELECT COUNT(*) FROM t"), Value::Int(2));
    assert_eq!(bench.fails("SET XACT_ABORT OFF; BEGIN TRAN; INSERT INTO t (id) VALUES (9); DELETE FROM t").number, 50009);
    assert_eq!(bench.value("SELECT @@TRANCOUNT"), Value::Int(0));
    bench.run("CREATE OR ALTER TRIGGER t_kept ON t AFTER DELETE AS ROLLBACK");
    assert_eq!(bench.fails("DELETE FROM t").number, 3609);
    assert_eq!(bench.value("SELECT COUNT(*) FROM t"), Value::Int(2));
}
