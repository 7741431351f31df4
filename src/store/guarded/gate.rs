//! What all tenants of one process share of one store: the places for requests, the breaker, and how fast the store was of late.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::breaker::{Breaker, Refused, Ticket, Turn};
use super::first_bytes::FirstBytes;
use crate::lock::lock;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::telemetry::{InFlight, Metrics, Refusal};

/// What refusals say of themselves: the store was not asked.
pub const GATE: &str = "gate";

/// Reads whose callers have left and that are waited for still. Each keeps its place, so they are few beside the places.
const MOST_OUTLIVING: usize = 16;

/// What a process allows itself with one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateSettings {
    /// Requests at once.
    pub limit: usize,
    /// How long a request waits for its place, and fails as throttled then.
    pub patience: Duration,
    /// No read is hedged sooner, however fast the store is: a scheduler's hiccup or a busy disk is not worth a second holder's work.
    pub least_hedge: Duration,
}

/// One store as this process uses it. Everything that asks that store goes through the same gate.
pub struct Gate {
    name: String,
    settings: GateSettings,
    places: Arc<Semaphore>,
    outliving: Arc<Semaphore>,
    state: Mutex<State>,
    metrics: Arc<Metrics>,
}

struct State {
    breaker: Breaker,
    first_bytes: FirstBytes,
    /// Some call has come to its end.
    is_known: bool,
    /// Of the failure that took the store for out, or left it so.
    why_out: String,
}

/// How a store is, by what this process asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateHealth {
    pub state: GateState,
    /// Requests under way.
    pub in_flight: usize,
    /// Of the last reads up to their first byte; `None` where they were too few.
    pub p95: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateState {
    /// Nothing was asked of it yet.
    Unknown,
    Answers,
    /// All places are taken.
    Busy,
    /// So many reads were left by their callers and are waited for still that it is better not asked.
    Owing,
    /// Taken for out, because of this failure.
    Out(String),
}

impl Gate {
    /// `name`: what operators know the store by, in metrics and logs.
    pub fn new(name: impl Into<String>, settings: GateSettings, metrics: Arc<Metrics>) -> Arc<Self> {
        let (name, limit) = (name.into(), settings.limit.max(1));
        metrics.add_store(&name);
        Arc::new(Self {
            name,
            settings,
            places: Arc::new(Semaphore::new(limit)),
            outliving: Arc::new(Semaphore::new((limit / 4).clamp(1, MOST_OUTLIVING))),
            state: Mutex::new(State {
                breaker: Breaker::new(),
                first_bytes: FirstBytes::default(),
                is_known: false,
                why_out: String::new(),
            }),
            metrics,
        })
    }

    /// What operators know the store by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the store nothing.
    pub fn health(&self) -> GateHealth {
        let free = self.places.available_permits();
        let state = self.state();
        let p95 = state.first_bytes.p95();
        let state = match (state.breaker.is_out(), state.is_known) {
            (true, _) => GateState::Out(state.why_out.clone()),
            (false, false) => GateState::Unknown,
            (false, true) if self.outliving.available_permits() == 0 => GateState::Owing,
            (false, true) if free == 0 => GateState::Busy,
            (false, true) => GateState::Answers,
        };
        GateHealth { state, in_flight: self.settings.limit.max(1) - free, p95 }
    }

    /// What the store usually takes to its first byte. Zero: it owes so many answers by now that it is better not asked.
    pub(super) fn hedge_after(&self) -> Duration {
        if self.outliving.available_permits() == 0 {
            return Duration::ZERO;
        }
        self.state().first_bytes.slow_after(self.settings.least_hedge)
    }

    /// Waits for a place. An error: the store is out, or is not asked because too many others ask it.
    pub(super) async fn enter(self: &Arc<Self>, operation: &'static str, target: &str) -> StoreResult<Pass> {
        let refused = |refused| self.out(operation, target, refused);
        // Who would be refused need not wait for a place first.
        self.state().breaker.refuses(Instant::now()).map_or(Ok(()), Err).map_err(refused)?;
        let place = match timeout(self.settings.patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(place) => place.expect("nobody closes the semaphore"),
            Err(_) => return Err(self.busy(operation, target)),
        };
        let ticket = self.state().breaker.pass(Instant::now()).map_err(refused)?;
        let in_flight = self.metrics.store_request(&self.name);
        Ok(Pass { gate: Arc::clone(self), ticket, has_ended: false, _place: place, _in_flight: in_flight })
    }

    /// Waits for a read whose caller has left, if only a few are waited for. A trial always is: its end decides.
    pub(super) fn outlive(&self, call: impl Future<Output: Send> + Send + 'static, is_trial: bool) {
        let outliving = Arc::clone(&self.outliving).try_acquire_owned().ok();
        if outliving.is_none() && !is_trial {
            return;
        }
        // Bound by the store's deadline, and nothing that a process which stops has to wait for.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                drop(call.await);
                drop(outliving);
            });
        }
    }

    fn out(&self, operation: &'static str, target: &str, refused: Refused) -> StoreError {
        self.metrics.store_refused(&self.name, Refusal::Out);
        let Refused { out_for, tried_in } = refused;
        let next =
            if tried_in.is_zero() { "is being tried by another call".to_owned() } else { format!("is tried again in {tried_in:.1?}") };
        let reason = format!("{} was taken for out {out_for:.1?} ago, and {next}", self.name);
        StoreError::new(GATE, operation, target, StoreErrorKind::Unavailable).because(reason)
    }

    fn busy(&self, operation: &'static str, target: &str) -> StoreError {
        self.metrics.store_refused(&self.name, Refusal::Busy);
        let GateSettings { limit, patience, .. } = self.settings;
        let reason = format!("{limit} requests to {} are under way, and none ended within {patience:?}", self.name);
        StoreError::new(GATE, operation, target, StoreErrorKind::Throttled { retry_after: None }).because(reason)
    }

    fn tell(&self, turn: Turn, failure: Option<&StoreError>) {
        let (name, why) = (&self.name, failure.map(StoreError::chain).unwrap_or_default());
        self.state().why_out.clone_from(&why);
        match turn {
            Turn::Opened { wait } => {
                self.metrics.breaker_opened(name);
                tracing::warn!(event = "store_out", store = %name, "{name} is taken for out, and tried again within {wait:?}: {why}");
            }
            Turn::StillOut { out_for, wait } => {
                tracing::warn!(event = "store_out", store = %name, "{name} is out for {out_for:.0?} now, and tried again within {wait:?}: {why}");
            }
            Turn::Closed { out_for } => {
                self.metrics.breaker_closed(name);
                tracing::info!(event = "store_back", store = %name, "{name} is back after {out_for:.1?}");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A call that is under way, and holds its place until this is dropped.
pub(super) struct Pass {
    gate: Arc<Gate>,
    ticket: Ticket,
    has_ended: bool,
    _place: OwnedSemaphorePermit,
    _in_flight: InFlight,
}

impl Pass {
    pub(super) fn is_trial(&self) -> bool {
        self.ticket.is_trial
    }

    /// The store answered, or this is how it failed.
    pub(super) fn ended(&mut self, failure: Option<&StoreError>) {
        self.has_ended = true;
        let answered = failure.is_none_or(|error| !is_out(error.kind));
        let turn = {
            let mut state = self.gate.state();
            state.is_known = true;
            state.breaker.ended(Instant::now(), self.ticket, answered)
        };
        if let Some(turn) = turn {
            self.gate.tell(turn, failure);
        }
    }

    /// The store began to answer a read.
    pub(super) fn first_byte(&mut self, took: Duration) {
        self.gate.state().first_bytes.note(took);
        self.ended(None);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.has_ended {
            self.gate.state().breaker.left(self.ticket);
        }
    }
}

/// Whether a failure says that the store is not there. One that has an answer is, even if nobody likes the answer: an object that
/// is broken, a right that is missing or a disk that is full must not take everybody's other objects away.
fn is_out(kind: StoreErrorKind) -> bool {
    match kind {
        StoreErrorKind::Unavailable | StoreErrorKind::Timeout | StoreErrorKind::Throttled { .. } => true,
        StoreErrorKind::Denied | StoreErrorKind::Full | StoreErrorKind::Corrupt | StoreErrorKind::Other => false,
    }
}
