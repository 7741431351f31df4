//! From a tenant's configuration to its stores: the only file that names a backend.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::{ControlConfig, ObjectStoreConfig, SqlConfig, SqliteConfig, TenantConfig};
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::store::disk::DiskStore;
use crate::store::metered::{Meter, MeteredObjects, MeteredSql, StoreObserver};
use crate::store::object::ObjectStore;
use crate::store::queue::JobQueue;
use crate::store::sql::{PoolUse, SqlStore};
use crate::store::sqlite::{self, SqliteControl, SqliteFile, SqliteTenant, TenantSettings};
use crate::telemetry::Metrics;
use crate::tenants::Tenant;

/// The control database is small and seldom asked.
const CONTROL_CONNECTIONS: usize = 2;
const CONTROL_BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// A database file, and the tenants that live in it.
struct Shared {
    settings: SqliteConfig,
    file: Arc<SqliteFile>,
    tenants: Vec<TenantId>,
}

/// Builds tenants; those that live in one file share its pools.
pub(super) struct Backends {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    store_timeout: Duration,
    files: Mutex<Vec<Shared>>,
}

impl Backends {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, store_timeout: Duration) -> Self {
        Self { clock, metrics, store_timeout, files: Mutex::default() }
    }

    /// Opens no connection yet: a tenant whose database is away does not keep the others from being served.
    pub(super) fn tenant(&self, config: &TenantConfig) -> anyhow::Result<Arc<Tenant>> {
        let objects = open_objects(config).with_context(|| format!("open the object store of tenant {}", config.id))?;
        let file = self.file(config).with_context(|| format!("open the database of tenant {}", config.id))?;
        let database = Arc::new(SqliteTenant::new(file, &settings(config), Arc::clone(&self.clock)));
        self.metrics.add_tenant(&config.id);
        let (sql, jobs): (Arc<dyn SqlStore>, Arc<dyn JobQueue>) = (Arc::clone(&database) as _, database);
        #[cfg(sluss_fault)]
        let (sql, jobs, objects) = crate::store::faulty::wrap(sql, jobs, objects);
        let sql = MeteredSql::new(sql, config.id.clone(), self.meter("sqlite"));
        let objects = MeteredObjects::new(objects, self.meter("disk"));
        Ok(Arc::new(Tenant::new(config, Arc::new(sql), jobs, Arc::new(objects))))
    }

    pub(super) fn pools(&self) -> Vec<(TenantId, PoolUse)> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().flat_map(|shared| shared.tenants.iter().map(|tenant| (tenant.clone(), shared.file.pool_use()))).collect()
    }

    /// Forgets the files of tenants that are no longer served.
    pub(super) fn keep_only(&self, tenants: &[Arc<Tenant>]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for shared in files.iter_mut() {
            shared.tenants.retain(|id| tenants.iter().any(|tenant| tenant.id == *id && sqlite_of(&tenant.config) == &shared.settings));
        }
        files.retain(|shared| !shared.tenants.is_empty());
    }

    fn file(&self, config: &TenantConfig) -> anyhow::Result<Arc<SqliteFile>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = sqlite_of(config);
        let at = match files.iter().position(|shared| &shared.settings == wanted) {
            Some(at) => at,
            None => {
                files.push(Shared { settings: wanted.clone(), file: open_file(wanted)?, tenants: Vec::new() });
                files.len() - 1
            }
        };
        let shared = &mut files[at];
        if !shared.tenants.contains(&config.id) {
            shared.tenants.push(config.id.clone());
        }
        Ok(Arc::clone(&shared.file))
    }

    fn meter(&self, store: &'static str) -> Meter {
        let observer: Arc<dyn StoreObserver> = Arc::clone(&self.metrics) as _;
        Meter::new(store, self.store_timeout, observer)
    }
}

/// Opens the control database, and creates what is missing in it.
pub(super) async fn control(config: &ControlConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn ControlStore>> {
    let open = async |create: bool| {
        let file = SqliteFile::new(&config.database, CONTROL_CONNECTIONS, CONTROL_BUSY_TIMEOUT, create)?;
        SqliteControl::open(file, Arc::clone(&clock)).await.map_err(|error| anyhow::anyhow!(error.chain()))
    };
    // Made at the start only: a file that is moved away while the process runs is missing, not to be replaced by an empty one.
    open(true).await?;
    Ok(Arc::new(open(false).await?))
}

/// Creates what Sluss needs in a tenant's database.
pub(super) async fn init(config: &TenantConfig) -> anyhow::Result<()> {
    let file = open_file(sqlite_of(config))?;
    sqlite::init(&file, &settings(config)).await.map_err(|error| anyhow::anyhow!(error.chain()))
}

fn sqlite_of(config: &TenantConfig) -> &SqliteConfig {
    let SqlConfig::Sqlite(sqlite) = &config.sql;
    sqlite
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
