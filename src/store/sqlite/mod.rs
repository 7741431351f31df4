//! SQLite: the embedded backend, and the reference for every other one. Several processes share one file in WAL mode.
//!
//! Large values never pass through a statement: SQLite would hold them whole. They move by blob handles, a portion at a time.

mod backups;
mod change;
mod changes;
mod content;
mod control;
mod created;
mod customer;
mod differences;
mod doctor;
mod edit;
mod file;
mod group;
mod history;
mod insertion;
mod installation;
mod jobs;
mod limits;
mod locate;
mod placements;
mod purges;
mod removed;
mod restores;
mod rows;
mod scan;
mod schema;
mod scratch;
mod staging;
mod table;
mod tally;
mod tenant;
mod ticks;
mod uploads;
mod verification;

pub use control::SqliteControl;
pub use created::create;
pub use doctor::examine;
pub use file::SqliteFile;
pub use removed::remove;
pub use schema::init;
pub use scratch::{Scratch, ScratchName};
pub use tenant::SqliteTenant;

/// The name of this backend in errors and metrics.
const STORE: &str = "sqlite";

/// Content up to this size rides along with the look-up of its row.
const INLINE_BYTES: u64 = 64 << 10;
