//! One run: processes, traffic, a steerer, a killer, a hider of objects and a writer who gets in the way of copies.

mod goals;
mod judge;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sluss::client::HttpClient;
use sluss::demo::ledger::{Ledger, Seen};
use sluss::demo::pattern::Pattern;
use sluss::demo::traffic::{Document, Manners, Traffic};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::customers::{ACME, Customer, GLOBEX};
use crate::support::lab::{Lab, Seat};
use crate::support::process::Process;
pub use goals::Goals;

/// Documents of both tenants together.
const DOCUMENTS: u64 = 200;

/// Leases run out soon, so that what a killed agent held is taken over; copies are slow enough to be overtaken.
const SETTINGS: &str = "[limits]\nstore_timeout = \"60s\"\nqueue_timeout = \"60s\"\n\
    [agents]\nin_serve = false\nconcurrency = 3\nlease = \"2s\"\npoll_max = \"300ms\"\nretry_base = \"200ms\"\nretry_cap = \"2s\"\n\
    retry_budget = 30\nabandoned_after = \"30s\"\nsweep_every = \"10s\"\nbytes_per_second = \"24MiB\"\n";

const WALK: [&str; 6] = ["shadow", "dual", "object", "dual", "shadow", "sql"];

pub struct Walk {
    pub lab: Arc<Lab>,
    pub goals: Goals,
    gateways: Vec<Seat>,
    processes: Vec<Process>,
    traffic: Arc<Traffic>,
    kills: u64,
    walks: u64,
}

impl Walk {
    pub fn begin(goals: Goals) -> Self {
        let lab = Lab::new(SETTINGS);
        let documents = plant(&lab);
        let gateways = vec![lab.seat("gateway-a"), lab.seat("gateway-b")];
        let agents = [lab.seat("agent-a"), lab.seat("agent-b")];
        lab.init(&gateways[0]);
        let mut processes: Vec<Process> = gateways.iter().map(|seat| Process::start(seat, &["serve"])).collect();
        processes.extend(agents.iter().map(|seat| Process::start(seat, &["agent"])));
        for (seat, process) in gateways.iter().zip(&mut processes) {
            process.wait_for(seat.documents);
        }
        let clients = gateways.iter().map(Seat::documents_client).collect();
        let manners = Manners { clients: 8, pause: Duration::from_millis(1), seed: goals.seed };
        let traffic = Traffic::with_manners(clients, documents, manners);
        Self { lab: Arc::new(lab), goals, gateways, processes, traffic, kills: 0, walks: 0 }
    }

    /// Walks there and back, again and again, until enough has happened.
    pub async fn under_traffic(&mut self) {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        self.traffic.start(&stop, &tasks);
        tasks.spawn(trouble::hide_objects(Arc::clone(&self.lab), self.documents_clients(), stop.clone()));
        tasks.spawn(trouble::overtake_copies(self.documents_clients(), stop.clone()));
        let begun = Instant::now();
        let mut rng = StdRng::seed_from_u64(self.goals.seed);
        let mut steps = WALK.iter().cycle();
        let mut next_flip = begun + self.goals.step;
        while !self.enough(begun.elapsed()) {
            assert!(begun.elapsed() < self.goals.patience, "not enough has happened in {:?}: {}", self.goals.patience, self.progress());
            sleep(self.goals.between_kills.mul_f64(rng.random_range(0.5..1.5))).await;
            if self.kills < self.goals.kills || begun.elapsed() < self.goals.at_least {
                let victim = rng.random_range(0..self.processes.len());
                self.processes[victim].kill_and_restart();
                self.kills += 1;
            }
            if Instant::now() >= next_flip {
                let to = steps.next().unwrap();
                self.flip_both(to).await;
                self.walks += u64::from(*to == "sql");
                next_flip = Instant::now() + self.goals.step;
            }
        }
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        println!("after {:?}: {}", begun.elapsed(), self.progress());
    }

    fn enough(&self, elapsed: Duration) -> bool {
        elapsed >= self.goals.at_least
            && self.walks >= 1
            && self.kills >= self.goals.kills
            && self.traffic.operations() >= self.goals.operations
            && judge::missing(&self.lab.logs()).is_empty()
    }

    fn progress(&self) -> String {
        let logs = self.lab.logs();
        format!(
            "{} operations, {} kills, {} walks, {:?}, seen: {:?}, complaints: {:?}",
            self.traffic.operations(),
            self.kills,
            self.walks,
            self.traffic.counts,
            judge::seen(&logs),
            self.traffic.complaints.try_lock().map(|complaints| complaints.clone()).unwrap_or_default()
        )
    }

    /// Asks whichever gateway lives; a guard may not pass yet, and then the tenant stays.
    async fn flip_both(&self, to: &str) {
        for customer in [&ACME, &GLOBEX] {
            let path = format!("/admin/v1/tenants/{}/phase", customer.tenant);
            for seat in &self.gateways {
                if seat.admin_client().json(Method::POST, &path, Some(&json!({ "to": to }))).await.is_ok() {
                    break;
                }
            }
        }
    }

    fn documents_clients(&self) -> Vec<HttpClient> {
        self.gateways.iter().map(Seat::documents_client).collect()
    }
}

/// Both tenants' documents, from nothing to 64 MiB.
fn plant(lab: &Lab) -> Vec<Document> {
    let database = lab.database();
    let mut rng = StdRng::seed_from_u64(11);
    (0..DOCUMENTS).map(|number| plant_one(&database, number, &mut rng)).collect()
}

fn plant_one(database: &rusqlite::Connection, number: u64, rng: &mut StdRng) -> Document {
    let customer: &Customer = if number.is_multiple_of(2) { &ACME } else { &GLOBEX };
    let id = if number.is_multiple_of(2) { format!("{}", number + 1) } else { format!("Akt {number}/b") };
    let max_length = match number {
        0 => 64 << 20,
        1..=3 => 16 << 20,
        4..=19 => 4 << 20,
        _ => 300 << 10,
    };
    let length = match number {
        0 => 64 << 20,
        20 | 21 => 0,
        _ => rng.random_range(1..=max_length),
    };
    let pattern = Pattern { seed: 1 + number, length };
    let file_name = format!("Bilaga {number} å.pdf");
    customer.insert(database, &id, "application/pdf", &file_name, Some(pattern));
    let segment = id.replace(' ', "%20").replace('/', "%2F");
    Document {
        path: format!("/v1/tenants/{}/documents/{segment}", customer.tenant),
        media_type: "application/pdf",
        file_name,
        max_length,
        ledger: Mutex::new(Ledger::of(Seen::Content(pattern))),
    }
}
