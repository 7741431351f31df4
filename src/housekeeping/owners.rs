//! Looks by the clock whose the tenants' objects are, apart from the heartbeats: a store that hangs must not keep them up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::tenants::ownership::Standing;
use crate::tenants::{Tenant, Tenants};

/// Often enough that a copy of a database does little before it is noticed.
const EVERY: Duration = Duration::from_secs(60);

/// Where nobody could say it, or it was claimed just now.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How soon a tenant that is new here, or is configured anew, is looked at.
const NEW_WITHIN: Duration = Duration::from_secs(1);

/// Longer than an owner's name takes.
const DEADLINE: Duration = Duration::from_secs(10);

/// Few requests for a store, and enough that some stores that hang do not keep the others waiting.
const AT_ONCE: usize = 16;

/// Runs until the process drains.
pub async fn look_for_owners(tenants: Arc<Tenants>, control: Arc<dyn ControlStore>, drain: CancellationToken) {
    let mut ticks = interval(NEW_WITHIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = HashMap::new();
    while drain.run_until_cancelled(ticks.tick()).await.is_some() {
        let tenants = tenants.all();
        seen.retain(|id, (tenant, _)| tenants.get(id).is_some_and(|now| Arc::ptr_eq(now, tenant)));
        let due: Vec<Arc<Tenant>> = tenants.values().filter(|tenant| is_due(tenant, &seen)).cloned().collect();
        let looks = stream::iter(due.clone()).for_each_concurrent(AT_ONCE, |tenant| look(Arc::clone(&control), tenant));
        if drain.run_until_cancelled(looks).await.is_none() {
            return;
        }
        seen.extend(due.into_iter().map(|tenant| (tenant.id.clone(), (tenant, Instant::now()))));
    }
}

fn is_due(tenant: &Tenant, seen: &HashMap<TenantId, (Arc<Tenant>, Instant)>) -> bool {
    let wait = match tenant.ownership.standing() {
        Standing::Unknown => AGAIN_AFTER,
        Standing::Ours | Standing::Anothers { .. } => EVERY,
    };
    seen.get(&tenant.id).is_none_or(|(_, seen)| seen.elapsed() >= wait)
}

async fn look(control: Arc<dyn ControlStore>, tenant: Arc<Tenant>) {
    let look = async {
        let installation = control.installation().await?;
        tenant.ownership.look(&*tenant.objects, &installation).await
    };
    let problem = match timeout(DEADLINE, look).await {
        Ok(Ok(Standing::Ours | Standing::Unknown)) => return,
        Ok(Ok(Standing::Anothers { placement, owner })) => {
            tracing::error!(
                event = "not_ours",
                tenant = %tenant.id,
                "placement {placement} of {} belongs to installation {owner}: no writes and no agents here; see `sluss reconcile`",
                tenant.id
            );
            return;
        }
        Ok(Err(error)) => error.chain(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(tenant = %tenant.id, "nobody could look whose the objects of {} are: {problem}", tenant.id);
}
