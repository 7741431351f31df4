//! The wire against real drivers, with a session that knows a few words and no SQL.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

mod clients;
mod encryption;
mod faults;
mod logins;
mod requests;
mod toy;
mod values;
