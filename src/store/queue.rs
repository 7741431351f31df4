//! The job queue's contract. It lives in the tenant's database, so that a job is made and closed in transactions that see the document.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::error::StoreResult;
use crate::model::id::TenantId;
use crate::model::job::{JobKind, JobState, JobTarget, NewJob, Priority};

/// The clocks of a tenant's database and of the processes that serve it are nearer to each other than this. What lies further ahead was noted
/// before a clock was put back.
pub const CLOCK_SKEW: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub i64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The right to work on one job until a moment. It is used up by `complete`, `fail` or `give_back`:
///
/// ```compile_fail,E0382
/// async fn twice(queue: &dyn sluss::store::queue::JobQueue, lease: sluss::store::queue::Lease) {
///     let _ = queue.complete(lease).await;
///     let _ = queue.complete(lease).await; // use of moved value
/// }
/// ```
#[derive(Debug)]
pub struct Lease {
    pub job: JobId,
    pub kind: JobKind,
    pub target: JobTarget,
    pub priority: Priority,
    /// Failures before this attempt.
    pub failures: u32,
    /// Another agent held this job and let its lease run out.
    pub taken_over: bool,
    /// Where a long job had come to.
    pub checkpoint: Option<String>,
    pub created_at: Timestamp,
    token: Uuid,
}

impl Lease {
    /// Only an adapter's `claim` calls this, with the job as it was before. An agent that died with it counts as a failure, so
    /// that a job that kills its agents ends in quarantine.
    pub(in crate::store) fn grant(view: JobView, taken_over: bool, token: Uuid) -> Self {
        let JobView { job, kind, target, priority, checkpoint, created_at, .. } = view;
        let failures = view.failures + u32::from(taken_over);
        Self { job, kind, target, priority, failures, taken_over, checkpoint, created_at, token }
    }

    pub(in crate::store) fn token(&self) -> Uuid {
        self.token
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    Closed,
    /// The document needs it still (or again): the job is ready once more.
    StillNeeded,
    /// Somebody else has the job now.
    Lost,
}

/// What becomes of a job whose attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    RetryAfter(Duration),
    Quarantine,
}

/// One job as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    pub job: JobId,
    pub kind: JobKind,
    pub target: JobTarget,
    pub state: JobState,
    pub priority: Priority,
    pub failures: u32,
    pub reason: Option<String>,
    pub owner: Option<String>,
    pub checkpoint: Option<String>,
    pub created_at: Timestamp,
    /// When it may be tried, or when its lease runs out.
    pub due_at: Timestamp,
}

/// Which jobs are meant; what is not said fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
}

/// Which quarantined jobs are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried<'a> {
    /// All, or all of one kind.
    All(Option<JobKind>),
    /// Those of these that are in quarantine.
    These(&'a [JobId]),
}

/// Jobs of one kind in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCount {
    pub kind: JobKind,
    pub state: JobState,
    pub jobs: u64,
    pub oldest: Timestamp,
}

#[async_trait]
pub trait JobQueue: Send + Sync {
    fn tenant(&self) -> &TenantId;

    /// Adds jobs; one that is open already keeps the higher priority. A quarantined one of a document stays so until the document changes.
    async fn enqueue(&self, jobs: Vec<NewJob>) -> StoreResult<()>;

    /// The most urgent job that is due, or one whose lease ran out; at most one holder at a time, and never more leases that hold
    /// than `limit`, whoever has them.
    async fn claim(&self, owner: &str, lease_for: Duration, limit: Option<u64>) -> StoreResult<Option<Lease>>;

    /// How many jobs `claim_some` grants in one call, at most.
    fn claims_at_once(&self) -> usize {
        1
    }

    /// As so many claims one after the other, and as cheap as one where the database can do that; at most `most` jobs. Empty: no
    /// job is due.
    async fn claim_some(&self, owner: &str, lease_for: Duration, limit: Option<u64>, most: usize) -> StoreResult<Vec<Lease>> {
        if most == 0 {
            return Ok(Vec::new());
        }
        Ok(self.claim(owner, lease_for, limit).await?.into_iter().collect())
    }

    /// Whether `limit` other leases hold that come before this one: then it is one too many. All who ask hear the same order.
    async fn is_beyond(&self, lease: &Lease, limit: u64) -> StoreResult<bool>;

    /// Heartbeat. False: the lease is lost, stop.
    async fn extend(&self, lease: &Lease, lease_for: Duration) -> StoreResult<bool>;

    /// Keeps where a long job has come to. False: the lease is lost, stop.
    async fn checkpoint(&self, lease: &Lease, checkpoint: &str) -> StoreResult<bool>;

    /// Closes the job in a transaction that sees that its document no longer needs it.
    async fn complete(&self, lease: Lease) -> StoreResult<Completion>;

    async fn fail(&self, lease: Lease, reason: &str, verdict: Verdict) -> StoreResult<()>;

    /// Back as it was, `after` a while: nothing failed.
    async fn give_back(&self, lease: Lease, after: Duration) -> StoreResult<()>;

    /// Jobs in the order of their ids.
    async fn list(&self, wanted: JobFilter, after: Option<JobId>, limit: usize) -> StoreResult<Vec<JobView>>;

    /// Makes quarantined jobs ready with a fresh retry budget. Answers how many.
    async fn retry(&self, wanted: Retried<'_>) -> StoreResult<u64>;

    async fn counts(&self) -> StoreResult<Vec<JobCount>>;

    /// A named lease for work that one process does for a tenant. True: this owner holds it now. One that lasts longer than it can have been asked
    /// for was taken by a clock that was ahead, and holds nobody up.
    async fn hold(&self, name: &str, owner: &str, hold_for: Duration) -> StoreResult<bool>;
}
