//! `sluss mark`: names a moment to which a DBA's restore and Sluss's own can both go back.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{Exit, local};
use crate::app;
use crate::clock::{Clock, SystemClock};
use crate::config::SqlConfig;
use crate::model::history::MarkName;

/// Names the command in the audit.
const ACTOR: &str = "command line";

#[derive(Debug, Args)]
pub(super) struct MarkArgs {
    /// Only this tenant's database; without it, every tenant's.
    #[arg(long)]
    tenant: Option<String>,
    /// A letter, then letters, digits and underscores, 32 at most; without it, one that tells the time.
    #[arg(long)]
    name: Option<MarkName>,
}

pub(super) async fn run(args: MarkArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, args.tenant.as_deref()) else { return Ok(Exit::Usage) };
    let name = args.name.unwrap_or_else(|| MarkName::of(SystemClock.now()));
    for tenant in chosen {
        let at = app::mark(&config, tenant, ACTOR, &name).await?;
        if json {
            println!("{}", json!({ "tenant": tenant.id.as_str(), "mark": name.as_str(), "at": at }));
            continue;
        }
        println!("{}: marked as {name} at {at}", tenant.id);
        match tenant.sql {
            SqlConfig::SqlServer(_) => {
                println!("  the database goes back to it by RESTORE LOG ... WITH STOPATMARK = '{name}', then `sluss reconcile`");
            }
            SqlConfig::Sqlite(_) => println!("  the file's backups know no marks: back it up now, if it is to go back to this moment"),
        }
        println!("  the documents alone go back to it by: sluss restore --tenant {} --at {at}", tenant.id);
    }
    Ok(Exit::Done)
}
