//! Raises the tenants' ticks by the clock, and notices a database that was put back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

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

/// Longer than two short statements take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Some databases that hang do not keep the others waiting.
const AT_ONCE: usize = 16;

/// Runs until the process drains.
pub async fn raise_ticks(tenants: Arc<Tenants>, control: Arc<dyn ControlStore>, metrics: Arc<Metrics>, drain: CancellationToken) {
    let mut ticks = interval(AGAIN_AFTER);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked: HashMap<TenantId, (Arc<Tenant>, Instant)> = HashMap::new();
    while drain.run_until_cancelled(ticks.tick()).await.is_some() {
        let tenants = tenants.all();
        looked.retain(|id, (tenant, _)| tenants.get(id).is_some_and(|now| Arc::ptr_eq(now, tenant)));
        let is_due = |tenant: &Tenant| {
            let wait = match tenant.continuity.course() {
                Course::Onward => TICK,
                Course::Unknown | Course::Restored { .. } => AGAIN_AFTER,
            };
            looked.get(&tenant.id).is_none_or(|(_, at)| at.elapsed() >= wait)
        };
        let due: Vec<Arc<Tenant>> = tenants.values().filter(|tenant| is_due(tenant)).cloned().collect();
        let looks = stream::iter(due.clone()).for_each_concurrent(AT_ONCE, |tenant| look(tenant, Arc::clone(&control)));
        if drain.run_until_cancelled(looks).await.is_none() {
            return;
        }
        due.iter().for_each(|tenant| metrics.set_put_back(&tenant.id, tenant.continuity.is_broken()));
        looked.extend(due.into_iter().map(|tenant| (tenant.id.clone(), (tenant, Instant::now()))));
    }
}

async fn look(tenant: Arc<Tenant>, control: Arc<dyn ControlStore>) {
    let was_broken = tenant.continuity.is_broken();
    let problem = match timeout(DEADLINE, tenant.continuity.look(&tenant.id, &*tenant.sql, &*control)).await {
        Ok(Ok(Course::Restored { found, seen })) => {
            tracing::error!(
                event = "restored",
                tenant = %tenant.id,
                "the database of {} was put back to an earlier moment ({found}, and {seen} was seen): no writes and no agents here; see `sluss reconcile`",
                tenant.id
            );
            return;
        }
        Ok(Ok(Course::Onward)) if was_broken => {
            tracing::info!(event = "reconciled", tenant = %tenant.id, "the database of {} goes on from where it was put back to", tenant.id);
            return;
        }
        Ok(Ok(Course::Onward | Course::Unknown)) => return,
        Ok(Err(error)) => error.chain(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::warn!(tenant = %tenant.id, "the tick of {} was not raised: {problem}", tenant.id);
}
