//! `sluss-loadtest`: how fast a `sluss serve` of its own answers, and how much memory that takes, on the embedded stores.
//! The figures are the machine's: server, clients and stores share its cores and its disk.

mod house;
mod latency;
mod memory;
mod rows;
mod small;

use std::time::Duration;

use clap::{Parser, Subcommand};

/// Measures Sluss on the embedded stores; starts the `sluss` that lies beside it.
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
        #[arg(long, default_value_t = 2_000_000_000)]
        bytes: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().measurement {
        Measurement::Small { seconds, documents, bytes, clients } => {
            small::run(&small::Plan { lasts: Duration::from_secs(seconds), documents, bytes, clients }).await
        }
        Measurement::Rows { rows, verify_up_to } => rows::run(&rows, verify_up_to).await,
        Measurement::Memory { bytes } => memory::run(bytes).await,
    }
}
