//! What is under load: a Sluss that runs somewhere, or one of the run's own, on what was seeded, which can be killed and whose object store
//! can be cut off.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use http::{Method, StatusCode};
use serde_json::json;
use sluss::client::HttpClient;
use sluss::model::phase::Phase;
use sluss_s3::{Bucket, Proxy, Server as StoreServer};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::seed::Manifest;
use crate::server::Server;
use crate::tenant::{self, Verdict};

/// A request that is not answered by then is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often, and how many times, something is asked for that is refused.
const ASK_EVERY: Duration = Duration::from_millis(500);
const ASK_TIMES: u32 = 60;

#[derive(Debug, Args)]
pub struct Wanted {
    /// Starts a Sluss of its own on the folder; without it, --url names one that runs.
    #[arg(long, conflicts_with = "url")]
    own: bool,
    /// With --own, on a folder freshly seeded: objects go to a new bucket on the S3 store that tests/ceph/s3-server runs, through a proxy
    /// that can be cut.
    #[arg(long, requires = "own")]
    s3: bool,
    /// Where documents are served, as http://host:port
    #[arg(long)]
    url: Option<String>,
    /// Its admin API, which flips and verifies; not needed without events.
    #[arg(long, requires = "url")]
    admin_url: Option<String>,
    /// Holds the token to show.
    #[arg(long, requires = "url")]
    token_file: Option<PathBuf>,
}

pub struct Target {
    pub documents: HttpClient,
    admin: Option<HttpClient>,
    own: Option<Mutex<Server>>,
    /// In this order: the bucket goes last.
    proxy: Option<Proxy>,
    _bucket: Option<Bucket>,
}

/// What a plan may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// Flips and verifies.
    pub steers: bool,
    pub kills: bool,
    pub cuts_stores: bool,
}

impl Wanted {
    pub fn abilities(&self) -> Abilities {
        Abilities { steers: self.own || self.admin_url.is_some(), kills: self.own, cuts_stores: self.own && self.s3 }
    }
}

impl Target {
    pub async fn open(wanted: &Wanted, folder: &Path) -> anyhow::Result<Self> {
        match &wanted.url {
            Some(url) => Self::running(wanted, url),
            None => {
                ensure!(wanted.own, "--own or --url is needed");
                Self::own(wanted, folder).await
            }
        }
    }

    fn running(wanted: &Wanted, url: &str) -> anyhow::Result<Self> {
        let token = wanted.token_file.as_ref().map(|file| fs::read_to_string(file).with_context(|| format!("read {}", file.display())));
        let token = token.transpose()?.map(|token| token.trim().to_owned());
        let client = |url: &str| anyhow::Ok(HttpClient::new(url.parse()?, token.as_deref())?.with_patience(PATIENCE));
        let admin = wanted.admin_url.as_deref().map(client).transpose()?;
        Ok(Self { documents: client(url)?, admin, own: None, proxy: None, _bucket: None })
    }

    async fn own(wanted: &Wanted, folder: &Path) -> anyhow::Result<Self> {
        let mut config = folder.join("gateway-config");
        let (mut proxy, mut bucket) = (None, None);
        if wanted.s3 {
            let before = tokio::task::block_in_place(|| Proxy::before(StoreServer::shared()));
            let behind = tokio::task::block_in_place(|| Bucket::new().behind(before.endpoint()));
            config = on_bucket(folder, &config, &behind)?;
            (proxy, bucket) = (Some(before), Some(behind));
        }
        let config = config.join("sluss.toml");
        tokio::task::block_in_place(|| Server::init(&config))?;
        let server = Server::start(&config).await?;
        let documents = HttpClient::new(format!("http://{}", server.documents).parse()?, None)?.with_patience(PATIENCE);
        Ok(Self { documents, admin: Some(server.admin.clone()), own: Some(Mutex::new(server)), proxy, _bucket: bucket })
    }

    fn admin(&self) -> anyhow::Result<&HttpClient> {
        self.admin.as_ref().context("--admin-url is needed for that")
    }

    /// A guard may want what the agents are still at, and a gateway that was killed comes back: it is asked again until then.
    pub async fn flip(&self, tenant: &str, to: Phase) -> anyhow::Result<()> {
        let path = format!("/admin/v1/tenants/{tenant}/phase");
        let admin = self.admin()?;
        let asked = insist(async || {
            let (status, report) = admin.json(Method::POST, &path, Some(&json!({ "to": to }))).await?;
            ensure!(status == StatusCode::OK, "{report}");
            Ok(())
        });
        asked.await.with_context(|| format!("{tenant} does not go to {to}"))
    }

    /// Answers its number.
    pub async fn begin_verification(&self, tenant: &str) -> anyhow::Result<u64> {
        let admin = self.admin()?;
        insist(async || tenant::begin_verification(admin, tenant).await).await
    }

    /// Waits for the end of the verification with this number.
    pub async fn verified(&self, tenant: &str, number: u64) -> anyhow::Result<Verdict> {
        tenant::verified(self.admin()?, tenant, number, ASK_EVERY).await
    }

    /// kill -9 of the gateway and its agents, and a new one after so long.
    pub async fn kill(&self, down: Duration) -> anyhow::Result<()> {
        let mut server = self.own.as_ref().context("only a Sluss of the run's own (--own) can be killed")?.lock().await;
        server.kill()?;
        sleep(down).await;
        server.restart().await
    }

    pub async fn cut_store(&self, down: Duration) -> anyhow::Result<()> {
        let proxy = self.proxy.as_ref().context("only a store behind the run's own proxy (--own --s3) can be cut off")?;
        tokio::task::block_in_place(|| proxy.down());
        sleep(down).await;
        tokio::task::block_in_place(|| proxy.up());
        Ok(())
    }

    /// CPU time and peak memory of a Sluss of the run's own, since it was started last.
    pub async fn used(&self) -> Option<(Duration, u64)> {
        let server = self.own.as_ref()?.lock().await;
        Some((server.cpu().ok()?, server.memory("VmHWM").ok()?))
    }
}

async fn insist<T>(mut ask: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    for _ in 1..ASK_TIMES {
        if let Ok(done) = ask().await {
            return Ok(done);
        }
        sleep(ASK_EVERY).await;
    }
    ask().await
}

/// The configuration again, with each tenant's objects in the bucket.
fn on_bucket(folder: &Path, config: &Path, bucket: &Bucket) -> anyhow::Result<PathBuf> {
    let manifest = Manifest::of(folder)?;
    let with_bucket = folder.join("s3-config");
    fs::create_dir_all(with_bucket.join("tenants"))?;
    fs::copy(config.join("sluss.toml"), with_bucket.join("sluss.toml"))?;
    for tenant in 0..manifest.tenants as usize {
        let (name, file) = (manifest.tenant(tenant), format!("tenants/{}.toml", manifest.tenant(tenant)));
        let text = fs::read_to_string(config.join(&file)).with_context(|| format!("read {file}"))?;
        let (before, _) = text.split_once("[objects]").with_context(|| format!("{file} has no section [objects]"))?;
        fs::write(with_bucket.join(file), format!("{before}{}prefix = \"{name}/\"\n", bucket.objects_section()))?;
    }
    Ok(with_bucket)
}
