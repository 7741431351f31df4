//! Agents: claim a job under a lease, work, close it in a transaction that sees that it is done. A process that dies loses its
//! leases, and another takes over; one that drains gives its jobs back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::limits::until;
use super::places::{Place, Places};
use super::work::{Attempt, JobError, Tools};
use super::{backup, changes, collect, copy, keep, purge, restore, schedule, sweep, verify, write_back};
use crate::model::id::TenantId;
use crate::model::job::{JobKind, JobTarget};
use crate::model::limits::Allowed;
use crate::store::error::StoreResult;
use crate::store::queue::{Completion, Lease, Verdict};
use crate::telemetry::JobOutcome;
use crate::tenants::{Tenant, Tenants};

/// A store that is away is asked again after this long, give or take half.
const OUTAGE_WAIT: Duration = Duration::from_secs(4);

/// How often a process looks whether regular work is due, at most.
const SCHEDULE_LOOK: Duration = Duration::from_secs(30);

/// Jobs that are claimed at once while there is work. A claim costs about as much as a small copy.
const CLAIM_AT_ONCE: usize = 16;

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
    /// The work was called back, for this reason: nothing failed.
    CalledBack(&'static str),
}

const DRAINING: &str = "this process drains";
const PAUSED: &str = "the tenant is paused";
const ANOTHERS: &str = "the tenant's objects belong to another installation";
const PUT_BACK: &str = "the tenant's database was put back to an earlier moment";
const TOO_MANY: &str = "fewer jobs at once are allowed now";

impl Agents {
    /// Starts a claimer for each tenant, and follows the tenants as they are replaced. Everything ends when the process drains.
    pub async fn run(self) {
        if self.drain.run_until_cancelled(self.tools.limits.first_look()).await.is_none() {
            return;
        }
        let places = Places::new(self.tools.limits.watch());
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
        let settings = &self.tools.settings;
        let (sweep, changes, verify) = (settings.sweep_every, settings.changes_every, settings.verify_every);
        let begun = self.tools.clock.now();
        let first_verification = Instant::now() + verify.min(schedule::FIRST_VERIFICATION);
        while !stop.is_cancelled() {
            let mut scheduled = vec![schedule::schedule(&tenant, sweep).await, schedule::schedule_changes(&tenant, changes).await];
            scheduled.push(schedule::schedule_backup(&tenant, begun, self.tools.clock.now()).await);
            if Instant::now() >= first_verification {
                scheduled.push(schedule::schedule_verification(&tenant, verify).await);
            }
            for error in scheduled.into_iter().filter_map(Result::err) {
                tracing::warn!(tenant = %tenant.id, "regular work was not scheduled: {}", error.chain());
            }
            stop.run_until_cancelled(sleep(SCHEDULE_LOOK.min(sweep.min(changes).min(verify) / 2))).await;
        }
    }

    /// Polls by what it found last: at once after work, ever more seldom while there is none.
    async fn claim_for(self: Arc<Self>, tenant: Arc<Tenant>, places: Arc<Places>, stop: CancellationToken) {
        let settings = &self.tools.settings;
        let (mut pause, mut allowed) = (settings.poll_min, self.tools.limits.watch());
        let mut further = 0;
        loop {
            let place = async {
                until(&mut allowed, |allowed| !allowed.is_paused(&tenant.id)).await;
                places.take().await
            };
            let Some(place) = stop.run_until_cancelled(place).await else { return };
            if tenant.ownership.is_anothers() || tenant.continuity.is_broken() {
                drop(place);
                stop.run_until_cancelled(sleep(settings.poll_max)).await;
                continue;
            }
            // The turn may have come long after the last look.
            if allowed.borrow().is_paused(&tenant.id) {
                continue;
            }
            let limit = allowed.borrow().concurrency(&tenant.id);
            let mut taken = places.take_free(further);
            taken.push(place);
            match tenant.jobs.claim_some(&self.owner, settings.lease, limit, taken.len()).await {
                Ok(leases) if !leases.is_empty() => {
                    (pause, further) = (settings.poll_min, CLAIM_AT_ONCE.min(tenant.jobs.claims_at_once()).saturating_sub(1));
                    for (lease, place) in leases.into_iter().zip(taken) {
                        self.tasks.spawn(Arc::clone(&self).work(Arc::clone(&tenant), lease, place));
                    }
                    continue;
                }
                Ok(_) => pause = (pause * 2).min(settings.poll_max),
                Err(error) => {
                    tracing::warn!(tenant = %tenant.id, "cannot claim jobs, trying on: {}", error.chain());
                    pause = (pause * 2).min(settings.poll_max);
                }
            }
            // Who finds nothing keeps one place while it asks, and no more.
            further = 0;
            drop(taken);
            match stop.run_until_cancelled(woken(&tenant, &mut allowed, limit, pause)).await {
                Some(true) => pause = settings.poll_min,
                Some(false) => {}
                None => return,
            }
        }
    }

    async fn work(self: Arc<Self>, tenant: Arc<Tenant>, lease: Lease, place: Place) {
        let span = tracing::info_span!("job", job.id = %lease.job, kind = %lease.kind, tenant = %tenant.id, attempt = lease.failures + 1);
        async {
            if lease.taken_over {
                self.tools.metrics.job_taken_over(lease.kind);
                tracing::warn!(event = "lease_taken_over", "took over {} of {} from an agent that was lost", lease.kind, lease.target);
            }
            let (begun, kind, job) = (Instant::now(), lease.kind, lease.job);
            let ended = self.perform(&tenant, &lease, &place).await;
            match self.settle(&tenant, lease, ended).await {
                Ok(outcome) => self.tools.metrics.job(&tenant.id, kind, outcome, begun.elapsed()),
                // The lease runs out, and somebody looks again.
                Err(error) => tracing::warn!("the end of job {job} was not recorded: {}", error.chain()),
            }
            drop(place);
            // One place of the tenant's own is free again: its next job need not wait for the next poll.
            if self.tools.limits.watch().borrow().concurrency(&tenant.id).is_some() {
                tenant.work.notify_one();
            }
        }
        .instrument(span)
        .await;
    }

    async fn perform(&self, tenant: &Tenant, lease: &Lease, place: &Place) -> Ended {
        if lease.taken_over && lease.failures >= self.tools.settings.backoff.budget {
            return Ended::Worked(Err(JobError::AgentsDied));
        }
        let mut allowed = self.tools.limits.watch();
        tokio::select! {
            worked = self.attempt(tenant, lease) => Ended::Worked(worked),
            () = self.keep(tenant, lease) => Ended::LeaseLost,
            () = self.drain.cancelled() => Ended::CalledBack(DRAINING),
            () = until(&mut allowed, |allowed| allowed.is_paused(&tenant.id)) => Ended::CalledBack(PAUSED),
            () = tenant.ownership.lost() => Ended::CalledBack(ANOTHERS),
            () = tenant.continuity.broken() => Ended::CalledBack(PUT_BACK),
            () = place.called_back() => Ended::CalledBack(TOO_MANY),
            () = self.beyond_the_tenants_limit(tenant, lease) => Ended::CalledBack(TOO_MANY),
        }
    }

    /// Returns when the tenant's limit was lowered, and this job is one of those beyond it.
    async fn beyond_the_tenants_limit(&self, tenant: &Tenant, lease: &Lease) {
        let mut allowed = self.tools.limits.watch();
        loop {
            let limit = allowed.borrow().concurrency(&tenant.id);
            until(&mut allowed, |allowed| allowed.concurrency(&tenant.id) != limit).await;
            let Some(limit) = allowed.borrow().concurrency(&tenant.id) else { continue };
            match tenant.jobs.is_beyond(lease, limit).await {
                Ok(true) => return,
                Ok(false) => {}
                // Then it goes on to its end, and the next claim sees the limit.
                Err(error) => tracing::warn!("whether the job is beyond the limit cannot be told: {}", error.chain()),
            }
        }
    }

    async fn attempt(&self, tenant: &Tenant, lease: &Lease) -> Result<Attempt, JobError> {
        if lease.kind.moves_a_document() {
            // Before it holds any memory.
            self.tools.pace.of(&tenant.id).document().await;
        }
        match (lease.kind, &lease.target) {
            (JobKind::Copy, JobTarget::Document(key)) => copy::copy(&self.tools, tenant, key, lease.failures + 1).await,
            (JobKind::WriteBack, JobTarget::Document(key)) => write_back::write_back(&self.tools, tenant, key, lease.failures + 1).await,
            (JobKind::Sweep, JobTarget::Collection(_, collection)) => sweep::sweep(&self.tools, tenant, collection, lease).await,
            (JobKind::Changes, JobTarget::Collection(_, collection)) => changes::changes(&self.tools, tenant, collection).await,
            (JobKind::Verify, JobTarget::Collection(_, collection)) => verify::verify(&self.tools, tenant, collection).await,
            (JobKind::Purge, JobTarget::Collection(_, collection)) => purge::purge(&self.tools, tenant, collection, lease).await,
            (JobKind::Restore, JobTarget::Collection(_, collection)) => {
                restore::restore(&self.tools, &self.tenants, tenant, collection, lease).await
            }
            (JobKind::Keep, JobTarget::Staged(_, staged)) => keep::keep(&self.tools, tenant, *staged, lease.failures + 1).await,
            (JobKind::Collect, JobTarget::Tenant(_)) => collect::collect(&self.tools, tenant).await,
            (JobKind::Backup, JobTarget::Tenant(_)) => backup::backup(&self.tools, tenant, lease).await,
            // Nobody enqueues these pairs; a job like that has nothing to do.
            (
                JobKind::Copy
                | JobKind::WriteBack
                | JobKind::Sweep
                | JobKind::Changes
                | JobKind::Verify
                | JobKind::Purge
                | JobKind::Restore
                | JobKind::Keep
                | JobKind::Collect
                | JobKind::Backup,
                _,
            ) => Ok(Attempt::Done),
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
            Ended::CalledBack(reason) => {
                tracing::info!(event = "given_back", "gave {} of {} back: {reason}", lease.kind, lease.target);
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

/// Waits for as long as the poll says. True: something has happened that may have made work.
async fn woken(tenant: &Tenant, allowed: &mut watch::Receiver<Allowed>, limit: Option<u64>, pause: Duration) -> bool {
    tokio::select! {
        () = sleep(pause) => false,
        () = tenant.work.notified() => true,
        () = until(allowed, |allowed| allowed.concurrency(&tenant.id) != limit || allowed.is_paused(&tenant.id)) => true,
    }
}
