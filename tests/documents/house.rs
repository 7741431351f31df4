//! Two customers with a database each, one folder of objects, and a `sluss` that serves them in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use sluss::app::{self, App, Role, Running};
use sluss::config::Config;
use sluss::demo::pattern::Pattern;
use sluss::model::phase::Phase;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::support::customers::{ACME, Customer, GLOBEX, connect};
use super::wire::{Answer, Ask, ask};

pub const KIB: u64 = 1 << 10;
pub const MIB: u64 = 1 << 20;

/// Agents that find their work at once.
const AGENTS: &str = "poll_min = \"20ms\"\npoll_max = \"200ms\"\n";

/// The tokens of a house with `auth = "tokens"`: its holder's rights and tenants.
const TOKENS: [(&str, &str, &str); 5] = [
    (OPERATOR, "[\"*\"]", "[\"read\", \"write\", \"admin\"]"),
    (ACME_OPERATOR, "[\"acme\"]", "[\"admin\"]"),
    (ACME_TOKEN, "[\"acme\"]", "[\"read\", \"write\"]"),
    (READER_TOKEN, "[\"acme\"]", "[\"read\"]"),
    (GLOBEX_TOKEN, "[\"globex\"]", "[\"read\", \"write\"]"),
];
pub const OPERATOR: &str = "token-of-the-operator";
pub const ACME_OPERATOR: &str = "token-of-acmes-operator";
pub const ACME_TOKEN: &str = "token-of-acme";
pub const READER_TOKEN: &str = "token-of-a-reader";
pub const GLOBEX_TOKEN: &str = "token-of-globex";

/// What a test asks of its house; the rest is as shipped.
pub struct Plan {
    /// Where both tenants begin.
    pub phase: Phase,
    /// Of the tenants' files, before their sections.
    pub keys: &'static str,
    pub limits: &'static str,
    pub agents: &'static str,
    pub tokens: bool,
    /// As shipped; else every read is one of a store, which is what most tests look at.
    pub cache: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { phase: Phase::Sql, keys: "", limits: "", agents: "", tokens: false, cache: false }
    }
}

pub struct House {
    folder: TempDir,
    running: Running,
    pub documents: SocketAddr,
    pub admin: SocketAddr,
    /// For what the house itself asks.
    token: Option<&'static str>,
}

/// A document, and how it was when it was planted.
pub struct Witness {
    pub path: String,
    pub content: Vec<u8>,
    pub etag: String,
    headers: Vec<(String, String)>,
}

impl House {
    pub async fn open(plan: Plan) -> Self {
        Self::of(plan, &ACME).await
    }

    /// With tables of another shape for the first customer.
    pub async fn of(plan: Plan, acme: &Customer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_gateway(folder.path(), &plan);
        for customer in [acme, &GLOBEX] {
            let tenant = customer.tenant;
            let sql = format!("{}[sql]\ndatabase = \"sqlite:../{tenant}.db\"\n{}", plan.keys, customer.collections);
            write_tenant(folder.path(), customer, plan.phase, &format!("{sql}[objects]\ndisk = \"../objects\"\n"));
            connect(&database_file(folder.path(), customer)).execute_batch(customer.create).unwrap();
        }
        Self::start(folder, &plan).await
    }

    /// With the first customer alone, whose database and objects are where these sections of its file say.
    pub async fn alone(folder: TempDir, plan: Plan, sections: &str) -> Self {
        write_gateway(folder.path(), &plan);
        write_tenant(folder.path(), &ACME, plan.phase, sections);
        Self::start(folder, &plan).await
    }

    async fn start(folder: TempDir, plan: &Plan) -> Self {
        let config = Config::load(&folder.path().join("sluss.toml")).unwrap();
        for tenant in &config.tenants {
            app::init(&config, tenant).await.unwrap();
        }
        let running = App::build(config).await.unwrap().start(Role::Serve).await.unwrap();
        let (documents, admin) = (running.documents.unwrap(), running.admin.unwrap());
        Self { folder, running, documents, admin, token: plan.tokens.then_some(OPERATOR) }
    }

    pub async fn in_phase(phase: Phase) -> Self {
        Self::open(Plan { phase, ..Plan::default() }).await
    }

    pub async fn close(self) {
        self.running.stop().await;
    }

    /// Stops serving, and leaves all that it served.
    pub async fn leave(self) -> TempDir {
        self.running.stop().await;
        self.folder
    }

    pub fn database_file(&self, customer: &Customer) -> PathBuf {
        database_file(self.folder.path(), customer)
    }

    pub fn database(&self, customer: &Customer) -> Connection {
        connect(&self.database_file(customer))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// As the process serves it.
    pub fn tenant(&self, customer: &Customer) -> std::sync::Arc<sluss::tenants::Tenant> {
        self.running.tenants().get(&customer.tenant.parse().unwrap()).unwrap()
    }

    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// The files of a customer's objects.
    pub fn object_files(&self, customer: &Customer) -> Vec<PathBuf> {
        let folders = entries(&self.objects().join(customer.tenant));
        folders.iter().filter(|folder| !folder.ends_with(".staging")).flat_map(|folder| entries(folder)).collect()
    }

    pub fn staged_files(&self, customer: &Customer) -> Vec<PathBuf> {
        entries(&self.objects().join(customer.tenant).join(".staging"))
    }

    /// With the house's own token, unless the test brings one.
    pub async fn ask(&self, request: &Ask) -> Answer {
        ask(self.documents, &self.let_in(request)).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(&Ask::get(path)).await
    }

    pub async fn ask_admin(&self, request: &Ask) -> Answer {
        ask(self.admin, &self.let_in(request)).await
    }

    fn let_in(&self, request: &Ask) -> Ask {
        match self.token {
            Some(token) if !request.headers.iter().any(|(name, _)| name == "Authorization") => {
                request.clone().with("Authorization", format!("Bearer {token}"))
            }
            Some(_) | None => request.clone(),
        }
    }

    pub async fn flip(&self, customer: &Customer, to: Phase) {
        let wish = Ask::put(format!("/admin/v1/tenants/{}/phase", customer.tenant), format!("{{\"to\":\"{to}\"}}"));
        let answer = self.ask_admin(&Ask { method: "POST", ..wish }).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", customer.tenant);
    }

    /// Agents rest from now on.
    pub async fn pause(&self, customer: &Customer) {
        let answer = self.ask_admin(&Ask::new("POST", format!("/admin/v1/tenants/{}/pause", customer.tenant))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub async fn sweep(&self, customer: &Customer) {
        let answer = self.ask_admin(&Ask::new("POST", format!("/admin/v1/tenants/{}/sweep", customer.tenant))).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    /// Waits until the agents have nothing left to do.
    pub async fn settle(&self, customer: &Customer) {
        let path = format!("/admin/v1/tenants/{}", customer.tenant);
        wait_until("the backlog is worked off", async || {
            let view: serde_json::Value = serde_json::from_slice(&self.ask_admin(&Ask::get(&path)).await.body).unwrap();
            assert_eq!(view["quarantined"], 0, "{view}");
            view["backlog"] == 0
        })
        .await;
    }

    pub async fn metrics(&self) -> String {
        self.ask_admin(&Ask::get("/metrics")).await.text()
    }

    /// The value of one series, named as Prometheus does; 0 where it is not there.
    pub async fn metric(&self, series: &str) -> f64 {
        let page = self.metrics().await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Writes a document, and keeps how it is then.
    pub async fn plant(&self, path: &str, content: Vec<u8>) -> Witness {
        let written = self.ask(&Ask::put(path, content.clone()).with("Content-Type", "text/plain")).await;
        assert!([201, 204].contains(&written.status), "{written:?}");
        self.witness(path, content).await
    }

    /// Keeps how a document is now.
    pub async fn witness(&self, path: &str, content: Vec<u8>) -> Witness {
        let answer = self.get(path).await;
        assert_eq!((answer.status, &answer.body), (200, &content), "{answer:?}");
        Witness { path: path.to_owned(), content, etag: answer.header("etag").to_owned(), headers: lasting(&answer) }
    }

    pub async fn assert_unchanged(&self, witness: &Witness) {
        let answer = self.get(&witness.path).await;
        assert_eq!((answer.status, lasting(&answer)), (200, witness.headers.clone()), "{answer:?}");
        assert!(answer.body == witness.content && answer.whole, "other bytes: {answer:?}");
    }
}

/// What must not differ between two answers about the same content.
pub fn lasting(answer: &Answer) -> Vec<(String, String)> {
    // A digest is told where it was taken already, which says nothing of the content.
    let passing = ["date", "served-from", "x-request-id", "content-digest", "repr-digest"];
    let headers = answer.headers.iter().filter(|(name, _)| !passing.contains(&name.as_str()));
    headers.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        sleep(Duration::from_millis(30)).await;
    }
}

/// Content that differs at each offset.
pub fn content(seed: u64, length: u64) -> Vec<u8> {
    Pattern { seed, length }.bytes(0, length).to_vec()
}

pub fn document(customer: &Customer, id: &str) -> String {
    format!("/v1/tenants/{}/documents/{id}", customer.tenant)
}

fn database_file(folder: &Path, customer: &Customer) -> PathBuf {
    folder.join(format!("{}.db", customer.tenant))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn write_gateway(folder: &Path, plan: &Plan) {
    let tokens: String = TOKENS.iter().filter(|_| plan.tokens).map(token_block).collect();
    let gateway = format!(
        "auth = \"{}\"\n[listeners]\ndocuments = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[control]\ndatabase = \"sqlite:control.db\"\n\
         [limits]\n{}{}\n[agents]\n{AGENTS}{}\n{tokens}",
        if plan.tokens { "tokens" } else { "none" },
        if plan.cache { "" } else { "cache_bytes = 0\n" },
        plan.limits,
        plan.agents
    );
    std::fs::write(folder.join("sluss.toml"), gateway).unwrap();
    std::fs::create_dir(folder.join("tenants")).unwrap();
}

fn write_tenant(folder: &Path, customer: &Customer, phase: Phase, sections: &str) {
    std::fs::write(folder.join(format!("tenants/{}.toml", customer.tenant)), format!("phase = \"{phase}\"\n{sections}")).unwrap();
}

fn token_block((token, tenants, rights): &(&str, &str, &str)) -> String {
    let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("[[tokens]]\nname = \"{token}\"\nsha256 = \"{hash}\"\ntenants = {tenants}\nrights = {rights}\n")
}
