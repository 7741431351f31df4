//! The protocol as plain values and pure functions. Nothing here waits, reads a clock or knows a store.

pub mod backup;
pub mod content;
pub mod document;
pub mod history;
pub mod id;
pub mod job;
pub mod limits;
pub mod location;
pub mod phase;
pub mod precondition;
pub mod purge;
pub mod restore;
pub mod stamp;
pub mod verification;
