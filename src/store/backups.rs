//! The part of the tenant database's contract that is about backups: runs and what became of their manifests, what changed since an instant, and
//! copies in the offsite store that are not what they should be.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::StoreResult;
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::history::{Version, VersionNumber};
use crate::model::id::{CollectionName, DocId, ObjectId};

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupEnd {
    /// The manifest is in the offsite store.
    Kept(Box<Manifest>),
    Failed(String),
}

/// Where a document's location was put, and when: also the place from which such a walk goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    pub at: Timestamp,
    pub id: DocId,
}

/// The place from which a walk over ended contents goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub at: Timestamp,
    pub number: VersionNumber,
}

#[async_trait]
pub trait BackupStore: Send + Sync {
    /// Begins a backup, its row and its job in one transaction, with the database's time for the instant. `None`: one is under way, or
    /// has its job still, which removes what left the backup. One whose job was given up has failed by that, and another begins.
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>>;

    /// Up to `limit` runs below `before`, the newest first.
    async fn backups(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<BackupRun>>;

    /// All runs in this state, the oldest first.
    async fn backups_in(&self, state: BackupState) -> StoreResult<Vec<BackupRun>>;

    /// Notes how far a run is.
    async fn note_backup(&self, number: u64, figures: BackupFigures) -> StoreResult<()>;

    /// One that is not running any more stays as it is.
    async fn end_backup(&self, number: u64, figures: BackupFigures, end: BackupEnd) -> StoreResult<()>;

    /// What became of a manifest. While it is kept, no version goes that held at its instant.
    async fn set_backup(&self, number: u64, state: BackupState, reason: Option<&str>) -> StoreResult<()>;

    /// One transaction: manifests that the offsite store lists and the database does not know, because it was put back or its tables are new, are
    /// kept. A run that is under way goes on under a number beyond all of them.
    async fn adopt_backups(&self, manifests: Vec<Manifest>) -> StoreResult<()>;

    /// Notes copies that are not what they should be; what was noted of the same objects before is replaced.
    async fn note_bad_copies(&self, bad: Vec<BadCopy>) -> StoreResult<()>;

    /// Up to `limit`, in the order of their objects.
    async fn bad_copies(&self, limit: usize) -> StoreResult<Vec<BadCopy>>;

    /// The copy is what it should be again, or nobody names it any more.
    async fn forget_bad_copy(&self, object: ObjectId) -> StoreResult<()>;

    /// Up to `limit` documents whose location was put at `since` or later, in the order of that time, behind `after`.
    async fn located_since(
        &self,
        collection: &CollectionName,
        since: Timestamp,
        after: Option<&Located>,
        limit: usize,
    ) -> StoreResult<Vec<Located>>;

    /// Up to `limit` versions that ended at `since` or later, in the order of that time, behind `after`.
    async fn ended_since(&self, since: Timestamp, after: Option<Ended>, limit: usize) -> StoreResult<Vec<Version>>;
}
