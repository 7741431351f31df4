//! What commands find out about a tenant's stores without a process that serves: what `sluss doctor` says, and whose the placements are.

use std::sync::Arc;
use std::time::Duration;

use super::backends;
use super::objects::ObjectBackends;
use crate::budget::Budget;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, PlacementConfig, S3Config, TenantConfig};
use crate::migrate::evidence;
use crate::store::control::{AuditRecord, ControlStore};
use crate::store::doctor::Finding;
use crate::store::error::StoreError;
use crate::store::evidence::Evidence;
use crate::store::s3::S3Client;
use crate::telemetry::Metrics;

/// One command has the process to itself.
const BUDGET_WAIT: Duration = Duration::from_secs(60);

/// What is found on this tenant's database and placements, and what it means. What was found on placements is kept in the control
/// database, where there is one: it is what a flip relies on.
pub async fn examine(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Vec<Finding>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut findings = backends::examine(tenant, &*clock).await?;
    let stores = stores(config);
    let mut seen = Vec::new();
    for placement in &tenant.objects {
        match stores.open(placement) {
            Ok(objects) => seen.push(evidence::examine(&*objects, &tenant.id, placement, &*clock).await),
            Err(error) => findings.push(Finding::refused(placement.name.to_string(), format!("{error:#}"), "")),
        }
    }
    if let Err(error) = keep(config, &clock, &seen).await {
        findings.push(Finding::note("evidence", format!("what was seen of the placements is not kept: {error:#}"), "run `sluss init`"));
    }
    for Evidence { placement, findings: found, .. } in seen {
        findings.extend(found.into_iter().map(|finding| Finding { about: format!("{placement}: {}", finding.about), ..finding }));
    }
    Ok(findings)
}

async fn keep(config: &Config, clock: &Arc<dyn Clock>, seen: &[Evidence]) -> anyhow::Result<()> {
    let control = backends::control_that_is_there(&config.control, clock).await?;
    for evidence in seen {
        control.keep_evidence(evidence).await.map_err(told)?;
    }
    Ok(())
}

/// Whose a placement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    pub placement: String,
    pub place: String,
    /// `None`: nobody's yet; the first process that serves the tenant claims it.
    pub owner: Option<String>,
    pub ours: bool,
}

pub async fn owners(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Vec<Owned>> {
    let (stores, installation) = (stores(config), control(config).await?.installation().await.map_err(told)?);
    let mut owned = Vec::new();
    for placement in &tenant.objects {
        let owner = stores.open(placement)?.owner(&placement.name).await.map_err(told)?;
        let ours = owner.as_ref() == Some(&installation);
        owned.push(Owned { placement: placement.name.to_string(), place: placement.place(), owner, ours });
    }
    Ok(owned)
}

/// Makes this installation the owner of all placements of a tenant, with an audit entry for each. Whoever owned them before stops writing
/// and removing within a minute.
pub async fn adopt(config: &Config, tenant: &TenantConfig, actor: &str) -> anyhow::Result<Vec<Owned>> {
    let (stores, control) = (stores(config), control(config).await?);
    let installation = control.installation().await.map_err(told)?;
    for placement in &tenant.objects {
        let objects = stores.open(placement)?;
        let before = objects.owner(&placement.name).await.map_err(told)?;
        if before.as_ref() == Some(&installation) {
            continue;
        }
        control.audit(adoption(tenant, placement, before.as_deref(), actor)).await.map_err(told)?;
        objects.claim(&placement.name, &installation).await.map_err(told)?;
    }
    owners(config, tenant).await
}

fn adoption(tenant: &TenantConfig, placement: &PlacementConfig, before: Option<&str>, actor: &str) -> AuditRecord {
    AuditRecord {
        actor: actor.to_owned(),
        on_behalf_of: None,
        action: "placement.adopt".to_owned(),
        tenant: Some(tenant.id.to_string()),
        detail: format!("{} ({}), before: {}", placement.name, placement.place(), before.unwrap_or("nobody's")),
    }
}

async fn control(config: &Config) -> anyhow::Result<Arc<dyn ControlStore>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    backends::control_that_is_there(&config.control, &clock).await
}

/// Makes a bucket for a demo, as these settings name it.
pub async fn create_bucket(config: &S3Config) -> anyhow::Result<()> {
    S3Client::new(config)?.create_bucket(config).await.map_err(told)
}

/// Takes it away again with all that is in it.
pub async fn remove_bucket(config: &S3Config) -> anyhow::Result<()> {
    S3Client::new(config)?.remove_bucket(&config.bucket).await.map_err(told)
}

fn stores(config: &Config) -> ObjectBackends {
    let budget = Arc::new(Budget::new(config.limits.buffer_bytes, BUDGET_WAIT));
    ObjectBackends::new(Arc::new(Metrics::new(super::VERSION)), budget, &config.limits)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn told(error: StoreError) -> anyhow::Error {
    anyhow::anyhow!(error.chain())
}
