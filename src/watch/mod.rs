//! What operators watch: every tenant's figures, the stores' health, and this process's traffic of the last hour, in memory. It asks
//! nobody anything: housekeeping brings what databases say, and everything else is this process's own.

pub mod fleet;
mod moving;
pub mod series;
pub mod stores;
pub mod summary;

pub use fleet::{Fleet, FleetParts, Look};
pub use series::Series;
