//! Agents: claim a job under a lease, work, close it in a transaction that sees that it is done. A process that dies loses its
//! leases, and another takes over; one that drains gives its jobs back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::work::{Attempt, JobError, Tools};
use super::{collect, copy, schedule, sweep, write_back};
use crate::model::id::TenantId;
use crate::model::job::{JobKind, JobTarget};
use crate::store::error::StoreResult;
use crate::store::queue::{Completion, Lease, Verdict};
use crate::telemetry::JobOutcome;
use crate::tenants::{Tenant, Tenants};

/// A store that is away is asked again after this long, give or take half.
const OUTAGE_WAIT: Duration = Duration::from_secs(4);

/// How often a process looks whether regular work is due, at most.
const SCHEDULE_LOOK: Duration = Duration::from_secs(30);

/// How often agents look whether the tenants are still the same.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);

/// The agents of one process.
pub struct Agents {
    pub tools: Tools,
    pub tenants: Arc<Tenants>,
    /// This process, in leases.
    pub owner: String,
    pub drain: CancellationToken,
    pub tasks: TaskTracker,
}

/// How a job's own work came to its end, or did not.
enum Ended {
    Worked(Result<Attempt, JobError>),
    /// Another agent has the job: stop, and touch nothing.
    LeaseLost,
    Draining,
}

impl Agents {
    /// Starts a claimer for each tenant, and follows the tenants as they are replaced. Everything ends when the process drains.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(self.tools.settings.concurrency));
        let agents = Arc::new(self);
        let mut working: HashMap<TenantId, (Arc<Tenant>, CancellationToken)> = HashMap::new();
        loop {
            let tenants = agents.tenants.all();
            working.retain(|id, (tenant, stop)| {
                let stays = tenants.get(id).is_some_and(|now| Arc::ptr_eq(now, tenant));
                if !stays {
                    stop.cancel();
                }
                stays
            });
            for (id, tenant) in tenants.iter().filter(|(id, _)| !working.contains_key(*id)).collect::<Vec<_>>() {
                let stop = agents.drain.child_token();
                agents.tasks.spawn(Arc::clone(&agents).claim_for(Arc::clone(tenant), Arc::clone(&places), stop.clone()));
                agents.tasks.spawn(Arc::clone(&agents).schedule_for(Arc::clone(tenant), stop.clone()));
                working.insert(id.clone(), (Arc::clone(tenant), stop));
            }
            if agents.drain.run_until_cancelled(sleep(FOLLOW_EVERY)).await.is_none() {
                return;
            }
        }
    }

    async fn schedule_for(self: Arc<Self>, tenant: Arc<Tenant>, stop: CancellationToken) {
        let every = self.tools.settings.sweep_every;
        while !stop.is_cancelled() {
            if let Err(error) = schedule::schedule(&tenant, every).await {
                tracing::warn!(tenant = %tenant.id, "regular work was not scheduled: {}", error.chain());
            }
            stop.run_until_cancelled(sleep(SCHEDULE_LOOK.min(every / 2))).await;
        }
    }

    /// Polls by what it found last: at once after work, ever more seldom while there is none.
    async fn claim_for(self: Arc<Self>, tenant: Arc<Tenant>, places: Arc<Semaphore>, stop: CancellationToken) {
        let settings = &self.tools.settings;
        let mut pause = settings.poll_min;
        while !stop.is_cancelled() {
            let Some(place) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else { return };
            let place = place.expect("nobody closes the semaphore");
            match tenant.jobs.claim(&self.owner, settings.lease).await {
                Ok(Some(lease)) => {
                    pause = settings.poll_min;
                    self.tasks.spawn(Arc::clone(&self).work(Arc::clone(&tenant), lease, place));
                    continue;
                }
                Ok(None) => pause = (pause * 2).min(settings.poll_max),
                Err(error) => {
                    tracing::warn!(tenant = %tenant.id, "cannot claim jobs, trying on: {}", error.chain());
                    pause = (pause * 2).min(settings.poll_max);
                }
            }
            drop(place);
            let woken = async { timeout(pause, tenant.work.notified()).await.is_ok() };
            if stop.run_until_cancelled(woken).await == Some(true) {
                pause = settings.poll_min;
            }
        }
    }

    async fn work(self: Arc<Self>, tenant: Arc<Tenant>, lease: Lease, place: OwnedSemaphorePermit) {
        let span = tracing::info_span!("job", job.id = %lease.job, kind = %lease.kind, tenant = %tenant.id, attempt = lease.failures + 1);
        async {
            if lease.taken_over {
                self.tools.metrics.job_taken_over(lease.kind);
                tracing::warn!(event = "lease_taken_over", "took over {} of {} from an agent that was lost", lease.kind, lease.target);
            }
            let (begun, kind, job) = (Instant::now(), lease.kind, lease.job);
            let ended = self.perform(&tenant, &lease).await;
            match self.settle(&tenant, lease, ended).await {
                Ok(outcome) => self.tools.metrics.job(kind, outcome, begun.elapsed()),
                // The lease runs out, and somebody looks again.
                Err(error) => tracing::warn!("the end of job {job} was not recorded: {}", error.chain()),
            }
            drop(place);
        }
        .instrument(span)
        .await;
    }

    async fn perform(&self, tenant: &Tenant, lease: &Lease) -> Ended {
        if lease.taken_over && lease.failures >= self.tools.settings.backoff.budget {
            return Ended::Worked(Err(JobError::AgentsDied));
        }
        tokio::select! {
            worked = self.attempt(tenant, lease) => Ended::Worked(worked),
            () = self.keep(tenant, lease) => Ended::LeaseLost,
            () = self.drain.cancelled() => Ended::Draining,
        }
    }

    async fn attempt(&self, tenant: &Tenant, lease: &Lease) -> Result<Attempt, JobError> {
        match (lease.kind, &lease.target) {
            (JobKind::Copy, JobTarget::Document(key)) => copy::copy(&self.tools, tenant, key).await,
            (JobKind::WriteBack, JobTarget::Document(key)) => write_back::write_back(&self.tools, tenant, key).await,
            (JobKind::Sweep, JobTarget::Collection(_, collection)) => sweep::sweep(&self.tools, tenant, collection, lease).await,
            (JobKind::Collect, JobTarget::Tenant(_)) => collect::collect(&self.tools, tenant).await,
            // Nobody enqueues these pairs; a job like that has nothing to do.
            (JobKind::Copy | JobKind::WriteBack | JobKind::Sweep | JobKind::Collect, _) => Ok(Attempt::Done),
        }
    }

    /// Heartbeats at a third of the lease; returns when the lease is lost.
    async fn keep(&self, tenant: &Tenant, lease: &Lease) {
        let lease_for = self.tools.settings.lease;
        let mut good_until = Instant::now() + lease_for;
        loop {
            sleep(lease_for / 3).await;
            let asked = Instant::now();
            match tenant.jobs.extend(lease, lease_for).await {
                Ok(true) => good_until = asked + lease_for,
                Ok(false) => return,
                // A database that does not answer may still do so before the lease is over.
                Err(error) if Instant::now() < good_until => tracing::warn!("a lease was not extended: {}", error.chain()),
                Err(_) => return,
            }
        }
    }

    async fn settle(&self, tenant: &Tenant, lease: Lease, ended: Ended) -> StoreResult<JobOutcome> {
        match ended {
            Ended::LeaseLost => {
                tracing::warn!(event = "lease_lost", "lost the lease of {} of {}", lease.kind, lease.target);
                Ok(JobOutcome::Lost)
            }
            Ended::Draining => {
                tracing::info!(event = "given_back", "gave {} of {} back while draining", lease.kind, lease.target);
                tenant.jobs.give_back(lease, Duration::ZERO).await.map(|()| JobOutcome::GivenBack)
            }
            Ended::Worked(Ok(Attempt::Later(after))) => tenant.jobs.give_back(lease, after).await.map(|()| JobOutcome::GivenBack),
            Ended::Worked(Ok(Attempt::Done)) => Ok(match tenant.jobs.complete(lease).await? {
                Completion::Closed => JobOutcome::Done,
                Completion::StillNeeded => JobOutcome::Again,
                Completion::Lost => JobOutcome::Lost,
            }),
            Ended::Worked(Err(error)) => self.fail(tenant, lease, &error).await,
        }
    }

    async fn fail(&self, tenant: &Tenant, lease: Lease, error: &JobError) -> StoreResult<JobOutcome> {
        let reason = error.reason();
        if error.is_outage() {
            let wait = OUTAGE_WAIT.mul_f64(rand::rng().random_range(0.5..1.5));
            tracing::warn!("{} of {} waits {wait:?} for a store: {reason}", lease.kind, lease.target);
            return tenant.jobs.give_back(lease, wait).await.map(|()| JobOutcome::GivenBack);
        }
        let wait = self.tools.settings.backoff.after(lease.failures + 1, &mut rand::rng());
        match wait {
            Some(wait) => {
                tracing::warn!("{} of {} failed, retry in {wait:?}: {reason}", lease.kind, lease.target);
                tenant.jobs.fail(lease, &reason, Verdict::RetryAfter(wait)).await.map(|()| JobOutcome::Retry)
            }
            None => {
                tracing::error!(event = "quarantined", "{} of {} failed for the last time: {reason}", lease.kind, lease.target);
                tenant.jobs.fail(lease, &reason, Verdict::Quarantine).await.map(|()| JobOutcome::Quarantined)
            }
        }
    }
}
