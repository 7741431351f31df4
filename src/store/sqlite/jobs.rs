//! The job queue in the tenant's database.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::file::{Outcome, broken};
use super::tenant::SqliteTenant;
use super::{history, rows};
use crate::model::id::{CollectionName, TenantId};
use crate::model::job::{JobKind, JobState, JobTarget, NewJob, Priority};
use crate::store::error::StoreResult;
use crate::store::queue::{CLOCK_SKEW, Completion, JobCount, JobFilter, JobId, JobQueue, JobView, Lease, Retried, Verdict};

/// Whether a wish wakes a job that is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Something has changed since: new content, another phase, an operator's word. The old reason may no longer hold.
    Anew,
    /// The same need was found again.
    Again,
}

/// Adds a job to the outbox of the transaction at hand, or raises the priority of the one that is open.
pub(super) fn enqueue(tx: &Transaction<'_>, job: &NewJob, wish: Wish, now: i64) -> rusqlite::Result<()> {
    let (tenant, collection, document) = match &job.target {
        JobTarget::Document(key) => (&key.tenant, key.collection.as_str(), key.id.to_string()),
        JobTarget::Collection(tenant, collection) => (tenant, collection.as_str(), String::new()),
        JobTarget::Staged(tenant, attempt) => (tenant, "", attempt.to_string()),
        JobTarget::Tenant(tenant) => (tenant, "", String::new()),
    };
    tx.prepare_cached(
        "INSERT INTO sluss_job (tenant, kind, collection, document, state, priority, due_at, failures, created_at) \
         VALUES (?1, ?2, ?3, ?4, 'ready', ?5, ?6, 0, ?6) \
         ON CONFLICT (tenant, kind, collection, document) DO UPDATE SET priority = max(priority, excluded.priority)",
    )?
    .execute(params![tenant.as_str(), job.kind.label(), collection, document, job.priority.rank(), now])?;
    if wish == Wish::Anew {
        tx.prepare_cached(
            "UPDATE sluss_job SET state = 'ready', failures = 0, due_at = ?5 \
             WHERE tenant = ?1 AND kind = ?2 AND collection = ?3 AND document = ?4 AND state = 'quarantined'",
        )?
        .execute(params![tenant.as_str(), job.kind.label(), collection, document, now])?;
    }
    Ok(())
}

/// Asks for a walk over the whole collection, or tenant, from now on: one that is under way starts over, because what it has passed already
/// was judged by other rules. Its agent finds the lease lost.
pub(super) fn restart(tx: &Transaction<'_>, walk: &NewJob, now: i64) -> rusqlite::Result<()> {
    enqueue(tx, walk, Wish::Anew, now)?;
    let (tenant, collection) = match &walk.target {
        JobTarget::Collection(tenant, collection) => (tenant, collection.as_str()),
        JobTarget::Tenant(tenant) => (tenant, ""),
        JobTarget::Document(_) | JobTarget::Staged(..) => return Ok(()),
    };
    tx.execute(
        "UPDATE sluss_job SET state = 'ready', owner = NULL, token = NULL, checkpoint = NULL, due_at = ?4 \
         WHERE tenant = ?1 AND kind = ?2 AND collection = ?3 AND document = ''",
        params![tenant.as_str(), walk.kind.label(), collection, now],
    )?;
    Ok(())
}

/// A lease that ran out comes first: its document has waited longest. Then by priority; each probe is one seek in an index.
fn next_due(connection: &Connection, tenant: &TenantId, now: i64) -> rusqlite::Result<Option<(i64, bool)>> {
    let expired: Option<i64> = connection
        .prepare_cached("SELECT id FROM sluss_job WHERE tenant = ?1 AND state = 'leased' AND due_at < ?2 ORDER BY due_at LIMIT 1")?
        .query_row(params![tenant.as_str(), now], |row| row.get(0))
        .optional()?;
    if let Some(id) = expired {
        return Ok(Some((id, true)));
    }
    for priority in [Priority::Housekeeping, Priority::Access, Priority::Write, Priority::Sweep] {
        let ready: Option<i64> = connection
            .prepare_cached(
                "SELECT id FROM sluss_job WHERE tenant = ?1 AND state = 'ready' AND priority = ?2 AND due_at <= ?3 ORDER BY due_at LIMIT 1",
            )?
            .query_row(params![tenant.as_str(), priority.rank(), now], |row| row.get(0))
            .optional()?;
        if let Some(id) = ready {
            return Ok(Some((id, false)));
        }
    }
    Ok(None)
}

/// Leases that hold, below a job's number where one is given.
fn held(connection: &Connection, tenant: &TenantId, now: i64, below: i64) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM sluss_job WHERE tenant = ?1 AND state = 'leased' AND due_at >= ?2 AND id < ?3")?
        .query_row(params![tenant.as_str(), now, below], |row| row.get(0))
}

/// What may be claimed now: a lease that ran out holds no place.
fn next_allowed(connection: &Connection, tenant: &TenantId, now: i64, limit: Option<u64>) -> rusqlite::Result<Option<(i64, bool)>> {
    if let Some(limit) = limit
        && held(connection, tenant, now, i64::MAX)? >= limit
    {
        return Ok(None);
    }
    next_due(connection, tenant, now)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

const VIEW: &str = "id, kind, collection, document, state, priority, failures, reason, owner, checkpoint, created_at, due_at";

impl SqliteTenant {
    fn read_job(&self, row: &Row<'_>) -> rusqlite::Result<JobView> {
        let (kind, state): (String, String) = (row.get(1)?, row.get(4)?);
        let kind: JobKind = kind.parse().map_err(|error| broken(format!("sluss_job: {error}")))?;
        let priority = Priority::of_rank(row.get(5)?);
        Ok(JobView {
            job: JobId(row.get(0)?),
            kind,
            target: self.read_target(kind, &row.get::<_, String>(2)?, &row.get::<_, String>(3)?)?,
            state: state.parse().map_err(|error| broken(format!("sluss_job: {error}")))?,
            priority: priority.ok_or_else(|| broken("sluss_job: a priority that is not ours"))?,
            failures: row.get(6)?,
            reason: row.get(7)?,
            owner: row.get(8)?,
            checkpoint: row.get(9)?,
            created_at: rows::read_timestamp(row.get(10)?)?,
            due_at: rows::read_timestamp(row.get(11)?)?,
        })
    }

    fn read_target(&self, kind: JobKind, collection: &str, document: &str) -> rusqlite::Result<JobTarget> {
        let id_kind =
            |collection: &CollectionName| self.tables().iter().find(|table| &table.collection == collection).map(|table| table.id_kind);
        JobTarget::from_row(kind, &self.id, collection, document, id_kind).map_err(|error| broken(format!("sluss_job: {error}")))
    }

    fn grant(
        &self,
        tx: &Transaction<'_>,
        owner: &str,
        lease_for: Duration,
        limit: Option<u64>,
        now: i64,
    ) -> rusqlite::Result<Option<Lease>> {
        let Some((id, taken_over)) = next_allowed(tx, &self.id, now, limit)? else { return Ok(None) };
        let view = tx.query_row(&format!("SELECT {VIEW} FROM sluss_job WHERE id = ?1"), [id], |row| self.read_job(row))?;
        let token = Uuid::new_v4();
        let lease = Lease::grant(view, taken_over, token);
        tx.execute(
            "UPDATE sluss_job SET state = 'leased', owner = ?2, token = ?3, due_at = ?4, failures = ?5 WHERE id = ?1",
            params![id, owner, token.to_string(), now + millis(lease_for), lease.failures],
        )?;
        Ok(Some(lease))
    }

    /// One statement on the job if the lease still holds; answers whether it did.
    async fn with_lease(
        &self,
        operation: &'static str,
        lease: &Lease,
        change: impl FnOnce(&Transaction<'_>, i64) -> rusqlite::Result<()> + Send + 'static,
    ) -> StoreResult<bool> {
        let (job, token) = (lease.job.0, lease.token());
        self.file
            .write(operation, format!("job {job}"), move |tx| {
                if !holds(tx, job, token)? {
                    return Ok(Outcome::Rollback(false));
                }
                change(tx, job)?;
                Ok(Outcome::Commit(true))
            })
            .await
    }
}

fn holds(tx: &Transaction<'_>, job: i64, token: Uuid) -> rusqlite::Result<bool> {
    tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM sluss_job WHERE id = ?1 AND token = ?2 AND state = 'leased')",
        params![job, token.to_string()],
        |row| row.get(0),
    )
}

fn make_ready(tx: &Transaction<'_>, job: i64, due_at: i64, failures: u32, reason: Option<&str>) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE sluss_job SET state = 'ready', owner = NULL, token = NULL, due_at = ?2, failures = ?3, reason = coalesce(?4, reason) WHERE id = ?1",
        params![job, due_at, failures, reason],
    )?;
    Ok(())
}

/// Bounds how long one transaction keeps others from writing.
const RETRIED_AT_ONCE: usize = 500;

#[async_trait]
impl JobQueue for SqliteTenant {
    fn tenant(&self) -> &TenantId {
        &self.id
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> StoreResult<()> {
        let now = self.now();
        self.file
            .write("enqueue for", self.id.to_string(), move |tx| {
                for job in &jobs {
                    let wish = match job.target {
                        JobTarget::Document(_) | JobTarget::Staged(..) => Wish::Again,
                        JobTarget::Collection(..) | JobTarget::Tenant(_) => Wish::Anew,
                    };
                    enqueue(tx, job, wish, now)?;
                }
                Ok(Outcome::Commit(()))
            })
            .await
    }

    async fn claim(&self, owner: &str, lease_for: Duration, limit: Option<u64>) -> StoreResult<Option<Lease>> {
        Ok(self.claim_some(owner, lease_for, limit, 1).await?.pop())
    }

    fn claims_at_once(&self) -> usize {
        usize::MAX
    }

    async fn claim_some(&self, owner: &str, lease_for: Duration, limit: Option<u64>, most: usize) -> StoreResult<Vec<Lease>> {
        let (tenant, now) = (self.id.clone(), self.now());
        // A look without the write lock first: idle agents must not queue up before the writers.
        let look = move |connection: &Connection| next_allowed(connection, &tenant, now, limit);
        let due = self.file.read("look for jobs of", self.id.to_string(), look).await?;
        if due.is_none() {
            return Ok(Vec::new());
        }
        let (this, owner) = (self.clone(), owner.to_owned());
        self.file
            .write_together("claim jobs of", self.id.to_string(), move |tx| {
                let mut leases = Vec::new();
                while leases.len() < most
                    && let Some(lease) = this.grant(tx, &owner, lease_for, limit, now)?
                {
                    leases.push(lease);
                }
                Ok(Outcome::Commit(leases))
            })
            .await
    }

    async fn is_beyond(&self, lease: &Lease, limit: u64) -> StoreResult<bool> {
        let (tenant, job, now) = (self.id.clone(), lease.job.0, self.now());
        self.file.read("rank", format!("job {job}"), move |connection| Ok(held(connection, &tenant, now, job)? >= limit)).await
    }

    async fn extend(&self, lease: &Lease, lease_for: Duration) -> StoreResult<bool> {
        let until = self.now() + millis(lease_for);
        self.with_lease("extend", lease, move |tx, job| {
            tx.execute("UPDATE sluss_job SET due_at = ?2 WHERE id = ?1", params![job, until]).map(|_| ())
        })
        .await
    }

    async fn checkpoint(&self, lease: &Lease, checkpoint: &str) -> StoreResult<bool> {
        let checkpoint = checkpoint.to_owned();
        self.with_lease("checkpoint", lease, move |tx, job| {
            tx.execute("UPDATE sluss_job SET checkpoint = ?2 WHERE id = ?1", params![job, checkpoint]).map(|_| ())
        })
        .await
    }

    async fn complete(&self, lease: Lease) -> StoreResult<Completion> {
        let (job, token, now, mirror, tenant) = (lease.job.0, lease.token(), self.now(), self.mirror, self.id.clone());
        let table = match &lease.target {
            JobTarget::Document(key) => Some(self.table(&key.collection)?),
            JobTarget::Collection(..) | JobTarget::Staged(..) | JobTarget::Tenant(_) => None,
        };
        let target = lease.target.clone();
        self.file
            .write_together("complete", format!("job {job}"), move |tx| {
                if !holds(tx, job, token)? {
                    return Ok(Outcome::Rollback(Completion::Lost));
                }
                let needed = match (&target, &table) {
                    (JobTarget::Document(key), Some(table)) => rows::look_up(tx, &tenant, table, &key.id, false)?.needs(lease.kind, mirror),
                    (JobTarget::Staged(_, attempt), _) => history::is_staged(tx, *attempt)?,
                    (JobTarget::Document(_) | JobTarget::Collection(..) | JobTarget::Tenant(_), _) => false,
                };
                if needed {
                    make_ready(tx, job, now, lease.failures, None)?;
                    return Ok(Outcome::Commit(Completion::StillNeeded));
                }
                tx.execute("DELETE FROM sluss_job WHERE id = ?1", [job])?;
                Ok(Outcome::Commit(Completion::Closed))
            })
            .await
    }

    async fn fail(&self, lease: Lease, reason: &str, verdict: Verdict) -> StoreResult<()> {
        let (now, reason, failures) = (self.now(), reason.to_owned(), lease.failures + 1);
        self.with_lease("fail", &lease, move |tx, job| match verdict {
            Verdict::RetryAfter(wait) => make_ready(tx, job, now + millis(wait), failures, Some(&reason)),
            Verdict::Quarantine => tx
                .execute(
                    "UPDATE sluss_job SET state = 'quarantined', owner = NULL, token = NULL, due_at = ?2, failures = ?3, reason = ?4 WHERE id = ?1",
                    params![job, now, failures, reason],
                )
                .map(|_| ()),
        })
        .await
        .map(|_| ())
    }

    async fn give_back(&self, lease: Lease, after: Duration) -> StoreResult<()> {
        let (due_at, failures) = (self.now() + millis(after), lease.failures);
        self.with_lease("give back", &lease, move |tx, job| make_ready(tx, job, due_at, failures, None)).await.map(|_| ())
    }

    async fn list(&self, wanted: JobFilter, after: Option<JobId>, limit: usize) -> StoreResult<Vec<JobView>> {
        let this = self.clone();
        self.file
            .read("list jobs of", self.id.to_string(), move |connection| {
                let statement = format!(
                    "SELECT {VIEW} FROM sluss_job WHERE tenant = ?1 AND id > ?2 AND (?3 IS NULL OR state = ?3) \
                     AND (?4 IS NULL OR kind = ?4) ORDER BY id LIMIT ?5"
                );
                let after = after.map_or(i64::MIN, |after| after.0);
                let (state, kind) = (wanted.state.map(JobState::label), wanted.kind.map(JobKind::label));
                let mut statement = connection.prepare_cached(&statement)?;
                let found = statement.query_map(params![this.id.as_str(), after, state, kind, limit as u64], |row| this.read_job(row))?;
                found.collect()
            })
            .await
    }

    async fn retry(&self, wanted: Retried<'_>) -> StoreResult<u64> {
        let (tenant, now) = (self.id.clone(), self.now());
        let jobs = match wanted {
            Retried::All(kind) => {
                let kind = kind.map(JobKind::label);
                let retry = move |tx: &Transaction<'_>| {
                    let statement = "UPDATE sluss_job SET state = 'ready', due_at = ?2, failures = 0 \
                                     WHERE tenant = ?1 AND state = 'quarantined' AND (?3 IS NULL OR kind = ?3)";
                    Ok(Outcome::Commit(tx.execute(statement, params![tenant.as_str(), now, kind])? as u64))
                };
                return self.file.write("retry jobs of", self.id.to_string(), retry).await;
            }
            Retried::These(jobs) => jobs,
        };
        let mut retried = 0;
        for jobs in jobs.chunks(RETRIED_AT_ONCE) {
            let (tenant, jobs) = (tenant.clone(), jobs.to_vec());
            let retry = move |tx: &Transaction<'_>| {
                let mut retry = tx.prepare_cached(
                    "UPDATE sluss_job SET state = 'ready', due_at = ?2, failures = 0 WHERE id = ?3 AND tenant = ?1 AND state = 'quarantined'",
                )?;
                let mut retried = 0;
                for job in jobs {
                    retried += retry.execute(params![tenant.as_str(), now, job.0])? as u64;
                }
                Ok(Outcome::Commit(retried))
            };
            retried += self.file.write("retry jobs of", self.id.to_string(), retry).await?;
        }
        Ok(retried)
    }

    async fn counts(&self) -> StoreResult<Vec<JobCount>> {
        let tenant = self.id.clone();
        self.file
            .read("count jobs of", self.id.to_string(), move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT kind, state, count(*), min(created_at) FROM sluss_job WHERE tenant = ?1 GROUP BY kind, state",
                )?;
                let found = statement.query_map([tenant.as_str()], |row| {
                    let (kind, state): (String, String) = (row.get(0)?, row.get(1)?);
                    Ok(JobCount {
                        kind: kind.parse().map_err(|error| broken(format!("sluss_job: {error}")))?,
                        state: state.parse().map_err(|error| broken(format!("sluss_job: {error}")))?,
                        jobs: row.get(2)?,
                        oldest: rows::read_timestamp(row.get(3)?)?,
                    })
                })?;
                found.collect()
            })
            .await
    }

    async fn hold(&self, name: &str, owner: &str, hold_for: Duration) -> StoreResult<bool> {
        let (tenant, name, owner, now) = (self.id.clone(), name.to_owned(), owner.to_owned(), self.now());
        self.file
            .write("hold", format!("{name} of {tenant}"), move |tx| {
                let held = tx.execute(
                    "INSERT INTO sluss_hold (tenant, name, owner, until) VALUES (?1, ?2, ?3, ?4) \
                     ON CONFLICT (tenant, name) DO UPDATE SET owner = excluded.owner, until = excluded.until \
                     WHERE owner = excluded.owner OR until < ?5 OR until > excluded.until + ?6",
                    params![tenant.as_str(), name, owner, now + millis(hold_for), now, millis(CLOCK_SKEW)],
                )?;
                Ok(Outcome::Commit(held == 1))
            })
            .await
    }
}
