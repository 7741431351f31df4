//! A job queue that fails by plan. Its calls have no deadline, so none of them hangs.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Faults;
use crate::model::id::TenantId;
use crate::model::job::NewJob;
use crate::store::error::StoreResult;
use crate::store::queue::{Completion, JobCount, JobFilter, JobId, JobQueue, JobView, Lease, Retried, Verdict};

pub(super) struct FaultyJobs {
    inner: Arc<dyn JobQueue>,
    faults: Arc<Faults>,
}

impl FaultyJobs {
    pub(super) fn new(inner: Arc<dyn JobQueue>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl JobQueue for FaultyJobs {
    fn tenant(&self) -> &TenantId {
        self.inner.tenant()
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> StoreResult<()> {
        self.faults.unbounded("enqueue", self.inner.enqueue(jobs)).await
    }

    async fn claim(&self, owner: &str, lease_for: Duration, limit: Option<u64>) -> StoreResult<Option<Lease>> {
        self.faults.unbounded("claim", self.inner.claim(owner, lease_for, limit)).await
    }

    fn claims_at_once(&self) -> usize {
        self.inner.claims_at_once()
    }

    async fn claim_some(&self, owner: &str, lease_for: Duration, limit: Option<u64>, most: usize) -> StoreResult<Vec<Lease>> {
        self.faults.unbounded("claim", self.inner.claim_some(owner, lease_for, limit, most)).await
    }

    async fn is_beyond(&self, lease: &Lease, limit: u64) -> StoreResult<bool> {
        self.faults.unbounded("is_beyond", self.inner.is_beyond(lease, limit)).await
    }

    async fn extend(&self, lease: &Lease, lease_for: Duration) -> StoreResult<bool> {
        self.faults.unbounded("extend", self.inner.extend(lease, lease_for)).await
    }

    async fn checkpoint(&self, lease: &Lease, checkpoint: &str) -> StoreResult<bool> {
        self.faults.unbounded("checkpoint", self.inner.checkpoint(lease, checkpoint)).await
    }

    async fn complete(&self, lease: Lease) -> StoreResult<Completion> {
        self.faults.unbounded("complete", self.inner.complete(lease)).await
    }

    async fn fail(&self, lease: Lease, reason: &str, verdict: Verdict) -> StoreResult<()> {
        self.faults.unbounded("fail", self.inner.fail(lease, reason, verdict)).await
    }

    async fn give_back(&self, lease: Lease, after: Duration) -> StoreResult<()> {
        self.faults.unbounded("give_back", self.inner.give_back(lease, after)).await
    }

    async fn list(&self, wanted: JobFilter, after: Option<JobId>, limit: usize) -> StoreResult<Vec<JobView>> {
        self.faults.unbounded("list", self.inner.list(wanted, after, limit)).await
    }

    async fn retry(&self, wanted: Retried<'_>) -> StoreResult<u64> {
        self.faults.unbounded("retry", self.inner.retry(wanted)).await
    }

    async fn counts(&self) -> StoreResult<Vec<JobCount>> {
        self.faults.unbounded("counts", self.inner.counts()).await
    }

    async fn hold(&self, name: &str, owner: &str, hold_for: Duration) -> StoreResult<bool> {
        self.faults.unbounded("hold", self.inner.hold(name, owner, hold_for)).await
    }
}
