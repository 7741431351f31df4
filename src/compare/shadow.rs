//! The shadow comparison: beside a share of the reads in phase `shadow`, the document's holders are compared, off the request's
//! path and out of memory of its own. It never delays a request, and never queues: what comes while it is busy is dropped.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Compared, Comparison, held_bytes, report};
use crate::budget::Budget;
use crate::config::ShadowConfig;
use crate::model::document::{DocRow, Holder};
use crate::model::phase::Phase;
use crate::model::verification::{Finding, FoundBy};
use crate::store::error::{StoreError, StoreResult};
use crate::store::sql::Findings;
use crate::telemetry::{Metrics, ShadowVerdict};
use crate::tenants::Tenant;

/// Compares beside reads, for one process.
pub struct Shadow {
    settings: ShadowConfig,
    /// Its own: requests have theirs to themselves.
    budget: Budget,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    tasks: TaskTracker,
    drain: CancellationToken,
}

impl Shadow {
    pub fn new(settings: ShadowConfig, metrics: Arc<Metrics>, tasks: TaskTracker, drain: CancellationToken) -> Arc<Self> {
        // Who has a place has its memory within moments, or the comparison is dropped.
        let budget = Budget::new(settings.buffer_bytes, Duration::ZERO);
        let places = Arc::new(Semaphore::new(settings.concurrency));
        Arc::new(Self { settings, budget, places, metrics, tasks, drain })
    }

    /// Whether this read is one of the share.
    pub fn wants(&self, row: &DocRow) -> bool {
        row.state.phase == Phase::Shadow && row.truth().holder == Holder::Both && rand::rng().random_bool(self.settings.share)
    }

    /// Returns at once. `row`: what a read has just found.
    pub fn compare(self: &Arc<Self>, tenant: &Arc<Tenant>, row: DocRow) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.metrics.compared(&tenant.id, ShadowVerdict::Dropped);
        };
        let (this, tenant) = (Arc::clone(self), Arc::clone(tenant));
        self.tasks.spawn(async move {
            // Nobody waits for it: a process that stops leaves it.
            if let Some(verdict) = this.drain.run_until_cancelled(this.judge(&tenant, &row)).await {
                this.metrics.compared(&tenant.id, verdict);
            }
            drop(place);
        });
    }

    async fn judge(&self, tenant: &Tenant, row: &DocRow) -> ShadowVerdict {
        let Some(_grant) = self.budget.acquire(held_bytes(row.length_bytes())).await else { return ShadowVerdict::Dropped };
        let comparison =
            Comparison { tenant, found_by: FoundBy::Shadow, portion_bytes: self.budget.portion_bytes(), slow: &|_, content| content };
        match timeout(self.settings.deadline, comparison.compare(row)).await {
            Ok(Ok(Compared::Equal(_))) => ShadowVerdict::Equal,
            Ok(Ok(Compared::Different(findings))) => match self.note(tenant, row, findings).await {
                Ok(()) => ShadowVerdict::Different,
                Err(error) => failed(tenant, row, &error),
            },
            Ok(Ok(Compared::Moved | Compared::NotLocated | Compared::Nothing)) => ShadowVerdict::Moved,
            Ok(Err(error)) => failed(tenant, row, &error),
            Err(_) => {
                tracing::debug!(tenant = %tenant.id, "the comparison of {} took longer than {:?}", row.key, self.settings.deadline);
                ShadowVerdict::Failed
            }
        }
    }

    async fn note(&self, tenant: &Tenant, row: &DocRow, found: Vec<Finding>) -> StoreResult<()> {
        for finding in &found {
            report(&row.key, finding);
            self.metrics.difference(&tenant.id, finding.kind, false);
        }
        let findings = Findings { found, ..Findings::default() };
        tenant.sql.note_findings(&row.key.collection, row.state.epoch, findings).await.map(|_| ())
    }
}

fn failed(tenant: &Tenant, row: &DocRow, error: &StoreError) -> ShadowVerdict {
    tracing::warn!(tenant = %tenant.id, "{} could not be compared beside a read: {}", row.key, error.chain());
    ShadowVerdict::Failed
}
