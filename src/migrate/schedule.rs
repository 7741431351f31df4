//! Work that comes by the clock: full sweeps and collections. One process at a time asks for them, whichever comes first.

use std::time::Duration;

use uuid::Uuid;

use crate::config::CollectionConfig;
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
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
