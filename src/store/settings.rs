//! What an adapter has to know of a tenant.

use crate::config::CollectionConfig;
use crate::model::id::{PlacementName, TenantId};
use crate::model::phase::Phase;

#[derive(Debug, Clone)]
pub struct TenantSettings {
    pub id: TenantId,
    pub initial_phase: Phase,
    pub mirror: bool,
    /// Content that only SQL held is kept when it is overwritten.
    pub history: bool,
    pub collections: Vec<CollectionConfig>,
    pub placements: Vec<PlacementSettings>,
}

/// What the database's list of placements says of one.
#[derive(Debug, Clone)]
pub struct PlacementSettings {
    pub name: PlacementName,
    /// Where it is, for people who read the table.
    pub description: String,
}
