//! `sluss backup drill` and `sluss backup rebuild`: what shows that a backup can be restored, and the way back when something was lost. Both act
//! directly: the processes that serve may be what is down.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::{Exit, local};
use crate::app::{self, Rebuilt};
use crate::backup::drills::{DrillProgress, DrillWish, Drilled, MOST_SAMPLED, SAMPLE};
use crate::config::{Config, TenantConfig};
use crate::migrate::presence::Presence;
use crate::migrate::relocate::Relocations;

/// Names the command in the audit and in the evidence.
const ACTOR: &str = "command line";

#[derive(Debug, Args)]
pub(super) struct DrillArgs {
    #[arg(long)]
    tenant: String,
    /// So many documents, chosen at random.
    #[arg(long, default_value_t = SAMPLE, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_SAMPLED)), conflicts_with = "all")]
    sample: u32,
    /// Every document of the manifest. There has to be room for all of them where the evidence is kept.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(super) struct RebuildArgs {
    #[arg(long)]
    tenant: String,
    /// Also every object that this manifest names; with --locations, the locations of its instant instead of the newest.
    #[arg(long, value_name = "NUMBER")]
    manifest: Option<u64>,
    /// Gives documents that have no location the one that the manifest tells of: after Sluss's own tables were lost and `init` made new ones.
    #[arg(long)]
    locations: bool,
    /// With --locations: by what the objects in the tenant's own placements say of themselves, where no manifest is left.
    #[arg(long, requires = "locations", conflicts_with = "manifest")]
    from_bucket: bool,
}

pub(super) async fn drill(args: DrillArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, Some(&args.tenant)) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        let sample = (!args.all).then_some(args.sample as usize);
        let mut shown = Progress::new(&args.tenant, json);
        let said = |progress: DrillProgress| {
            let DrillProgress { documents, different, of, .. } = progress;
            shown.show(documents, of, |pace| format!("{documents} documents were restored and compared, {different} differ{pace}"));
        };
        let drilled = app::drill(&config, tenant, DrillWish { sample, by: ACTOR.to_owned() }, said).await?;
        drop(shown);
        tell_drill(&args.tenant, &drilled, json);
        if !drilled.evidence.passed {
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

fn tell_drill(tenant: &str, Drilled { evidence, file }: &Drilled, json: bool) {
    if json {
        println!("{}", json!({ "evidence": evidence, "file": file }));
        return;
    }
    let manifest = &evidence.manifest;
    let kind = if evidence.whole { "all" } else { "a sample" };
    println!(
        "{tenant}: {kind} of manifest {} of {}: {} documents ({} bytes) were restored and read back, {} of them compared with the primary, {} differ",
        manifest.number, manifest.instant, evidence.documents, evidence.bytes, evidence.compared_with_primary, evidence.different
    );
    evidence.named.iter().for_each(|named| println!("{tenant}: {named}"));
    match file {
        Some(file) => println!("{tenant}: evidence: {}", file.display()),
        None => println!("{tenant}: no evidence is kept: name a folder as backup.evidence"),
    }
}

pub(super) async fn rebuild(args: RebuildArgs, config: &Path, json: bool) -> anyhow::Result<Exit> {
    let Some(config) = local::load(config) else { return Ok(Exit::Usage) };
    let Some(chosen) = local::chosen(&config, Some(&args.tenant)) else { return Ok(Exit::Usage) };
    let mut exit = Exit::Done;
    for tenant in chosen {
        // Another installation's objects are its own to bring back.
        let owned = app::owners(&config, tenant).await?;
        if owned.iter().any(|owned| owned.owner.is_some() && !owned.ours) {
            eprintln!("sluss: the placements of {} belong to another installation: see `sluss reconcile`", args.tenant);
            return Ok(Exit::Refused);
        }
        exit = if args.locations { locations(&config, tenant, &args, json).await? } else { objects(&config, tenant, &args, json).await? };
    }
    Ok(exit)
}

async fn objects(config: &Config, tenant: &TenantConfig, args: &RebuildArgs, json: bool) -> anyhow::Result<Exit> {
    let mut shown = Progress::new(&args.tenant, json);
    let said = |presence: &Presence| {
        let looked = presence.looked_for();
        let Presence { fetched, missing, .. } = presence;
        shown.show(looked, None, |pace| format!("{looked} objects were looked for, {fetched} came back, {missing} are missing{pace}"));
    };
    let presence = app::rebuild_objects(config, tenant, args.manifest, ACTOR, said).await?;
    drop(shown);
    tell_objects(&args.tenant, &presence, json);
    Ok(if presence.missing == 0 { Exit::Done } else { Exit::Failed })
}

fn tell_objects(tenant: &str, presence: &Presence, json: bool) {
    let Presence { locations, versions, in_manifest, fetched, fetched_bytes, missing, named } = presence;
    if json {
        println!(
            "{}",
            json!({ "tenant": tenant, "locations": locations, "versions": versions, "in_manifest": in_manifest, "fetched": fetched,
                "fetched_bytes": fetched_bytes, "missing": missing, "named": named })
        );
        return;
    }
    println!("{tenant}: the objects of {locations} documents, {versions} versions and {in_manifest} lines of a manifest were looked for");
    println!("{tenant}: {fetched} came back from the backup ({fetched_bytes} bytes), {missing} are missing");
    named.iter().for_each(|missing| println!("{tenant}: missing: {missing}"));
}

async fn locations(config: &Config, tenant: &TenantConfig, args: &RebuildArgs, json: bool) -> anyhow::Result<Exit> {
    let mut shown = Progress::new(&args.tenant, json);
    let said = |done: &Relocations| {
        let (looked, back) = (done.looked_at(), done.sole + done.equal);
        shown.show(looked, None, |pace| format!("{looked} documents were looked at, {back} locations came back{pace}"));
    };
    let rebuilt = match args.from_bucket {
        true => app::rebuild_from_bucket(config, tenant, ACTOR, said).await?,
        false => app::rebuild_locations(config, tenant, args.manifest, ACTOR, said).await?,
    };
    drop(shown);
    tell_locations(&args.tenant, &rebuilt, json);
    let Relocations { missing, unknown, moved, .. } = rebuilt.relocations;
    Ok(if missing + unknown + moved == 0 { Exit::Done } else { Exit::Failed })
}

fn tell_locations(tenant: &str, Rebuilt { relocations, manifest, epoch }: &Rebuilt, json: bool) {
    let Relocations { sole, equal, there, others, missing, unknown, moved } = relocations;
    if json {
        println!(
            "{}",
            json!({ "tenant": tenant, "manifest": manifest.map(|(number, _)| number), "phase": manifest.map(|(_, phase)| phase),
                "epoch": epoch.map(|epoch| epoch.0), "sole": sole, "equal": equal, "there": there, "others": others, "missing": missing,
                "unknown": unknown, "moved": moved })
        );
        return;
    }
    let by = manifest.map_or_else(|| "the objects themselves".to_owned(), |(number, _)| format!("manifest {number}"));
    println!("{tenant}: by {by}: {sole} documents have their content in the object store again, of {equal} both stores hold it");
    println!("{tenant}: {there} locations were there, {others} rows are gone or have another content by now");
    for (count, what) in [
        (missing, "objects are not there: run `sluss backup rebuild` without --locations first, then this again"),
        (unknown, "documents are of collections that the tenant's file does not name"),
        (moved, "documents were changed meanwhile: run this again"),
    ] {
        if *count > 0 {
            println!("{tenant}: {count} {what}");
        }
    }
    if let Some(epoch) = epoch {
        println!("{tenant}: it goes on in epoch {epoch}");
    }
    if let Some((_, phase)) = manifest {
        println!("{tenant}: at the manifest's instant it was in phase {phase}");
    }
}
