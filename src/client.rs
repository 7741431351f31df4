//! A small HTTP/1.1 client, with TLS where the address says so: the command line speaks to the admin API with it, and the demo makes its traffic with it.
//! Its errors are for a person to read, and never hold the token.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::causes::causes;

pub use self::tls::ClientTls;
use crate::body::{self, Body, ReadError};

#[cfg(test)]
mod tests;
mod tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For an answer to begin (a flip that compares a sample takes its time), and for each next piece of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longest JSON answer: a page of jobs is far below it.
const MAX_JSON_BYTES: usize = 16 << 20;

/// What hyper may hold of each direction of a connection.
const MAX_BUF_BYTES: usize = 64 << 10;

pub type ClientResult<T> = Result<T, ClientError>;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{0} is not an http or https address: write http://host:port or https://host:port")]
    Scheme(String),
    #[error("{0}")]
    Tls(String),
    #[error("{0:?} is not a path")]
    Path(String),
    #[error("the token holds characters that no HTTP header can")]
    Token,
    #[error("cannot reach {server}: {reason}; is `sluss serve` running?")]
    Unreachable { server: String, reason: String },
    #[error("{server} did not answer within {after:?}")]
    NoAnswer { server: String, after: Duration },
    #[error("the connection to {server} broke: {reason}")]
    Broken { server: String, reason: String },
    #[error("the answer of {server} is larger than {limit_bytes} bytes")]
    TooLarge { server: String, limit_bytes: usize },
    #[error("{server} answered {status} with something that is not JSON: is it a sluss admin address?")]
    NotJson { server: String, status: StatusCode },
}

/// One server, spoken to over connections that are kept for the next request.
#[derive(Clone)]
pub struct HttpClient {
    http: Client<HttpsConnector<HttpConnector>, Body>,
    base: Uri,
    /// For messages: without the name and password that an address can hold.
    server: String,
    authorization: Option<HeaderValue>,
    patience: Duration,
}

impl HttpClient {
    pub fn new(base: Uri, token: Option<&str>) -> ClientResult<Self> {
        Self::with_tls(base, token, &ClientTls::default())
    }

    /// Reads the files of `tls` once, where the address asks for TLS.
    pub fn with_tls(base: Uri, token: Option<&str>, tls: &ClientTls) -> ClientResult<Self> {
        let host = base.authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
        let scheme = base.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
        let server = format!("{scheme}{}", host.unwrap_or_else(|| base.path()));
        let secured = base.scheme() == Some(&Scheme::HTTPS);
        if !(secured || base.scheme() == Some(&Scheme::HTTP)) || host.is_none_or(str::is_empty) {
            return Err(ClientError::Scheme(server));
        }
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = tls.connector(connector, secured)?;
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).http1_max_buf_size(MAX_BUF_BYTES).build(connector);
        Ok(Self { http, base, server, authorization: token.map(bearer).transpose()?, patience: PATIENCE })
    }

    /// Waits this long for an answer to begin, and for each next piece of it.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// One request. `path` begins with `/`, follows the base's own, and is percent-encoded already. Any status is an `Ok`.
    pub async fn request(&self, method: Method, path: &str, headers: HeaderMap, body: Body) -> ClientResult<Answer> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.uri(path)?;
        *request.headers_mut() = headers;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let answer = timeout(self.patience, self.http.request(request)).await.map_err(|_| self.no_answer())?;
        let (head, body) = answer.map_err(|error| self.failed(&error))?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body, server: self.server.clone(), patience: self.patience })
    }

    /// A request with a JSON body or none, answered in JSON; an empty answer is `null`. Any status is an `Ok`.
    pub async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> ClientResult<(StatusCode, serde_json::Value)> {
        let mut headers = HeaderMap::new();
        let body = match body {
            Some(value) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                body::full(value.to_string())
            }
            None => body::empty(),
        };
        self.request(method, path, headers, body).await?.json().await
    }

    fn uri(&self, path: &str) -> ClientResult<Uri> {
        let bad_path = || ClientError::Path(path.chars().take(200).collect());
        if !path.starts_with('/') {
            return Err(bad_path());
        }
        let whole = format!("{}{path}", self.base.path().trim_end_matches('/'));
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(whole.parse::<PathAndQuery>().map_err(|_| bad_path())?);
        Uri::from_parts(parts).map_err(|_| bad_path())
    }

    fn no_answer(&self) -> ClientError {
        ClientError::NoAnswer { server: self.server.clone(), after: self.patience }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> ClientError {
        let (server, reason) = (self.server.clone(), reason(error));
        if error.is_connect() { ClientError::Unreachable { server, reason } } else { ClientError::Broken { server, reason } }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("server", &self.server).finish_non_exhaustive()
    }
}

/// An answer whose body is still to come. Dropping it gives up the rest.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    server: String,
    patience: Duration,
}

impl Answer {
    /// The next piece of the body; `None` at its end. A body that ends short is an error.
    pub async fn piece(&mut self) -> ClientResult<Option<Bytes>> {
        loop {
            let next = timeout(self.patience, self.body.frame()).await;
            match next.map_err(|_| ClientError::NoAnswer { server: self.server.clone(), after: self.patience })? {
                None => return Ok(None),
                Some(Err(error)) => return Err(ClientError::Broken { server: self.server.clone(), reason: reason(&error) }),
                // Trailers end a body and are nobody's business here.
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The whole body, up to a limit.
    pub async fn bytes(self, limit_bytes: usize) -> ClientResult<Bytes> {
        let Self { body, server, patience, .. } = self;
        match timeout(patience, body::read(body, limit_bytes)).await {
            Err(_) => Err(ClientError::NoAnswer { server, after: patience }),
            Ok(Err(ReadError::TooLarge { limit_bytes })) => Err(ClientError::TooLarge { server, limit_bytes }),
            Ok(Err(ReadError::Broken(error))) => Err(ClientError::Broken { server, reason: reason(error.as_ref()) }),
            Ok(Ok(bytes)) => Ok(bytes),
        }
    }

    async fn json(self) -> ClientResult<(StatusCode, serde_json::Value)> {
        let (status, server) = (self.status, self.server.clone());
        let bytes = self.bytes(MAX_JSON_BYTES).await?;
        if bytes.is_empty() {
            return Ok((status, serde_json::Value::Null));
        }
        let value = serde_json::from_slice(&bytes).map_err(|_| ClientError::NotJson { server, status })?;
        Ok((status, value))
    }
}

fn bearer(token: &str) -> ClientResult<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the innermost error says: the ones around it only say that there was one.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = causes(error).last().unwrap_or(error);
    match innermost.downcast_ref::<std::io::Error>() {
        // Without the "(os error 111)" that the system's own text has.
        Some(io) if io.raw_os_error().is_some() => io.kind().to_string(),
        Some(_) | None => innermost.to_string(),
    }
}
