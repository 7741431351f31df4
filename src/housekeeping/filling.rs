//! Counts what placements with limits hold, one tenant after the other and apart from the heartbeats: a count over millions of rows
//! takes its time. Every process counts, since every process chooses where its own new objects go.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::placed::{Filling, Level};
use crate::telemetry::PlacementGauge;
use crate::tenants::{Tenant, Tenants};

/// How soon a tenant that is new here is counted for the first time.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Runs until the process drains.
pub async fn count_placements(tenants: Arc<Tenants>, drain: CancellationToken) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while drain.run_until_cancelled(ticks.tick()).await.is_some() {
        for tenant in tenants.all().values().filter(|tenant| tenant.filling.is_limited() && tenant.filling.is_due()) {
            if drain.run_until_cancelled(count(tenant)).await.is_none() {
                return;
            }
        }
    }
}

async fn count(tenant: &Tenant) {
    if let Err(error) = tenant.filling.count(tenant.sql.placement_usage()).await {
        tracing::warn!(tenant = %tenant.id, "what the placements of {} hold is not known anew: {}", tenant.id, error.chain());
    }
    let levels = tenant.filling.levels();
    if let Some(last) = levels.last().filter(|_| levels.iter().all(Level::is_full)) {
        tracing::warn!(
            tenant = %tenant.id,
            "every placement of {} is at its limit, and {} takes new objects all the same: add one behind it",
            tenant.id,
            last.placement
        );
    }
}

/// What the last counts found; nothing where nobody counts.
pub(super) fn gauges(filling: &Filling) -> Vec<PlacementGauge> {
    let gauge = |level: Level| {
        let is_full = level.is_full();
        let (held, limits) = (level.counted?, level.limits);
        let (max_objects, max_bytes) = (limits.max_objects, limits.max_bytes);
        Some(PlacementGauge { placement: level.placement, objects: held.objects, bytes: held.bytes, max_objects, max_bytes, is_full })
    };
    filling.levels().into_iter().filter_map(gauge).collect()
}
