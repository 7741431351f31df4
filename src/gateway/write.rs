//! PUT and DELETE: the content goes where the phase says, and becomes visible in one commit. Nothing is acknowledged before it.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::digest;
use super::inbound::{Inbound, InboundLimits};
use super::request::DocumentRequest;
use super::rescue::GatewayError;
use super::respond;
use crate::body::Body;
use crate::budget::{Budget, SMALL_BYTES};
use crate::config::{CreateRule, DeleteRule};
use crate::model::content::{ContentHash, ContentHasher, Fingerprint, PIECE_BYTES};
use crate::model::document::{DocRow, State};
use crate::model::id::{FreshKey, ObjectId};
use crate::model::location::Labels;
use crate::model::phase::Side;
use crate::model::stamp::{Epoch, Stamp};
use crate::store::error::{ClientFault, Interrupted};
use crate::store::measured::measured;
use crate::store::object::{self, ObjectMeta, PutError};
use crate::store::sql::{Change, Commit, NewAttributes, NewContent, PartsInSql, Recorded, Staging, UploadPurpose};
use crate::telemetry::{Direction, Metrics};
use crate::tenants::Tenant;
use crate::watch::Transfers;
use crate::watch::transfers::{Begun, Party};

/// A write starts over when the phase moves before its upload is recorded; this often, then the client is asked to come again.
const MAX_STARTS: u32 = 5;

pub struct Writer {
    pub budget: Arc<Budget>,
    pub metrics: Arc<Metrics>,
    pub transfers: Arc<Transfers>,
    pub limits: InboundLimits,
}

impl Writer {
    pub async fn put(&self, request: &DocumentRequest, body: Body) -> Result<Response<Body>, GatewayError> {
        let limit_bytes = self.limits.max_bytes;
        if request.content_length.is_some_and(|length| length > limit_bytes) {
            return Err(GatewayError::TooLarge { limit_bytes });
        }
        let row = request.tenant.sql.row(&request.key).await?;
        check_changeable(request, &row)?;
        check_row(request, &row)?;
        check_condition(request, &row)?;
        let held = held_bytes(request.content_length);
        let uploaded = match row.state.phase.writes_to() {
            Side::Sql => 0,
            Side::Object => request.tenant.objects.upload_bytes(request.content_length),
        };
        let Some(_grant) = self.budget.acquire(held + uploaded).await else {
            return Err(GatewayError::Overloaded);
        };
        let ends = (Party::Client, row.state.phase.writes_to().into());
        let transfer = self.transfers.begin(&Begun::of(&request.key, Direction::Upload, ends, request.content_length));
        let received = self.receive(request, &row, Inbound::new(body, self.limits, transfer.progress())).await;
        let committed = transfer.end(received)?;
        request.tenant.work.notify_one();
        Ok(committed)
    }

    pub(super) async fn receive(
        &self,
        request: &DocumentRequest,
        row: &DocRow,
        mut inbound: Inbound,
    ) -> Result<Response<Body>, GatewayError> {
        let first = inbound.portion(PIECE_BYTES).await.map_err(|fault| self.client(fault))?.unwrap_or_default();
        self.place(request, row, first, inbound).await
    }

    pub async fn delete(&self, request: &DocumentRequest) -> Result<Response<Body>, GatewayError> {
        let row = request.tenant.sql.row(&request.key).await?;
        check_changeable(request, &row)?;
        check_deletable(request, &row)?;
        check_condition(request, &row)?;
        let change = Change::Delete { precondition: request.precondition.clone() };
        let commit = request.tenant.sql.commit(&request.key, row.state.epoch, change).await.map_err(GatewayError::Unknown)?;
        finish(commit).map(|_| respond::deleted())
    }

    /// The empty content names no object in any phase, so it goes to the row.
    async fn place(&self, request: &DocumentRequest, row: &DocRow, first: Bytes, inbound: Inbound) -> Result<Response<Body>, GatewayError> {
        let mut state = row.state;
        for _ in 0..MAX_STARTS {
            match state.phase.writes_to() {
                Side::Sql => return self.to_sql(request, state, first, inbound).await,
                Side::Object if first.is_empty() => return self.to_sql(request, state, first, inbound).await,
                Side::Object => {
                    let key = request.tenant.objects.mint();
                    match request.tenant.sql.record_upload(&key, UploadPurpose::Write, state.epoch).await? {
                        Recorded::Yes => {
                            let labels = labels(request, row);
                            return self.to_object(request, state, Upload { key, labels }, first, inbound).await;
                        }
                        Recorded::Moved => state = request.tenant.sql.state().await?,
                        Recorded::ReadOnly => return Err(GatewayError::ReadOnly),
                    }
                }
            }
        }
        Err(GatewayError::Unsettled)
    }

    async fn to_sql(
        &self,
        request: &DocumentRequest,
        state: State,
        first: Bytes,
        inbound: Inbound,
    ) -> Result<Response<Body>, GatewayError> {
        let whose = Incoming { tenant: &request.tenant, epoch: state.epoch, sha256: request.sha256 };
        let content = self.bring_in(whose, first, inbound).await?;
        let (attributes, precondition) = (request.attributes.clone(), request.precondition.clone());
        let change = Change::Store { content, attributes, precondition };
        let commit = request.tenant.sql.commit(&request.key, state.epoch, change).await.map_err(GatewayError::Unknown)?;
        finish(commit)
    }

    /// A whole body, ready for a commit into SQL: as it is where it is one portion, else in staging.
    pub(super) async fn bring_in(&self, whose: Incoming<'_>, first: Bytes, mut inbound: Inbound) -> Result<NewContent, GatewayError> {
        match inbound.portion(PIECE_BYTES).await.map_err(|fault| self.client(fault))? {
            None => {
                self.metrics.request_bytes(first.len() as u64);
                if whose.sha256.is_some() {
                    digest::check(whose.sha256, Fingerprint::of(&first).sha256)?;
                }
                Ok(NewContent::Inline(first))
            }
            Some(second) => self.stage(whose, [first, second], inbound).await,
        }
    }

    async fn stage(&self, whose: Incoming<'_>, begun: [Bytes; 2], mut inbound: Inbound) -> Result<NewContent, GatewayError> {
        let mut staging = whose.tenant.sql.stage(whose.epoch).await?;
        let filled = self.fill(&mut *staging, begun, &mut inbound).await.map(ContentHasher::finish);
        match filled.and_then(|content| expected(whose.sha256, content)) {
            Ok(content) => Ok(NewContent::Staged(staging.finish(content).await?)),
            Err(error) => {
                // What cannot be removed now is removed by the collector.
                if let Err(left) = staging.abandon().await {
                    tracing::debug!(tenant = %whose.tenant.id, "an attempt was left in staging: {}", left.chain());
                }
                Err(error)
            }
        }
    }

    async fn fill(&self, staging: &mut dyn Staging, begun: [Bytes; 2], inbound: &mut Inbound) -> Result<ContentHasher, GatewayError> {
        let mut hasher = ContentHasher::default();
        let mut begun = begun.into_iter();
        loop {
            let next = match begun.next() {
                Some(portion) => Some(portion),
                None => inbound.portion(PIECE_BYTES).await.map_err(|fault| self.client(fault))?,
            };
            let Some(portion) = next else { return Ok(hasher) };
            self.metrics.request_bytes(portion.len() as u64);
            hasher.update(&portion);
            staging.append(portion).await?;
        }
    }

    /// Upload before commit: a crash leaves an orphan, never a pointer to nothing.
    async fn to_object(
        &self,
        request: &DocumentRequest,
        state: State,
        Upload { key, labels }: Upload,
        first: Bytes,
        inbound: Inbound,
    ) -> Result<Response<Body>, GatewayError> {
        let upload = key.object().id;
        let (content, measurement) = measured(inbound.into_stream(first));
        let log = &PartsInSql(&*request.tenant.sql);
        let object =
            object::Upload { key, meta: meta(request, upload, labels.clone()), length_bytes: request.content_length, content, log };
        let stored = request.tenant.objects.put(object).await;
        let measured = measurement.fingerprint().map(|content| expected(request.sha256, content));
        let committed = match (stored, measured) {
            (Ok(_), Some(Err(other))) => Err(other),
            (Ok(object), Some(Ok(content))) => {
                self.metrics.request_bytes(content.length_bytes);
                let (attributes, precondition) = (request.attributes.clone(), request.precondition.clone());
                let change = Change::Point { object, labels, content, attributes, precondition };
                // An error here is an unknown outcome: the object may be the document's. Only a known refusal is condemned.
                let commit = request.tenant.sql.commit(&request.key, state.epoch, change).await;
                commit.map_err(GatewayError::Unknown).and_then(finish)
            }
            (Err(PutError::Content(Interrupted::Client(fault))), _) => Err(self.client(fault)),
            (Err(PutError::Content(Interrupted::Store(error)) | PutError::Store(error)), _) => Err(error.into()),
            // Condemned before its parts were named: it took so long that it was taken for abandoned.
            (Err(PutError::Content(Interrupted::Moved)), _) => Err(GatewayError::Unsettled),
            (Ok(_), None) => Err(GatewayError::Client(ClientFault::Broken)),
        };
        if let Err(error) = &committed
            && !matches!(error, GatewayError::Unknown(_))
        {
            self.condemn(request, upload).await;
        }
        committed
    }

    async fn condemn(&self, request: &DocumentRequest, upload: ObjectId) {
        match request.tenant.sql.condemn_upload(upload).await {
            Ok(()) => {
                self.metrics.uploads_condemned(1);
                tracing::info!(event = "upload_condemned", tenant = %request.tenant.id, "upload {upload} for {} is condemned", request.key);
            }
            // It is given up as abandoned later.
            Err(error) => tracing::debug!(tenant = %request.tenant.id, "an upload was not condemned: {}", error.chain()),
        }
    }

    pub(super) fn client(&self, fault: ClientFault) -> GatewayError {
        match fault {
            ClientFault::TooLarge => GatewayError::TooLarge { limit_bytes: self.limits.max_bytes },
            ClientFault::Broken | ClientFault::TooSlow => GatewayError::Client(fault),
        }
    }
}

/// Whose body it is that comes in, and what it has to be.
pub(super) struct Incoming<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) epoch: Epoch,
    pub(super) sha256: Option<ContentHash>,
}

/// The memory that a body takes on its way into SQL.
pub(super) fn held_bytes(content_length: Option<u64>) -> u64 {
    let portion = content_length.map_or(PIECE_BYTES as u64, |length| length.min(PIECE_BYTES as u64));
    // Content in one portion is copied once more on its way into a statement.
    if portion <= SMALL_BYTES { portion } else { 2 * portion }
}

/// The content, if it is what its digest announced. Nothing of it is visible yet.
fn expected(demanded: Option<ContentHash>, content: Fingerprint) -> Result<Fingerprint, GatewayError> {
    digest::check(demanded, content.sha256)?;
    Ok(content)
}

/// Refuses before the body is read what the commit would refuse after it.
pub(super) fn check_changeable(request: &DocumentRequest, row: &DocRow) -> Result<(), GatewayError> {
    if request.tenant.ownership.is_anothers() {
        return Err(GatewayError::NotOurs);
    }
    if request.tenant.continuity.is_broken() {
        return Err(GatewayError::PutBack);
    }
    if row.state.read_only {
        return Err(GatewayError::ReadOnly);
    }
    Ok(())
}

/// Conditions come last: what would be refused without them is refused for that (RFC 9110, 13.2.1).
pub(super) fn check_condition(request: &DocumentRequest, row: &DocRow) -> Result<(), GatewayError> {
    request.precondition.check(&row.current()).map_err(GatewayError::Unmet)
}

fn check_deletable(request: &DocumentRequest, row: &DocRow) -> Result<(), GatewayError> {
    let rule = request.tenant.collection(&request.key.collection).map(|collection| collection.delete);
    let truth = row.truth();
    // Of a document whose row stays there is nothing more to delete than its content.
    let is_there = truth.visible && (rule != Some(DeleteRule::Content) || truth.stamp.is_some());
    if is_there { Ok(()) } else { Err(GatewayError::NotFound("there is no such document")) }
}

/// An upload that is recorded, and what its object will say of itself.
struct Upload {
    key: FreshKey,
    labels: Labels,
}

/// Where the application inserts the rows, content has to find one.
pub(super) fn check_row(request: &DocumentRequest, row: &DocRow) -> Result<(), GatewayError> {
    let inserts = request.tenant.collection(&request.key.collection).is_none_or(|collection| collection.create == CreateRule::Insert);
    if inserts || row.document.is_some() { Ok(()) } else { Err(GatewayError::NotFound(NO_ROW)) }
}

const NO_ROW: &str =
    "there is no row with this id, and this collection takes content for rows that are there: the application inserts the row first";

/// What the row will say once this request is committed, as far as can be seen before. A write that brings a document back to light,
/// or restores a version, sets all of it.
fn labels(request: &DocumentRequest, row: &DocRow) -> Labels {
    let NewAttributes { media_type, file_name, all } = request.attributes.clone();
    let kept = row.document.as_ref().filter(|document| !document.soft_deleted && !all);
    let kept = kept.map(|document| document.attributes.clone()).unwrap_or_default();
    Labels::carried(media_type.or(kept.media_type), file_name.or(kept.file_name))
}

fn meta(request: &DocumentRequest, upload: ObjectId, labels: Labels) -> ObjectMeta {
    ObjectMeta {
        tenant: request.key.tenant.to_string(),
        collection: request.key.collection.to_string(),
        document: request.key.id.to_string(),
        stamp: Stamp::Object(upload).to_string(),
        media_type: labels.media_type,
        file_name: labels.file_name,
        sha256: None,
    }
}

fn finish(commit: Commit) -> Result<Response<Body>, GatewayError> {
    match commit {
        Commit::Done(committed) => Ok(respond::written(committed.created, committed.stamp.as_ref())),
        Commit::Moved => Err(GatewayError::Unsettled),
        Commit::Unmet(unmet) => Err(GatewayError::Unmet(unmet)),
        Commit::ReadOnly => Err(GatewayError::ReadOnly),
        Commit::Absent => Err(GatewayError::NotFound("there is no such document")),
        Commit::Refused(reason) => Err(GatewayError::Refused(reason)),
        Commit::Unfit(reason) => Err(GatewayError::Unfit(reason)),
    }
}
