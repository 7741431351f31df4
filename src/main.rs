//! The `sluss` command: parse, run, answer with an exit code. No logic.

use std::process::ExitCode;

use clap::Parser;
use sluss::cli::{self, Cli, Exit};

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(Cli::parse()).await {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("sluss: {error:#}");
            Exit::Failed.into()
        }
    }
}
