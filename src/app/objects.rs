//! From a placement's configuration to its object store. Placements that are reached the same way share one client, and its connections.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;

use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::config::{BackupConfig, BackupSealing, Limits, ObjectLock, ObjectStoreConfig, PlacementConfig, S3Config, S3Credentials};
use crate::lock::lock;
use crate::store::disk::DiskStore;
use crate::store::guarded::{Gate, GateSettings, GuardedObjects};
use crate::store::metered::{Meter, MeteredObjects, StoreObserver};
use crate::store::object::ObjectStore;
use crate::store::placed::{FillLimits, Place};
use crate::store::s3::{S3Client, S3Store};
use crate::store::sealed::SealedObjects;
use crate::telemetry::Metrics;
use crate::tenants::Offsite;

/// Requests at once to one folder, at least: agents and comparisons come beside the documents. A folder has threads of its own and no
/// connections that could run out, so its gate bounds little and spares much.
const DISK_REQUESTS: usize = 1024;

/// Reads of a folder come from memory, or wait behind somebody's writes: what is usual for them says little.
const DISK_LEAST_HEDGE: Duration = Duration::from_millis(500);

/// After its last byte an upload in parts sends the last of them, is put together, and is looked at.
const LAST_OF_AN_UPLOAD: u32 = 3;

/// Far above a healthy store's answer, far below what a person notices.
const S3_LEAST_HEDGE: Duration = Duration::from_millis(20);

pub(super) struct ObjectBackends {
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    store_timeout: Duration,
    queue_timeout: Duration,
    concurrent_requests: usize,
    clients: Mutex<Vec<(S3Config, S3Client)>>,
    /// Placements that are reached the same way share one: a wrong authority or a time-out that is too short is a placement's own
    /// misfortune, not the store's.
    gates: Mutex<Vec<(Reach, Arc<Gate>)>>,
}

/// How a store is reached: what decides whether it answers in time, and how much is asked of it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reach {
    Disk(PathBuf),
    S3(Box<S3Config>),
}

impl Reach {
    /// All but who asks, and what for.
    fn of(s3: &S3Config) -> Self {
        let asker = S3Config { bucket: String::new(), credentials: S3Credentials::Chain, part_bytes: 0, parallel_parts: 0, ..s3.clone() };
        Self::S3(Box::new(asker))
    }
}

impl ObjectBackends {
    pub(super) fn new(metrics: Arc<Metrics>, budget: Arc<Budget>, limits: &Limits) -> Self {
        Self {
            metrics,
            budget,
            store_timeout: limits.store_timeout,
            queue_timeout: limits.queue_timeout,
            concurrent_requests: limits.concurrent_requests,
            clients: Mutex::default(),
            gates: Mutex::default(),
        }
    }

    /// Asks no store yet, so one that is away keeps nobody from starting.
    pub(super) fn open(&self, placement: &PlacementConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
        self.open_locking(placement, None)
    }

    fn open_locking(&self, placement: &PlacementConfig, lock: Option<ObjectLock>) -> anyhow::Result<Arc<dyn ObjectStore>> {
        let (store, meter): (Arc<dyn ObjectStore>, Meter) = match &placement.store {
            ObjectStoreConfig::Disk { root } => {
                let disk = DiskStore::open(placement.name.clone(), root, &placement.prefix);
                (Arc::new(disk.map_err(|error| anyhow::anyhow!(error.chain()))?), self.meter("disk", self.store_timeout))
            }
            ObjectStoreConfig::S3(s3) => {
                let client = self.client(s3)?;
                let store = S3Store::new(placement.name.clone(), &placement.prefix, s3, client, Arc::clone(&self.budget));
                let store = match lock {
                    Some(lock) => store.locking(lock, Arc::new(SystemClock)),
                    None => store,
                };
                // It bounds each request itself, and tries again meanwhile.
                (Arc::new(store), self.meter("s3", s3.timeout).stalling(LAST_OF_AN_UPLOAD * s3.timeout))
            }
        };
        #[cfg(sluss_fault)]
        let store = crate::store::faulty::wrap_objects(store);
        Ok(Arc::new(MeteredObjects::new(store, meter)))
    }

    /// One of a tenant's placements, with its limits, and the gate before it.
    pub(super) fn place(&self, placement: &PlacementConfig) -> anyhow::Result<(Place, Arc<Gate>)> {
        self.place_locking(placement, None)
    }

    fn place_locking(&self, placement: &PlacementConfig, lock: Option<ObjectLock>) -> anyhow::Result<(Place, Arc<Gate>)> {
        let store = self.open_locking(placement, lock).with_context(|| format!("placement {}", placement.name))?;
        let gate = self.gate(placement);
        // Deadlines and counts first, so that the gate hears of what takes too long.
        let store = Arc::new(GuardedObjects::new(store, Arc::clone(&gate)));
        let limits = FillLimits { max_objects: placement.max_objects, max_bytes: placement.max_bytes };
        Ok((Place { name: placement.name.clone(), limits, store }, gate))
    }

    /// Where a tenant's backup goes to, sealed and locked as its section says, and the gate before it.
    pub(super) fn offsite(&self, backup: &BackupConfig) -> anyhow::Result<(Offsite, Arc<Gate>)> {
        let BackupSealing { sealing, object_lock } = &backup.sealing;
        let (Place { name, store, .. }, gate) = self.place_locking(&backup.objects, *object_lock)?;
        let store = match sealing {
            // Outermost: deadlines, counts and the gate are about what the store is asked for.
            Some(sealing) => Arc::new(SealedObjects::new(store, sealing.clone())),
            None => store,
        };
        Ok((Offsite::new(name, store), gate))
    }

    /// The one gate of this process to a store.
    fn gate(&self, placement: &PlacementConfig) -> Arc<Gate> {
        let patience = self.queue_timeout;
        let (reach, address, settings) = match &placement.store {
            ObjectStoreConfig::Disk { root } => {
                let limit = DISK_REQUESTS.max(2 * self.concurrent_requests);
                let settings = GateSettings { limit, patience, least_hedge: DISK_LEAST_HEDGE };
                (Reach::Disk(root.clone()), format!("disk:{}", root.display()), settings)
            }
            ObjectStoreConfig::S3(s3) => {
                let address = s3.endpoint.split_once("://").map_or(s3.endpoint.as_str(), |(_, address)| address);
                let settings = GateSettings { limit: s3.concurrency, patience, least_hedge: S3_LEAST_HEDGE };
                (Reach::of(s3), address.to_owned(), settings)
            }
        };
        let mut gates = lock(&self.gates);
        if let Some((_, gate)) = gates.iter().find(|(known, _)| *known == reach) {
            return Arc::clone(gate);
        }
        let name = free_name(&address, |name| gates.iter().any(|(_, gate)| gate.name() == name));
        if name != address {
            tracing::info!(store = %name, "{name} is another way to {address}, which placement {} goes first: {}", placement.name, placement.place());
        }
        let gate = Gate::new(name, settings, Arc::clone(&self.metrics));
        gates.push((reach, Arc::clone(&gate)));
        gate
    }

    fn client(&self, s3: &S3Config) -> anyhow::Result<S3Client> {
        // The bucket is named by each request.
        let settings = S3Config { bucket: String::new(), ..s3.clone() };
        let mut clients = lock(&self.clients);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == settings) {
            return Ok(client.clone());
        }
        let client = S3Client::new(s3)?;
        clients.push((settings, client.clone()));
        Ok(client)
    }

    fn meter(&self, store: &'static str, deadline: Duration) -> Meter {
        let observer: Arc<dyn StoreObserver> = Arc::clone(&self.metrics) as _;
        Meter::new(store, deadline, observer)
    }
}

/// Operators know a store by its address, and each further way to it by a number besides. Nothing of a placement belongs into the name:
/// it is told to all tenants that share the store.
fn free_name(address: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut names = std::iter::once(address.to_owned()).chain((2..).map(|number: u32| format!("{address} #{number}")));
    names.find(|name| !is_taken(name)).expect("there are more numbers than gates")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(tenant: &str, region: &str) -> PlacementConfig {
        let s3 = S3Config {
            endpoint: "https://s3.example:443".to_owned(),
            region: region.to_owned(),
            bucket: tenant.to_owned(),
            path_style: true,
            credentials: S3Credentials::Chain,
            ca_file: None,
            connect_timeout: Duration::from_secs(1),
            first_byte_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            attempts: 1,
            part_bytes: 8 << 20,
            parallel_parts: 1,
            concurrency: 1,
        };
        let (name, prefix) = ("main".parse().unwrap(), format!("{tenant}/"));
        PlacementConfig { name, prefix, store: ObjectStoreConfig::S3(Box::new(s3)), max_objects: None, max_bytes: None }
    }

    #[test]
    fn a_further_way_to_a_store_has_a_name_of_its_own_that_tells_of_no_tenant() {
        let backends = ObjectBackends {
            metrics: Arc::new(Metrics::new("1.2.3")),
            budget: Arc::new(Budget::new(1 << 20, Duration::ZERO)),
            store_timeout: Duration::ZERO,
            queue_timeout: Duration::ZERO,
            concurrent_requests: 1,
            clients: Mutex::default(),
            gates: Mutex::default(),
        };
        let ways = [("acme", "one"), ("globex", "two"), ("hooli", "three"), ("initech", "two")];
        let gates = ways.map(|(tenant, region)| backends.gate(&placement(tenant, region)));
        assert_eq!(
            gates.each_ref().map(|gate| gate.name()),
            ["s3.example:443", "s3.example:443 #2", "s3.example:443 #3", "s3.example:443 #2"]
        );
        assert!(Arc::ptr_eq(&gates[1], &gates[3]), "one way has one gate");
    }
}
