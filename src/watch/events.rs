//! Tells all who watch what is new. One look a tick serves them all, and those who reach every tenant share one text. While nobody
//! watches, nothing is looked at.
//!
//! A stream that is not read fast enough is told everything anew, in place of the news that it has missed: it loses no correctness, and
//! holds no memory but a few texts that it shares.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use super::fleet::Fleet;
use super::news::{News, Picture, Reach};
use super::places::{Full, Place, Places};
use super::transfers::Transfers;
use crate::clock::Clock;
use crate::lock::lock;

/// Between two looks at what moves.
const TICK: Duration = Duration::from_millis(500);

/// Between two looks at tenants and stores.
const FLEET_EVERY: Duration = Duration::from_secs(1);

/// News that wait for a slow reader. Who has more to catch up with is told everything instead.
const WAITING: usize = 8;

/// A stream without news says that it lives, for whatever stands in between.
const SILENCE: Duration = Duration::from_secs(15);

const ALIVE: Bytes = Bytes::from_static(b":\n\n");

pub struct Events {
    fleet: Arc<Fleet>,
    transfers: Arc<Transfers>,
    clock: Arc<dyn Clock>,
    told: Mutex<Told>,
    news: broadcast::Sender<Arc<Issue>>,
    watched: Notify,
    places: Places,
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
        Self { fleet, transfers, clock, told: Mutex::default(), news, watched: Notify::new(), places: Places::default() }
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

    /// Begins with everything, and goes on with what is new. An error: as many streams as there may be are open, in this process or of
    /// the token of this name.
    pub fn watch(self: &Arc<Self>, token: &str, reach: Reach) -> Result<Watching, Full> {
        let place = self.places.take(token)?;
        let mut told = self.told();
        // What was told last may be of an hour ago.
        if told.at.is_none_or(|at| at.elapsed() >= TICK) {
            self.look(&mut told);
        }
        let (news, everything) = (self.news.subscribe(), self.everything(&told, &reach));
        drop(told);
        self.watched.notify_one();
        Ok(Watching { events: Arc::clone(self), reach, news, next: Some(everything), said_at: Instant::now(), _place: place })
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
        lock(&self.told)
    }
}

/// One who watches.
pub struct Watching {
    events: Arc<Events>,
    reach: Reach,
    news: broadcast::Receiver<Arc<Issue>>,
    next: Option<Bytes>,
    said_at: Instant,
    _place: Place,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::model::id::{DocId, DocKey};
    use crate::model::limits::{Allowed, OwnBounds};
    use crate::telemetry::{Direction, Metrics};
    use crate::tenants::Tenants;
    use crate::watch::FleetParts;
    use crate::watch::transfers::{Begun, Party, Transfer};

    struct House {
        transfers: Arc<Transfers>,
        events: Arc<Events>,
        drain: CancellationToken,
        _limits: tokio::sync::watch::Sender<Allowed>,
    }

    impl House {
        fn open() -> Self {
            let (metrics, clock): (_, Arc<dyn Clock>) = (Arc::new(Metrics::new("1.2.3")), Arc::new(SystemClock));
            let (_limits, limits) = tokio::sync::watch::channel(Allowed::by(OwnBounds { bytes_per_second: None, concurrency: 1 }));
            let parts = FleetParts {
                tenants: Arc::new(Tenants::new(Vec::new())),
                metrics: Arc::clone(&metrics),
                clock: Arc::clone(&clock),
                limits,
                stores: Box::new(Vec::new),
            };
            let transfers = Arc::new(Transfers::new(metrics, Arc::clone(&clock)));
            let events = Arc::new(Events::new(Arc::new(Fleet::new(parts)), Arc::clone(&transfers), clock));
            Self { transfers, events, drain: CancellationToken::new(), _limits }
        }

        fn begin(&self, tenant: &str) -> Transfer {
            let key = DocKey { tenant: tenant.parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(7) };
            self.transfers.begin(&Begun::of(&key, Direction::Copy, (Party::Sql, Party::Object), Some(1000)))
        }

        fn watch(&self, reach: Reach) -> Watching {
            self.events.watch("operator", reach).unwrap_or_else(|full| panic!("{full:?}"))
        }

        /// While the ticker runs.
        async fn during(&self, test: impl Future<Output = ()>) {
            tokio::select! {
                () = Arc::clone(&self.events).run(self.drain.clone()) => panic!("nobody drains"),
                () = test => {}
            }
        }
    }

    fn text(bytes: &Bytes) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_told_everything_in_place_of_what_it_missed() {
        let house = House::open();
        let test = async {
            let (mut slow, mut quick) = (house.watch(Reach::All), house.watch(Reach::All));
            assert!(text(&slow.next().await).contains("event: transfers\ndata: {\"reset\":true,\"started\":[]"));
            quick.next().await;
            let transfer = house.begin("acme");
            for _ in 0..2 * WAITING {
                transfer.progress().moved(10);
                let heard = text(&quick.next().await);
                assert!(!heard.contains("reset"), "{heard}");
            }
            let told = text(&slow.next().await);
            assert!(told.contains("\"reset\":true") && told.contains(&format!("\"bytes_done\":{}", 20 * WAITING)), "{told}");
            drop(transfer);
            let ended = "data: {\"started\":[],\"moved\":[],\"ended\":[[1,\"gone\"]]}";
            assert!(text(&slow.next().await).contains(ended) && text(&quick.next().await).contains(ended));
        };
        house.during(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_hears_nothing_new_hears_that_the_stream_lives() {
        let house = House::open();
        let test = async {
            let only = Reach::Only(["globex".parse().unwrap()].into());
            let mut watching = house.watch(only);
            watching.next().await;
            let (begun, transfer) = (Instant::now(), house.begin("acme"));
            let moving = async {
                loop {
                    transfer.progress().moved(10);
                    tokio::time::sleep(TICK).await;
                }
            };
            tokio::select! {
                alive = watching.next() => assert_eq!((alive, begun.elapsed().as_secs()), (ALIVE, SILENCE.as_secs()), "news of others are not its own"),
                () = moving => {}
            }
        };
        house.during(test).await;
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_time_without_anybody_a_stream_begins_with_what_is() {
        let house = House::open();
        let test = async {
            drop(house.watch(Reach::All));
            let _transfer = house.begin("acme");
            tokio::time::sleep(Duration::from_secs(3600)).await;
            let mut watching = house.watch(Reach::All);
            assert!(text(&watching.next().await).contains("\"tenant\":\"acme\""));
        };
        house.during(test).await;
    }
}
