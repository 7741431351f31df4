//! A run: what the offsite store and the database know of each other, copies that went bad, the walk, the manifest, the list of all manifests.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::chain::{SigningKey, TrustedKeys, increment_on};
use super::copying::{Copied, Copying, Rate};
use super::manifest::{COLLECTION, FORMAT, Header, Previous};
use super::reading::{self, STORE};
use super::spool::{Spool, Spooled};
use super::walk::Walk;
use super::{BackupError, Means, signing_key};
use crate::config::BackupConfig;
use crate::model::backup::{BackupKind, BackupRun, BackupState, BadCopy, Manifest, Signature};
use crate::model::id::{ObjectId, ObjectRef};
use crate::store::backups::BackupEnd;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::object::{ObjectMeta, PutError, Upload};
use crate::store::queue::Lease;
use crate::tenants::ownership::Standing;
use crate::tenants::{Offsite, Tenant};

/// Manifests that are looked for at once.
const AT_ONCE: usize = 8;

/// Bad copies that one run makes anew.
const HEALED_AT_ONCE: usize = 10_000;

/// Runs of one look.
const RUNS: usize = 1000;

/// Brings the run that is under way to its end. Nothing to do where there is none.
pub async fn run(means: &Means<'_>, tenant: &Tenant, offsite: &Offsite, config: &BackupConfig, lease: &Lease) -> Result<(), BackupError> {
    let Some(running) = tenant.sql.backups_in(BackupState::Running).await?.pop() else { return Ok(()) };
    own(means, offsite).await?;
    let key = signing_key(&tenant.id, config).await?;
    let keys = TrustedKeys { own: key.public_key(), former: config.former_keys.clone() };
    let rate = Arc::new(Rate::new(config.bytes_per_second));
    Run { means, tenant, offsite, lease, key, keys, rate }.bring_to_its_end(running).await
}

/// A copy of the database has a backup of its own: never in the place of production's.
pub async fn own(means: &Means<'_>, offsite: &Offsite) -> StoreResult<()> {
    let installation = means.control.installation().await?;
    // What nobody owns is claimed at the first look, and ours at the second.
    for _ in 0..2 {
        match offsite.ownership.look(&*offsite.objects, &installation).await? {
            Standing::Ours => return Ok(()),
            Standing::Unknown => {}
            Standing::Anothers { owner, .. } => {
                let reason = format!("it belongs to installation {owner}: see `sluss reconcile`");
                return Err(StoreError::new(STORE, "back up to", &offsite.placement, StoreErrorKind::Other).because(reason));
            }
        }
    }
    let reason = "another installation claims it at the same time";
    Err(StoreError::new(STORE, "back up to", &offsite.placement, StoreErrorKind::Unavailable).because(reason))
}

struct Run<'a> {
    means: &'a Means<'a>,
    tenant: &'a Tenant,
    offsite: &'a Offsite,
    lease: &'a Lease,
    key: SigningKey,
    keys: TrustedKeys,
    rate: Arc<Rate>,
}

impl Run<'_> {
    async fn bring_to_its_end(&self, running: BackupRun) -> Result<(), BackupError> {
        let Some(running) = self.align(running).await? else { return Ok(()) };
        self.remove_leftover().await?;
        self.heal().await?;
        let kept = self.kept().await?;
        let state = self.tenant.sql.state().await?;
        let on = increment_on(&kept, running.instant, state.epoch.0);
        let header = Header {
            sluss_manifest: FORMAT,
            tenant: self.tenant.id.clone(),
            number: running.number,
            instant: running.instant,
            kind: if on.is_some() { BackupKind::Increment } else { BackupKind::Base },
            previous: kept.last().map(|last| Previous { number: last.number, sha256: last.sha256 }),
            collections: self.tenant.config.collections.iter().map(|collection| collection.name.to_string()).collect(),
            epoch: state.epoch.0,
            phase: state.phase,
        };
        let mut walk = Walk::new(self.copying(), running.number, running.instant, Spool::new(&header)?, running.figures)?;
        match on {
            Some(previous) => walk.increment(previous).await?,
            None => walk.base().await?,
        }
        let only_in_sql = u64::try_from(self.tenant.sql.tally().await?.sql.documents).unwrap_or_default();
        let Walk { spool, mut figures, staged_from, .. } = walk;
        figures.only_in_sql = only_in_sql;
        let spooled = spool.finish(only_in_sql).await?;
        let versions = spooled.totals.versions;
        let Some(manifest) = self.put(&header, spooled, staged_from).await? else { return Ok(()) };
        let length = manifest.length;
        self.tenant.sql.end_backup(running.number, figures, BackupEnd::Kept(Box::new(manifest))).await?;
        tracing::info!(
            event = "backed_up",
            documents = figures.documents,
            versions,
            objects = figures.objects_copied,
            size_bytes = figures.bytes_copied,
            "backup {} of {} is a {} of {} documents and {versions} versions in {length} bytes; {} objects were copied",
            running.number,
            self.tenant.id,
            header.kind,
            figures.documents,
            figures.objects_copied
        );
        Ok(())
    }

    fn copying(&self) -> Copying<'_> {
        Copying { means: self.means, tenant: self.tenant, offsite: self.offsite, rate: Arc::clone(&self.rate) }
    }

    /// Takes in what the offsite store lists and the database does not know: it was put back to an earlier moment, or its tables are new. `None`:
    /// an earlier attempt had written this very run's manifest, and it is kept now.
    async fn align(&self, running: BackupRun) -> StoreResult<Option<BackupRun>> {
        let (objects, placement) = (&*self.offsite.objects, &self.offsite.placement);
        let listed = reading::listed(objects, placement, &self.tenant.id, &self.keys).await?;
        listed.problems.iter().for_each(|problem| tracing::error!(event = "backup_damaged", "{}: {problem}", self.tenant.id));
        let known = self.known().await?;
        let is_known =
            |manifest: &Manifest| known.iter().any(|run| run.manifest.as_ref().is_some_and(|known| known.sha256 == manifest.sha256));
        let unknown: Vec<Manifest> = listed.manifests.into_iter().filter(|manifest| !is_known(manifest)).collect();
        if unknown.is_empty() {
            return Ok(Some(running));
        }
        tracing::warn!(
            event = "manifests_adopted",
            "the database of {} did not know {} manifests of its backup",
            self.tenant.id,
            unknown.len()
        );
        self.tenant.sql.adopt_backups(unknown).await?;
        Ok(self.tenant.sql.backups_in(BackupState::Running).await?.pop())
    }

    async fn known(&self) -> StoreResult<Vec<BackupRun>> {
        let mut known: Vec<BackupRun> = Vec::new();
        loop {
            let page = self.tenant.sql.backups(known.last().map(|run| run.number), RUNS).await?;
            let whole = page.len() < RUNS;
            known.extend(page);
            if whole {
                return Ok(known);
            }
        }
    }

    /// The manifest's file of an attempt that did not hear what became of it.
    async fn remove_leftover(&self) -> StoreResult<()> {
        let Some(leftover) = self.lease.checkpoint.as_deref().and_then(|kept| kept.parse::<ObjectId>().ok()) else { return Ok(()) };
        // It is no leftover where its manifest was kept after all, or was taken in just now.
        if kept_manifests(self.tenant).await?.iter().any(|manifest| manifest.object == leftover) {
            return Ok(());
        }
        match self.offsite.objects.delete(&ObjectRef { placement: self.offsite.placement.clone(), id: leftover }).await {
            // Nobody names it, and it takes room until somebody lists what nobody names.
            Err(error) if error.locked_until().is_some() => Ok(()),
            removed => removed,
        }
    }

    /// Copies anew what a verification found to be bad, where the tenant's own store has it still.
    async fn heal(&self) -> Result<(), BackupError> {
        let copying = self.copying();
        for BadCopy { held, .. } in self.tenant.sql.bad_copies(HEALED_AT_ONCE).await? {
            let source = ObjectRef { placement: held.placement.clone(), id: held.object };
            if self.tenant.objects.head(&source).await?.is_none() {
                tracing::error!(event = "backup_damaged", "the copy of {source} is bad, and {} has it no more", self.tenant.id);
                continue;
            }
            let copy = copying.copy_of(&held);
            match self.offsite.objects.delete(&copy).await {
                // A store that locks keeps versions: what is put now is what is read.
                Err(error) if error.locked_until().is_some() => {}
                removed => removed?,
            }
            match copying.copy(&held).await? {
                Copied::LeftOut(reason) => tracing::error!(event = "backup_damaged", "a bad copy cannot be made anew: {reason}"),
                Copied::Now | Copied::There => {
                    self.tenant.sql.forget_bad_copy(held.object).await?;
                    tracing::info!(event = "copy_healed", "the copy of {source} was made anew");
                }
            }
        }
        Ok(())
    }

    /// The manifests that are kept. One whose file is gone is not.
    async fn kept(&self) -> StoreResult<Vec<Manifest>> {
        let manifests = kept_manifests(self.tenant).await?;
        let looks = stream::iter(manifests).map(|manifest| async move {
            let file = ObjectRef { placement: self.offsite.placement.clone(), id: manifest.object };
            Ok::<_, StoreError>((self.offsite.objects.head(&file).await?.is_some(), manifest))
        });
        let looked: Vec<(bool, Manifest)> = looks.buffered(AT_ONCE).try_collect().await?;
        let mut kept = Vec::with_capacity(looked.len());
        for (is_there, manifest) in looked {
            if is_there {
                kept.push(manifest);
            } else {
                note_broken(self.tenant, manifest.number, "its file is not there").await?;
            }
        }
        Ok(kept)
    }

    /// Puts the file and signs it. `None`: another agent has the job now.
    async fn put(&self, header: &Header, spooled: Spooled, staged_from: Option<Timestamp>) -> Result<Option<Manifest>, BackupError> {
        let (content, totals, length) = (spooled.content.clone(), spooled.totals, spooled.content.length_bytes);
        let key = self.offsite.objects.mint();
        let object = key.object().clone();
        if !self.tenant.jobs.checkpoint(self.lease, &object.id.to_string()).await? {
            return Ok(None);
        }
        let meta = ObjectMeta {
            tenant: self.tenant.id.to_string(),
            collection: COLLECTION.to_owned(),
            document: header.number.to_string(),
            stamp: format!("o-{}", object.id),
            media_type: Some("application/gzip".to_owned()),
            file_name: Some(format!("{}-{}.jsonl.gz", self.tenant.id, header.number)),
            sha256: Some(content.sha256.to_string()),
        };
        let memory = self.offsite.objects.upload_bytes(Some(length)) + length.min(crate::model::content::PIECE_BYTES as u64);
        let Some(_grant) = self.means.budget.acquire(memory).await else { return Err(BackupError::NoMemory) };
        match self.offsite.objects.put(Upload::unlogged(key, meta, Some(length), spooled.into_content())).await {
            Ok(_) => {}
            Err(PutError::Store(error) | PutError::Content(Interrupted::Store(error))) => return Err(error.into()),
            Err(PutError::Content(error @ (Interrupted::Moved | Interrupted::Client(_)))) => {
                return Err(StoreError::new(STORE, "put", object, StoreErrorKind::Other).because(error).into());
            }
        }
        let manifest = Manifest {
            number: header.number,
            instant: header.instant,
            kind: header.kind,
            epoch: header.epoch,
            object: object.id,
            length,
            sha256: content.sha256,
            previous: header.previous.as_ref().map(|previous| previous.sha256),
            staged_from,
            documents: totals.documents,
            bytes: totals.bytes,
            signature: Signature([0; 64]),
        };
        Ok(Some(self.key.sign(&self.tenant.id, &manifest)))
    }
}

/// What is kept of a tenant, by its numbers.
pub(super) async fn kept_manifests(tenant: &Tenant) -> StoreResult<Vec<Manifest>> {
    let kept = tenant.sql.backups_in(BackupState::Kept).await?;
    Ok(kept.into_iter().filter_map(|run| run.manifest).collect())
}

pub(super) async fn note_broken(tenant: &Tenant, number: u64, reason: &str) -> StoreResult<()> {
    tracing::error!(event = "backup_damaged", "manifest {number} of {} is broken: {reason}", tenant.id);
    tenant.sql.set_backup(number, BackupState::Broken, Some(reason)).await
}

/// Writes the list of what is kept beside the objects.
pub(super) async fn list(tenant: &Tenant, offsite: &Offsite, keys: &TrustedKeys) -> StoreResult<()> {
    let kept = kept_manifests(tenant).await?;
    reading::list(&*offsite.objects, &offsite.placement, &tenant.id, keys, kept).await
}
