//! When a store is taken for out, and when it is tried again. Values and instants only: no clock, no lock and no store.
//!
//! Closed: everything passes. Out: nothing does, for a while; then one call is let through, and its end decides. What else comes
//! meanwhile is refused.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

/// Calls that ended within this time are looked at, in slices that are forgotten one at a time. It is longer than the deadlines by which
/// a store that hangs fails.
const WINDOW: Duration = Duration::from_secs(30);
const SLICE: Duration = Duration::from_secs(3);

/// Half of the calls failed, and these many: fewer can be one document's misfortune.
const FEWEST_FAILURES: u32 = 5;

/// So many failures in a row say it sooner where the window is still full of better times.
const IN_A_ROW: u32 = 10;

/// How long a store is left alone: this, and twice as long each time that a trial fails.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// Rises with every turn: a call that began before it says nothing about what is now.
    round: u64,
}

#[derive(Debug)]
enum State {
    Closed { recent: Window, failures_in_a_row: u32 },
    Out { since: Instant, wait: Duration, until: Instant, is_tried: bool },
}

/// A call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    round: u64,
    /// What becomes of this call decides whether the store is back.
    pub(super) is_trial: bool,
}

/// A call that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) out_for: Duration,
    /// Zero: another call is trying.
    pub(super) tried_in: Duration,
}

/// What the end of a call changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Opened { wait: Duration },
    StillOut { out_for: Duration, wait: Duration },
    Closed { out_for: Duration },
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { state: State::closed(), round: 0 }
    }

    /// Whether a call that comes now would be refused.
    pub(super) fn refuses(&self, now: Instant) -> Option<Refused> {
        match self.state {
            State::Closed { .. } => None,
            State::Out { until, is_tried: false, .. } if until <= now => None,
            State::Out { since, until, .. } => Some(Refused { out_for: now - since, tried_in: until.saturating_duration_since(now) }),
        }
    }

    pub(super) fn is_out(&self) -> bool {
        match self.state {
            State::Closed { .. } => false,
            State::Out { .. } => true,
        }
    }

    pub(super) fn pass(&mut self, now: Instant) -> Result<Ticket, Refused> {
        if let Some(refused) = self.refuses(now) {
            return Err(refused);
        }
        let is_trial = match &mut self.state {
            State::Closed { .. } => false,
            State::Out { is_tried, .. } => {
                *is_tried = true;
                true
            }
        };
        Ok(Ticket { round: self.round, is_trial })
    }

    /// A call has ended: the store answered it, whatever it said, or it was out.
    pub(super) fn ended(&mut self, now: Instant, ticket: Ticket, answered: bool) -> Option<Turn> {
        if ticket.round != self.round {
            return None;
        }
        let turn = match &mut self.state {
            State::Closed { recent, failures_in_a_row } => {
                recent.note(now, answered);
                *failures_in_a_row = if answered { 0 } else { *failures_in_a_row + 1 };
                if answered || (*failures_in_a_row < IN_A_ROW && !recent.is_mostly_failures()) {
                    return None;
                }
                self.state = State::Out { since: now, wait: SHORTEST, until: now + shortened(SHORTEST), is_tried: false };
                Turn::Opened { wait: SHORTEST }
            }
            // In this round, only its trial was let through.
            State::Out { since, .. } if answered => {
                let out_for = now - *since;
                self.state = State::closed();
                Turn::Closed { out_for }
            }
            State::Out { since, wait, until, is_tried } => {
                *wait = (*wait * 2).min(LONGEST);
                *until = now + shortened(*wait);
                *is_tried = false;
                Turn::StillOut { out_for: now - *since, wait: *wait }
            }
        };
        self.round += 1;
        Some(turn)
    }

    /// A call was dropped before its end. If it was the trial, the next call is.
    pub(super) fn left(&mut self, ticket: Ticket) {
        if ticket.round == self.round
            && let State::Out { is_tried, .. } = &mut self.state
        {
            *is_tried = false;
        }
    }
}

impl State {
    fn closed() -> Self {
        Self::Closed { recent: Window::default(), failures_in_a_row: 0 }
    }
}

/// A little less, so that many processes do not try the store in the same moment.
fn shortened(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.8..1.0))
}

#[derive(Debug, Default)]
struct Window(VecDeque<Slice>);

#[derive(Debug)]
struct Slice {
    begun: Instant,
    answered: u32,
    failed: u32,
}

impl Window {
    fn note(&mut self, now: Instant, answered: bool) {
        while self.0.front().is_some_and(|slice| slice.begun + WINDOW <= now) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|slice| slice.begun + SLICE <= now) {
            self.0.push_back(Slice { begun: now, answered: 0, failed: 0 });
        }
        if let Some(slice) = self.0.back_mut() {
            slice.answered += u32::from(answered);
            slice.failed += u32::from(!answered);
        }
    }

    fn is_mostly_failures(&self) -> bool {
        let (answered, failed) = self.0.iter().fold((0, 0), |(answered, failed), slice| (answered + slice.answered, failed + slice.failed));
        failed >= FEWEST_FAILURES && failed >= answered
    }
}

#[cfg(test)]
mod tests;
