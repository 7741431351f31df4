//! POST: a new row with its content, whose id the database gives. In every phase the content goes into SQL with the row, because its object
//! would have to name an id that nobody knows before; agents copy it as they copy whatever the application inserts itself.

use http::header::{HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::inbound::Inbound;
use super::request::NewRequest;
use super::rescue::GatewayError;
use super::respond;
use super::routes::{Captured, Route, document_path};
use super::write::{Incoming, Writer, held_bytes};
use crate::body::Body;
use crate::config::CreateRule;
use crate::model::content::PIECE_BYTES;
use crate::model::document::State;
use crate::model::precondition::Current;
use crate::model::stamp::Epoch;
use crate::store::sql::{Commit, Inserted, Insertion, NewDocument};
use crate::telemetry::Direction;
use crate::watch::transfers::{Begun, Party, Progress};

impl Writer {
    /// `routes`: what the new document's own path is taken from.
    pub async fn create(&self, request: &NewRequest, body: Body, routes: &[Route]) -> Result<Response<Body>, GatewayError> {
        let limit_bytes = self.limits.max_bytes;
        if request.content_length.is_some_and(|length| length > limit_bytes) {
            return Err(GatewayError::TooLarge { limit_bytes });
        }
        let state = check(request).await?;
        let Some(_grant) = self.budget.acquire(held_bytes(request.content_length)).await else {
            return Err(GatewayError::Overloaded);
        };
        let transfer = self.transfers.begin(&Begun {
            tenant: &request.tenant.id,
            collection: &request.collection,
            document: None,
            direction: Direction::Upload,
            source: Party::Client,
            target: Party::Sql,
            bytes_total: request.content_length,
            attempt: 1,
        });
        let inserted = self.insert(request, state.epoch, body, transfer.progress()).await;
        let inserted = transfer.end(inserted)?;
        request.tenant.work.notify_one();
        Ok(answer(request, &inserted, routes))
    }

    async fn insert(&self, request: &NewRequest, epoch: Epoch, body: Body, progress: Progress) -> Result<Inserted, GatewayError> {
        let mut inbound = Inbound::new(body, self.limits, progress);
        let first = inbound.portion(PIECE_BYTES).await.map_err(|fault| self.client(fault))?.unwrap_or_default();
        let whose = Incoming { tenant: &request.tenant, epoch, sha256: request.sha256 };
        let content = self.bring_in(whose, first, inbound).await?;
        let new = NewDocument { content, attributes: request.attributes.clone() };
        finish(request.tenant.sql.insert(&request.collection, epoch, new).await.map_err(GatewayError::UnknownNew)?)
    }
}

/// Refuses before the body is read what the insertion would refuse after it.
async fn check(request: &NewRequest) -> Result<State, GatewayError> {
    let tenant = &request.tenant;
    if tenant.collection(&request.collection).is_some_and(|collection| collection.create == CreateRule::Existing) {
        return Err(GatewayError::NoInsert);
    }
    // There is nothing yet that an If-Match could name.
    request.precondition.check(&Current::default()).map_err(GatewayError::Unmet)?;
    if tenant.ownership.is_anothers() {
        return Err(GatewayError::NotOurs);
    }
    if tenant.continuity.is_broken() {
        return Err(GatewayError::PutBack);
    }
    let state = tenant.sql.state().await?;
    if state.read_only { Err(GatewayError::ReadOnly) } else { Ok(state) }
}

fn finish(ended: Insertion) -> Result<Inserted, GatewayError> {
    match ended {
        Insertion::Done(inserted) => Ok(inserted),
        Insertion::Refused(Commit::Refused(reason)) => Err(GatewayError::RefusedNew(reason)),
        Insertion::Refused(Commit::Unfit(reason)) => Err(GatewayError::Unfit(reason)),
        Insertion::Refused(Commit::Absent) => Err(GatewayError::NoInsert),
        Insertion::Refused(Commit::ReadOnly) => Err(GatewayError::ReadOnly),
        Insertion::Refused(Commit::Unmet(unmet)) => Err(GatewayError::Unmet(unmet)),
        Insertion::Refused(Commit::Moved | Commit::Done(_)) => Err(GatewayError::Unsettled),
    }
}

/// The id that the database has given, beside the answer that says it.
#[derive(Debug, Clone)]
pub(super) struct NewId(pub(super) String);

fn answer(request: &NewRequest, inserted: &Inserted, routes: &[Route]) -> Response<Body> {
    let mut response = respond::written(true, inserted.stamp.as_ref());
    *response.status_mut() = StatusCode::CREATED;
    response.extensions_mut().insert(NewId(inserted.id.to_string()));
    let (tenant, collection) = (request.tenant.id.to_string(), request.collection.to_string());
    if let Some(path) = document_path(routes, &Captured { tenant, collection, id: inserted.id.to_string(), ..Captured::default() }) {
        let path = HeaderValue::from_str(&path).expect("a percent-encoded path is header text");
        response.headers_mut().insert(LOCATION, path);
    }
    response
}
