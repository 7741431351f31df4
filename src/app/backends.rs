//! From a tenant's configuration to its stores: the only file that names a backend.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::{ControlConfig, Limits, ObjectStoreConfig, SqlConfig, SqlServerConfig, SqliteConfig, TenantConfig};
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::store::disk::DiskStore;
use crate::store::doctor::Finding;
use crate::store::error::StoreResult;
use crate::store::guarded::{Gate, GateSettings, GuardedObjects};
use crate::store::metered::{Meter, MeteredObjects, MeteredSql, StoreObserver};
use crate::store::mssql::{self, ConnectionLimit, SqlServer, SqlServerControl, SqlServerTenant};
use crate::store::object::ObjectStore;
use crate::store::queue::JobQueue;
use crate::store::removal::Removal;
use crate::store::settings::TenantSettings;
use crate::store::sql::{PoolUse, SqlStore};
use crate::store::sqlite::{self, SqliteControl, SqliteFile, SqliteTenant};
use crate::telemetry::Metrics;
use crate::tenants::Tenant;

/// The control database is small and seldom asked.
const CONTROL_CONNECTIONS: usize = 2;
const CONTROL_BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Requests at once to one folder, at least: agents and comparisons come beside the documents.
const DISK_REQUESTS: usize = 1024;

/// Reads of a folder come from memory, or wait behind somebody's writes: what is usual for them says little.
const DISK_LEAST_HEDGE: Duration = Duration::from_millis(500);

/// One statement after the other.
const INIT_CONNECTIONS: usize = 2;

/// A database as this process uses it.
#[derive(Clone)]
enum Database {
    File(Arc<SqliteFile>),
    Server(Arc<SqlServer>),
}

impl Database {
    fn pool_use(&self) -> PoolUse {
        match self {
            Self::File(file) => file.pool_use(),
            Self::Server(server) => server.pool_use(),
        }
    }
}

/// A database, and the tenants that live in it.
struct Shared {
    settings: SqlConfig,
    database: Database,
    tenants: Vec<TenantId>,
}

/// Builds tenants; those that live in one database share its pools.
pub(super) struct Backends {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    store_timeout: Duration,
    queue_timeout: Duration,
    concurrent_requests: usize,
    connections: Arc<ConnectionLimit>,
    databases: Mutex<Vec<Shared>>,
    /// By what operators know the stores by: a folder, or a server's address.
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
}

impl Backends {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, limits: &Limits) -> Self {
        let connections = ConnectionLimit::new(limits.sql_connections);
        Self {
            clock,
            metrics,
            store_timeout: limits.store_timeout,
            queue_timeout: limits.queue_timeout,
            concurrent_requests: limits.concurrent_requests,
            connections,
            databases: Mutex::default(),
            gates: Mutex::default(),
        }
    }

    /// Opens no connection yet: a tenant whose database is away does not keep the others from being served.
    pub(super) fn tenant(&self, config: &TenantConfig) -> anyhow::Result<Arc<Tenant>> {
        let objects = open_objects(config).with_context(|| format!("open the object store of tenant {}", config.id))?;
        let database = self.database(config).with_context(|| format!("open the database of tenant {}", config.id))?;
        let (name, sql, jobs) = self.adapter(database, config);
        self.metrics.add_tenant(&config.id);
        #[cfg(sluss_fault)]
        let (sql, jobs, objects) = crate::store::faulty::wrap(sql, jobs, objects);
        let sql = MeteredSql::new(sql, config.id.clone(), self.meter(name));
        let objects = self.guarded(objects, "disk", self.disk_gate(root_of(config)));
        Ok(Arc::new(Tenant::new(config, Arc::new(sql), jobs, objects)))
    }

    /// Deadlines and counts first, so that the gate hears of what takes too long.
    fn guarded(&self, objects: Arc<dyn ObjectStore>, kind: &'static str, gate: Arc<Gate>) -> Arc<dyn ObjectStore> {
        Arc::new(GuardedObjects::new(Arc::new(MeteredObjects::new(objects, self.meter(kind))), gate))
    }

    /// The one gate of this process to a store. Its settings hold until the next start.
    fn gate(&self, store: &str, settings: GateSettings) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(store.to_owned()).or_insert_with(|| Gate::new(store, settings, Arc::clone(&self.metrics)));
        if gate.settings() != settings {
            let held = gate.settings().limit;
            tracing::warn!(store, "{store} takes {held} requests at once: the first tenant that named it said so, until the next start");
        }
        Arc::clone(gate)
    }

    /// A folder has threads of its own and no connections that could run out, so its gate bounds little and spares much.
    fn disk_gate(&self, root: &Path) -> Arc<Gate> {
        let limit = DISK_REQUESTS.max(2 * self.concurrent_requests);
        let settings = GateSettings { limit, patience: self.queue_timeout, least_hedge: DISK_LEAST_HEDGE };
        self.gate(&format!("disk:{}", root.display()), settings)
    }

    /// With the name that the metrics know it by.
    fn adapter(&self, database: Database, config: &TenantConfig) -> (&'static str, Arc<dyn SqlStore>, Arc<dyn JobQueue>) {
        match database {
            Database::File(file) => {
                let tenant = Arc::new(SqliteTenant::new(file, &settings(config), Arc::clone(&self.clock)));
                ("sqlite", Arc::clone(&tenant) as _, tenant)
            }
            // Processes on many machines share it, so its own clock is the one that counts.
            Database::Server(server) => {
                let tenant = Arc::new(SqlServerTenant::new(server, &settings(config), None));
                ("mssql", Arc::clone(&tenant) as _, tenant)
            }
        }
    }

    pub(super) async fn control(&self, config: &ControlConfig) -> anyhow::Result<Arc<dyn ControlStore>> {
        open_control(config, &self.clock, &self.connections).await
    }

    pub(super) fn pools(&self) -> Vec<(TenantId, PoolUse)> {
        let databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        databases.iter().flat_map(|shared| shared.tenants.iter().map(|tenant| (tenant.clone(), shared.database.pool_use()))).collect()
    }

    /// Forgets the databases of tenants that are no longer served.
    pub(super) fn keep_only(&self, tenants: &[Arc<Tenant>]) {
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        for shared in databases.iter_mut() {
            shared.tenants.retain(|id| tenants.iter().any(|tenant| tenant.id == *id && tenant.config.sql == shared.settings));
        }
        databases.retain(|shared| !shared.tenants.is_empty());
    }

    fn database(&self, config: &TenantConfig) -> anyhow::Result<Database> {
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        let at = match databases.iter().position(|shared| shared.settings == config.sql) {
            Some(at) => at,
            None => {
                let database = match &config.sql {
                    SqlConfig::Sqlite(sqlite) => Database::File(open_file(sqlite)?),
                    SqlConfig::SqlServer(server) => Database::Server(SqlServer::new(server, &self.connections)?),
                };
                databases.push(Shared { settings: config.sql.clone(), database, tenants: Vec::new() });
                databases.len() - 1
            }
        };
        let shared = &mut databases[at];
        if !shared.tenants.contains(&config.id) {
            shared.tenants.push(config.id.clone());
        }
        Ok(shared.database.clone())
    }

    fn meter(&self, store: &'static str) -> Meter {
        let observer: Arc<dyn StoreObserver> = Arc::clone(&self.metrics) as _;
        Meter::new(store, self.store_timeout, observer)
    }
}

/// Opens the control database, and creates what is missing in it.
async fn open_control(
    config: &ControlConfig,
    clock: &Arc<dyn Clock>,
    connections: &Arc<ConnectionLimit>,
) -> anyhow::Result<Arc<dyn ControlStore>> {
    let path = match config {
        ControlConfig::Sqlite { path } => path,
        ControlConfig::SqlServer(server) => {
            let control = SqlServerControl::open(SqlServer::new(server, connections)?, None).await;
            return Ok(Arc::new(control.map_err(|error| anyhow::anyhow!(error.chain()))?));
        }
    };
    let open = async |create: bool| {
        let file = SqliteFile::new(path, CONTROL_CONNECTIONS, CONTROL_BUSY_TIMEOUT, create)?;
        SqliteControl::open(file, Arc::clone(clock)).await.map_err(|error| anyhow::anyhow!(error.chain()))
    };
    // Made at the start only: a file that is moved away while the process runs is missing, not to be replaced by an empty one.
    open(true).await?;
    Ok(Arc::new(open(false).await?))
}

/// Creates what Sluss needs in the control database.
pub(super) async fn init_control(config: &ControlConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    open_control(config, clock, &ConnectionLimit::new(INIT_CONNECTIONS)).await.map(|_| ())
}

/// Creates what Sluss needs in a tenant's database.
pub(super) async fn init(config: &TenantConfig) -> anyhow::Result<()> {
    match &config.sql {
        SqlConfig::Sqlite(sqlite) => {
            let file = open_file(sqlite)?;
            sqlite::init(&file, &settings(config)).await.map_err(|error| anyhow::anyhow!(error.chain()))
        }
        SqlConfig::SqlServer(sql) => with_server(sql, async |server| mssql::init(server, &settings(config)).await).await,
    }
}

/// A connection of one command's own, closed behind it.
async fn with_server<T>(config: &SqlServerConfig, work: impl AsyncFnOnce(&Arc<SqlServer>) -> StoreResult<T>) -> anyhow::Result<T> {
    let server = SqlServer::new(config, &ConnectionLimit::new(INIT_CONNECTIONS))?;
    let done = Box::pin(work(&server)).await;
    server.close().await;
    done.map_err(|error| anyhow::anyhow!(error.chain()))
}

/// What `init` would run in the tenant's database, to read. `None`: a SQLite file, for which nobody needs it.
pub(super) async fn print(config: &TenantConfig) -> anyhow::Result<Option<String>> {
    match &config.sql {
        SqlConfig::Sqlite(_) => Ok(None),
        SqlConfig::SqlServer(sql) => with_server(sql, async |server| mssql::print(server, sql, &settings(config)).await).await.map(Some),
    }
}

/// The same for the control database.
pub(super) fn print_control(config: &ControlConfig) -> Option<String> {
    match config {
        ControlConfig::Sqlite { .. } => None,
        ControlConfig::SqlServer(sql) => Some(mssql::print_control(sql)),
    }
}

/// What takes Sluss out of the tenant's database, or why it is too early.
pub(super) async fn remove(config: &TenantConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Removal> {
    match &config.sql {
        SqlConfig::Sqlite(sqlite) => {
            let removal = sqlite::remove(open_file(sqlite)?, &settings(config), clock).await;
            removal.map_err(|error| anyhow::anyhow!(error.chain()))
        }
        SqlConfig::SqlServer(sql) => with_server(sql, async |server| mssql::remove(server, sql, &settings(config)).await).await,
    }
}

/// What is found on the tenant's database.
pub(super) async fn examine(config: &TenantConfig, clock: &dyn Clock) -> anyhow::Result<Vec<Finding>> {
    match &config.sql {
        SqlConfig::Sqlite(sqlite) => Ok(sqlite::examine(&sqlite.path, &open_file(sqlite)?, &settings(config)).await),
        SqlConfig::SqlServer(sql) => with_server(sql, async |server| mssql::examine(server, sql, &settings(config), clock).await).await,
    }
}

fn open_file(config: &SqliteConfig) -> anyhow::Result<Arc<SqliteFile>> {
    Ok(SqliteFile::new(&config.path, config.connections, config.busy_timeout, false)?)
}

fn root_of(config: &TenantConfig) -> &Path {
    let ObjectStoreConfig::Disk { root } = &config.objects.store;
    root
}

fn open_objects(config: &TenantConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let store = DiskStore::open(config.objects.name.clone(), root_of(config), &config.objects.prefix);
    Ok(Arc::new(store.map_err(|error| anyhow::anyhow!(error.chain()))?))
}

fn settings(config: &TenantConfig) -> TenantSettings {
    TenantSettings {
        id: config.id.clone(),
        initial_phase: config.initial_phase,
        mirror: config.mirror,
        collections: config.collections.clone(),
        placement: config.objects.name.clone(),
        placement_description: format!("disk {} prefix {:?}", root_of(config).display(), config.objects.prefix),
    }
}
