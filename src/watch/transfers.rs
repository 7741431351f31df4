//! The contents that are moving through this process now, one by one: what operators look at, with names of documents that no metric has.
//!
//! A transfer is entered once and struck out once; in between, each portion costs an addition. Downloads of contents that are small enough
//! for the cache are counted and not entered: they are over before anybody could look, and there are thousands a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::budget::SMALL_BYTES;
use crate::clock::Clock;
use crate::lock::lock;
use crate::model::id::{CollectionName, DocKey, TenantId};
use crate::model::phase::Side;
use crate::store::object::ByteStream;
use crate::telemetry::{Direction, InFlight, Metrics, ServedFrom};

/// A rate is that of about so long.
const RATE_OVER: Duration = Duration::from_secs(3);

/// Looks that follow each other faster than this share a rate: so short a time says too little.
const RATE_EVERY: Duration = Duration::from_millis(200);

/// Where content comes from, or goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    Client,
    Sql,
    Object,
    Cache,
    /// It is read, and goes no further.
    Nobody,
}

impl Party {
    const ALL: [Self; 5] = [Self::Client, Self::Sql, Self::Object, Self::Cache, Self::Nobody];

    fn of_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Nobody)
    }
}

impl From<ServedFrom> for Party {
    fn from(from: ServedFrom) -> Self {
        match from {
            ServedFrom::Nothing => Self::Nobody,
            ServedFrom::Sql => Self::Sql,
            ServedFrom::Object => Self::Object,
            ServedFrom::Cache => Self::Cache,
        }
    }
}

impl From<Side> for Party {
    fn from(side: Side) -> Self {
        match side {
            Side::Sql => Self::Sql,
            Side::Object => Self::Object,
        }
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Failed,
    /// Neither: its client left, or its job was given back.
    Gone,
}

impl Outcome {
    fn of_code(code: u8) -> Self {
        match code {
            1 => Self::Done,
            2 => Self::Failed,
            _ => Self::Gone,
        }
    }
}

/// What begins to move.
pub struct Begun<'a> {
    pub tenant: &'a TenantId,
    pub collection: &'a CollectionName,
    /// `None`: the database has yet to give the id.
    pub document: Option<&'a DocKey>,
    pub direction: Direction,
    pub source: Party,
    pub target: Party,
    pub bytes_total: Option<u64>,
    /// 1, unless agents have tried before.
    pub attempt: u32,
}

impl<'a> Begun<'a> {
    pub fn of(document: &'a DocKey, direction: Direction, (source, target): (Party, Party), bytes_total: Option<u64>) -> Self {
        let (tenant, collection) = (&document.tenant, &document.collection);
        Self { tenant, collection, document: Some(document), direction, source, target, bytes_total, attempt: 1 }
    }

    fn is_too_small(&self) -> bool {
        self.direction == Direction::Download && self.bytes_total.is_some_and(|bytes| bytes <= SMALL_BYTES)
    }
}

/// All that moves. As many as there are requests in flight and agents at work, so it is as bounded as they are.
pub struct Transfers {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    next: AtomicU64,
    moving: Mutex<BTreeMap<u64, Arc<Moving>>>,
}

/// One that moves. What changes while it does can be written without a lock.
#[derive(Debug)]
pub struct Moving {
    pub id: u64,
    pub tenant: TenantId,
    collection: CollectionName,
    document: String,
    direction: Direction,
    target: Party,
    bytes_total: Option<u64>,
    attempt: u32,
    started_at: Timestamp,
    source: AtomicU8,
    bytes_done: AtomicU64,
    outcome: AtomicU8,
    /// Only those who look take it.
    pace: Mutex<Pace>,
}

/// How fast something moves, by the looks at it.
#[derive(Debug)]
struct Pace {
    at: Instant,
    bytes: u64,
    per_second: Option<f64>,
}

impl Pace {
    fn seen(&mut self, now: Instant, bytes: u64) -> f64 {
        let elapsed = (now - self.at).as_secs_f64();
        if let Some(per_second) = self.per_second.filter(|_| elapsed < RATE_EVERY.as_secs_f64()) {
            return per_second;
        }
        if elapsed < 0.001 {
            return 0.0;
        }
        // What begins again has fewer bytes than before.
        let lately = bytes.saturating_sub(self.bytes) as f64 / elapsed;
        let weight = 1.0 - (-elapsed / RATE_OVER.as_secs_f64()).exp();
        let per_second = self.per_second.map_or(lately, |before| before + weight * (lately - before));
        *self = Self { at: now, bytes, per_second: Some(per_second) };
        per_second
    }
}

/// A transfer at one moment.
#[derive(Debug, Clone)]
pub struct Seen {
    pub moving: Arc<Moving>,
    pub source: Party,
    pub bytes_done: u64,
    pub bytes_per_second: u64,
}

/// A transfer as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Transfer")]
pub struct TransferView {
    /// Unique in this process, in the order in which they began.
    pub id: u64,
    pub tenant: String,
    pub collection: String,
    /// Empty for a new one, whose id the database has yet to give.
    pub document: String,
    pub direction: Direction,
    /// Who gives the content now: it can change on the way.
    pub source: Party,
    pub target: Party,
    pub bytes_done: u64,
    /// Absent where a client did not announce it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_total: Option<u64>,
    /// Of the last few seconds.
    pub bytes_per_second: u64,
    pub attempt: u32,
    pub started_at: Timestamp,
}

impl Seen {
    pub fn view(&self) -> TransferView {
        let moving = &*self.moving;
        TransferView {
            id: moving.id,
            tenant: moving.tenant.to_string(),
            collection: moving.collection.to_string(),
            document: moving.document.clone(),
            direction: moving.direction,
            source: self.source,
            target: moving.target,
            bytes_done: self.bytes_done,
            bytes_total: moving.bytes_total,
            bytes_per_second: self.bytes_per_second,
            attempt: moving.attempt,
            started_at: moving.started_at,
        }
    }

    /// How it ended, once it is not among those that move any more.
    pub fn outcome(&self) -> Outcome {
        Outcome::of_code(self.moving.outcome.load(Ordering::Relaxed))
    }
}

impl Transfers {
    pub fn new(metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock, next: AtomicU64::new(1), moving: Mutex::default() }
    }

    /// Counts a transfer as in flight, and shows it, until what is returned is dropped.
    pub fn begin(self: &Arc<Self>, begun: &Begun<'_>) -> Transfer {
        let in_flight = self.metrics.transfer(begun.direction);
        if begun.is_too_small() {
            return Transfer { entry: None, _in_flight: in_flight };
        }
        let moving = Arc::new(Moving {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            tenant: begun.tenant.clone(),
            collection: begun.collection.clone(),
            document: begun.document.map(|document| document.id.to_string()).unwrap_or_default(),
            direction: begun.direction,
            target: begun.target,
            bytes_total: begun.bytes_total,
            attempt: begun.attempt,
            started_at: self.clock.now(),
            source: AtomicU8::new(begun.source as u8),
            bytes_done: AtomicU64::new(0),
            outcome: AtomicU8::new(0),
            pace: Mutex::new(Pace { at: Instant::now(), bytes: 0, per_second: None }),
        });
        self.moving().insert(moving.id, Arc::clone(&moving));
        Transfer { entry: Some(Entry { moving, among: Arc::clone(self) }), _in_flight: in_flight }
    }

    /// All that moves now, in the order in which it began.
    pub fn look(&self) -> Vec<Seen> {
        let (now, moving) = (Instant::now(), self.moving().values().cloned().collect::<Vec<_>>());
        let seen = |moving: Arc<Moving>| {
            let bytes_done = moving.bytes_done.load(Ordering::Relaxed);
            let source = Party::of_code(moving.source.load(Ordering::Relaxed));
            let rate = lock(&moving.pace).seen(now, bytes_done);
            Seen { moving, source, bytes_done, bytes_per_second: rate.round() as u64 }
        };
        moving.into_iter().map(seen).collect()
    }

    fn moving(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Moving>>> {
        lock(&self.moving)
    }
}

/// A transfer in flight.
#[must_use = "the transfer counts for as long as this lives"]
pub struct Transfer {
    entry: Option<Entry>,
    _in_flight: InFlight,
}

struct Entry {
    moving: Arc<Moving>,
    among: Arc<Transfers>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.among.moving().remove(&self.moving.id);
    }
}

impl Transfer {
    pub fn progress(&self) -> Progress {
        Progress(self.entry.as_ref().map(|entry| Arc::clone(&entry.moving)))
    }

    /// Ends it: as done, or as failed. One that is dropped without is gone.
    pub fn end<T, E>(self, ended: Result<T, E>) -> Result<T, E> {
        self.progress().ends(if ended.is_ok() { Outcome::Done } else { Outcome::Failed });
        ended
    }
}

/// What tells of a transfer while it goes on; of nothing, by default.
#[derive(Debug, Clone, Default)]
pub struct Progress(Option<Arc<Moving>>);

impl Progress {
    pub fn moved(&self, bytes: u64) {
        if let Some(moving) = &self.0 {
            moving.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// A portion went to where it was to go. With the last byte the transfer is done.
    pub fn delivered(&self, bytes: u64) {
        let Some(moving) = &self.0 else { return };
        let done = moving.bytes_done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if moving.bytes_total.is_some_and(|total| done >= total) {
            self.ends(Outcome::Done);
        }
    }

    /// No more of it will come.
    pub fn fails(&self) {
        self.ends(Outcome::Failed);
    }

    /// Whoever gives the content from now on.
    pub fn comes_from(&self, source: Party) {
        if let Some(moving) = &self.0 {
            moving.source.store(source as u8, Ordering::Relaxed);
        }
    }

    /// From its first byte again.
    pub fn begins_anew(&self) {
        if let Some(moving) = &self.0 {
            moving.bytes_done.store(0, Ordering::Relaxed);
        }
    }

    /// The same content, counted as it is read.
    pub fn of(&self, content: ByteStream) -> ByteStream {
        let progress = self.clone();
        Box::pin(content.inspect(move |portion| {
            if let Ok(bytes) = portion {
                progress.moved(bytes.len() as u64);
            }
        }))
    }

    fn ends(&self, outcome: Outcome) {
        let code = match outcome {
            Outcome::Done => 1,
            Outcome::Failed => 2,
            Outcome::Gone => 0,
        };
        if let Some(moving) = &self.0 {
            moving.outcome.store(code, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::model::id::DocId;

    fn transfers() -> (Arc<Metrics>, Arc<Transfers>) {
        let metrics = Arc::new(Metrics::new("1.2.3"));
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        (Arc::clone(&metrics), Arc::new(Transfers::new(metrics, clock)))
    }

    fn document() -> DocKey {
        DocKey { tenant: "acme".parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(7) }
    }

    fn begin(transfers: &Arc<Transfers>, direction: Direction, bytes_total: Option<u64>) -> Transfer {
        transfers.begin(&Begun::of(&document(), direction, (Party::Object, Party::Client), bytes_total))
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_is_shown_from_its_beginning_to_its_end() {
        let (_, transfers) = transfers();
        let transfer = begin(&transfers, Direction::Download, Some(1 << 20));
        let progress = transfer.progress();
        progress.moved(1000);
        progress.comes_from(Party::Sql);
        tokio::time::advance(Duration::from_secs(1)).await;
        let seen = transfers.look();
        let view = seen[0].view();
        assert_eq!((view.id, view.tenant.as_str(), view.document.as_str(), view.attempt), (1, "acme", "7", 1));
        assert_eq!((view.source, view.target, view.bytes_done, view.bytes_total), (Party::Sql, Party::Client, 1000, Some(1 << 20)));
        assert_eq!(view.bytes_per_second, 1000);
        drop(transfer);
        assert!(transfers.look().is_empty());
        assert_eq!(seen[0].outcome(), Outcome::Gone);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_follows_the_last_seconds() {
        let (_, transfers) = transfers();
        let transfer = begin(&transfers, Direction::Copy, Some(1 << 30));
        let mut rate = 0;
        for bytes in [1000; 20].into_iter().chain([0; 20]) {
            transfer.progress().moved(bytes);
            tokio::time::advance(Duration::from_millis(500)).await;
            rate = transfers.look()[0].bytes_per_second;
            assert_eq!(transfers.look()[0].bytes_per_second, rate, "a second look at the same moment");
            if bytes > 0 {
                assert_eq!(rate, 2000);
            }
        }
        assert!((50..100).contains(&rate), "after ten seconds of nothing: {rate}");
    }

    #[test]
    fn how_it_ended_is_told_to_who_saw_it() {
        let (_, transfers) = transfers();
        let ended = |end: &dyn Fn(Transfer)| {
            let transfer = begin(&transfers, Direction::Download, Some(70_000));
            let seen = transfers.look().pop().unwrap();
            end(transfer);
            seen.outcome()
        };
        assert_eq!(ended(&|transfer| transfer.end(Ok::<_, ()>(())).unwrap()), Outcome::Done);
        assert_eq!(ended(&|transfer| transfer.end(Err::<(), _>(())).unwrap_err()), Outcome::Failed);
        assert_eq!(ended(&|transfer| transfer.progress().delivered(69_999)), Outcome::Gone);
        assert_eq!(ended(&|transfer| transfer.progress().delivered(70_000)), Outcome::Done);
        assert_eq!(ended(&|transfer| transfer.progress().fails()), Outcome::Failed);
    }

    #[test]
    fn small_downloads_are_counted_and_not_shown() {
        let (metrics, transfers) = transfers();
        let small = Some(SMALL_BYTES);
        let both = [begin(&transfers, Direction::Download, small), begin(&transfers, Direction::Upload, small)];
        assert_eq!(transfers.look().len(), 1);
        assert!(metrics.render().contains("sluss_transfers_in_flight{direction=\"download\"} 1"));
        both[0].progress().moved(5);
    }
}
