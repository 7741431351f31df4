//! What `sluss verify` finds, what it puts right, what it leaves alone, and which flips it stops: with real processes, and with
//! damage done behind everybody's back.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod damage;
mod found;
mod going_on;
mod scene;
mod sealing;
mod shadowing;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
