//! From an error to the answer that a client sees: three matches, each complete. What a client may know is decided here,
//! apart from what is logged.

use std::time::Duration;

use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Method, Response, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::conditional::BadTags;
use super::digest::BadDigest;
use super::disposition::BadDisposition;
use super::list::BadQuery;
use super::upstream::Fault;
use crate::body::{self, Body};
use crate::model::id::IdError;
use crate::model::precondition::Unmet;
use crate::model::stamp::StampError;
use crate::store::error::{ClientFault, StoreError, StoreErrorKind};

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("no such path")]
    NoSuchPath,
    #[error("method not allowed")]
    WrongMethod { allowed: Vec<Method> },
    #[error("bad request: {0}")]
    BadRequest(BadRequest),
    #[error("no known token")]
    Unauthorized,
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    #[error("not found: {0}")]
    NotFound(&'static str),
    #[error("precondition failed")]
    Unmet(Unmet),
    #[error("the database refused the row: {0}")]
    Refused(String),
    /// The same for a row whose id it was to give.
    #[error("the database refused the new row: {0}")]
    RefusedNew(String),
    #[error("the collection's rows are inserted by its application")]
    NoInsert,
    #[error("the row cannot take it: {0}")]
    Unfit(String),
    #[error("the body has a Content-Encoding")]
    Encoded,
    #[error("an expectation that nobody here meets")]
    Expectation,
    #[error("content over {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    #[error("range not satisfiable")]
    Unsatisfiable { length_bytes: u64 },
    #[error("the client's body: {0}")]
    Client(ClientFault),
    #[error("too many requests or transfers at once")]
    Overloaded,
    #[error("more requests a second than are allowed")]
    TooManyRequests { retry_after: Duration },
    #[error("the document kept changing")]
    Unsettled,
    #[error("the tenant is read-only")]
    ReadOnly,
    /// Another installation owns the tenant's objects: this one is a copy of it, or was adopted.
    #[error("another installation owns the tenant's objects")]
    NotOurs,
    /// Its revisions are given out again, so a write could be taken for another one.
    #[error("the tenant's database was put back to an earlier moment")]
    PutBack,
    #[error("store failed: {0}")]
    Store(#[from] StoreError),
    /// A commit whose answer is not known: it may have happened.
    #[error("outcome unknown: {0}")]
    Unknown(StoreError),
    /// The same for a row whose id nobody heard.
    #[error("outcome unknown: {0}")]
    UnknownNew(StoreError),
    #[error("the existing API {0}")]
    Upstream(Fault),
}

/// What a client has to correct.
#[derive(Debug, thiserror::Error)]
pub enum BadRequest {
    #[error("{0}")]
    Id(#[from] IdError),
    #[error("{0}")]
    Tags(#[from] BadTags),
    #[error("{0}")]
    Query(#[from] BadQuery),
    #[error("{0}")]
    Stamp(#[from] StampError),
    #[error("{0}")]
    Disposition(#[from] BadDisposition),
    #[error("{0}")]
    Digest(#[from] BadDigest),
    #[error("Content-Type is not a media type of at most 255 characters")]
    MediaType,
    #[error("the path is not UTF-8 once it is decoded")]
    Path,
    #[error("Content-Range: only a whole document can be put")]
    ContentRange,
    #[error("Host: a request names exactly one")]
    Host,
    #[error("CONNECT: this is a gateway to one server, and no proxy")]
    Connect,
}

impl<E: Into<BadRequest>> From<E> for GatewayError {
    fn from(error: E) -> Self {
        Self::BadRequest(error.into())
    }
}

impl GatewayError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unmet(_) => StatusCode::PRECONDITION_FAILED,
            Self::Refused(_) | Self::RefusedNew(_) | Self::NoInsert => StatusCode::CONFLICT,
            Self::Unfit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::TooLarge { .. } | Self::Client(ClientFault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Client(ClientFault::Broken) => StatusCode::BAD_REQUEST,
            Self::Client(ClientFault::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(StoreError { kind: StoreErrorKind::Timeout, .. }) => StatusCode::GATEWAY_TIMEOUT,
            Self::Upstream(fault) if fault.is_timeout() => StatusCode::GATEWAY_TIMEOUT,
            Self::Upstream(_) => StatusCode::BAD_GATEWAY,
            Self::Overloaded
            | Self::Unsettled
            | Self::ReadOnly
            | Self::NotOurs
            | Self::PutBack
            | Self::Store(_)
            | Self::Unknown(_)
            | Self::UnknownNew(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A short name for logs; also the end of the problem's `type`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no-such-path",
            Self::WrongMethod { .. } => "method-not-allowed",
            Self::BadRequest(BadRequest::Digest(BadDigest::Mismatch)) => "digest-mismatch",
            Self::BadRequest(_) => "bad-request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not-found",
            Self::Unmet(_) => "precondition-failed",
            Self::Refused(_) | Self::RefusedNew(_) => "refused-by-database",
            Self::NoInsert => "insert-not-configured",
            Self::Unfit(_) => "does-not-fit",
            Self::Encoded => "unsupported-encoding",
            Self::Expectation => "expectation-failed",
            Self::TooLarge { .. } | Self::Client(ClientFault::TooLarge) => "too-large",
            Self::Unsatisfiable { .. } => "range-not-satisfiable",
            Self::Client(ClientFault::Broken) => "body-incomplete",
            Self::Client(ClientFault::TooSlow) => "body-too-slow",
            Self::Overloaded => "overloaded",
            Self::TooManyRequests { .. } => "too-many-requests",
            Self::Unsettled => "unsettled",
            Self::ReadOnly => "read-only",
            Self::NotOurs => "another-installation",
            Self::PutBack => "database-put-back",
            Self::Store(StoreError { kind: StoreErrorKind::Full, .. }) => "no-room",
            Self::Store(_) => "store-unavailable",
            Self::Unknown(_) | Self::UnknownNew(_) => "outcome-unknown",
            Self::Upstream(fault) if fault.is_timeout() => "upstream-timeout",
            Self::Upstream(_) => "bad-gateway",
        }
    }

    /// What the client reads: what went wrong and what to do, and nothing of the stores.
    pub fn public_message(&self) -> String {
        match self {
            Self::NoSuchPath => "there is nothing at this path".to_owned(),
            Self::WrongMethod { .. } => "this path does not take this method; see the Allow header".to_owned(),
            Self::BadRequest(reason) => reason.to_string(),
            Self::Unauthorized => "send a known token as `Authorization: Bearer <token>`".to_owned(),
            Self::Forbidden(reason) | Self::NotFound(reason) => (*reason).to_owned(),
            Self::Unmet(Unmet::IfMatch) => "the document is not the one that If-Match names; read it again".to_owned(),
            Self::Unmet(Unmet::IfUnmodifiedSince) => "the document has changed since If-Unmodified-Since; read it again".to_owned(),
            Self::Unmet(Unmet::IfNoneMatch | Unmet::IfModifiedSince) => {
                "the document has a content that If-None-Match rules out; nothing was changed".to_owned()
            }
            Self::Refused(_) => "a constraint of the document table refuses this row".to_owned(),
            Self::RefusedNew(_) => {
                "the database refuses this row: a constraint of the document table forbids it, or its id column gives a new row \
                 no id; then PUT the document with an id of your own"
                    .to_owned()
            }
            Self::NoInsert => "this collection takes content for rows that are there: the application inserts the row, and then PUTs its \
                 content; only create = \"insert\" in the tenant's file lets a POST make rows"
                .to_owned(),
            Self::Unfit(_) => {
                "the media type or the file name does not fit into its column of the document table, and nothing was changed".to_owned()
            }
            Self::Encoded => "the body is taken as it is: send it without Content-Encoding".to_owned(),
            Self::Expectation => "of all expectations only 100-continue is met here; send the request without Expect".to_owned(),
            Self::TooLarge { limit_bytes } => format!("the body is larger than the limit of {limit_bytes} bytes"),
            Self::Unsatisfiable { length_bytes } => format!("the document has {length_bytes} bytes, and none of them lies in the range"),
            Self::Client(fault) => fault.to_string(),
            Self::Overloaded => "too many requests or transfers at once; try again after the time in Retry-After".to_owned(),
            Self::TooManyRequests { .. } => {
                "more requests a second than this caller or this tenant may make; try again after the time in Retry-After".to_owned()
            }
            Self::Unsettled => "the document changed again and again while it was handled; try again".to_owned(),
            Self::ReadOnly => {
                "this tenant is read-only for now: documents can be read, and nothing was changed; try again later".to_owned()
            }
            Self::PutBack => {
                "this tenant's database was put back to an earlier moment: documents can be read, and nothing is written until an operator has run `sluss reconcile`".to_owned()
            }
            Self::NotOurs => {
                "this installation may read this tenant's documents and not change them, and nothing was changed; an operator has to act"
                    .to_owned()
            }
            Self::Store(StoreError { kind: StoreErrorKind::Full, .. }) => {
                "there is no room left to store the document, and nothing was changed; an operator has to make some".to_owned()
            }
            Self::Store(_) => "the document cannot be reached at the moment, and nothing was changed; try again".to_owned(),
            Self::UnknownNew(_) => {
                "whether the document was made is not known, nor its id: look for it before you repeat this; a PUT with an id \
                 of your own can be repeated"
                    .to_owned()
            }
            Self::Upstream(fault) if fault.is_timeout() => {
                "the server behind this gateway did not answer in time; what the request asked for may have happened".to_owned()
            }
            Self::Upstream(_) => "the server behind this gateway gave no answer that could be passed on".to_owned(),
            Self::Unknown(_) => "whether the change happened is not known; read the document before you repeat it".to_owned(),
        }
    }

    /// Whether the request names what is not there, or cannot be.
    pub fn says_missing(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::BadRequest(BadRequest::Id(_)))
    }

    /// Whether somebody has to look at it: such errors are logged as warnings, the others only in the request's own line.
    pub fn is_ours(&self) -> bool {
        // Read-only is what an operator wanted, and whose the objects are is told by the clock, not by the request.
        self.status().is_server_error() && !matches!(self, Self::ReadOnly | Self::NotOurs | Self::PutBack)
    }
}

/// Why a request was not carried out, as RFC 9457 has it.
#[derive(Serialize, JsonSchema)]
pub struct Problem<'a> {
    /// `urn:sluss:problem:` and the problem's name, for programs.
    r#type: String,
    title: &'a str,
    status: u16,
    /// What went wrong and what to do, for people.
    detail: &'a str,
    /// What X-Request-Id says.
    request_id: &'a str,
}

/// A problem's answer, for every listener.
pub fn problem(status: StatusCode, label: &str, detail: &str, request_id: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { r#type: format!("urn:sluss:problem:{label}"), title, status: status.as_u16(), detail, request_id };
    let text = serde_json::to_vec(&problem).expect("a struct of texts and a number is JSON");
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The one place where an error becomes an answer, and is logged.
pub fn refuse(error: &GatewayError, request_id: &str) -> Response<Body> {
    if error.is_ours() {
        let cause = match error {
            GatewayError::Store(error) | GatewayError::Unknown(error) | GatewayError::UnknownNew(error) => error.chain(),
            other => other.to_string(),
        };
        tracing::warn!(problem = error.label(), "answered {}: {cause}", error.status().as_u16());
    } else {
        tracing::debug!(problem = error.label(), "answered {}: {error}", error.status().as_u16());
    }
    response(error, request_id)
}

fn response(error: &GatewayError, request_id: &str) -> Response<Body> {
    let mut response = problem(error.status(), error.label(), &error.public_message(), request_id);
    if let Some((name, value)) = extra_header(error) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Seconds after which a refused client may come again: long enough for a pool to drain, short enough not to be felt.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("2");

/// A tenant is read-only for minutes rather than seconds.
const READ_ONLY_RETRY_SECONDS: HeaderValue = HeaderValue::from_static("60");

fn extra_header(error: &GatewayError) -> Option<(HeaderName, HeaderValue)> {
    match error {
        GatewayError::WrongMethod { allowed } => {
            let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            HeaderValue::from_str(&allowed.join(", ")).ok().map(|value| (ALLOW, value))
        }
        GatewayError::Encoded => Some((ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
        GatewayError::Unauthorized => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        GatewayError::Unsatisfiable { length_bytes } => {
            HeaderValue::from_str(&format!("bytes */{length_bytes}")).ok().map(|value| (CONTENT_RANGE, value))
        }
        GatewayError::Overloaded
        | GatewayError::Unsettled
        | GatewayError::Store(_)
        | GatewayError::Unknown(_)
        | GatewayError::UnknownNew(_) => Some((RETRY_AFTER, RETRY_SECONDS)),
        // Whole seconds, and never too early.
        GatewayError::TooManyRequests { retry_after } => {
            Some((RETRY_AFTER, HeaderValue::from(retry_after.as_millis().div_ceil(1000).max(1).min(u128::from(u32::MAX)) as u32)))
        }
        GatewayError::ReadOnly | GatewayError::NotOurs | GatewayError::PutBack => Some((RETRY_AFTER, READ_ONLY_RETRY_SECONDS)),
        GatewayError::NoSuchPath
        | GatewayError::BadRequest(_)
        | GatewayError::Forbidden(_)
        | GatewayError::NotFound(_)
        | GatewayError::Unmet(_)
        | GatewayError::Refused(_)
        | GatewayError::RefusedNew(_)
        | GatewayError::NoInsert
        | GatewayError::Unfit(_)
        | GatewayError::Expectation
        | GatewayError::TooLarge { .. }
        | GatewayError::Client(_)
        | GatewayError::Upstream(_) => None,
    }
}
