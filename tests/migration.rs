//! The walk through all phases and back, with a purge in `sealed`, under traffic, with processes that are killed at random.
//!
//! Two gateways and two agents work on one SQLite file; each is killed with `kill -9` while transfers are in flight, and started
//! again. `SLUSS_TORTURE_SECONDS` makes the short form long: at least 20,000 operations and 50 kills.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod support;
mod walk;

use walk::{Goals, Walk};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_there_and_back_loses_nothing_whichever_process_dies() {
    let mut walk = Walk::begin(Goals::from_environment());
    walk.under_traffic().await;
    walk.settle().await;
    walk.every_document_is_as_written().await;
    walk.every_interesting_thing_was_seen().await;
}
