//! What bytes to and from SQL Server cost this process, by driver: CPU time, not waiting. The server is another process.
//!
//! The bare drivers run as they come, with their own packet sizes (4096 bytes), and do the least that brings the bytes. The product's lanes
//! do what they do in `sluss serve`. All run as a task of the same runtime. Lengths are compared, contents are not: that would count, too.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use sluss::demo::pattern::Pattern;
use tokio_util::task::TaskTracker;

use crate::cpu;
use crate::sql_server::SqlServer;

mod bare_mssql_client;
mod bare_tiberius;
mod product;

use bare_mssql_client::{Query, QueryStreamBlob};
use bare_tiberius::Tiberius;
use product::Product;

const MIB: u64 = 1 << 20;

/// The large document, which is written in pieces.
const LARGE: Pattern = Pattern { seed: 0, length: 64 * MIB };
const LARGE_ID: i32 = 1;
const PIECE: u64 = MIB;

/// The small ones, of ids that follow the large one's: the largest that ride along with a look-up of the product's.
const SMALL_BYTES: u64 = 64 << 10;
const SMALL: i32 = 64;

/// What the bare drivers append pieces to: the product's own are no business of theirs.
const SCRATCH: [&str; 2] =
    ["CREATE TABLE dbo.scratch (id int NOT NULL PRIMARY KEY, content varbinary(max) NULL)", "INSERT INTO dbo.scratch VALUES (1, 0x)"];
const EMPTY_SCRATCH: &str = "UPDATE dbo.scratch SET content = 0x WHERE id = 1";

/// One way to the same bytes.
trait Lane: Send + 'static {
    const NAME: &'static str;
    /// Some drivers read in two ways and write in one.
    const WRITES: bool;

    /// Reads the content of a document to its end, and answers its length.
    fn read(&mut self, id: i32) -> impl Future<Output = anyhow::Result<u64>> + Send;

    /// Appends so many times the same piece to an empty value.
    fn write(&mut self, piece: Bytes, times: u64) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How long it is measured.
#[derive(Clone, Copy)]
struct Plan {
    runs: u32,
    at_least: Duration,
}

#[derive(Clone, Copy)]
enum Operation {
    LargeRead,
    /// One of each.
    SmallReads,
    Write,
}

/// CPU time of one large read, one small one and one write.
struct Figures {
    large_read: Duration,
    small_read: Duration,
    write: Option<Duration>,
}

pub async fn run(runs: u32, at_least: Duration) -> anyhow::Result<()> {
    let server = SqlServer::start().await?;
    let plan = Plan { runs, at_least };
    println!("CPU time of this process, user and system, median of {runs} runs of at least {at_least:?}");
    println!("SQL Server: {}\n", server.description());
    let product = Product::new(&server).await?;
    product.fill().await?;
    for statement in SCRATCH {
        server.run(statement)?;
    }
    println!("{:<34} {:>13} {:>13} {:>13} {:>13}", "", "64 MiB read", "64 KiB read", "64 KiB read", "64 MiB write");
    println!("{:<34} {:>13} {:>13} {:>13} {:>13}", "driver", "ms per MiB", "ms per MiB", "us each", "ms per MiB");
    line(Tiberius::connect(&server.login).await?, plan).await?;
    line(Query::connect(&server.login).await?, plan).await?;
    line(QueryStreamBlob::connect(&server.login).await?, plan).await?;
    line(product, plan).await
}

/// Measures one lane on the runtime's own threads, where requests are served, too.
async fn line<L: Lane>(mut lane: L, plan: Plan) -> anyhow::Result<()> {
    let measured = TaskTracker::new().spawn(async move { measure(&mut lane, plan).await }).await;
    let Figures { large_read, small_read, write } = measured.context("the lane gave up")?.context(L::NAME)?;
    println!(
        "{:<34} {:>13.2} {:>13.2} {:>13.0} {:>13}",
        L::NAME,
        per_mebibyte(large_read, LARGE.length),
        per_mebibyte(small_read, SMALL_BYTES),
        small_read.as_secs_f64() * 1e6,
        write.map_or("-".to_owned(), |write| format!("{:.2}", per_mebibyte(write, LARGE.length))),
    );
    Ok(())
}

/// In milliseconds.
fn per_mebibyte(time: Duration, bytes: u64) -> f64 {
    time.as_secs_f64() * 1e3 * MIB as f64 / bytes as f64
}

async fn measure<L: Lane>(lane: &mut L, plan: Plan) -> anyhow::Result<Figures> {
    let large_read = median(lane, Operation::LargeRead, plan).await?;
    let small_read = median(lane, Operation::SmallReads, plan).await? / SMALL.unsigned_abs();
    let write = if L::WRITES { Some(median(lane, Operation::Write, plan).await?) } else { None };
    Ok(Figures { large_read, small_read, write })
}

async fn median<L: Lane>(lane: &mut L, operation: Operation, plan: Plan) -> anyhow::Result<Duration> {
    // The first is not counted: the product asks the catalogue once, and buffers grow.
    perform(lane, operation).await?;
    let mut times = Vec::new();
    for _ in 0..plan.runs {
        let begun = cpu::so_far()?;
        let (mut done, mut taken) = (0, Duration::ZERO);
        while taken < plan.at_least {
            perform(lane, operation).await?;
            done += 1;
            taken = cpu::so_far()?.saturating_sub(begun);
        }
        times.push(taken / done.max(1));
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("there was no run")
}

async fn perform<L: Lane>(lane: &mut L, operation: Operation) -> anyhow::Result<()> {
    match operation {
        Operation::LargeRead => read(lane, LARGE_ID, LARGE.length).await,
        Operation::SmallReads => {
            for id in LARGE_ID + 1..=LARGE_ID + SMALL {
                read(lane, id, SMALL_BYTES).await?;
            }
            Ok(())
        }
        Operation::Write => lane.write(Bytes::from_static(&[7; PIECE as usize]), LARGE.length / PIECE).await,
    }
}

async fn read<L: Lane>(lane: &mut L, id: i32, expected: u64) -> anyhow::Result<()> {
    let length = lane.read(id).await?;
    ensure!(length == expected, "{length} bytes came of {expected}");
    Ok(())
}
