//! Stores that fail on purpose, by a plan: in builds with `--cfg sluss_fault` only. Below the meters, where a real store would fail;
//! never the cause of a wrong byte anywhere but in an object's stream, which the gateway has to notice.
//!
//! A test arms its own [`Faults`] with [`under`]; a real process is armed by `SLUSS_FAULTS`, as in `SLUSS_FAULTS=seed=7,rate=0.02`.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::error::{StoreError, StoreErrorKind, StoreResult};
use super::object::ObjectStore;
use super::queue::JobQueue;
use super::sql::SqlStore;
use crate::lock::lock;

mod backups;
mod content;
mod history;
mod jobs;
mod objects;
mod plan;
mod sql;

pub use plan::{FaultKind, FaultPlan};

/// What faulty calls say of themselves.
const STORE: &str = "faulty";

/// Longest wait of a call that a plan delays; most waits are far shorter, some are long enough for anything to happen meanwhile.
const MAX_DELAY: Duration = Duration::from_millis(600);

/// One plan at work: the stores of any number of processes share it.
#[derive(Debug)]
pub struct Faults {
    plan: FaultPlan,
    armed: AtomicBool,
    rng: Mutex<StdRng>,
    counts: [AtomicU64; FaultKind::ALL.len()],
    /// Where an upload goes on that outlives the process that sent it.
    network: Option<Handle>,
}

impl Faults {
    pub fn new(plan: FaultPlan) -> Self {
        let rng = Mutex::new(StdRng::seed_from_u64(plan.seed));
        Self { plan, armed: AtomicBool::new(true), rng, counts: Default::default(), network: None }
    }

    /// Late uploads land by this runtime, whatever becomes of the process that sent them.
    pub fn landing_on(mut self, network: Handle) -> Self {
        self.network = Some(network);
        self
    }

    /// From now on every call passes; what hangs or is under way late stays so.
    pub fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }

    /// How many faults of each kind there were.
    pub fn counts(&self) -> Vec<(FaultKind, u64)> {
        FaultKind::ALL.iter().zip(&self.counts).map(|(kind, count)| (*kind, count.load(Ordering::Relaxed))).collect()
    }

    /// Throws the dice for one fault, and counts it.
    fn strikes(&self, kind: FaultKind) -> bool {
        let rate = self.plan.rate(kind);
        if rate == 0.0 || !self.armed.load(Ordering::Relaxed) || !self.throw(|rng| rng.random_bool(rate)) {
            return false;
        }
        self.counts[kind.index()].fetch_add(1, Ordering::Relaxed);
        true
    }

    fn throw<T>(&self, dice: impl FnOnce(&mut StdRng) -> T) -> T {
        dice(&mut lock(&self.rng))
    }

    /// Short waits are likely, and long ones happen.
    fn span(&self) -> Duration {
        let share: f64 = self.throw(|rng| rng.random_range(0.0..1.0));
        MAX_DELAY.mul_f64(share.powi(4))
    }

    async fn delay(&self) {
        if self.strikes(FaultKind::Delay) {
            sleep(self.span()).await;
        }
    }

    fn error(&self, operation: &'static str, fault: FaultKind) -> StoreError {
        let kinds = [StoreErrorKind::Unavailable, StoreErrorKind::Timeout, StoreErrorKind::Other];
        let kind = kinds[self.throw(|rng| rng.random_range(0..kinds.len()))];
        StoreError::new(STORE, operation, "by plan", kind).because(fault.label())
    }

    /// A call that its caller gives up after a while: it may hang.
    async fn bounded<T>(&self, operation: &'static str, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        if self.strikes(FaultKind::Hang) {
            return pending().await;
        }
        self.unbounded(operation, call).await
    }

    /// A call that its caller waits for without end.
    async fn unbounded<T>(&self, operation: &'static str, call: impl Future<Output = StoreResult<T>>) -> StoreResult<T> {
        self.prelude(operation).await?;
        let answer = call.await;
        self.delay().await;
        match self.strikes(FaultKind::After) {
            true => Err(self.error(operation, FaultKind::After)),
            false => answer,
        }
    }

    /// What can go wrong before anything happened.
    async fn prelude(&self, operation: &'static str) -> StoreResult<()> {
        self.delay().await;
        if self.strikes(FaultKind::Before) {
            return Err(self.error(operation, FaultKind::Before));
        }
        if self.strikes(FaultKind::Full) {
            let kinds = [StoreErrorKind::Full, StoreErrorKind::Throttled { retry_after: None }];
            let kind = kinds[self.throw(|rng| rng.random_range(0..kinds.len()))];
            return Err(StoreError::new(STORE, operation, "by plan", kind).because(FaultKind::Full.label()));
        }
        Ok(())
    }
}

tokio::task_local! {
    static CURRENT: Arc<Faults>;
}

/// Whatever `building` builds works under these faults.
pub async fn under<T>(faults: Arc<Faults>, building: impl Future<Output = T>) -> T {
    CURRENT.scope(faults, building).await
}

/// A tenant's database under the faults at hand: those of the task that builds them, or else the environment's; unchanged without any.
pub fn wrap(sql: Arc<dyn SqlStore>, jobs: Arc<dyn JobQueue>) -> (Arc<dyn SqlStore>, Arc<dyn JobQueue>) {
    let Some(faults) = at_hand() else { return (sql, jobs) };
    (Arc::new(sql::FaultySql::new(sql, Arc::clone(&faults))), Arc::new(jobs::FaultyJobs::new(jobs, faults)))
}

/// The same for one of its placements.
pub fn wrap_objects(objects: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
    match at_hand() {
        Some(faults) => Arc::new(objects::FaultyObjects::new(objects, faults)),
        None => objects,
    }
}

fn at_hand() -> Option<Arc<Faults>> {
    CURRENT.try_with(Arc::clone).ok().or_else(|| FROM_ENVIRONMENT.clone())
}

static FROM_ENVIRONMENT: LazyLock<Option<Arc<Faults>>> = LazyLock::new(from_environment);

/// A plan that cannot be read ends the process: it would else run without the faults that it was started for.
#[expect(clippy::disallowed_methods, reason = "no configuration can arm faults, so that none does so by mistake")]
fn from_environment() -> Option<Arc<Faults>> {
    let text = std::env::var("SLUSS_FAULTS").ok()?;
    let plan: FaultPlan = text.parse().unwrap_or_else(|error| panic!("SLUSS_FAULTS: {error}"));
    tracing::error!("THE STORES OF THIS PROCESS FAIL ON PURPOSE, by SLUSS_FAULTS={plan}: this build is for tests, and never for data");
    Some(Arc::new(Faults::new(plan)))
}

#[cfg(test)]
mod tests;
