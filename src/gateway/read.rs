//! GET and HEAD: ask the row where the document is, then read the first copy that answers.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future, stream};
use http::Response;
use tokio_util::task::TaskTracker;

use super::conditional::IfRange;
use super::follow::{Follow, HELD_BYTES, Lost, served_from};
use super::multipart::Framing;
use super::range::{self, Wanted};
use super::request::DocumentRequest;
use super::rescue::GatewayError;
use super::respond::{self, Representation};
use super::routes::Operation;
use crate::body::{self, Body, BoxError};
use crate::budget::{Budget, SMALL_BYTES};
use crate::cache::ContentCache;
use crate::clock::Clock;
use crate::compare::shadow::Shadow;
use crate::config::Disposition;
use crate::model::content::ContentHash;
use crate::model::document::{DocRow, Holder};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::Side;
use crate::model::precondition::{Current, HttpDate, Unmet};
use crate::telemetry::{Direction, Metrics, ServedFrom};
use crate::watch::Transfers;
use crate::watch::transfers::{Begun, Party};

/// A read starts over when the document changes before its first byte; this often, then the client is asked to come again.
const MAX_STARTS: u32 = 5;

pub struct Reader {
    pub budget: Arc<Budget>,
    pub cache: Arc<ContentCache>,
    pub metrics: Arc<Metrics>,
    pub transfers: Arc<Transfers>,
    pub clock: Arc<dyn Clock>,
    /// Compares beside a share of the reads.
    pub shadow: Arc<Shadow>,
    pub tasks: TaskTracker,
}

/// What a request found: the content that its conditions were checked against.
struct Found {
    document: Representation,
    holder: Holder,
    /// The second in which it was found.
    now: Option<HttpDate>,
}

impl Reader {
    pub async fn read(&self, request: &DocumentRequest) -> Result<Response<Body>, GatewayError> {
        for _ in 0..MAX_STARTS {
            let row = self.cache.row(&request.tenant, &request.key).await?;
            match self.answer(request, row).await {
                Err(Lost::Changed) => {}
                Err(Lost::Unsettled) => return Err(GatewayError::Unsettled),
                Err(Lost::Store(error)) => return Err(error.into()),
                Ok(answer) => return answer,
            }
        }
        Err(GatewayError::Unsettled)
    }

    async fn answer(&self, request: &DocumentRequest, row: DocRow) -> Result<Result<Response<Body>, GatewayError>, Lost> {
        let found = match self.found(request, &row) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let document = &found.document;
        let current = Current { stamp: Some(document.stamp.clone()), modified: document.modified };
        match request.precondition.check(&current) {
            Ok(()) => {}
            Err(Unmet::IfNoneMatch | Unmet::IfModifiedSince) => return Ok(Ok(respond::not_modified(document))),
            Err(unmet @ (Unmet::IfMatch | Unmet::IfUnmodifiedSince)) => return Ok(Err(GatewayError::Unmet(unmet))),
        }
        let (mut response, selection) = match select(request, &found) {
            Ok(selected) => selected,
            Err(error) => return Ok(Err(error)),
        };
        let served_from = if request.operation == Operation::Head || document.length_bytes == 0 {
            expected(found.holder, row.state.phase.reads_from())
        } else {
            let sampled = self.shadow.wants(&row).then(|| row.clone());
            let Some((from, content)) = self.content(request, row, &found, selection).await? else {
                return Ok(Err(GatewayError::Overloaded));
            };
            if let Some(row) = sampled {
                self.shadow.compare(&request.tenant, row);
            }
            *response.body_mut() = content;
            from
        };
        respond::set_served_from(&mut response, served_from);
        Ok(Ok(response))
    }

    /// `None`: no memory came free in time.
    async fn content(
        &self,
        request: &DocumentRequest,
        row: DocRow,
        found: &Found,
        selection: Selection,
    ) -> Result<Option<(ServedFrom, Body)>, Lost> {
        let length_bytes = found.document.length_bytes;
        // Each of two holders may bring its first bytes. Several parts come one after the other, and take no more than one.
        let brought = if found.holder == Holder::Both { 2 * length_bytes } else { length_bytes };
        let held = if length_bytes <= SMALL_BYTES { length_bytes } else { brought.min(HELD_BYTES) };
        let portion = self.budget.portion_bytes();
        let Some(grant) = self.budget.acquire(held).await else { return Ok(None) };
        self.ask_for_copy(request, &row, found.holder);
        let (expected, total) = (expected(found.holder, row.state.phase.reads_from()), selection.length_bytes());
        let transfer = self.transfers.begin(&Begun::of(&row.key, Direction::Download, (expected.into(), Party::Client), Some(total)));
        let progress = transfer.progress();
        let follow = |range: Range<u64>| Follow {
            tenant: Arc::clone(&request.tenant),
            cache: Arc::clone(&self.cache),
            metrics: Arc::clone(&self.metrics),
            key: row.key.clone(),
            stamp: found.document.stamp.clone(),
            at: range.start,
            end: range.end,
            portion,
            progress: progress.clone(),
        };
        let mut follows = selection.ranges.into_iter().map(follow).collect::<Vec<_>>().into_iter();
        let Some(first) = follows.next() else { return Ok(Some((served_from(row.state.phase.reads_from()), body::empty()))) };
        let source = match first.open(row.clone()).await {
            Ok(source) => source,
            Err(lost) => return transfer.end(Err(lost)),
        };
        let served_from = source.served_from;
        let first = first.into_stream(source, grant, Arc::clone(&self.budget));
        let content = match selection.framing {
            None => first.left_stream(),
            Some(framing) => {
                let budget = Arc::clone(&self.budget);
                let rest = stream::iter(follows).then(move |follow| open_part(follow, row.clone(), held, Arc::clone(&budget)));
                framing
                    .around(stream::once(future::ready(Ok(first.left_stream()))).chain(rest.map(|part| part.map(StreamExt::right_stream))))
                    .right_stream()
            }
        };
        let metrics = Arc::clone(&self.metrics);
        let content = content.inspect(move |portion| {
            // It is in flight for as long as the stream that holds it.
            let _held_until_the_end = &transfer;
            match portion {
                Ok(bytes) => {
                    progress.delivered(bytes.len() as u64);
                    metrics.response_bytes(bytes.len() as u64);
                }
                Err(_) => progress.fails(),
            }
        });
        Ok(Some((served_from, body::stream(content))))
    }

    fn found(&self, request: &DocumentRequest, row: &DocRow) -> Result<Found, GatewayError> {
        let truth = row.truth();
        let Some(document) = row.document.as_ref().filter(|_| truth.visible) else {
            return Err(GatewayError::NotFound("there is no such document"));
        };
        let stamp = truth.stamp.ok_or(GatewayError::NotFound("the document has no content"))?;
        let now = HttpDate::of(self.clock.now());
        let modified = document.attributes.modified.and_then(HttpDate::of);
        let collection = request.tenant.collection(&row.key.collection);
        let document = Representation {
            stamp,
            // RFC 9110, 8.8.2.1: a date in the future counts as now.
            modified: modified.map(|modified| now.map_or(modified, |now| modified.min(now))),
            media_type: document.attributes.media_type.clone(),
            file_name: document.attributes.file_name.clone(),
            disposition: collection.map_or(Disposition::Attachment, |collection| collection.disposition),
            length_bytes: row.length_bytes(),
            sha256: known_sha256(row, truth.holder),
        };
        Ok(Found { document, holder: truth.holder, now })
    }

    /// Copy on access: the first of many readers asks, off the request's path.
    fn ask_for_copy(&self, request: &DocumentRequest, row: &DocRow, holder: Holder) {
        let Some(document) = &row.document else { return };
        let called_for = holder == Holder::Sql && row.state.phase.calls_for(JobKind::Copy, request.tenant.config.mirror);
        if !called_for || !request.tenant.asks_for_copy(&row.key, document.revision) {
            return;
        }
        let (tenant, key) = (Arc::clone(&request.tenant), row.key.clone());
        self.tasks.spawn(async move {
            let job = NewJob { kind: JobKind::Copy, target: JobTarget::Document(key), priority: Priority::Access };
            match tenant.jobs.enqueue(vec![job]).await {
                Ok(()) => tenant.work.notify_one(),
                // Nothing is lost: the sweep finds the document too.
                Err(error) => tracing::warn!(tenant = %tenant.id, "copy on access was not enqueued: {}", error.chain()),
            }
        });
    }
}

/// Which bytes of a content are sent, and what stands around them.
struct Selection {
    ranges: Vec<Range<u64>>,
    framing: Option<Framing>,
}

impl Selection {
    /// Of all that is sent.
    fn length_bytes(&self) -> u64 {
        match &self.framing {
            Some(framing) => framing.length_bytes(),
            None => self.ranges.iter().map(|range| range.end - range.start).sum(),
        }
    }
}

/// The answer's head, and the bytes that belong to it.
fn select(request: &DocumentRequest, found: &Found) -> Result<(Response<Body>, Selection), GatewayError> {
    let document = &found.document;
    let everything = 0..document.length_bytes;
    match wanted(request, found) {
        Wanted::Unsatisfiable => Err(GatewayError::Unsatisfiable { length_bytes: document.length_bytes }),
        Wanted::Whole if request.operation == Operation::Head => {
            Ok((respond::head(document), Selection { ranges: Vec::new(), framing: None }))
        }
        Wanted::Whole => Ok((respond::whole(document), Selection { ranges: vec![everything], framing: None })),
        Wanted::Part(range) => Ok((respond::part(document, &range), Selection { ranges: vec![range], framing: None })),
        Wanted::Parts(ranges) => {
            let framing = Framing::new(&ranges, document.media_type(), document.length_bytes);
            Ok((respond::parts(document, &framing), Selection { ranges, framing: Some(framing) }))
        }
    }
}

/// A further part, by the row of the first one: whoever finds that it has moved looks again. A part that cannot be had breaks the
/// connection.
async fn open_part(
    follow: Follow,
    row: DocRow,
    held: u64,
    budget: Arc<Budget>,
) -> Result<impl Stream<Item = Result<Bytes, BoxError>> + Send, BoxError> {
    let grant = budget.acquire_again(held).await;
    match follow.open(row).await {
        Ok(source) => Ok(follow.into_stream(source, grant, budget)),
        Err(lost) => Err(follow.broken(lost)),
    }
}

/// The SHA-256 of exactly the current content, where it was taken already.
fn known_sha256(row: &DocRow, holder: Holder) -> Option<ContentHash> {
    match holder {
        Holder::Both | Holder::Object | Holder::EmptyDocument => row.location.as_ref().map(|location| location.content.sha256),
        Holder::NoDocument | Holder::NoContent | Holder::Sql => None,
    }
}

/// A range holds for GET only, and with `If-Range` only while the content is the one that the client has a part of.
fn wanted(request: &DocumentRequest, found: &Found) -> Wanted {
    let document = &found.document;
    let holds = |condition: &IfRange| condition.holds(&document.stamp, document.modified, found.now);
    if request.operation == Operation::Read && request.if_range.as_ref().is_none_or(holds) {
        range::wanted(request.range.as_deref(), document.length_bytes)
    } else {
        Wanted::Whole
    }
}

/// Who would send the bytes of an answer that has none.
fn expected(holder: Holder, preferred: Side) -> ServedFrom {
    match holder {
        Holder::NoDocument | Holder::NoContent => ServedFrom::Nothing,
        Holder::Sql => ServedFrom::Sql,
        Holder::Both => served_from(preferred),
        Holder::Object | Holder::EmptyDocument => ServedFrom::Object,
    }
}
