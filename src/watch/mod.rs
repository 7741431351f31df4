//! What operators watch: every tenant's figures, the stores' health, this process's traffic of the last hour, and what moves through it
//! now, in memory. It asks nobody anything: housekeeping brings what databases say, and everything else is this process's own.

pub mod events;
pub mod fleet;
mod moving;
pub mod news;
pub mod places;
pub mod series;
pub mod stores;
pub mod summary;
pub mod transfers;

pub use events::Events;
pub use fleet::{Fleet, FleetParts, Look};
pub use series::Series;
pub use transfers::Transfers;
