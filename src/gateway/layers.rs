//! The layers of the document API's tower stack. Each one says what it adds around the service inside it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{CONNECTION, HeaderName};
use http::{HeaderValue, Method, Request, Response, Version};
use http_body::Body as _;
use tokio::time::Instant;
use tower::{Layer, Service};
use tracing::Instrument;
use uuid::Uuid;

use super::rescue::{self, GatewayError};
use super::respond::SERVED_FROM;
use super::routes::Operation;
use crate::body::{self, Body};
use crate::model::id::TenantId;
use crate::telemetry::{Answered, Metrics, ServedFrom};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from a caller.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// An answer that is still to come.
pub(super) type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

/// What a layer adds to a call of the service inside it, which fails with `E`.
pub(super) trait Around<E>: Clone {
    type Error;
    fn call<S>(&self, inner: &mut S, request: Request<Body>) -> Answer<Self::Error>
    where
        S: Service<Request<Body>, Error = E, Future = Answer<E>>;
}

/// Makes a tower layer of what goes around.
#[derive(Clone)]
pub(super) struct AroundLayer<A>(pub(super) A);

#[derive(Clone)]
pub(super) struct Surrounded<A, S> {
    around: A,
    inner: S,
}

impl<A: Clone, S> Layer<S> for AroundLayer<A> {
    type Service = Surrounded<A, S>;
    fn layer(&self, inner: S) -> Self::Service {
        Surrounded { around: self.0.clone(), inner }
    }
}

impl<A, S, E> Service<Request<Body>> for Surrounded<A, S>
where
    A: Around<E>,
    S: Service<Request<Body>, Response = Response<Body>, Error = E, Future = Answer<E>>,
{
    type Response = Response<Body>;
    type Error = A::Error;
    type Future = Answer<A::Error>;

    /// Nothing here waits: what has no place for a request refuses it when it is called.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), A::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.around.call(&mut self.inner, request)
    }
}

/// The id under which one request can be found in the log.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

impl RequestId {
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or("-")
    }

    /// The caller's own, if it is sane; it ends up in logs and headers.
    pub fn of(caller: Option<&HeaderValue>) -> Self {
        let is_sane =
            |id: &&HeaderValue| !id.is_empty() && id.len() <= MAX_REQUEST_ID_BYTES && id.as_bytes().iter().all(u8::is_ascii_graphic);
        let own = || HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("a UUID is header text");
        Self(caller.filter(is_sane).cloned().unwrap_or_else(own))
    }
}

/// Gives every request an id, and every answer the same one.
#[derive(Clone)]
pub(super) struct Identify;

impl Around<Infallible> for Identify {
    type Error = Infallible;

    fn call<S>(&self, inner: &mut S, mut request: Request<Body>) -> Answer<Infallible>
    where
        S: Service<Request<Body>, Error = Infallible, Future = Answer<Infallible>>,
    {
        let id = RequestId::of(request.headers().get(&X_REQUEST_ID));
        request.extensions_mut().insert(id.clone());
        let answer = inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            response.headers_mut().insert(X_REQUEST_ID, id.0);
            Ok(response)
        })
    }
}

/// Says that the connection ends with a refusal whose request had a body: what was not read of it could be taken for the next
/// request, so the connection closes, and a client that was not told would send that next request into nothing. In HTTP/2 only
/// the request's own stream ends.
#[derive(Clone)]
pub(super) struct Farewell;

impl Around<Infallible> for Farewell {
    type Error = Infallible;

    fn call<S>(&self, inner: &mut S, request: Request<Body>) -> Answer<Infallible>
    where
        S: Service<Request<Body>, Error = Infallible, Future = Answer<Infallible>>,
    {
        let has_body = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        let answer = inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let refused = response.status().is_client_error() || response.status().is_server_error();
            if has_body && refused {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        })
    }
}

/// What the observer needs of a request that the innermost service has understood.
#[derive(Clone)]
pub(super) struct Understood {
    pub(super) tenant: TenantId,
    pub(super) operation: Operation,
}

/// A span for each request, and its metrics once its body is gone.
#[derive(Clone)]
pub(super) struct Observe(pub(super) Arc<Metrics>);

impl Around<Infallible> for Observe {
    type Error = Infallible;

    fn call<S>(&self, inner: &mut S, request: Request<Body>) -> Answer<Infallible>
    where
        S: Service<Request<Body>, Error = Infallible, Future = Answer<Infallible>>,
    {
        let span = tracing::info_span!(
            "request",
            request_id = request.extensions().get::<RequestId>().map_or("-", RequestId::text),
            method = method_label(request.method()),
            tenant = tracing::field::Empty,
            on_behalf_of = tracing::field::Empty
        );
        let (metrics, begun) = (Arc::clone(&self.0), Instant::now());
        let answer = inner.call(request);
        let counted = async move {
            let mut response = answer.await?;
            let understood = response.extensions_mut().remove::<Understood>();
            let (served_from, operation) =
                (served_from(&response), understood.as_ref().map_or("-", |understood| understood.operation.label()));
            metrics.response_started(operation, served_from, begun.elapsed());
            let count = Count { metrics, begun, understood, operation, served_from, code: response.status().as_u16() };
            Ok(response.map(|body| body::holding(body, count)))
        };
        Box::pin(counted.instrument(span))
    }
}

/// Counts the request when its body is gone: sent, or broken off.
struct Count {
    metrics: Arc<Metrics>,
    begun: Instant,
    understood: Option<Understood>,
    operation: &'static str,
    served_from: ServedFrom,
    code: u16,
}

impl Drop for Count {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        self.metrics.request(&Answered {
            tenant: self.understood.as_ref().map(|understood| &understood.tenant),
            operation: self.operation,
            served_from: self.served_from,
            code: self.code,
            duration,
        });
        tracing::debug!(code = self.code, duration_ms = duration.as_millis() as u64, "request ended with {}", self.code);
    }
}

fn served_from(response: &Response<Body>) -> ServedFrom {
    match response.headers().get(SERVED_FROM).map(HeaderValue::as_bytes) {
        Some(b"sql") => ServedFrom::Sql,
        Some(b"object") => ServedFrom::Object,
        Some(b"cache") => ServedFrom::Cache,
        Some(_) | None => ServedFrom::Nothing,
    }
}

/// Methods are the client's to make up.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Turns every error into its answer.
#[derive(Clone)]
pub(super) struct Rescue;

impl Around<GatewayError> for Rescue {
    type Error = Infallible;

    fn call<S>(&self, inner: &mut S, request: Request<Body>) -> Answer<Infallible>
    where
        S: Service<Request<Body>, Error = GatewayError, Future = Answer<GatewayError>>,
    {
        let id = request.extensions().get::<RequestId>().cloned();
        let answer = inner.call(request);
        Box::pin(async move { Ok(answer.await.unwrap_or_else(|error| rescue::refuse(&error, id.as_ref().map_or("-", RequestId::text)))) })
    }
}
