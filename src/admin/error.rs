//! Why an operator's request was not carried out, and what to do about it.

use http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use crate::body::{Body, ReadError};
use crate::gateway::rescue::problem;
use crate::migrate::work::JobError;
use crate::store::error::StoreError;
use crate::watch::places::{Full, MAX_STREAMS, MAX_STREAMS_OF_TOKEN};

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("there is nothing at this path")]
    NoSuchPath,
    #[error("this path does not take this method; see the Allow header")]
    WrongMethod { allowed: Vec<&'static str> },
    #[error("send a known token as `Authorization: Bearer <token>`")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("there is no tenant {0:?}")]
    NoSuchTenant(String),
    #[error("there is no quarantined job {0:?}; `sluss jobs list --state quarantined` shows them")]
    NoSuchJob(String),
    #[error("there is no restore {0:?}; `sluss restore --list` shows them, and one is named as <tenant>:<number>")]
    NoSuchRestore(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("the request's body: {0}")]
    Body(#[from] ReadError),
    #[error("{}", too_many_streams(.0))]
    TooManyStreams(Full),
    #[error("not now: {}", .0.reason())]
    Failed(#[from] JobError),
}

/// Time for a breaker to let a call through again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("10");

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Failed(JobError::Store(error))
    }
}

impl AdminError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchPath | Self::NoSuchTenant(_) | Self::NoSuchJob(_) | Self::NoSuchRestore(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) | Self::Body(ReadError::Broken(_)) => StatusCode::BAD_REQUEST,
            Self::Body(ReadError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyStreams(Full::Token) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooManyStreams(Full::Process) | Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no-such-path",
            Self::WrongMethod { .. } => "method-not-allowed",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NoSuchTenant(_) => "no-such-tenant",
            Self::NoSuchJob(_) => "no-such-job",
            Self::NoSuchRestore(_) => "no-such-restore",
            Self::BadRequest(_) | Self::Body(_) => "bad-request",
            Self::TooManyStreams(_) => "too-many-streams",
            Self::Failed(_) => "store-unavailable",
        }
    }

    pub fn into_response(self, request_id: &str) -> Response<Body> {
        if self.status().is_server_error() {
            tracing::warn!(problem = self.label(), "an operator's request failed: {self}");
        }
        let mut response = problem(self.status(), self.label(), &self.to_string(), request_id);
        if let Some((name, value)) = self.extra_header() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn extra_header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::WrongMethod { allowed } => HeaderValue::from_str(&allowed.join(", ")).ok().map(|allowed| (ALLOW, allowed)),
            Self::TooManyStreams(_) | Self::Failed(_) => Some((RETRY_AFTER, RETRY_SECONDS)),
            Self::NoSuchPath
            | Self::Forbidden(_)
            | Self::NoSuchTenant(_)
            | Self::NoSuchJob(_)
            | Self::NoSuchRestore(_)
            | Self::BadRequest(_)
            | Self::Body(_) => None,
        }
    }
}

fn too_many_streams(full: &Full) -> String {
    match full {
        Full::Process => {
            format!("{MAX_STREAMS} streams of events are open, and this process has no more; close a console, or ask another process")
        }
        Full::Token => format!("{MAX_STREAMS_OF_TOKEN} streams of events of this token are open, and it gets no more; close one of them"),
    }
}
