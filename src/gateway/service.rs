//! The document API as one tower service: the stack, and what stands innermost in it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::{Method, Request, Response};
use tokio::sync::Semaphore;
use tower::{Service, ServiceBuilder};
use tracing::Span;

use super::layers::{Admit, Answer, AroundLayer, Farewell, Identify, Observe, RequestId, Rescue, Understood};
use super::openapi::Description;
use super::read::Reader;
use super::request::{self, ON_BEHALF_OF, Wanted};
use super::rescue::{self, GatewayError};
use super::routes::{Operation, Route};
use super::write::Writer;
use super::{list, metadata};
use crate::body::{self, Body};
use crate::openapi::PATH;
use crate::telemetry::Metrics;
use crate::tenants::{Access, Tenants};

/// What the innermost service works with.
pub struct Documents {
    pub routes: Vec<Route>,
    pub access: Arc<Access>,
    pub tenants: Arc<Tenants>,
    pub reader: Reader,
    pub writer: Writer,
}

/// The stack that the document listener serves, outermost first.
pub fn stack(
    documents: Documents,
    metrics: Arc<Metrics>,
    concurrent_requests: usize,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    ServiceBuilder::new()
        // Outermost, so that every answer has an id, also one that nothing below understood.
        .layer(AroundLayer(Identify))
        .layer(AroundLayer(Farewell))
        .layer(AroundLayer(Observe(metrics)))
        .layer(AroundLayer(Rescue))
        // Inside the rescue: a refusal is an answer like any other, and is counted.
        .layer(AroundLayer(Admit(Arc::new(Semaphore::new(concurrent_requests)))))
        .service(DocumentService { description: Description::of(&documents.routes), documents: Arc::new(documents) })
}

#[derive(Clone)]
struct DocumentService {
    documents: Arc<Documents>,
    description: Description,
}

impl Service<Request<Body>> for DocumentService {
    type Response = Response<Body>;
    type Error = GatewayError;
    type Future = Answer<GatewayError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), GatewayError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() == PATH {
            let answer = self.description.answer(request.method());
            return Box::pin(std::future::ready(answer));
        }
        let documents = Arc::clone(&self.documents);
        Box::pin(async move { documents.answer(request).await })
    }
}

impl Documents {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, GatewayError> {
        let (head, body) = request.into_parts();
        let wanted = request::parse(&head, &self.routes, &self.access, &self.tenants)?;
        let understood = Understood { tenant: wanted.tenant().id.clone(), operation: wanted.operation() };
        Span::current().record("tenant", understood.tenant.as_str());
        if let Some(other) = head.headers.get(ON_BEHALF_OF).and_then(|value| value.to_str().ok()) {
            Span::current().record("on_behalf_of", other);
        }
        let answer = self.serve(&wanted, body).await;
        // Rescued here already, so that a refusal is counted under its tenant.
        let id = head.extensions.get::<RequestId>().map_or("-", RequestId::text);
        let mut response = answer.unwrap_or_else(|error| rescue::refuse(&error, id));
        // What says its length keeps it without its body.
        if head.method == Method::HEAD && response.headers().contains_key(CONTENT_LENGTH) {
            *response.body_mut() = body::empty();
        }
        response.extensions_mut().insert(understood);
        Ok(response)
    }

    async fn serve(&self, wanted: &Wanted, body: Body) -> Result<Response<Body>, GatewayError> {
        match wanted {
            Wanted::New(request) => self.writer.create(request, body, &self.routes).await,
            Wanted::Page(request) => list::page(request, &self.reader.budget).await,
            Wanted::Document(request) => match request.operation {
                Operation::Write => self.writer.put(request, body).await,
                Operation::Delete => self.writer.delete(request).await,
                Operation::Metadata => metadata::of(request).await,
                Operation::Read | Operation::Head | Operation::Create | Operation::List => self.reader.read(request).await,
            },
        }
    }
}
