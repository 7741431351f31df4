//! The house that is measured: a customer's database, a configuration, and a `sluss serve` in a process of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Method, StatusCode};
use rusqlite::{Connection, params};
use serde_json::json;
use sluss::admin::views::TenantView;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use sluss::model::phase::Phase;
use sluss_s3::free_port;
use tokio::time::{Instant, sleep};

use crate::cpu;
use crate::program;
use crate::sql_server::SqlServer;
use crate::tenant;

/// Two gigabytes that go in take longer than any answer of the admin API.
const PATIENCE: Duration = Duration::from_secs(900);

const START: Duration = Duration::from_secs(30);

const LOOK_EVERY: Duration = Duration::from_millis(20);

const TENANT: &str = "acme";

/// The customer's database as the tenant's file names it: the section `[sql]`, and what the collection says besides.
struct Sql {
    section: String,
    collection: &'static str,
}

impl Sql {
    fn embedded() -> Self {
        Self { section: "[sql]\ndatabase = \"sqlite:../acme.db\"\n".to_owned(), collection: "" }
    }
}

/// Where objects are: the section `[objects]`, and what `[limits]` says for it.
struct Objects<'a> {
    section: &'a str,
    limits: &'a str,
}

/// A folder of the house's own. Every read is one of a store.
const DISK: Objects<'static> = Objects { section: "[objects]\ndisk = \"../objects\"\n", limits: "cache_bytes = 0\n" };

/// A started server with one tenant; it ends, and its folder goes, with this value.
pub struct House {
    folder: tempfile::TempDir,
    server: Child,
    pub documents: HttpClient,
    /// Of the documents.
    pub address: SocketAddr,
    pub admin: HttpClient,
    /// From the start of `sluss init` to its end.
    pub init: Duration,
    /// From the start of `sluss serve` to its first answer.
    pub start: Duration,
}

impl House {
    /// Serves a table of documents with these contents; ids count from 1.
    pub async fn open(contents: impl Iterator<Item = Pattern>) -> anyhow::Result<Self> {
        Self::furnished(|folder| fill(&folder.join("acme.db"), contents), |_| Ok(())).await
    }

    /// `furnish` makes the customer's database `acme.db`, with a table `documents`; `arrange` sees it after `sluss init`. Objects lie in
    /// the folder `objects`, under `acme/`.
    pub async fn furnished(
        furnish: impl FnOnce(&Path) -> anyhow::Result<()>,
        arrange: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        Self::built(&Sql::embedded(), &DISK, furnish, arrange).await
    }

    /// Serves an empty table, with objects where this section `[objects]` says, under these `[limits]`.
    pub async fn with_objects(section: &str, limits: &str) -> anyhow::Result<Self> {
        Self::built(&Sql::embedded(), &Objects { section, limits }, |folder| fill(&folder.join("acme.db"), std::iter::empty()), |_| Ok(()))
            .await
    }

    /// Serves the table `dbo.documents` of a database on SQL Server.
    pub async fn on_sql_server(server: &SqlServer) -> anyhow::Result<Self> {
        let sql = Sql { section: server.section(), collection: "revision = \"rv\"\ncreate = \"insert\"\n" };
        Self::built(&sql, &DISK, |_| Ok(()), |_| Ok(())).await
    }

    async fn built(
        sql: &Sql,
        objects: &Objects<'_>,
        furnish: impl FnOnce(&Path) -> anyhow::Result<()>,
        arrange: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sluss-loadtest-").tempdir().context("make a temporary folder")?;
        let [documents, admin] = [free_port(), free_port()];
        let settings = format!(
            "auth = \"none\"\n[listeners]\ndocuments = \"127.0.0.1:{documents}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [control]\ndatabase = \"sqlite:control.db\"\n[agents]\npoll_max = \"1s\"\n[limits]\n{}",
            objects.limits
        );
        let Sql { section, collection } = sql;
        let tenant = format!(
            "{section}[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\ncontent = \"content\"\n\
             {collection}{}",
            objects.section
        );
        fs::create_dir(folder.path().join("tenants"))?;
        fs::write(folder.path().join("sluss.toml"), settings)?;
        fs::write(folder.path().join("tenants/acme.toml"), tenant)?;
        furnish(folder.path()).context("fill the customer's database")?;
        let command = |subcommand: &str| -> anyhow::Result<Command> {
            let log = File::options().create(true).append(true).open(folder.path().join("sluss.log"))?;
            let mut command = Command::new(program::beside("sluss")?);
            command.arg("--config").arg(folder.path().join("sluss.toml")).arg(subcommand).env("SLUSS_LOG", "warn");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            Ok(command)
        };
        let begun = Instant::now();
        ensure!(command("init")?.status()?.success(), "sluss init failed");
        let init = begun.elapsed();
        arrange(folder.path()).context("arrange what the measurement needs")?;
        let begun = Instant::now();
        let server = command("serve")?.spawn().context("start sluss serve")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, documents));
        let mut house = Self { server, address, documents: client(documents)?, admin: client(admin)?, init, start: Duration::ZERO, folder };
        house.wait_until_served().await?;
        house.start = begun.elapsed();
        Ok(house)
    }

    async fn wait_until_served(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.view().await.is_err() {
            ensure!(begun.elapsed() < START, "sluss serve did not start; its log:\n{}", self.log());
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Flips, and waits until the agents have done what the phase calls for.
    pub async fn flip(&self, to: Phase) -> anyhow::Result<()> {
        let (status, report) = self.admin.json(Method::POST, "/admin/v1/tenants/acme/phase", Some(&json!({ "to": to }))).await?;
        ensure!(status == StatusCode::OK, "the flip to {to} was refused: {report}");
        self.settle().await
    }

    /// Waits until no job is open.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let settled = tenant::wait(LOOK_EVERY, async || Ok(tenant::is_settled(&self.view().await?)?.then_some(())));
        settled.await.with_context(|| format!("the server's log:\n{}", self.log()))
    }

    /// Verifies every document, and waits for the end.
    pub async fn verify(&self) -> anyhow::Result<()> {
        let number = tenant::begin_verification(&self.admin, TENANT).await?;
        let verdict = tenant::verified(&self.admin, TENANT, number, LOOK_EVERY).await?;
        ensure!(verdict.is_clean(), "the verification found something: {verdict}");
        Ok(())
    }

    /// Of the server's process.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::of(&self.server.id().to_string())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn view(&self) -> anyhow::Result<TenantView> {
        tenant::view(&self.admin, TENANT).await
    }

    /// The largest resident set of the server since the last time it was asked for.
    pub fn peak_bytes(&self) -> anyhow::Result<u64> {
        let process = PathBuf::from(format!("/proc/{}", self.server.id()));
        let status = fs::read_to_string(process.join("status")).context("read the server's status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel tells no peak")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        // 5 begins the peak anew (proc(5)); a kernel that refuses it goes on with the old one, which is larger and never smaller.
        let _ = fs::write(process.join("clear_refs"), "5");
        Ok(kibibytes << 10)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("sluss.log")).unwrap_or_default()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, and need not be.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn fill(database: &Path, contents: impl Iterator<Item = Pattern>) -> anyhow::Result<()> {
    let mut connection = Connection::open(database)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.execute_batch("CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB)")?;
    let transaction = connection.transaction()?;
    for pattern in contents {
        transaction.execute("INSERT INTO documents (content) VALUES (?1)", params![&pattern.bytes(0, pattern.length)[..]])?;
    }
    transaction.commit()?;
    Ok(())
}

fn client(port: u16) -> anyhow::Result<HttpClient> {
    Ok(HttpClient::new(format!("http://127.0.0.1:{port}").parse()?, None)?.with_patience(PATIENCE))
}
