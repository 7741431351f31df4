//! The document API over real HTTP: the same answers in every phase, bad requests, and stores that fail.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod backup;
mod bodies;
mod caching;
mod creating;
mod damaged;
mod dates;
mod digests;
mod expectations;
mod full;
mod hedging;
mod history;
mod house;
mod listing;
mod made;
mod metadata;
mod observed;
mod outage;
mod ranges;
mod read_only;
mod refused;
mod restores;
mod same_answers;
mod shapes;
mod stopping;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
mod table;
mod unfit;
mod wire;
