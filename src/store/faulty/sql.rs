//! A tenant's database that fails by plan. A new method is one line: `bounded` where the meter gives the call a deadline, else `unbounded`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::Faults;
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, State};
use crate::model::id::{CollectionName, DocId, DocKey, FreshKey, ObjectId, ObjectRef};
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

pub(super) struct FaultySql {
    pub(super) inner: Arc<dyn SqlStore>,
    pub(super) faults: Arc<Faults>,
}

impl FaultySql {
    pub(super) fn new(inner: Arc<dyn SqlStore>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SqlStore for FaultySql {
    async fn row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.faults.bounded("row", self.inner.row(key)).await
    }

    async fn bare_row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.faults.bounded("row", self.inner.bare_row(key)).await
    }

    async fn open(&self, key: &DocKey, revision: Revision, offset: u64, portion: usize) -> StoreResult<Option<SqlContentStream>> {
        let content = self.faults.bounded("open", self.inner.open(key, revision, offset, portion)).await?;
        Ok(content.map(|content| self.faults.breaking("read", content)))
    }

    async fn stage(&self, epoch: Epoch) -> StoreResult<Box<dyn Staging>> {
        let inner = self.faults.bounded("stage", self.inner.stage(epoch)).await?;
        Ok(Box::new(FaultyStaging { inner, faults: Arc::clone(&self.faults) }))
    }

    async fn commit(&self, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
        self.faults.unbounded("commit", self.inner.commit(key, epoch, change)).await
    }

    async fn insert(&self, collection: &CollectionName, epoch: Epoch, new: NewDocument) -> StoreResult<Insertion> {
        self.faults.unbounded("insert", self.inner.insert(collection, epoch, new)).await
    }

    async fn record_upload(&self, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded> {
        self.faults.bounded("record_upload", self.inner.record_upload(key, purpose, epoch)).await
    }

    async fn parts_begun(&self, upload: ObjectId, parts: &PartsId) -> StoreResult<bool> {
        self.faults.bounded("parts_begun", self.inner.parts_begun(upload, parts)).await
    }

    async fn condemn_upload(&self, upload: ObjectId) -> StoreResult<()> {
        self.faults.bounded("condemn_upload", self.inner.condemn_upload(upload)).await
    }

    async fn condemned(&self, age: Duration, limit: usize) -> StoreResult<Vec<Condemned>> {
        self.faults.bounded("condemned", self.inner.condemned(age, limit)).await
    }

    async fn upload_removed(&self, condemned: &Condemned) -> StoreResult<()> {
        self.faults.bounded("upload_removed", self.inner.upload_removed(condemned)).await
    }

    async fn scan(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        self.faults.bounded("scan", self.inner.scan(collection, after, limit)).await
    }

    async fn sample(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        self.faults.bounded("sample", self.inner.sample(collection, limit)).await
    }

    async fn state(&self) -> StoreResult<State> {
        self.faults.bounded("state", self.inner.state()).await
    }

    async fn flip(&self, permit: FlipPermit) -> StoreResult<Flipped> {
        self.faults.unbounded("flip", self.inner.flip(permit)).await
    }

    async fn tally(&self) -> StoreResult<Tally> {
        self.faults.bounded("tally", self.inner.tally()).await
    }

    async fn sweep_page(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        self.faults.bounded("sweep_page", self.inner.sweep_page(collection, after, limit)).await
    }

    async fn remaining(&self) -> StoreResult<Remaining> {
        self.faults.bounded("remaining", self.inner.remaining()).await
    }

    async fn set_read_only(&self, on: bool) -> StoreResult<()> {
        self.faults.unbounded("set_read_only", self.inner.set_read_only(on)).await
    }

    async fn changes(&self, collection: &CollectionName, limit: usize) -> StoreResult<Changes> {
        self.faults.bounded("changes", self.inner.changes(collection, limit)).await
    }

    async fn changes_seen(&self, collection: &CollectionName, reached: Revision) -> StoreResult<()> {
        self.faults.bounded("changes_seen", self.inner.changes_seen(collection, reached)).await
    }

    async fn begin_purge(&self, dry_run: bool) -> StoreResult<()> {
        self.faults.bounded("begin_purge", self.inner.begin_purge(dry_run)).await
    }

    async fn note_purge(&self, collection: &CollectionName, figures: PurgeFigures, end: Option<WalkEnd>) -> StoreResult<()> {
        self.faults.bounded("note_purge", self.inner.note_purge(collection, figures, end)).await
    }

    async fn purges(&self) -> StoreResult<Vec<PurgeRun>> {
        self.faults.bounded("purges", self.inner.purges()).await
    }

    async fn begin_verification(&self, wish: VerifyWish) -> StoreResult<Option<u64>> {
        self.faults.bounded("begin_verification", self.inner.begin_verification(wish)).await
    }

    async fn verifications(&self) -> StoreResult<Vec<VerifyRun>> {
        self.faults.bounded("verifications", self.inner.verifications()).await
    }

    async fn note_findings(&self, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool> {
        self.faults.bounded("note_findings", self.inner.note_findings(collection, epoch, findings)).await
    }

    async fn differences(&self, after: u64, limit: usize) -> StoreResult<Vec<Difference>> {
        self.faults.bounded("differences", self.inner.differences(after, limit)).await
    }

    async fn open_differences(&self) -> StoreResult<u64> {
        self.faults.bounded("open_differences", self.inner.open_differences()).await
    }

    async fn unverified(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        self.faults.bounded("unverified", self.inner.unverified(collection, limit)).await
    }

    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>> {
        self.faults.unbounded("placement_usage", self.inner.placement_usage()).await
    }

    async fn unnamed(&self, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
        self.faults.bounded("unnamed", self.inner.unnamed(objects)).await
    }
}

struct FaultyStaging {
    inner: Box<dyn Staging>,
    faults: Arc<Faults>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Staging for FaultyStaging {
    async fn append(&mut self, piece: Bytes) -> StoreResult<()> {
        self.faults.unbounded("append", self.inner.append(piece)).await
    }

    async fn finish(self: Box<Self>, content: Fingerprint) -> StoreResult<Staged> {
        self.faults.unbounded("finish", self.inner.finish(content)).await
    }

    async fn abandon(self: Box<Self>) -> StoreResult<()> {
        self.faults.unbounded("abandon", self.inner.abandon()).await
    }
}
