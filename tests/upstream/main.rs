//! A small existing API put behind Sluss: its client's recorded requests get the same bytes with and without it, in every phase.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod answers;
mod configured;
#[path = "../support/end_tls.rs"]
mod end_tls;
mod existing;
mod failing;
mod passing;
mod record;
mod same_bytes;
mod stage;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
mod trusting;
#[path = "../support/written.rs"]
mod written;
