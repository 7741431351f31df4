//! What tests need of S3: a bucket of a test's own on a real Ceph, daemons to kill, and a proxy that fails on request.

pub mod aside;
pub mod bucket;
pub mod daemons;
pub mod port;
pub mod proxy;
pub mod server;

pub use bucket::Bucket;
pub use daemons::{Daemon, Daemons};
pub use port::free_port;
pub use proxy::Proxy;
pub use server::Server;
