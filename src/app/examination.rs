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
use crate::store::object::ObjectStore;
use crate::store::s3::S3Client;
use crate::telemetry::Metrics;

/// One command has the process to itself.
pub(super) const BUDGET_WAIT: Duration = Duration::from_secs(60);

/// What is found on this tenant's database and placements, and what it means. What was found on placements is kept in the control
/// database, where there is one: it is what a flip relies on.
pub async fn examine(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Vec<Finding>> {
    let mut findings = backends::examine(tenant, &SystemClock).await?;
    let (stores, control) = (stores(config).0, control(config).await);
    if let Err(error) = &control {
        findings.push(Finding::note("evidence", format!("what is seen of the placements is not kept: {error:#}"), "run `sluss init`"));
    }
    let control = control.as_deref().ok();
    for placement in tenant.every_placement() {
        let backup = tenant.backup.as_ref().filter(|backup| backup.objects.name == placement.name);
        // As a run would write there: sealed, and locked.
        let opened = match backup {
            Some(backup) => stores.offsite(backup).map(|(offsite, _)| offsite.objects),
            None => stores.open(placement),
        };
        let found = match opened {
            Ok(objects) => look(&*objects, control, tenant, placement).await,
            Err(error) => vec![Finding::refused("settings", format!("{error:#}"), "")],
        };
        findings.extend(found.into_iter().map(|found| Finding { about: format!("{}: {}", placement.name, found.about), ..found }));
    }
    Ok(findings)
}

async fn look(
    objects: &dyn ObjectStore,
    control: Option<&dyn ControlStore>,
    tenant: &TenantConfig,
    placement: &PlacementConfig,
) -> Vec<Finding> {
    let evidence = evidence::examine(objects, &tenant.id, placement, &SystemClock).await;
    let Some(control) = control else { return evidence.findings };
    let kept = control.keep_evidence(&evidence).await;
    let unkept = kept.err().map(|error| Finding::note("evidence", format!("it is not kept: {}", error.chain()), ""));
    // What keeps the owner object from being read keeps the probe from passing, too, and is told there.
    let whose = match (control.installation().await, objects.owner(&placement.name).await) {
        (Ok(installation), Ok(owner)) => Some(ownership(owner, &installation)),
        (Err(_), _) | (_, Err(_)) => None,
    };
    evidence.findings.into_iter().chain(unkept).chain(whose).collect()
}

fn ownership(owner: Option<String>, installation: &str) -> Finding {
    match owner {
        Some(owner) if owner != installation => Finding::warning(
            "owner",
            format!("it belongs to installation {owner}, and this one is {installation}: no writes and no agents here"),
            "a copy of a database needs its own copy of the objects; see `sluss reconcile` where this is not a copy",
        ),
        Some(_) => Finding::ok("owner", "this installation"),
        None => Finding::ok("owner", "nobody yet: the first process that serves the tenant claims it"),
    }
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

impl Owned {
    fn new(placement: &PlacementConfig, owner: Option<String>, installation: &str) -> Self {
        let ours = owner.as_deref() == Some(installation);
        Self { placement: placement.name.to_string(), place: placement.place(), owner, ours }
    }
}

pub async fn owners(config: &Config, tenant: &TenantConfig) -> anyhow::Result<Vec<Owned>> {
    let (stores, installation) = (stores(config).0, control(config).await?.installation().await.map_err(told)?);
    let mut owned = Vec::new();
    for placement in tenant.every_placement() {
        let owner = stores.open(placement)?.owner(&placement.name).await.map_err(told)?;
        owned.push(Owned::new(placement, owner, &installation));
    }
    Ok(owned)
}

/// Makes this installation the owner of all placements of a tenant, with an audit entry for each. Whoever owned them before stops writing
/// and removing within a minute.
pub async fn adopt(config: &Config, tenant: &TenantConfig, actor: &str) -> anyhow::Result<Vec<Owned>> {
    let (stores, control) = (stores(config).0, control(config).await?);
    let installation = control.installation().await.map_err(told)?;
    let mut owned = Vec::new();
    for placement in tenant.every_placement() {
        let objects = stores.open(placement)?;
        let mut owner = objects.owner(&placement.name).await.map_err(told)?;
        if owner.as_ref() != Some(&installation) {
            control.audit(adoption(tenant, placement, owner.as_deref(), actor)).await.map_err(told)?;
            objects.claim(&placement.name, &installation).await.map_err(told)?;
            // Another installation may have done the same meanwhile.
            owner = objects.owner(&placement.name).await.map_err(told)?;
        }
        owned.push(Owned::new(placement, owner, &installation));
    }
    Ok(owned)
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

pub(super) async fn control(config: &Config) -> anyhow::Result<Arc<dyn ControlStore>> {
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

/// With the memory that they draw on.
pub(super) fn stores(config: &Config) -> (ObjectBackends, Arc<Budget>) {
    let budget = Arc::new(Budget::new(config.limits.buffer_bytes, BUDGET_WAIT));
    (ObjectBackends::new(Arc::new(Metrics::new(super::VERSION)), Arc::clone(&budget), &config.limits), budget)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn told(error: StoreError) -> anyhow::Error {
    anyhow::anyhow!(error.chain())
}
