//! What was measured: a histogram for each operation and each holder that answered, and the same over time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;

use super::operation::{Operation, Outcome};

/// A request that takes longer counts as that long, in microseconds.
const LONGEST_US: u64 = 600_000_000;

/// The run's chart has at most about so many points.
const POINTS: f64 = 240.0;

/// Wrong answers beyond this many say nothing new.
const MAX_COMPLAINTS: usize = 20;

/// Figures of one operation, as one holder answered it.
pub struct Served {
    /// From the moment a request was due to its last byte, in microseconds.
    pub latency_us: Histogram<u64>,
    pub bytes: u64,
}

/// A stretch of time.
#[derive(Default)]
pub struct Point {
    /// Answers by holder, right ones only.
    pub answered: BTreeMap<&'static str, u64>,
    pub failed: u64,
    pub wrong: u64,
    latency_us: Option<Histogram<u64>>,
}

impl Point {
    /// In milliseconds.
    pub fn latency_ms(&self, percentile: f64) -> Option<f64> {
        self.latency_us.as_ref().map(|latency| latency.value_at_percentile(percentile) as f64 / 1e3)
    }
}

#[derive(Default)]
pub struct Figures {
    pub served: BTreeMap<(Operation, &'static str), Served>,
    /// Refusals by status, and lost connections as 0.
    pub failed: BTreeMap<(Operation, u16), u64>,
    pub wrong: u64,
    pub complaints: Vec<String>,
    pub skipped: u64,
    /// Due while too many were in flight: counted as failed, and not sent.
    pub unsent: u64,
    pub points: Vec<Point>,
}

/// Shared by all requests of a run.
pub struct Record {
    figures: Mutex<Figures>,
    pub point_seconds: f64,
}

impl Record {
    pub fn of(seconds: f64) -> Self {
        Self { figures: Mutex::default(), point_seconds: (seconds / POINTS).ceil().max(1.0) }
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn into_figures(self) -> Figures {
        self.figures.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// `ended`: since the run began. `latency`: since the request was due.
    pub fn add(&self, operation: Operation, outcome: Outcome, ended: Duration, latency: Duration) -> anyhow::Result<()> {
        let figures = &mut *self.figures();
        let number = (ended.as_secs_f64() / self.point_seconds) as usize;
        if figures.points.len() <= number {
            figures.points.resize_with(number + 1, Point::default);
        }
        let point = &mut figures.points[number];
        match outcome {
            Outcome::Right { from, bytes } => {
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
                let served = match figures.served.entry((operation, from)) {
                    std::collections::btree_map::Entry::Occupied(served) => served.into_mut(),
                    std::collections::btree_map::Entry::Vacant(none) => none.insert(Served { latency_us: histogram(3)?, bytes: 0 }),
                };
                served.latency_us.saturating_record(latency_us);
                served.bytes += bytes;
                *point.answered.entry(from).or_default() += 1;
                let of_point = match &mut point.latency_us {
                    Some(latency) => latency,
                    none => none.insert(histogram(2)?),
                };
                of_point.saturating_record(latency_us);
            }
            Outcome::Refused(status) => {
                *figures.failed.entry((operation, status.as_u16())).or_default() += 1;
                point.failed += 1;
            }
            Outcome::Lost => {
                *figures.failed.entry((operation, 0)).or_default() += 1;
                point.failed += 1;
            }
            Outcome::Wrong(complaint) => {
                figures.wrong += 1;
                point.wrong += 1;
                if figures.complaints.len() < MAX_COMPLAINTS {
                    figures.complaints.push(complaint);
                }
            }
            Outcome::Skipped => figures.skipped += 1,
        }
        Ok(())
    }

    pub fn unsent(&self) {
        self.figures().unsent += 1;
    }
}

/// With so many significant digits.
fn histogram(digits: u8) -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LONGEST_US, digits).context("make a histogram")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_by_operation_and_holder_and_by_time() {
        let record = Record::of(10.0);
        let right = |from| Outcome::Right { from, bytes: 5 };
        for milliseconds in 1..=100 {
            let latency = Duration::from_millis(milliseconds);
            record.add(Operation::Read, right("sql"), Duration::from_millis(1500), latency).unwrap();
        }
        record.add(Operation::Read, right("object"), Duration::from_millis(2500), Duration::from_millis(7)).unwrap();
        record.add(Operation::Write, Outcome::Lost, Duration::ZERO, Duration::ZERO).unwrap();
        record.add(Operation::Read, Outcome::Wrong("as planned".to_owned()), Duration::ZERO, Duration::ZERO).unwrap();
        let figures = record.into_figures();
        let sql = &figures.served[&(Operation::Read, "sql")];
        assert_eq!((sql.latency_us.len(), sql.bytes), (100, 500));
        assert!((98_900..=99_100).contains(&sql.latency_us.value_at_percentile(99.0)));
        assert_eq!((figures.failed[&(Operation::Write, 0)], figures.wrong, figures.complaints.len()), (1, 1, 1));
        assert_eq!(figures.points[1].answered["sql"], 100);
        assert_eq!(figures.points[2].answered["object"], 1);
        assert!(figures.points[0].latency_ms(50.0).is_none());
    }
}
