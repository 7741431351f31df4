//! One tenant in one database file: the adapter behind `SqlStore` and `JobQueue`. Each method names its transaction; the rooms beside this one hold them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::params;

use super::file::{Outcome, SqliteFile};
use super::table::Table;
use super::{
    STORE, change, changes, content, differences, history, insertion, placements, purges, restores, rows, scan, staging, tally, ticks,
    uploads, verification,
};
use crate::clock::Clock;
use crate::model::content::Fingerprint;
use crate::model::document::{DocRow, State};
use crate::model::history::{MarkName, Tick, Version, VersionNumber};
use crate::model::id::{Attempt, CollectionName, DocId, DocKey, FreshKey, ObjectId, ObjectRef, TenantId};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::FlipPermit;
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish, Trace};
use crate::model::stamp::{Epoch, Revision, Stamp};
use crate::model::verification::{Difference, VerifyRun, VerifyWish};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::history::{HistoryFigures, HistoryStore, VersionCount};
use crate::store::object::PartsId;
use crate::store::settings::TenantSettings;
use crate::store::sql::{
    Change, Changes, Commit, Condemned, Findings, Flipped, Insertion, NewDocument, Page, PlacementUsage, Recorded, Remaining,
    SqlContentStream, SqlStore, Staging, Tally, UploadPurpose, WalkEnd,
};

#[derive(Clone)]
pub struct SqliteTenant {
    pub(super) file: Arc<SqliteFile>,
    pub(super) id: TenantId,
    pub(super) mirror: bool,
    pub(super) history: bool,
    pub(super) clock: Arc<dyn Clock>,
    tables: Vec<Arc<Table>>,
}

impl SqliteTenant {
    pub fn new(file: Arc<SqliteFile>, settings: &TenantSettings, clock: Arc<dyn Clock>) -> Self {
        let tables = settings.collections.iter().map(|config| Arc::new(Table::new(config, &settings.id))).collect();
        Self { file, id: settings.id.clone(), mirror: settings.mirror, history: settings.history, clock, tables }
    }

    pub(super) fn table(&self, collection: &CollectionName) -> StoreResult<Arc<Table>> {
        let found = self.tables.iter().find(|table| &table.collection == collection).cloned();
        found.ok_or_else(|| {
            StoreError::new(STORE, "find", format!("{}/{collection}", self.id), StoreErrorKind::Other).because("no such collection")
        })
    }

    pub(super) fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    async fn look_up(&self, key: &DocKey, inline: bool) -> StoreResult<DocRow> {
        let (table, tenant, id) = (self.table(&key.collection)?, self.id.clone(), key.id.clone());
        self.file.read("look up", key.to_string(), move |connection| rows::look_up(connection, &tenant, &table, &id, inline)).await
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }
}

#[async_trait]
impl SqlStore for SqliteTenant {
    async fn row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.look_up(key, true).await
    }

    async fn bare_row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.look_up(key, false).await
    }

    async fn open(&self, key: &DocKey, revision: Revision, offset: u64, portion: usize) -> StoreResult<Option<SqlContentStream>> {
        let wanted = content::Wanted { table: self.table(&key.collection)?, key: key.clone(), revision, offset, portion };
        content::open(&self.file, wanted).await
    }

    async fn stage(&self, epoch: Epoch) -> StoreResult<Box<dyn Staging>> {
        staging::begin(self, epoch).await
    }

    async fn commit(&self, key: &DocKey, epoch: Epoch, change: Change) -> StoreResult<Commit> {
        change::commit(self, key, epoch, change).await
    }

    async fn insert(&self, collection: &CollectionName, epoch: Epoch, new: NewDocument) -> StoreResult<Insertion> {
        insertion::insert(self, collection, epoch, new).await
    }

    async fn record_upload(&self, key: &FreshKey, purpose: UploadPurpose, epoch: Epoch) -> StoreResult<Recorded> {
        uploads::record(self, key, purpose, epoch).await
    }

    async fn parts_begun(&self, upload: ObjectId, parts: &PartsId) -> StoreResult<bool> {
        uploads::parts_begun(self, upload, parts).await
    }

    async fn condemn_upload(&self, upload: ObjectId) -> StoreResult<()> {
        uploads::condemn(self, upload).await
    }

    async fn condemned(&self, age: Duration, limit: usize) -> StoreResult<Vec<Condemned>> {
        uploads::condemned(self, age, limit).await
    }

    async fn upload_removed(&self, condemned: &Condemned) -> StoreResult<()> {
        uploads::removed(self, condemned).await
    }

    async fn scan(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        scan::page(self, collection, after, limit).await
    }

    async fn sample(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        scan::sample(self, collection, limit).await
    }

    async fn state(&self) -> StoreResult<State> {
        let tenant = self.id.clone();
        self.file.read("read the state of", self.id.to_string(), move |connection| rows::state(connection, &tenant)).await
    }

    async fn flip(&self, permit: FlipPermit) -> StoreResult<Flipped> {
        let (tenant, now) = (self.id.clone(), self.now());
        let sweeps: Vec<NewJob> = self.tables.iter().map(|table| sweep_of(&tenant, &table.collection)).collect();
        self.file
            .write("flip", self.id.to_string(), move |tx| {
                let flipped = tx.execute(
                    "UPDATE sluss_state SET phase = ?1 WHERE tenant = ?2 AND phase = ?3",
                    params![permit.to().label(), tenant.as_str(), permit.from().label()],
                )?;
                if flipped != 1 {
                    return Ok(Outcome::Rollback(Flipped::Moved));
                }
                for sweep in &sweeps {
                    super::jobs::restart(tx, sweep, now)?;
                }
                Ok(Outcome::Commit(Flipped::Done))
            })
            .await
    }

    async fn set_read_only(&self, on: bool) -> StoreResult<()> {
        let tenant = self.id.clone();
        self.file
            .write("set read-only", self.id.to_string(), move |tx| {
                match tx.execute("UPDATE sluss_state SET read_only = ?2 WHERE tenant = ?1", params![tenant.as_str(), on])? {
                    0 => Err(rows::not_initialised(&tenant)),
                    _ => Ok(Outcome::Commit(())),
                }
            })
            .await
    }

    async fn tally(&self) -> StoreResult<Tally> {
        tally::tally(self).await
    }

    async fn sweep_page(&self, collection: &CollectionName, after: Option<&DocId>, limit: usize) -> StoreResult<Page> {
        tally::sweep_page(self, collection, after, limit).await
    }

    async fn remaining(&self) -> StoreResult<Remaining> {
        scan::remaining(self).await
    }

    async fn changes(&self, collection: &CollectionName, limit: usize) -> StoreResult<Changes> {
        changes::page(self, collection, limit).await
    }

    async fn changes_seen(&self, collection: &CollectionName, reached: Revision) -> StoreResult<()> {
        changes::seen(self, collection, reached).await
    }

    async fn begin_purge(&self, dry_run: bool) -> StoreResult<()> {
        purges::begin(self, dry_run).await
    }

    async fn note_purge(&self, collection: &CollectionName, figures: PurgeFigures, end: Option<WalkEnd>) -> StoreResult<()> {
        purges::note(self, collection, figures, end).await
    }

    async fn purges(&self) -> StoreResult<Vec<PurgeRun>> {
        purges::runs(self).await
    }

    async fn begin_verification(&self, wish: VerifyWish) -> StoreResult<Option<u64>> {
        verification::begin(self, wish).await
    }

    async fn verifications(&self) -> StoreResult<Vec<VerifyRun>> {
        verification::runs(self).await
    }

    async fn note_findings(&self, collection: &CollectionName, epoch: Epoch, findings: Findings) -> StoreResult<bool> {
        verification::note(self, collection, epoch, findings).await
    }

    async fn differences(&self, after: u64, limit: usize) -> StoreResult<Vec<Difference>> {
        differences::list(self, after, limit).await
    }

    async fn open_differences(&self) -> StoreResult<u64> {
        differences::count_open(self).await
    }

    async fn unverified(&self, collection: &CollectionName, limit: usize) -> StoreResult<Vec<DocRow>> {
        verification::unverified(self, collection, limit).await
    }

    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>> {
        placements::usage(self).await
    }

    async fn unnamed(&self, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
        verification::unnamed(self, objects).await
    }
}

#[async_trait]
impl HistoryStore for SqliteTenant {
    async fn versions(&self, key: &DocKey, before: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        history::versions(self, key, before, limit).await
    }

    async fn all_versions(&self, after: Option<VersionNumber>, limit: usize) -> StoreResult<Vec<Version>> {
        history::all_versions(self, after, limit).await
    }

    async fn version(&self, key: &DocKey, stamp: &Stamp) -> StoreResult<Option<Version>> {
        history::version(self, key, stamp).await
    }

    async fn staged_version(&self, attempt: Attempt) -> StoreResult<Option<Version>> {
        history::staged_version(self, attempt).await
    }

    async fn open_staged(&self, attempt: Attempt, offset: u64) -> StoreResult<SqlContentStream> {
        Ok(history::open_staged(&self.file, attempt, offset))
    }

    async fn publish_kept(&self, attempt: Attempt, epoch: Epoch, object: &ObjectRef, content: &Fingerprint) -> StoreResult<bool> {
        history::publish_kept(self, attempt, epoch, object, content).await
    }

    async fn expire(&self, older_than: u64, limit: usize) -> StoreResult<VersionCount> {
        history::expire(self, older_than, limit).await
    }

    async fn history(&self, older_than: Option<u64>) -> StoreResult<HistoryFigures> {
        history::figures(self, older_than).await
    }

    async fn tick(&self) -> StoreResult<Tick> {
        ticks::tick(self).await
    }

    async fn raise_tick(&self, seen: Tick) -> StoreResult<Tick> {
        ticks::raise(self, seen).await
    }

    async fn go_on_from(&self, tick: Tick) -> StoreResult<bool> {
        ticks::go_on_from(self, tick).await
    }

    async fn mark(&self, _: &MarkName) -> StoreResult<Timestamp> {
        ticks::mark(self).await
    }

    async fn trace(&self, key: &DocKey, instant: Timestamp) -> StoreResult<Trace> {
        restores::trace(self, key, instant).await
    }

    async fn begin_restore(&self, wish: &RestoreWish) -> StoreResult<Option<u64>> {
        restores::begin(self, wish).await
    }

    async fn note_restore(
        &self,
        number: u64,
        collection: &CollectionName,
        figures: RestoreFigures,
        end: Option<WalkEnd>,
    ) -> StoreResult<bool> {
        restores::note(self, number, collection, figures, end).await
    }

    async fn open_restore(&self, collection: &CollectionName) -> StoreResult<Option<RestoreRun>> {
        restores::open(self, collection).await
    }

    async fn cancel_restore(&self, number: u64) -> StoreResult<bool> {
        restores::cancel(self, number).await
    }

    async fn restores(&self) -> StoreResult<Vec<RestoreRun>> {
        restores::runs(self).await
    }
}

fn sweep_of(tenant: &TenantId, collection: &CollectionName) -> NewJob {
    NewJob { kind: JobKind::Sweep, target: JobTarget::Collection(tenant.clone(), collection.clone()), priority: Priority::Housekeeping }
}
