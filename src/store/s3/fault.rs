//! From the SDK's errors to what a caller can do about them. What a server says is cut short, and no request is repeated in it:
//! signatures and keys are in requests.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::causes::{causes, chain};
use crate::model::id::ObjectRef;
use crate::store::error::{BoxError, StoreError, StoreErrorKind};

pub(super) const STORE: &str = "s3";

/// Of a server's own words.
const MAX_WORDS: usize = 300;

/// What is being done to what.
#[derive(Debug, Clone)]
pub(super) struct Call {
    operation: &'static str,
    target: String,
}

impl Call {
    pub(super) fn on(operation: &'static str, object: &ObjectRef) -> Self {
        Self { operation, target: object.to_string() }
    }

    pub(super) fn on_placement(operation: &'static str, target: String) -> Self {
        Self { operation, target }
    }

    pub(super) fn error(&self, kind: StoreErrorKind, reason: impl Into<BoxError>) -> StoreError {
        StoreError::new(STORE, self.operation, &self.target, kind).because(reason)
    }

    pub(super) fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refusal) => self.refused(refusal.raw(), refusal.err()),
            SdkError::TimeoutError(_) => self.error(StoreErrorKind::Timeout, "no answer in time"),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => self.error(StoreErrorKind::Timeout, "no connection in time"),
            SdkError::DispatchFailure(failure) => {
                let words = failure.as_connector_error().map_or_else(|| "no connection".to_owned(), |error| shortened(&chain(error)));
                let kind = if lacks_credentials(error) { StoreErrorKind::Denied } else { StoreErrorKind::Unavailable };
                self.error(kind, words)
            }
            SdkError::ResponseError(_) => self.error(StoreErrorKind::Unavailable, "the answer broke off, or is none of S3's"),
            SdkError::ConstructionFailure(failure) => self.error(StoreErrorKind::Other, format!("no request could be made: {failure:?}")),
            // The SDK may add further ones.
            other => self.error(StoreErrorKind::Other, shortened(&chain(other))),
        }
    }

    fn refused(&self, raw: &HttpResponse, meta: &impl ProvideErrorMetadata) -> StoreError {
        let (status, code) = (raw.status().as_u16(), meta.code().unwrap_or_default());
        let retry_after = raw.headers().get("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let words = shortened(meta.message().unwrap_or_default());
        let separator = if words.is_empty() { "" } else { ": " };
        self.error(kind(status, code, retry_after), format!("{status} {code}{separator}{words}"))
    }
}

/// Whether the store says that there is no such object, rather than no such bucket: of a HEAD, whose answer has no words.
pub(super) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && code(error) != Some("NoSuchBucket")
}

/// The same of a GET, whose answer has words: a page of something in between is no absence.
pub(super) fn is_no_such_key<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && code(error) == Some("NoSuchKey")
}

/// What was to be removed, an object or an upload in parts, is not there any more, in the store's own words.
pub(super) fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && matches!(code(error), Some("NoSuchKey" | "NoSuchUpload"))
}

pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// No request left then.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| cause.is::<CredentialsError>())
}

/// Codes first: Ceph answers a full quota with 403, and stores differ in which status means what.
pub(super) fn kind(status: u16, code: &str, retry_after: Option<Duration>) -> StoreErrorKind {
    match (code, status) {
        ("QuotaExceeded" | "TooManyObjects" | "InsufficientStorage", _) | (_, 507) => StoreErrorKind::Full,
        ("SlowDown" | "TooManyRequests" | "RequestLimitExceeded" | "Throttling" | "ThrottlingException", _) | (_, 429) => {
            StoreErrorKind::Throttled { retry_after }
        }
        // Ceph and AWS say it with status 200, too, where they had begun to answer.
        ("InternalError" | "ServiceUnavailable", _) => StoreErrorKind::Unavailable,
        // A bucket that is not there, and keys that have run out, are for an operator to put right, like missing rights.
        ("NoSuchBucket" | "ExpiredToken" | "InvalidToken", _) => StoreErrorKind::Denied,
        // Not S3's own words: something in between.
        ("", 404) => StoreErrorKind::Unavailable,
        ("RequestTimeout", _) | (_, 408) => StoreErrorKind::Timeout,
        ("BadDigest" | "XAmzContentSHA256Mismatch" | "InvalidDigest" | "InvalidRange", _) | (_, 416) => StoreErrorKind::Corrupt,
        (_, 401 | 403) => StoreErrorKind::Denied,
        (_, 500 | 502 | 503 | 504) => StoreErrorKind::Unavailable,
        (_, _) => StoreErrorKind::Other,
    }
}

fn shortened(words: &str) -> String {
    words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_can_do_about_it_goes_by_the_code_before_the_status() {
        for (status, code, expected) in [
            (403, "AccessDenied", StoreErrorKind::Denied),
            (403, "QuotaExceeded", StoreErrorKind::Full),
            (503, "SlowDown", StoreErrorKind::Throttled { retry_after: None }),
            (503, "ServiceUnavailable", StoreErrorKind::Unavailable),
            (429, "", StoreErrorKind::Throttled { retry_after: None }),
            (400, "RequestTimeout", StoreErrorKind::Timeout),
            (400, "XAmzContentSHA256Mismatch", StoreErrorKind::Corrupt),
            (404, "NoSuchBucket", StoreErrorKind::Denied),
            (404, "", StoreErrorKind::Unavailable),
            (200, "InternalError", StoreErrorKind::Unavailable),
        ] {
            assert_eq!(kind(status, code, None), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_servers_words_are_one_line_and_short() {
        let said = shortened(&format!("first\nsecond{}", "x".repeat(1000)));
        assert!(said.starts_with("first second") && said.len() == MAX_WORDS);
    }
}
