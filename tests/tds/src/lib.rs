//! A small TDS 7.4 server for tests. It speaks to real drivers, runs the statements of Sluss's SQL Server adapter over SQLite, refuses
//! any other statement with its text, and fails on request. It proves transport, errors and cut connections, never locks or isolation.

pub mod client;
pub mod engine;
pub mod faults;
pub mod ground;
pub mod server;
pub mod value;
pub mod wire;
