//! The document API as one tower service: the stack, and what stands innermost in it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{Method, Request, Response, request as http_request};
use tower::{Service, ServiceBuilder};
use tracing::Span;

use super::admission::Admission;
use super::finish::Finish;
use super::layers::{Answer, AroundLayer, Farewell, Identify, Observe, RequestId, Rescue, Understood};
use super::openapi::Description;
use super::read::Reader;
use super::request::{self, Asked, ON_BEHALF_OF, Wanted};
use super::rescue::{self, BadRequest, GatewayError};
use super::routes::{self, Captured, Matched, Operation, Route};
use super::upstream::{RequestRead, Upstream, Verdict};
use super::write::Writer;
use super::{history, list, metadata};
use crate::body::{self, Body};
use crate::config::{Missing, RouteAuth};
use crate::openapi::PATH;
use crate::telemetry::Metrics;
use crate::tenants::{Access, Identity, Tenants};

/// What the innermost service works with.
pub struct Documents {
    pub routes: Vec<Route>,
    /// Whether the API of our own is among the routes.
    pub own_api: bool,
    pub admission: Admission,
    pub access: Arc<Access>,
    pub tenants: Arc<Tenants>,
    pub reader: Reader,
    pub writer: Writer,
    /// Gets what is not for a document of ours.
    pub upstream: Option<Arc<Upstream>>,
}

/// The stack that the document listener serves, outermost first.
pub fn stack(
    documents: Documents,
    metrics: Arc<Metrics>,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    ServiceBuilder::new()
        // What passes through, or has another API's guise, leaves with its own head, whatever the layers below add.
        .layer(AroundLayer(Finish))
        // Around all that follows, so that every answer has an id, also one that nothing below understood.
        .layer(AroundLayer(Identify))
        .layer(AroundLayer(Farewell))
        .layer(AroundLayer(Observe(metrics)))
        .layer(AroundLayer(Rescue))
        .service(DocumentService {
            description: (documents.own_api && documents.upstream.is_none()).then(|| Description::of(&routes::default_routes())),
            documents: Arc::new(documents),
        })
}

#[derive(Clone)]
struct DocumentService {
    documents: Arc<Documents>,
    /// Of the API of our own, where it is served: an existing API may have a page at that path, too.
    description: Option<Description>,
}

impl Service<Request<Body>> for DocumentService {
    type Response = Response<Body>;
    type Error = GatewayError;
    type Future = Answer<GatewayError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(description) = self.description.as_ref().filter(|_| request.uri().path() == PATH) {
            return Box::pin(std::future::ready(description.answer(request.method())));
        }
        let documents = Arc::clone(&self.documents);
        Box::pin(async move { documents.answer(request).await })
    }
}

impl Documents {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, GatewayError> {
        if request.method() == Method::CONNECT {
            return Err(BadRequest::Connect.into());
        }
        let (head, body) = request.into_parts();
        let (route, captured) = match (routes::find(&self.routes, &head), &self.upstream) {
            (Matched::Found(route, captured), _) => (route, captured),
            (Matched::WrongMethod(_) | Matched::NoSuchPath | Matched::NotText, Some(upstream)) => {
                return self.pass_on(upstream, head, body).await;
            }
            (Matched::WrongMethod(allowed), None) => return Err(GatewayError::WrongMethod { allowed }),
            (Matched::NoSuchPath, None) => return Err(GatewayError::NoSuchPath),
            (Matched::NotText, None) => return Err(BadRequest::Path.into()),
        };
        let identity = match (route.config.auth, &self.upstream) {
            (RouteAuth::Upstream, Some(upstream)) if self.is_unknown(&captured) => {
                // Tenants move one by one: those that have not begun are the existing API's alone.
                return self.pass_on(upstream, head, body).await;
            }
            (RouteAuth::Upstream, Some(upstream)) => match upstream.check(&head, &captured, &route.config.tenant).await? {
                Verdict::Allowed => Identity::upstream(),
                Verdict::Refused(mut answer) => {
                    let read = RequestRead::by_reading(body, &head.headers).await;
                    answer.extensions_mut().insert(read);
                    return Ok(*answer);
                }
            },
            (RouteAuth::Tokens | RouteAuth::Upstream, _) => {
                self.access.identify(request::bearer(&head.headers)).ok_or(GatewayError::Unauthorized)?
            }
        };
        self.document(head, body, route, &captured, &identity).await
    }

    /// What is not ours to answer. Tokens of ours are nobody else's to see.
    async fn pass_on(&self, upstream: &Upstream, mut head: http_request::Parts, body: Body) -> Result<Response<Body>, GatewayError> {
        if self.access.has_issued(request::bearer(&head.headers)) {
            head.headers.remove(AUTHORIZATION);
        }
        upstream.pass(Request::from_parts(head, body)).await
    }

    fn is_unknown(&self, captured: &Captured) -> bool {
        captured.tenant.parse().map_or(true, |tenant| self.tenants.get(&tenant).is_none())
    }

    async fn document(
        &self,
        head: http_request::Parts,
        body: Body,
        route: &Route,
        captured: &Captured,
        identity: &Identity,
    ) -> Result<Response<Body>, GatewayError> {
        let elsewhere = self.upstream.as_ref().filter(|_| route.config.missing == Missing::Upstream);
        let wanted = match (request::parse(&head, route, captured, identity, &self.tenants), elsewhere) {
            (Ok(wanted), _) => wanted,
            (Err(error), Some(upstream)) if error.says_missing() => return self.pass_on(upstream, head, body).await,
            (Err(error), _) => return Err(error),
        };
        let understood = Understood { tenant: wanted.tenant().id.clone(), operation: wanted.operation() };
        Span::current().record("tenant", understood.tenant.as_str());
        if let Some(other) = head.headers.get(ON_BEHALF_OF).and_then(|value| value.to_str().ok()) {
            Span::current().record("on_behalf_of", other);
        }
        let mut body = Some(body);
        let answer = self.admitted(&identity.name, &wanted, &mut body).await;
        let is_missing = answer.as_ref().err().is_some_and(GatewayError::says_missing);
        if let (true, Some(upstream), Some(body)) = (is_missing, elsewhere, body) {
            return self.pass_on(upstream, head, body).await;
        }
        let id = head.extensions.get::<RequestId>().cloned().unwrap_or_else(|| RequestId::of(None));
        // Rescued here already, so that a refusal is counted under its tenant.
        let mut response = answer.unwrap_or_else(|error| rescue::refuse(&error, id.text()));
        if let Some(guise) = &route.guise {
            guise.put_on(&mut response, captured, &id, wanted.operation().changes());
        }
        // What says its length keeps it without its body.
        if head.method == Method::HEAD && response.headers().contains_key(CONTENT_LENGTH) {
            *response.body_mut() = body::empty();
        }
        response.extensions_mut().insert(understood);
        Ok(response)
    }

    /// A request keeps its place until the body of its answer is gone.
    async fn admitted(&self, caller: &str, wanted: &Wanted, body: &mut Option<Body>) -> Result<Response<Body>, GatewayError> {
        let place = self.admission.admit(wanted.tenant(), caller, self.tenants.all().len())?;
        let response = self.carry_out(wanted, body).await?;
        Ok(response.map(|body| body::holding(body, place)))
    }

    /// Takes the body where the operation has content.
    async fn carry_out(&self, wanted: &Wanted, body: &mut Option<Body>) -> Result<Response<Body>, GatewayError> {
        let content = |body: &mut Option<Body>| body.take().unwrap_or_else(body::empty);
        match wanted {
            Wanted::New(request) => self.writer.create(request, content(body), &self.routes).await,
            Wanted::Page(request) => list::page(request, &self.reader.budget).await,
            Wanted::History(request) => match (&request.asked, request.document.operation.changes()) {
                (Asked::All(span), _) => history::list(&request.document, *span).await,
                (Asked::One(stamp), false) => self.reader.version(&request.document, stamp, request.headers_only).await,
                (Asked::One(stamp), true) => self.writer.restore(&request.document, stamp).await,
            },
            Wanted::Document(request) => match request.operation {
                Operation::Write => self.writer.put(request, content(body)).await,
                Operation::Delete => self.writer.delete(request).await,
                Operation::Metadata => metadata::of(request).await,
                Operation::Read
                | Operation::Head
                | Operation::Versions
                | Operation::Version
                | Operation::Restore
                | Operation::Create
                | Operation::List => self.reader.read(request).await,
            },
        }
    }
}
