//! The tower stack of the document API, outermost first: request id, observation, rescue, admission, documents.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::HeaderName;
use http::{HeaderValue, Method, Request, Response};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceBuilder};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::read::Reader;
use super::request::{self, ON_BEHALF_OF};
use super::rescue::{self, GatewayError};
use super::respond::SERVED_FROM;
use super::routes::{Operation, Route};
use super::write::Writer;
use crate::body::{self, Body};
use crate::model::id::TenantId;
use crate::telemetry::{Answered, Metrics, ServedFrom};
use crate::tenants::{Access, Tenants};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is taken over from a caller.
const MAX_REQUEST_ID_BYTES: usize = 128;

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

/// What the innermost service works with.
pub struct Documents {
    pub routes: Vec<Route>,
    pub access: Arc<Access>,
    pub tenants: Arc<Tenants>,
    pub reader: Reader,
    pub writer: Writer,
}

/// What the observer needs of a request that the innermost service has understood.
#[derive(Clone)]
struct Understood {
    tenant: TenantId,
    operation: Operation,
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

/// The stack that the document listener serves.
pub fn stack(
    documents: Documents,
    metrics: Arc<Metrics>,
    concurrent_requests: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    ServiceBuilder::new()
        // Outermost, so that every answer has an id, also one that nothing below understood.
        .layer(IdentifyLayer)
        .layer(ObserveLayer { metrics })
        .layer(RescueLayer)
        // Inside the rescue: a refusal is an answer like any other, and is counted.
        .layer(AdmitLayer { places: Arc::new(Semaphore::new(concurrent_requests)) })
        .service(DocumentService(Arc::new(documents)))
}

#[derive(Clone)]
struct DocumentService(Arc<Documents>);

impl Service<Request<Body>> for DocumentService {
    type Response = Response<Body>;
    type Error = GatewayError;
    type Future = Answer<GatewayError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let documents = Arc::clone(&self.0);
        Box::pin(async move { documents.answer(request).await })
    }
}

impl Documents {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, GatewayError> {
        let (head, body) = request.into_parts();
        let wanted = request::parse(&head, &self.routes, &self.access, &self.tenants)?;
        let understood = Understood { tenant: wanted.tenant.id.clone(), operation: wanted.operation };
        Span::current().record("tenant", understood.tenant.as_str());
        if let Some(other) = head.headers.get(ON_BEHALF_OF).and_then(|value| value.to_str().ok()) {
            Span::current().record("on_behalf_of", other);
        }
        let answer = match wanted.operation {
            Operation::Read | Operation::Head => self.reader.read(&wanted).await,
            Operation::Write => self.writer.put(&wanted, body).await,
            Operation::Delete => self.writer.delete(&wanted).await,
        };
        let mut response = answer.unwrap_or_else(|error| refuse(&error, head.extensions.get::<RequestId>()));
        response.extensions_mut().insert(understood);
        Ok(response)
    }
}

/// The one place where an error becomes an answer, and is logged.
fn refuse(error: &GatewayError, id: Option<&RequestId>) -> Response<Body> {
    let id = id.map_or("-", RequestId::text);
    if error.is_ours() {
        let cause = match error {
            GatewayError::Store(error) | GatewayError::Unknown(error) => error.chain(),
            other => other.to_string(),
        };
        tracing::warn!(problem = error.label(), "answered {}: {cause}", error.status().as_u16());
    } else {
        tracing::debug!(problem = error.label(), "answered {}: {error}", error.status().as_u16());
    }
    rescue::response(error, id)
}

#[derive(Clone)]
struct IdentifyLayer;

#[derive(Clone)]
struct Identify<S>(S);

impl<S> Layer<S> for IdentifyLayer {
    type Service = Identify<S>;
    fn layer(&self, inner: S) -> Identify<S> {
        Identify(inner)
    }
}

impl<S> Service<Request<Body>> for Identify<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer<Infallible>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let id = RequestId::of(request.headers().get(&X_REQUEST_ID));
        request.extensions_mut().insert(id.clone());
        let answer = self.0.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            response.headers_mut().insert(X_REQUEST_ID, id.0);
            Ok(response)
        })
    }
}

#[derive(Clone)]
struct ObserveLayer {
    metrics: Arc<Metrics>,
}

#[derive(Clone)]
struct Observe<S> {
    inner: S,
    metrics: Arc<Metrics>,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;
    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, metrics: Arc::clone(&self.metrics) }
    }
}

impl<S> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answer<Infallible>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let id = request.extensions().get::<RequestId>().map_or("-", RequestId::text).to_owned();
        let span = tracing::info_span!(
            "request",
            request_id = id,
            method = %method_label(request.method()),
            tenant = tracing::field::Empty,
            on_behalf_of = tracing::field::Empty
        );
        let (metrics, begun) = (Arc::clone(&self.metrics), Instant::now());
        let answer = self.inner.call(request);
        let counted = async move {
            let mut response = answer.await?;
            let understood = response.extensions_mut().remove::<Understood>();
            let count = Count { metrics, begun, understood, served_from: served_from(&response), code: response.status().as_u16() };
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
    served_from: ServedFrom,
    code: u16,
}

impl Drop for Count {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        self.metrics.request(&Answered {
            tenant: self.understood.as_ref().map(|understood| &understood.tenant),
            operation: self.understood.as_ref().map_or("-", |understood| understood.operation.label()),
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
fn method_label(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE];
    if known.contains(method) { method.as_str() } else { "other" }
}

#[derive(Clone)]
struct RescueLayer;

#[derive(Clone)]
struct Rescue<S>(S);

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;
    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue(inner)
    }
}

impl<S> Service<Request<Body>> for Rescue<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = GatewayError, Future = Answer<GatewayError>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // What is inside is always ready: admission refuses, it does not wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        let answer = self.0.call(request);
        Box::pin(async move { Ok(answer.await.unwrap_or_else(|error| refuse(&error, id.as_ref()))) })
    }
}

#[derive(Clone)]
struct AdmitLayer {
    places: Arc<Semaphore>,
}

#[derive(Clone)]
struct Admit<S> {
    inner: S,
    places: Arc<Semaphore>,
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;
    fn layer(&self, inner: S) -> Admit<S> {
        Admit { inner, places: Arc::clone(&self.places) }
    }
}

impl<S> Service<Request<Body>> for Admit<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = GatewayError, Future = Answer<GatewayError>>,
{
    type Response = Response<Body>;
    type Error = GatewayError;
    type Future = Answer<GatewayError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        self.inner.poll_ready(context)
    }

    /// A request keeps its place until its body is gone. One without a place is refused at once: waiting would only hold its connection.
    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Box::pin(async { Err(GatewayError::Overloaded) });
        };
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| body::holding(body, place))) })
    }
}
