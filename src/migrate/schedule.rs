//! Work that comes by the clock: sweeps, full and incremental, collections, verifications and backups. One process at a time asks for them, whichever
//! comes first.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::config::CollectionConfig;
use crate::model::backup::BackupState;
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::Phase;
use crate::model::verification::VerifyWish;
use crate::store::error::StoreResult;
use crate::store::queue::CLOCK_SKEW;
use crate::tenants::Tenant;

/// Enqueues the tenant's regular work if the last time is longer ago than `every`.
pub async fn schedule(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    if !is_due(tenant, "schedule", every).await? {
        return Ok(());
    }
    tenant.jobs.enqueue(regular_work(tenant)).await?;
    tenant.work.notify_one();
    Ok(())
}

/// Asks for a look at what changed if the last time is longer ago than `every`.
pub async fn schedule_changes(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    if !is_due(tenant, "changes", every).await? {
        return Ok(());
    }
    tenant.jobs.enqueue(in_every_collection(tenant, JobKind::Changes).collect()).await?;
    tenant.work.notify_one();
    Ok(())
}

/// A process that starts leaves its stores to its clients at first: nothing rots in minutes.
pub const FIRST_VERIFICATION: Duration = Duration::from_secs(600);

/// Asks for a verification if the last time is longer ago than `every`. In phase `sql` nothing is held twice.
pub async fn schedule_verification(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    if tenant.sql.state().await?.phase == Phase::Sql || !is_due(tenant, "verify", every).await? {
        return Ok(());
    }
    tenant.sql.begin_verification(VerifyWish { repair: false, background: true }).await?;
    tenant.work.notify_one();
    Ok(())
}

/// How long a backup's moment is one process's to ask for.
const BACKUP_HOLD: Duration = Duration::from_secs(60);

/// How often a last backup that lies ahead makes for another one: a database whose clock is always ahead gets no backup a minute.
const AHEAD_HOLD: Duration = Duration::from_secs(24 * 3600);

/// Begins a backup where a moment of the tenant's schedule has passed since the last one began, or, where there was none, since `begun`; and where
/// the last one lies ahead, because the clock was put back: else there would be none until it has come so far again.
pub async fn schedule_backup(tenant: &Tenant, begun: Timestamp, now: Timestamp) -> StoreResult<()> {
    let Some(schedule) = tenant.config.backup.as_ref().and_then(|backup| backup.schedule.as_ref()) else { return Ok(()) };
    let last = tenant.sql.backups(None, 1).await?.pop();
    let since = last.as_ref().map_or(begun, |last| last.instant);
    let is_ahead = Duration::try_from(since.duration_since(now)).is_ok_and(|ahead| ahead > CLOCK_SKEW);
    let begins = if is_ahead {
        let is_under_way = last.is_some_and(|last| last.state == BackupState::Running);
        !is_under_way && is_due(tenant, "backup_ahead", AHEAD_HOLD).await?
    } else {
        schedule.next_after(since).is_some_and(|next| next <= now) && is_due(tenant, "backup", BACKUP_HOLD).await?
    };
    if !begins {
        return Ok(());
    }
    if let Some(run) = tenant.sql.begin_backup().await? {
        tracing::info!(event = "backup_begun", "backup {} of {} begins by its schedule", run.number, tenant.id);
        tenant.work.notify_one();
    }
    Ok(())
}

/// A sweep of every collection, and a collection of what was left behind.
pub fn regular_work(tenant: &Tenant) -> Vec<NewJob> {
    let collect = NewJob { kind: JobKind::Collect, target: JobTarget::Tenant(tenant.id.clone()), priority: Priority::Sweep };
    in_every_collection(tenant, JobKind::Sweep).chain([collect]).collect()
}

fn in_every_collection(tenant: &Tenant, kind: JobKind) -> impl Iterator<Item = NewJob> {
    let walk = move |collection: &CollectionConfig| NewJob {
        kind,
        target: JobTarget::Collection(tenant.id.clone(), collection.name.clone()),
        priority: Priority::Housekeeping,
    };
    tenant.config.collections.iter().map(walk)
}

/// A fresh owner cannot renew: the hold is had once, and then only after it has run out.
async fn is_due(tenant: &Tenant, what: &str, every: Duration) -> StoreResult<bool> {
    tenant.jobs.hold(what, &Uuid::new_v4().to_string(), every).await
}
