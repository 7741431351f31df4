//! A tenant's history with deadlines and an observer.

use async_trait::async_trait;
use jiff::Timestamp;

use super::sql::MeteredSql;
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
impl HistoryStore for MeteredSql {
    async fn versions(&self, key: &DocKey, before: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        self.meter.within("versions", key, self.inner.versions(key, before, limit)).await
    }

    async fn all_versions(&self, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        self.meter.within("all_versions", &self.tenant, self.inner.all_versions(after, limit)).await
    }

    async fn version(&self, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>> {
        self.meter.within("version", key, self.inner.version(key, stamp)).await
    }

    async fn staged_version(&self, attempt: Attempt) -> StoreResult<Option<Version>> {
        self.meter.within("staged_version", &attempt, self.inner.staged_version(attempt)).await
    }

    async fn open_staged(&self, attempt: Attempt, offset: u64) -> StoreResult<SqlContentStream> {
        let content = self.meter.within("open_staged", &attempt, self.inner.open_staged(attempt, offset)).await?;
        Ok(self.meter.stream("read_staged", &attempt, content))
    }

    async fn publish_kept(&self, attempt: Attempt, epoch: Epoch, object: &ObjectRef, content: &Fingerprint) -> StoreResult<bool> {
        self.meter.unbounded("publish_kept", self.inner.publish_kept(attempt, epoch, object, content)).await
    }

    async fn expire(&self, older_than: u64, limit: usize) -> StoreResult<VersionCount> {
        self.meter.within("expire", &self.tenant, self.inner.expire(older_than, limit)).await
    }

    /// No deadline: it counts all versions, and somebody waits for the answer.
    async fn history(&self, older_than: Option<u64>) -> StoreResult<HistoryFigures> {
        self.meter.unbounded("history", self.inner.history(older_than)).await
    }

    async fn tick(&self) -> StoreResult<Tick> {
        self.meter.within("tick", &self.tenant, self.inner.tick()).await
    }

    async fn raise_tick(&self, seen: Tick) -> StoreResult<Tick> {
        self.meter.within("raise_tick", &self.tenant, self.inner.raise_tick(seen)).await
    }

    /// No deadline: who reconciles has to hear what came of it.
    async fn go_on_from(&self, tick: Tick) -> StoreResult<bool> {
        self.meter.unbounded("go_on_from", self.inner.go_on_from(tick)).await
    }

    async fn mark(&self, name: &MarkName) -> StoreResult<Timestamp> {
        self.meter.unbounded("mark", self.inner.mark(name)).await
    }

    async fn trace(&self, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
        self.meter.within("trace", key, self.inner.trace(key, instant)).await
    }

    async fn begin_restore(&self, wish: &RestoreWish) -> StoreResult<Option<u64>> {
        self.meter.unbounded("begin_restore", self.inner.begin_restore(wish)).await
    }

    async fn note_restore(
        &self,
        number: u64,
        collection: &CollectionName,
        figures: RestoreFigures,
        end: Option<WalkEnd>,
    ) -> StoreResult<bool> {
        self.meter.within("note_restore", collection, self.inner.note_restore(number, collection, figures, end)).await
    }

    async fn open_restore(&self, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
        self.meter.within("open_restore", collection, self.inner.open_restore(collection)).await
    }

    async fn cancel_restore(&self, number: u64) -> StoreResult<bool> {
        self.meter.unbounded("cancel_restore", self.inner.cancel_restore(number)).await
    }

    async fn restores(&self) -> StoreResult<Vec<RestoreRun>> {
        self.meter.within("restores", &self.tenant, self.inner.restores()).await
    }
}
