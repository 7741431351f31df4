//! What only a real SQL Server can show: locks, isolation, rowversions and cascades. The scripts of `tests/tsql` are run by two sessions on a
//! database that `sluss init` has prepared, with READ_COMMITTED_SNAPSHOT off and on. Without a real server they are only read.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use sluss::config::{CollectionConfig, Encryption, SecretSource, SqlServerConfig, Trust};
use sluss::model::id::IdKind;
use sluss::model::phase::Phase;
use sluss::store::mssql::{ConnectionLimit, SqlServer, init};
use sluss::store::settings::{PlacementSettings, TenantSettings};
use sluss_tds::client::{Answer, Client, Found, Pending};
use sluss_tds::ground::{Ground, is_real};

/// The table with a rowversion, and the one that has a trigger of Sluss's instead.
const TABLES: &str = "
CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, title nvarchar(100) NULL, rv rowversion NOT NULL, content varbinary(max) NULL);
CREATE TABLE dbo.plain (id int NOT NULL PRIMARY KEY, title nvarchar(100) NULL, content varbinary(max) NULL);";

/// A statement that has no answer after so long waits for a lock.
const BLOCKED_AFTER: Duration = Duration::from_secs(2);

/// A statement that waits for no lock answers within this time; a deadlock is noticed within it, too.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who speaks.
type Session = char;

/// What has to come of a step.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// Any answer but an error.
    Done,
    /// The rows of the last result set, or an error's number.
    Answer(String),
    /// No answer for now.
    Blocked,
    /// The answer of what was blocked; the step has no statement.
    Comes(String),
}

#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    session: Session,
    expected: Expected,
    statement: String,
}

/// `-- A:`, `-- A expects: x`, `-- A blocked:` and `-- A comes: x`; any other line is none.
fn directive(line: &str) -> Option<(Session, Expected)> {
    let (session, rest) = line.strip_prefix("-- ")?.split_at_checked(1)?;
    let session = session.chars().next().filter(|session| matches!(session, 'A' | 'B'))?;
    let (word, value) = rest.split_once(':')?;
    let value = value.trim().to_owned();
    let expected = match word {
        "" => Expected::Done,
        " expects" => Expected::Answer(value),
        " blocked" => Expected::Blocked,
        " comes" => Expected::Comes(value),
        _ => return None,
    };
    Some((session, expected))
}

fn parse(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        match (directive(line), steps.last_mut()) {
            (Some((session, expected)), _) => steps.push(Step { line: at + 1, session, expected, statement: String::new() }),
            (None, Some(_)) if line.starts_with("--") => {}
            (None, Some(step)) => {
                step.statement.push_str(line);
                step.statement.push('\n');
            }
            // What the script shows stands before its first step.
            (None, None) => assert!(line.is_empty() || line.starts_with("-- "), "line {}: a statement that nobody says", at + 1),
        }
    }
    steps
}

/// What makes a script say less than it seems to.
fn faults(steps: &[Step]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut blocked: BTreeMap<Session, usize> = BTreeMap::new();
    for Step { line, session, expected, statement } in steps {
        let mut fault = |what: &str| faults.push(format!("line {line}: {what}"));
        match expected {
            Expected::Comes(_) if !statement.trim().is_empty() => fault("what comes is the answer of a statement from before"),
            Expected::Comes(_) if blocked.remove(session).is_none() => fault("nothing of this session is blocked"),
            Expected::Comes(value) | Expected::Answer(value) if value.is_empty() => fault("expects what?"),
            Expected::Comes(_) => {}
            _ if statement.trim().is_empty() => fault("has no statement"),
            _ if blocked.contains_key(session) => fault("a session that is blocked says something"),
            Expected::Blocked => drop(blocked.insert(*session, *line)),
            Expected::Done | Expected::Answer(_) => {}
        }
    }
    faults.extend(blocked.into_values().map(|line| format!("line {line}: is blocked for ever")));
    if !steps.iter().any(|step| matches!(step.expected, Expected::Answer(_) | Expected::Comes(_))) {
        faults.push("expects nothing".to_owned());
    }
    faults
}

/// Name and text.
fn scripts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tsql");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap());
    let mut scripts: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "sql")).map(read).collect();
    scripts.sort();
    assert!(!scripts.is_empty(), "the scripts are not where this test looks");
    scripts
}

/// Rows by `;`, cells by `|`.
fn shown(answer: Answer) -> String {
    let cell = |cell: Found| match cell {
        Found::Null => "NULL".to_owned(),
        Found::Integer(integer) => integer.to_string(),
        Found::Text(text) => text,
        Found::Bytes(bytes) => bytes.iter().fold("0x".to_owned(), |mut text, byte| {
            write!(text, "{byte:02X}").unwrap();
            text
        }),
    };
    let row = |row: Vec<Found>| row.into_iter().map(cell).collect::<Vec<_>>().join(" | ");
    match answer {
        Ok(rows) if rows.is_empty() => "nothing".to_owned(),
        Ok(rows) => rows.into_iter().map(row).collect::<Vec<_>>().join("; "),
        Err(words) => format!("error {words}"),
    }
}

/// An error is expected by its number alone.
fn is_as_expected(expected: &str, found: &str) -> bool {
    found == expected || (expected.starts_with("error ") && found.starts_with(&format!("{expected}:")))
}

/// Says a script's steps; the first that comes out otherwise is the result.
fn play(steps: Vec<Step>, sessions: &BTreeMap<Session, Client>) -> Result<(), String> {
    let mut waiting: BTreeMap<Session, Pending> = BTreeMap::new();
    for Step { line, session, expected, statement } in steps {
        let pending = waiting.remove(&session).unwrap_or_else(|| sessions[&session].say(&statement));
        let patience = if expected == Expected::Blocked { BLOCKED_AFTER } else { PATIENCE };
        let found = match pending.within(patience) {
            Ok(answer) => shown(answer),
            Err(pending) if expected == Expected::Blocked => {
                waiting.insert(session, pending);
                continue;
            }
            Err(_) => "no answer".to_owned(),
        };
        let is_right = match &expected {
            Expected::Done => found != "no answer" && !found.starts_with("error "),
            Expected::Blocked => false,
            Expected::Answer(value) | Expected::Comes(value) => is_as_expected(value, &found),
        };
        if !is_right {
            return Err(format!("line {line}: {session} {expected:?}, and it was: {found}"));
        }
    }
    Ok(())
}

/// The two tables as `sluss init` leaves them, in a database of their own.
async fn prepared(snapshot: &str) -> Ground {
    let ground = Ground::new().await;
    ground.client().run(TABLES, &[]).unwrap();
    let login = ground.login();
    let settings = SqlServerConfig {
        host: login.host.clone(),
        port: login.port,
        database: login.database.clone(),
        user: login.user.clone(),
        password: SecretSource::File(ground.password_file()),
        encryption: Encryption::Required,
        trust: Trust::Anyone,
        connections: 1,
        wait_timeout: PATIENCE,
        connect_timeout: PATIENCE,
        login_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        lock_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        multi_subnet_failover: false,
    };
    let plain = |table: &str| CollectionConfig::plain(table.parse().unwrap(), table, "id", IdKind::Integer, "content");
    let documents = CollectionConfig { revision_column: Some("rv".to_owned()), ..plain("documents") };
    let tenant = TenantSettings {
        id: "acme".parse().unwrap(),
        initial_phase: Phase::Sql,
        mirror: false,
        history: true,
        collections: vec![documents, plain("plain")],
        placements: vec![PlacementSettings { name: "local".parse().unwrap(), description: "nowhere".to_owned() }],
    };
    let server = SqlServer::new(&settings, &ConnectionLimit::new(2)).unwrap();
    init(&server, &tenant).await.unwrap();
    server.close().await;
    let snapshot = format!("ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT {snapshot} WITH ROLLBACK IMMEDIATE");
    ground.client().say(&snapshot).within(PATIENCE).map_err(|_| "no answer").unwrap().unwrap();
    ground
}

#[test]
fn every_script_has_steps_and_expects_something() {
    let wrong: Vec<String> =
        scripts().iter().flat_map(|(name, text)| faults(&parse(text)).into_iter().map(move |fault| format!("{name}: {fault}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_script_that_says_nothing_is_noticed() {
    for wrong in ["-- A:\nSELECT 1", "-- A expects:\nSELECT 1", "-- A comes: 1", "-- A blocked:\nSELECT 1\n-- A expects: 1\nSELECT 1"] {
        assert!(!faults(&parse(wrong)).is_empty(), "{wrong}");
    }
    let right = "-- Shows\n-- A blocked:\nSELECT 1\n-- B:\nCOMMIT\n-- A comes: error 1205\n";
    assert_eq!(faults(&parse(right)), Vec::<String>::new());
    assert!(is_as_expected("error 1205", "error 1205: words") && !is_as_expected("error 120", "error 1205: words"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_script_holds_on_a_real_server() {
    if !is_real() {
        // Past the test's own capture: who reads the log has to see it.
        writeln!(std::io::stderr(), "tests/tsql: {} scripts were read and NOT run: SLUSS_TEST_MSSQL is not set", scripts().len()).unwrap();
        return;
    }
    let mut wrong = Vec::new();
    for (name, text) in scripts() {
        for snapshot in ["OFF", "ON"] {
            let ground = prepared(snapshot).await;
            let sessions = ['A', 'B'].map(|session| (session, ground.client())).into_iter().collect();
            let played = play(parse(&text), &sessions);
            wrong.extend(played.err().map(|what| format!("{name}, READ_COMMITTED_SNAPSHOT {snapshot}, {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
