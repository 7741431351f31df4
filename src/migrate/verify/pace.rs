//! The pace of verifications by the clock. It never makes anybody wait: it says for how long a job should be given back.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;

/// One for all tenants of a process.
pub struct Pace {
    bytes_per_second: u64,
    /// When the bytes that were charged so far are paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl Pace {
    pub fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, paid_until: Mutex::new(None) }
    }

    /// How long from now until these bytes, and all before them, are paid for.
    pub(super) fn charge(&self, bytes: u64) -> Duration {
        let now = Instant::now();
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second.max(1) as f64);
        let mut paid_until = lock(&self.paid_until);
        let until = paid_until.unwrap_or(now).max(now) + cost;
        *paid_until = Some(until);
        until - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_charged_is_paid_for_by_time() {
        let pace = Pace::new(1000);
        assert_eq!(pace.charge(500), Duration::from_millis(500));
        assert_eq!(pace.charge(500), Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(pace.charge(0), Duration::ZERO);
        assert_eq!(pace.charge(1000), Duration::from_secs(1), "time that nobody used is not saved up");
    }
}
