//! What commands do with a tenant's backup without a process that serves.

use std::sync::Arc;

use anyhow::Context;

use super::backends;
use super::examination::stores;
use crate::backup::trusted_keys;
use crate::backup::verify::{Verification, Verified};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, TenantConfig};

/// Reads the newest manifest of a tenant, or `all` that are kept, and every object that they name. What is bad is noted in the tenant's database,
/// so that the next run makes it anew. `said` hears how far it is.
pub async fn verify_backup(config: &Config, tenant: &TenantConfig, all: bool, said: impl FnMut(&Verified)) -> anyhow::Result<Verified> {
    let backup = tenant.backup.as_ref().with_context(|| format!("the file of tenant {} has no [backup]", tenant.id))?;
    let (stores, budget) = stores(config);
    let (offsite, _) = stores.offsite(backup)?;
    let keys = trusted_keys(&tenant.id, backup).await.map_err(|error| anyhow::anyhow!(error.chain()))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    backends::with_sql(tenant, &clock, async |sql| {
        let verification = Verification {
            tenant: &tenant.id,
            sql: &*sql,
            objects: &*offsite.objects,
            placement: &offsite.placement,
            keys,
            budget: &budget,
            clock: &clock,
        };
        verification.verify(all, said).await
    })
    .await
}
