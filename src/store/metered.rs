//! Every call to a store waits only so long, and is counted and timed. Never retries: that is the agents' business.
//!
//! A deadline drops the call, and a dropped call is an unknown outcome. So what must not be left halfway has none here:
//! commits, flips and staging, which the database's own busy time-out bounds.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, timeout};

use super::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use super::object::ByteStream;
use crate::telemetry::Metrics;

mod backups;
mod history;
mod objects;
mod put;
mod sql;

pub use objects::MeteredObjects;
pub use sql::MeteredSql;

/// The call came to its end.
const OK: &str = "ok";

/// The content's own side ended it: the client, or the other store.
const CONTENT: &str = "content";

/// Nobody wanted the rest of a stream.
const DROPPED: &str = "dropped";

/// Hears of every call to a store.
pub trait StoreObserver: Send + Sync {
    /// `outcome` is `ok` (an absence too), `content`, `dropped`, or the label of a [`StoreErrorKind`].
    fn observe(&self, store: &'static str, operation: &'static str, outcome: &'static str, took: Duration);
}

impl StoreObserver for Metrics {
    fn observe(&self, store: &'static str, operation: &'static str, outcome: &'static str, took: Duration) {
        self.store_operation(store, operation, outcome, took);
    }
}

/// What the wrappers share: whose calls these are, how long one may take, and who hears of them.
#[derive(Clone)]
pub struct Meter {
    store: &'static str,
    deadline: Duration,
    /// For an upload, from one portion that the store takes to the next, or to its end.
    stall: Duration,
    observer: Arc<dyn StoreObserver>,
}

impl Meter {
    /// `deadline` is for one answer, or for the next portion of a stream.
    pub fn new(store: &'static str, deadline: Duration, observer: Arc<dyn StoreObserver>) -> Self {
        Self { store, deadline, stall: deadline, observer }
    }

    /// An upload may take longer from one portion to the next: its store does several things meanwhile, each within a time of its own.
    pub fn stalling(self, stall: Duration) -> Self {
        Self { stall, ..self }
    }

    /// Waits no longer than the deadline.
    async fn within<T>(
        &self,
        operation: &'static str,
        target: &(dyn Display + Sync),
        call: impl Future<Output = StoreResult<T>>,
    ) -> StoreResult<T> {
        let bounded = async { timeout(self.deadline, call).await.unwrap_or_else(|_| Err(self.late(operation, target))) };
        self.unbounded(operation, bounded).await
    }

    /// Waits for as long as it takes.
    async fn unbounded<T>(&self, operation: &'static str, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        let begun = Instant::now();
        let answer = call.await;
        self.note(operation, answer.as_ref().map_or_else(|error| error.kind.label(), |_| OK), begun.elapsed());
        answer
    }

    fn note(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        self.observer.observe(self.store, operation, outcome, took);
    }

    fn late(&self, operation: &'static str, target: &dyn Display) -> StoreError {
        self.late_by(self.deadline, operation, target)
    }

    fn late_by(&self, deadline: Duration, operation: &'static str, target: &dyn Display) -> StoreError {
        StoreError::new(self.store, operation, target, StoreErrorKind::Timeout).because(format!("no progress for {deadline:?}"))
    }

    /// The same stream, which waits no longer than the deadline for each portion. Observed once, with the time that the store
    /// was waited for; the time in which nobody asked for a portion is the reader's.
    fn stream(&self, operation: &'static str, target: &dyn Display, content: ByteStream) -> ByteStream {
        let reading = Reading { meter: self.clone(), operation, target: target.to_string(), outcome: DROPPED, waited: Duration::ZERO };
        Box::pin(stream::unfold(Some((content, reading)), async |state| {
            let (mut content, mut reading) = state?;
            let portion = reading.next(&mut content).await?;
            let rest = portion.is_ok().then_some((content, reading));
            Some((portion, rest))
        }))
    }
}

/// One stream from a store, observed when it is dropped.
struct Reading {
    meter: Meter,
    operation: &'static str,
    target: String,
    outcome: &'static str,
    waited: Duration,
}

impl Reading {
    async fn next(&mut self, content: &mut (impl Stream<Item = Result<Bytes, Interrupted>> + Unpin)) -> Option<Result<Bytes, Interrupted>> {
        let asked = Instant::now();
        let late = |_| Some(Err(Interrupted::Store(self.meter.late(self.operation, &self.target))));
        let portion = timeout(self.meter.deadline, content.next()).await.unwrap_or_else(late);
        self.waited += asked.elapsed();
        match &portion {
            Some(Ok(_)) => {}
            Some(Err(interrupted)) => self.outcome = interruption(interrupted),
            None => self.outcome = OK,
        }
        portion
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.meter.note(self.operation, self.outcome, self.waited);
    }
}

fn interruption(interrupted: &Interrupted) -> &'static str {
    match interrupted {
        Interrupted::Store(error) => error.kind.label(),
        Interrupted::Moved | Interrupted::Client(_) => CONTENT,
    }
}

#[cfg(test)]
mod tests;
