//! Random histories against the real stores, which fail by plan while processes die and phases flip: every answer has to fit into one
//! order, and every byte has to be there in the end. In a build with `--cfg sluss_fault` only; docs/torture.md says how to read it.
//!
//! `SLUSS_TORTURE_SECONDS` makes it long, `SLUSS_SEED` or `SLUSS_SCRIPT=file` repeats one script, `SLUSS_TORTURE_STORES` names the stores.
#![cfg(sluss_fault)]
// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod client;
mod generate;
mod history;
mod instant;
mod judge;
mod linear;
#[cfg(test)]
mod linear_tests;
mod model;
mod mssql;
mod nodes;
mod objects;
mod past;
mod run;
mod script;
mod series;
mod shrink;
mod sqlite;
mod stores;
mod watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_under_faults_kills_and_flips_breaks_a_promise() {
    series::Series::from_environment().run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_server_keeps_every_promise_while_connections_are_cut() {
    series::Series::short("mssql+disk").run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceph_keeps_every_promise_beside_sqlite() {
    series::Series::short("sqlite+s3").run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ceph_keeps_every_promise_beside_sql_server() {
    series::Series::short("mssql+s3").run().await;
}
