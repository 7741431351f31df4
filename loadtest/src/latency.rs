//! What many measured times say together.

use std::time::Duration;

/// Times of answers, in order.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which this share of the answers came: nearest rank. Zero where there was none.
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let times = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());
        let milliseconds = |share| times.percentile(share).as_millis();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(milliseconds), [1, 100, 198, 200]);
        assert_eq!(Latencies::of(Vec::new()).percentile(0.5), Duration::ZERO);
    }
}
