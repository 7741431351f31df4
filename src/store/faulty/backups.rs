//! A tenant's backups that fail by plan: `bounded` where the meter gives the call a deadline, else `unbounded`.

use async_trait::async_trait;
use jiff::Timestamp;

use super::sql::FaultySql;
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::history::Version;
use crate::model::id::{CollectionName, ObjectId};
use crate::store::backups::{BackupEnd, BackupStore, Ended, Located};
use crate::store::error::StoreResult;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BackupStore for FaultySql {
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>> {
        self.faults.bounded("begin_backup", self.inner.begin_backup()).await
    }

    async fn backups(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<BackupRun>> {
        self.faults.bounded("backups", self.inner.backups(before, limit)).await
    }

    async fn backups_in(&self, state: BackupState) -> StoreResult<Vec<BackupRun>> {
        self.faults.bounded("backups_in", self.inner.backups_in(state)).await
    }

    async fn note_backup(&self, number: u64, figures: BackupFigures) -> StoreResult<()> {
        self.faults.bounded("note_backup", self.inner.note_backup(number, figures)).await
    }

    async fn end_backup(&self, number: u64, figures: BackupFigures, end: BackupEnd) -> StoreResult<()> {
        self.faults.unbounded("end_backup", self.inner.end_backup(number, figures, end)).await
    }

    async fn set_backup(&self, number: u64, state: BackupState, reason: Option<&str>) -> StoreResult<()> {
        self.faults.bounded("set_backup", self.inner.set_backup(number, state, reason)).await
    }

    async fn adopt_backups(&self, manifests: Vec<Manifest>) -> StoreResult<()> {
        self.faults.unbounded("adopt_backups", self.inner.adopt_backups(manifests)).await
    }

    async fn note_bad_copies(&self, bad: Vec<BadCopy>) -> StoreResult<()> {
        self.faults.bounded("note_bad_copies", self.inner.note_bad_copies(bad)).await
    }

    async fn bad_copies(&self, limit: usize) -> StoreResult<Vec<BadCopy>> {
        self.faults.bounded("bad_copies", self.inner.bad_copies(limit)).await
    }

    async fn forget_bad_copy(&self, object: ObjectId) -> StoreResult<()> {
        self.faults.bounded("forget_bad_copy", self.inner.forget_bad_copy(object)).await
    }

    async fn located_since(
        &self,
        collection: &CollectionName,
        since: Timestamp,
        after: Option<&Located>,
        limit: usize,
    ) -> StoreResult<Vec<Located>> {
        self.faults.bounded("located_since", self.inner.located_since(collection, since, after, limit)).await
    }

    async fn ended_since(&self, since: Timestamp, after: Option<Ended>, limit: usize) -> StoreResult<Vec<Version>> {
        self.faults.bounded("ended_since", self.inner.ended_since(since, after, limit)).await
    }
}
