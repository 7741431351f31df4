//! Asks the existing API whether it would let a request through: with that request's credentials, and without its body.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, request};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::super::guise::FinalHeaders;
use super::super::rescue::GatewayError;
use super::super::routes::{Captured, fill};
use super::{Fault, Upstream, hop};
use crate::body::{self, Body};
use crate::config::{CheckConfig, TenantSource};

/// What the client wants to do: who may read need not be one who may write.
const X_ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");

/// Yeses that are remembered at once, each a hash.
const REMEMBERED: u64 = 64 << 10;

/// What is asked, and what was allowed lately.
pub(super) struct Check {
    config: CheckConfig,
    allowed: Option<Cache<[u8; 32], ()>>,
}

/// What the existing API said.
pub enum Verdict {
    Allowed,
    /// Its own answer, for the client.
    Refused(Box<Response<Body>>),
}

impl Check {
    pub(super) fn new(config: CheckConfig) -> Self {
        let allowed = config.remember.map(|remember| Cache::builder().max_capacity(REMEMBERED).time_to_live(remember).build());
        Self { config, allowed }
    }

    fn credentials<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = (&'a HeaderName, &'a [u8])> {
        let named = [&AUTHORIZATION, &COOKIE].into_iter().chain(&self.config.headers);
        named.flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value.as_bytes())))
    }
}

impl Upstream {
    /// For a request whose route leaves that to the existing API, which is told the request's method and, where the route has it from a
    /// header, the tenant that would be served. Its 401, 403 and 404 are the client's answer; anything else but a success is an error.
    pub async fn check(&self, head: &request::Parts, captured: &Captured, source: &TenantSource) -> Result<Verdict, GatewayError> {
        let check = self.check.as_ref().ok_or(GatewayError::Upstream(Fault::Check(StatusCode::NOT_IMPLEMENTED)))?;
        let path = match &check.config.path {
            None => hop::path(&head.uri),
            // What was filled in is percent-encoded.
            Some(template) => PathAndQuery::try_from(fill(template, captured)).expect("segments that are encoded are a path"),
        };
        let fingerprint = fingerprint(check, head, &path, captured);
        if check.allowed.as_ref().is_some_and(|allowed| allowed.get(&fingerprint).is_some()) {
            return Ok(Verdict::Allowed);
        }
        let (mut asked, ()) = Request::new(()).into_parts();
        asked.method = check.config.method.clone();
        asked.uri = self.config.uri(path);
        asked.headers = self.headers(head, None)?;
        let wanted: Vec<HeaderName> = check.credentials(&head.headers).map(|(name, _)| name.clone()).collect();
        let told = ["host", "forwarded", "via", "x-request-id", "user-agent"];
        let kept = asked.headers.iter().filter(|(name, _)| wanted.contains(name) || told.contains(&name.as_str()));
        asked.headers = kept.map(|(name, value)| (name.clone(), value.clone())).fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        });
        asked.headers.insert(X_ORIGINAL_METHOD, HeaderValue::from_str(head.method.as_str()).expect("a method is a token"));
        if let TenantSource::Header(name) = source {
            // Exactly the one that is served, whatever `Connection` names.
            asked.headers.insert(name.clone(), HeaderValue::from_str(&captured.tenant).expect("the name of a tenant is plain"));
        }
        let answer = self.exchange(Request::from_parts(asked, body::empty()), None).await?;
        match answer.status() {
            status if status.is_success() => {
                if let Some(allowed) = &check.allowed {
                    allowed.insert(fingerprint, ());
                }
                Ok(Verdict::Allowed)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                let without_body = check.config.method == Method::HEAD && head.method != Method::HEAD;
                Ok(Verdict::Refused(Box::new(refused(answer, without_body))))
            }
            status => Err(self.failed(Fault::Check(status))),
        }
    }
}

/// An answer to HEAD tells the length of a body that does not come.
fn refused(mut answer: Response<Body>, without_body: bool) -> Response<Body> {
    if without_body {
        *answer.body_mut() = body::empty();
        if let Some(FinalHeaders(headers)) = answer.extensions_mut().get_mut::<FinalHeaders>() {
            headers.remove(CONTENT_LENGTH);
            headers.remove(TRANSFER_ENCODING);
        }
    }
    answer
}

/// Two requests have the same one only if the existing API would be asked the same.
fn fingerprint(check: &Check, head: &request::Parts, path: &PathAndQuery, captured: &Captured) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |text: &[u8]| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    add(head.headers.get(http::header::HOST).map_or(b"", |host| host.as_bytes()));
    add(head.uri.authority().map_or(b"", |authority| authority.as_str().as_bytes()));
    add(path.as_str().as_bytes());
    add(head.method.as_str().as_bytes());
    add(captured.tenant.as_bytes());
    for (name, value) in check.credentials(&head.headers) {
        add(name.as_str().as_bytes());
        add(value);
    }
    hash.finalize().into()
}
