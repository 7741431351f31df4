//! What a tenant's history comes to, and what of it the collector would remove now.

use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::Query;
use super::error::AdminError;
use super::restores::spelled;
use super::{Admin, Operator, json};
use crate::body::Body;
use crate::model::history::{Kept, Retention, Version, VersionNumber};
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

/// A content that a document had.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PastView {
    /// What the document's `ETag` was, without quotes.
    pub stamp: String,
    pub bytes: u64,
    pub media_type: Option<String>,
    pub file_name: Option<String>,
    /// Null where it was written straight to SQL, and no copy has seen it.
    pub held_from: Option<Timestamp>,
    /// A client wrote it at `held_from`; otherwise a copy found it then.
    pub exact: bool,
    pub held_to: Timestamp,
    /// Its bytes are in the database still, on their way to the object store.
    pub staged: bool,
    /// A restore of the document to this instant makes it current again.
    pub restored_by: Timestamp,
}

/// A page of a document's history, the newest first. The current content is none of it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct PastList {
    pub tenant: String,
    pub collection: String,
    /// As its row spells it, where there is one.
    pub document: String,
    pub versions: Vec<PastView>,
    /// `before` of the next page; null at the end.
    pub next: Option<u64>,
}

impl PastView {
    fn of(version: Version) -> Self {
        Self {
            stamp: version.stamp.to_string(),
            bytes: version.length_bytes,
            restored_by: version.last_moment(),
            media_type: version.labels.media_type,
            file_name: version.labels.file_name,
            held_from: version.held_from,
            exact: version.exact,
            held_to: version.held_to,
            staged: matches!(version.kept, Kept::Staged(_)),
        }
    }
}

impl Admin {
    pub(super) async fn list_versions(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let wanted = Query::parse(query)?;
        let named = |name: &str| wanted.get(name).ok_or_else(|| AdminError::BadRequest(format!("`{name}` is missing")));
        let tenant = self.tenant(operator, named("tenant")?)?;
        let key = spelled(&tenant, named("document")?).await?;
        let (before, limit) = (wanted.number("before")?.map(VersionNumber), wanted.limit()?.max(1));
        let mut found = tenant.sql.versions(&key, before, limit + 1).await?;
        let goes_on = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| goes_on).map(|version| version.number.0);
        let versions = found.into_iter().map(PastView::of).collect();
        let (tenant, collection, document) = (tenant.id.to_string(), key.collection.to_string(), key.id.to_string());
        Ok(json(StatusCode::OK, &PastList { tenant, collection, document, versions, next }))
    }

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
