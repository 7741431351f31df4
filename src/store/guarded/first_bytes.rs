//! How long a store's first bytes took of late.

use std::collections::VecDeque;
use std::time::Duration;

/// Reads that are remembered.
const KEPT: usize = 128;

/// Fewer tell nothing of the slowest twentieth.
const ENOUGH: usize = 20;

/// Where too little is known: far above a store in the same house, far below anybody's patience.
const UNKNOWN: Duration = Duration::from_millis(500);

/// A store that is always slower than this is helped out.
const MOST: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct FirstBytes(VecDeque<Duration>);

impl FirstBytes {
    pub(super) fn note(&mut self, took: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(took);
    }

    /// One read in twenty takes longer than this: their 95th percentile, but not less than `least`.
    pub(super) fn slow_after(&self, least: Duration) -> Duration {
        self.p95().map_or(UNKNOWN, |p95| p95.min(MOST)).max(least)
    }

    /// `None`: too few reads to tell.
    pub(super) fn p95(&self) -> Option<Duration> {
        if self.0.len() < ENOUGH {
            return None;
        }
        let mut times: Vec<Duration> = self.0.iter().copied().collect();
        let at = (times.len() * 95).div_ceil(100) - 1;
        let (_, p95, _) = times.select_nth_unstable(at);
        Some(*p95)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAST: Duration = Duration::from_millis(5);

    fn after(times_ms: &[u64]) -> FirstBytes {
        let mut seen = FirstBytes::default();
        times_ms.iter().for_each(|ms| seen.note(Duration::from_millis(*ms)));
        seen
    }

    #[test]
    fn too_few_reads_tell_nothing() {
        assert_eq!(after(&[10; ENOUGH - 1]).slow_after(LEAST), UNKNOWN);
        assert_eq!(after(&[10; ENOUGH]).slow_after(LEAST), Duration::from_millis(10));
    }

    #[test]
    fn an_old_speed_is_forgotten() {
        let mut seen = after(&[1900; KEPT]);
        (0..KEPT).for_each(|_| seen.note(Duration::from_millis(20)));
        assert_eq!(seen.slow_after(LEAST), Duration::from_millis(20));
    }

    #[test]
    fn no_wait_is_beyond_the_bounds() {
        assert_eq!(after(&[0; KEPT]).slow_after(LEAST), LEAST);
        assert_eq!(after(&[60_000; KEPT]).slow_after(LEAST), MOST);
        assert_eq!(after(&[]).slow_after(MOST), MOST);
    }

    proptest! {
        #[test]
        fn at_most_one_in_twenty_of_the_remembered_is_slower_and_no_smaller_one_does(times in prop::collection::vec(5u64..2000, ENOUGH..3 * KEPT)) {
            let slow = after(&times).slow_after(LEAST);
            let kept = &times[times.len().saturating_sub(KEPT)..];
            let over = |bound: Duration| kept.iter().filter(|ms| Duration::from_millis(**ms) > bound).count();
            prop_assert!(over(slow) * 20 <= kept.len());
            prop_assert!(over(slow - Duration::from_millis(1)) * 20 > kept.len());
        }
    }
}
