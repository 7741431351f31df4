//! Waiting for what real processes do.

#![allow(dead_code, reason = "each test target uses its own part of this module")]

use std::time::{Duration, Instant};

/// On a runtime of its own, for tests that block.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[track_caller]
pub fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    wait_at_most(Duration::from_secs(60), what, holds);
}

#[track_caller]
#[expect(clippy::disallowed_methods, reason = "processes work in real time")]
pub fn wait_at_most(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
