//! Reads what a backup has, as if it were needed: the list, the chain and its signatures, the manifests' files, every object that they name.
//! What is bad is noted, so that the next run makes it anew.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::chain::{self, TrustedKeys};
use super::manifest::Line;
use super::reading::{self, Listed, Reading};
use super::{broken, scratch_name};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::model::backup::{BackupState, BadCopy, Held, Manifest};
use crate::model::content::PIECE_BYTES;
use crate::model::id::{ObjectRef, PlacementName, TenantId};
use crate::store::Scratch;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::measured::measured;
use crate::store::object::ObjectStore;
use crate::store::sql::SqlStore;

/// Objects that are read at once.
const AT_ONCE: usize = 8;

/// Lines of one look.
const BATCH: usize = 200;

/// Of more problems than this only the number is told.
const NAMED: u64 = 100;

/// What was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    pub manifests: u64,
    pub objects: u64,
    pub bytes: u64,
    pub problems: u64,
    /// The first of them, by name.
    pub named: Vec<String>,
}

impl Verified {
    fn problem(&mut self, told: String) {
        self.problems += 1;
        if self.problems <= NAMED {
            self.named.push(told);
        }
    }
}

/// What it takes to read a tenant's backup.
pub struct Verification<'a> {
    pub tenant: &'a TenantId,
    pub sql: &'a dyn SqlStore,
    pub objects: &'a dyn ObjectStore,
    pub placement: &'a PlacementName,
    pub keys: TrustedKeys,
    pub budget: &'a Budget,
    pub clock: &'a Arc<dyn Clock>,
}

impl Verification<'_> {
    /// `all`: every manifest that is kept, not only the newest one and what it is made from. `said` hears how far it is.
    pub async fn verify(&self, all: bool, mut said: impl FnMut(&Verified)) -> StoreResult<Verified> {
        let mut verified = Verified::default();
        let manifests = self.listed(&mut verified).await?;
        let newest = manifests.last().and_then(|newest| chain::chain(&manifests, newest.number));
        let chosen = if all { &manifests[..] } else { newest.unwrap_or(&manifests) };
        if chosen.is_empty() {
            verified.problem("there is no manifest: no backup has come to its end".to_owned());
        }
        let first = if all { 0 } else { chosen.first().map_or(0, |first| first.number) };
        for (number, flaw) in chain::flaws(self.tenant, &manifests, &self.keys).into_iter().filter(|(number, _)| *number >= first) {
            verified.problem(format!("manifest {number}: {flaw}"));
        }
        for run in self.sql.backups_in(BackupState::Broken).await?.into_iter().filter(|run| run.number >= first) {
            verified.problem(format!("manifest {} is broken: {}", run.number, run.reason.as_deref().unwrap_or("as it was found before")));
        }
        // Manifests of one chain, and neighbours, name the same objects.
        let read = Scratch::new()?;
        for manifest in chosen.iter().rev() {
            self.file(manifest, &read, &mut verified, &mut said).await?;
        }
        Ok(verified)
    }

    /// What the database keeps, compared with what the offsite store lists.
    async fn listed(&self, verified: &mut Verified) -> StoreResult<Vec<Manifest>> {
        let Listed { manifests, problems, is_there } = reading::listed(self.objects, self.placement, self.tenant, &self.keys).await?;
        problems.into_iter().for_each(|problem| verified.problem(problem));
        let kept = self.sql.backups_in(BackupState::Kept).await?;
        let kept: Vec<Manifest> = kept.into_iter().filter_map(|run| run.manifest).collect();
        if !is_there && !kept.is_empty() {
            verified.problem("the list of manifests is not in the offsite store".to_owned());
        }
        for manifest in &kept {
            if is_there && !manifests.contains(manifest) {
                verified.problem(format!("manifest {} is not in the offsite store's list as the database knows it", manifest.number));
            }
        }
        for manifest in manifests.iter().filter(|manifest| !kept.contains(manifest)) {
            verified.problem(format!("manifest {} is in the offsite store's list, and the database does not keep it", manifest.number));
        }
        Ok(kept)
    }

    async fn file(
        &self,
        manifest: &Manifest,
        read: &Scratch,
        verified: &mut Verified,
        said: &mut impl FnMut(&Verified),
    ) -> StoreResult<()> {
        verified.manifests += 1;
        let ended = self.lines(manifest, read, verified, said).await;
        let Err(error) = ended else { return Ok(()) };
        let reason = broken(error)?;
        verified.problem(format!("manifest {}: {reason}", manifest.number));
        self.sql.set_backup(manifest.number, BackupState::Broken, Some(&reason)).await
    }

    async fn lines(
        &self,
        manifest: &Manifest,
        read: &Scratch,
        verified: &mut Verified,
        said: &mut impl FnMut(&Verified),
    ) -> Result<(), reading::ReadError> {
        let mut file = Reading::open(self.objects, self.placement, self.tenant, manifest).await?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(line) = file.next().await? {
            match line {
                Line::Held(held) | Line::Version(held) => batch.push(held),
                Line::Header(_) | Line::Gone(_) | Line::Totals(_) => {}
            }
            if batch.len() >= BATCH {
                self.objects(std::mem::take(&mut batch), read, verified).await?;
                said(verified);
            }
        }
        self.objects(batch, read, verified).await?;
        said(verified);
        Ok(())
    }

    async fn objects(&self, lines: Vec<Held>, read: &Scratch, verified: &mut Verified) -> StoreResult<()> {
        // By what is said of it, too: two manifests that say different things of one object are two questions.
        let names = lines.iter().map(|held| scratch_name(&held.object.to_string(), &held.sha256.to_string())).collect();
        let new = read.add(names).await?;
        let lines = lines.into_iter().zip(new).filter(|(_, new)| *new).map(|(held, _)| held);
        let looks = stream::iter(lines).map(|held| self.look(held)).buffered(AT_ONCE);
        let looked: Vec<(Held, Option<String>)> = looks.try_collect().await?;
        let mut bad = Vec::new();
        for (held, what) in looked {
            verified.objects += 1;
            verified.bytes += held.length;
            if let Some(what) = what {
                let object = self.copy_of(&held);
                verified.problem(format!("{object}, a content of {}/{}/{}: {what}", self.tenant, held.collection, held.document));
                bad.push(BadCopy { held, what, found_at: self.clock.now() });
            }
        }
        if bad.is_empty() { Ok(()) } else { self.sql.note_bad_copies(bad).await }
    }

    /// What is wrong with one object, if anything is.
    async fn look(&self, held: Held) -> StoreResult<(Held, Option<String>)> {
        let _grant = self.budget.acquire_again(held.length.min(2 * PIECE_BYTES as u64)).await;
        let content = match self.objects.get(&self.copy_of(&held), 0..held.length).await {
            Ok(Some(content)) => content,
            Ok(None) => return Ok((held, Some("it is not there".to_owned()))),
            Err(error) => return told(held, error),
        };
        let (mut content, measurement) = measured(content);
        while let Some(portion) = content.next().await {
            match portion {
                Ok(_) => {}
                Err(Interrupted::Store(error)) => return told(held, error),
                Err(error @ (Interrupted::Moved | Interrupted::Client(_))) => {
                    return Err(StoreError::new("offsite", "read", self.copy_of(&held), StoreErrorKind::Other).because(error));
                }
            }
        }
        let what = match measurement.fingerprint() {
            Some(found) if (found.length_bytes, found.sha256) == (held.length, held.sha256) => None,
            Some(found) => Some(format!("its SHA-256 is {}, and the manifest says {}", found.sha256, held.sha256)),
            None => Some("it ends early".to_owned()),
        };
        Ok((held, what))
    }

    fn copy_of(&self, held: &Held) -> ObjectRef {
        ObjectRef { placement: self.placement.clone(), id: held.object }
    }
}

/// What the store itself finds wrong with an object is an answer; that it does not answer is none.
fn told(held: Held, error: StoreError) -> StoreResult<(Held, Option<String>)> {
    if error.kind == StoreErrorKind::Corrupt { Ok((held, Some(error.chain()))) } else { Err(error) }
}
