//! What an adapter has to know of a tenant.

use crate::config::CollectionConfig;
use crate::model::id::{PlacementName, TenantId};
use crate::model::phase::Phase;

#[derive(Debug, Clone)]
pub struct TenantSettings {
    pub id: TenantId,
    pub initial_phase: Phase,
    pub mirror: bool,
    pub collections: Vec<CollectionConfig>,
    pub placement: PlacementName,
    /// Where the placement is, for people who read the table.
    pub placement_description: String,
}
