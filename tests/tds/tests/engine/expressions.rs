//! Values, conversions, comparisons, functions, control flow.

use sluss_tds::value::{Outcome, Type, Value};

use super::{Bench, bytes, parameters, text};

#[track_caller]
fn gives(bench: &mut Bench, expression: &str, expected: &Value) {
    assert_eq!(bench.value(&format!("SELECT {expression}")), *expected, "{expression}");
}

#[test]
fn functions_of_texts() {
    let mut bench = Bench::empty();
    for (expression, expected) in [
        ("LEN(N'abc  ')", Value::Int(3)),
        ("DATALENGTH(N'abc')", Value::Int(6)),
        ("DATALENGTH('abc')", Value::Int(3)),
        ("DATALENGTH(CAST(1 AS bigint))", Value::Int(8)),
        ("SUBSTRING(N'abcdef', 2, 3)", text("bcd")),
        ("SUBSTRING(N'abcdef', 0, 3)", text("ab")),
        ("SUBSTRING(0x00112233, 2, 2)", bytes([0x11, 0x22])),
        ("LEFT('abcdef', 2) + RIGHT('abcdef', 2)", text("abef")),
        ("UPPER(N'äb') + LOWER(N'ÄB')", text("ÄBäb")),
        ("LTRIM(RTRIM('  a ')) + '|'", text("a|")),
        ("CONCAT('a', NULL, 1, N'ö')", text("a1ö")),
        ("'a' + NULL", Value::Null),
        ("CHARINDEX('C', 'abcabc', 4)", Value::Int(6)),
        ("REPLACE('aXbx', 'x', '--')", text("a--b--")),
        ("QUOTENAME('a]b')", text("[a]]b]")),
        ("ISNULL(CAST(NULL AS varchar(2)), 'abc')", text("ab")),
        ("COALESCE(NULL, 2, 3)", Value::Int(2)),
        ("NULLIF('a', 'A')", Value::Null),
        ("IIF(1 = 1, 'yes', 'no')", text("yes")),
        ("CAST('abcdef' AS varchar(3))", text("abc")),
        ("CAST(N'Ωmega' AS varchar(10))", text("?mega")),
        ("ABS(-5)", Value::Int(5)),
        ("7 / 2 * 2 + 7 % 2", Value::Int(7)),
        ("5 & 3 | 8 ^ 1", Value::Int(8)),
    ] {
        gives(&mut bench, expression, &expected);
    }
}

#[test]
fn conversions() {
    let mut bench = Bench::empty();
    let guid = "ab010203-0405-0607-0809-0A0B0C0D0E0F";
    for (expression, expected) in [
        ("CAST('42' AS int) + 1", Value::Int(43)),
        ("TRY_CAST('x' AS int)", Value::Null),
        ("TRY_CONVERT(uniqueidentifier, N'x')", Value::Null),
        ("CAST(0x0102 AS bigint)", Value::Int(258)),
        ("CAST(CAST(258 AS bigint) AS binary(8))", bytes([0, 0, 0, 0, 0, 0, 1, 2])),
        ("CONVERT(varchar(64), 0x0AFF, 2)", text("0AFF")),
        ("CONVERT(varchar(64), 0x0AFF, 1)", text("0x0AFF")),
        ("CONVERT(varbinary(8), '0AFF', 2)", bytes([0x0A, 0xFF])),
        ("CAST(1 AS bit)", Value::Bit(true)),
        ("CAST(N'ab' AS varbinary(10))", bytes([0x61, 0, 0x62, 0])),
        ("CONVERT(nvarchar(30), CAST('20260301 08:09:10.5' AS datetime2(3)), 126)", text("2026-03-01T08:09:10.500")),
        ("CAST(CAST('2026-03-01T08:09:10.1234567' AS datetime2) AS nvarchar(40))", text("2026-03-01 08:09:10.1234567")),
        ("CAST(CAST('2026-03-01T08:09:10.124' AS datetime) AS varchar(40))", text("2026-03-01 08:09:10.123")),
        ("CAST(CAST('2026-03-01T08:09:10' AS date) AS varchar(40))", text("2026-03-01")),
        ("DATEDIFF(SECOND, '2026-03-01T00:00:59.9', '2026-03-01T00:01:00')", Value::Int(1)),
        ("CAST(DATEADD(MONTH, 1, '2026-01-31') AS varchar(10))", text("2026-02-28")),
        ("CAST(1.5 AS float)", Value::Float(1.5)),
        ("CAST('9000000000000' AS decimal(38, 0)) * 2", Value::Int(18_000_000_000_000)),
    ] {
        gives(&mut bench, expression, &expected);
    }
    gives(&mut bench, &format!("CAST(CAST('{guid}' AS uniqueidentifier) AS nvarchar(50))"), &text(&guid.to_uppercase()));
    gives(&mut bench, &format!("CAST(CAST('{guid}' AS uniqueidentifier) AS binary(4))"), &bytes([3, 2, 1, 0xAB]));
    for (expression, number) in [
        ("CAST('x' AS int)", 245),
        ("CAST(3000000000 AS int)", 8115),
        ("2000000000 + 2000000000", 8115),
        ("CAST('x' AS uniqueidentifier)", 8169),
        ("CAST('x' AS datetime2)", 241),
        ("1 / 0", 8134),
        ("DATEADD(MILLISECOND, 3000000000, '1970-01-01')", 8115),
        ("DATEDIFF(MILLISECOND, '1970-01-01', '2026-01-01')", 535),
        ("CAST(1 = 1 AS bit)", 102),
        ("nowhere", 207),
        ("x.nowhere", 4104),
        ("@nothing", 137),
        ("SOMETHING(1)", 102),
    ] {
        assert_eq!(bench.fails(&format!("SELECT {expression}")).number, number, "{expression}");
    }
}

#[test]
fn comparisons_follow_types_and_collations() {
    let mut bench = Bench::empty();
    bench.run(
        "CREATE TABLE t (id uniqueidentifier PRIMARY KEY, ci nvarchar(20), bin varchar(20) COLLATE Latin1_General_100_BIN2, fi varchar(20) COLLATE Finnish_Swedish_CI_AS);
         INSERT INTO t VALUES ('aaaaaaaa-0000-0000-0000-000000000001', N'Ärla', 'a', 'x'), ('00000000-0000-0000-0000-000000000002', N'beta', 'B', 'y')",
    );
    for (condition, expected) in [
        ("ci = N'äRLA  '", 1),
        ("bin = 'A'", 0),
        ("bin = 'a  '", 1),
        ("bin = 'A' COLLATE SQL_Latin1_General_CP1_CI_AS", 1),
        ("id = 'AAAAAAAA-0000-0000-0000-000000000001'", 1),
        ("id = N'aaaaaaaa-0000-0000-0000-000000000001'", 1),
        ("ci IN (N'BETA', N'x')", 1),
        ("ci LIKE N'BE%' OR ci LIKE N'[^b]r_a'", 2),
        ("ci NOT LIKE '%!%' ESCAPE '!'", 2),
        ("ci BETWEEN N'a' AND N'c'", 1),
        ("NOT (ci IS NULL) AND ci IS NOT NULL", 2),
        ("EXISTS (SELECT 1 FROM t AS u WHERE u.id <> t.id AND u.bin > t.bin)", 1),
        ("id NOT IN (SELECT id FROM t WHERE bin = 'a')", 1),
    ] {
        gives(&mut bench, &format!("COUNT(*) FROM t WHERE {condition}"), &Value::Int(expected));
    }
    assert_eq!(bench.fails("SELECT 1 FROM t WHERE bin = fi").number, 468);
    // A cast does not take an explicit collation away.
    let twice = "CAST(bin COLLATE Finnish_Swedish_CI_AS AS nvarchar(20))";
    assert_eq!(bench.fails(&format!("SELECT 1 FROM t WHERE {twice} = fi COLLATE Latin1_General_100_BIN2")).number, 468);
    assert_eq!(bench.fails(&format!("SELECT {twice} COLLATE Latin1_General_100_BIN2 FROM t")).number, 102);
    assert_eq!(bench.fails("SELECT 1 FROM t WHERE id = 'short'").number, 8169);
    assert_eq!(bench.fails("SELECT 1 FROM t WHERE ci").number, 4145);
    // GUIDs are ordered by their last group first.
    gives(&mut bench, "TOP (1) bin FROM t ORDER BY id", &text("a"));
    gives(&mut bench, "MAX(bin) FROM t", &text("a"));
    gives(&mut bench, "MAX(ci) FROM t WHERE ci < N'c'", &text("beta"));
}

#[test]
fn branches_loops_and_errors() {
    let mut bench = Bench::empty();
    let rows = bench.rows(
        "/* a comment /* in one */ */ SET NOCOUNT, XACT_ABORT ON; SET IMPLICIT_TRANSACTIONS, NUMERIC_ROUNDABORT OFF; -- and another
         DECLARE @n int = 0, @text nvarchar(3) = N'abcdef';
         WHILE @n < 10 BEGIN SET @n += 1; IF @n = 3 CONTINUE; IF @n = 7 BREAK; END
         IF @n = 7 SET @text = @text + N'x' ELSE IF @n = 8 SET @text = NULL; ELSE BEGIN SET @text = N'no'; END
         SELECT @n AS n, @text AS [text]",
    );
    assert_eq!(rows, [[Value::Int(7), text("abc")]]);
    let rows = bench.rows(
        "BEGIN TRY
           BEGIN TRAN; THROW 50123, 'mine', 1;
         END TRY
         BEGIN CATCH
           IF @@TRANCOUNT > 0 ROLLBACK;
           SELECT ERROR_NUMBER(), ERROR_MESSAGE(), @@TRANCOUNT, XACT_STATE();
         END CATCH;",
    );
    assert_eq!(rows, [[Value::Int(50123), text("mine"), Value::Int(0), Value::Int(0)]]);
    let failure = bench.fails("BEGIN TRY SELECT 1 / 0; END TRY BEGIN CATCH THROW; END CATCH");
    assert_eq!(failure.number, 8134);
    let failure = bench.fails("IF 1 = 1 RAISERROR('raised', 16, 1)");
    assert_eq!((failure.number, failure.message.as_str(), failure.severity), (50000, "raised", 16));
    assert_eq!(bench.run("IF 1 = 2 SELECT 1; RETURN; SELECT 2"), []);
    assert_eq!(bench.fails("COMMIT").number, 3902);
    assert_eq!(bench.fails("ROLLBACK").number, 3903);
}

#[test]
fn what_is_not_understood_is_refused_with_its_text() {
    let mut bench = Bench::with_tables();
    for batch in [
        "MERGE INTO sluss.job AS t USING x ON 1 = 1",
        "SELECT 1; SELECT * FROM OPENROWSET('x')",
        "SELECT STUFF('a', 1, 1, 'b')",
        "SELECT TOP (10) PERCENT * FROM sluss.job",
        "EXEC sp_who",
        "SELECT * FROM sluss.job AS j CROSS APPLY (SELECT 1 AS a) AS x",
        "DECLARE @x xml",
        "SELECT key FROM sluss.job",
    ] {
        let failure = bench.fails(batch);
        assert!(matches!(failure.number, 102 | 156), "{failure}");
        let said = batch.rsplit("; ").next().expect("a statement");
        assert!(failure.message.contains(said), "{failure} for {said}");
    }
    assert_eq!(bench.fails("SELECT 1 WITH x AS (SELECT 1 AS a) SELECT * FROM x").number, 319);
    assert_eq!(bench.fails("SELECT 1; CREATE TRIGGER a ON sluss.job AFTER INSERT AS SELECT 1").number, 111);
    // Nothing runs of a batch with a mistake in its end.
    bench.fails("INSERT INTO sluss.state (tenant, phase) VALUES ('a', 'sql'); SELEC 1");
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.state"), Value::Int(0));
}

#[test]
fn queries() {
    let mut bench = Bench::with_tables();
    bench.run(
        "INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) VALUES ('a', 'copy', N'1', 'ready', 3, 1),
         ('a', 'copy', N'2', 'dead', 2, 2), ('b', 'sweep', N'3', 'ready', 1, 3)",
    );
    let rows = bench
        .rows("SELECT j.tenant, n = COUNT(*), SUM(priority) total FROM sluss.job j GROUP BY j.tenant HAVING COUNT_BIG(*) > 1 ORDER BY n");
    assert_eq!(rows, [[text("a"), Value::Int(2), Value::Int(5)]]);
    let rows = bench.rows("SELECT id FROM sluss.job ORDER BY id DESC OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY");
    assert_eq!(rows, [[Value::Int(2)]]);
    let rows = bench.rows(
        "WITH numbered AS (SELECT id, ROW_NUMBER() OVER (PARTITION BY tenant ORDER BY due_at DESC) AS n FROM sluss.job)
         SELECT x.id, v.name FROM numbered AS x JOIN (VALUES (1, 'one'), (2, N'two')) AS v (n, name) ON v.n = x.n WHERE x.n = 1 ORDER BY 1",
    );
    assert_eq!(rows, [[Value::Int(2), text("one")], [Value::Int(3), text("one")]]);
    let rows =
        bench.rows("SELECT 'x' AS a, 1 AS b UNION ALL SELECT N'y', 2 UNION ALL SELECT TOP (1) kind, id FROM sluss.job ORDER BY b DESC, a");
    assert_eq!(rows, [[text("y"), Value::Int(2)], [text("copy"), Value::Int(1)], [text("x"), Value::Int(1)]]);
    assert_eq!(bench.rows("SELECT DISTINCT TOP (5) kind FROM sluss.job WHERE kind <> 'COPY'"), [[text("sweep")]]);
    assert_eq!(bench.rows("SELECT TOP 2 id FROM sluss.job ORDER BY NEWID()").len(), 2);
    assert_eq!(
        bench.rows("SELECT (SELECT MAX(k.id) FROM sluss.job AS k WHERE k.tenant = j.tenant) FROM sluss.job AS j WHERE j.id = 1"),
        [[Value::Int(2)]]
    );
    assert_eq!(bench.fails("SELECT x.a FROM (SELECT COUNT(*) FROM sluss.job) AS x").number, 8155);
    assert_eq!(bench.fails("SELECT * FROM sluss.nothing").message, "Invalid object name 'sluss.nothing'.");
    assert_eq!(bench.fails("SELECT id FROM sluss.job AS a CROSS JOIN sluss.job AS b").number, 209);
    let rows = bench.rows("DECLARE @last bigint = 9; SELECT @last = id FROM sluss.job WHERE id = 77; SELECT @last, @@ROWCOUNT");
    assert_eq!(rows, [[Value::Int(9), Value::Int(0)]]);
    let rows = bench.rows("DECLARE @last bigint; SELECT @last = id FROM sluss.job ORDER BY id; SELECT @last, @@ROWCOUNT");
    assert_eq!(rows, [[Value::Int(3), Value::Int(3)]]);
}

#[test]
fn parameters_and_texts_to_run() {
    let mut bench = Bench::with_tables();
    let given = parameters(&[text("acme"), Value::Int(7)]);
    let outcomes =
        bench.run_with("EXEC sp_executesql N'SELECT @who AS who, @n + 1', N'@who nvarchar(20), @n int', @who = @P1, @n = @p2", &given);
    let [Outcome::Rows { columns, rows }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((&columns[0].kind, rows[0].as_slice()), (&Type::NVarChar(Some(20)), &[text("acme"), Value::Int(8)][..]));
    bench.run(
        "DECLARE @name sysname = N'other'; DECLARE @sql nvarchar(max) = N'CREATE SCHEMA ' + QUOTENAME(@name); EXEC sp_executesql @sql",
    );
    bench.run("IF SCHEMA_ID(N'other') IS NULL EXEC(N'CREATE SCHEMA other'); ");
    assert_eq!(bench.value("SELECT name FROM sys.schemas WHERE schema_id = SCHEMA_ID('OTHER')"), text("other"));
    bench.run("EXEC sp_set_session_context N'writer', N'sluss'");
    assert_eq!(bench.value("SELECT CAST(SESSION_CONTEXT(N'writer') AS nvarchar(20))"), text("sluss"));
    assert_eq!(bench.value("SELECT CASE WHEN @@SPID > 50 AND DB_NAME() = N'tds' THEN 1 ELSE 0 END"), Value::Int(1));
}
