//! Many clients at once: large downloads, and what they take of memory; and clients who read slowly, and what those who do not notice of
//! them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use sluss_s3::{Bucket, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{large, small};
use crate::latency::Latencies;
use crate::program;
use crate::traffic::Traffic;

/// What `sluss serve` may use at its peak with limits as shipped.
const PEAK_BYTES: u64 = 256 << 20;

/// How much slower the slowest answers to others may become.
const TARGET: f64 = 1.5;

/// What a slow reader takes each second.
const SLOWLY: usize = 1 << 10;

/// A kernel that takes more than this for a reader who does not want it would hide how slow he is.
const RECEIVE_BYTES: u32 = 4 << 10;

/// Below what slow readers take, so that they stay; and more requests than they are.
const PATIENT: &str = "min_rate = 256\nconcurrent_requests = 4096\n";
const AS_SHIPPED: &str = "concurrent_requests = 4096\n";

/// When slow readers are looked at.
enum Settled {
    /// All have the beginning of their answer, or this long has gone by: a crowd that comes at once has to be served once.
    OnceServed,
    /// After this long the minimum rate as shipped has cut them.
    OnceCut,
}

const UNTIL_SERVED: Duration = Duration::from_secs(120);
const UNTIL_CUT: Duration = Duration::from_secs(50);

const SMALL_BYTES: usize = 16 << 10;

/// Together more than the cache holds.
const DOCUMENTS: usize = 2000;
const CLIENTS: usize = 8;

pub struct Plan {
    pub downloads: usize,
    pub bytes: u64,
    pub slow_readers: usize,
    pub lasts: Duration,
}

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    program::allow_open_files((plan.downloads + plan.slow_readers) as u64 + 1000)?;
    println!("the store: {}\n", Server::shared().endpoint);
    downloads(plan).await?;
    println!(
        "\n{:<46} {:>9} {:>9} {:>9} {:>9}",
        format!("GET of {SMALL_BYTES} bytes, {CLIENTS} at once"),
        "a second",
        "p50 ms",
        "p99 ms",
        "slow ones"
    );
    slow_readers(plan, "readers stay", PATIENT, Settled::OnceServed).await?;
    slow_readers(plan, "min_rate as shipped", AS_SHIPPED, Settled::OnceCut).await
}

async fn downloads(plan: &Plan) -> anyhow::Result<()> {
    let bucket = Bucket::new();
    let house = super::before(&bucket, "").await?;
    large::put(&house.documents, large::PATH, plan.bytes).await?;
    // The peak of the downloads alone.
    house.peak_bytes()?;
    let (begun, cpu) = (Instant::now(), house.cpu()?);
    let mut running = JoinSet::new();
    for _ in 0..plan.downloads {
        let (server, bytes) = (house.documents.clone(), plan.bytes);
        running.spawn(async move { large::get(&server, large::PATH, bytes).await });
    }
    let mut whole = 0;
    let mut failed = Vec::new();
    while let Some(ended) = running.join_next().await {
        match ended? {
            Ok(()) => whole += 1,
            Err(error) => failed.push(error),
        }
    }
    let (seconds, cpu, peak_bytes) = (begun.elapsed().as_secs_f64(), (house.cpu()? - cpu).as_secs_f64(), house.peak_bytes()?);
    let [peak, most] = [peak_bytes, PEAK_BYTES].map(|bytes| bytes as f64 / f64::from(1 << 20));
    let Plan { downloads, bytes, .. } = plan;
    let rate = whole as f64 * *bytes as f64 / 1e6 / seconds;
    println!("{downloads} downloads of {bytes} bytes at once: {whole} whole in {seconds:.0} s, {rate:.0} MB/s, {cpu:.1} s of CPU");
    println!("server's peak memory: {peak:.0} MiB, target {most:.0}");
    if let Some(error) = failed.first() {
        println!("{} failed, the first one: {error:#}", failed.len());
    }
    ensure!(peak_bytes < PEAK_BYTES, "that is more memory than it may be");
    ensure!(failed.is_empty(), "every download comes to its end");
    Ok(())
}

/// What others notice of slow readers.
async fn slow_readers(plan: &Plan, name: &str, limits: &str, settled: Settled) -> anyhow::Result<()> {
    let bucket = Bucket::new();
    let house = super::before(&bucket, limits).await?;
    large::put(&house.documents, large::PATH, plan.bytes).await?;
    for id in 1..=DOCUMENTS {
        small::put(&house.documents, id, SMALL_BYTES).await?;
    }
    let paths = (1..=DOCUMENTS).map(small::path).collect();
    let traffic = Traffic { server: house.documents.clone(), paths, bytes: SMALL_BYTES, clients: CLIENTS };
    traffic.warm_up().await?;
    let before = Latencies::of(traffic.run(plan.lasts).await?);
    line(&format!("alone, {name}"), &before, plan.lasts, "-");
    let (served, mut readers) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..plan.slow_readers {
        let (address, served) = (house.address, Arc::clone(&served));
        readers.spawn(async move { read_slowly(address, &served).await });
    }
    let begun = Instant::now();
    match settled {
        Settled::OnceCut => sleep(UNTIL_CUT).await,
        Settled::OnceServed => {
            while served.load(Ordering::Relaxed) < plan.slow_readers && begun.elapsed() < UNTIL_SERVED {
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let settled = begun.elapsed();
    let beside = Latencies::of(traffic.run(plan.lasts).await?);
    let served = format!("{}/{}", served.load(Ordering::Relaxed), plan.slow_readers);
    line(&format!("beside slow readers, {name}"), &beside, plan.lasts, &served);
    let [alone, beside] = [&before, &beside].map(|times| times.percentile(0.99).as_secs_f64());
    let peak = house.peak_bytes()? >> 20;
    println!("after {settled:.0?} p99 beside slow readers is {:.2} of that alone, target {TARGET}; peak {peak} MiB", beside / alone);
    Ok(())
}

fn line(name: &str, times: &Latencies, lasted: Duration, slow: &str) {
    let milliseconds = |share| times.percentile(share).as_secs_f64() * 1000.0;
    let rate = times.count() as f64 / lasted.as_secs_f64();
    println!("{name:<46} {rate:>9.0} {:>9.2} {:>9.2} {slow:>9}", milliseconds(0.5), milliseconds(0.99));
}

/// Counts among the served for as long as bytes of an answer come.
async fn read_slowly(address: SocketAddr, served: &AtomicUsize) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(format!("GET {} HTTP/1.1\r\nHost: sluss\r\n\r\n", large::PATH).as_bytes()).await?;
    let mut portion = [0; SLOWLY];
    let first = stream.read(&mut portion).await?;
    ensure!(portion[..first].starts_with(b"HTTP/1.1 200 "), "a slow reader was refused");
    served.fetch_add(1, Ordering::Relaxed);
    while stream.read(&mut portion).await.is_ok_and(|length| length > 0) {
        sleep(Duration::from_secs(1)).await;
    }
    served.fetch_sub(1, Ordering::Relaxed);
    Ok(())
}
