//! Commands that act directly: on the configuration, on databases, as a server.

use std::path::Path;

use anyhow::Context;
use tracing::level_filters::LevelFilter;

use super::Exit;
use crate::app::{App, Role, VERSION};
use crate::config::{Config, TenantConfig};
use crate::stop::stop_signal;
use crate::telemetry::{self, LogFormat};

/// Serves until it is told to stop; then requests in flight end and jobs are given back. Told twice, it stops at once.
pub(super) async fn serve(config: &Path, log: LogFormat, role: Role) -> anyhow::Result<Exit> {
    telemetry::init(log, LevelFilter::INFO)?;
    let Some(config) = load(config) else { return Ok(Exit::Usage) };
    tracing::info!(version = VERSION, tenants = config.tenants.len(), "sluss {VERSION} starts with {} tenants", config.tenants.len());
    let running = App::build(config).await?.start(role).await?;
    let name = stop_signal().await.context("listen for signals")?;
    tracing::info!("{name}: requests in flight end, new ones are refused, jobs are given back");
    tokio::select! {
        () = running.stop() => {}
        again = stop_signal() => {
            tracing::warn!("{}: stopping at once", again.context("listen for signals")?);
            // Returning would wait for every thread that still reads or writes.
            std::process::exit(1);
        }
    }
    tracing::info!("stopped");
    Ok(Exit::Done)
}

pub(super) fn check(config: &Path, json: bool) -> Exit {
    let problems = match Config::load(config) {
        Ok(loaded) if json => {
            println!("{}", serde_json::json!({ "ok": true, "tenants": loaded.tenants.len(), "problems": [] }));
            return Exit::Done;
        }
        Ok(loaded) => {
            println!("{}: no problem found, {} tenants", config.display(), loaded.tenants.len());
            return Exit::Done;
        }
        Err(problems) => problems,
    };
    if json {
        let lines: Vec<String> = problems.as_slice().iter().map(ToString::to_string).collect();
        println!("{}", serde_json::json!({ "ok": false, "problems": lines }));
    } else {
        eprintln!("{problems}");
    }
    Exit::Usage
}

/// The tenants that a command is about: all, or the one that it names. `None`: there is no such tenant, and that was said.
pub(super) fn chosen<'a>(config: &'a Config, tenant: Option<&str>) -> Option<Vec<&'a TenantConfig>> {
    let chosen: Vec<_> = config.tenants.iter().filter(|config| tenant.is_none_or(|tenant| config.id.as_str() == tenant)).collect();
    if chosen.is_empty() {
        eprintln!("sluss: there is no tenant {:?} in the configuration", tenant.unwrap_or_default());
        return None;
    }
    Some(chosen)
}

/// `None`: the problems were printed.
pub(super) fn load(path: &Path) -> Option<Config> {
    Config::load(path).inspect_err(|problems| eprintln!("{problems}")).ok()
}
