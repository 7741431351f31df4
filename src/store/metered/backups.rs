//! A tenant's backups with deadlines and an observer.

use async_trait::async_trait;
use jiff::Timestamp;

use super::sql::MeteredSql;
use crate::model::backup::{BackupFigures, BackupRun, BackupState, BadCopy, Manifest};
use crate::model::history::Version;
use crate::model::id::{CollectionName, ObjectId};
use crate::store::backups::{BackupEnd, BackupStore, Ended, Located};
use crate::store::error::StoreResult;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl BackupStore for MeteredSql {
    async fn begin_backup(&self) -> StoreResult<Option<BackupRun>> {
        self.meter.within("begin_backup", &self.tenant, self.inner.begin_backup()).await
    }

    async fn backups(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<BackupRun>> {
        self.meter.within("backups", &self.tenant, self.inner.backups(before, limit)).await
    }

    async fn backups_in(&self, state: BackupState) -> StoreResult<Vec<BackupRun>> {
        self.meter.within("backups_in", &self.tenant, self.inner.backups_in(state)).await
    }

    async fn note_backup(&self, number: u64, figures: BackupFigures) -> StoreResult<()> {
        self.meter.within("note_backup", &self.tenant, self.inner.note_backup(number, figures)).await
    }

    /// No deadline: whoever has written a manifest has to hear that it is kept.
    async fn end_backup(&self, number: u64, figures: BackupFigures, end: BackupEnd) -> StoreResult<()> {
        self.meter.unbounded("end_backup", self.inner.end_backup(number, figures, end)).await
    }

    async fn set_backup(&self, number: u64, state: BackupState, reason: Option<&str>) -> StoreResult<()> {
        self.meter.within("set_backup", &self.tenant, self.inner.set_backup(number, state, reason)).await
    }

    /// No deadline: the run that is under way goes on under the number that this gives it.
    async fn adopt_backups(&self, manifests: Vec<Manifest>) -> StoreResult<()> {
        self.meter.unbounded("adopt_backups", self.inner.adopt_backups(manifests)).await
    }

    async fn note_bad_copies(&self, bad: Vec<BadCopy>) -> StoreResult<()> {
        self.meter.within("note_bad_copies", &self.tenant, self.inner.note_bad_copies(bad)).await
    }

    async fn bad_copies(&self, limit: usize) -> StoreResult<Vec<BadCopy>> {
        self.meter.within("bad_copies", &self.tenant, self.inner.bad_copies(limit)).await
    }

    async fn forget_bad_copy(&self, object: ObjectId) -> StoreResult<()> {
        self.meter.within("forget_bad_copy", &self.tenant, self.inner.forget_bad_copy(object)).await
    }

    async fn located_since(
        &self,
        collection: &CollectionName,
        since: Timestamp,
        after: Option<&Located>,
        limit: usize,
    ) -> StoreResult<Vec<Located>> {
        self.meter.within("located_since", &self.tenant, self.inner.located_since(collection, since, after, limit)).await
    }

    async fn ended_since(&self, since: Timestamp, after: Option<Ended>, limit: usize) -> StoreResult<Vec<Version>> {
        self.meter.within("ended_since", &self.tenant, self.inner.ended_since(since, after, limit)).await
    }
}
