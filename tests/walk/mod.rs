//! One run: processes, traffic, an operator, a killer, a hider of objects and a writer who gets in the way of copies.

mod goals;
mod judge;
mod operator;
mod plant;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluss::client::HttpClient;
use sluss::demo::traffic::{Manners, Traffic};
use sluss::model::phase::Phase;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::lab::{Lab, Seat};
use crate::support::process::Process;
pub use goals::Goals;
use operator::{Operator, WALK};

/// Leases run out soon, so that what a killed agent held is taken over; copies are slow enough to be overtaken.
const SETTINGS: &str = "[limits]\nstore_timeout = \"60s\"\nqueue_timeout = \"60s\"\n\
    [agents]\nin_serve = false\nconcurrency = 3\nlease = \"2s\"\npoll_max = \"300ms\"\nretry_base = \"200ms\"\nretry_cap = \"2s\"\n\
    retry_budget = 30\nabandoned_after = \"30s\"\nsweep_every = \"10s\"\nbytes_per_second = \"24MiB\"\n";

/// From a wish to the agents until most of what it asks of them is done: a kill within it hits a verification or a purge.
const AT_WORK: Duration = Duration::from_millis(400);

pub struct Walk {
    pub lab: Arc<Lab>,
    pub goals: Goals,
    operator: Operator,
    gateways: Vec<Seat>,
    processes: Vec<Process>,
    busy: Arc<Traffic>,
    quiet: Arc<Traffic>,
    kills: AtomicU64,
    walks: AtomicU64,
    begun: Instant,
}

impl Walk {
    pub fn begin(goals: Goals) -> Self {
        let lab = Lab::new(SETTINGS);
        let (busy, quiet) = plant::plant(&lab);
        let gateways = vec![lab.seat("gateway-a"), lab.seat("gateway-b")];
        let agents = [lab.seat("agent-a"), lab.seat("agent-b")];
        lab.init(&gateways[0]);
        let mut processes: Vec<Process> = gateways.iter().map(|seat| Process::start(seat, &["serve"])).collect();
        processes.extend(agents.iter().map(|seat| Process::start(seat, &["agent"])));
        for (seat, process) in gateways.iter().zip(&mut processes) {
            process.wait_for(seat.documents);
        }
        let clients = || gateways.iter().map(Seat::documents_client).collect();
        let manners = Manners { clients: 8, pause: Duration::from_millis(1), seed: goals.seed };
        let busy = Traffic::with_manners(clients(), busy, manners);
        let manners = Manners { clients: 2, pause: Duration::from_millis(100), seed: goals.seed.wrapping_add(1) };
        let quiet = Traffic::with_manners(clients(), quiet, manners);
        let operator = Operator::new(gateways.iter().map(Seat::admin_client).collect());
        let (kills, walks) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { lab: Arc::new(lab), goals, operator, gateways, processes, busy, quiet, kills, walks, begun: Instant::now() }
    }

    /// Walks there and back, again and again, until enough has happened.
    pub async fn under_traffic(&mut self) {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        self.busy.start(&stop, &tasks);
        self.quiet.start(&stop, &tasks);
        tasks.spawn(trouble::hide_objects(
            Arc::clone(&self.lab),
            Arc::clone(&self.operator.in_sight),
            self.documents_clients(),
            stop.clone(),
        ));
        tasks.spawn(trouble::overtake_copies(self.documents_clients(), stop.clone()));
        self.begun = Instant::now();
        let mut processes = std::mem::take(&mut self.processes);
        tokio::select! {
            () = self.walk() => {}
            () = self.kill(&mut processes) => {}
        }
        self.processes = processes;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        println!("after {:?}: {}", self.begun.elapsed(), self.progress().await);
    }

    async fn walk(&self) {
        for phase in WALK.into_iter().cycle() {
            sleep(self.goals.step).await;
            self.operator.go_to(phase).await;
            self.walks.fetch_add(u64::from(phase == Phase::Sql), Ordering::Relaxed);
            if self.enough().await {
                return;
            }
        }
    }

    /// Never ends: the walk does.
    async fn kill(&self, processes: &mut [Process]) {
        let mut rng = StdRng::seed_from_u64(self.goals.seed);
        loop {
            let patience = self.goals.between_kills.mul_f64(rng.random_range(0.5..1.5));
            tokio::select! {
                () = sleep(patience) => {}
                () = self.operator.asked.notified() => sleep(AT_WORK.mul_f64(rng.random_range(0.0..1.0))).await,
            }
            let elapsed = self.begun.elapsed();
            assert!(elapsed < self.goals.patience, "not enough has happened in {:?}: {}", self.goals.patience, self.progress().await);
            if self.kills.load(Ordering::Relaxed) < self.goals.kills || elapsed < self.goals.at_least {
                let victim = rng.random_range(0..processes.len());
                processes[victim].kill_and_restart();
                self.kills.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn enough(&self) -> bool {
        self.begun.elapsed() >= self.goals.at_least
            && self.walks.load(Ordering::Relaxed) >= 1
            && self.kills.load(Ordering::Relaxed) >= self.goals.kills
            && self.busy.operations() >= self.goals.operations
            && self.missing().await.is_empty()
    }

    async fn progress(&self) -> String {
        let mut complaints = self.busy.complaints.lock().await.clone();
        complaints.extend_from_slice(&self.quiet.complaints.lock().await);
        format!(
            "{} operations, {} kills, {} walks, {:?}, quiet: {:?}, seen: {:?}, reached: {:?}, complaints: {complaints:?}",
            self.busy.operations(),
            self.kills.load(Ordering::Relaxed),
            self.walks.load(Ordering::Relaxed),
            self.busy.counts,
            self.quiet.counts,
            judge::seen(&self.lab.logs()),
            self.operator.reached().await
        )
    }

    fn documents_clients(&self) -> Vec<HttpClient> {
        self.gateways.iter().map(Seat::documents_client).collect()
    }
}
