//! The `sluss` command: parse, run, answer with an exit code. No logic.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use sluss::cli::{self, Cli, Exit};
use tokio::runtime::Runtime;

/// For blocking work that nobody waits for any more: a staged file on its way out takes less, and a thread that a hanging store
/// holds would keep the process for ever.
const LAST_GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|error| {
        eprintln!("sluss: {error:#}");
        Exit::Failed.into()
    })
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let runtime = Runtime::new().context("start threads")?;
    let exit = runtime.block_on(cli::run(cli));
    runtime.shutdown_timeout(LAST_GRACE);
    Ok(exit?.into())
}
