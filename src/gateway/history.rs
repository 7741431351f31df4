//! Contents that a document had: their list, the bytes of one, and one made current again by a new write.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryStreamExt};
use http::{Response, StatusCode};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::inbound::{Inbound, InboundLimits};
use super::list::{self, BadQuery, DEFAULT_LIMIT};
use super::metadata::json;
use super::range::{self, Wanted};
use super::read::Reader;
use super::request::DocumentRequest;
use super::rescue::GatewayError;
use super::respond::{self, Representation};
use super::routes::Operation;
use super::write::{Writer, check_changeable, check_condition, check_row};
use crate::body::{self, Body, BoxError};
use crate::budget::SMALL_BYTES;
use crate::config::Disposition;
use crate::lock::lock;
use crate::model::content::{ContentHash, PIECE_BYTES};
use crate::model::history::{Kept, Version, VersionNumber};
use crate::model::id::DocKey;
use crate::model::precondition::{Current, Unmet};
use crate::model::stamp::Stamp;
use crate::store::error::StoreResult;
use crate::store::kept::{Following, Lost};
use crate::store::sql::NewAttributes;
use crate::telemetry::{Direction, ServedFrom};
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party};

const NO_VERSION: GatewayError = GatewayError::NotFound("the document has no such version: it never had, or its time is over");

impl From<Lost> for GatewayError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Gone => NO_VERSION,
            Lost::Unsettled => Self::Unsettled,
            Lost::Store(error) => error.into(),
        }
    }
}

/// A piece that is checked, and one that is sent.
const HELD_BYTES: u64 = 2 * PIECE_BYTES as u64;

/// Which versions a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionSpan {
    before: Option<VersionNumber>,
    limit: usize,
}

impl VersionSpan {
    pub fn parse(query: &str) -> Result<Self, BadQuery> {
        let [before, limit] = list::values(query, ["before", "limit"], BadQuery::UnknownOfVersions)?;
        let number = |text: String| text.parse().map(VersionNumber).map_err(|_| BadQuery::Before(list::shortened(&text)));
        Ok(Self { before: before.map(number).transpose()?, limit: limit.map_or(Ok(DEFAULT_LIMIT), |text| list::limit_of(&text))? })
    }
}

/// A content that the document had.
#[derive(Debug, Serialize, JsonSchema)]
struct VersionView {
    /// Its name: what the `ETag` was, without quotes.
    stamp: String,
    size: u64,
    media_type: Option<String>,
    file_name: Option<String>,
    /// Null where it was written straight to SQL, and nobody saw when.
    held_from: Option<Timestamp>,
    held_to: Timestamp,
    /// In hex; null while the bytes are on their way to the object store.
    sha256: Option<String>,
}

/// A page of a document's history, the newest first. The current content is none of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VersionsView {
    versions: Vec<VersionView>,
    /// `before` of the next page; null at the end.
    next: Option<String>,
}

impl VersionView {
    fn of(version: &Version) -> Self {
        Self {
            stamp: version.stamp.to_string(),
            size: version.length_bytes,
            media_type: version.labels.media_type.clone(),
            file_name: version.labels.file_name.clone(),
            held_from: version.held_from,
            held_to: version.held_to,
            sha256: known_sha256(version).map(|sha256| sha256.to_string()),
        }
    }
}

fn known_sha256(version: &Version) -> Option<ContentHash> {
    match &version.kept {
        Kept::Object { content, .. } => Some(content.sha256),
        Kept::Empty | Kept::Staged(_) => None,
    }
}

/// With the id as its row spells it, where there is one: versions bear that spelling.
async fn spelled(request: &DocumentRequest) -> StoreResult<DocKey> {
    Ok(request.tenant.sql.bare_row(&request.key).await?.key)
}

pub(super) async fn list(request: &DocumentRequest, VersionSpan { before, limit }: VersionSpan) -> Result<Response<Body>, GatewayError> {
    let key = spelled(request).await?;
    let mut found = request.tenant.sql.versions(&key, before, limit + 1).await?;
    let goes_on = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| goes_on).map(|version| version.number.0.to_string());
    Ok(json(&VersionsView { versions: found.iter().map(VersionView::of).collect(), next }))
}

impl Reader {
    /// A stamp that names the current content is answered as the document is.
    pub(super) async fn version(
        &self,
        request: &DocumentRequest,
        stamp: &Stamp,
        headers_only: bool,
    ) -> Result<Response<Body>, GatewayError> {
        let row = request.tenant.sql.bare_row(&request.key).await?;
        let truth = row.truth();
        if truth.visible && truth.stamp.as_ref() == Some(stamp) {
            let operation = if headers_only { Operation::Head } else { Operation::Read };
            return self.read(&DocumentRequest { operation, ..request.clone() }).await;
        }
        let version = request.tenant.sql.version(&row.key, stamp).await?.ok_or(NO_VERSION)?;
        let document = represented(&request.tenant, &version);
        match request.precondition.check(&Current { stamp: Some(stamp.clone()), modified: None }) {
            Ok(()) => {}
            Err(Unmet::IfNoneMatch | Unmet::IfModifiedSince) => return Ok(respond::not_modified(&document)),
            Err(unmet @ (Unmet::IfMatch | Unmet::IfUnmodifiedSince)) => return Err(GatewayError::Unmet(unmet)),
        }
        let is_same = request.if_range.as_ref().is_none_or(|condition| condition.holds(stamp, None, None));
        // RFC 9110, 14.2: a range is for GET only.
        let asked = request.range.as_deref().filter(|_| is_same && !headers_only);
        let (mut response, range) = match range::wanted(asked, version.length_bytes) {
            Wanted::Unsatisfiable => return Err(GatewayError::Unsatisfiable { length_bytes: version.length_bytes }),
            Wanted::Part(range) => (respond::part(&document, &range), range),
            // RFC 9110, 14.2: a server may leave ranges out.
            Wanted::Whole | Wanted::Parts(_) => (respond::whole(&document), 0..version.length_bytes),
        };
        let served_from = match &version.kept {
            Kept::Empty | Kept::Object { .. } => ServedFrom::Object,
            Kept::Staged(_) => ServedFrom::Sql,
        };
        respond::set_served_from(&mut response, served_from);
        if !range.is_empty() && !headers_only {
            *response.body_mut() = self.bytes(&row.key, &request.tenant, version, range, served_from).await?;
        }
        Ok(response)
    }

    async fn bytes(
        &self,
        key: &DocKey,
        tenant: &Arc<Tenant>,
        version: Version,
        range: Range<u64>,
        from: ServedFrom,
    ) -> Result<Body, GatewayError> {
        let length_bytes = version.length_bytes;
        let held = if length_bytes <= SMALL_BYTES { length_bytes } else { length_bytes.min(HELD_BYTES) };
        let Some(grant) = self.budget.acquire(held).await else { return Err(GatewayError::Overloaded) };
        let total = range.end - range.start;
        let transfer = self.transfers.begin(&Begun::of(key, Direction::Download, (from.into(), Party::Client), Some(total)));
        let progress = transfer.progress();
        let mut following = following(tenant, key.clone(), version, range);
        let content = match following.open().await {
            Ok(content) => content,
            Err(lost) => return transfer.end(Err(lost.into())),
        };
        let (metrics, key) = (Arc::clone(&self.metrics), key.clone());
        let content = following.into_stream(content).inspect(move |portion| {
            // Both last as long as the stream that holds them.
            let _held_until_the_end = (&transfer, &grant);
            match portion {
                Ok(bytes) => {
                    progress.delivered(bytes.len() as u64);
                    metrics.response_bytes(bytes.len() as u64);
                }
                Err(lost) => {
                    progress.fails();
                    metrics.read_broken(&key.tenant);
                    tracing::warn!(event = "broken_read", tenant = %key.tenant, "a version of {key} ends short: {lost}");
                }
            }
        });
        Ok(body::stream(content.map_err(BoxError::from)))
    }
}

fn following(tenant: &Tenant, key: DocKey, version: Version, Range { start: at, end }: Range<u64>) -> Following {
    let (sql, objects) = (Arc::clone(&tenant.sql), Arc::clone(&tenant.objects));
    Following { sql, objects, key, version, at, end }
}

fn represented(tenant: &Tenant, version: &Version) -> Representation {
    let collection = version.collection.parse().ok().and_then(|collection| tenant.collection(&collection));
    Representation {
        stamp: version.stamp.clone(),
        modified: None,
        media_type: version.labels.media_type.clone(),
        file_name: version.labels.file_name.clone(),
        disposition: collection.map_or(Disposition::Attachment, |collection| collection.disposition),
        length_bytes: version.length_bytes,
        sha256: known_sha256(version),
    }
}

impl Writer {
    /// A new write of what a version has: whatever holds for a PUT holds for it, and what is current now becomes a version.
    pub(super) async fn restore(&self, request: &DocumentRequest, stamp: &Stamp) -> Result<Response<Body>, GatewayError> {
        let row = request.tenant.sql.row(&request.key).await?;
        check_changeable(request, &row)?;
        let version = request.tenant.sql.version(&row.key, stamp).await?.ok_or(NO_VERSION)?;
        check_row(request, &row)?;
        check_condition(request, &row)?;
        let held = super::write::held_bytes(Some(version.length_bytes)) + version.length_bytes.min(HELD_BYTES);
        let uploaded = request.tenant.objects.upload_bytes(Some(version.length_bytes));
        let Some(_grant) = self.budget.acquire(held + uploaded).await else { return Err(GatewayError::Overloaded) };
        let end = version.length_bytes;
        let mut following = following(&request.tenant, row.key.clone(), version, 0..end);
        let content = following.open().await?;
        let version = following.version.clone();
        let request = DocumentRequest {
            operation: Operation::Write,
            attributes: NewAttributes {
                media_type: version.labels.media_type.clone(),
                file_name: version.labels.file_name.clone(),
                all: true,
            },
            // Checked on the way where it is known, so that nothing but what the version has becomes current.
            sha256: known_sha256(&version),
            content_length: Some(version.length_bytes),
            ..request.clone()
        };
        let ends = (Party::Object, row.state.phase.writes_to().into());
        let transfer = self.transfers.begin(&Begun::of(&request.key, Direction::Upload, ends, request.content_length));
        // A body's errors are its client's; what failed here is a store, and is answered as such.
        let failure = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&failure);
        let content = following.into_stream(content).map_err(move |lost| {
            let cause = lost.to_string();
            *lock(&noted) = Some(lost);
            BoxError::from(cause)
        });
        // A store has deadlines of its own.
        let limits = InboundLimits { min_rate: 0, ..self.limits };
        let received = self.receive(&request, &row, Inbound::new(body::stream(content), limits, transfer.progress())).await;
        let failed = lock(&failure).take();
        let restored = match (received, failed) {
            (Err(GatewayError::Client(_)), Some(lost)) => Err(lost.into()),
            (received, _) => received,
        };
        let mut response = transfer.end(restored)?;
        request.tenant.work.notify_one();
        tracing::info!(event = "version_restored", size_bytes = version.length_bytes, "made version {stamp} of {} current", request.key);
        *response.status_mut() = StatusCode::OK;
        Ok(response)
    }
}
