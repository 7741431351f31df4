//! Work that comes by the clock: sweeps, full and incremental, collections and verifications. One process at a time asks for them, whichever
//! comes first.

use std::time::Duration;

use uuid::Uuid;

use crate::config::CollectionConfig;
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::Phase;
use crate::model::verification::VerifyWish;
use crate::store::error::StoreResult;
use crate::tenants::Tenant;

/// Enqueues the tenant's regular work if the last time is longer ago than `every`.
pub async fn schedule(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    // A fresh owner cannot renew: the hold is had once, and then only after it has run out.
    if !tenant.jobs.hold("schedule", &Uuid::new_v4().to_string(), every).await? {
        return Ok(());
    }
    tenant.jobs.enqueue(regular_work(tenant)).await?;
    tenant.work.notify_one();
    Ok(())
}

/// Asks for a look at what changed if the last time is longer ago than `every`.
pub async fn schedule_changes(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    if !tenant.jobs.hold("changes", &Uuid::new_v4().to_string(), every).await? {
        return Ok(());
    }
    let look = |collection: &CollectionConfig| NewJob {
        kind: JobKind::Changes,
        target: JobTarget::Collection(tenant.id.clone(), collection.name.clone()),
        priority: Priority::Housekeeping,
    };
    tenant.jobs.enqueue(tenant.config.collections.iter().map(look).collect()).await?;
    tenant.work.notify_one();
    Ok(())
}

/// A process that starts leaves its stores to its clients at first: nothing rots in minutes.
pub const FIRST_VERIFICATION: Duration = Duration::from_secs(600);

/// Asks for a verification if the last time is longer ago than `every`. In phase `sql` nothing is held twice.
pub async fn schedule_verification(tenant: &Tenant, every: Duration) -> StoreResult<()> {
    if tenant.sql.state().await?.phase == Phase::Sql || !tenant.jobs.hold("verify", &Uuid::new_v4().to_string(), every).await? {
        return Ok(());
    }
    tenant.sql.begin_verification(VerifyWish { repair: false, background: true }).await?;
    tenant.work.notify_one();
    Ok(())
}

/// A sweep of every collection, and a collection of what was left behind.
pub fn regular_work(tenant: &Tenant) -> Vec<NewJob> {
    let sweep = |collection: &CollectionConfig| NewJob {
        kind: JobKind::Sweep,
        target: JobTarget::Collection(tenant.id.clone(), collection.name.clone()),
        priority: Priority::Housekeeping,
    };
    let collect = NewJob { kind: JobKind::Collect, target: JobTarget::Tenant(tenant.id.clone()), priority: Priority::Sweep };
    tenant.config.collections.iter().map(sweep).chain([collect]).collect()
}
