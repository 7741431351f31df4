//! The admin listener: what operators see and steer, metrics, health. It never serves a document.

pub mod api;
pub mod error;
pub mod health;
pub mod limits;
pub mod purge;
pub mod show;
pub mod verification;
pub mod views;

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::Instrument;

use self::error::AdminError;
pub use self::health::LastLook;
use crate::body::{self, Body};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::TenantScope;
use crate::gateway::layers::{RequestId, X_REQUEST_ID};
use crate::gateway::request::{ON_BEHALF_OF, bearer};
use crate::migrate::cutover::Actor;
use crate::migrate::limits::LiveLimits;
use crate::store::control::ControlStore;
use crate::telemetry::{METRICS_MEDIA_TYPE, Metrics};
use crate::tenants::{Access, Identity, Tenants};

/// As much as a name and an address take; every store keeps it whole in the audit.
const MAX_ON_BEHALF_OF_BYTES: usize = 400;

/// What the admin listener works with.
pub struct Admin {
    pub access: Arc<Access>,
    pub tenants: Arc<Tenants>,
    pub control: Arc<dyn ControlStore>,
    pub clock: Arc<dyn Clock>,
    pub limits: Arc<LiveLimits>,
    pub budget: Arc<Budget>,
    pub metrics: Arc<Metrics>,
    pub drain: CancellationToken,
    pub last_look: LastLook,
}

/// An operator whose token has the right `admin`.
pub(crate) struct Operator {
    pub(crate) identity: Identity,
    pub(crate) on_behalf_of: Option<String>,
}

impl Operator {
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.identity.name.clone(), on_behalf_of: self.on_behalf_of.clone() }
    }

    /// For what tells of every tenant at once.
    pub(crate) fn of_all_tenants(&self) -> Result<(), AdminError> {
        if self.identity.scope == TenantScope::All {
            return Ok(());
        }
        Err(AdminError::Forbidden("this tells of all tenants, and is for tokens of all tenants"))
    }
}

/// The service of the admin listener.
pub fn service(admin: Admin) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    let admin = Arc::new(admin);
    tower::service_fn(move |request: Request<Body>| {
        let admin = Arc::clone(&admin);
        let id = RequestId::of(request.headers().get(&X_REQUEST_ID));
        let span = tracing::info_span!("admin", request_id = id.text(), method = %request.method());
        async move {
            let mut response = match admin.route(request).await {
                Ok(response) => response,
                Err(error) => error.into_response(id.text()),
            };
            response.headers_mut().insert(X_REQUEST_ID, id.0);
            Ok(response)
        }
        .instrument(span)
    })
}

impl Admin {
    async fn route(&self, request: Request<Body>) -> Result<Response<Body>, AdminError> {
        let parts = segments(request.uri().path())?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (request.method(), &parts[..]) {
            (&Method::GET, ["healthz"]) => return Ok(text("ok\n")),
            (&Method::GET, ["readyz"]) => return self.readiness().await,
            _ => {}
        }
        let (head, body) = request.into_parts();
        let operator = self.operator(&head).await?;
        let query = head.uri.query().unwrap_or_default();
        match (&head.method, &parts[..]) {
            (&Method::GET, ["metrics"]) => self.metrics_page(&operator),
            (&Method::GET, ["admin", "v1", "tenants"]) => self.list_tenants(&operator).await,
            (&Method::GET, ["admin", "v1", "tenants", tenant]) => self.show_tenant(&operator, tenant).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "phase"]) => self.flip(&operator, tenant, body).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "sweep"]) => self.sweep(&operator, tenant).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "purge"]) => self.purge(&operator, tenant, body).await,
            (&Method::GET, ["admin", "v1", "tenants", tenant, "purge"]) => self.list_purges(&operator, tenant).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "verify"]) => self.verify(&operator, tenant, body).await,
            (&Method::GET, ["admin", "v1", "tenants", tenant, "verification"]) => self.show_verification(&operator, tenant).await,
            (&Method::GET, ["admin", "v1", "tenants", tenant, "differences"]) => self.list_differences(&operator, tenant, query).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "pause"]) => self.pause(&operator, Some(tenant), true).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "resume"]) => self.pause(&operator, Some(tenant), false).await,
            (&Method::PUT, ["admin", "v1", "tenants", tenant, "limits"]) => self.set_limits(&operator, Some(tenant), body).await,
            (&Method::POST, ["admin", "v1", "tenants", tenant, "read_only"]) => self.set_read_only(&operator, tenant, body).await,
            (&Method::POST, ["admin", "v1", "pause"]) => self.pause(&operator, None, true).await,
            (&Method::POST, ["admin", "v1", "resume"]) => self.pause(&operator, None, false).await,
            (&Method::GET, ["admin", "v1", "limits"]) => self.list_limits(&operator).await,
            (&Method::PUT, ["admin", "v1", "limits"]) => self.set_limits(&operator, None, body).await,
            (&Method::GET, ["admin", "v1", "jobs"]) => self.list_jobs(&operator, query).await,
            (&Method::POST, ["admin", "v1", "jobs", "retry"]) => self.retry_all(&operator, body).await,
            (&Method::POST, ["admin", "v1", "jobs", job, "retry"]) => self.retry_one(&operator, job).await,
            (&Method::GET, ["admin", "v1", "audit"]) => self.list_audit(&operator, query).await,
            (&Method::GET, ["admin", "v1", "processes"]) => self.list_processes(&operator).await,
            (&Method::GET, ["admin", "v1", "operators"]) => self.list_operators(&operator).await,
            _ => Err(AdminError::NoSuchPath),
        }
    }

    async fn operator(&self, head: &Parts) -> Result<Operator, AdminError> {
        let identity = self.access.identify(bearer(&head.headers)).ok_or(AdminError::Unauthorized)?;
        if !identity.rights.admin {
            return Err(AdminError::Forbidden("this token does not have the right `admin`"));
        }
        let on_behalf_of = head.headers.get(ON_BEHALF_OF).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if on_behalf_of.as_ref().is_some_and(|name| name.len() > MAX_ON_BEHALF_OF_BYTES) {
            return Err(AdminError::BadRequest(format!("On-Behalf-Of may have {MAX_ON_BEHALF_OF_BYTES} bytes: it goes into the audit")));
        }
        if head.method != Method::GET {
            self.control.seen(&identity.name).await?;
        }
        Ok(Operator { identity, on_behalf_of })
    }

    fn metrics_page(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        operator.of_all_tenants()?;
        let mut response = text(self.metrics.render());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_MEDIA_TYPE));
        Ok(response)
    }
}

/// Decoded: a job's id has a ':' in it, and a tenant's name can have a '-', which a client may escape.
fn segments(path: &str) -> Result<Vec<String>, AdminError> {
    let decode = |segment| percent_decode_str(segment).decode_utf8().map(Cow::into_owned).map_err(|_| AdminError::NoSuchPath);
    path.trim_matches('/').split('/').map(decode).collect()
}

fn text(text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("the views are structs of texts, numbers and lists");
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
