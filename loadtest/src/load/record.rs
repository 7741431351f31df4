//! What was measured: what became of every request that was due, a histogram for each operation and each holder that answered, and the
//! same over time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

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
    /// By the moment they were due.
    pub unsent: u64,
    latency_us: Option<Histogram<u64>>,
}

impl Point {
    /// Of right answers alone, in milliseconds.
    pub fn latency_ms(&self, percentile: f64) -> Option<f64> {
        self.latency_us.as_ref().map(|latency| latency.value_at_percentile(percentile) as f64 / 1e3)
    }
}

/// What became of the requests that were due: each is in exactly one of these.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Answered as it must be.
    pub right: u64,
    /// Refused, or without a whole answer.
    pub failed: u64,
    pub wrong: u64,
    /// Not sent: too many were in flight, or the run was over before their turn came.
    pub unsent: u64,
    /// Not sent either, on purpose: another request was changing the document, or one without a clear answer was the last to do so.
    pub left_out: u64,
}

impl Counts {
    pub fn due(&self) -> u64 {
        self.right + self.failed + self.wrong + self.unsent + self.left_out
    }

    fn plus(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            failed: self.failed + other.failed,
            wrong: self.wrong + other.wrong,
            unsent: self.unsent + other.unsent,
            left_out: self.left_out + other.left_out,
        }
    }
}

#[derive(Default)]
pub struct Figures {
    pub counts: BTreeMap<Operation, Counts>,
    pub served: BTreeMap<(Operation, &'static str), Served>,
    /// Refusals by status, and lost connections as 0.
    pub failed: BTreeMap<(Operation, u16), u64>,
    pub complaints: Vec<String>,
    /// From the moment a request was due to the one when it was sent, at most.
    pub sent_late: Duration,
    pub points: Vec<Point>,
}

impl Figures {
    pub fn all(&self) -> Counts {
        self.counts.values().fold(Counts::default(), |sum, counts| sum.plus(*counts))
    }

    fn point(&mut self, at: Duration, point_seconds: f64) -> &mut Point {
        let number = (at.as_secs_f64() / point_seconds) as usize;
        if self.points.len() <= number {
            self.points.resize_with(number + 1, Point::default);
        }
        &mut self.points[number]
    }
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
        match outcome {
            Outcome::Right { from, bytes } => {
                figures.counts.entry(operation).or_default().right += 1;
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
                let served = match figures.served.entry((operation, from)) {
                    std::collections::btree_map::Entry::Occupied(served) => served.into_mut(),
                    std::collections::btree_map::Entry::Vacant(none) => none.insert(Served { latency_us: histogram(3)?, bytes: 0 }),
                };
                served.latency_us.saturating_record(latency_us);
                served.bytes += bytes;
                let point = figures.point(ended, self.point_seconds);
                *point.answered.entry(from).or_default() += 1;
                let of_point = match &mut point.latency_us {
                    Some(latency) => latency,
                    none => none.insert(histogram(2)?),
                };
                of_point.saturating_record(latency_us);
            }
            Outcome::Refused(status) => self.failed(figures, operation, status.as_u16(), ended),
            Outcome::Lost => self.failed(figures, operation, 0, ended),
            Outcome::Wrong(complaint) => {
                figures.counts.entry(operation).or_default().wrong += 1;
                figures.point(ended, self.point_seconds).wrong += 1;
                if figures.complaints.len() < MAX_COMPLAINTS {
                    figures.complaints.push(complaint);
                }
            }
            Outcome::Skipped => figures.counts.entry(operation).or_default().left_out += 1,
        }
        Ok(())
    }

    fn failed(&self, figures: &mut Figures, operation: Operation, status: u16, ended: Duration) {
        figures.counts.entry(operation).or_default().failed += 1;
        *figures.failed.entry((operation, status)).or_default() += 1;
        figures.point(ended, self.point_seconds).failed += 1;
    }

    /// `at`: when it was due, since the run began.
    pub fn unsent(&self, operation: Operation, at: Duration) {
        let figures = &mut *self.figures();
        figures.counts.entry(operation).or_default().unsent += 1;
        figures.point(at, self.point_seconds).unsent += 1;
    }

    /// So long after it was due.
    pub fn sent(&self, late: Duration) {
        let figures = &mut *self.figures();
        figures.sent_late = figures.sent_late.max(late);
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
        record.add(Operation::Write, Outcome::Skipped, Duration::ZERO, Duration::ZERO).unwrap();
        record.unsent(Operation::Write, Duration::from_millis(4500));
        record.sent(Duration::from_millis(3));
        record.sent(Duration::from_millis(1));
        let figures = record.into_figures();
        let sql = &figures.served[&(Operation::Read, "sql")];
        assert_eq!((sql.latency_us.len(), sql.bytes), (100, 500));
        assert!((98_900..=99_100).contains(&sql.latency_us.value_at_percentile(99.0)));
        assert_eq!((figures.failed[&(Operation::Write, 0)], figures.complaints.len()), (1, 1));
        let reads = Counts { right: 101, wrong: 1, ..Counts::default() };
        let writes = Counts { failed: 1, unsent: 1, left_out: 1, ..Counts::default() };
        assert_eq!((figures.counts[&Operation::Read], figures.counts[&Operation::Write]), (reads, writes));
        assert_eq!((reads.due(), writes.due(), figures.all().due()), (102, 3, 105));
        assert_eq!((figures.points[0].failed, figures.points[0].wrong, figures.points[4].unsent), (1, 1, 1));
        assert_eq!(figures.sent_late, Duration::from_millis(3));
        assert_eq!(figures.points[1].answered["sql"], 100);
        assert_eq!(figures.points[2].answered["object"], 1);
        assert!(figures.points[0].latency_ms(50.0).is_none());
    }
}
