//! One suite over the contracts of `sluss::store`: every backend passes the same cases before it has a test of its own.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod support;

mod backups;
mod changes;
mod control;
mod creating;
mod customers_table;
mod customers_triggers;
mod damage;
mod documents;
mod history;
mod injection;
mod jobs;
mod locking;
mod network;
mod objects;
mod odd_tables;
mod oracle;
mod outbox;
mod parts;
mod read_only;
mod reading;
mod relocating;
mod restores;
#[path = "../support/s3.rs"]
mod s3;
mod shapes;
mod together;
mod uploads;
mod verification;
mod watermark;
