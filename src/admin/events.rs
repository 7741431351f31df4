//! What moves and what is new: all transfers of this process, and a stream of events for as long as somebody listens.

use futures_util::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::api::Query;
use super::error::AdminError;
use super::{Admin, Operator, json};
use crate::body::{self, Body};
use crate::watch::news::Reach;
use crate::watch::transfers::TransferView;

pub(super) const MEDIA_TYPE: &str = "text/event-stream";

/// How long a browser waits before it asks again, once a stream has ended.
const RETRY: &str = "retry: 2000\n\n";

/// nginx would collect an answer before it passes it on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What moves through the process that was asked.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TransferList")]
pub struct TransferList {
    pub process: String,
    pub transfers: Vec<TransferView>,
}

impl Admin {
    pub(super) fn list_transfers(&self, operator: &Operator) -> Response<Body> {
        let seen = self.transfers.look();
        let reached = seen.iter().filter(|seen| operator.identity.reaches(&seen.moving.tenant));
        let transfers = reached.map(|seen| seen.view()).collect();
        json(StatusCode::OK, &TransferList { process: self.process.name.clone(), transfers })
    }

    pub(super) fn stream_events(&self, operator: &Operator, query: &str) -> Result<Response<Body>, AdminError> {
        let reach = match Query::parse(query)?.get("tenant") {
            Some(tenant) => Reach::Only([self.tenant(operator, tenant)?.id.clone()].into()),
            None => Reach::from(&operator.identity.scope),
        };
        let watching = self.events.watch(&operator.identity.name, reach).map_err(AdminError::TooManyStreams)?;
        let (drain, mut replaced) = (self.drain.clone(), operator.tokens_replaced.clone());
        let events = stream::unfold(watching, |mut watching| async { Some((watching.next().await, watching)) });
        let content = stream::once(async { RETRY.into() }).chain(events).map(Ok).take_until(async move {
            tokio::select! {
                () = drain.cancelled() => {}
                // Whoever connects again shows whether its token still holds.
                _ = replaced.changed() => {}
            }
        });
        let mut response = Response::new(body::stream(content));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        Ok(response)
    }
}
