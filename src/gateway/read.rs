//! GET and HEAD: ask the row where the document is, then read the first copy that answers.

use std::sync::Arc;

use futures_util::StreamExt;
use http::Response;
use tokio_util::task::TaskTracker;

use super::follow::{Follow, HELD_BYTES, Lost, served_from};
use super::range::{self, Wanted};
use super::request::DocumentRequest;
use super::rescue::GatewayError;
use super::respond;
use super::routes::Operation;
use crate::body::{self, Body};
use crate::budget::{Budget, SMALL_BYTES};
use crate::cache::ContentCache;
use crate::compare::shadow::Shadow;
use crate::model::document::{Attributes, DocRow, Holder};
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::Side;
use crate::model::precondition::Unmet;
use crate::model::stamp::Stamp;
use crate::telemetry::{Direction, Metrics, ServedFrom};

/// A read starts over when the document changes before its first byte; this often, then the client is asked to come again.
const MAX_STARTS: u32 = 5;

pub struct Reader {
    pub budget: Arc<Budget>,
    pub cache: Arc<ContentCache>,
    pub metrics: Arc<Metrics>,
    /// Compares beside a share of the reads.
    pub shadow: Arc<Shadow>,
    pub tasks: TaskTracker,
}

/// What a request found: the content that its conditions were checked against.
struct Found {
    stamp: Stamp,
    holder: Holder,
    attributes: Attributes,
    length_bytes: u64,
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
        let found = match found(&row) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        match request.precondition.check(Some(&found.stamp)) {
            Ok(()) => {}
            Err(Unmet::IfNoneMatch) => return Ok(Ok(respond::not_modified(&found.stamp, &found.attributes))),
            Err(Unmet::IfMatch) => return Ok(Err(GatewayError::Unmet(Unmet::IfMatch))),
        }
        let wanted = wanted(request, &found);
        if wanted == Wanted::Unsatisfiable {
            return Ok(Err(GatewayError::Unsatisfiable { length_bytes: found.length_bytes }));
        }
        let mut response = respond::document(&found.stamp, &found.attributes, found.length_bytes, &wanted);
        let served_from = if request.operation == Operation::Head || found.length_bytes == 0 {
            expected(found.holder, row.state.phase.reads_from())
        } else {
            let sampled = self.shadow.wants(&row).then(|| row.clone());
            let Some((from, content)) = self.content(request, row, &found, wanted).await? else {
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
        wanted: Wanted,
    ) -> Result<Option<(ServedFrom, Body)>, Lost> {
        let range = match wanted {
            Wanted::Part(range) => range,
            Wanted::Whole | Wanted::Unsatisfiable => 0..found.length_bytes,
        };
        // Each of two holders may bring its first bytes.
        let brought = if found.holder == Holder::Both { 2 * found.length_bytes } else { found.length_bytes };
        let held = if found.length_bytes <= SMALL_BYTES { found.length_bytes } else { brought.min(HELD_BYTES) };
        let portion = self.budget.portion_bytes();
        let Some(grant) = self.budget.acquire(held).await else { return Ok(None) };
        self.ask_for_copy(request, &row, found.holder);
        let follow = Follow {
            tenant: Arc::clone(&request.tenant),
            cache: Arc::clone(&self.cache),
            metrics: Arc::clone(&self.metrics),
            key: row.key.clone(),
            stamp: found.stamp.clone(),
            at: range.start,
            end: range.end,
            portion,
        };
        let source = follow.open(row).await?;
        let served_from = source.served_from;
        let (metrics, transfer) = (Arc::clone(&self.metrics), self.metrics.transfer(Direction::Download));
        let content = follow.into_turns(source, grant, Arc::clone(&self.budget)).inspect(move |portion| {
            // The gauge lasts as long as the stream that holds it.
            let _held_until_the_end = &transfer;
            if let Ok(bytes) = portion {
                metrics.response_bytes(bytes.len() as u64);
            }
        });
        Ok(Some((served_from, body::stream(content))))
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

fn found(row: &DocRow) -> Result<Found, GatewayError> {
    let truth = row.truth();
    let Some(document) = row.document.as_ref().filter(|_| truth.visible) else {
        return Err(GatewayError::NotFound("there is no such document"));
    };
    let stamp = truth.stamp.ok_or(GatewayError::NotFound("the document has no content"))?;
    Ok(Found { stamp, holder: truth.holder, attributes: document.attributes.clone(), length_bytes: row.length_bytes() })
}

/// A range holds for GET only, and with `If-Range` only while the content is the one that the client has a part of.
fn wanted(request: &DocumentRequest, found: &Found) -> Wanted {
    let entity_tag = respond::entity_tag(&found.stamp);
    let still_the_same = request.if_range.as_ref().is_none_or(|tag| tag.trim() == entity_tag);
    if request.operation == Operation::Read && still_the_same {
        range::wanted(request.range.as_deref(), found.length_bytes)
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
