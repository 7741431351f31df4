//! After a tenant's database was put back to an earlier moment: it goes on in a new epoch, and everything that its rows name is looked for.
//! What is missing comes back from the tenant's backup, where there is one.

use std::sync::Arc;

use super::backends;
use super::examination::{control, stores};
use crate::backup::fetch::Fetcher;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, TenantConfig};
use crate::migrate::presence::{self, Presence};
use crate::model::history::Tick;
use crate::store::control::{AuditRecord, ControlStore};
use crate::store::error::StoreResult;
use crate::store::placed::placed;
use crate::store::sql::SqlStore;
use crate::tenants::Offsite;
use crate::tenants::continuity::{self, Course};

/// Bounds one transaction.
const GIVEN_UP_AT_ONCE: usize = 100;

/// What was found of a tenant's database, and done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Where the database had come to, and what had been seen of it.
    pub found: Tick,
    pub seen: Tick,
    /// Where it goes on from, if it had been put back.
    pub goes_on_from: Option<Tick>,
    /// `None`: it had not been put back, and nobody asked for it.
    pub presence: Option<Presence>,
}

/// Safe to repeat. Processes that serve the tenant notice within seconds that it goes on. `always`: its objects are looked for also where it had
/// not been put back. `said` hears how many were.
pub async fn reconcile(
    config: &Config,
    tenant: &TenantConfig,
    actor: &str,
    always: bool,
    said: impl FnMut(&Presence),
) -> anyhow::Result<Reconciled> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (control, (stores, budget)) = (control(config).await?, stores(config));
    let places = tenant.objects.iter().map(|placement| Ok(stores.place(placement)?.0)).collect::<anyhow::Result<Vec<_>>>()?;
    let objects = placed(places).0;
    let fetcher = match &tenant.backup {
        Some(backup) => {
            let (Offsite { objects: offsite, placement, .. }, _) = stores.offsite(backup)?;
            Some(Fetcher { offsite, placement, primary: Arc::clone(&objects), budget })
        }
        None => None,
    };
    let collections: Vec<_> = tenant.collections.iter().map(|collection| collection.name.clone()).collect();
    backends::with_sql(tenant, &clock, async |sql| {
        let (found, seen, goes_on_from) = go_on(tenant, &*sql, &*control, actor).await?;
        if goes_on_from.is_some() {
            give_up_past(tenant, &*sql).await?;
        }
        let presence = match always || goes_on_from.is_some() {
            true => Some(presence::check(&tenant.id, &*sql, &*objects, &collections, fetcher.as_ref(), said).await?),
            false => None,
        };
        Ok(Reconciled { found, seen, goes_on_from, presence })
    })
    .await
}

/// Versions whose time was over in the time that was lost: their objects are gone already, and are not to be missed.
async fn give_up_past(tenant: &TenantConfig, sql: &dyn SqlStore) -> StoreResult<()> {
    let Some(older_than) = tenant.retention().ticks() else { return Ok(()) };
    while sql.expire(older_than, GIVEN_UP_AT_ONCE).await?.versions == GIVEN_UP_AT_ONCE as u64 {}
    Ok(())
}

async fn go_on(
    tenant: &TenantConfig,
    sql: &dyn SqlStore,
    control: &dyn ControlStore,
    actor: &str,
) -> StoreResult<(Tick, Tick, Option<Tick>)> {
    let (found, seen) = match continuity::look(&tenant.id, sql, control).await? {
        Course::Restored { found, seen } => (found, seen),
        Course::Onward | Course::Unknown => {
            let found = sql.tick().await?;
            return Ok((found, found, None));
        }
    };
    let from = found.beyond(seen);
    let detail = format!("found at {found}, {seen} was seen: goes on from {from}");
    let record = AuditRecord {
        actor: actor.to_owned(),
        on_behalf_of: None,
        action: "database.reconcile".to_owned(),
        tenant: Some(tenant.id.to_string()),
        detail,
    };
    control.audit(record).await?;
    sql.go_on_from(from).await?;
    control.note_tick(&tenant.id, from).await?;
    Ok((found, seen, Some(from)))
}
