//! How much a phase still wants moved, and how fast that falls. Taken from the figures that all processes' commits carry on, so it is
//! everybody's rate, not this process's.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::job::JobKind;
use crate::model::phase::Phase;
use crate::store::sql::{Holding, Tally};

/// A rate is that of about so long.
const WINDOW: Duration = Duration::from_secs(60);

/// A shorter time says too little.
const LEAST: Duration = Duration::from_millis(1500);

/// What is left to be moved. Forward: what the object store does not have. Back: what SQL does not have. In `sealed`: what SQL still has.
pub(super) fn remaining(phase: Phase, mirror: bool, tally: &Tally) -> Holding {
    let none = Holding::default();
    let forward = if phase.calls_for(JobKind::Copy, mirror) { tally.sql } else { none };
    let back = if phase.calls_for(JobKind::WriteBack, mirror) { tally.object } else { none };
    let leaving = if phase.calls_for(JobKind::Purge, mirror) { tally.both } else { none };
    let sum = |of: fn(&Holding) -> i64| of(&forward) + of(&back) + of(&leaving);
    Holding { documents: sum(|holding| holding.documents), bytes: sum(|holding| holding.bytes) }
}

/// The last minute of one tenant.
#[derive(Debug, Default)]
pub(super) struct Moving {
    /// Other figures than those of before cannot be subtracted: another phase wants other things, and a sweep counts anew.
    of: Option<(Phase, Option<Timestamp>)>,
    seen: VecDeque<(Instant, Holding)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rate {
    pub(super) documents_per_second: f64,
    pub(super) bytes_per_second: f64,
}

impl Moving {
    pub(super) fn note(&mut self, now: Instant, phase: Phase, swept_at: Option<Timestamp>, remaining: Holding) {
        if self.of != Some((phase, swept_at)) {
            self.of = Some((phase, swept_at));
            self.seen.clear();
        }
        self.seen.push_back((now, remaining));
        // The oldest one that is kept is as old as the window, or the only one.
        while self.seen.get(1).is_some_and(|(at, _)| now - *at >= WINDOW) {
            self.seen.pop_front();
        }
    }

    /// Nothing where it stands still or grows.
    pub(super) fn rate(&self) -> Rate {
        let (Some((begun, first)), Some((ended, last))) = (self.seen.front(), self.seen.back()) else { return Rate::default() };
        let took = *ended - *begun;
        if took < LEAST || last.documents <= 0 {
            return Rate::default();
        }
        let fell = |from: i64, to: i64| (from - to).max(0) as f64 / took.as_secs_f64();
        Rate { documents_per_second: fell(first.documents, last.documents), bytes_per_second: fell(first.bytes, last.bytes) }
    }

    /// Until nothing is left: by the documents or by their bytes, whichever takes longer.
    pub(super) fn eta_seconds(&self) -> Option<f64> {
        let (_, left) = self.seen.back()?;
        self.of?.1?;
        let Rate { documents_per_second, bytes_per_second } = self.rate();
        let seconds = |left: i64, rate: f64| (rate > 0.0).then(|| left.max(0) as f64 / rate);
        let documents = seconds(left.documents, documents_per_second)?;
        Some(seconds(left.bytes, bytes_per_second).unwrap_or_default().max(documents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(documents: i64) -> Holding {
        Holding { documents, bytes: documents * 1000 }
    }

    fn tally() -> Tally {
        Tally { sql: holding(1), both: holding(10), object: holding(100), swept_at: None }
    }

    #[test]
    fn each_phase_wants_other_documents_moved() {
        let wanted = |phase, mirror| remaining(phase, mirror, &tally()).documents;
        let all = Phase::ALL.map(|phase| wanted(phase, false));
        assert_eq!(all, [100, 101, 101, 1, 11]);
        assert_eq!(wanted(Phase::Object, true), 101, "a mirror is written back to");
    }

    #[test]
    fn a_rate_is_that_of_the_last_minute_and_ends_with_the_phase() {
        let (mut moving, begun, swept) = (Moving::default(), Instant::now(), Some(Timestamp::UNIX_EPOCH));
        let at = |seconds| begun + Duration::from_secs(seconds);
        // Ten a second for five minutes, then one a second for two.
        for second in 0..=420_u32 {
            let moved = second.min(300) * 10 + second.saturating_sub(300);
            moving.note(at(second.into()), Phase::Dual, swept, holding(10_000 - i64::from(moved)));
            if second == 300 {
                assert_eq!(moving.rate(), Rate { documents_per_second: 10.0, bytes_per_second: 10_000.0 });
                assert_eq!(moving.eta_seconds(), Some(700.0));
            }
        }
        assert_eq!(moving.rate().documents_per_second, 1.0);
        assert!(moving.seen.len() <= 62, "a minute is kept");
        moving.note(at(421), Phase::Object, swept, holding(5));
        assert_eq!((moving.rate(), moving.eta_seconds()), (Rate::default(), None));
    }

    #[test]
    fn what_was_never_counted_has_a_rate_and_no_end() {
        let (mut moving, now) = (Moving::default(), Instant::now());
        moving.note(now, Phase::Dual, None, holding(50));
        moving.note(now + Duration::from_secs(10), Phase::Dual, None, holding(40));
        assert_eq!((moving.rate().documents_per_second, moving.eta_seconds()), (1.0, None));
        moving.note(now + Duration::from_secs(20), Phase::Dual, None, holding(90));
        assert_eq!(moving.rate(), Rate::default(), "more remains than before");
    }
}
