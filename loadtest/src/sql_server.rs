//! A database on SQL Server for a measurement: on the test server as a process of its own, so that neither its memory nor its CPU counts,
//! or a new one on the real server that `SLUSS_TEST_MSSQL` names. It goes with this value.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, anyhow};
use sluss_tds::client::{Client, Login};
use sluss_tds::ground::{Ground, REAL};
use tempfile::TempDir;

use crate::program;

/// What a customer's table on SQL Server has that one in SQLite has not: a revision of the server's own.
const TABLE: &str = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)";

const USER: &str = "sluss";
const PASSWORD: &str = "a measurement's own";
const DATABASE: &str = "customer";

/// A database with an empty table `dbo.documents`.
pub struct SqlServer {
    host: Host,
    pub login: Login,
}

enum Host {
    Test(Process),
    Real(Ground),
}

/// The test server, for as long as this is there.
struct Process {
    /// Its standard input stays open here: with it the server would end.
    child: Child,
    folder: TempDir,
}

impl SqlServer {
    pub async fn start() -> anyhow::Result<Self> {
        let server = if is_real() {
            let ground = Ground::new().await;
            Self { login: ground.login().clone(), host: Host::Real(ground) }
        } else {
            Self::on_the_test_server()?
        };
        server.run(TABLE)?;
        Ok(server)
    }

    fn on_the_test_server() -> anyhow::Result<Self> {
        let (process, address) = Process::start()?;
        let login = Login {
            host: address.ip().to_string(),
            port: address.port(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            database: DATABASE.to_owned(),
            encrypted: false,
        };
        Ok(Self { host: Host::Test(process), login })
    }

    /// Runs a statement as the customer would.
    pub fn run(&self, statement: &str) -> anyhow::Result<()> {
        let ran = Client::new(self.login.clone()).run(statement, &[]);
        ran.map(drop).map_err(|words| anyhow!("{statement}: {words}"))
    }

    pub fn password_file(&self) -> PathBuf {
        match &self.host {
            Host::Test(process) => password_file(process.folder.path()),
            Host::Real(ground) => ground.password_file(),
        }
    }

    /// For the heads of tables.
    pub fn description(&self) -> &'static str {
        match self.host {
            Host::Test(_) => "the test server in a process of its own, nothing encrypted",
            Host::Real(_) => "a real server, everything encrypted",
        }
    }

    /// The section `[sql]` of a tenant's file. Two gigabytes become a row's content in one statement, and get the time for it.
    pub fn section(&self) -> String {
        let Login { host, port, user, database, encrypted, .. } = &self.login;
        let password = self.password_file();
        let encryption = if *encrypted { "encryption = \"required\"\ntrust_server_certificate = true" } else { "encryption = \"off\"" };
        format!(
            "[sql]\nserver = \"{host}:{port}\"\ndatabase = \"{database}\"\nuser = \"{user}\"\npassword = {{ file = {password:?} }}\n\
             {encryption}\nstatement_timeout = \"15m\"\n"
        )
    }
}

impl Process {
    fn start() -> anyhow::Result<(Self, SocketAddr)> {
        let folder = tempfile::Builder::new().prefix("sluss-loadtest-").tempdir().context("make a temporary folder")?;
        let password = password_file(folder.path());
        fs::write(&password, PASSWORD).context("write the password")?;
        let child = Command::new(program::beside("sluss-tds")?)
            .args(["--tls", "not-supported"])
            .args(["--login", &format!("{USER}={}", password.display())])
            .args(["--database", &format!("{DATABASE}={}", folder.path().join("customer.db").display())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start sluss-tds")?;
        let mut process = Self { child, folder };
        let output = process.child.stdout.take().context("sluss-tds has no output")?;
        let mut address = String::new();
        BufReader::new(output).read_line(&mut address).context("read the address of sluss-tds")?;
        let address = address.trim().parse().context("sluss-tds did not start")?;
        Ok((process, address))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn password_file(folder: &Path) -> PathBuf {
    folder.join("password")
}

#[expect(clippy::disallowed_methods, reason = "the same variable that tests go by, which have no configuration but their environment")]
fn is_real() -> bool {
    std::env::var(REAL).is_ok()
}
