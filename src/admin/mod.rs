//! The admin listener: what operators see and steer, metrics, health. It never serves a document.

pub mod api;
pub mod backups;
pub mod console;
pub mod drills;
pub mod error;
pub mod events;
pub mod health;
pub mod history;
mod jobs;
pub mod limits;
pub mod openapi;
pub mod purge;
pub mod restores;
pub mod routes;
pub mod show;
pub mod verification;
pub mod views;
pub mod watch;

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::Instrument;

use self::error::AdminError;
pub use self::health::LastLook;
use self::routes::{Found, Operation, Page, Target};
use crate::backup::drills::Drills;
use crate::body::{self, Body};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::TenantScope;
use crate::gateway::layers::{RequestId, X_REQUEST_ID};
use crate::gateway::request::{ON_BEHALF_OF, bearer};
use crate::migrate::cutover::Actor;
use crate::migrate::limits::LiveLimits;
use crate::store::control::{ControlStore, Process};
use crate::telemetry::{METRICS_MEDIA_TYPE, Metrics};
use crate::tenants::{Access, Identity, Tenants};
use crate::watch::{Events, Fleet, Series, Transfers};

/// As much as a name and an address take; every store keeps it whole in the audit.
const MAX_ON_BEHALF_OF_BYTES: usize = 400;

/// What the admin listener works with.
pub struct Admin {
    /// This process, as it tells others of itself.
    pub process: Process,
    pub fleet: Arc<Fleet>,
    pub series: Arc<Series>,
    pub transfers: Arc<Transfers>,
    pub events: Arc<Events>,
    pub access: Arc<Access>,
    pub tenants: Arc<Tenants>,
    pub control: Arc<dyn ControlStore>,
    pub clock: Arc<dyn Clock>,
    pub limits: Arc<LiveLimits>,
    pub drills: Arc<Drills>,
    pub budget: Arc<Budget>,
    pub metrics: Arc<Metrics>,
    pub drain: CancellationToken,
    pub last_look: LastLook,
    /// What this listener serves, as OpenAPI.
    pub description: bytes::Bytes,
}

/// An operator whose token has the right `admin`.
pub(crate) struct Operator {
    pub(crate) identity: Identity,
    pub(crate) on_behalf_of: Option<String>,
    /// Changes when tokens were replaced after this one was looked up.
    tokens_replaced: Receiver<()>,
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
        let (head, body) = request.into_parts();
        if let Some(answer) = console::answer(&head.method, head.uri.path(), &head.headers) {
            return answer;
        }
        let wanted = match routes::find(&head.method, head.uri.path()) {
            Found::Target(Target::Open(page), _) => return self.page(page).await,
            Found::Target(Target::Guarded(operation), name) => Ok((operation, name)),
            Found::OtherMethods(allowed) => Err(AdminError::WrongMethod { allowed }),
            Found::Nothing => Err(AdminError::NoSuchPath),
        };
        // Token first: who has none learns not even which paths there are.
        let operator = self.operator(&head).await?;
        let (operation, name) = wanted?;
        self.carry_out(&operator, operation, &name, head.uri.query().unwrap_or_default(), body).await
    }

    async fn page(&self, page: Page) -> Result<Response<Body>, AdminError> {
        match page {
            Page::Health => Ok(text("ok\n")),
            Page::Readiness => self.readiness().await,
            Page::Description => Ok(openapi::page(&self.description)),
        }
    }

    /// `name`: of the tenant, the job or the restore in the path.
    async fn carry_out(
        &self,
        operator: &Operator,
        operation: Operation,
        name: &str,
        query: &str,
        body: Body,
    ) -> Result<Response<Body>, AdminError> {
        match operation {
            Operation::Metrics => self.metrics_page(operator),
            Operation::ShowMe => Ok(self.show_me(operator)),
            Operation::ShowFleet => Ok(self.show_fleet(operator)),
            Operation::ShowSeries => self.show_series(operator, name, query),
            Operation::ShowHistory => self.show_history(operator, name).await,
            Operation::ListVersions => self.list_versions(operator, query).await,
            Operation::ListTransfers => Ok(self.list_transfers(operator)),
            Operation::StreamEvents => self.stream_events(operator, query),
            Operation::ListTenants => self.list_tenants(operator).await,
            Operation::ShowTenant => self.show_tenant(operator, name).await,
            Operation::Flip => self.flip(operator, name, body).await,
            Operation::Sweep => self.sweep(operator, name).await,
            Operation::Purge => self.purge(operator, name, body).await,
            Operation::ListPurges => self.list_purges(operator, name).await,
            Operation::Restore => self.restore(operator, body).await,
            Operation::CancelRestore => self.cancel_restore(operator, name).await,
            Operation::ListRestores => self.list_restores(operator, query).await,
            Operation::PlanRestore => self.plan_restore(operator, query).await,
            Operation::BackUp => self.back_up(operator, body).await,
            Operation::ListBackups => self.list_backups(operator, query).await,
            Operation::Drill => self.drill(operator, body).await,
            Operation::ListDrills => self.list_drills(operator, query).await,
            Operation::Verify => self.verify(operator, name, body).await,
            Operation::ShowVerification => self.show_verification(operator, name).await,
            Operation::ListDifferences => self.list_differences(operator, name, query).await,
            Operation::PauseTenant => self.pause(operator, Some(name), true).await,
            Operation::ResumeTenant => self.pause(operator, Some(name), false).await,
            Operation::LimitTenant => self.set_limits(operator, Some(name), body).await,
            Operation::SetReadOnly => self.set_read_only(operator, name, body).await,
            Operation::Pause => self.pause(operator, None, true).await,
            Operation::Resume => self.pause(operator, None, false).await,
            Operation::ListLimits => self.list_limits(operator).await,
            Operation::Limit => self.set_limits(operator, None, body).await,
            Operation::ListJobs => self.list_jobs(operator, query).await,
            Operation::ListReasons => self.list_reasons(operator, query).await,
            Operation::ListAllDifferences => self.list_all_differences(operator, query).await,
            Operation::RetryJobs => self.retry_all(operator, body).await,
            Operation::RetryJob => self.retry_one(operator, name).await,
            Operation::ListAudit => self.list_audit(operator, query).await,
            Operation::ListProcesses => self.list_processes(operator).await,
            Operation::ListOperators => self.list_operators(operator).await,
        }
    }

    async fn operator(&self, head: &Parts) -> Result<Operator, AdminError> {
        let (identity, tokens_replaced) = self.access.identify_for_long(bearer(&head.headers)).ok_or(AdminError::Unauthorized)?;
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
        Ok(Operator { identity, on_behalf_of, tokens_replaced })
    }

    fn metrics_page(&self, operator: &Operator) -> Result<Response<Body>, AdminError> {
        operator.of_all_tenants()?;
        let mut response = text(self.metrics.render());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_MEDIA_TYPE));
        Ok(response)
    }
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
