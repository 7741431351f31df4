//! Looks whose the tenants' objects are, one tenant after the other and apart from the heartbeats: a store that hangs takes its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::control::ControlStore;
use crate::store::error::StoreResult;
use crate::tenants::ownership::Standing;
use crate::tenants::{Tenant, Tenants};

/// How soon a tenant that is new here is looked at for the first time, and one whose store was away again.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Often enough that a copy of a database does little before it is noticed.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Runs until the process drains.
pub async fn look_for_owners(tenants: Arc<Tenants>, control: Arc<dyn ControlStore>, drain: CancellationToken) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked = HashMap::new();
    while drain.run_until_cancelled(ticks.tick()).await.is_some() {
        for tenant in tenants.all().values() {
            let rests = looked.get(&tenant.id).is_some_and(|at: &Instant| at.elapsed() < AGAIN_AFTER);
            if rests && tenant.ownership.standing() != Standing::Unknown {
                continue;
            }
            match drain.run_until_cancelled(look(tenant, &*control)).await {
                Some(standing) => tell(tenant, standing),
                None => return,
            }
            looked.insert(tenant.id.clone(), Instant::now());
        }
    }
}

async fn look(tenant: &Tenant, control: &dyn ControlStore) -> StoreResult<Standing> {
    tenant.ownership.look(&*tenant.objects, &control.installation().await?).await
}

fn tell(tenant: &Tenant, standing: StoreResult<Standing>) {
    match standing {
        Ok(Standing::Ours | Standing::Unknown) => {}
        Ok(Standing::Anothers { placement, owner }) => tracing::error!(
            event = "not_ours",
            tenant = %tenant.id,
            "placement {placement} of {} belongs to installation {owner}: no writes, no agents; `sluss reconcile` adopts it",
            tenant.id
        ),
        Err(error) => tracing::warn!(tenant = %tenant.id, "nobody could look whose the objects of {} are: {}", tenant.id, error.chain()),
    }
}
