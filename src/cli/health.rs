//! `sluss health`: one question to a process's admin listener, for health checks of containers that have no other program to ask with.

use clap::Args;
use http::StatusCode;

use super::remote::Remote;
use super::{AdminArgs, Exit};

#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    /// Whether it takes requests, rather than whether it is up: a process that drains does not.
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

pub(super) async fn run(args: HealthArgs, json: bool) -> anyhow::Result<Exit> {
    let (path, yes, no) = if args.ready { ("/readyz", "ready", "not ready") } else { ("/healthz", "up", "not up") };
    let status = Remote::new(&args.admin, json)?.status(path).await?;
    let fine = status == StatusCode::OK;
    if json {
        println!("{}", serde_json::json!({ "ok": fine, "status": status.as_u16() }));
    } else if fine {
        println!("{yes}");
    } else {
        eprintln!("sluss: {no}: {path} was answered {status}");
    }
    Ok(if fine { Exit::Done } else { Exit::Failed })
}
