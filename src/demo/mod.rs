//! `sluss demo`: the whole product in one process on embedded stores in a temporary folder, under traffic that knows what it wrote.

mod bucket;
mod compare;
pub mod ledger;
pub mod pattern;
mod seed;
mod show;
mod steer;
pub mod traffic;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::bucket::DemoBucket;
use self::show::Show;
use self::traffic::Traffic;
use crate::app::{self, App, Role};
use crate::client::HttpClient;
use crate::config::Config;
use crate::stop::stop_signal;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Stops after this long and compares every document; without it, runs until it is stopped.
    #[arg(long)]
    seconds: Option<u64>,
    /// Keeps everything in this folder, which must be empty or missing; else a temporary one is used and removed.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<std::path::PathBuf>,
    /// Keeps objects in a bucket of its own on the S3 store that AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY name; it is removed at the end.
    #[arg(long)]
    s3: bool,
    /// Where documents are served; another port is taken if this one is in use.
    #[arg(long, default_value = "127.0.0.1:8080")]
    documents: SocketAddr,
    /// Where operators are served; another port is taken if this one is in use.
    #[arg(long, default_value = "127.0.0.1:8081")]
    admin: SocketAddr,
}

/// True when every document was as it should be.
pub async fn run(args: DemoArgs, json: bool) -> anyhow::Result<bool> {
    let temporary = tempfile::Builder::new().prefix("sluss-demo-").tempdir().context("make a temporary folder")?;
    let folder = args.folder.as_deref().unwrap_or(temporary.path());
    let bucket = match args.s3 {
        true => Some(DemoBucket::create().await.context("make a bucket for the demo")?),
        false => None,
    };
    let objects = bucket.as_ref().map_or_else(|| "disk = \"../objects\"\n".to_owned(), DemoBucket::keys);
    let passed = show(&args, json, folder, objects).await;
    match bucket {
        // Who keeps the folder keeps what its databases name.
        Some(bucket) if args.folder.is_none() => {
            let removed = bucket.remove().await.context("remove the demo's bucket");
            passed.and_then(|passed| removed.map(|()| passed))
        }
        Some(_) | None => passed,
    }
}

async fn show(args: &DemoArgs, json: bool, folder: &Path, objects: String) -> anyhow::Result<bool> {
    let tenants = seed::plant(folder, free(args.documents).await?, free(args.admin).await?, objects).await?;
    let config = Config::load(&folder.join("sluss.toml")).context("the demo's own configuration")?;
    for tenant in &config.tenants {
        app::init(&config, tenant).await?;
    }
    let running = App::build(config).await?.start(Role::Serve).await?;
    let (documents, admin) = (address(running.documents)?, address(running.admin)?);
    let show = Arc::new(Show::new(json));
    show.welcome(folder, documents, admin);

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let client = |address: SocketAddr| HttpClient::new(format!("http://{address}").parse()?, None).context("the demo's own address");
    let traffic = Traffic::new(vec![client(documents)?], tenants);
    traffic.start(&stop, &tasks);
    tasks.spawn(steer::walk(client(admin)?, Arc::clone(&traffic), Arc::clone(&show), args.seconds.map(Duration::from_secs), stop.clone()));
    wait(args.seconds, &stop).await?;
    stop.cancel();
    tasks.close();
    tasks.wait().await;

    let summary = compare::every_document(&running, &traffic).await?;
    running.stop().await;
    show.summary(&summary);
    Ok(summary.passed())
}

async fn wait(seconds: Option<u64>, stop: &CancellationToken) -> anyhow::Result<()> {
    let end = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => Ok(()),
        () = stop.cancelled() => Ok(()),
        stopped = stop_signal() => stopped.map(|_| ()).context("listen for signals"),
    }
}

/// The address itself, or the same host with a port that is free.
async fn free(address: SocketAddr) -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(address).await {
        Ok(_) => Ok(address),
        Err(_) => Ok(TcpListener::bind((address.ip(), 0)).await.context("find a free port")?.local_addr()?),
    }
}

fn address(bound: Option<SocketAddr>) -> anyhow::Result<SocketAddr> {
    bound.context("the demo serves on both listeners")
}

/// Where a tenant's database lies in the demo's folder.
fn database(folder: &Path, tenant: &str) -> std::path::PathBuf {
    folder.join(format!("{tenant}.db"))
}
