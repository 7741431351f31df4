//! The statements of the kinds that the adapter sends.

use sluss_tds::value::{Outcome, Type, Value};

use super::{Bench, bytes, parameters, text};

const GUID: [u8; 16] = [0xAB, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const READ: &str = "DECLARE @tenant varchar(63) = @P1, @id int = @P2, @inline bigint = @P3;
SELECT s.phase, s.epoch, CAST(s.read_only AS bit), CAST(d.[Id] AS nvarchar(200)),
  CAST(CASE WHEN d.[Id] IS NULL THEN 0 ELSE 1 END AS bit), DATALENGTH(d.[Content]),
  CASE WHEN DATALENGTH(d.[Content]) <= @inline THEN d.[Content] END, CAST(d.rv AS bigint), DATEDIFF_BIG(MILLISECOND, '1970-01-01', d.[Modified]),
  l.stamp, l.sha256, CAST(l.revision AS bigint), CAST(l.rv AS bigint)
FROM sluss.[state] AS s WITH (REPEATABLEREAD)
LEFT JOIN [dbo].[Documents] AS d WITH (REPEATABLEREAD) ON d.[Id] = @id
LEFT JOIN sluss.[location_documents] AS l WITH (REPEATABLEREAD) ON l.id = d.[Id]
WHERE s.tenant = @tenant OPTION (FORCE ORDER);";

#[test]
fn a_row_with_its_state_and_its_location() {
    let mut bench = Bench::with_tables();
    bench.run(
        "INSERT INTO sluss.state (tenant, phase, epoch) VALUES ('acme', 'dual', 3);
         INSERT INTO dbo.Documents (Name, Content, Modified) VALUES (N'plan', 0x0102, '2026-03-01T08:00:00.123');
         INSERT INTO sluss.location_documents (id, object, stamp, revision) VALUES (1, 'o', 's1', CAST(CAST(7 AS bigint) AS binary(8)));",
    );
    let outcomes = bench.run_with(READ, &parameters(&[text("acme"), Value::Int(1), Value::Int(100)]));
    let [Outcome::Rows { columns, rows }] = &outcomes[..] else { panic!("{outcomes:?}") };
    let kinds: Vec<&Type> = columns.iter().map(|column| &column.kind).collect();
    assert_eq!(
        kinds[..7],
        [
            &Type::VarChar(Some(10)),
            &Type::BigInt,
            &Type::Bit,
            &Type::NVarChar(Some(200)),
            &Type::Bit,
            &Type::BigInt,
            &Type::VarBinary(None)
        ]
    );
    assert_eq!(columns[0].name, "phase");
    assert_eq!(columns[2].name, "");
    let expected = [
        text("dual"),
        Value::Int(3),
        Value::Bit(false),
        text("1"),
        Value::Bit(true),
        Value::Int(2),
        bytes([1, 2]),
        Value::Int(2001),
        Value::Int(1_772_352_000_123),
        text("s1"),
        Value::Null,
        Value::Int(7),
        Value::Int(2002),
    ];
    assert_eq!(rows[..], [expected]);
    let rows = bench.rows_with(READ, &parameters(&[text("acme"), Value::Int(2), Value::Int(1)]));
    assert_eq!(rows[0][3..9], [Value::Null, Value::Bit(false), Value::Null, Value::Null, Value::Null, Value::Null]);
    assert!(bench.rows_with(READ, &parameters(&[text("Acme"), Value::Int(1), Value::Int(1)])).is_empty());
}

const COMMIT: &str = "SET NOCOUNT ON; SET XACT_ABORT ON;
DECLARE @tenant varchar(63) = @P1, @id int = @P2, @revision bigint = @P3, @now bigint = ISNULL(@P4, DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()));
DECLARE @found bigint, @located bigint;
BEGIN TRAN;
SELECT @found = CAST(d.rv AS bigint) FROM [dbo].[Documents] AS d WITH (UPDLOCK, ROWLOCK) WHERE d.[Id] = @id;
SELECT @located = CAST(l.rv AS bigint) FROM sluss.[location_documents] AS l WITH (UPDLOCK, ROWLOCK) WHERE l.id = @id;
IF ISNULL(@found, 0) <> @revision BEGIN ROLLBACK; SELECT 'raced' AS outcome; RETURN; END;
DELETE FROM sluss.[location_documents] WHERE id = @id;
UPDATE d SET d.[Content] = g.bytes, d.[Modified] = DATEADD(MILLISECOND, @now % 86400000, DATEADD(DAY, @now / 86400000, CAST('1970-01-01' AS datetime2(3)))) FROM [dbo].[Documents] AS d JOIN sluss.staging AS g ON g.attempt = @P5 WHERE d.[Id] = @id;
IF @@ROWCOUNT <> 1 THROW 50001, 'a statement touched other than one row', 1;
UPDATE sluss.job WITH (UPDLOCK, SERIALIZABLE) SET priority = CASE WHEN priority < 20 THEN 20 ELSE priority END WHERE tenant = @tenant AND kind = 'copy' AND document = N'x';
IF @@ROWCOUNT = 0 INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) VALUES (@tenant, 'copy', N'x', 'ready', 20, @now);
COMMIT;
SELECT 'done' AS outcome, @found AS revision;";

#[test]
fn a_guarded_change_of_a_document() {
    let mut bench = Bench::with_tables();
    let staged = bytes(b"staged".to_vec());
    bench.run_with("INSERT INTO sluss.staging VALUES (@P1, @P2)", &parameters(&[Value::Guid(GUID), staged.clone()]));
    bench.run(
        "INSERT INTO dbo.Documents (Name) VALUES (N'plan');
         INSERT INTO sluss.location_documents (id, stamp) VALUES (1, 's1');",
    );
    let revision = bench.value("SELECT CAST(rv AS bigint) FROM dbo.Documents");
    let all = |revision: &Value, attempt: [u8; 16]| {
        parameters(&[text("acme"), Value::Int(1), revision.clone(), Value::Int(1_772_352_000_123), Value::Guid(attempt)])
    };
    assert_eq!(bench.rows_with(COMMIT, &all(&Value::Int(1), GUID)), [[text("raced")]]);
    let (outcomes, failure) = bench.session.execute(COMMIT, &all(&revision, [0; 16]));
    assert_eq!((outcomes.len(), failure.expect("an error").number), (0, 50001));
    // XACT_ABORT has taken everything back.
    assert_eq!(bench.value("SELECT COUNT(*) FROM sluss.location_documents"), Value::Int(1));
    assert_eq!(bench.rows_with(COMMIT, &all(&revision, GUID)), [[text("done"), revision.clone()]]);
    let after = "SELECT Content, DATEDIFF_BIG(MILLISECOND, '1970-01-01', Modified), CAST(rv AS bigint) FROM dbo.Documents";
    let rows = bench.rows(after);
    assert_eq!(rows[0][..2], [staged, Value::Int(1_772_352_000_123)]);
    assert_ne!(rows[0][2], revision);
    bench.run("UPDATE sluss.job SET priority = 5");
    assert_eq!(bench.rows_with(COMMIT, &all(&rows[0][2], GUID)).len(), 1);
    assert_eq!(bench.rows("SELECT kind, priority, due_at FROM sluss.job"), [[text("copy"), Value::Int(20), Value::Int(1_772_352_000_123)]]);
}

#[test]
fn a_job_is_claimed_through_a_cte() {
    let mut bench = Bench::with_tables();
    bench.run(
        "INSERT INTO sluss.job (tenant, kind, document, state, priority, due_at) VALUES ('acme', 'copy', N'a', 'ready', 10, 5),
         ('acme', 'copy', N'b', 'ready', 20, 7), ('acme', 'copy', N'c', 'ready', 20, 6), ('other', 'copy', N'd', 'ready', 99, 1)",
    );
    let claim = "DECLARE @tenant varchar(63) = @P1, @now bigint = @P2, @owner varchar(50) = @P3, @until bigint = @P4;
        WITH due AS (SELECT TOP (1) j.* FROM sluss.job AS j WITH (UPDLOCK, READPAST, ROWLOCK) WHERE j.tenant = @tenant AND j.state = 'ready' AND j.due_at <= @now ORDER BY j.priority DESC, j.due_at)
        UPDATE due SET state = 'leased', owner = @owner, due_at = @until OUTPUT inserted.id, inserted.kind, deleted.state, inserted.due_at;";
    let given = parameters(&[text("acme"), Value::Int(100), text("me"), Value::Int(200)]);
    let mut claimed = Vec::new();
    for _ in 0..4 {
        claimed.extend(bench.rows_with(claim, &given));
    }
    let row = |id| vec![Value::Int(id), text("copy"), text("ready"), Value::Int(200)];
    assert_eq!(claimed, [row(3), row(2), row(1)]);
}

#[test]
fn a_trigger_keeps_what_is_deleted() {
    let mut bench = Bench::with_tables();
    bench.run(
        "CREATE OR ALTER TRIGGER sluss.[location_documents_retired] ON sluss.[location_documents] AFTER DELETE AS
         BEGIN SET NOCOUNT ON;
         INSERT INTO sluss.version (tenant, document, object, stamp, held_to) SELECT 'acme', CAST(d.id AS nvarchar(450)), d.object, d.stamp, DATEDIFF_BIG(MILLISECOND, '1970-01-01', SYSUTCDATETIME()) FROM deleted AS d;
         END",
    );
    bench.run(
        "INSERT INTO dbo.Documents (Name) VALUES (N'a'), (N'b'), (N'c');
         INSERT INTO sluss.location_documents (id, object, stamp) VALUES (1, 'o1', 's1'), (2, 'o2', 's2'), (3, 'o3', 's3');
         DELETE FROM sluss.location_documents WHERE id = 1;",
    );
    // The second one goes with its document.
    bench.run("DELETE FROM dbo.Documents WHERE Id = 2");
    let rows = bench.rows("SELECT document, object, stamp FROM sluss.version ORDER BY document");
    assert_eq!(rows, [[text("1"), text("o1"), text("s1")], [text("2"), text("o2"), text("s2")]]);
    let Value::Int(held) = bench.value("SELECT MIN(held_to) FROM sluss.version") else { panic!("a time") };
    assert!(held > 1_700_000_000_000, "{held}");
}
