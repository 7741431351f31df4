//! Whom a tenant's placements may be trusted to: what `sluss doctor` finds on a bucket, what stops a flip, whose the objects are, and how
//! keys and certificates change. With real processes, and on a real Ceph.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

#[path = "../support/end_tls.rs"]
mod end_tls;
mod flips;
mod found;
mod interrupted;
mod keys;
mod owner;
mod places;
mod put_back;
mod recovery;
mod restored;
mod several;
mod site;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
mod tls;
