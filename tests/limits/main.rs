//! What operators set while processes work: pauses, limits and waves, by the commands that they type. Real processes, on one
//! database.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod limiting;
mod pausing;
mod plant;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
mod waves;
