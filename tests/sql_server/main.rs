//! A customer on SQL Server as an operator and a DBA meet it: scripts that somebody else runs, and what `doctor` finds. On the test server,
//! or on a real one where `SLUSS_TEST_MSSQL` names it.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![allow(unreachable_pub, reason = "the rooms of a test are nobody's interface")]

mod examined;
mod history;
mod office;
mod printed;
mod recovery;
mod removed;
mod restores;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "shared with other suites; none of them needs all of it")]
mod support;
