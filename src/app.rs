//! The composition root: the only file that names a backend. It builds everything from a `Config`, starts it in one order and
//! stops it in the reverse.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
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

use crate::admin::{self, Admin};
use crate::budget::Budget;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ObjectStoreConfig, SqlConfig, TenantConfig};
use crate::gateway::inbound::InboundLimits;
use crate::gateway::read::Reader;
use crate::gateway::routes;
use crate::gateway::service::{self, Documents};
use crate::gateway::write::Writer;
use crate::housekeeping::{Housekeeping, Pool};
use crate::migrate::agents::Agents;
use crate::migrate::throttle::Throttle;
use crate::migrate::work::Tools;
use crate::model::id::TenantId;
use crate::serve::{Listener, ServeSettings};
use crate::store::control::{ControlStore, Process};
use crate::store::disk::DiskStore;
use crate::store::metered::{Meter, MeteredObjects, MeteredSql, StoreObserver};
use crate::store::object::ObjectStore;
use crate::store::sqlite::{self, SqliteControl, SqliteFile, SqliteTenant, TenantSettings};
use crate::telemetry::Metrics;
use crate::tenants::{Access, Tenant, Tenants};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// hyper's own buffers, a connection and a direction: enough for a head, small enough to be counted.
const MAX_BUF_BYTES: usize = 32 << 10;

/// Idle connections cost little; this many are far from the usual limit on open files.
const MAX_CONNECTIONS: usize = 10_000;

/// The control database is small and seldom asked.
const CONTROL_CONNECTIONS: usize = 2;
const CONTROL_BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Listeners, and agents unless the configuration says otherwise.
    Serve,
    /// Agents only; metrics and health on an address of their own where one is given.
    Agent { observed_on: Option<SocketAddr> },
}

/// A database file, and the tenants that live in it.
type SharedFile = (Arc<SqliteFile>, Vec<TenantId>);

/// Everything one process needs, built and not yet started.
pub struct App {
    config: Config,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    control: Arc<dyn ControlStore>,
    tenants: Arc<Tenants>,
    files: Vec<SharedFile>,
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
        let budget = Arc::new(Budget::new(config.limits.buffer_bytes, config.limits.queue_timeout));
        let file = SqliteFile::new(&config.control.database, CONTROL_CONNECTIONS, CONTROL_BUSY_TIMEOUT, true)?;
        let control = SqliteControl::open(file, Arc::clone(&clock)).await.context("open the control database")?;
        let mut builder = Builder { config: &config, clock: &clock, metrics: &metrics, files: BTreeMap::new() };
        let mut tenants = Vec::new();
        for tenant in &config.tenants {
            tenants.push(Arc::new(builder.tenant(tenant).with_context(|| format!("open tenant {}", tenant.id))?));
        }
        let files = builder.files.into_values().collect();
        let (tasks, drain) = (TaskTracker::new(), CancellationToken::new());
        let tenants = Arc::new(Tenants::new(tenants));
        Ok(Self { control: Arc::new(control), config, clock, metrics, budget, tenants, files, tasks, drain })
    }

    /// Sockets are bound before anything is started: an address in use is an error, not a half-started process.
    pub async fn start(self, role: Role) -> anyhow::Result<Running> {
        let process = self.process(role);
        let (documents, admin) = match role {
            Role::Serve => (Some(self.config.listeners.documents), Some(self.config.listeners.admin)),
            Role::Agent { observed_on } => (None, observed_on),
        };
        let documents = bind("documents", documents).await?;
        let admin = bind("admin", admin).await?;
        let running = Running {
            documents: documents.as_ref().map(Listener::local_addr),
            admin: admin.as_ref().map(Listener::local_addr),
            tenants: Arc::clone(&self.tenants),
            metrics: Arc::clone(&self.metrics),
            tasks: self.tasks.clone(),
            drain: self.drain.clone(),
            drain_timeout: self.config.limits.drain_timeout,
        };
        self.start_housekeeping(process.clone());
        if role != Role::Serve || self.config.agents.in_serve {
            self.start_agents(process.name);
        }
        if let Some(listener) = admin {
            self.start_admin(listener);
        }
        if let Some(listener) = documents {
            self.start_documents(listener);
        }
        Ok(running)
    }

    fn process(&self, role: Role) -> Process {
        let now = self.clock.now();
        let role = match role {
            Role::Serve => "serve",
            Role::Agent { .. } => "agent",
        };
        Process {
            name: format!("{role}-{}", Uuid::now_v7()),
            role: role.to_owned(),
            version: VERSION.to_owned(),
            started_at: now,
            seen_at: now,
        }
    }

    fn start_documents(&self, listener: Listener) {
        let limits = &self.config.limits;
        let inbound = InboundLimits { max_bytes: limits.max_document_bytes, min_rate: limits.min_rate, window: limits.rate_window };
        let documents = Documents {
            routes: routes::default_routes(),
            access: Arc::new(Access::new(self.config.auth.clone())),
            tenants: Arc::clone(&self.tenants),
            reader: Reader { budget: Arc::clone(&self.budget), metrics: Arc::clone(&self.metrics), tasks: self.tasks.clone() },
            writer: Writer { budget: Arc::clone(&self.budget), metrics: Arc::clone(&self.metrics), limits: inbound },
        };
        let stack = service::stack(documents, Arc::clone(&self.metrics), limits.concurrent_requests).map_request(boxed);
        tracing::info!(address = %listener.local_addr(), "serving documents on {}", listener.local_addr());
        self.tasks.spawn(listener.serve(stack, self.serve_settings(), self.drain.clone(), self.tasks.clone()));
    }

    fn start_admin(&self, listener: Listener) {
        let admin = Admin {
            access: Access::new(self.config.auth.clone()),
            tenants: Arc::clone(&self.tenants),
            control: Arc::clone(&self.control),
            budget: Arc::clone(&self.budget),
            metrics: Arc::clone(&self.metrics),
            drain: self.drain.clone(),
        };
        let service = admin::service(admin).map_request(boxed);
        tracing::info!(address = %listener.local_addr(), "serving operators on {}", listener.local_addr());
        self.tasks.spawn(listener.serve(service, self.serve_settings(), self.drain.clone(), self.tasks.clone()));
    }

    fn start_agents(&self, owner: String) {
        let tools = Tools {
            budget: Arc::clone(&self.budget),
            metrics: Arc::clone(&self.metrics),
            throttle: Arc::new(Throttle::new(self.config.agents.bytes_per_second)),
            clock: Arc::clone(&self.clock),
            settings: self.config.agents.clone(),
        };
        Agents { tools, tenants: Arc::clone(&self.tenants), owner, drain: self.drain.clone(), tasks: self.tasks.clone() }.start();
    }

    fn start_housekeeping(&self, process: Process) {
        let housekeeping = Housekeeping {
            process,
            control: Arc::clone(&self.control),
            tenants: Arc::clone(&self.tenants),
            budget: Arc::clone(&self.budget),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
            pools: self.files.iter().map(pool).collect(),
        };
        self.tasks.spawn(housekeeping.run(self.drain.clone()));
    }

    fn serve_settings(&self) -> ServeSettings {
        let limits = &self.config.limits;
        ServeSettings {
            header_timeout: limits.header_timeout,
            min_rate: limits.min_rate,
            rate_window: limits.rate_window,
            max_buf_size: MAX_BUF_BYTES,
            max_connections: MAX_CONNECTIONS,
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

/// Creates what Sluss needs in the databases of these tenants.
pub async fn init(config: &Config, tenant: &TenantConfig) -> anyhow::Result<()> {
    let file = open_file(tenant)?;
    sqlite::init(&file, &settings(tenant)).await.map_err(|error| anyhow::anyhow!(error.chain()))?;
    let control = SqliteFile::new(&config.control.database, CONTROL_CONNECTIONS, CONTROL_BUSY_TIMEOUT, true)?;
    SqliteControl::open(control, Arc::new(SystemClock)).await.map_err(|error| anyhow::anyhow!(error.chain()))?;
    Ok(())
}

/// Builds tenants; those that live in one file share its pools.
struct Builder<'a> {
    config: &'a Config,
    clock: &'a Arc<dyn Clock>,
    metrics: &'a Arc<Metrics>,
    files: BTreeMap<PathBuf, SharedFile>,
}

impl Builder<'_> {
    fn tenant(&mut self, config: &TenantConfig) -> anyhow::Result<Tenant> {
        let SqlConfig::Sqlite(sqlite) = &config.sql;
        let path = std::path::absolute(&sqlite.path)?;
        let (file, tenants) = match self.files.entry(path) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert((open_file(config)?, Vec::new())),
        };
        tenants.push(config.id.clone());
        let database = Arc::new(SqliteTenant::new(Arc::clone(file), &settings(config), Arc::clone(self.clock)));
        let observer: Arc<dyn StoreObserver> = Arc::clone(self.metrics) as Arc<dyn StoreObserver>;
        let meter = |store| Meter::new(store, self.config.limits.store_timeout, Arc::clone(&observer));
        self.metrics.add_tenant(&config.id);
        Ok(Tenant::new(
            config.id.clone(),
            config.collections.clone(),
            config.mirror,
            Arc::new(MeteredSql::new(Arc::clone(&database) as _, config.id.clone(), meter("sqlite"))),
            database,
            Arc::new(MeteredObjects::new(open_objects(config)?, meter("disk"))),
        ))
    }
}

fn open_file(config: &TenantConfig) -> anyhow::Result<Arc<SqliteFile>> {
    let SqlConfig::Sqlite(sqlite) = &config.sql;
    Ok(SqliteFile::new(&sqlite.path, sqlite.connections, sqlite.busy_timeout, false)?)
}

fn open_objects(config: &TenantConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let ObjectStoreConfig::Disk { root } = &config.objects.store;
    Ok(Arc::new(DiskStore::open(config.objects.name.clone(), root, &config.objects.prefix)?))
}

fn settings(config: &TenantConfig) -> TenantSettings {
    let ObjectStoreConfig::Disk { root } = &config.objects.store;
    TenantSettings {
        id: config.id.clone(),
        initial_phase: config.initial_phase,
        mirror: config.mirror,
        collections: config.collections.clone(),
        placement: config.objects.name.clone(),
        placement_description: format!("disk {} prefix {:?}", root.display(), config.objects.prefix),
    }
}

fn pool((file, tenants): &SharedFile) -> Pool {
    let file = Arc::clone(file);
    Pool { look: Box::new(move || file.pool_use()), tenants: tenants.clone() }
}

async fn bind(what: &str, address: Option<SocketAddr>) -> anyhow::Result<Option<Listener>> {
    let Some(address) = address else { return Ok(None) };
    let listener = Listener::bind(address).await.with_context(|| format!("bind the {what} listener to {address}"))?;
    Ok(Some(listener))
}

fn boxed(request: Request<Incoming>) -> Request<crate::body::Body> {
    request.map(|body| body.map_err(Into::into).boxed_unsync())
}
