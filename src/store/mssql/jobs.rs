//! The job queue in the tenant's database. Claims neither wait for each other nor lease a job twice.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::batch::{Batch, Misread, Row};
use super::change::{Ended, TRIES, ended, overtaken};
use super::edit::Draft;
use super::fault::Fault;
use super::rows::{strange, time};
use super::tenant::{SqlServerTenant, silent};
use super::uploads::millis;
use super::{history, statements};
use crate::model::id::{DocKey, TenantId};
use crate::model::job::{JobKind, JobState, JobTarget, NewJob, Priority};
use crate::store::error::StoreResult;
use crate::store::queue::{CLOCK_SKEW, Completion, JobCount, JobFilter, JobId, JobQueue, JobView, Lease, Retried, Verdict};

/// The order that `read_job` relies on.
const VIEW: &str =
    "j.id, j.kind, j.collection, j.document, j.state, j.priority, j.failures, j.reason, j.owner, j.progress, j.created_at, j.due_at";

impl SqlServerTenant {
    fn read_job(&self, row: &mut Row) -> Result<JobView, Misread> {
        let job = JobId(row.integer()?);
        let kind: JobKind = row.text()?.parse().map_err(|error| strange("a kind of job", error))?;
        let target = self.target(kind, &row.text()?, &row.text()?)?;
        let state = row.text()?.parse().map_err(|error| strange("a job's state", error))?;
        let priority = priority(row.integer()?)?;
        Ok(JobView {
            job,
            kind,
            target,
            state,
            priority,
            failures: u32::try_from(row.count()?).unwrap_or(u32::MAX),
            reason: row.text_or_null()?,
            owner: row.text_or_null()?,
            checkpoint: row.text_or_null()?,
            created_at: time(row.integer()?)?,
            due_at: time(row.integer()?)?,
        })
    }

    /// In the order of `claim.sql`: the job as it was before.
    fn granted(&self, mut row: Row, token: Uuid) -> Result<Lease, Misread> {
        let (taken_over, failures) = (row.flag()?, u32::try_from(row.count()?).unwrap_or(u32::MAX));
        let job = JobId(row.integer()?);
        let kind: JobKind = row.text()?.parse().map_err(|error| strange("a kind of job", error))?;
        let target = self.target(kind, &row.text()?, &row.text()?)?;
        let priority = priority(row.integer()?)?;
        let (checkpoint, created_at) = (row.text_or_null()?, time(row.integer()?)?);
        let (state, reason, owner, due_at) = (JobState::Ready, None, None, created_at);
        let view = JobView { job, kind, target, state, priority, failures, reason, owner, checkpoint, created_at, due_at };
        Ok(Lease::grant(view, taken_over, token))
    }

    fn target(&self, kind: JobKind, collection: &str, document: &str) -> Result<JobTarget, Misread> {
        let target = JobTarget::from_row(kind, &self.id, collection, document, |collection| self.id_kind(collection));
        target.map_err(|error| strange("a collection", error))
    }

    /// One statement on the job if the lease still holds; answers whether it did.
    async fn with_lease(&self, operation: &'static str, lease: &Lease, batch: Batch<'_>) -> StoreResult<bool> {
        let (job, token) = (lease.job, lease.token());
        let changed = self.number(&leased(batch, job, token)).await;
        changed.map(|changed| changed == 1).map_err(|fault| fault.at(operation, format!("job {job}")))
    }

    async fn end_lease(&self, operation: &'static str, lease: &Lease, end: LeaseEnd<'_>) -> StoreResult<bool> {
        let LeaseEnd { to, wait, failures, reason } = end;
        let batch = self
            .timed(statements::LEASE_END)
            .with("to", "varchar(16)", to.label())
            .with("wait", "bigint", millis(wait))
            .with("failures", "int", i64::from(failures))
            .with("reason", "nvarchar(4000)", reason.map(cut));
        self.with_lease(operation, lease, batch).await
    }

    async fn still_needed(&self, lease: &Lease) -> StoreResult<Completion> {
        let end = LeaseEnd { to: JobState::Ready, wait: Duration::ZERO, failures: lease.failures, reason: None };
        let held = self.end_lease("complete", lease, end).await?;
        Ok(if held { Completion::StillNeeded } else { Completion::Lost })
    }

    /// Closes the job in a transaction that sees that its document does not need it.
    async fn close(&self, lease: &Lease, key: &DocKey) -> StoreResult<Completion> {
        for _ in 0..TRIES {
            let table = self.table(&key.collection).await?;
            let seen = self.see(&table, &key.id, "complete", key).await?;
            if seen.row.needs(lease.kind, self.mirror) {
                return self.still_needed(lease).await;
            }
            let mut draft = Draft::begin(&table, &seen, self.at());
            draft.set("job", "bigint", lease.job.0);
            draft.set("token", "varchar(36)", lease.token().to_string());
            draft.add(statements::COMPLETE);
            match ended(self, &draft.end()).await.map_err(|fault| fault.at("complete", format!("job {}", lease.job)))? {
                Ended::Done(_) => return Ok(Completion::Closed),
                Ended::Gone => return Ok(Completion::Lost),
                Ended::Raced => {}
            }
        }
        Err(overtaken("complete", key))
    }
}

fn priority(rank: i64) -> Result<Priority, Misread> {
    Priority::of_rank(rank).ok_or_else(|| strange("a priority", rank))
}

/// Where a job goes when its lease ends.
struct LeaseEnd<'a> {
    to: JobState,
    wait: Duration,
    failures: u32,
    reason: Option<&'a str>,
}

fn leased(batch: Batch<'_>, job: JobId, token: Uuid) -> Batch<'_> {
    batch.with("job", "bigint", job.0).with("token", "varchar(36)", token.to_string())
}

/// As much as the column takes.
pub(super) fn cut(reason: &str) -> String {
    reason.chars().take(2000).collect()
}

#[async_trait]
impl JobQueue for SqlServerTenant {
    fn tenant(&self) -> &TenantId {
        &self.id
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> StoreResult<()> {
        for job in jobs {
            let (collection, document, anew) = match &job.target {
                JobTarget::Document(key) => (key.collection.as_str(), key.id.to_string(), false),
                JobTarget::Collection(_, collection) => (collection.as_str(), String::new(), true),
                JobTarget::Staged(_, attempt) => ("", attempt.to_string(), false),
                JobTarget::Tenant(_) => ("", String::new(), true),
            };
            let batch = self
                .timed(statements::ENQUEUE)
                .with("kind", "varchar(16)", job.kind.label())
                .with("collection", "varchar(63)", collection)
                .with("document", "nvarchar(512)", document)
                .with("job_priority", "int", i64::from(job.priority.rank()))
                .with("anew", "bit", anew);
            self.run(&batch).await.map_err(|fault| fault.at("enqueue for", &self.id))?;
        }
        Ok(())
    }

    async fn claim(&self, owner: &str, lease_for: Duration, limit: Option<u64>) -> StoreResult<Option<Lease>> {
        let token = Uuid::new_v4();
        let batch = self
            .timed(statements::CLAIM)
            .with("owner", "nvarchar(200)", owner)
            .with("token", "varchar(36)", token.to_string())
            .with("lease", "bigint", millis(lease_for))
            .with("limit", "bigint", limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX)));
        let claimed = async {
            let row = self.run(&batch).await?.pop().ok_or_else(silent)?;
            if row.is_short() {
                return Ok(None);
            }
            Ok(Some(self.granted(row, token)?))
        };
        claimed.await.map_err(|fault: Fault| fault.at("claim a job of", &self.id))
    }

    async fn is_beyond(&self, lease: &Lease, limit: u64) -> StoreResult<bool> {
        let batch = self.timed(statements::HELD_BELOW).with("job", "bigint", lease.job.0);
        let held = self.number(&batch).await.map_err(|fault| fault.at("rank", format!("job {}", lease.job)))?;
        Ok(held >= limit)
    }

    async fn extend(&self, lease: &Lease, lease_for: Duration) -> StoreResult<bool> {
        self.with_lease("extend", lease, self.timed(statements::LEASE_EXTEND).with("lease", "bigint", millis(lease_for))).await
    }

    async fn checkpoint(&self, lease: &Lease, checkpoint: &str) -> StoreResult<bool> {
        self.with_lease("checkpoint", lease, self.timed(statements::LEASE_CHECKPOINT).with("checkpoint", "nvarchar(4000)", checkpoint))
            .await
    }

    async fn complete(&self, lease: Lease) -> StoreResult<Completion> {
        match &lease.target {
            JobTarget::Document(key) => self.close(&lease, key).await,
            // Once its bytes are not in staging, they never are again.
            JobTarget::Staged(_, attempt) if history::is_staged(self, *attempt).await? => self.still_needed(&lease).await,
            JobTarget::Collection(..) | JobTarget::Staged(..) | JobTarget::Tenant(_) => {
                let closed = self.with_lease("complete", &lease, self.batch(statements::LEASE_CLOSE)).await?;
                Ok(if closed { Completion::Closed } else { Completion::Lost })
            }
        }
    }

    async fn fail(&self, lease: Lease, reason: &str, verdict: Verdict) -> StoreResult<()> {
        let (to, wait) = match verdict {
            Verdict::RetryAfter(wait) => (JobState::Ready, wait),
            Verdict::Quarantine => (JobState::Quarantined, Duration::ZERO),
        };
        let end = LeaseEnd { to, wait, failures: lease.failures + 1, reason: Some(reason) };
        self.end_lease("fail", &lease, end).await.map(|_| ())
    }

    async fn give_back(&self, lease: Lease, after: Duration) -> StoreResult<()> {
        let end = LeaseEnd { to: JobState::Ready, wait: after, failures: lease.failures, reason: None };
        self.end_lease("give back", &lease, end).await.map(|_| ())
    }

    async fn list(&self, wanted: JobFilter, after: Option<JobId>, limit: usize) -> StoreResult<Vec<JobView>> {
        let text = super::text::fill(statements::JOBS, &[("view", VIEW)]);
        let batch = self
            .batch(&text)
            .with("state", "varchar(16)", wanted.state.map(JobState::label))
            .with("kind", "varchar(16)", wanted.kind.map(JobKind::label))
            .with("after", "bigint", after.map_or(i64::MIN, |after| after.0))
            .with("limit", "bigint", limit as i64);
        let found =
            async { self.run(&batch).await?.into_iter().map(|mut row| Ok(self.read_job(&mut row)?)).collect::<Result<Vec<_>, Fault>>() };
        found.await.map_err(|fault: Fault| fault.at("list jobs of", &self.id))
    }

    /// One statement for each job that is named, by its key.
    async fn retry(&self, wanted: Retried<'_>) -> StoreResult<u64> {
        let batches: Vec<_> = match wanted {
            Retried::All(kind) => vec![self.timed(statements::JOBS_RETRY).with("kind", "varchar(16)", kind.map(JobKind::label))],
            Retried::These(jobs) => jobs.iter().map(|job| self.timed(statements::JOB_RETRY).with("job", "bigint", job.0)).collect(),
        };
        let mut retried = 0;
        for batch in batches {
            retried += self.number(&batch).await.map_err(|fault| fault.at("retry jobs of", &self.id))?;
        }
        Ok(retried)
    }

    async fn counts(&self) -> StoreResult<Vec<JobCount>> {
        let counted = async {
            let rows = self.run(&self.batch(statements::JOBS_COUNT)).await?;
            rows.into_iter()
                .map(|mut row| {
                    Ok(JobCount {
                        kind: row.text()?.parse().map_err(|error| strange("a kind of job", error))?,
                        state: row.text()?.parse().map_err(|error| strange("a job's state", error))?,
                        jobs: row.count()?,
                        oldest: time(row.integer()?)?,
                    })
                })
                .collect::<Result<Vec<_>, Fault>>()
        };
        counted.await.map_err(|fault: Fault| fault.at("count jobs of", &self.id))
    }

    async fn hold(&self, name: &str, owner: &str, hold_for: Duration) -> StoreResult<bool> {
        let batch = self
            .timed(statements::HOLD)
            .with("name", "varchar(63)", name)
            .with("owner", "nvarchar(200)", owner)
            .with("lease", "bigint", millis(hold_for))
            .with("skew", "bigint", millis(CLOCK_SKEW));
        let held = self.number(&batch).await.map_err(|fault| fault.at("hold", format!("{name} of {}", self.id)))?;
        Ok(held == 1)
    }
}
