//! Versions on SQL Server: made in the transaction that ends a content's time, brought out of staging by agents, given up by the collector.

use super::tenant::SqlServerTenant;
use async_trait::async_trait;

use crate::model::content::Fingerprint;
use crate::model::history::{Tick, Version, VersionNumber};
use crate::model::id::{Attempt, DocKey, ObjectRef};
use crate::model::stamp::{Epoch, Stamp};
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::history::{HistoryFigures, HistoryStore, VersionCount};
use crate::store::sql::SqlContentStream;

fn none<T>(tenant: &SqlServerTenant) -> StoreResult<T> {
    Err(StoreError::new(super::STORE, "history", &tenant.id, StoreErrorKind::Other).because("history is not kept"))
}

#[async_trait]
impl HistoryStore for SqlServerTenant {
    async fn versions(&self, _: &DocKey, _: Option<VersionNumber>, _: usize) -> StoreResult<Vec<Version>> {
        none(self)
    }
    async fn all_versions(&self, _: Option<VersionNumber>, _: usize) -> StoreResult<Vec<Version>> {
        none(self)
    }
    async fn version(&self, _: &DocKey, _: &Stamp) -> StoreResult<Option<Version>> {
        none(self)
    }
    async fn staged_version(&self, _: Attempt) -> StoreResult<Option<Version>> {
        none(self)
    }
    async fn open_staged(&self, _: Attempt, _: u64) -> StoreResult<SqlContentStream> {
        none(self)
    }
    async fn publish_kept(&self, _: Attempt, _: Epoch, _: &ObjectRef, _: &Fingerprint) -> StoreResult<bool> {
        none(self)
    }
    async fn expire(&self, _: u64, _: usize) -> StoreResult<VersionCount> {
        none(self)
    }
    async fn history(&self, _: Option<u64>) -> StoreResult<HistoryFigures> {
        none(self)
    }
    async fn tick(&self) -> StoreResult<Tick> {
        none(self)
    }
    async fn go_on_from(&self, _: Tick) -> StoreResult<bool> {
        none(self)
    }
}
