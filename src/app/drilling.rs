//! Drills by the clock, and the time of the last one that passed, for tenants whose file names a folder of evidence. The evidence is what everybody
//! goes by: a drill that an operator ran counts as one that the clock asked for.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::backup::drills::{DrillWish, Drills, SAMPLE, kept};
use crate::clock::Clock;
use crate::config::BackupConfig;
use crate::telemetry::Metrics;
use crate::tenants::{Tenant, Tenants};

/// A moment of a schedule is met to the minute.
const EVERY: Duration = Duration::from_secs(60);

/// For so long nobody tries again after a drill that left no evidence.
const TRY_EVERY: Duration = Duration::from_secs(3600);

pub(super) struct Drilling {
    pub(super) drills: Arc<Drills>,
    pub(super) tenants: Arc<Tenants>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether this process works on what the clock asks for, or only shows when it was last done.
    pub(super) works: bool,
}

impl Drilling {
    /// Runs until the process drains. One after the other: many may be due at the same minute.
    pub(super) async fn run(self, drain: CancellationToken) {
        let begun = self.clock.now();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while drain.run_until_cancelled(ticks.tick()).await.is_some() {
            let tenants: Vec<Arc<Tenant>> = self.tenants.all().values().cloned().collect();
            for tenant in tenants {
                if drain.is_cancelled() {
                    return;
                }
                self.look(&tenant, begun).await;
            }
        }
    }

    async fn look(&self, tenant: &Arc<Tenant>, begun: Timestamp) {
        let Some(BackupConfig { evidence: Some(folder), drill_schedule, .. }) = &tenant.config.backup else { return };
        let last = kept(folder.clone(), tenant.id.clone(), 0, self.clock.now()).await.last;
        self.metrics.set_drilled(&tenant.id, last.passed, last.failed);
        let Some(schedule) = drill_schedule.as_ref().filter(|_| self.works) else { return };
        let is_due = schedule.next_after(last.any.unwrap_or(begun)).is_some_and(|next| next <= self.clock.now());
        if !is_due || !tenant.jobs.hold("drill_schedule", &Uuid::new_v4().to_string(), TRY_EVERY).await.unwrap_or(false) {
            return;
        }
        let wish = DrillWish { sample: Some(SAMPLE as usize), by: "schedule".to_owned() };
        match self.drills.run(tenant, wish).await {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => tracing::info!("the drill of {} that its schedule asks for is not begun: {refused}", tenant.id),
            Err(error) => tracing::warn!("the drill of {} that its schedule asks for is not begun: {}", tenant.id, error.chain()),
        }
    }
}
