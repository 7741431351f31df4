//! Sluss moves documents from SQL to an object store, one tenant at a time, while everyone goes on working.

pub mod clock;
pub mod config;
pub mod model;
pub mod store;
