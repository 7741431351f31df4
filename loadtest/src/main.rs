//! `sluss-loadtest`: how fast a `sluss serve` of its own answers, and how much memory that takes, on the embedded stores and on SQL Server;
//! what bytes to and from SQL Server cost, and what Sluss adds to a store that speaks S3. The figures are the machine's: server, clients and stores share its cores and its disk.

mod content;
mod cpu;
mod events;
mod house;
mod journey;
mod lanes;
mod latency;
mod load;
mod memory;
mod objects;
mod program;
mod rows;
mod seed;
mod server;
mod sizes;
mod small;
mod sql_server;
mod tenant;
mod traffic;

use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand, value_parser};
use sluss::model::content::MAX_CONTENT_BYTES;
use sluss::stop::stop_signal;

/// Measures Sluss. It starts the `sluss` that lies beside it, and where SQL Server takes part the test server `sluss-tds`, or uses the
/// real one that SLUSS_TEST_MSSQL names.
#[derive(Debug, Parser)]
#[command(name = "sluss-loadtest", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
    /// Reads and writes of small documents in the phases sql, dual and object.
    Small {
        /// How long each combination is measured.
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        #[arg(long, default_value_t = 1000)]
        documents: u64,
        /// Length of each document.
        #[arg(long, default_value_t = 16 << 10)]
        bytes: u64,
        /// Clients at once, each with one request in flight.
        #[arg(long, value_delimiter = ',', default_value = "8,32")]
        clients: Vec<usize>,
    },
    /// What must not slow down with the number of rows, with tables of these sizes.
    Rows {
        #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
        rows: Vec<u64>,
        /// Larger tables are not verified: each document is read twice.
        #[arg(long, default_value_t = 1_000_000)]
        verify_up_to: u64,
    },
    /// One large document in, copied, read, replaced in the object store and written back, with the server's peak memory.
    Memory {
        /// Length of the document; Sluss takes at most 2^31-1 less 1 MiB.
        #[arg(long, default_value_t = 2_000_000_000, value_parser = value_parser!(u64).range(1..=MAX_CONTENT_BYTES))]
        bytes: u64,
        /// Where the tenant's database is.
        #[arg(long, value_enum, default_value_t = memory::Sql::Sqlite)]
        sql: memory::Sql,
    },
    /// CPU time of reads from SQL Server and writes to it: the bare drivers, and Sluss's two lanes of connections.
    Lanes {
        /// Each figure is the median of so many runs.
        #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..))]
        runs: u32,
        /// CPU time that a run takes at least, so that the kernel's clock of 10 ms is fine enough.
        #[arg(long, default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
        milliseconds: u64,
    },
    /// Objects on S3: large ones through Sluss and by a plain program of the AWS SDK, small ones through nginx, too.
    Objects {
        /// Length of the large document.
        #[arg(long, default_value_t = 1 << 30, value_parser = value_parser!(u64).range(1..=MAX_CONTENT_BYTES))]
        bytes: u64,
        /// Each figure is the median of so many runs.
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
        runs: u32,
        /// How long a run of small reads is.
        #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
        seconds: u64,
    },
    /// Hot documents of 16 KiB: Sluss with its cache, and nginx with its own, before the same bucket.
    Hot {
        /// Each figure is the median of so many runs.
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
        runs: u32,
        #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(1..))]
        seconds: u64,
    },
    /// Fills a customer's tables with documents whose bytes follow from a seed, and writes a configuration that serves them.
    Seed(seed::SeedArgs),
    /// Sends requests on a schedule to a Sluss that serves what was seeded, with flips and faults, and compares every answer.
    Load(load::LoadArgs),
    /// Takes what was seeded from phase sql to dual, verifies it, and records rates, memory, CPU time and room.
    Journey(journey::JourneyArgs),
    /// Many large downloads at once, and their memory; many slow readers, and what others notice of them.
    Crowd {
        #[arg(long, default_value_t = 200)]
        downloads: usize,
        /// Length of what is downloaded.
        #[arg(long, default_value_t = 100_000_000, value_parser = value_parser!(u64).range(1..=MAX_CONTENT_BYTES))]
        bytes: u64,
        #[arg(long, default_value_t = 1000)]
        slow_readers: usize,
        /// How long the others' answers are measured, without slow readers and beside them.
        #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..))]
        seconds: u64,
    },
    /// What the console's streams of events cost the server.
    Events {
        #[arg(long, default_value_t = 500, value_parser = value_parser!(u64).range(1..))]
        tenants: u64,
        /// Uploads in flight.
        #[arg(long, default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
        transfers: u64,
        /// How long each number of streams is measured, in each round.
        #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..))]
        seconds: u64,
        #[arg(long, default_value_t = 2, value_parser = value_parser!(u32).range(1..))]
        rounds: u32,
        /// Keeps the bytes of one stream in this file, for as many seconds: a page can be fed with it.
        #[arg(long)]
        record: Option<std::path::PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let measurement = Arguments::parse().measurement;
    if let Measurement::Seed(args) = &measurement {
        return tokio::task::block_in_place(|| seed::run(args));
    }
    // What is stopped is dropped, and with it go the programs that it has started.
    tokio::select! {
        measured = measure(measurement) => measured,
        signal = stop_signal() => bail!("stopped by {}", signal?),
    }
}

async fn measure(measurement: Measurement) -> anyhow::Result<()> {
    match measurement {
        Measurement::Small { seconds, documents, bytes, clients } => {
            small::run(&small::Plan { lasts: Duration::from_secs(seconds), documents, bytes, clients }).await
        }
        Measurement::Rows { rows, verify_up_to } => rows::run(&rows, verify_up_to).await,
        Measurement::Memory { bytes, sql } => memory::run(bytes, sql).await,
        Measurement::Lanes { runs, milliseconds } => lanes::run(runs, Duration::from_millis(milliseconds)).await,
        Measurement::Objects { bytes, runs, seconds } => objects::run(bytes, runs, Duration::from_secs(seconds)).await,
        Measurement::Hot { runs, seconds } => objects::hot(runs, Duration::from_secs(seconds)).await,
        Measurement::Seed(args) => seed::run(&args),
        Measurement::Journey(args) => journey::run(&args).await,
        Measurement::Load(args) => load::run(&args).await,
        Measurement::Crowd { downloads, bytes, slow_readers, seconds } => {
            objects::crowd(&objects::Crowd { downloads, bytes, slow_readers, lasts: Duration::from_secs(seconds) }).await
        }
        Measurement::Events { tenants, transfers, seconds, rounds, record } => {
            let (tenants, transfers) = (usize::try_from(tenants)?, usize::try_from(transfers)?);
            events::run(&events::Plan { tenants, transfers, lasts: Duration::from_secs(seconds), rounds, record }).await
        }
    }
}
