//! What a process does by the clock beside its work: heartbeats, and the gauges that no event sets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

mod filling;
mod owners;

pub use filling::count_placements;
pub use owners::look_for_owners;

use crate::budget::Budget;
use crate::cache::ContentCache;
use crate::clock::Clock;
use crate::model::id::TenantId;
use crate::store::control::{ControlStore, Process};
use crate::store::error::StoreResult;
use crate::store::sql::PoolUse;
use crate::telemetry::{HeldBy, HeldDocuments, JobGauge, Metrics};
use crate::tenants::{Tenant, Tenants};

/// Often enough for a dashboard, seldom enough for 500 databases.
const EVERY: Duration = Duration::from_secs(10);

/// The figures of a tenant are one process's to export; after this long without it another one takes them.
const FIGURES_HOLD: Duration = Duration::from_secs(30);

pub struct Housekeeping {
    pub process: Process,
    pub control: Arc<dyn ControlStore>,
    pub tenants: Arc<Tenants>,
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
        let mut shown = BTreeSet::new();
        while drain.run_until_cancelled(ticks.tick()).await.is_some() {
            self.metrics.set_buffer(self.budget.used_bytes());
            self.metrics.buffer_refused(self.budget.take_refused());
            self.metrics.set_cache(self.cache.used_bytes(), self.cache.limit_bytes());
            self.beat(self.process.works).await;
            self.observe_limits().await;
            let tenants = self.tenants.all();
            for gone in shown.iter().filter(|id| !tenants.contains_key(*id)) {
                self.metrics.remove_tenant(gone);
            }
            shown = tenants.keys().cloned().collect();
            for tenant in tenants.values() {
                if let Err(error) = self.observe(tenant).await {
                    tracing::warn!(tenant = %tenant.id, "the gauges of {} are stale: {}", tenant.id, error.chain());
                    self.forget(tenant);
                } else {
                    self.metrics.set_observed(&tenant.id, self.clock.now());
                }
            }
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

    async fn observe(&self, tenant: &Tenant) -> StoreResult<()> {
        let state = tenant.sql.state().await?;
        self.metrics.set_phase(&tenant.id, state.phase);
        self.metrics.set_read_only(&tenant.id, state.read_only);
        // One process exports what is counted in the database: two would count every document twice.
        if !tenant.jobs.hold("stats", &self.process.name, FIGURES_HOLD).await? {
            self.forget(tenant);
            self.metrics.set_jobs(&tenant.id, &[]);
            return Ok(());
        }
        let now = self.clock.now();
        let counts = tenant.jobs.counts().await?;
        let gauges: Vec<JobGauge> = counts
            .iter()
            .map(|count| JobGauge {
                kind: count.kind,
                state: count.state,
                jobs: count.jobs,
                oldest_age: now.duration_since(count.oldest).try_into().unwrap_or_default(),
            })
            .collect();
        self.metrics.set_jobs(&tenant.id, &gauges);
        let tally = tenant.sql.tally().await?;
        if let Some(swept_at) = tally.swept_at {
            let held = [(HeldBy::Sql, tally.sql), (HeldBy::Both, tally.both), (HeldBy::Object, tally.object)]
                .map(|(held_by, holding)| HeldDocuments { held_by, documents: holding.documents, bytes: holding.bytes });
            self.metrics.set_documents(&tenant.id, &held, swept_at);
        }
        self.metrics.set_placements(&tenant.id, &filling::gauges(&tenant.filling));
        Ok(())
    }

    /// Figures that may be another process's now, or are old.
    fn forget(&self, tenant: &Tenant) {
        self.metrics.forget_documents(&tenant.id);
        self.metrics.set_placements(&tenant.id, &[]);
    }

    fn observe_pools(&self) {
        for (tenant, PoolUse { idle, in_use, waiting }) in (self.pools)() {
            self.metrics.set_pool(&tenant, idle as u64, in_use as u64, waiting as u64);
        }
    }
}
