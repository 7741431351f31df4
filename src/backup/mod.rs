//! Backups: every content that an object holds, copied to a second placement, and signed manifests of what the tenant held at an instant.
//! Each step is safe to repeat and safe to lose.

pub mod chain;
pub mod evidence;
pub mod fetch;
pub mod manifest;
pub mod retention;
pub mod state;
