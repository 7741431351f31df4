//! How documents are served rather than which: HTTP/2 beside HTTP/1.1, TLS, limits, and clients that are slow or mean harm.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod frames;
#[path = "../documents/house.rs"]
#[allow(dead_code, reason = "shared with the documents' suite; neither needs all of it")]
mod house;
mod http2;
mod limits;
mod slow;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
mod tls;
mod unruly;
#[path = "../documents/wire.rs"]
#[allow(dead_code, reason = "shared with the documents' suite; neither needs all of it")]
mod wire;
