//! The existing API, Sluss before it, and the operator who moves its tenant's documents.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluss::app::{self, App, Role, Running};
use sluss::client::HttpClient;
use sluss::config::Config;
use sluss::demo::pattern::Pattern;
use sluss::model::phase::Phase;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::existing::Existing;
use super::support::customers::{ACME, connect};

/// The table of an existing API whose documents answer as it does itself.
pub const ROUTES: &str = r#"
[upstream.check]
method = "GET"
path = "/api/v2/{tenant}/session"
[[routes]]
operation = "read"
template = "/api/v2/{tenant}/projects/*/files/{id}/content"
auth = "upstream"
missing = "upstream"
response_headers = [
    "Date: {date}",
    "Server: Gamla/2.1",
    "Content-Type: {media_type}",
    "Content-Length: {length}",
    "Content-Range: {content_range}",
    "Last-Modified: {last_modified}",
    "X-File-Name: {file_name}",
    "X-iD: {id}",
]
[[routes]]
operation = "write"
template = "/api/v2/{tenant}/projects/*/files/{id}/content"
auth = "upstream"
media_type_header = "X-File-Type"
file_name_header = "X-File-Name"
status = 200
response_headers = ["Date: {date}", "Server: Gamla/2.1", "X-iD: {id}", "Content-Length: 0"]
[[routes]]
operation = "delete"
template = "/api/v2/{tenant}/projects/*/files/{id}/content"
auth = "upstream"
missing = "upstream"
response_headers = ["Date: {date}", "Server: Gamla/2.1"]
"#;

pub struct Stage {
    pub existing: Existing,
    pub documents: SocketAddr,
    admin: HttpClient,
    running: Running,
    folder: TempDir,
}

/// Three documents, one of them empty and one of several portions.
pub fn plant(file: &Path) {
    let database = connect(file);
    database.execute_batch(ACME.create).unwrap();
    for (id, media_type, name, length) in
        [("1", "application/pdf", "Avtal å.pdf", 70_000), ("2", "text/plain", "tom.txt", 0), ("3", "image/png", "bild.png", 3_000_000)]
    {
        ACME.insert(&database, id, media_type, name, Some(Pattern { seed: length + 7, length }));
    }
}

impl Stage {
    pub async fn open(upstream: &str, rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        plant(&folder.path().join("acme.db"));
        let existing = Existing::start(&folder.path().join("acme.db"));
        Self::before(folder, existing.address, existing, upstream, rest).await
    }

    /// Sluss before what listens at this address.
    pub async fn before(folder: TempDir, address: SocketAddr, existing: Existing, upstream: &str, rest: &str) -> Self {
        let url = if upstream.contains("url =") { String::new() } else { format!("url = \"http://{address}\"\n") };
        let auth = if rest.contains("[[tokens]]") { "tokens" } else { "none" };
        let main = format!(
            "auth = \"{auth}\"\nown_api = true\n[listeners]\ndocuments = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[control]\ndatabase = \"sqlite:control.db\"\n\
             [agents]\npoll_min = \"20ms\"\npoll_max = \"200ms\"\n[upstream]\n{url}{upstream}\n{rest}"
        );
        let tenant = format!(
            "oldest_sql_backup = \"0s\"\n[sql]\ndatabase = \"sqlite:../acme.db\"\n{}[objects]\ndisk = \"../objects\"\n",
            ACME.collections
        );
        std::fs::write(folder.path().join("sluss.toml"), main).unwrap();
        std::fs::create_dir(folder.path().join("tenants")).unwrap();
        std::fs::write(folder.path().join("tenants/acme.toml"), tenant).unwrap();
        let config = Config::load(&folder.path().join("sluss.toml")).unwrap_or_else(|problems| panic!("{problems}"));
        app::init(&config, &config.tenants[0]).await.unwrap();
        let running = App::build(config).await.unwrap().start(Role::Serve).await.unwrap();
        let admin = HttpClient::new(format!("http://{}", running.admin.unwrap()).parse().unwrap(), None).unwrap();
        Self { existing, documents: running.documents.unwrap(), admin, running, folder }
    }

    pub async fn close(self) {
        self.running.stop().await;
    }

    pub fn database(&self) -> std::path::PathBuf {
        self.folder.path().join("acme.db")
    }

    /// The value of one series; 0 where it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.running.metrics().render();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().unwrap())
    }

    async fn ask(&self, method: Method, what: &str, wish: Option<Value>) -> Value {
        let path = format!("/admin/v1/tenants/acme{what}");
        let (_, value) = self.admin.json(method, &path, wish.as_ref()).await.unwrap();
        value
    }

    /// Until every guard lets it through, and everything is copied that the phase asks for.
    pub async fn go_to(&self, phase: Phase) {
        if phase == Phase::Sealed {
            let begun = self.ask(Method::POST, "/verify", Some(json!({}))).await;
            self.until("the verification has ended", async || {
                let seen = self.ask(Method::GET, "/verification", None).await;
                let ended = seen["runs"].as_array().unwrap().iter().all(|run| run["number"].as_u64() >= begun["number"].as_u64());
                seen["progress"].is_null() && ended
            })
            .await;
        }
        self.until("the guards let it through", async || {
            let report = self.ask(Method::POST, "/phase", Some(json!({ "to": phase }))).await;
            ["flipped", "already_there"].contains(&report["outcome"].as_str().unwrap_or_default())
        })
        .await;
        self.ask(Method::POST, "/sweep", None).await;
        self.until("all is copied", async || self.ask(Method::GET, "", None).await["backlog"] == 0).await;
    }

    /// Takes what objects hold out of SQL.
    pub async fn purge(&self) {
        for dry_run in [true, false] {
            self.ask(Method::POST, "/purge", Some(json!({ "dry_run": dry_run }))).await;
            self.until("the purge has ended", async || {
                let seen = self.ask(Method::GET, "/purge", None).await;
                seen["runs"].as_array().unwrap().iter().any(|run| run["dry_run"] == dry_run && !run["ended_at"].is_null())
            })
            .await;
        }
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}
