//! The composition root: builds everything from a `Config`, starts it in one order and stops it in the reverse.
//! It is the only room that names backends.

mod backends;
mod backups;
mod certificates;
mod drill;
mod drilling;
mod examination;
mod marking;
mod objects;
mod rebuild;
mod reconciliation;
mod reload;
mod source;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use uuid::Uuid;

use self::backends::Backends;
pub use self::backups::verify_backup;
pub use self::drill::drill;
use self::drilling::Drilling;
pub use self::examination::{Owned, adopt, create_bucket, examine, owners, remove_bucket};
pub use self::marking::mark;
pub use self::rebuild::{Rebuilt, rebuild_from_bucket, rebuild_locations, rebuild_objects};
pub use self::reconciliation::{Reconciled, reconcile};
use self::reload::Reload;
use crate::admin::{self, Admin, LastLook};
use crate::backup::drills::{Drills, OwnDrills};
use crate::body::Body;
use crate::budget::Budget;
use crate::cache::ContentCache;
use crate::clock::{Clock, SystemClock};
use crate::compare::shadow::Shadow;
use crate::config::{AgentConfig, Auth, Config, TenantConfig, TlsConfig};
use crate::gateway::admission::Admission;
use crate::gateway::inbound::InboundLimits;
use crate::gateway::read::Reader;
use crate::gateway::routes::{self, Route};
use crate::gateway::service::{self, Documents};
use crate::gateway::upstream::{Surroundings, Upstream};
use crate::gateway::write::Writer;
use crate::housekeeping::{Housekeeping, Looks, count_placements, first_looks, look_for_owners, raise_ticks};
use crate::migrate::agents::Agents;
use crate::migrate::limits::LiveLimits;
use crate::migrate::pace::Pace;
use crate::migrate::verify;
use crate::migrate::work::Tools;
use crate::model::limits::OwnBounds;
use crate::serve::{Listener, ServeSettings};
use crate::store::control::{ControlStore, Process};
use crate::store::removal::Removal;
use crate::telemetry::Metrics;
use crate::tenants::{Access, Tenants};
use crate::watch::{Events, Fleet, FleetParts, Series, Transfers};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// hyper's own buffers, a connection and a direction: enough for a head, small enough to be counted.
const MAX_BUF_BYTES: usize = 32 << 10;

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Listeners, and agents unless the configuration says otherwise.
    Serve,
    /// Agents only; metrics and health on an address of their own where one is given.
    Agent { observed_on: Option<SocketAddr> },
}

/// Everything one process needs, built and not yet started.
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    transfers: Arc<Transfers>,
    budget: Arc<Budget>,
    cache: Arc<ContentCache>,
    control: Arc<dyn ControlStore>,
    tenants: Arc<Tenants>,
    access: Arc<Access>,
    backends: Arc<Backends>,
    routes: Vec<Route>,
    upstream: Option<Arc<Upstream>>,
    tasks: TaskTracker,
    drain: CancellationToken,
}

/// A started process.
pub struct Running {
    pub documents: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    tenants: Arc<Tenants>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    drain: CancellationToken,
    drain_timeout: Duration,
}

impl App {
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = Arc::new(Metrics::new(VERSION));
        let transfers = Arc::new(Transfers::new(Arc::clone(&metrics), Arc::clone(&clock)));
        let limits = &config.limits;
        let budget = Arc::new(Budget::new(limits.buffer_bytes.saturating_sub(limits.cache_bytes), limits.queue_timeout));
        let cache = Arc::new(ContentCache::new(limits.cache_bytes, Arc::clone(&metrics)));
        let backends = Arc::new(Backends::new(Arc::clone(&clock), Arc::clone(&metrics), Arc::clone(&budget), &config.limits));
        let control = backends.control(&config.control).await.context("open the control database")?;
        let tenants = config.tenants.iter().map(|tenant| backends.tenant(tenant)).collect::<anyhow::Result<Vec<_>>>()?;
        let tenants = Arc::new(Tenants::new(tenants));
        let access = Arc::new(Access::new(config.auth.clone()));
        let (tasks, drain) = (TaskTracker::new(), CancellationToken::new());
        let routes = routes::table(&config, &clock).await;
        let around = Surroundings {
            metrics: Arc::clone(&metrics),
            tasks: tasks.clone(),
            drain: drain.clone(),
            queue_timeout: config.limits.queue_timeout,
            behind_tls_proxy: config.listeners.behind_tls_proxy,
        };
        let upstream = config.upstream.clone().map(|upstream| Upstream::new(upstream, around)).transpose();
        let upstream = upstream.context("set up connections to the existing API")?.map(Arc::new);
        Ok(Self { config, clock, metrics, transfers, budget, cache, control, tenants, access, backends, routes, upstream, tasks, drain })
    }

    /// Sockets are bound before anything is started: an address in use is an error, not a half-started process.
    pub async fn start(self, role: Role) -> anyhow::Result<Running> {
        let process = self.process(role);
        let (documents, admin) = match role {
            Role::Serve => (Some(self.config.listeners.documents), Some(self.config.listeners.admin)),
            Role::Agent { observed_on } => (None, observed_on),
        };
        self.refuse_unguarded(admin)?;
        let documents = self.bind("documents", documents, self.config.listeners.documents_tls.as_ref()).await?;
        let admin = self.bind("admin", admin, self.config.listeners.admin_tls.as_ref()).await?;
        let running = Running {
            documents: documents.as_ref().map(Listener::local_addr),
            admin: admin.as_ref().map(Listener::local_addr),
            tenants: Arc::clone(&self.tenants),
            metrics: Arc::clone(&self.metrics),
            tasks: self.tasks.clone(),
            drain: self.drain.clone(),
            drain_timeout: self.config.limits.drain_timeout,
        };
        let AgentConfig { bytes_per_second, concurrency, .. } = self.config.agents;
        let own = OwnBounds { bytes_per_second, concurrency };
        let limits = Arc::new(LiveLimits::new(Arc::clone(&self.control), process.name.clone(), own));
        self.tasks.spawn(Arc::clone(&limits).follow(self.drain.clone()));
        let fleet = self.start_housekeeping(&process, &limits, admin.is_some());
        self.start_reload();
        let drills = self.start_drilling(process.works);
        first_looks(&self.tenants, &self.control).await;
        if process.works {
            self.start_agents(process.name.clone(), &limits);
        }
        if let Some(listener) = admin {
            self.start_admin(listener, process, limits, fleet, drills);
        }
        if let Some(listener) = documents {
            self.start_documents(listener);
        }
        Ok(running)
    }

    /// The configuration's own addresses were judged with it; one from the command line is judged here.
    fn refuse_unguarded(&self, address: Option<SocketAddr>) -> anyhow::Result<()> {
        let Some(address) = address.filter(|address| !address.ip().is_loopback()) else { return Ok(()) };
        let open_to_all = matches!(self.config.auth, Auth::None);
        anyhow::ensure!(!open_to_all, "{address} is not on loopback, and auth = \"none\" would let everybody in");
        let listeners = &self.config.listeners;
        anyhow::ensure!(
            listeners.behind_tls_proxy || listeners.admin_tls.is_some(),
            "{address} is not on loopback, and speaks no TLS: give it a certificate in [listeners.admin_tls], or set \
             listeners.behind_tls_proxy = true where a proxy in front ends TLS"
        );
        Ok(())
    }

    /// TLS is set up beside it: a certificate that cannot be used is an error of the start, too.
    async fn bind(&self, what: &'static str, address: Option<SocketAddr>, tls: Option<&TlsConfig>) -> anyhow::Result<Option<Listener>> {
        let Some(address) = address else { return Ok(None) };
        let listener = Listener::bind(address).await.with_context(|| format!("bind the {what} listener to {address}"))?;
        let Some(tls) = tls else { return Ok(Some(listener)) };
        let followed = certificates::load(what, tls, &self.metrics)?;
        let listener = listener.with_tls(Arc::clone(&followed.tls));
        self.tasks.spawn(certificates::follow(what, followed, Arc::clone(&self.metrics), self.drain.clone()));
        Ok(Some(listener))
    }

    fn start_reload(&self) {
        let reload = Reload {
            config: self.config.clone(),
            backends: Arc::clone(&self.backends),
            tenants: Arc::clone(&self.tenants),
            access: Arc::clone(&self.access),
        };
        self.tasks.spawn(reload.run(self.drain.clone()));
    }

    fn start_drilling(&self, works: bool) -> Arc<Drills> {
        let config = Arc::new(self.config.clone());
        let drills = Arc::new(Drills {
            carry_out: Box::new(move |tenant, wish, said| {
                let config = Arc::clone(&config);
                Box::pin(async move { drill(&config, &tenant.config, wish, said).await })
            }),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            tasks: self.tasks.clone(),
            drain: self.drain.clone(),
            own: OwnDrills::default(),
        });
        let drilling = Drilling {
            drills: Arc::clone(&drills),
            tenants: Arc::clone(&self.tenants),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            works,
        };
        self.tasks.spawn(drilling.run(self.drain.clone()));
        drills
    }

    fn process(&self, role: Role) -> Process {
        let now = self.clock.now();
        let (role, works) = match role {
            Role::Serve => ("serve", self.config.agents.in_serve),
            Role::Agent { .. } => ("agent", true),
        };
        Process {
            name: format!("{role}-{}", Uuid::now_v7()),
            role: role.to_owned(),
            works,
            version: VERSION.to_owned(),
            started_at: now,
            seen_at: now,
        }
    }

    /// The document API, as its listener serves it.
    fn documents(&self) -> Documents {
        let limits = &self.config.limits;
        let inbound = InboundLimits { max_bytes: limits.max_document_bytes, min_rate: limits.min_rate, window: limits.rate_window };
        Documents {
            routes: self.routes.clone(),
            own_api: self.config.own_api,
            admission: Admission::new(limits, Arc::clone(&self.metrics)),
            access: Arc::clone(&self.access),
            tenants: Arc::clone(&self.tenants),
            reader: Reader {
                budget: Arc::clone(&self.budget),
                cache: Arc::clone(&self.cache),
                metrics: Arc::clone(&self.metrics),
                transfers: Arc::clone(&self.transfers),
                clock: Arc::clone(&self.clock),
                shadow: Shadow::new(self.config.shadow, Arc::clone(&self.metrics), self.tasks.clone(), self.drain.clone()),
                tasks: self.tasks.clone(),
            },
            writer: Writer {
                budget: Arc::clone(&self.budget),
                metrics: Arc::clone(&self.metrics),
                transfers: Arc::clone(&self.transfers),
                limits: inbound,
            },
            upstream: self.upstream.clone(),
        }
    }

    fn start_documents(&self, listener: Listener) {
        let stack = service::stack(self.documents(), Arc::clone(&self.metrics)).map_request(boxed);
        tracing::info!(address = %listener.local_addr(), "serving documents on {}", listener.local_addr());
        self.tasks.spawn(listener.serve(stack, self.serve_settings(), self.drain.clone(), self.tasks.clone()));
    }

    fn start_admin(&self, listener: Listener, process: Process, limits: Arc<LiveLimits>, fleet: Arc<Fleet>, drills: Arc<Drills>) {
        let series = Arc::new(Series::new(process.name.clone(), Arc::clone(&self.metrics), Arc::clone(&self.clock)));
        self.tasks.spawn(Arc::clone(&series).follow(self.drain.clone()));
        let events = Arc::new(Events::new(Arc::clone(&fleet), Arc::clone(&self.transfers), Arc::clone(&self.clock)));
        self.tasks.spawn(Arc::clone(&events).run(self.drain.clone()));
        let admin = Admin {
            process,
            fleet,
            series,
            transfers: Arc::clone(&self.transfers),
            events,
            access: Arc::clone(&self.access),
            tenants: Arc::clone(&self.tenants),
            control: Arc::clone(&self.control),
            clock: Arc::clone(&self.clock),
            limits,
            drills,
            budget: Arc::clone(&self.budget),
            metrics: Arc::clone(&self.metrics),
            drain: self.drain.clone(),
            last_look: LastLook::default(),
            description: admin::openapi::description().into(),
        };
        let service = admin::service(admin).map_request(boxed);
        tracing::info!(address = %listener.local_addr(), "serving operators on {}", listener.local_addr());
        self.tasks.spawn(listener.serve(service, self.serve_settings(), self.drain.clone(), self.tasks.clone()));
    }

    fn start_agents(&self, owner: String, limits: &Arc<LiveLimits>) {
        let tools = Tools {
            budget: Arc::clone(&self.budget),
            cache: Arc::clone(&self.cache),
            metrics: Arc::clone(&self.metrics),
            transfers: Arc::clone(&self.transfers),
            control: Arc::clone(&self.control),
            clock: Arc::clone(&self.clock),
            pace: Pace::new(limits.watch()),
            limits: Arc::clone(limits),
            verify_pace: verify::Pace::new(self.config.agents.verify_bytes_per_second),
            settings: self.config.agents.clone(),
        };
        let agents = Agents { tools, tenants: Arc::clone(&self.tenants), owner, drain: self.drain.clone(), tasks: self.tasks.clone() };
        self.tasks.spawn(agents.run());
    }

    /// `is_watched`: operators can ask this process.
    fn start_housekeeping(&self, process: &Process, limits: &LiveLimits, is_watched: bool) -> Arc<Fleet> {
        let (pools, stores) = (Arc::clone(&self.backends), Arc::clone(&self.backends));
        let housekeeping = Housekeeping {
            process: process.clone(),
            control: Arc::clone(&self.control),
            budget: Arc::clone(&self.budget),
            cache: Arc::clone(&self.cache),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            pools: Box::new(move || pools.pools()),
        };
        let fleet = Arc::new(Fleet::new(FleetParts {
            tenants: Arc::clone(&self.tenants),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            limits: limits.watch(),
            stores: Box::new(move || stores.stores()),
        }));
        let looks = Looks {
            process: process.name.clone(),
            tenants: Arc::clone(&self.tenants),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            fleet: Arc::clone(&fleet),
            is_watched,
        };
        self.tasks.spawn(housekeeping.run(self.drain.clone()));
        self.tasks.spawn(looks.run(self.drain.clone()));
        self.tasks.spawn(count_placements(Arc::clone(&self.tenants), self.drain.clone()));
        self.tasks.spawn(look_for_owners(Arc::clone(&self.tenants), Arc::clone(&self.control), self.drain.clone()));
        self.tasks.spawn(raise_ticks(Arc::clone(&self.tenants), Arc::clone(&self.control), Arc::clone(&self.metrics), self.drain.clone()));
        fleet
    }

    fn serve_settings(&self) -> ServeSettings {
        let limits = &self.config.limits;
        ServeSettings {
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            max_head_bytes: usize::try_from(limits.max_head_bytes).unwrap_or(usize::MAX),
            max_headers: limits.max_headers,
            min_rate: limits.min_rate,
            rate_window: limits.rate_window,
            max_buf_size: MAX_BUF_BYTES,
            max_connections: limits.connections,
            drain_timeout: limits.drain_timeout,
        }
    }
}

impl Running {
    pub fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Requests in flight end, new ones are refused, jobs are given back; then everything is stopped.
    pub async fn stop(self) {
        self.drain.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.drain_timeout + Duration::from_secs(5), self.tasks.wait()).await.is_err() {
            tracing::warn!("{} tasks did not end in time and are dropped", self.tasks.len());
        }
    }
}

/// Creates what Sluss needs in this tenant's database, and in the control database.
pub async fn init(config: &Config, tenant: &TenantConfig) -> anyhow::Result<()> {
    backends::init(tenant).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    backends::init_control(&config.control, &clock).await
}

/// What [`init`] would run in this tenant's database, for somebody else to run. `None`: it is a SQLite file, for which nobody has to.
pub async fn print_sql(tenant: &TenantConfig) -> anyhow::Result<Option<String>> {
    backends::print(tenant).await
}

/// The same for the control database.
pub fn print_control_sql(config: &Config) -> Option<String> {
    backends::print_control(&config.control)
}

/// What takes Sluss out of this tenant's database, for somebody else to run, or why it is too early.
pub async fn print_removal(tenant: &TenantConfig) -> anyhow::Result<Removal> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    backends::remove(tenant, &clock).await
}

fn boxed(request: Request<Incoming>) -> Request<Body> {
    request.map(|body| body.map_err(Into::into).boxed_unsync())
}
