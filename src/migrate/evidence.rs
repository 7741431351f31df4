//! Whether a tenant's placements may be trusted with documents: by what was seen of them a moment ago, or by a look now, which is kept.

use std::time::Duration;

use super::work::JobError;
use crate::clock::Clock;
use crate::config::PlacementConfig;
use crate::model::id::TenantId;
use crate::store::control::ControlStore;
use crate::store::evidence::Evidence;
use crate::store::object::ObjectStore;
use crate::store::probe::probe;
use crate::tenants::Tenant;

/// For so long nobody looks again: a wave of flips, or a flip after `sluss doctor`, relies on one look.
const FRESH: Duration = Duration::from_secs(600);

/// Looks at one placement, as it is configured now.
pub async fn examine(objects: &dyn ObjectStore, tenant: &TenantId, placement: &PlacementConfig, clock: &dyn Clock) -> Evidence {
    let findings = probe(objects, &placement.name).await;
    Evidence::new(tenant, &placement.name, placement.place(), clock.now(), findings)
}

/// `Err` with what keeps a placement from being trusted; `Ok` with what all of them passed, and when.
pub async fn gather(control: &dyn ControlStore, clock: &dyn Clock, tenant: &Tenant) -> Result<Result<String, String>, JobError> {
    let kept = control.evidence(&tenant.id, FRESH).await?;
    let (mut passed, mut blockers) = (Vec::new(), Vec::new());
    for placement in &tenant.config.objects {
        let fits = |evidence: &&Evidence| evidence.placement == placement.name.as_str() && evidence.place == placement.place();
        let seen = match kept.iter().filter(fits).find(|evidence| evidence.blockers().is_empty()) {
            Some(evidence) => evidence.clone(),
            None => {
                let evidence = examine(&*tenant.objects, &tenant.id, placement, clock).await;
                control.keep_evidence(&evidence).await?;
                evidence
            }
        };
        match &seen.blockers()[..] {
            [] => passed.push(format!("{} passed its probe at {:.0}", placement.name, seen.at)),
            found => blockers.push(format!("{} failed its probe: {}", placement.name, found.join("; "))),
        }
    }
    Ok(if blockers.is_empty() { Ok(passed.join(", ")) } else { Err(blockers.join("; ")) })
}
