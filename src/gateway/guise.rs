//! A document's answer in the guise of an existing API's: its headers, their names' case and their order, and its status.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, LOCATION, TRANSFER_ENCODING,
};
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::utf8_percent_encode;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::create::NewId;
use super::disposition;
use super::layers::RequestId;
use super::respond::SERVED_FROM;
use super::routes::{Captured, SEGMENT};
use super::upstream::bodies;
use crate::body::{self, Body};
use crate::clock::Clock;
use crate::config::{AnswerValue, HeaderLine, RouteConfig, ValuePart};

/// What a route's answers look like.
pub struct Guise {
    lines: Option<Vec<HeaderLine>>,
    status: Option<StatusCode>,
    /// Tells hyper in which case names are to be written.
    spelling: Extensions,
    clock: Arc<dyn Clock>,
}

/// The head that an answer leaves with, whatever the layers around it have added for themselves.
#[derive(Clone)]
pub(super) struct FinalHeaders(pub(super) HeaderMap);

impl Guise {
    /// `None` where answers stay our own.
    pub async fn of(route: &RouteConfig, clock: &Arc<dyn Clock>) -> Option<Self> {
        let lines = route.response_headers.clone();
        if lines.is_none() && route.status.is_none() {
            return None;
        }
        let spelling = spelling(lines.as_deref().unwrap_or_default()).await;
        Some(Self { lines, status: route.status, spelling, clock: Arc::clone(clock) })
    }

    /// Only where the request was done: a refusal stays the problem that it is.
    pub(super) fn put_on(&self, response: &mut Response<Body>, captured: &Captured, id: &RequestId, changes: bool) {
        if !response.status().is_success() && response.status() != StatusCode::NOT_MODIFIED {
            return;
        }
        if let Some(status) = self.status.filter(|_| changes) {
            *response.status_mut() = status;
        }
        let Some(lines) = &self.lines else { return };
        let mut headers = HeaderMap::with_capacity(lines.len());
        for line in lines {
            if let Some(value) = self.value(line, response, captured, id) {
                headers.append(line.name.clone(), value);
            }
        }
        // One has to be sent with a part, or it would be taken for the whole.
        if let Some(range) = response.headers().get(CONTENT_RANGE).filter(|_| !headers.contains_key(CONTENT_RANGE)) {
            headers.insert(CONTENT_RANGE, range.clone());
        }
        // And several have their boundary in the type.
        if response.status() == StatusCode::PARTIAL_CONTENT
            && !response.headers().contains_key(CONTENT_RANGE)
            && let Some(parts) = response.headers().get(CONTENT_TYPE)
        {
            headers.insert(CONTENT_TYPE, parts.clone());
        }
        response.extensions_mut().extend(self.spelling.clone());
        response.extensions_mut().insert(FinalHeaders(headers.clone()));
        if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
            let body = std::mem::replace(response.body_mut(), body::empty());
            *response.body_mut() = bodies::framed_by_head(body);
        }
    }

    /// `None`: a part of it is not known of this answer.
    fn value(&self, line: &HeaderLine, response: &Response<Body>, captured: &Captured, id: &RequestId) -> Option<HeaderValue> {
        let mut bytes = Vec::new();
        for part in &line.parts {
            match part {
                ValuePart::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                ValuePart::Value(wanted) => bytes.extend_from_slice(&said(*wanted, response, captured, id, self.clock.as_ref())?),
            }
        }
        HeaderValue::from_bytes(&bytes).ok()
    }
}

fn said(wanted: AnswerValue, response: &Response<Body>, captured: &Captured, id: &RequestId, clock: &dyn Clock) -> Option<Vec<u8>> {
    let header = |name: HeaderName| response.headers().get(name).map(|value| value.as_bytes().to_vec());
    let file_name = || disposition::parse(response.headers().get(CONTENT_DISPOSITION)?.to_str().ok()?).ok()?;
    match wanted {
        AnswerValue::MediaType => header(CONTENT_TYPE),
        AnswerValue::FileName => file_name().map(String::into_bytes),
        AnswerValue::FileNameEncoded => file_name().map(|name| utf8_percent_encode(&name, SEGMENT).to_string().into_bytes()),
        AnswerValue::Disposition => header(CONTENT_DISPOSITION),
        AnswerValue::Length => header(CONTENT_LENGTH),
        AnswerValue::ContentRange => header(CONTENT_RANGE),
        AnswerValue::Etag => header(ETAG),
        AnswerValue::LastModified => header(LAST_MODIFIED),
        AnswerValue::Date => Some(httpdate::fmt_http_date(SystemTime::from(clock.now())).into_bytes()),
        AnswerValue::ServedFrom => header(SERVED_FROM),
        AnswerValue::RequestId => Some(id.text().as_bytes().to_vec()),
        AnswerValue::Tenant => Some(captured.tenant.clone().into_bytes()),
        AnswerValue::Collection => Some(captured.collection.clone().into_bytes()),
        AnswerValue::Id => {
            let made = response.extensions().get::<NewId>().map(|NewId(id)| id);
            Some(made.unwrap_or(&captured.id).clone().into_bytes())
        }
        AnswerValue::Location => header(LOCATION),
    }
}

/// hyper writes names in the case in which it has read them, and takes no other word for it: so it is given a head to read. Those
/// that it adds itself are in it, too.
async fn spelling(lines: &[HeaderLine]) -> Extensions {
    let head: String = lines.iter().map(|line| format!("{}: x\r\n", line.spelled)).collect();
    let own = "Content-Length: x\r\nTransfer-Encoding: x\r\nConnection: x\r\nDate: x\r\n";
    read_back(format!("HTTP/1.1 200 OK\r\n{head}{own}\r\n")).await.unwrap_or_default()
}

/// In memory. To HEAD, so that nothing is expected behind the head.
async fn read_back(answer: String) -> Option<Extensions> {
    let (ours, mut theirs) = duplex(answer.len().max(1 << 10));
    let (mut sender, connection) = http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(ours)).await.ok()?;
    let request = Request::builder().method(Method::HEAD).body(Empty::<Bytes>::new()).ok()?;
    let answering = async {
        theirs.read_u8().await?;
        theirs.write_all(answer.as_bytes()).await
    };
    let exchange = async { tokio::join!(sender.send_request(request), answering) };
    tokio::select! {
        (response, _) = exchange => response.ok().map(|response| response.into_parts().0.extensions),
        _ = connection => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hyper_learns_every_name_as_it_is_spelled() {
        let spelled = |name: &str| HeaderLine { name: name.parse().unwrap(), spelled: name.to_owned(), parts: Vec::new() };
        let extensions = spelling(&[spelled("ETag"), spelled("X-iD"), spelled("content-TYPE")]).await;
        let mut answer = Response::new(Empty::<Bytes>::new());
        for name in ["etag", "x-id", "content-type"] {
            answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        answer.extensions_mut().extend(extensions);
        let (ours, theirs) = duplex(4096);
        let answer = std::sync::Mutex::new(Some(answer));
        let service = hyper::service::service_fn(move |_| {
            let answer = answer.lock().unwrap().take().unwrap();
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        let mut server = hyper::server::conn::http1::Builder::new();
        let serving = server.preserve_header_case(true).keep_alive(false).serve_connection(TokioIo::new(ours), service);
        let (mut theirs, mut text) = (theirs, String::new());
        let asking = async {
            theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            theirs.read_to_string(&mut text).await.unwrap();
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nETag: 1\r\nX-iD: 1\r\ncontent-TYPE: 1\r\n"), "{text}");
        assert!(text.contains("\r\nContent-Length: 0\r\n") && text.contains("\r\nDate: "), "{text}");
    }
}
