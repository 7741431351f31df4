//! A database for one test: on the test server of this crate, or, where `SLUSS_TEST_MSSQL` names one, a new one on a real SQL Server, which goes
//! when the test ends. The same test runs on both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::client::{Client, Login};
use crate::engine::Database;
use crate::faults::Faults;
use crate::server::{Options, Server};
use crate::wire::Encryption;

/// The variable that names a real server: `mssql://user:password@host:port/database`, whose login may create databases.
pub const REAL: &str = "SLUSS_TEST_MSSQL";

/// A database, and who may use it.
pub struct Ground {
    login: Login,
    /// The server of this crate, where it is one.
    server: Option<Server>,
    /// Where a real server's database was made from.
    administrator: Option<Client>,
    folder: TempDir,
}

impl Ground {
    /// # Panics
    ///
    /// Where there is no database to be had: a test cannot go on without it.
    pub async fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let mut ground = match real() {
            Some(login) => Self::on_a_real_server(login, folder),
            None => Self::on_the_test_server(folder, Encryption::NotSupported).await,
        };
        ground.write_password();
        ground
    }

    async fn on_the_test_server(folder: TempDir, encryption: Encryption) -> Self {
        let database = Database::open(&folder.path().join("customer.db"));
        let (user, password) = ("sluss".to_owned(), "a test's own".to_owned());
        let options = Options {
            logins: BTreeMap::from([(user.clone(), password.clone())]),
            databases: BTreeMap::from([("customer".to_owned(), Arc::new(move || database.session()) as crate::server::Factory)]),
            encryption,
            ..Options::default()
        };
        let server = Server::start(options).await.expect("the test server starts");
        let address = server.address();
        let login = Login {
            host: address.ip().to_string(),
            port: address.port(),
            user,
            password,
            database: "customer".to_owned(),
            encrypted: false,
        };
        Self { login, server: Some(server), administrator: None, folder }
    }

    fn on_a_real_server(login: Login, folder: TempDir) -> Self {
        let administrator = Client::new(login.clone());
        let stem = folder.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let database = format!("sluss_test_{}", stem.trim_matches('.'));
        administrator.run(&format!("CREATE DATABASE [{database}]"), &[]).expect("the test's login may create databases");
        Self { login: Login { database, ..login }, server: None, administrator: Some(administrator), folder }
    }

    fn write_password(&mut self) {
        std::fs::write(self.password_file(), &self.login.password).expect("the test's folder can be written");
    }

    pub fn login(&self) -> &Login {
        &self.login
    }

    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `[sql]` of a tenant's file, and what stands in it.
    pub fn sql_section(&self) -> String {
        let Login { host, port, user, database, encrypted, .. } = &self.login;
        let encryption = if *encrypted { "encryption = \"required\"\ntrust_server_certificate = true" } else { "encryption = \"off\"" };
        let password = self.password_file();
        format!(
            "[sql]\nserver = \"{host}:{port}\"\ndatabase = \"{database}\"\nuser = \"{user}\"\npassword = {{ file = {password:?} }}\n{encryption}\n"
        )
    }

    /// A connection of the customer's own.
    pub fn client(&self) -> Client {
        Client::new(self.login.clone())
    }

    /// `None` on a real server, which fails when it likes.
    pub fn faults(&self) -> Option<Faults> {
        self.server.as_ref().map(Server::faults)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Some(administrator) = &self.administrator {
            let database = &self.login.database;
            let drop = format!("ALTER DATABASE [{database}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE; DROP DATABASE [{database}]");
            if let Err(words) = administrator.run(&drop, &[]) {
                eprintln!("the database {database} is left behind: {words}");
            }
        }
    }
}

/// Whether the environment names a real server.
pub fn is_real() -> bool {
    real().is_some()
}

/// The real server that the environment names.
fn real() -> Option<Login> {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
    let address = std::env::var(REAL).ok()?;
    let parsed = parse(&address);
    assert!(parsed.is_some(), "{REAL} is not of the form mssql://user:password@host:port/database");
    parsed
}

fn parse(address: &str) -> Option<Login> {
    let (login, place) = address.strip_prefix("mssql://")?.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let (host, database) = place.split_once('/')?;
    let (host, port) = host.rsplit_once(':')?;
    let [user, password, host, database] = [user, password, host, database].map(str::to_owned);
    Some(Login { host, port: port.parse().ok()?, user, password, database, encrypted: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_login_and_place() {
        let login = parse("mssql://sa:p@ss:word@db.example:1433/master").unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("sa", "p@ss:word"));
        assert_eq!((login.host.as_str(), login.port, login.database.as_str()), ("db.example", 1433, "master"));
        assert!(parse("sa:secret@db/master").is_none());
    }
}
