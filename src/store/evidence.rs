//! What is kept of an examination of a placement: whether it may be trusted with documents, and what was seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::doctor::{Finding, Gravity};
use crate::model::id::{PlacementName, TenantId};

/// One examination of one placement of one tenant, as it was configured then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub tenant: String,
    pub placement: String,
    /// Where the placement was: evidence of another place says nothing of this one.
    pub place: String,
    pub at: Timestamp,
    pub findings: Vec<Finding>,
}

impl Evidence {
    pub fn new(tenant: &TenantId, placement: &PlacementName, place: String, at: Timestamp, findings: Vec<Finding>) -> Self {
        Self { tenant: tenant.to_string(), placement: placement.to_string(), place, at, findings }
    }

    /// What keeps the placement from being trusted; empty where it passed.
    pub fn blockers(&self) -> Vec<String> {
        let refused = self.findings.iter().filter(|finding| finding.gravity == Gravity::Refused);
        refused.map(|finding| format!("{}: {}", finding.about, finding.found)).collect()
    }
}
