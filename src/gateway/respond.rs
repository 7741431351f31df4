//! The headers of a document, the same whichever store answers.

use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};

use super::disposition;
use super::range::Wanted;
use crate::body::{self, Body};
use crate::model::document::Attributes;
use crate::model::stamp::Stamp;
use crate::telemetry::ServedFrom;

pub const SERVED_FROM: HeaderName = HeaderName::from_static("served-from");

/// What a document without a media type is sent as.
const UNKNOWN_MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A document's head, before it is known who sends its body.
pub fn document(stamp: &Stamp, attributes: &Attributes, length_bytes: u64, wanted: &Wanted) -> Response<Body> {
    let mut response = Response::new(body::empty());
    let sent = match wanted {
        Wanted::Part(range) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range_text = format!("bytes {}-{}/{length_bytes}", range.start, range.end - 1);
            set(&mut response, CONTENT_RANGE, &range_text);
            range.end - range.start
        }
        Wanted::Whole | Wanted::Unsatisfiable => length_bytes,
    };
    validators(&mut response, stamp, attributes);
    set(&mut response, CONTENT_LENGTH, &sent.to_string());
    set(&mut response, CONTENT_DISPOSITION, &disposition::format(attributes.file_name.as_deref()));
    let media_type = attributes.media_type.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type.unwrap_or(UNKNOWN_MEDIA_TYPE));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

pub fn not_modified(stamp: &Stamp, attributes: &Attributes) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    validators(&mut response, stamp, attributes);
    response
}

/// A write's answer.
pub fn written(created: bool, stamp: Option<&Stamp>) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = if created { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    if let Some(stamp) = stamp {
        set(&mut response, ETAG, &entity_tag(stamp));
    }
    response
}

pub fn deleted() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub fn set_served_from(response: &mut Response<Body>, served_from: ServedFrom) {
    response.headers_mut().insert(SERVED_FROM, HeaderValue::from_static(served_from.label()));
}

pub fn entity_tag(stamp: &Stamp) -> String {
    format!("\"{stamp}\"")
}

fn validators(response: &mut Response<Body>, stamp: &Stamp, attributes: &Attributes) {
    set(response, ETAG, &entity_tag(stamp));
    // HTTP dates begin in 1970 and end in 9999; a row that says otherwise has no date.
    let seconds = attributes.modified.and_then(|modified| u64::try_from(modified.as_second()).ok());
    if let Some(seconds) = seconds.filter(|seconds| *seconds < 253_402_300_800) {
        let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        set(response, LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("numbers, stamps, dates and encoded names are header text");
    response.headers_mut().insert(name, value);
}
