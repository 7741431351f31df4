//! What each tenant's traffic in this process came to since somebody last took the figures. It keeps no history: who takes them does.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::labels::ServedFrom;
use super::metrics::Answered;
use crate::lock::{read, write};
use crate::model::id::TenantId;

/// Where requests are served from, in the order of [`Step::requests`].
pub const SOURCES: [ServedFrom; 3] = [ServedFrom::Sql, ServedFrom::Object, ServedFrom::Cache];

/// Operations that change something, as requests are labelled.
const CHANGING: [&str; 3] = ["write", "create", "delete"];

/// The first bucket ends here, and each further one at √2 times as much, the last one above two minutes: a percentile is wrong by less
/// than a fifth.
const FIRST_SECONDS: f64 = 0.000_25;
const BUCKETS: usize = 40;

/// One tenant's traffic during one step of time, in 64 bytes. Seconds are 0 where nothing was served.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    /// Answers with content, by [`SOURCES`].
    pub requests: [u32; 3],
    pub p50_seconds: [f32; 3],
    pub p95_seconds: [f32; 3],
    /// Requests that were to change something.
    pub writes: u32,
    /// Answers that blame this side: 5xx.
    pub errors: u32,
    pub fallbacks: u32,
    /// Differences that were found, or found again.
    pub mismatches: u32,
    pub copied_documents: u32,
    pub copied_bytes: u64,
}

impl Step {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts on the way of every request: a shared lock, and one addition for each fact.
#[derive(Default)]
pub(super) struct Traffic(RwLock<HashMap<TenantId, Box<Counts>>>);

#[derive(Default)]
pub(super) struct Counts {
    served: [Latencies; 3],
    writes: AtomicU32,
    errors: AtomicU32,
    fallbacks: AtomicU32,
    mismatches: AtomicU32,
    copied_documents: AtomicU32,
    copied_bytes: AtomicU64,
}

struct Latencies([AtomicU32; BUCKETS]);

impl Default for Latencies {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl Traffic {
    /// Adds to the counts of a tenant; the first time makes them.
    pub(super) fn count(&self, tenant: &TenantId, add: impl FnOnce(&Counts)) {
        if let Some(counts) = read(&self.0).get(tenant) {
            return add(counts);
        }
        add(write(&self.0).entry(tenant.clone()).or_default());
    }

    /// What came since the last time, of the tenants that had any. Those that had none take no memory from then on.
    pub(super) fn take(&self) -> Vec<(TenantId, Step)> {
        let mut tenants = write(&self.0);
        let steps: Vec<(TenantId, Step)> = tenants.iter().map(|(tenant, counts)| (tenant.clone(), counts.take())).collect();
        let (some, none): (Vec<_>, Vec<_>) = steps.into_iter().partition(|(_, step)| !step.is_empty());
        for (tenant, _) in none {
            tenants.remove(&tenant);
        }
        some
    }
}

impl Counts {
    pub(super) fn answered(&self, answered: &Answered<'_>) {
        self.served(answered.served_from, answered.duration);
        if CHANGING.contains(&answered.operation) {
            increment(&self.writes);
        }
        if answered.code >= 500 {
            increment(&self.errors);
        }
    }

    pub(super) fn fell_back(&self) {
        increment(&self.fallbacks);
    }

    pub(super) fn differed(&self) {
        increment(&self.mismatches);
    }

    pub(super) fn copied(&self, bytes: u64) {
        increment(&self.copied_documents);
        self.copied_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An answer with content came to its end.
    fn served(&self, from: ServedFrom, took: Duration) {
        if let Some(source) = SOURCES.iter().position(|source| *source == from) {
            self.served[source].0[bucket(took)].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Step {
        let served = self.served.each_ref().map(Latencies::take);
        let take = |count: &AtomicU32| count.swap(0, Ordering::Relaxed);
        Step {
            requests: served.map(|buckets| buckets.iter().sum()),
            p50_seconds: served.map(|buckets| percentile(&buckets, 0.50)),
            p95_seconds: served.map(|buckets| percentile(&buckets, 0.95)),
            writes: take(&self.writes),
            errors: take(&self.errors),
            fallbacks: take(&self.fallbacks),
            mismatches: take(&self.mismatches),
            copied_documents: take(&self.copied_documents),
            copied_bytes: self.copied_bytes.swap(0, Ordering::Relaxed),
        }
    }
}

fn increment(count: &AtomicU32) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Latencies {
    fn take(&self) -> [u32; BUCKETS] {
        self.0.each_ref().map(|bucket| bucket.swap(0, Ordering::Relaxed))
    }
}

/// Where bucket `index` ends, in seconds.
fn end(index: usize) -> f64 {
    FIRST_SECONDS * 2f64.powf(index as f64 / 2.0)
}

fn bucket(took: Duration) -> usize {
    let seconds = took.as_secs_f64();
    if seconds <= FIRST_SECONDS {
        return 0;
    }
    (((seconds / FIRST_SECONDS).log2() * 2.0).ceil() as usize).min(BUCKETS - 1)
}

/// As if the requests of a bucket lay evenly in it. 0: there were none.
fn percentile(buckets: &[u32; BUCKETS], part: f64) -> f32 {
    let all: u32 = buckets.iter().sum();
    let rank = f64::from(all) * part;
    let mut below = 0.0;
    for (index, count) in buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (count, begin) = (f64::from(*count), if index == 0 { 0.0 } else { end(index - 1) });
        if below + count >= rank {
            return (begin + (end(index) - begin) * (rank - below) / count) as f32;
        }
        below += count;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_wrong_by_less_than_its_bucket_is_wide(mut millis in prop::collection::vec(1_u64..100_000, 1..200)) {
            let counts = Counts::default();
            millis.iter().for_each(|millis| counts.served(ServedFrom::Object, Duration::from_millis(*millis)));
            millis.sort_unstable();
            let told = counts.take();
            prop_assert_eq!(told.requests, [0, millis.len() as u32, 0]);
            for (part, told) in [(0.50, told.p50_seconds[1]), (0.95, told.p95_seconds[1])] {
                let exact = millis[(millis.len() as f64 * part).ceil() as usize - 1] as f64 / 1000.0;
                prop_assert!((f64::from(told) / exact).log2().abs() <= 0.51, "{told} for {exact}");
            }
        }
    }

    #[test]
    fn what_was_taken_is_counted_no_more_and_who_rests_takes_no_memory() {
        let (traffic, acme): (Traffic, TenantId) = (Traffic::default(), "acme".parse().unwrap());
        traffic.count(&acme, |counts| counts.served(ServedFrom::Sql, Duration::from_secs(9999)));
        traffic.count(&acme, |counts| counts.served(ServedFrom::Nothing, Duration::from_secs(1)));
        let [(tenant, step)] = <[_; 1]>::try_from(traffic.take()).unwrap();
        assert_eq!((tenant, step.requests), (acme, [1, 0, 0]));
        assert!(step.p95_seconds[0] > 100.0 && step.p95_seconds[1] == 0.0);
        assert!(traffic.take().is_empty() && traffic.0.read().unwrap().is_empty());
    }

    #[test]
    fn a_step_takes_as_much_memory_as_is_said() {
        assert_eq!(size_of::<Step>(), 64);
    }
}
