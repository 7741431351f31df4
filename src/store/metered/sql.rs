//! A tenant's database with deadlines and an observer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::Meter;
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, State};
use crate::model::id::{CollectionName, DocId, DocKey, FreshKey, ObjectId, ObjectRef, TenantId};
use crate::model::phase::FlipPermit;
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::model::stamp::{Epoch, Revision};
use crate::model::verification::{Difference, VerifyRun, VerifyWish};
use crate::store::error::StoreResult;
use crate::store::object::PartsId;
use crate::store::sql::{
    Change, Changes, Commit, Condemned, Findings, Flipped, Insertion, NewDocument, Page, PlacementUsage, Recorded, Remaining,
    SqlContentStream, SqlStore, Staged, Staging, Tally, UploadPurpose, WalkEnd,
};

pub struct MeteredSql {
    pub(super) inner: Arc<dyn SqlStore>,
    /// Names the database in errors.
    pub(super) tenant: TenantId,
    pub(super) meter: Meter,
}

impl MeteredSql {
    pub fn new(inner: Arc<dyn SqlStore>, tenant: TenantId, meter: Meter) -> Self {
        Self { inner, tenant, meter }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SqlStore for MeteredSql {
    async fn row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.meter.within("row", key, self.inner.row(key)).await
    }

    async fn bare_row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.meter.within("bare_row", key, self.inner.bare_row(key)).await
    }

    async fn open(&self, key: &DocKey, revision: Revision, offset: u64, portion: usize) -> StoreResult<Option<SqlContentStream>> {
        let content = self.meter.within("open", key, self.inner.open(key, revision, offset, portion)).await?;
        Ok(content.map(|content| self.meter.stream("read", key, content)))
    }

    async fn stage(&self, epoch: Epoch) -> StoreResult<Box<dyn Staging>> {
        let inner = self.meter.within("stage", &self.tenant, self.inner.stage(epoch)).await?;
        Ok(Box::new(MeteredStaging { inner, meter: self.meter.clone() }))
    }

    /// No deadline: a large commit holds the one writer for as long as its bytes take, others wait behind it, and giving up
    /// midway would only leave an unknown outcome. The database's busy time-out bounds the wait.
    async fn commit(&self, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
        self.meter.unbounded("commit", self.inner.commit(key, epoch, change)).await
    }

    /// No deadline, for the same reason as `commit`.
    async fn insert(&self, collection: &CollectionName, epoch: Epoch, new: NewDocument) -> StoreResult<Insertion> {
        self.meter.unbounded("insert", self.inner.insert(collection, epoch, new)).await
    }

    async fn record_upload(&self, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded> {
        self.meter.within("record_upload", key.object(), self.inner.record_upload(key, purpose, epoch)).await
    }

    async fn parts_begun(&self, upload: ObjectId, parts: &PartsId) -> StoreResult<bool> {
        self.meter.within("parts_begun", &upload, self.inner.parts_begun(upload, parts)).await
    }

    async fn condemn_upload(&self, upload: ObjectId) -> StoreResult<()> {
        self.meter.within("condemn_upload", &upload, self.inner.condemn_upload(upload)).await
    }

    async fn condemned(&self, age: Duration, limit: usize) -> StoreResult<Vec<Condemned>> {
        self.meter.within("condemned", &self.tenant, self.inner.condemned(age, limit)).await
    }

    async fn upload_removed(&self, condemned: &Condemned) -> StoreResult<()> {
        self.meter.within("upload_removed", &condemned.object, self.inner.upload_removed(condemned)).await
    }

    async fn scan(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        let target = format!("{}/{collection}", self.tenant);
        self.meter.within("scan", &target, self.inner.scan(collection, after, limit)).await
    }

    async fn sample(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        let target = format!("{}/{collection}", self.tenant);
        self.meter.within("sample", &target, self.inner.sample(collection, limit)).await
    }

    async fn state(&self) -> StoreResult<State> {
        self.meter.within("state", &self.tenant, self.inner.state()).await
    }

    /// No deadline, for the same reason as `commit`: an operator has to hear which phase holds.
    async fn flip(&self, permit: FlipPermit) -> StoreResult<Flipped> {
        self.meter.unbounded("flip", self.inner.flip(permit)).await
    }

    /// No deadline, for the same reason as `flip`.
    async fn set_read_only(&self, on: bool) -> StoreResult<()> {
        self.meter.unbounded("set_read_only", self.inner.set_read_only(on)).await
    }

    async fn tally(&self) -> StoreResult<Tally> {
        self.meter.within("tally", &self.tenant, self.inner.tally()).await
    }

    async fn sweep_page(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        self.meter.within("sweep_page", collection, self.inner.sweep_page(collection, after, limit)).await
    }

    async fn remaining(&self) -> StoreResult<Remaining> {
        self.meter.within("remaining", &self.tenant, self.inner.remaining()).await
    }

    async fn changes(&self, collection: &CollectionName, limit: usize) -> StoreResult<Changes> {
        self.meter.within("changes", collection, self.inner.changes(collection, limit)).await
    }

    async fn changes_seen(&self, collection: &CollectionName, reached: Revision) -> StoreResult<()> {
        self.meter.within("changes_seen", collection, self.inner.changes_seen(collection, reached)).await
    }

    async fn begin_purge(&self, dry_run: bool) -> StoreResult<()> {
        self.meter.within("begin_purge", &self.tenant, self.inner.begin_purge(dry_run)).await
    }

    async fn note_purge(&self, collection: &CollectionName, figures: PurgeFigures, end: Option<WalkEnd>) -> StoreResult<()> {
        self.meter.within("note_purge", collection, self.inner.note_purge(collection, figures, end)).await
    }

    async fn purges(&self) -> StoreResult<Vec<PurgeRun>> {
        self.meter.within("purges", &self.tenant, self.inner.purges()).await
    }

    async fn begin_verification(&self, wish: VerifyWish) -> StoreResult<Option<u64>> {
        self.meter.within("begin_verification", &self.tenant, self.inner.begin_verification(wish)).await
    }

    async fn verifications(&self) -> StoreResult<Vec<VerifyRun>> {
        self.meter.within("verifications", &self.tenant, self.inner.verifications()).await
    }

    async fn note_findings(&self, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool> {
        self.meter.within("note_findings", collection, self.inner.note_findings(collection, epoch, findings)).await
    }

    async fn differences(&self, after: u64, limit: usize) -> StoreResult<Vec<Difference>> {
        self.meter.within("differences", &self.tenant, self.inner.differences(after, limit)).await
    }

    async fn open_differences(&self) -> StoreResult<u64> {
        self.meter.within("open_differences", &self.tenant, self.inner.open_differences()).await
    }

    async fn unverified(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        self.meter.within("unverified", collection, self.inner.unverified(collection, limit)).await
    }

    /// No deadline: in a table of millions it takes its time, and a count that was dropped would only be begun again. The database's own
    /// time-out bounds it.
    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>> {
        self.meter.unbounded("placement_usage", self.inner.placement_usage()).await
    }

    async fn unnamed(&self, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
        self.meter.within("unnamed", &self.tenant, self.inner.unnamed(objects)).await
    }
}

/// Without deadlines: a piece whose append was given up may be there or not, and its attempt with it.
struct MeteredStaging {
    inner: Box<dyn Staging>,
    meter: Meter,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Staging for MeteredStaging {
    async fn append(&mut self, piece: Bytes) -> StoreResult<()> {
        self.meter.unbounded("append", self.inner.append(piece)).await
    }

    async fn finish(self: Box<Self>, content: Fingerprint) -> StoreResult<Staged> {
        self.meter.unbounded("finish", self.inner.finish(content)).await
    }

    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        self.meter.unbounded("abandon", self.inner.abandon()).await
    }
}
