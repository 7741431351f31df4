//! INSERT, UPDATE, DELETE, their counts, outputs, constraints and row versions.

use sluss_tds::value::{Outcome, Value};

use super::{Bench, bytes, parameters, text};

const JOB: &str = "INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) VALUES ";

#[test]
fn counts_are_answered_unless_they_are_switched_off() {
    let mut bench = Bench::with_tables();
    let outcomes = bench.run(&format!("{JOB} ('a', 'k', N'1', 'ready', 1, 1), ('a', 'k', N'2', 'ready', 1, 1); SELECT @@ROWCOUNT"));
    assert_eq!(outcomes[0], Outcome::Done(2));
    assert!(matches!(&outcomes[1], Outcome::Rows { rows, .. } if rows == &[[Value::Int(2)]]));
    assert_eq!(
        bench.run("UPDATE sluss.job SET priority = 2 WHERE id = 1; DELETE FROM sluss.job WHERE id > 5"),
        [Outcome::Done(1), Outcome::Done(0)]
    );
    assert_eq!(bench.run("SET NOCOUNT ON; UPDATE TOP (1) sluss.job SET priority = 9; DELETE TOP (1) FROM sluss.job"), []);
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.job"), Value::Int(1));
}

#[test]
fn identities_and_defaults() {
    let mut bench = Bench::with_tables();
    let rows = bench.rows(
        "SET NOCOUNT ON; INSERT INTO dbo.Documents (Name, Modified) VALUES (N'a', DEFAULT); SELECT CAST(SCOPE_IDENTITY() AS bigint), @@IDENTITY",
    );
    assert_eq!(rows, [[Value::Int(1), Value::Int(1)]]);
    assert_eq!(
        bench.rows("INSERT INTO dbo.Documents (Name) OUTPUT inserted.Id, inserted.[Name] AS n SELECT N'b'"),
        [[Value::Int(2), text("b")]]
    );
    bench.run("INSERT INTO dbo.Documents DEFAULT VALUES");
    assert_eq!(
        bench.value("SELECT COUNT(*) FROM dbo.Documents WHERE Modified > '2020-01-01' AND Modified < DATEADD(DAY, 1, SYSUTCDATETIME())"),
        Value::Int(3)
    );
    assert_eq!(bench.fails("INSERT INTO dbo.Documents (Id) VALUES (5)").number, 544);
    assert_eq!(bench.fails("INSERT INTO dbo.Documents (rv) VALUES (0x01)").number, 273);
    assert_eq!(bench.fails("INSERT INTO dbo.Documents (Name) VALUES (N'a', N'b')").number, 213);
}

#[test]
fn broken_constraints_have_their_numbers() {
    let mut bench = Bench::with_tables();
    bench.run(&format!("{JOB} ('a', 'k', N'1', 'ready', 1, 1)"));
    bench.run("CREATE UNIQUE NONCLUSTERED INDEX one_owner ON sluss.job (owner) WHERE owner IS NOT NULL; UPDATE sluss.job SET owner = 'me'");
    let again = format!("{JOB} ('A', 'K', N'1 ', 'ready', 1, 1)");
    let other =
        "INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at, owner) VALUES ('a', 'k', N'2', 'ready', 1, 1, 'ME')";
    for (batch, number, said) in [
        (again.as_str(), 2627, "Violation of UNIQUE KEY constraint 'UQ_job'. Cannot insert duplicate key in object 'sluss.job'."),
        (other, 2601, "Cannot insert duplicate key row in object 'sluss.job' with unique index 'one_owner'."),
        ("UPDATE sluss.job SET state = 'odd'", 547, "The UPDATE statement conflicted with the CHECK constraint \"CK_job_state\"."),
        ("UPDATE sluss.job SET owner = REPLICATE('x', 51)", 102, "REPLICATE"),
        ("UPDATE sluss.job SET owner = '123456789012345678901234567890123456789012345678901'", 2628, "column 'owner'"),
        ("UPDATE sluss.job SET due_at = NULL", 515, "Cannot insert the value NULL into column 'due_at', table 'tds.sluss.job'"),
        ("INSERT INTO sluss.location_documents (id, stamp) VALUES (77, 's')", 547, "FOREIGN KEY"),
        ("UPDATE sluss.job SET nothing = 1", 207, "Invalid column name 'nothing'."),
        ("UPDATE sluss.job SET id = 1", 8102, "identity"),
        ("INSERT INTO dbo.Documents (Content) VALUES (N'text')", 257, "Implicit conversion"),
    ] {
        let failure = bench.fails(batch);
        assert_eq!(failure.number, number, "{failure}");
        assert!(failure.message.contains(said), "{failure}");
    }
}

#[test]
fn an_error_takes_back_its_statement_or_its_transaction() {
    let mut bench = Bench::with_tables();
    let two = format!("{JOB} ('a', 'k', N'1', 'ready', 1, 1), ('a', 'k', N'1', 'ready', 1, 1)");
    assert_eq!(bench.fails(&two).number, 2627);
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.job"), Value::Int(0));
    let kept = format!("BEGIN TRAN; {JOB} ('a', 'k', N'9', 'ready', 1, 1); {two}");
    bench.fails(&kept);
    assert_eq!(bench.rows("SELECT @@TRANCOUNT, COUNT(*) FROM sluss.job"), [[Value::Int(1), Value::Int(1)]]);
    bench.run("COMMIT TRANSACTION");
    let lost = format!("SET XACT_ABORT ON; BEGIN TRANSACTION; {JOB} ('a', 'k', N'8', 'ready', 1, 1); {two}");
    bench.fails(&lost);
    assert_eq!(bench.rows("SELECT @@TRANCOUNT, COUNT(*) FROM sluss.job"), [[Value::Int(0), Value::Int(1)]]);
    // In a CATCH block the transaction is still there, and can only be rolled back.
    let doomed = format!("SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY {two}; END TRY BEGIN CATCH SELECT XACT_STATE(); COMMIT; END CATCH");
    let (outcomes, failure) = bench.session.execute(&doomed, &[]);
    assert_eq!((outcomes.len(), failure.expect("an error").number), (1, 3930));
    assert_eq!(bench.value("SELECT @@TRANCOUNT"), Value::Int(0));
}

#[test]
fn outputs_go_to_the_client_or_into_a_table_variable() {
    let mut bench = Bench::with_tables();
    bench.run(&format!("{JOB} ('a', 'k', N'1', 'ready', 1, 1), ('a', 'k', N'2', 'ready', 2, 1), ('a', 'k', N'3', 'dead', 3, 1)"));
    let mut rows = bench.rows("UPDATE sluss.job SET priority += 10 OUTPUT deleted.priority, inserted.priority, deleted.priority + inserted.id WHERE state = 'ready'");
    rows.sort_by_key(|row| format!("{row:?}"));
    assert_eq!(rows, [[Value::Int(1), Value::Int(11), Value::Int(2)], [Value::Int(2), Value::Int(12), Value::Int(4)]]);
    let rows = bench.rows(
        "SET NOCOUNT ON; DECLARE @gone TABLE (id bigint NOT NULL, document nvarchar(450) NOT NULL);
         DELETE FROM sluss.job OUTPUT deleted.id, deleted.document INTO @gone (id, document) WHERE state = 'ready';
         INSERT INTO @gone SELECT 99, N'x';
         SELECT g.document FROM @gone AS g LEFT JOIN sluss.job AS j ON j.id = g.id WHERE j.id IS NULL ORDER BY g.id DESC",
    );
    assert_eq!(rows, [[text("x")], [text("2")], [text("1")]]);
    assert_eq!(bench.rows("DELETE j OUTPUT deleted.* FROM sluss.job AS j WHERE j.id = 3")[0][..2], [Value::Int(3), text("a")]);
    assert_eq!(
        bench.rows("DECLARE @seen int; UPDATE sluss.state SET @seen = 1, epoch = 2; SELECT @seen, @@ROWCOUNT"),
        [[Value::Null, Value::Int(0)]]
    );
    // Two variables of one name in two batches are two.
    bench.run("DECLARE @gone TABLE (a int); INSERT @gone VALUES (1); DELETE @gone");
}

#[test]
fn changes_over_joins_and_ctes() {
    let mut bench = Bench::with_tables();
    bench.run(&format!("{JOB} ('a', 'k', N'1', 'ready', 1, 1), ('a', 'k', N'2', 'ready', 2, 1), ('b', 'k', N'3', 'dead', 3, 1)"));
    bench.run("INSERT INTO sluss.state (tenant, phase, epoch) VALUES ('a', 'dual', 7)");
    bench.run("UPDATE sluss.job SET due_at = s.epoch FROM sluss.state AS s WHERE s.tenant = job.tenant COLLATE Latin1_General_100_BIN2");
    bench.run("UPDATE j SET j.priority = j.priority + s.epoch FROM sluss.job AS j INNER JOIN sluss.state AS s ON s.tenant = j.tenant COLLATE Latin1_General_100_BIN2 WHERE j.document = N'2'");
    assert_eq!(
        bench.rows("SELECT priority, due_at FROM sluss.job ORDER BY id"),
        [[Value::Int(1), Value::Int(7)], [Value::Int(9), Value::Int(7)], [Value::Int(3), Value::Int(1)]]
    );
    bench.run("DELETE x FROM sluss.job AS x WHERE NOT EXISTS (SELECT 1 FROM sluss.state AS s WHERE s.tenant = x.tenant COLLATE Latin1_General_100_BIN2)");
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.job"), Value::Int(2));
    bench.run("WITH a AS (SELECT id, priority FROM sluss.job), b AS (SELECT TOP (1) a.id FROM a ORDER BY a.priority DESC) DELETE FROM b");
    assert_eq!(bench.value("SELECT document FROM sluss.job"), text("1"));
    bench.run("WITH s AS (SELECT 'c' AS tenant UNION ALL SELECT 'd') INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) SELECT s.tenant, 'k', N'1', 'ready', 1, 1 FROM s WHERE NOT EXISTS (SELECT 1 FROM sluss.job AS j WHERE j.tenant = s.tenant)");
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.job"), Value::Int(3));
}

#[test]
fn row_versions_only_rise() {
    let mut bench = Bench::with_tables();
    bench.run("INSERT INTO dbo.Documents (Name) VALUES (N'a'), (N'b'); INSERT INTO sluss.location_documents (id, stamp) VALUES (1, 's')");
    let version = "SELECT CAST(rv AS bigint) FROM dbo.Documents WHERE Id = 1";
    let first = bench.value(version);
    bench.run("UPDATE dbo.Documents SET Name = Name WHERE Id = 1");
    let second = bench.value(version);
    let (Value::Int(a), Value::Int(b)) = (&first, &second) else { panic!("numbers") };
    assert!(b > a, "{a} {b}");
    assert_eq!(bench.value("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS bigint) - CAST(@@DBTS AS bigint)"), Value::Int(1));
    assert_eq!(
        bench.value("SELECT CASE WHEN CAST(@@DBTS AS bigint) = MAX(CAST(rv AS bigint)) THEN 1 ELSE 0 END FROM dbo.Documents"),
        Value::Int(1)
    );
    let found = bench.rows_with(
        "DECLARE @r bigint = @P1; SELECT Id, rv FROM dbo.Documents WHERE rv = CAST(@r AS binary(8))",
        &parameters(std::slice::from_ref(&second)),
    );
    assert_eq!(found, [[Value::Int(1), bytes(b.to_be_bytes())]]);
    let after = bench.rows_with(
        "SELECT TOP (10) Id FROM dbo.Documents WHERE rv > CAST(@P1 AS binary(8)) AND rv < MIN_ACTIVE_ROWVERSION() ORDER BY rv",
        &parameters(&[first]),
    );
    assert_eq!(after, [[Value::Int(2)], [Value::Int(1)]]);
    bench.run("BEGIN TRAN; UPDATE dbo.Documents SET Name = N'x' WHERE Id = 1; ROLLBACK");
    assert_eq!(bench.value(version), second);
    bench.run("UPDATE dbo.Documents SET Name = N'y' WHERE Id = 1");
    let Value::Int(third) = bench.value(version) else { panic!("a number") };
    assert!(third > b + 1, "a version that was rolled back is not given again: {third} {b}");
    assert_eq!(bench.fails("UPDATE dbo.Documents SET rv = 0x01").number, 272);
}

#[test]
fn texts_fit_their_columns() {
    let mut bench = Bench::empty();
    bench.run("CREATE TABLE t (a char(5), b nchar(3), c varchar(4), d binary(4), e nvarchar(2))");
    bench.run("INSERT INTO t VALUES ('ab', N'c', N'Ωx', 0x01, N'ä')");
    assert_eq!(bench.rows("SELECT * FROM t"), [[text("ab   "), text("c  "), text("?x"), bytes([1, 0, 0, 0]), text("ä")]]);
    assert_eq!(bench.value("SELECT COUNT(*) FROM t WHERE a = 'AB' AND b = N'C'"), Value::Int(1));
    assert_eq!(bench.fails("INSERT INTO t (e) VALUES (N'😀😀')").number, 2628);
}
