//! One tenant in one database of SQL Server: the adapter behind `SqlStore`. Each method names its transaction; the rooms beside this one
//! hold them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::batch::{Batch, Rows};
use super::catalogue::{Column, KeyColumn};
use super::edit::with_id;
use super::fault::Fault;
use super::rows::{self, Seen};
use super::server::SqlServer;
use super::table::{Table, document_of};
use super::{
    STORE, change, changes, content, differences, insertion, placements, purges, scan, staging, state, statements, tally, uploads,
    verification,
};
use crate::clock::Clock;
use crate::config::CollectionConfig;
use crate::lock::lock;
use crate::model::document::{DocRow, State};
use crate::model::id::{CollectionName, DocId, DocKey, FreshKey, IdKind, ObjectId, ObjectRef, TenantId};
use crate::model::phase::FlipPermit;
use crate::model::purge::{PurgeFigures, PurgeRun};
use crate::model::stamp::{Epoch, Revision};
use crate::model::verification::{Difference, VerifyRun, VerifyWish};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::object::PartsId;
use crate::store::settings::TenantSettings;
use crate::store::sql::{
    Change, Changes, Commit, Condemned, Findings, Flipped, Insertion, NewDocument, Page, PlacementUsage, Recorded, Remaining,
    SqlContentStream, SqlStore, Staging, Tally, UploadPurpose, WalkEnd,
};

/// Content up to this size rides along with the look-up of its row.
const INLINE_BYTES: i64 = 64 << 10;

/// One collection, and what is known of its table once somebody has asked.
struct Collection {
    config: CollectionConfig,
    table: Mutex<Option<Arc<Table>>>,
}

#[derive(Clone)]
pub struct SqlServerTenant {
    pub(super) server: Arc<SqlServer>,
    pub(super) id: TenantId,
    pub(super) mirror: bool,
    history: bool,
    /// `None`: the database's own clock.
    clock: Option<Arc<dyn Clock>>,
    collections: Arc<[Collection]>,
}

/// A batch that always answers has said nothing: somebody else's answers came in its place.
pub(super) fn silent() -> Fault {
    Fault::midway(StoreErrorKind::Other, "the batch did not answer")
}

pub(super) fn not_initialised(tenant: &TenantId) -> Fault {
    Fault::midway(StoreErrorKind::Other, format!("tenant {tenant} has no state in this database: run `sluss init`"))
}

impl SqlServerTenant {
    /// `clock`: what stands in for the database's own clock, where somebody has to move time.
    pub fn new(server: Arc<SqlServer>, settings: &TenantSettings, clock: Option<Arc<dyn Clock>>) -> Self {
        let collections =
            settings.collections.iter().map(|config| Collection { config: config.clone(), table: Mutex::default() }).collect();
        Self { server, id: settings.id.clone(), mirror: settings.mirror, history: settings.history, clock, collections }
    }

    fn collection(&self, name: &CollectionName) -> StoreResult<&Collection> {
        self.collections.iter().find(|collection| &collection.config.name == name).ok_or_else(|| {
            StoreError::new(STORE, "find", format!("{}/{name}", self.id), StoreErrorKind::Other).because("no such collection")
        })
    }

    /// The collection's table as the catalogue has it; asked for once.
    pub(super) async fn table(&self, name: &CollectionName) -> StoreResult<Arc<Table>> {
        let collection = self.collection(name)?;
        if let Some(table) = lock(&collection.table).clone() {
            return Ok(table);
        }
        let table = Arc::new(describe(&self.server, &self.id, &collection.config, self.history).await?);
        *lock(&collection.table) = Some(Arc::clone(&table));
        Ok(table)
    }

    pub(super) async fn tables(&self) -> StoreResult<Vec<Arc<Table>>> {
        let mut tables = Vec::with_capacity(self.collections.len());
        for collection in self.collections.iter() {
            tables.push(self.table(&collection.config.name).await?);
        }
        Ok(tables)
    }

    pub(super) fn id_kind(&self, name: &CollectionName) -> Option<IdKind> {
        self.collections.iter().find(|collection| &collection.config.name == name).map(|collection| collection.config.id_kind)
    }

    /// The names of the collections as statements search them: each between commas.
    pub(super) fn collections(&self) -> String {
        let names: Vec<&str> = self.collections.iter().map(|collection| collection.config.name.as_str()).collect();
        format!(",{},", names.join(","))
    }

    /// What statements get as the time; NULL where they are to ask the database.
    pub(super) fn at(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now().as_millisecond())
    }

    /// A batch about this tenant.
    pub(super) fn batch<'a>(&self, text: &'a str) -> Batch<'a> {
        Batch::new(text).with("tenant", "varchar(63)", self.id.as_str())
    }

    /// A batch about this tenant that knows `@now`.
    pub(super) fn timed(&self, text: &str) -> Batch<'static> {
        let text = format!("{}{text}", statements::CLOCK);
        Batch::new(text).with("tenant", "varchar(63)", self.id.as_str()).with("at", "bigint", self.at())
    }

    /// Runs a batch on the command lane.
    pub(super) async fn run(&self, batch: &Batch<'_>) -> Result<Rows, Fault> {
        self.server.run(batch).await
    }

    /// The word that a batch answers.
    pub(super) async fn outcome(&self, batch: &Batch<'_>) -> Result<String, Fault> {
        Ok(self.run(batch).await?.pop().ok_or_else(silent)?.text()?)
    }

    /// The one number that a batch answers.
    pub(super) async fn number(&self, batch: &Batch<'_>) -> Result<u64, Fault> {
        Ok(self.run(batch).await?.pop().ok_or_else(silent)?.count()?)
    }

    /// The rows as they are now, for a transaction that compares with them.
    pub(super) async fn see(
        &self,
        table: &Table,
        id: &DocId,
        operation: &'static str,
        target: impl std::fmt::Display,
    ) -> StoreResult<Seen> {
        let seen = async {
            let rows = self.run(&self.look_up(table, id, 0)).await?;
            self.one(rows, table, id)
        };
        seen.await.map_err(|fault| fault.at(operation, target))
    }

    async fn find(&self, key: &DocKey, inline: i64) -> StoreResult<DocRow> {
        let table = self.table(&key.collection).await?;
        let seen = async {
            let rows = self.server.look_up(&self.look_up(&table, &key.id, inline)).await?;
            self.one(rows, &table, &key.id)
        };
        seen.await.map(|seen| seen.row).map_err(|fault| fault.at("look up", key))
    }

    fn look_up(&self, table: &Table, id: &DocId, inline: i64) -> Batch<'static> {
        let batch = Batch::new(table.fill(statements::LOOK_UP, &[])).with("tenant", "varchar(63)", self.id.as_str());
        with_id(batch.with("inline", "bigint", inline), "asked", table, Some(id))
    }

    fn one(&self, mut rows: Rows, table: &Table, id: &DocId) -> Result<Seen, Fault> {
        let row = rows.pop().ok_or_else(|| not_initialised(&self.id))?;
        Ok(rows::read(row, table, Some(id))?)
    }
}

/// Asks the catalogue what a collection's table looks like.
pub(super) async fn describe(server: &Arc<SqlServer>, tenant: &TenantId, config: &CollectionConfig, history: bool) -> StoreResult<Table> {
    let target = format!("{tenant}/{}", config.name);
    let read = async {
        let about = |text: &'static str| Batch::new(text).with("table", "nvarchar(600)", document_of(config));
        let columns = server.run(&about(statements::COLUMNS)).await?;
        let columns = columns.into_iter().map(Column::read).collect::<Result<Vec<_>, _>>()?;
        let keys = server.run(&about(statements::UNIQUE_KEYS)).await?;
        let keys = keys.into_iter().map(|mut row| Ok(KeyColumn { index: row.integer()?, column: row.text()? }));
        Ok::<_, Fault>((columns, keys.collect::<Result<Vec<_>, Fault>>()?))
    };
    let (columns, keys) = read.await.map_err(|fault| fault.at("read the catalogue for", &target))?;
    Table::new(tenant, config, columns, &keys, history)
        .map_err(|unfit| StoreError::new(STORE, "use the table of", target, StoreErrorKind::Other).because(unfit))
}

#[async_trait]
impl SqlStore for SqlServerTenant {
    async fn row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.find(key, INLINE_BYTES).await
    }

    async fn bare_row(&self, key: &DocKey) -> StoreResult<DocRow> {
        self.find(key, 0).await
    }

    async fn open(&self, key: &DocKey, revision: Revision, offset: u64, portion: usize) -> StoreResult<Option<SqlContentStream>> {
        content::open(self, key, revision, offset, portion).await
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
        state::read(self).await
    }

    async fn flip(&self, permit: FlipPermit) -> StoreResult<Flipped> {
        state::flip(self, permit).await
    }

    async fn set_read_only(&self, on: bool) -> StoreResult<()> {
        state::set_read_only(self, on).await
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
        scan::unverified(self, collection, limit).await
    }

    async fn placement_usage(&self) -> StoreResult<Vec<PlacementUsage>> {
        placements::usage(self).await
    }

    async fn unnamed(&self, objects: Vec<ObjectRef>) -> StoreResult<Vec<ObjectRef>> {
        scan::unnamed(self, objects).await
    }
}
