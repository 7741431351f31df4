//! What the listeners answer to anybody who reaches them: what their OpenAPI documents say, and to bytes that no client would send,
//! nothing worse than a refusal.
//!
//! `openapi-3.1.schema.json` is the OpenAPI Initiative's own schema of such documents (`$id` says which), under Apache-2.0.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod admin;
mod console;
mod described;
mod documents;
mod events;
mod fuzz;
mod house;
mod mangled;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
