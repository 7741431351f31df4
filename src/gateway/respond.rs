//! The headers of a document, the same whichever store answers.

use std::ops::Range;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};

use super::digest::{self, CONTENT_DIGEST, REPR_DIGEST};
use super::disposition;
use super::multipart::Framing;
use crate::body::{self, Body};
use crate::config::Disposition;
use crate::model::content::ContentHash;
use crate::model::precondition::HttpDate;
use crate::model::stamp::Stamp;
use crate::telemetry::ServedFrom;

pub const SERVED_FROM: HeaderName = HeaderName::from_static("served-from");

/// What a document without a media type is sent as.
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// A document belongs to whoever may ask for it, and a read sees every write before it: a cache keeps it for that user only, and asks
/// whether it still holds. Without this a cache may guess for how long a document with `Last-Modified` stays as it is.
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What answers tell of a document's current content.
#[derive(Debug, Clone)]
pub struct Representation {
    pub stamp: Stamp,
    /// Never later than the answer itself.
    pub modified: Option<HttpDate>,
    pub media_type: Option<String>,
    pub file_name: Option<String>,
    pub disposition: Disposition,
    pub length_bytes: u64,
    /// Where it was taken already.
    pub sha256: Option<ContentHash>,
}

impl Representation {
    pub fn media_type(&self) -> &str {
        let is_header_text = |text: &&str| HeaderValue::from_str(text).is_ok();
        self.media_type.as_deref().filter(is_header_text).unwrap_or(UNKNOWN_MEDIA_TYPE)
    }
}

/// The answer to HEAD, and what an answer to GET begins with.
pub fn head(document: &Representation) -> Response<Body> {
    let mut response = Response::new(body::empty());
    validators(&mut response, document);
    set(&mut response, CONTENT_LENGTH, &document.length_bytes.to_string());
    set(&mut response, CONTENT_TYPE, document.media_type());
    set(&mut response, CONTENT_DISPOSITION, &disposition::format(document.disposition, document.file_name.as_deref()));
    if let Some(sha256) = document.sha256 {
        set(&mut response, REPR_DIGEST, &digest::format(sha256));
    }
    let headers = response.headers_mut();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Of the whole content, whose body is still to come.
pub fn whole(document: &Representation) -> Response<Body> {
    let mut response = head(document);
    if let Some(sha256) = document.sha256 {
        set(&mut response, CONTENT_DIGEST, &digest::format(sha256));
    }
    response
}

/// Of one part, whose body is still to come.
pub fn part(document: &Representation, range: &Range<u64>) -> Response<Body> {
    let mut response = head(document);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    set(&mut response, CONTENT_RANGE, &format!("bytes {}-{}/{}", range.start, range.end - 1, document.length_bytes));
    set(&mut response, CONTENT_LENGTH, &(range.end - range.start).to_string());
    response
}

/// Of several parts, whose body is still to come.
pub fn parts(document: &Representation, framing: &Framing) -> Response<Body> {
    let mut response = head(document);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    set(&mut response, CONTENT_TYPE, &framing.media_type());
    set(&mut response, CONTENT_LENGTH, &framing.length_bytes().to_string());
    response
}

pub fn not_modified(document: &Representation) -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    validators(&mut response, document);
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

/// What a cache needs, so a 304 has it, too.
fn validators(response: &mut Response<Body>, document: &Representation) {
    set(response, ETAG, &entity_tag(&document.stamp));
    if let Some(modified) = document.modified {
        set(response, LAST_MODIFIED, &httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(modified.seconds())));
    }
    response.headers_mut().insert(CACHE_CONTROL, ASK_EACH_TIME);
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    let value =
        HeaderValue::from_str(value).expect("numbers, stamps, dates, media types that were looked at and encoded names are header text");
    response.headers_mut().insert(name, value);
}
