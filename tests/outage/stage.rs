//! One run: a private Ceph behind a proxy, a gateway that uses it, traffic, and readers of documents that stay as they are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sluss::admin::views::TenantView;
use sluss::client::HttpClient;
use sluss::demo::ledger::{Ledger, Seen};
use sluss::demo::pattern::Pattern;
use sluss::demo::traffic::{Document, Manners, Traffic};
use sluss::migrate::cutover::{FlipOutcome, FlipReport};
use sluss::model::phase::Phase;
use sluss_s3::{Bucket, Daemons, Proxy};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::readers::{Readers, Still};
use crate::support::customers::{ACME, GLOBEX};
use crate::support::lab::Lab;
use crate::support::process::Process;
use crate::trouble::Trouble;

const SETTINGS: &str = "[limits]\nqueue_timeout = \"60s\"\n\
    [agents]\nconcurrency = 3\nlease = \"5s\"\npoll_max = \"300ms\"\nretry_base = \"200ms\"\nretry_cap = \"2s\"\nretry_budget = 60\n\
    abandoned_after = \"30s\"\n";

/// A store that is asked in vain is given up soon: the test is to end.
const TIMES: &str = "connect_timeout = \"1s\"\nfirst_byte_timeout = \"2s\"\nidle_timeout = \"2s\"\ntimeout = \"8s\"\nattempts = 3\n";

const PARTS: &str = "part_size = \"5MiB\"\nparallel_parts = 2\n";

/// Documents of GLOBEX that clients change; the largest go up in parts.
const BUSY: u64 = 60;

/// Documents of ACME that stay as they are, and how long they are.
const STILL: u64 = 40;
const STILL_BYTES: u64 = 64 << 10;

const PATIENCE: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Stage {
    pub lab: Lab,
    pub bucket: Bucket,
    pub proxy: Proxy,
    pub traffic: Arc<Traffic>,
    pub readers: Arc<Readers>,
    still: Arc<Vec<Still>>,
    gateway: HttpClient,
    admin: HttpClient,
    _serving: Process,
    /// Dropped behind what is in it.
    ceph: Daemons,
    /// How often each trouble strikes in one play.
    rounds: u64,
}

impl Stage {
    pub fn set() -> Self {
        let ceph = Daemons::start();
        let proxy = Proxy::before(ceph.server());
        let bucket = Bucket::on(ceph.server()).behind(proxy.endpoint());
        let lab = Lab::with_objects(SETTINGS, &format!("{}{TIMES}{PARTS}", bucket.objects_section()));
        let (busy, still) = (busy(&lab), still(&lab));
        let seat = lab.seat("gateway");
        lab.init(&seat);
        let mut serving = Process::start(&seat, &["serve"]);
        serving.wait_for(seat.documents);
        let manners = Manners { clients: 4, pause: Duration::from_millis(20), seed: 5 };
        let traffic = Traffic::with_manners(vec![seat.documents_client()], busy, manners);
        #[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
        let seconds = std::env::var("SLUSS_TORTURE_SECONDS").map_or(0, |seconds| seconds.parse().unwrap());
        Self {
            gateway: seat.documents_client(),
            admin: seat.admin_client(),
            _serving: serving,
            readers: Arc::default(),
            still: Arc::new(still),
            rounds: 1 + seconds / 60,
            lab,
            bucket,
            proxy,
            traffic,
            ceph,
        }
    }

    /// Every trouble in turn, under traffic, after as much calm.
    pub async fn play(&self, calm: Duration) {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        self.traffic.start(&stop, &tasks);
        // In phase `object` nobody else has what they read, so that they may have to wait.
        let readers = (!calm.is_zero()).then(|| {
            let reading = Arc::clone(&self.readers).read(self.gateway.clone(), Arc::clone(&self.still), stop.clone());
            tasks.spawn(reading)
        });
        sleep(calm).await;
        for trouble in (0..self.rounds).flat_map(|_| Trouble::ALL) {
            let before = self.traffic.operations();
            self.readers.in_trouble.store(true, Ordering::Relaxed);
            trouble.strike(&self.ceph, &self.proxy).await;
            self.readers.in_trouble.store(false, Ordering::Relaxed);
            println!("{trouble:?}: {} operations, {:?}", self.traffic.operations() - before, self.traffic.counts);
        }
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        if let Some(readers) = readers {
            readers.await.unwrap();
        }
    }

    /// Both tenants, and not before every guard has passed.
    pub async fn flip(&self, to: Phase) {
        for customer in [&ACME, &GLOBEX] {
            let (path, begun) = (format!("/admin/v1/tenants/{}/phase", customer.tenant), Instant::now());
            loop {
                let (_, report) = self.admin.json(Method::POST, &path, Some(&json!({ "to": to }))).await.unwrap();
                let report: FlipReport = serde_json::from_value(report).unwrap();
                match report.outcome {
                    FlipOutcome::Flipped | FlipOutcome::AlreadyThere => break,
                    FlipOutcome::WouldFlip | FlipOutcome::Blocked | FlipOutcome::Moved => {}
                }
                assert!(begun.elapsed() < PATIENCE, "{} does not come to {to}: {report:?}", customer.tenant);
                sleep(LOOK_EVERY).await;
            }
        }
        self.settle().await;
    }

    /// Until no job is open and every upload has ended.
    pub async fn settle(&self) {
        for customer in [&ACME, &GLOBEX] {
            let begun = Instant::now();
            loop {
                let (_, view) = self.admin.json(Method::GET, &format!("/admin/v1/tenants/{}", customer.tenant), None).await.unwrap();
                let view: TenantView = serde_json::from_value(view).unwrap();
                assert_eq!(view.quarantined, 0, "{view:?}");
                if view.backlog == 0 && view.open_uploads == 0 {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "work does not end: {view:?}");
                sleep(LOOK_EVERY).await;
            }
        }
    }
}

fn busy(lab: &Lab) -> Vec<Document> {
    let (database, mut rng) = (lab.database(), StdRng::seed_from_u64(7));
    let plant = |number: u64| {
        let max_length = match number {
            0..4 => 12 << 20,
            4..12 => 3 << 20,
            _ => 200 << 10,
        };
        let pattern = Pattern { seed: 1 + number, length: rng.random_range(1..=max_length) };
        let (id, file_name) = (format!("akt-{number}"), format!("Bilaga {number}.pdf"));
        GLOBEX.insert(&database, &id, "application/pdf", &file_name, Some(pattern));
        let (path, ledger) = (format!("/v1/tenants/globex/documents/{id}"), Mutex::new(Ledger::of(Seen::Content(pattern))));
        Document { path, media_type: "application/pdf", file_name, max_length, ledger }
    };
    (0..BUSY).map(plant).collect()
}

fn still(lab: &Lab) -> Vec<Still> {
    let database = lab.database();
    let plant = |number: u64| {
        let content = Pattern { seed: 1000 + number, length: STILL_BYTES };
        ACME.insert(&database, &number.to_string(), "application/pdf", "still.pdf", Some(content));
        Still { path: format!("/v1/tenants/acme/documents/{number}"), content }
    };
    (1..=STILL).map(plant).collect()
}
