//! What the console's events cost: a server with many tenants and many transfers in flight, its CPU time while nobody listens, and while
//! one and several streams of events are read. The difference, as a share of one core, is what the streams cost.
//!
//! The transfers are uploads that trickle, so that every one of them is news in every event; each that ends is followed by another, so that
//! tenants' figures change, too. Agents rest: their work would hide what is measured.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use http::header::HeaderMap;
use http::{Method, StatusCode};
use rusqlite::Connection;
use sluss::admin::events::TransferList;
use sluss::body;
use sluss::client::HttpClient;
use sluss_s3::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::cpu;
use crate::program;

/// Streams that are read at once, in turns.
const STREAMS: [usize; 3] = [0, 1, 5];

/// Of each upload: as much as takes little memory, and half a minute.
const UPLOAD_BYTES: usize = 60 << 10;
const PIECE_BYTES: usize = 2 << 10;
const PIECE_EVERY: Duration = Duration::from_secs(1);

/// Making and opening a database for each tenant takes its time.
const START: Duration = Duration::from_secs(180);

/// What one stream may take of a core.
const TARGET: f64 = 0.05;

pub struct Plan {
    pub tenants: usize,
    pub transfers: usize,
    /// How long each number of streams is measured, in each round.
    pub lasts: Duration,
    pub rounds: u32,
    /// Where the bytes of a stream are kept.
    pub record: Option<PathBuf>,
}

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    program::allow_open_files((plan.transfers + 8 * plan.tenants) as u64 + 1000)?;
    let fleet = Fleet::start(plan.tenants).await?;
    let mut uploads = JoinSet::new();
    for number in 0..plan.transfers {
        let (address, tenant, plan_size) = (fleet.documents, number % plan.tenants, plan.transfers);
        uploads.spawn(async move {
            // Spread over the time that a piece takes.
            sleep(PIECE_EVERY.mul_f64(number as f64 / plan_size as f64)).await;
            upload_for_ever(address, tenant, number).await
        });
    }
    fleet.wait_for(plan.transfers, &mut uploads).await?;
    println!("{} tenants, {} transfers in flight, {:?} each\n", plan.tenants, plan.transfers, plan.lasts);
    println!("{:>7} {:>12} {:>12} {:>14}", "streams", "cpu, core", "more", "KB/s a stream");
    let mut figures = [(0.0, 0.0); STREAMS.len()];
    for _ in 0..plan.rounds {
        for (figure, streams) in figures.iter_mut().zip(STREAMS) {
            let (share, rate) = fleet.measure(streams, plan.lasts).await?;
            figure.0 += share / f64::from(plan.rounds);
            figure.1 += rate / f64::from(plan.rounds);
        }
    }
    let [(alone, _), (with_one, _), ..] = figures;
    for (streams, (share, rate)) in STREAMS.into_iter().zip(figures) {
        println!("{streams:>7} {:>11.2}% {:>11.2}% {:>14.1}", 100.0 * share, 100.0 * (share - alone), rate / 1000.0);
    }
    println!("\none stream takes {:.2} % of a core more than none, target less than {:.0} %", 100.0 * (with_one - alone), 100.0 * TARGET);
    if let Some(file) = &plan.record {
        let bytes = fleet.record(file, plan.lasts).await?;
        println!("{bytes} bytes of one stream, over {:?}, are in {}", plan.lasts, file.display());
    }
    ensure!(uploads.try_join_next().is_none(), "an upload has ended");
    Ok(())
}

/// A started server with as many tenants; it ends, and its folder goes, with this value.
struct Fleet {
    _folder: tempfile::TempDir,
    server: Child,
    documents: SocketAddr,
    admin: HttpClient,
}

impl Fleet {
    async fn start(tenants: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sluss-loadtest-").tempdir().context("make a temporary folder")?;
        let [documents, admin] = [free_port(), free_port()];
        let settings = format!(
            "auth = \"none\"\n[listeners]\ndocuments = \"127.0.0.1:{documents}\"\nadmin = \"127.0.0.1:{admin}\"\n\
             [control]\ndatabase = \"sqlite:control.db\"\n[agents]\nin_serve = false\n\
             [limits]\nbuffer_bytes = \"1GiB\"\nconcurrent_requests = 20000\nmin_rate = 256\n"
        );
        fs::create_dir(folder.path().join("tenants"))?;
        fs::write(folder.path().join("sluss.toml"), settings)?;
        for number in 0..tenants {
            let name = name(number);
            let tenant = format!(
                "[sql]\ndatabase = \"sqlite:../{name}.db\"\n[collections.documents]\ntable = \"documents\"\nid = \"id\"\n\
                 id_type = \"integer\"\ncontent = \"content\"\n[objects]\ndisk = \"../objects\"\n"
            );
            fs::write(folder.path().join(format!("tenants/{name}.toml")), tenant)?;
            let database = Connection::open(folder.path().join(format!("{name}.db")))?;
            database.pragma_update(None, "journal_mode", "WAL")?;
            database.execute_batch("CREATE TABLE documents (id INTEGER PRIMARY KEY, content BLOB)")?;
        }
        let command = |subcommand: &str| -> anyhow::Result<Command> {
            let log = File::options().create(true).append(true).open(folder.path().join("sluss.log"))?;
            let mut command = Command::new(program::beside("sluss")?);
            command.arg("--config").arg(folder.path().join("sluss.toml")).arg(subcommand).env("SLUSS_LOG", "warn");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
            Ok(command)
        };
        let log = folder.path().join("sluss.log");
        let said = || fs::read_to_string(&log).unwrap_or_default();
        ensure!(command("init")?.status()?.success(), "sluss init failed; its log:\n{}", said());
        let server = command("serve")?.spawn().context("start sluss serve")?;
        let admin = HttpClient::new(format!("http://127.0.0.1:{admin}").parse()?, None)?;
        let documents = SocketAddr::from((Ipv4Addr::LOCALHOST, documents));
        let fleet = Self { _folder: folder, server, documents, admin };
        let begun = Instant::now();
        while fleet.transfers().await.is_err() {
            ensure!(begun.elapsed() < START, "sluss serve did not start; its log:\n{}", said());
            sleep(Duration::from_millis(100)).await;
        }
        Ok(fleet)
    }

    async fn transfers(&self) -> anyhow::Result<usize> {
        let (status, list) = self.admin.json(Method::GET, "/admin/v1/transfers", None).await?;
        ensure!(status == StatusCode::OK, "the list of transfers was refused: {list}");
        Ok(serde_json::from_value::<TransferList>(list)?.transfers.len())
    }

    /// Until so many are in flight, but for those that are between two.
    async fn wait_for(&self, transfers: usize, uploads: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.transfers().await? < transfers * 19 / 20 {
            if let Some(ended) = uploads.try_join_next() {
                ended??;
            }
            ensure!(begun.elapsed() < START, "there are only {} transfers in flight", self.transfers().await?);
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// The share of a core, and bytes a second of each stream.
    async fn measure(&self, streams: usize, lasts: Duration) -> anyhow::Result<(f64, f64)> {
        let bytes = Arc::new(AtomicU64::new(0));
        let mut reading = JoinSet::new();
        for _ in 0..streams {
            let (admin, bytes) = (self.admin.clone(), Arc::clone(&bytes));
            reading.spawn(async move {
                let count = |piece: &[u8]| {
                    bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                };
                read(&admin, count).await
            });
        }
        // What a stream begins with is not what it costs.
        sleep(Duration::from_secs(2)).await;
        let server = self.server.id().to_string();
        let (begun, before, bytes_before) = (Instant::now(), cpu::of(&server)?, bytes.load(Ordering::Relaxed));
        sleep(lasts).await;
        let (took, used) = (begun.elapsed().as_secs_f64(), cpu::of(&server)? - before);
        let read = bytes.load(Ordering::Relaxed) - bytes_before;
        if let Some(ended) = reading.try_join_next() {
            ended??;
        }
        Ok((used.as_secs_f64() / took, read as f64 / took / streams.max(1) as f64))
    }

    async fn record(&self, file: &PathBuf, lasts: Duration) -> anyhow::Result<u64> {
        let (mut kept, mut bytes) = (File::create(file).with_context(|| format!("make {}", file.display()))?, 0);
        let mut failed = Ok(());
        let reading = read(&self.admin, |piece| {
            bytes += piece.len() as u64;
            failed = std::mem::replace(&mut failed, Ok(())).and_then(|()| kept.write_all(piece));
        });
        if let Ok(ended) = tokio::time::timeout(lasts, reading).await {
            ended?;
        }
        failed.context("keep the stream")?;
        Ok(bytes)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, and need not be.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn name(number: usize) -> String {
    format!("tenant-{number:04}")
}

/// A stream that ends is an error: nobody has asked it to.
async fn read(admin: &HttpClient, mut take: impl FnMut(&[u8])) -> anyhow::Result<()> {
    let mut answer = admin.request(Method::GET, "/admin/v1/events", HeaderMap::new(), body::empty()).await?;
    ensure!(answer.status == StatusCode::OK, "the stream of events was answered {}", answer.status);
    while let Some(piece) = answer.piece().await? {
        take(&piece);
    }
    anyhow::bail!("the stream of events has ended")
}

/// One document again and again, a piece a second.
async fn upload_for_ever(address: SocketAddr, tenant: usize, document: usize) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let path = format!("/v1/tenants/{}/documents/{document}", name(tenant));
    let head = format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n");
    let piece = vec![7; PIECE_BYTES];
    let mut answer = vec![0; 4 << 10];
    loop {
        stream.write_all(head.as_bytes()).await?;
        for _ in 0..UPLOAD_BYTES / PIECE_BYTES {
            stream.write_all(&piece).await?;
            sleep(PIECE_EVERY).await;
        }
        // A write has no body in its answer.
        let length = stream.read(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer[..length]);
        ensure!(answer.starts_with("HTTP/1.1 20"), "PUT {path} was answered {answer}");
    }
}
