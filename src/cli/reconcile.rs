//! `sluss reconcile`: whose a tenant's placements are, and how this installation becomes their owner.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{Exit, local};
use crate::app::{self, Owned};

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    #[arg(long)]
    tenant: String,
    /// Makes this installation the owner. Whoever owned the placements before stops writing and removing: never adopt production's from
    /// a copy of its database.
    #[arg(long)]
    adopt: bool,
}

pub(super) async fn run(args: ReconcileArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, Some(&args.tenant)) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        let owned = if args.adopt { app::adopt(&config, tenant, "command line").await? } else { app::owners(&config, tenant).await? };
        for Owned { placement, place, owner, ours } in owned {
            if owner.is_some() && !ours {
                exit = Exit::Refused;
            }
            if json {
                println!("{}", json!({ "tenant": args.tenant, "placement": placement, "place": place, "owner": owner, "ours": ours }));
                continue;
            }
            let whose = match (&owner, ours) {
                (Some(_), true) => "ours".to_owned(),
                (Some(owner), false) => format!("belongs to installation {owner}: no writes and no agents here until it is adopted"),
                (None, _) => "nobody's: the first process that serves the tenant claims it".to_owned(),
            };
            println!("{}: {placement} ({place}): {whose}", args.tenant);
        }
    }
    Ok(exit)
}
