//! CREATE, ALTER, DROP, and what the catalogue says about them.

use sluss_tds::value::Value;

use super::{Bench, bytes, text};

#[test]
fn the_catalogue_knows_columns() {
    let mut bench = Bench::with_tables();
    let rows = bench.rows(
        "SELECT c.name, t.name, c.max_length, c.is_nullable, c.is_identity, c.collation_name FROM sys.columns AS c
         JOIN sys.tables AS o ON o.object_id = c.object_id JOIN sys.schemas AS s ON s.schema_id = o.schema_id
         JOIN sys.types AS t ON t.user_type_id = c.user_type_id
         WHERE s.name = N'dbo' AND o.name = N'documents' ORDER BY c.column_id",
    );
    let collation = text("SQL_Latin1_General_CP1_CI_AS");
    let no = Value::Bit(false);
    let yes = Value::Bit(true);
    assert_eq!(rows[0], [text("Id"), text("int"), Value::Int(4), no.clone(), yes.clone(), Value::Null]);
    assert_eq!(rows[1], [text("Name"), text("nvarchar"), Value::Int(400), yes.clone(), no.clone(), collation]);
    assert_eq!(rows[2], [text("Content"), text("varbinary"), Value::Int(-1), yes, no.clone(), Value::Null]);
    assert_eq!(rows[4], [text("rv"), text("timestamp"), Value::Int(8), no.clone(), no, Value::Null]);
    let value = |bench: &mut Bench, expression: &str| bench.value(&format!("SELECT {expression}"));
    assert_ne!(value(&mut bench, "OBJECT_ID(N'[sluss].[State]', 'U')"), Value::Null);
    assert_eq!(value(&mut bench, "OBJECT_ID('sluss.state', 'TR')"), Value::Null);
    assert_eq!(value(&mut bench, "OBJECT_NAME(OBJECT_ID('Documents'))"), text("Documents"));
    assert_eq!(value(&mut bench, "COL_LENGTH('dbo.Documents', 'Name')"), Value::Int(400));
    assert_eq!(value(&mut bench, "COL_LENGTH('dbo.Documents', 'nothing')"), Value::Null);
    assert_eq!(value(&mut bench, "SCHEMA_NAME(SCHEMA_ID('sluss'))"), text("sluss"));
    assert_eq!(value(&mut bench, "TYPE_NAME(56)"), text("int"));
    assert_eq!(value(&mut bench, "CAST(SERVERPROPERTY('EngineEdition') AS int)"), Value::Int(3));
    assert_eq!(value(&mut bench, "HAS_PERMS_BY_NAME(N'dbo.Documents', N'OBJECT', N'SELECT')"), Value::Int(1));
    assert_eq!(
        value(&mut bench, "COUNT(*) FROM sys.fn_my_permissions(NULL, N'DATABASE') WHERE permission_name = N'CREATE TABLE'"),
        Value::Int(1)
    );
    assert_eq!(value(&mut bench, "is_read_committed_snapshot_on FROM sys.databases WHERE name = DB_NAME()"), Value::Bit(true));
}

#[test]
fn the_catalogue_knows_keys_indexes_and_triggers() {
    let mut bench = Bench::with_tables();
    bench.run("CREATE TRIGGER sluss.noticed ON [dbo].[Documents] AFTER INSERT, UPDATE AS SET NOCOUNT ON;");
    let rows = bench.rows(
        "SELECT i.name, i.is_unique, i.is_primary_key, i.has_filter, i.type_desc, c.name, k.key_ordinal, k.is_included_column
         FROM sys.indexes AS i JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id
         JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id
         WHERE i.object_id = OBJECT_ID(N'sluss.job') AND i.name = N'job_due' ORDER BY k.index_column_id",
    );
    assert_eq!(rows.len(), 5);
    let flags = [Value::Bit(false), Value::Bit(false), Value::Bit(true), text("NONCLUSTERED")];
    assert_eq!(rows[0], [&[text("job_due")], &flags[..], &[text("tenant"), Value::Int(1), Value::Bit(false)]].concat());
    assert_eq!(rows[4][5..], [text("owner"), Value::Int(0), Value::Bit(true)]);
    let rows = bench.rows(
        "SELECT t.name, OBJECT_NAME(t.parent_id), t.is_disabled, t.is_instead_of_trigger FROM sys.triggers AS t
         WHERE t.parent_id = OBJECT_ID(N'dbo.Documents')",
    );
    assert_eq!(rows, [[text("noticed"), text("Documents"), Value::Bit(false), Value::Bit(false)]]);
    let rows = bench.rows(
        "SELECT f.delete_referential_action, OBJECT_NAME(f.referenced_object_id) FROM sys.foreign_keys AS f
         WHERE f.parent_object_id = OBJECT_ID(N'sluss.location_documents')",
    );
    assert_eq!(rows, [[Value::Int(1), text("Documents")]]);
}

#[test]
fn tables_change() {
    let mut bench = Bench::with_tables();
    bench.run("INSERT INTO sluss.state (tenant, phase) VALUES ('a', 'sql')");
    bench.run("ALTER TABLE sluss.state ADD note nvarchar(20) NULL, weight int NOT NULL DEFAULT 5, rv rowversion, mark uniqueidentifier NOT NULL DEFAULT NEWID()");
    assert_eq!(bench.rows("SELECT note, weight FROM sluss.state"), [[Value::Null, Value::Int(5)]]);
    let Value::Bytes(version) = bench.value("SELECT rv FROM sluss.state") else { panic!("a version") };
    assert_eq!(version.len(), 8);
    bench.run("UPDATE sluss.state SET weight = 6");
    assert_ne!(bench.value("SELECT rv FROM sluss.state"), bytes(version));
    assert_eq!(bench.fails("ALTER TABLE sluss.state ADD hard int NOT NULL").number, 4901);
    assert_eq!(bench.fails("ALTER TABLE sluss.state ADD note int").number, 2705);
    bench.run("ALTER TABLE sluss.state SET (LOCK_ESCALATION = DISABLE); ALTER TABLE sluss.state DROP COLUMN note");
    assert_eq!(bench.fails("SELECT note FROM sluss.state").number, 207);
    bench.run("CREATE UNIQUE INDEX one ON sluss.state (weight) WITH (DATA_COMPRESSION = PAGE); DROP INDEX one ON sluss.state");
    assert_eq!(bench.fails("DROP INDEX one ON sluss.state").number, 3701);
    bench.run("CREATE TABLE sluss.child (tenant varchar(63) COLLATE Latin1_General_100_BIN2 CONSTRAINT FK_child FOREIGN KEY REFERENCES sluss.state ON DELETE CASCADE)");
    bench.run("INSERT INTO sluss.child VALUES ('a')");
    assert_eq!(bench.fails("DROP TABLE sluss.state").number, 3726);
    bench.run("DELETE FROM sluss.state");
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.child"), Value::Int(0));
    bench.run("DROP TABLE sluss.child; DROP TABLE sluss.state; DROP TABLE IF EXISTS sluss.state; GRANT SELECT ON SCHEMA::sluss TO someone");
    assert_eq!(bench.value("SELECT OBJECT_ID('sluss.state')"), Value::Null);
    assert_eq!(bench.fails("DROP SCHEMA sluss").number, 3729);
    assert_eq!(bench.fails("CREATE TABLE nowhere.t (a int)").number, 2760);
    assert_eq!(bench.fails("CREATE TABLE dbo.Documents (a int)").number, 2714);
    assert_eq!(bench.fails("CREATE SCHEMA sluss").number, 2714);
}

#[test]
fn definitions_are_rolled_back() {
    let mut bench = Bench::with_tables();
    bench.run("SET XACT_ABORT ON; BEGIN TRAN; CREATE TABLE sluss.[more] (a int PRIMARY KEY); INSERT INTO sluss.more VALUES (1); ROLLBACK");
    assert_eq!(bench.fails("SELECT * FROM sluss.more").number, 208);
    bench.run("CREATE TABLE sluss.[more] (a int PRIMARY KEY)");
}
