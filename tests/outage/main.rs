//! Outages: a Ceph of the test's own, whose daemons are killed and started again, and a network that cuts, refuses and garbles, under traffic
//! that knows every byte it wrote. `SLUSS_TORTURE_SECONDS` makes it long.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod judge;
mod readers;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod trouble;

use std::time::Duration;

use sluss::model::phase::Phase;

use stage::Stage;

/// Of quiet reads before any trouble: what those in trouble are compared with.
const CALM: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_is_wrong_and_no_location_names_half_an_object_whatever_dies() {
    let stage = Stage::set();
    stage.flip(Phase::Shadow).await;
    stage.flip(Phase::Dual).await;
    stage.play(CALM).await;
    stage.settle().await;
    stage.every_location_names_a_whole_object();
    // SQL holds everything: nobody has noticed.
    stage.no_request_has_failed().await;
    stage.reads_took_at_most_twice_as_long_in_trouble();
    stage.flip(Phase::Object).await;
    stage.play(Duration::ZERO).await;
    stage.settle().await;
    stage.every_location_names_a_whole_object();
    stage.every_document_is_as_written().await;
    println!("the proxy: {:?}", stage.proxy.faults().troubles());
}
