//! What a tenant's history comes to, and what of it the collector would remove now.

use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::AdminError;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::history::Retention;
use crate::store::history::VersionCount;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    pub tenant: String,
    /// How long versions stay, counted in time in which somebody serves the tenant.
    pub keep_for_seconds: u64,
    /// Null: the tenant's file does not say it, so nothing is removed.
    pub oldest_sql_backup_seconds: Option<u64>,
    pub all: CountView,
    /// In the database still, on their way to the object store.
    pub staged: CountView,
    /// Past their time: the next collection removes them.
    pub past: CountView,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct CountView {
    pub versions: u64,
    pub bytes: u64,
}

impl From<VersionCount> for CountView {
    fn from(VersionCount { versions, bytes }: VersionCount) -> Self {
        Self { versions, bytes }
    }
}

impl Admin {
    /// It counts all versions, so it takes its time where there are millions.
    pub(super) async fn show_history(&self, operator: &Operator, tenant: &str) -> Result<Response<Body>, AdminError> {
        let tenant = self.tenant(operator, tenant)?;
        let retention = tenant.config.retention();
        let figures = tenant.sql.history(retention.ticks()).await?;
        let Retention { keep_for, oldest_sql_backup } = retention;
        let view = HistoryView {
            tenant: tenant.id.to_string(),
            keep_for_seconds: keep_for.as_secs(),
            oldest_sql_backup_seconds: oldest_sql_backup.map(|age| age.as_secs()),
            all: figures.all.into(),
            staged: figures.staged.into(),
            past: figures.past.into(),
        };
        Ok(json(StatusCode::OK, &view))
    }
}
