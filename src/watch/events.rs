//! Tells all who watch what is new. One look a tick serves them all, and those who reach every tenant share one text. While nobody
//! watches, nothing is looked at.
//!
//! A stream that is not read fast enough is told everything anew, in place of the news that it has missed: it loses no correctness, and
//! holds no memory but a few texts that it shares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::fleet::Fleet;
use super::news::{News, Picture, Reach};
use super::transfers::Transfers;
use crate::clock::Clock;

/// Between two looks at what moves.
const TICK: Duration = Duration::from_millis(500);

/// Between two looks at tenants and stores.
const FLEET_EVERY: Duration = Duration::from_secs(1);

/// News that wait for a slow reader. Who has more to catch up with is told everything instead.
const WAITING: usize = 8;

/// A stream without news says that it lives, for whatever stands in between.
const SILENCE: Duration = Duration::from_secs(15);

/// Streams at once in one process.
pub const MAX_STREAMS: usize = 64;

const ALIVE: Bytes = Bytes::from_static(b":\n\n");

pub struct Events {
    fleet: Arc<Fleet>,
    transfers: Arc<Transfers>,
    clock: Arc<dyn Clock>,
    told: Mutex<Told>,
    news: broadcast::Sender<Arc<Issue>>,
    watched: Notify,
    places: Arc<Semaphore>,
}

/// What every stream has been told, but for what still waits for slow ones.
#[derive(Default)]
struct Told {
    picture: Picture,
    at: Option<Instant>,
    fleet_at: Option<Instant>,
}

/// News, and their text for who reaches every tenant.
struct Issue {
    news: News,
    whole: Bytes,
}

impl Issue {
    fn frames(&self, reach: &Reach) -> Bytes {
        match reach {
            Reach::All => self.whole.clone(),
            Reach::Only(_) => self.news.frames(reach),
        }
    }
}

impl Events {
    pub fn new(fleet: Arc<Fleet>, transfers: Arc<Transfers>, clock: Arc<dyn Clock>) -> Self {
        let (news, _) = broadcast::channel(WAITING);
        let places = Arc::new(Semaphore::new(MAX_STREAMS));
        Self { fleet, transfers, clock, told: Mutex::default(), news, watched: Notify::new(), places }
    }

    /// Looks while somebody watches, until the process drains.
    pub async fn run(self: Arc<Self>, drain: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while drain.run_until_cancelled(self.next_tick(&mut ticks)).await.is_some() {
            self.look(&mut self.told());
        }
    }

    async fn next_tick(&self, ticks: &mut tokio::time::Interval) {
        while self.news.receiver_count() == 0 {
            self.watched.notified().await;
        }
        ticks.tick().await;
    }

    /// Begins with everything, and goes on with what is new. `None`: as many streams as there may be are open.
    pub fn watch(self: &Arc<Self>, reach: Reach) -> Option<Watching> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut told = self.told();
        // What was told last may be of an hour ago.
        if told.at.is_none_or(|at| at.elapsed() >= TICK) {
            self.look(&mut told);
        }
        let (news, everything) = (self.news.subscribe(), self.everything(&told, &reach));
        drop(told);
        self.watched.notify_one();
        Some(Watching { events: Arc::clone(self), reach, news, next: Some(everything), said_at: Instant::now(), _place: place })
    }

    /// With the lock held, so that nobody begins between a look and the news of it.
    fn look(&self, told: &mut Told) {
        let now = Instant::now();
        let mut picture = Picture { transfers: self.transfers.look(), ..told.picture.clone() };
        if told.fleet_at.is_none_or(|at| now - at >= FLEET_EVERY) {
            told.fleet_at = Some(now);
            picture.summaries = self.fleet.summaries();
            picture.stores = self.fleet.stores();
            picture.all_paused = self.fleet.all_paused();
        }
        if let Some(news) = News::between(self.clock.now(), &told.picture, &picture) {
            let whole = news.frames(&Reach::All);
            // Without anybody there, nobody has missed it.
            let _ = self.news.send(Arc::new(Issue { news, whole }));
        }
        told.picture = picture;
        told.at = Some(now);
    }

    fn everything(&self, told: &Told, reach: &Reach) -> Bytes {
        News::all(self.clock.now(), told.picture.clone()).frames(reach)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who watches.
pub struct Watching {
    events: Arc<Events>,
    reach: Reach,
    news: broadcast::Receiver<Arc<Issue>>,
    next: Option<Bytes>,
    said_at: Instant,
    _place: OwnedSemaphorePermit,
}

impl Watching {
    /// What is to be sent next; it waits for it.
    pub async fn next(&mut self) -> Bytes {
        let next = match self.next.take() {
            Some(everything) => everything,
            None => self.wait().await,
        };
        self.said_at = Instant::now();
        next
    }

    async fn wait(&mut self) -> Bytes {
        loop {
            let frames = match timeout_at(self.said_at + SILENCE, self.news.recv()).await {
                Ok(Ok(issue)) => issue.frames(&self.reach),
                Ok(Err(_)) => self.begin_anew(),
                Err(_) => ALIVE,
            };
            if !frames.is_empty() {
                return frames;
            }
        }
    }

    /// Too much was missed. It cannot be closed: who watches holds the sender.
    fn begin_anew(&mut self) -> Bytes {
        let told = self.events.told();
        self.news = self.events.news.subscribe();
        self.events.everything(&told, &self.reach)
    }
}
