//! The server as a process of its own, for tests that end it, or that start others beside it.
//!
//! It prints its address, takes faults line by line from its standard input (see `faults::line`), and ends with that.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use sluss_tds::engine::Database;
use sluss_tds::faults::line::obey;
use sluss_tds::server::{Options, Server};
use sluss_tds::wire::{Certificate, Encryption};
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Parser)]
#[command(about = "A small TDS server for tests")]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A login, and the file with its password.
    #[arg(long = "login", value_name = "USER=FILE", value_parser = pair, required = true)]
    logins: Vec<(String, String)>,
    /// A database, and the SQLite file that it is kept in.
    #[arg(long = "database", value_name = "NAME=FILE", value_parser = pair, required = true)]
    databases: Vec<(String, String)>,
    #[arg(long, default_value = "on")]
    tls: Tls,
    /// The server's certificate and those above it, as PEM, instead of a new one.
    #[arg(long, requires = "key", conflicts_with = "certificate_out")]
    certificate: Option<PathBuf>,
    #[arg(long, requires = "certificate")]
    key: Option<PathBuf>,
    /// Where to put, as PEM, what clients have to trust.
    #[arg(long)]
    certificate_out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    NotSupported,
    Off,
    On,
    Required,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, file) = text.split_once('=').ok_or("it is NAME=FILE")?;
    Ok((name.to_owned(), file.to_owned()))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sluss-tds: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut options = Options { listen: arguments.listen, encryption: arguments.tls.into(), ..Options::default() };
    for (user, file) in arguments.logins {
        let password = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        options.logins.insert(user, password.trim_end_matches(['\r', '\n']).to_owned());
    }
    for (name, file) in arguments.databases {
        let database = Database::open(file.as_ref());
        options.databases.insert(name, Arc::new(move || database.session()));
    }
    if let (Some(chain), Some(key)) = (arguments.certificate, arguments.key) {
        let chain_pem = std::fs::read_to_string(chain)?;
        options.certificate = Some(Certificate { authority_pem: chain_pem.clone(), chain_pem, key_pem: std::fs::read_to_string(key)? });
    }
    let server = Server::start(options).await?;
    if let Some(file) = arguments.certificate_out {
        std::fs::write(file, server.certificate_pem())?;
    }
    println!("{}", server.address());
    let faults = server.faults();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{}", obey(&faults, &line));
    }
    server.stop().await;
    Ok(())
}

impl From<Tls> for Encryption {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::NotSupported => Self::NotSupported,
            Tls::Off => Self::Off,
            Tls::On => Self::On,
            Tls::Required => Self::Required,
        }
    }
}
