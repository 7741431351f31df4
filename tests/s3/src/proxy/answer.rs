//! What a store says when it cannot.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::body::Passing;

pub(super) fn internal_error() -> Response<Passing> {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "We encountered an internal error. Please try again.")
}

pub(super) fn slow_down(retry_after_seconds: Option<u64>) -> Response<Passing> {
    let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.");
    if let Some(seconds) = retry_after_seconds {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

pub(super) fn unknown_key() -> Response<Passing> {
    refusal(StatusCode::FORBIDDEN, "InvalidAccessKeyId", "The AWS access key ID that you provided does not exist in our records.")
}

pub(super) fn no_such_page() -> Response<Passing> {
    let mut answer = Response::new(Passing::whole(Bytes::from_static(b"<html><body>404 Not Found</body></html>")));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Passing> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>proxy</RequestId></Error>"
    );
    let mut answer = Response::new(Passing::whole(Bytes::from(text)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
