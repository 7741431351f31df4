//! The stores: four contracts, the adapters behind them, and what every reader and writer of content shares.
//! Nothing above this room sees a driver's type.

mod audit;
pub mod backups;
pub mod checked;
pub mod control;
pub mod disk;
pub mod doctor;
pub mod error;
pub mod evidence;
#[cfg(sluss_fault)]
pub mod faulty;
pub mod guarded;
pub mod history;
pub mod kept;
pub mod measured;
pub mod metered;
pub mod mssql;
pub mod object;
pub mod placed;
mod plan;
pub mod probe;
pub mod queue;
pub mod removal;
pub mod s3;
pub mod sealed;
pub mod secret;
pub mod settings;
pub mod sql;
pub mod sqlite;
mod walk;

/// A set that may outgrow memory: it needs no database but SQLite's own code.
pub use sqlite::{Scratch, ScratchName};
