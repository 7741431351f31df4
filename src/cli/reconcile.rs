//! `sluss reconcile`: whose a tenant's placements are, how this installation becomes their owner, and how a database that was put back to an
//! earlier moment goes on.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::{Exit, local};
use crate::app::{self, Owned, Reconciled};
use crate::config::{Config, TenantConfig};
use crate::migrate::presence::Presence;

/// Names the command in the audit.
const ACTOR: &str = "command line";

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    #[arg(long)]
    tenant: String,
    /// Makes this installation the owner. Whoever owned the placements before stops writing and removing: never adopt production's from
    /// a copy of its database.
    #[arg(long)]
    adopt: bool,
    /// Looks for every object that locations and versions name, also where the database was not put back. What is missing comes back from
    /// the tenant's backup, where there is one.
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(args: ReconcileArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, Some(&args.tenant)) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        let owned = if args.adopt { app::adopt(&config, tenant, ACTOR).await? } else { app::owners(&config, tenant).await? };
        let ours = owned.iter().all(|owned| owned.owner.is_none() || owned.ours);
        owned.iter().for_each(|owned| tell_owner(&args.tenant, owned, json));
        // What another installation's rows say is its own to put right.
        exit = if ours { database(&config, tenant, &args, json).await? } else { Exit::Refused };
    }
    Ok(exit)
}

fn tell_owner(tenant: &str, Owned { placement, place, owner, ours }: &Owned, json: bool) {
    if json {
        println!("{}", json!({ "tenant": tenant, "placement": placement, "place": place, "owner": owner, "ours": ours }));
        return;
    }
    let whose = match (owner, ours) {
        (Some(_), true) => "ours".to_owned(),
        (Some(owner), false) => format!("belongs to installation {owner}: no writes and no agents here until it is adopted"),
        (None, _) => "nobody's: the first process that serves the tenant claims it".to_owned(),
    };
    println!("{tenant}: {placement} ({place}): {whose}");
}

async fn database(config: &Config, tenant: &TenantConfig, args: &ReconcileArgs, json: bool) -> anyhow::Result<Exit> {
    let mut shown = Progress::new(&args.tenant, json);
    let said = |presence: &Presence| {
        let looked = presence.looked_for();
        let Presence { fetched, missing, .. } = presence;
        shown.show(looked, None, |pace| format!("{looked} objects were looked for, {fetched} came back, {missing} are missing{pace}"));
    };
    let reconciled = app::reconcile(config, tenant, ACTOR, args.check, said).await?;
    drop(shown);
    tell_database(&args.tenant, &reconciled, json);
    let missing = reconciled.presence.as_ref().map_or(0, |presence| presence.missing);
    Ok(if missing == 0 { Exit::Done } else { Exit::Failed })
}

fn tell_database(tenant: &str, Reconciled { found, seen, goes_on_from, presence }: &Reconciled, json: bool) {
    if json {
        let presence = presence.as_ref().map(|presence| {
            json!({ "locations": presence.locations, "versions": presence.versions, "fetched": presence.fetched,
                "missing": presence.missing, "named": presence.named })
        });
        let [found, seen] = [found, seen].map(|tick| json!({ "epoch": tick.epoch.0, "tick": tick.number }));
        let from = goes_on_from.map(|tick| json!({ "epoch": tick.epoch.0, "tick": tick.number }));
        println!("{}", json!({ "tenant": tenant, "found": found, "seen": seen, "goes_on_from": from, "objects": presence }));
        return;
    }
    match goes_on_from {
        Some(from) => println!(
            "{tenant}: the database was put back: it stood at {found}, and {seen} was seen. It goes on from {from}; what was under way is void"
        ),
        None => println!("{tenant}: the database goes on as it was, at {found}"),
    }
    let Some(Presence { locations, versions, fetched, missing, named, .. }) = presence else { return };
    println!("{tenant}: the objects of {locations} documents and of {versions} versions were looked for; {missing} are missing");
    if *fetched > 0 {
        println!("{tenant}: {fetched} were missing, and came back from the backup");
    }
    named.iter().for_each(|missing| println!("{tenant}: missing: {missing}"));
    if (named.len() as u64) < *missing {
        println!("{tenant}: and {} more", missing - named.len() as u64);
    }
}
