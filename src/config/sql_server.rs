//! `[sql]` and `[control]` with a `server`: how one database on SQL Server is reached. Every key is named here, and explained in
//! `gateway-config/tenants/initech.toml`. A password never stands in a file of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::secret::{self, SecretSource};
use super::section::Section;
use super::value::{self, Parsed};

/// SQL Server's own port, where nobody says another.
const DEFAULT_PORT: u16 = 1433;

/// What `sysname` holds.
const MAX_NAME_CHARS: usize = 128;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Keys that a section without `server` cannot have.
const OWN_KEYS: [&str; 12] = [
    "user",
    "password",
    "encryption",
    "ca",
    "trust_server_certificate",
    "wait_timeout",
    "connect_timeout",
    "login_timeout",
    "statement_timeout",
    "lock_timeout",
    "idle_timeout",
    "multi_subnet_failover",
];

/// One database on SQL Server, as this process reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlServerConfig {
    /// A host's or a listener's name, or an address.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: SecretSource,
    pub encryption: Encryption,
    pub trust: Trust,
    /// Connections of this process to this database, for each of the two lanes.
    pub connections: usize,
    /// How long a caller waits for a connection to come free.
    pub wait_timeout: Duration,
    pub connect_timeout: Duration,
    pub login_timeout: Duration,
    pub statement_timeout: Duration,
    pub lock_timeout: Duration,
    /// After this long without use a connection is closed.
    pub idle_timeout: Duration,
    /// The name stands for addresses in several networks, of which one answers: all are tried at once.
    pub multi_subnet_failover: bool,
}

/// What of a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// All of it, or there is no connection.
    Required,
    /// The login only, unless the server wants more.
    LoginOnly,
    /// Nothing, unless the server wants more: for a tunnel that encrypts, and for tests.
    Off,
}

/// Whose certificate a server may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// One that an authority known to the operating system has signed.
    System,
    /// One that the authority in this file has signed.
    Authority(PathBuf),
    /// Anyone's: encrypted, but against nobody who sits in between.
    Anyone,
}

/// Whether a section names a database on SQL Server.
pub(super) fn is_meant(section: &Section<'_>) -> bool {
    section.holds("server")
}

/// In a section of a SQLite file: refuses what only SQL Server takes.
pub(super) fn refuse_keys(section: &mut Section<'_>) {
    section.refuse_foreign(&OWN_KEYS, "is for SQL Server, which is named as server, and there is none here");
}

/// `None` only beside a problem.
pub(super) fn read(section: &mut Section<'_>) -> Option<Box<SqlServerConfig>> {
    let file = section.file();
    let server = section.required("server", "name the host, or the listener", server);
    let database = section.required("database", "name the database on the server", database);
    let user = section.required("user", "name the SQL login", |value| name(value, "a login"));
    let password = section.required("password", "write { file = \"...\" } or { env = \"...\" }", |value| secret::source(file, value));
    let encryption = section.optional("encryption", encryption).unwrap_or(Encryption::Required);
    let trust = read_trust(section);
    section.refuse_foreign(&["authentication"], NO_OTHER_LOGIN);
    section.refuse_foreign(&["busy_timeout"], "is for a SQLite file: SQL Server has lock_timeout");
    let connections = section.count("connections", 8, 1..=1024);
    let mut duration = |key, default| section.duration(key, default, 10 * MS..=HOUR);
    let wait_timeout = duration("wait_timeout", 10 * SECOND);
    let connect_timeout = duration("connect_timeout", 5 * SECOND);
    let login_timeout = duration("login_timeout", 10 * SECOND);
    let statement_timeout = duration("statement_timeout", MINUTE);
    let lock_timeout = duration("lock_timeout", 10 * SECOND);
    let idle_timeout = duration("idle_timeout", MINUTE);
    section.ordered(("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout));
    let multi_subnet_failover = section.flag("multi_subnet_failover", false);
    let (host, port) = server?;
    Some(Box::new(SqlServerConfig {
        host,
        port,
        database: database?,
        user: user?,
        password: password?,
        encryption,
        trust,
        connections,
        wait_timeout,
        connect_timeout,
        login_timeout,
        statement_timeout,
        lock_timeout,
        idle_timeout,
        multi_subnet_failover,
    }))
}

/// Why there is one way to log in; `store::mssql` says more.
const NO_OTHER_LOGIN: &str = "is not asked: this version logs in with user and password only. Kerberos and Entra hang on tickets and \
                              tokens that expire, and nothing here could test their renewal";

fn read_trust(section: &mut Section<'_>) -> Trust {
    let file = section.file();
    let authority = section.optional("ca", |value| authority(file, value));
    let anyone = section.flag("trust_server_certificate", false);
    match authority {
        Some(_) if anyone => {
            section.refuse("trust_server_certificate", "takes any certificate, and ca only those of one authority: leave one of them out");
            Trust::System
        }
        Some(authority) => Trust::Authority(authority),
        None if anyone => Trust::Anyone,
        None => Trust::System,
    }
}

/// One of the drivers goes by the ending.
fn authority(file: &Path, value: &DeValue<'_>) -> Parsed<PathBuf> {
    let path = value::path_beside(file, value::text(value)?)?;
    let is_pem = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pem") || ending.eq_ignore_ascii_case("crt"));
    if is_pem { Ok(path) } else { Err("needs a certificate in PEM, in a file ending in .pem or .crt".to_owned()) }
}

fn encryption(value: &DeValue<'_>) -> Parsed<Encryption> {
    match value::text(value)? {
        "required" => Ok(Encryption::Required),
        "login-only" => Ok(Encryption::LoginOnly),
        "off" => Ok(Encryption::Off),
        "strict" => {
            Err("\"strict\" (TDS 8) is not possible: the driver of the lane that reads speaks it, that of the lane that writes does \
                         not; say \"required\", which encrypts everything but the first packet each way"
                .to_owned())
        }
        other => Err(format!("{} is not known: say \"required\", \"login-only\" or \"off\"", value::shown(other))),
    }
}

/// A host's name or address, and a port where one is named.
fn server(value: &DeValue<'_>) -> Parsed<(String, u16)> {
    let text = value::text(value)?;
    let refused = |reason: &str| Err(format!("{} is not a server: {reason}", value::shown(text)));
    if text.contains('\\') {
        return refused("an instance is reached by its port, which \"host:port\" names; nobody is asked for it");
    }
    if text.contains([',', '=', ';', '/']) || text.starts_with("tcp:") {
        return refused("write \"host\" or \"host:port\"");
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, port)) => (address, Some(port.strip_prefix(':').unwrap_or(port))),
        // More than one colon is an address of version 6 as it is.
        None if text.matches(':').count() == 1 => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        None => (text, None),
    };
    let sane = !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    if !sane {
        return refused("a host's name has a-z, 0-9, '-', '.' and '_'");
    }
    match port.map(str::parse::<u16>) {
        None => Ok((host.to_owned(), DEFAULT_PORT)),
        Some(Ok(port)) if port > 0 => Ok((host.to_owned(), port)),
        Some(_) => refused("its port is no number from 1 to 65535"),
    }
}

fn database(value: &DeValue<'_>) -> Parsed<String> {
    if value::text(value)?.starts_with("sqlite:") {
        return Err("is a SQLite file, and with server beside it the name of a database on the server is meant".to_owned());
    }
    name(value, "a database")
}

/// What was written is not repeated: a connection string can stand here, and a password in it.
fn name(value: &DeValue<'_>, what: &str) -> Parsed<String> {
    let text = value::text(value)?;
    let sane = (1..=MAX_NAME_CHARS).contains(&text.encode_utf16().count()) && !text.contains(['\0', ';']);
    if sane { Ok(text.to_owned()) } else { Err(format!("is not the name of {what}: use 1 to {MAX_NAME_CHARS} characters without ';'")) }
}
