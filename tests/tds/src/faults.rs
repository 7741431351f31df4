//! Failures on request: a handle that tests hold while the server runs, and what it counts.

mod known;
pub mod line;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;

use crate::value::ServerError;

/// When a connection is cut, as seen from the request that meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of the request is executed.
    BeforeExecution,
    /// All of it is executed, committed too if it commits, and the client hears nothing.
    AfterExecution,
    /// All of it is executed, and the client hears this many bytes of the answer, packets' headers among them.
    InAnswer(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Cut(Cut),
    Error(u32),
}

/// One kind of failure, and which batches it meets: all, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    what: What,
    times: Option<u64>,
    containing: Option<String>,
    probability: f64,
    rolls_back: Option<bool>,
}

impl Rule {
    pub fn cut(cut: Cut) -> Self {
        Self::new(What::Cut(cut))
    }

    /// An answer with this error number instead of an execution.
    pub fn error(number: u32) -> Self {
        Self::new(What::Error(number))
    }

    fn new(what: What) -> Self {
        Self { what, times: None, containing: None, probability: 1.0, rolls_back: None }
    }

    /// Used up after so many batches.
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only batches with this text in them.
    pub fn containing(self, text: impl Into<String>) -> Self {
        Self { containing: Some(text.into()), ..self }
    }

    /// Only so large a part of the batches, drawn by the seeded generator.
    pub fn probability(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    /// Whether an error takes the open transaction with it. Otherwise its number decides: SQL Server's victims lose theirs.
    pub fn rolling_back(self, rolls_back: bool) -> Self {
        Self { rolls_back: Some(rolls_back), ..self }
    }
}

/// What was done so far, and who is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    pub connections_open: u64,
    pub connections_ever: u64,
    /// Accepted ones, by the name that the application gives itself.
    pub logins: BTreeMap<String, u64>,
    /// Executed, to the end or to an error of their own.
    pub batches_executed: u64,
    pub resets: u64,
    pub attentions: u64,
    pub delayed: u64,
    pub cut_before_execution: u64,
    pub cut_after_execution: u64,
    pub cut_in_answer: u64,
    /// Connections that [`Faults::cut_all`] ended.
    pub cut_at_once: u64,
    pub logins_refused: u64,
    /// By number, those of rules only.
    pub errors: BTreeMap<u32, u64>,
}

/// Steers a running server. Its copies steer the same one.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    generation: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    delay: Duration,
    refused_logins: Option<u32>,
    random: StdRng,
    counts: Counts,
}

/// What one batch meets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    #[default]
    Spared,
    Cut(Cut),
    Error {
        error: ServerError,
        rolls_back: bool,
    },
}

impl Default for Faults {
    fn default() -> Self {
        let random = StdRng::seed_from_u64(0);
        let state = State { rules: Vec::new(), delay: Duration::ZERO, refused_logins: None, random, counts: Counts::default() };
        Self { state: Arc::new(Mutex::new(state)), generation: watch::Sender::new(0) }
    }
}

impl Faults {
    /// Rules are asked in the order of their adding; the first that meets a batch decides.
    pub fn add(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Each answer waits so long, after its execution.
    pub fn delay_answers(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Answers every login with this error number, or no more. 18456 says that the password is wrong.
    pub fn refuse_logins(&self, number: Option<u32>) {
        self.state().refused_logins = number;
    }

    /// Where probabilities start from again.
    pub fn seed(&self, seed: u64) {
        self.state().random = StdRng::seed_from_u64(seed);
    }

    /// Cuts every connection that there is now. New ones are welcome.
    pub fn cut_all(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// No more failures. What was counted stays.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.delay = Duration::ZERO;
        state.refused_logins = None;
    }

    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.state().counts);
    }

    /// Changes when every connection is to be cut.
    pub(crate) fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    pub(crate) fn delay(&self) -> Duration {
        self.state().delay
    }

    pub(crate) fn login_refusal(&self, user: &str, database: &str) -> Option<ServerError> {
        let number = self.state().refused_logins?;
        Some(known::error(number, user, database).0)
    }

    /// Draws what a batch meets, and counts it.
    pub(crate) fn fate(&self, batch: &str, user: &str, database: &str) -> Fate {
        let mut state = self.state();
        let State { rules, random, counts, .. } = &mut *state;
        let met = rules.iter_mut().find(|rule| {
            rule.times != Some(0)
                && rule.containing.as_deref().is_none_or(|text| batch.contains(text))
                && (rule.probability >= 1.0 || random.random::<f64>() < rule.probability)
        });
        let Some(rule) = met else { return Fate::Spared };
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        match rule.what {
            What::Cut(cut) => {
                *match cut {
                    Cut::BeforeExecution => &mut counts.cut_before_execution,
                    Cut::AfterExecution => &mut counts.cut_after_execution,
                    Cut::InAnswer(_) => &mut counts.cut_in_answer,
                } += 1;
                Fate::Cut(cut)
            }
            What::Error(number) => {
                *counts.errors.entry(number).or_default() += 1;
                let (error, rolls_back) = known::error(number, user, database);
                Fate::Error { error, rolls_back: rule.rolls_back.unwrap_or(rolls_back) }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing of the state is ever half changed, so a panic elsewhere spoils nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
