//! A tenant's history that fails by plan: `bounded` where the meter gives the call a deadline, else `unbounded`.

use async_trait::async_trait;
use jiff::Timestamp;

use super::sql::FaultySql;
use crate::model::content::Fingerprint;
use crate::model::history::{MarkName, Tick, Version, VersionNumber};
use crate::model::id::{Attempt, CollectionName, DocKey, ObjectRef};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::model::stamp::{Epoch, Stamp};
use crate::store::error::StoreResult;
use crate::store::history::{HistoryFigures, HistoryStore, VersionCount};
use crate::store::sql::{SqlContentStream, WalkEnd};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HistoryStore for FaultySql {
    async fn versions(&self, key: &DocKey, before: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        self.faults.bounded("versions", self.inner.versions(key, before, limit)).await
    }

    async fn all_versions(&self, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        self.faults.bounded("all_versions", self.inner.all_versions(after, limit)).await
    }

    async fn version(&self, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>> {
        self.faults.bounded("version", self.inner.version(key, stamp)).await
    }

    async fn staged_version(&self, attempt: Attempt) -> StoreResult<Option<Version>> {
        self.faults.bounded("staged_version", self.inner.staged_version(attempt)).await
    }

    async fn open_staged(&self, attempt: Attempt, offset: u64) -> StoreResult<SqlContentStream> {
        let content = self.faults.bounded("open_staged", self.inner.open_staged(attempt, offset)).await?;
        Ok(self.faults.breaking("read_staged", content))
    }

    async fn publish_kept(&self, attempt: Attempt, epoch: Epoch, object: &ObjectRef, content: &Fingerprint) -> StoreResult<bool> {
        self.faults.unbounded("publish_kept", self.inner.publish_kept(attempt, epoch, object, content)).await
    }

    async fn expire(&self, older_than: u64, limit: usize) -> StoreResult<VersionCount> {
        self.faults.bounded("expire", self.inner.expire(older_than, limit)).await
    }

    async fn history(&self, older_than: Option<u64>) -> StoreResult<HistoryFigures> {
        self.faults.unbounded("history", self.inner.history(older_than)).await
    }

    async fn tick(&self) -> StoreResult<Tick> {
        self.faults.bounded("tick", self.inner.tick()).await
    }

    async fn raise_tick(&self, seen: Tick) -> StoreResult<Tick> {
        self.faults.bounded("raise_tick", self.inner.raise_tick(seen)).await
    }

    async fn go_on_from(&self, tick: Tick) -> StoreResult<bool> {
        self.faults.unbounded("go_on_from", self.inner.go_on_from(tick)).await
    }

    async fn mark(&self, name: &MarkName) -> StoreResult<Timestamp> {
        self.faults.unbounded("mark", self.inner.mark(name)).await
    }

    async fn trace(&self, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
        self.faults.bounded("trace", self.inner.trace(key, instant)).await
    }

    async fn begin_restore(&self, wish: &RestoreWish) -> StoreResult<Option<u64>> {
        self.faults.unbounded("begin_restore", self.inner.begin_restore(wish)).await
    }

    async fn note_restore(
        &self,
        number: u64,
        collection: &CollectionName,
        figures: RestoreFigures,
        end: Option<WalkEnd>,
    ) -> StoreResult<bool> {
        self.faults.bounded("note_restore", self.inner.note_restore(number, collection, figures, end)).await
    }

    async fn open_restore(&self, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
        self.faults.bounded("open_restore", self.inner.open_restore(collection)).await
    }

    async fn cancel_restore(&self, number: u64) -> StoreResult<bool> {
        self.faults.unbounded("cancel_restore", self.inner.cancel_restore(number)).await
    }

    async fn restores(&self) -> StoreResult<Vec<RestoreRun>> {
        self.faults.bounded("restores", self.inner.restores()).await
    }
}
