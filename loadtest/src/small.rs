//! Small documents: how many a second, and how long the slow ones take, by phase and number of clients. Every byte that is
//! read is compared; an answer that is wrong ends the measurement.

use std::time::Duration;

use anyhow::{bail, ensure};
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluss::body;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use sluss::model::phase::Phase;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::house::House;
use crate::latency::Latencies;

pub struct Plan {
    pub lasts: Duration,
    pub documents: u64,
    pub bytes: u64,
    pub clients: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Get,
    Put,
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    from_object: usize,
}

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    println!("{} documents of {} bytes, {:?} a line, agents at work in the same process\n", plan.documents, plan.bytes, plan.lasts);
    println!("phase   operation  clients    a second    p50 ms    p95 ms    p99 ms    max ms  from objects");
    let house = House::open((1..=plan.documents).map(|id| content(id, plan.bytes))).await?;
    measure(&house, plan, Phase::Sql).await?;
    for phase in [Phase::Shadow, Phase::Dual] {
        house.flip(phase).await?;
    }
    measure(&house, plan, Phase::Dual).await?;
    house.flip(Phase::Object).await?;
    measure(&house, plan, Phase::Object).await?;
    println!("\nserver's peak memory: {:.0} MiB", house.peak_bytes()? as f64 / f64::from(1 << 20));
    Ok(())
}

async fn measure(house: &House, plan: &Plan, phase: Phase) -> anyhow::Result<()> {
    for operation in [Operation::Get, Operation::Put] {
        for &clients in &plan.clients {
            // What the writes before called for is done, so that reads find documents where the phase reads them.
            house.settle().await?;
            let seen = all_clients(&house.documents, plan, operation, clients).await?;
            line(phase, operation, clients, plan.lasts, seen);
        }
    }
    Ok(())
}

async fn all_clients(server: &HttpClient, plan: &Plan, operation: Operation, clients: usize) -> anyhow::Result<Seen> {
    let until = Instant::now() + plan.lasts;
    let (documents, bytes) = (plan.documents, plan.bytes);
    let mut running = JoinSet::new();
    for client in 0..clients {
        let server = server.clone();
        running.spawn(async move {
            let mut rng = StdRng::seed_from_u64(client as u64);
            let mut seen = Seen::default();
            while Instant::now() < until {
                let id = rng.random_range(1..=documents);
                let begun = Instant::now();
                match operation {
                    Operation::Get => seen.from_object += usize::from(get(&server, id, content(id, bytes)).await?),
                    Operation::Put => put(&server, id, content(id, bytes)).await?,
                }
                seen.times.push(begun.elapsed());
            }
            anyhow::Ok(seen)
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = running.join_next().await {
        let seen = seen??;
        all.times.extend(seen.times);
        all.from_object += seen.from_object;
    }
    Ok(all)
}

/// The same content for an id at all times, so that readers know what to expect.
fn content(id: u64, bytes: u64) -> Pattern {
    Pattern { seed: id, length: bytes }
}

fn path(id: u64) -> String {
    format!("/v1/tenants/acme/documents/{id}")
}

/// True when the object store served it.
async fn get(server: &HttpClient, id: u64, expected: Pattern) -> anyhow::Result<bool> {
    let answer = server.request(Method::GET, &path(id), HeaderMap::new(), body::empty()).await?;
    let served_from = answer.headers.get("served-from").map(|value| value.as_bytes() == b"object");
    let Some(from_object) = served_from.filter(|_| answer.status == StatusCode::OK) else {
        bail!("GET of document {id} answered {}", answer.status);
    };
    let limit = usize::try_from(expected.length)?;
    let found = answer.bytes(limit).await?;
    ensure!(found.len() == limit && expected.matches(0, &found), "document {id} has other bytes than were written");
    Ok(from_object)
}

async fn put(server: &HttpClient, id: u64, content: Pattern) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, content.length.into());
    let answer = server.request(Method::PUT, &path(id), headers, body::full(content.bytes(0, content.length))).await?;
    ensure!(answer.status == StatusCode::NO_CONTENT, "PUT of document {id} answered {}", answer.status);
    // The connection serves the next request only once the answer was read.
    answer.bytes(0).await?;
    Ok(())
}

fn line(phase: Phase, operation: Operation, clients: usize, lasted: Duration, seen: Seen) {
    let operation_label = match operation {
        Operation::Get => "GET",
        Operation::Put => "PUT",
    };
    let from_object = match operation {
        Operation::Get => format!("{:.0} %", 100.0 * seen.from_object as f64 / seen.times.len().max(1) as f64),
        Operation::Put => "-".to_owned(),
    };
    let times = Latencies::of(seen.times);
    let milliseconds = |share| times.percentile(share).as_secs_f64() * 1000.0;
    println!(
        "{:<7} {operation_label:<9} {clients:>8} {:>11.0} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {from_object:>13}",
        phase.label(),
        times.count() as f64 / lasted.as_secs_f64(),
        milliseconds(0.5),
        milliseconds(0.95),
        milliseconds(0.99),
        milliseconds(1.0),
    );
}
