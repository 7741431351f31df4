//! Which manifests leave, and what of the offsite store leaves with them: objects that only they name, never others.
//!
//! The order makes it safe to lose at any point: a manifest is kept no more in the database, then in the list, and only then objects go. What was
//! not removed is removed by the next one.

use super::chain::TrustedKeys;
use super::manifest::Line;
use super::reading::{ReadError, Reading, STORE};
use super::run::{kept_manifests, list, note_broken};
use super::{BackupError, retention, trusted_keys};
use crate::config::BackupConfig;
use crate::model::backup::{BackupRun, BackupState, Manifest};
use crate::model::id::{ObjectId, ObjectRef};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::{Scratch, ScratchName};
use crate::tenants::{Offsite, Tenant};

/// Names of one look, and objects removed at once.
const BATCH: usize = 500;

/// Bad copies that are looked through for those that go.
const BAD: usize = 10_000;

/// Lists what is kept, and removes what is not. Nothing is removed while a manifest that is kept cannot be read. What the store does not remove now,
/// because it is away or holds it under a lock, the next run asks for again: that is no failure.
pub async fn prune(tenant: &Tenant, offsite: &Offsite, config: &BackupConfig) -> Result<(), BackupError> {
    let keys = trusted_keys(&tenant.id, config).await?;
    drop_past(tenant, config).await?;
    list(tenant, offsite, &keys).await?;
    if let Err(error) = remove(tenant, offsite, &keys).await {
        tracing::warn!(event = "not_pruned", "what left the backup of {} is removed later: {}", tenant.id, error.chain());
    }
    Ok(())
}

/// Manifests whose time is over are kept no more.
async fn drop_past(tenant: &Tenant, config: &BackupConfig) -> StoreResult<()> {
    // One that is broken leaves when its time is over, as any other: until then somebody may mend it.
    let mut known = kept_manifests(tenant).await?;
    known.extend(tenant.sql.backups_in(BackupState::Broken).await?.into_iter().filter_map(|run| run.manifest));
    known.sort_by_key(|manifest| manifest.number);
    let stays = retention::kept(&known, config.keep, &config.time_zone);
    for manifest in known.iter().filter(|manifest| !stays.contains(&manifest.number)) {
        tenant.sql.set_backup(manifest.number, BackupState::Leaving, None).await?;
        tracing::info!(event = "manifest_dropped", "manifest {} of {} is kept no more", manifest.number, tenant.id);
    }
    Ok(())
}

async fn remove(tenant: &Tenant, offsite: &Offsite, keys: &TrustedKeys) -> StoreResult<()> {
    let leaving = tenant.sql.backups_in(BackupState::Leaving).await?;
    if leaving.is_empty() {
        return Ok(());
    }
    let named = Scratch::new()?;
    for manifest in leaving.iter().filter_map(|run| run.manifest.as_ref()) {
        match each_object(tenant, offsite, manifest, &named, Names::Join).await {
            Ok(()) => {}
            Err(ReadError::Broken(reason)) => tracing::error!(
                event = "backup_damaged",
                "manifest {} of {} leaves and cannot be read: {reason}; what only it names stays in the offsite store",
                manifest.number,
                tenant.id
            ),
            Err(ReadError::Store(error)) => return Err(error),
        }
    }
    // The newest one names most of it.
    for manifest in kept_manifests(tenant).await?.iter().rev() {
        if named.is_empty().await? {
            break;
        }
        match each_object(tenant, offsite, manifest, &named, Names::Leave).await {
            Ok(()) => {}
            Err(ReadError::Broken(reason)) => {
                note_broken(tenant, manifest.number, &reason).await?;
                list(tenant, offsite, keys).await?;
                let reason = format!("manifest {} cannot be read, so nothing is removed: {reason}", manifest.number);
                return Err(StoreError::new(STORE, "prune", &tenant.id, StoreErrorKind::Corrupt).because(reason));
            }
            Err(ReadError::Store(error)) => return Err(error),
        }
    }
    let removed = remove_objects(tenant, offsite, &named).await?;
    remove_files(tenant, offsite, &leaving).await?;
    tracing::info!(
        event = "pruned",
        objects = removed,
        "{} manifests of {} and {removed} objects left the offsite store",
        leaving.len(),
        tenant.id
    );
    Ok(())
}

/// What becomes of a set by a manifest.
#[derive(Debug, Clone, Copy)]
enum Names {
    Join,
    Leave,
}

/// Every object that a manifest names joins a set, or leaves it. The whole file was read, and found to be what was signed, only on return.
async fn each_object(tenant: &Tenant, offsite: &Offsite, manifest: &Manifest, set: &Scratch, what: Names) -> Result<(), ReadError> {
    let take = async |names: Vec<ScratchName>| match what {
        Names::Join => set.add(names).await,
        Names::Leave => set.remove(names).await,
    };
    let mut reading = Reading::open(&*offsite.objects, &offsite.placement, &tenant.id, manifest).await?;
    let mut names = Vec::with_capacity(BATCH);
    while let Some(line) = reading.next().await? {
        match line {
            Line::Held(held) | Line::Version(held) => names.push(held.object.to_bytes()),
            Line::Header(_) | Line::Gone(_) | Line::Totals(_) => {}
        }
        if names.len() >= BATCH {
            take(std::mem::take(&mut names)).await?;
        }
    }
    take(names).await?;
    Ok(())
}

async fn remove_objects(tenant: &Tenant, offsite: &Offsite, named: &Scratch) -> StoreResult<u64> {
    let bad: Vec<ObjectId> = tenant.sql.bad_copies(BAD).await?.into_iter().map(|bad| bad.held.object).collect();
    let (mut after, mut removed, mut failed) = (None, 0, None);
    loop {
        let page = named.page(after, BATCH).await?;
        // One that stays must not keep the others.
        let Some(last) = page.last() else { return failed.map_or(Ok(removed), Err) };
        after = Some(*last);
        let objects: Vec<ObjectRef> = page.into_iter().map(|name| object(offsite, ObjectId::from_bytes(name))).collect();
        for (object, answer) in objects.iter().zip(offsite.objects.delete_all(&objects).await) {
            if let Err(error) = answer {
                failed = failed.or(Some(error));
                continue;
            }
            removed += 1;
            if bad.contains(&object.id) {
                tenant.sql.forget_bad_copy(object.id).await?;
            }
        }
    }
}

/// The manifests' own files go last: what they name has to be known until it is gone.
async fn remove_files(tenant: &Tenant, offsite: &Offsite, leaving: &[BackupRun]) -> StoreResult<()> {
    for run in leaving {
        if let Some(manifest) = &run.manifest {
            offsite.objects.delete(&object(offsite, manifest.object)).await?;
        }
        tenant.sql.set_backup(run.number, BackupState::Gone, None).await?;
    }
    Ok(())
}

fn object(offsite: &Offsite, id: ObjectId) -> ObjectRef {
    ObjectRef { placement: offsite.placement.clone(), id }
}
