//! Names a moment in a tenant's database, to which both its backups and its documents can be brought back.

use std::sync::Arc;

use jiff::Timestamp;

use super::backends;
use super::examination::control;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, TenantConfig};
use crate::model::history::MarkName;
use crate::store::control::AuditRecord;

/// The moment by the tenant's database. Its log has the name where the database has such names. Goes into the audit as `database.mark`.
pub async fn mark(config: &Config, tenant: &TenantConfig, actor: &str, name: &MarkName) -> anyhow::Result<Timestamp> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let control = control(config).await?;
    backends::with_sql(tenant, &clock, async |sql| {
        let at = sql.mark(name).await?;
        control.note_tick(&tenant.id, sql.tick().await?).await?;
        let record = AuditRecord {
            actor: actor.to_owned(),
            on_behalf_of: None,
            action: "database.mark".to_owned(),
            tenant: Some(tenant.id.to_string()),
            detail: format!("{name} at {at}"),
        };
        control.audit(record).await?;
        Ok(at)
    })
    .await
}
