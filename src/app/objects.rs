//! From a placement's configuration to its object store. Placements that are reached the same way share one client, and its connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::budget::Budget;
use crate::config::{Limits, ObjectStoreConfig, PlacementConfig, S3Config};
use crate::store::disk::DiskStore;
use crate::store::metered::{Meter, MeteredObjects, StoreObserver};
use crate::store::object::ObjectStore;
use crate::store::placed::{FillLimits, Place};
use crate::store::s3::{S3Client, S3Store};
use crate::telemetry::Metrics;

pub(super) struct ObjectBackends {
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    store_timeout: Duration,
    clients: Mutex<Vec<(S3Config, S3Client)>>,
}

impl ObjectBackends {
    pub(super) fn new(metrics: Arc<Metrics>, budget: Arc<Budget>, limits: &Limits) -> Self {
        Self { metrics, budget, store_timeout: limits.store_timeout, clients: Mutex::default() }
    }

    /// Asks no store yet, so one that is away keeps nobody from starting.
    pub(super) fn open(&self, placement: &PlacementConfig) -> anyhow::Result<Arc<dyn ObjectStore>> {
        let (store, meter): (Arc<dyn ObjectStore>, Meter) = match &placement.store {
            ObjectStoreConfig::Disk { root } => {
                let disk = DiskStore::open(placement.name.clone(), root, &placement.prefix);
                (Arc::new(disk.map_err(|error| anyhow::anyhow!(error.chain()))?), self.meter("disk", self.store_timeout))
            }
            ObjectStoreConfig::S3(s3) => {
                let client = self.client(s3)?;
                let store = S3Store::new(placement.name.clone(), &placement.prefix, s3, client, Arc::clone(&self.budget));
                // It bounds each request itself, and tries again meanwhile.
                (Arc::new(store), self.meter("s3", s3.timeout))
            }
        };
        #[cfg(sluss_fault)]
        let store = crate::store::faulty::wrap_objects(store);
        Ok(Arc::new(MeteredObjects::new(store, meter)))
    }

    /// One of a tenant's placements, with its limits.
    pub(super) fn place(&self, placement: &PlacementConfig) -> anyhow::Result<Place> {
        let store = self.open(placement).with_context(|| format!("placement {}", placement.name))?;
        let limits = FillLimits { max_objects: placement.max_objects, max_bytes: placement.max_bytes };
        Ok(Place { name: placement.name.clone(), limits, store })
    }

    fn client(&self, s3: &S3Config) -> anyhow::Result<S3Client> {
        // The bucket is named by each request.
        let settings = S3Config { bucket: String::new(), ..s3.clone() };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
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
