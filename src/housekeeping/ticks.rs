//! Raises the tenants' ticks by the clock, and notices a database that was put back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::model::history::TICK;
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::telemetry::Metrics;
use crate::tenants::continuity::Course;
use crate::tenants::{Tenant, Tenants};

/// How soon a tenant that is new here is looked at, and one that was put back is looked at again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Longer than some short statements take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Looks at once before anything else is done.
const AT_ONCE: usize = 64;

/// Looks at every tenant once, for at most so long as one look may take: a database that was put back is to be known before anybody writes.
pub async fn first_looks(tenants: &Tenants, control: &Arc<dyn ControlStore>) {
    let tenants = tenants.all();
    let looks = stream::iter(tenants.values().cloned().collect::<Vec<_>>());
    let looks = looks.for_each_concurrent(AT_ONCE, |tenant| look(tenant, Arc::clone(control)));
    if timeout(DEADLINE, looks).await.is_err() {
        tracing::warn!("not every tenant's database could be looked at before the start");
    }
}

/// Runs until the process drains. A database that hangs keeps no other tenant waiting.
pub async fn raise_ticks(tenants: Arc<Tenants>, control: Arc<dyn ControlStore>, metrics: Arc<Metrics>, drain: CancellationToken) {
    let mut ticks = interval(AGAIN_AFTER);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked: HashMap<TenantId, (Arc<Tenant>, Instant)> = HashMap::new();
    let mut looks = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = drain.cancelled() => return,
            Some(()) = looks.next() => {}
            _ = ticks.tick() => {
                let tenants = tenants.all();
                looked.retain(|id, (tenant, _)| tenants.get(id).is_some_and(|now| Arc::ptr_eq(now, tenant)));
                for tenant in tenants.values() {
                    metrics.set_put_back(&tenant.id, tenant.continuity.is_broken());
                    if looked.get(&tenant.id).is_none_or(|(_, at)| at.elapsed() >= wait(tenant)) {
                        looked.insert(tenant.id.clone(), (Arc::clone(tenant), Instant::now()));
                        looks.push(look(Arc::clone(tenant), Arc::clone(&control)));
                    }
                }
            }
        }
    }
}

/// Between two looks, of which one is always over before the next.
fn wait(tenant: &Tenant) -> Duration {
    match tenant.continuity.course() {
        Course::Onward => TICK,
        Course::Unknown => DEADLINE + AGAIN_AFTER,
        Course::Restored { .. } => AGAIN_AFTER,
    }
}

async fn look(tenant: Arc<Tenant>, control: Arc<dyn ControlStore>) {
    let problem = match timeout(DEADLINE, tenant.continuity.look(&tenant.id, &*tenant.sql, &*control)).await {
        Ok(Ok(Course::Onward | Course::Unknown | Course::Restored { .. })) => return,
        Ok(Err(error)) => error.chain(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(tenant = %tenant.id, "the tick of {} was not raised: {problem}", tenant.id);
}
