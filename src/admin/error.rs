//! Why an operator's request was not carried out, and what to do about it.

use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};

use crate::body::{Body, ReadError};
use crate::gateway::rescue::problem;
use crate::migrate::work::JobError;
use crate::store::error::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("there is nothing at this path, or it does not take this method")]
    NoSuchPath,
    #[error("send a known token as `Authorization: Bearer <token>`")]
    Unauthorized,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("there is no tenant {0:?}")]
    NoSuchTenant(String),
    #[error("there is no quarantined job {0:?}; `sluss jobs list --state quarantined` shows them")]
    NoSuchJob(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("the request's body: {0}")]
    Body(#[from] ReadError),
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
            Self::NoSuchPath | Self::NoSuchTenant(_) | Self::NoSuchJob(_) => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) | Self::Body(ReadError::Broken(_)) => StatusCode::BAD_REQUEST,
            Self::Body(ReadError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::NoSuchPath => "no-such-path",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NoSuchTenant(_) => "no-such-tenant",
            Self::NoSuchJob(_) => "no-such-job",
            Self::BadRequest(_) | Self::Body(_) => "bad-request",
            Self::Failed(_) => "store-unavailable",
        }
    }

    pub fn into_response(self, request_id: &str) -> Response<Body> {
        if self.status().is_server_error() {
            tracing::warn!(problem = self.label(), "an operator's request failed: {self}");
        }
        let mut response = problem(self.status(), self.label(), &self.to_string(), request_id);
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}
