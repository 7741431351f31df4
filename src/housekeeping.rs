//! What a process does by the clock beside its work: heartbeats, looks at the tenants, and the gauges that no event sets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

mod filling;
mod looks;
mod owners;
mod ticks;

pub use filling::count_placements;
pub use looks::Looks;
pub use owners::look_for_owners;
pub use ticks::{first_looks, raise_ticks};

use crate::budget::Budget;
use crate::cache::ContentCache;
use crate::clock::Clock;
use crate::model::id::TenantId;
use crate::store::control::{ControlStore, Process};
use crate::store::sql::PoolUse;
use crate::telemetry::Metrics;

/// Often enough for a dashboard.
const EVERY: Duration = Duration::from_secs(10);

pub struct Housekeeping {
    pub process: Process,
    pub control: Arc<dyn ControlStore>,
    pub budget: Arc<Budget>,
    pub cache: Arc<ContentCache>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    /// The connections of this process, by the tenants that use them.
    pub pools: Box<dyn Fn() -> Vec<(TenantId, PoolUse)> + Send + Sync>,
}

impl Housekeeping {
    pub async fn run(self, drain: CancellationToken) {
        self.metrics.set_buffer_limit(self.budget.limit_bytes());
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while drain.run_until_cancelled(ticks.tick()).await.is_some() {
            self.metrics.set_buffer(self.budget.used_bytes());
            self.metrics.buffer_refused(self.budget.take_refused());
            self.metrics.set_cache(self.cache.used_bytes(), self.cache.limit_bytes());
            self.beat(self.process.works).await;
            self.observe_limits().await;
            self.observe_pools();
        }
        // Its part of the limits is for the others from now on.
        self.beat(false).await;
    }

    async fn beat(&self, works: bool) {
        let process = Process { seen_at: self.clock.now(), works, ..self.process.clone() };
        if let Err(error) = self.control.heartbeat(&process).await {
            tracing::warn!("no heartbeat: {}", error.chain());
        }
    }

    /// Without an answer those that were seen last go on being shown, as they go on to hold.
    async fn observe_limits(&self) {
        match self.control.limits().await {
            Ok(limits) => self.metrics.set_limits(&limits),
            Err(error) => tracing::warn!("the limits that are shown may be old: {}", error.chain()),
        }
    }

    fn observe_pools(&self) {
        for (tenant, PoolUse { idle, in_use, waiting }) in (self.pools)() {
            self.metrics.set_pool(&tenant, idle as u64, in_use as u64, waiting as u64);
        }
    }
}
