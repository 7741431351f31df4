//! Drills by the clock, and the time of the last one that passed, for tenants whose file names a folder of evidence. The evidence is what everybody
//! goes by: a drill that an operator ran counts as one that the clock asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::drill::{DrillWish, Drilled, drill};
use crate::backup::evidence::{self, LastDrills};
use crate::clock::Clock;
use crate::config::{BackupConfig, Config};
use crate::model::id::TenantId;
use crate::telemetry::Metrics;
use crate::tenants::{Tenant, Tenants};

/// A moment of a schedule is met to the minute.
const EVERY: Duration = Duration::from_secs(60);

/// How long a drill is one process's to run, and nobody tries again after one that left no evidence.
const HOLD: Duration = Duration::from_secs(3600);

/// Documents of a drill that the clock asked for.
const SAMPLE: usize = 100;

pub(super) struct Drilling {
    pub(super) config: Config,
    pub(super) tenants: Arc<Tenants>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether this process works on what the clock asks for, or only shows when it was last done.
    pub(super) works: bool,
}

impl Drilling {
    /// Runs until the process drains; a drill under way is dropped then, and its scratch tenant with it.
    pub(super) async fn run(self, drain: CancellationToken) {
        let begun = self.clock.now();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while drain.run_until_cancelled(ticks.tick()).await.is_some() {
            let tenants: Vec<Arc<Tenant>> = self.tenants.all().values().cloned().collect();
            for tenant in tenants {
                tokio::select! {
                    () = drain.cancelled() => return,
                    () = self.look(&tenant, begun) => {}
                }
            }
        }
    }

    async fn look(&self, tenant: &Tenant, begun: Timestamp) {
        let Some(BackupConfig { evidence: Some(folder), drill_schedule, .. }) = &tenant.config.backup else { return };
        let LastDrills { passed, any } = last(folder.clone(), tenant.id.clone()).await;
        self.metrics.set_drilled(&tenant.id, passed);
        let Some(schedule) = drill_schedule.as_ref().filter(|_| self.works) else { return };
        let is_due = schedule.next_after(any.unwrap_or(begun)).is_some_and(|next| next <= self.clock.now());
        if !is_due || !tenant.jobs.hold("drill", &Uuid::new_v4().to_string(), HOLD).await.unwrap_or(false) {
            return;
        }
        let wish = DrillWish { sample: Some(SAMPLE), by: "schedule".to_owned() };
        let drilling: BoxFuture<'_, anyhow::Result<Drilled>> = Box::pin(drill(&self.config, &tenant.config, wish, |_| {}));
        match drilling.await {
            Ok(drilled) if drilled.evidence.passed => {
                tracing::info!(event = "drilled", documents = drilled.evidence.documents, "a drill of the backup of {} passed", tenant.id);
            }
            Ok(drilled) => tracing::error!(
                event = "drill_failed",
                different = drilled.evidence.different,
                "a drill of the backup of {} failed: {}",
                tenant.id,
                drilled.evidence.named.first().map_or("", String::as_str)
            ),
            Err(error) => tracing::error!(event = "drill_failed", "a drill of the backup of {} could not be run: {error:#}", tenant.id),
        }
        self.metrics.set_drilled(&tenant.id, last(folder.clone(), tenant.id.clone()).await.passed);
    }
}

async fn last(folder: PathBuf, tenant: TenantId) -> LastDrills {
    let look = tokio::task::spawn_blocking(move || evidence::last(Path::new(&folder), &tenant));
    look.await.unwrap_or_default()
}
