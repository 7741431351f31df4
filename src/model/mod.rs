//! The protocol as plain values and pure functions. Nothing here waits, reads a clock or knows a store.

pub mod content;
pub mod document;
pub mod id;
pub mod job;
pub mod location;
pub mod phase;
pub mod precondition;
pub mod stamp;
