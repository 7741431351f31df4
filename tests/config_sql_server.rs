//! What a tenant and the gateway say about SQL Server, and what is refused with a hint.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::fs;
use std::time::Duration;

use sluss::config::{Config, ConfigProblems, ControlConfig, CreateRule, Encryption, SecretSource, SqlConfig, SqlServerConfig, Trust};

const MAIN: &str = "auth = \"none\"\n[control]\ndatabase = \"sqlite:../control.db\"\n";

const TENANT: &str = r#"[sql]
server = "sql.example"
database = "Acme"
user = "sluss"
password = { file = "acme.password" }

[collections.documents]
table = "Documents"
id = "Id"
id_type = "integer"
content = "Content"

[objects]
disk = "objects"
"#;

fn load(main: &str, tenant: &str) -> Result<Config, ConfigProblems> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tenants")).unwrap();
    fs::write(folder.path().join("sluss.toml"), main).unwrap();
    fs::write(folder.path().join("tenants/acme.toml"), tenant).unwrap();
    Config::load(&folder.path().join("sluss.toml"))
}

/// Key and reason of each problem.
fn problems(main: &str, tenant: &str) -> Vec<String> {
    let Err(problems) = load(main, tenant) else { return Vec::new() };
    problems.as_slice().iter().map(|problem| format!("{}: {}", problem.key, problem.reason)).collect()
}

/// What is wrong once this line of a sound tenant reads otherwise.
fn problems_with(line: &str, instead: &str) -> Vec<String> {
    assert!(TENANT.contains(line), "{line}");
    problems(MAIN, &TENANT.replacen(line, instead, 1))
}

fn problems_with_more(lines: &str) -> Vec<String> {
    problems_with("user = \"sluss\"", &format!("user = \"sluss\"\n{lines}"))
}

#[track_caller]
fn assert_single(found: &[String], expected: &str) {
    assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:#?}");
}

fn server_of(tenant: &str) -> SqlServerConfig {
    match load(MAIN, tenant).unwrap_or_else(|problems| panic!("{problems}")).tenants.remove(0).sql {
        SqlConfig::SqlServer(server) => *server,
        SqlConfig::Sqlite(sqlite) => panic!("{sqlite:?}"),
    }
}

#[test]
fn the_least_that_names_a_database_has_safe_defaults() {
    let server = server_of(TENANT);
    assert_eq!((server.host.as_str(), server.port), ("sql.example", 1433));
    assert_eq!((server.database.as_str(), server.user.as_str()), ("Acme", "sluss"));
    assert_eq!((server.encryption, server.trust, server.multi_subnet_failover), (Encryption::Required, Trust::System, false));
    assert!(matches!(server.password, SecretSource::File(path) if path.ends_with("tenants/acme.password")));
    assert!(server.lock_timeout < server.statement_timeout);
    let collection = load(MAIN, TENANT).unwrap().tenants.remove(0).collections.remove(0);
    assert_eq!((collection.create, collection.foreign_key), (CreateRule::Existing, true));
    assert_eq!((collection.schema, collection.revision_column), (None, None));
    assert_eq!(load(MAIN, TENANT).unwrap().limits.sql_connections, 200);
}

#[test]
fn every_setting_arrives() {
    let lines = "encryption = \"login-only\"\nca = \"ca.pem\"\nconnections = 3\nwait_timeout = \"1s\"\nconnect_timeout = \"2s\"\n\
                 login_timeout = \"3s\"\nstatement_timeout = \"40s\"\nlock_timeout = \"5s\"\nidle_timeout = \"6s\"\nmulti_subnet_failover = true";
    let server = server_of(&TENANT.replace("user = \"sluss\"", &format!("user = \"sluss\"\n{lines}")));
    let seconds = [server.wait_timeout, server.connect_timeout, server.login_timeout, server.lock_timeout, server.idle_timeout];
    assert_eq!(seconds, [1, 2, 3, 5, 6].map(Duration::from_secs));
    assert_eq!((server.statement_timeout, server.connections), (Duration::from_secs(40), 3));
    assert_eq!((server.encryption, server.multi_subnet_failover), (Encryption::LoginOnly, true));
    assert!(matches!(server.trust, Trust::Authority(file) if file.ends_with("tenants/ca.pem")));
    let table = "table = \"Documents\"\nschema = \"dms]\"\nrevision = \"RowVersion\"\nforeign_key = false\ncreate = \"insert\"";
    let collection = load(MAIN, &TENANT.replace("table = \"Documents\"", table)).unwrap().tenants.remove(0).collections.remove(0);
    assert_eq!((collection.schema.as_deref(), collection.revision_column.as_deref()), (Some("dms]"), Some("RowVersion")));
    assert_eq!((collection.create, collection.foreign_key), (CreateRule::Insert, false));
}

#[test]
fn a_server_is_a_host_and_a_port() {
    for (text, host, port) in [
        ("db", "db", 1433),
        ("db.example:1500", "db.example", 1500),
        ("10.0.0.1", "10.0.0.1", 1433),
        ("[::1]:1444", "::1", 1444),
        ("::1", "::1", 1433),
    ] {
        let server = server_of(&TENANT.replace("sql.example", text));
        assert_eq!((server.host.as_str(), server.port), (host, port), "{text}");
    }
    for (text, expected) in [
        ("db,1433", "write \"host\" or \"host:port\""),
        ("tcp:db", "write \"host\" or \"host:port\""),
        ("Server=db;Password=hush", "write \"host\" or \"host:port\""),
        ("db\\\\SQLEXPRESS", "an instance is reached by its port"),
        ("db:", "its port is no number"),
        ("db:0", "its port is no number"),
        ("db:99999", "its port is no number"),
        ("", "a host's name has"),
        ("d b", "a host's name has"),
    ] {
        assert_single(&problems_with("sql.example", text), expected);
    }
}

#[test]
fn a_password_never_stands_in_the_file_and_is_never_repeated() {
    for written in ["\"hush-hush\"", "{ text = \"hush-hush\" }", "{ file = \"a\", env = \"b\" }", "{}", "[\"hush-hush\"]"] {
        let found = problems_with("{ file = \"acme.password\" }", written);
        assert_single(&found, "never stands in the configuration: write { file = \"...\" } or { env = \"...\" }");
        assert!(!found[0].contains("hush"), "{found:?}");
    }
    assert_single(&problems_with("user = \"sluss\"", "user = \"sluss;Password=hush\""), "sql.user: is not the name of a login");
    assert_single(
        &problems_with("{ file = \"acme.password\" }", "{ env = \"SLUSS_NO_SUCH_VARIABLE\" }"),
        "there is no environment variable",
    );
    // Every process has this one, and nobody's password is in it.
    let server = server_of(&TENANT.replace("{ file = \"acme.password\" }", "{ env = \"CARGO_MANIFEST_DIR\" }"));
    let held = env!("CARGO_MANIFEST_DIR");
    assert!(matches!(&server.password, SecretSource::Environment { value, .. } if value.reveal() == held));
    assert!(!format!("{server:?}").contains(held), "{server:?}");
}

#[test]
fn what_no_lane_or_only_one_can_do_is_refused_with_the_reason() {
    assert_single(&problems_with_more("encryption = \"strict\""), "that of the lane that writes does not");
    assert_single(&problems_with_more("encryption = \"yes\""), "say \"required\", \"login-only\" or \"off\"");
    for method in ["kerberos", "entra", "sql"] {
        assert_single(&problems_with_more(&format!("authentication = \"{method}\"")), "logs in with user and password only");
    }
    assert_single(&problems_with_more("ca = \"a.pem\"\ntrust_server_certificate = true"), "leave one of them out");
    assert_single(&problems_with_more("ca = \"ca.der\""), "in a file ending in .pem or .crt");
    assert_single(&problems_with_more("lock_timeout = \"2m\""), "sql.lock_timeout: 2m is above statement_timeout = 1m");
    assert_single(&problems_with_more("conections = 1"), "did you mean \"connections\"?");
}

#[test]
fn the_two_kinds_of_databases_do_not_mix() {
    assert_single(&problems_with("\"Acme\"", "\"sqlite:acme.db\""), "sql.database: is a SQLite file");
    assert_single(&problems_with_more("busy_timeout = \"1s\""), "sql.busy_timeout: is for a SQLite file");
    let sqlite = |lines: &str| {
        let head = TENANT.find("\n[collections").unwrap();
        problems(MAIN, &format!("[sql]\ndatabase = \"sqlite:acme.db\"\n{lines}\n{}", &TENANT[head..]))
    };
    assert_eq!(sqlite(""), Vec::<String>::new());
    assert_single(&sqlite("user = \"sluss\""), "sql.user: is for SQL Server, which is named as server");
    assert_single(&sqlite("encryption = \"required\""), "sql.encryption: is for SQL Server");
    let tables = TENANT.replace(
        "server = \"sql.example\"\ndatabase = \"Acme\"\nuser = \"sluss\"\npassword = { file = \"acme.password\" }",
        "database = \"sqlite:acme.db\"",
    );
    for key in ["schema = \"dbo\"", "revision = \"rv\"", "foreign_key = true"] {
        let found = problems(MAIN, &tables.replace("id = \"Id\"", &format!("id = \"Id\"\n{key}")));
        assert_single(&found, "is for a table on SQL Server");
    }
    assert_single(&problems(MAIN, &tables.replace("\"Documents\"", "'a\"b'")), "is not an SQL name");
}

#[test]
fn a_name_is_whatever_stands_in_brackets() {
    let named = |name: &str| problems_with("\"Documents\"", &format!("{name:?}"));
    for good in ["a\"b", "a]b", "[a]", "Dokümente", "a'; DROP TABLE x --", &"x".repeat(128)] {
        assert_eq!(named(good), Vec::<String>::new(), "{good}");
    }
    for bad in ["", "a\0b", &"x".repeat(129), &"\u{1F4E6}".repeat(65)] {
        assert_single(&problems_with("\"Documents\"", &format!("\"{}\"", bad.replace('\0', "\\u0000"))), "is not an SQL name");
    }
}

#[test]
fn tables_are_told_apart_by_their_schema() {
    let second =
        "\n[collections.more]\nschema = \"other\"\ntable = \"documents\"\nid = \"Id\"\nid_type = \"text\"\ncontent = \"C\"\n\n[objects]";
    assert_eq!(problems_with("\n[objects]", second), Vec::<String>::new());
    assert_single(&problems_with("\n[objects]", &second.replace("other", "DBO")), "is the table of acme/documents, too");
}

#[test]
fn the_control_database_can_be_on_sql_server_too() {
    let control = "auth = \"none\"\n[control]\nserver = \"db:1500\"\ndatabase = \"Sluss\"\nuser = \"sluss\"\npassword = { file = \"p\" }\n";
    let config = load(control, TENANT).unwrap_or_else(|problems| panic!("{problems}"));
    let ControlConfig::SqlServer(server) = config.control else { panic!("{:?}", config.control) };
    assert_eq!((server.host.as_str(), server.port, server.database.as_str()), ("db", 1500, "Sluss"));
    assert_single(&problems(&control.replace("database = \"Sluss\"\n", ""), TENANT), "control.database: is missing: name the database");
    assert_single(&problems(&format!("{MAIN}user = \"sluss\""), TENANT), "control.user: is for SQL Server");
    assert_single(&problems(&format!("{MAIN}[limits]\nsql_connections = 1"), TENANT), "1 is below the minimum of 2");
}
