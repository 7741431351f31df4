//! From a tenant's configuration to its stores: the only file that names a backend.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;

use super::objects::ObjectBackends;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::{ControlConfig, Limits, PlacementConfig, SqlConfig, SqlServerConfig, SqliteConfig, TenantConfig};
use crate::lock::lock;
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::store::doctor::Finding;
use crate::store::error::StoreErrorKind;
use crate::store::error::StoreResult;
use crate::store::guarded::Gate;
use crate::store::metered::{Meter, MeteredSql, StoreObserver};
use crate::store::mssql::{self, ConnectionLimit, SqlServer, SqlServerControl, SqlServerTenant};
use crate::store::placed::placed;
use crate::store::queue::JobQueue;
use crate::store::removal::Removal;
use crate::store::settings::{PlacementSettings, TenantSettings};
use crate::store::sql::{PoolUse, SqlStore};
use crate::store::sqlite::{self, SqliteControl, SqliteFile, SqliteTenant};
use crate::telemetry::Metrics;
use crate::tenants::Tenant;
use crate::watch::stores::{StoreKind, StoreUse};

/// The control database is small and seldom asked.
const CONTROL_CONNECTIONS: usize = 2;
const CONTROL_BUSY_TIMEOUT: Duration = Duration::from_secs(60);

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
    objects: ObjectBackends,
    connections: Arc<ConnectionLimit>,
    databases: Mutex<Vec<Shared>>,
    /// The gates that each tenant's objects lie behind.
    gates: Mutex<BTreeMap<TenantId, Vec<Arc<Gate>>>>,
}

impl Backends {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, budget: Arc<Budget>, limits: &Limits) -> Self {
        let objects = ObjectBackends::new(Arc::clone(&metrics), budget, limits);
        let connections = ConnectionLimit::new(limits.sql_connections);
        let (databases, gates) = (Mutex::default(), Mutex::default());
        Self { clock, metrics, store_timeout: limits.store_timeout, objects, connections, databases, gates }
    }

    /// Opens no connection yet: a tenant whose database is away does not keep the others from being served.
    pub(super) fn tenant(&self, config: &TenantConfig) -> anyhow::Result<Arc<Tenant>> {
        let places = config.objects.iter().map(|placement| self.objects.place(placement)).collect::<anyhow::Result<Vec<_>>>();
        let (places, gates) = places.with_context(|| format!("open the object store of tenant {}", config.id))?.into_iter().unzip();
        let mut gates: Vec<Arc<Gate>> = gates;
        let offsite = config.backup.as_ref().map(|backup| self.objects.offsite(backup)).transpose();
        let offsite = offsite.with_context(|| format!("open the offsite store of tenant {}", config.id))?.map(|(offsite, gate)| {
            gates.push(gate);
            offsite
        });
        let (objects, filling) = placed(places);
        let database = self.database(config).with_context(|| format!("open the database of tenant {}", config.id))?;
        lock(&self.gates).insert(config.id.clone(), gates);
        let (name, sql, jobs) = self.adapter(database, config);
        self.metrics.add_tenant(&config.id);
        self.metrics.add_fallback_reasons(&config.id, &StoreErrorKind::LABELS);
        #[cfg(sluss_fault)]
        let (sql, jobs) = crate::store::faulty::wrap(sql, jobs);
        let sql = MeteredSql::new(sql, config.id.clone(), self.meter(name));
        let tenant = Tenant::new(config, Arc::new(sql), jobs, objects, filling);
        Ok(Arc::new(match offsite {
            Some(offsite) => tenant.with_offsite(offsite),
            None => tenant,
        }))
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
        let databases = lock(&self.databases);
        databases.iter().flat_map(|shared| shared.tenants.iter().map(|tenant| (tenant.clone(), shared.database.pool_use()))).collect()
    }

    /// The stores as this process uses them: each object store by its gate, and databases by their server. Files are one store: each
    /// tenant can have one of its own.
    pub(super) fn stores(&self) -> Vec<StoreUse> {
        let mut stores: Vec<StoreUse> = Vec::new();
        for shared in lock(&self.databases).iter() {
            let name = match &shared.settings {
                SqlConfig::Sqlite(_) => "sqlite".to_owned(),
                SqlConfig::SqlServer(server) => format!("mssql {}:{}", server.host, server.port),
            };
            let store = of_name(&mut stores, name, StoreKind::Sql);
            store.tenants.extend(shared.tenants.iter().cloned());
            store.in_flight += shared.database.pool_use().in_use as u64;
        }
        for (tenant, gates) in lock(&self.gates).iter() {
            for gate in gates {
                let store = of_name(&mut stores, gate.name().to_owned(), StoreKind::Object);
                // Two placements of one tenant can lie in one store.
                if store.tenants.last() != Some(tenant) {
                    store.tenants.push(tenant.clone());
                }
                if store.health.is_none() {
                    let health = gate.health();
                    store.in_flight = health.in_flight as u64;
                    store.health = Some(health);
                }
            }
        }
        stores
    }

    /// Forgets the databases and gates of tenants that are no longer served.
    pub(super) fn keep_only(&self, tenants: &[Arc<Tenant>]) {
        let is_served = |id: &TenantId| tenants.iter().any(|tenant| tenant.id == *id);
        lock(&self.gates).retain(|id, _| is_served(id));
        let mut databases = lock(&self.databases);
        for shared in databases.iter_mut() {
            shared.tenants.retain(|id| tenants.iter().any(|tenant| tenant.id == *id && tenant.config.sql == shared.settings));
        }
        databases.retain(|shared| !shared.tenants.is_empty());
    }

    fn database(&self, config: &TenantConfig) -> anyhow::Result<Database> {
        let mut databases = lock(&self.databases);
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

fn of_name(stores: &mut Vec<StoreUse>, store: String, kind: StoreKind) -> &mut StoreUse {
    let at = stores.iter().position(|known| known.store == store && known.kind == kind).unwrap_or_else(|| {
        stores.push(StoreUse { store, kind, tenants: Vec::new(), in_flight: 0, health: None });
        stores.len() - 1
    });
    &mut stores[at]
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
    // Made at the start only: a file that is moved away while the process runs is missing, not to be replaced by an empty one.
    control_file(path, clock, true).await?;
    Ok(Arc::new(control_file(path, clock, false).await?))
}

async fn control_file(path: &Path, clock: &Arc<dyn Clock>, create: bool) -> anyhow::Result<SqliteControl> {
    let file = SqliteFile::new(path, CONTROL_CONNECTIONS, CONTROL_BUSY_TIMEOUT, create)?;
    SqliteControl::open(file, Arc::clone(clock)).await.map_err(|error| anyhow::anyhow!(error.chain()))
}

/// For one command: a control database that was never made is an error, not a reason to make one.
pub(super) async fn control_that_is_there(config: &ControlConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn ControlStore>> {
    match config {
        ControlConfig::Sqlite { path } => {
            anyhow::ensure!(path.exists(), "there is no control database {}: run `sluss init`", path.display());
            Ok(Arc::new(control_file(path, clock, false).await?))
        }
        ControlConfig::SqlServer(_) => open_control(config, clock, &ConnectionLimit::new(INIT_CONNECTIONS)).await,
    }
}

/// Creates what Sluss needs in the control database.
pub(super) async fn init_control(config: &ControlConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<()> {
    open_control(config, clock, &ConnectionLimit::new(INIT_CONNECTIONS)).await.map(|_| ())
}

/// Creates what Sluss needs in a tenant's database.
pub(super) async fn init(config: &TenantConfig) -> anyhow::Result<()> {
    match &config.sql {
        SqlConfig::Sqlite(sqlite) => init_file(sqlite, config).await,
        SqlConfig::SqlServer(sql) => with_server(sql, async |server| mssql::init(server, &settings(config)).await).await,
    }
}

/// The same in a file.
pub(super) async fn init_file(sqlite: &SqliteConfig, config: &TenantConfig) -> anyhow::Result<()> {
    let file = open_file(sqlite)?;
    sqlite::init(&file, &settings(config)).await.map_err(|error| anyhow::anyhow!(error.chain()))
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

/// Work on the tenant's database that one command does.
pub(super) async fn with_sql<T>(
    config: &TenantConfig,
    clock: &Arc<dyn Clock>,
    work: impl AsyncFnOnce(Arc<dyn SqlStore>) -> StoreResult<T>,
) -> anyhow::Result<T> {
    match &config.sql {
        SqlConfig::Sqlite(sqlite) => {
            let tenant = SqliteTenant::new(open_file(sqlite)?, &settings(config), Arc::clone(clock));
            work(Arc::new(tenant)).await.map_err(|error| anyhow::anyhow!(error.chain()))
        }
        SqlConfig::SqlServer(sql) => {
            let work =
                async |server: &Arc<SqlServer>| work(Arc::new(SqlServerTenant::new(Arc::clone(server), &settings(config), None))).await;
            with_server(sql, work).await
        }
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

fn settings(config: &TenantConfig) -> TenantSettings {
    let placement = |placement: &PlacementConfig| PlacementSettings { name: placement.name.clone(), description: placement.place() };
    TenantSettings {
        id: config.id.clone(),
        initial_phase: config.initial_phase,
        mirror: config.mirror,
        history: config.retention().keeps_history(),
        collections: config.collections.clone(),
        placements: config.objects.iter().map(placement).collect(),
    }
}
