//! The breaker as a machine: what opens it, what closes it, and that it is never stuck.

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A breaker and a clock that only this test moves.
struct Bench {
    breaker: Breaker,
    now: Instant,
    turns: Vec<Turn>,
}

impl Bench {
    fn new() -> Self {
        Self { breaker: Breaker::new(), now: Instant::now(), turns: Vec::new() }
    }

    fn call(&mut self, answered: bool) -> bool {
        let Ok(ticket) = self.breaker.pass(self.now) else { return false };
        self.end(ticket, answered);
        true
    }

    fn end(&mut self, ticket: Ticket, answered: bool) {
        self.turns.extend(self.breaker.ended(self.now, ticket, answered));
    }

    fn is_out(&self) -> bool {
        matches!(self.breaker.state, State::Out { .. })
    }

    fn out() -> Self {
        let mut bench = Self::new();
        while !bench.is_out() {
            assert!(bench.call(false));
        }
        bench
    }

    /// Moves to where the store is tried again, and answers how long that was.
    fn wait_for_trial(&mut self) -> Duration {
        let wait = self.breaker.refuses(self.now).map_or(Duration::ZERO, |refused| refused.tried_in);
        self.now += wait;
        wait
    }
}

#[test]
fn a_store_that_fails_every_call_is_soon_left_alone() {
    let mut bench = Bench::new();
    let sent = (0..100).filter(|_| bench.call(false)).count();
    assert_eq!((sent, &bench.turns[..]), (FEWEST_FAILURES as usize, &[Turn::Opened { wait: SHORTEST }][..]));
}

#[test]
fn after_good_times_failures_in_a_row_open_it() {
    let mut bench = Bench::new();
    (0..10_000).for_each(|_| assert!(bench.call(true)));
    assert_eq!((0..100).filter(|_| bench.call(false)).count(), IN_A_ROW as usize);
}

#[test]
fn half_of_the_calls_is_too_much_and_a_third_is_not() {
    let mut bench = Bench::new();
    (0..300).for_each(|n| assert!(bench.call(n % 3 != 0), "opened at call {n}"));
    let mut bench = Bench::new();
    assert!((0..300).any(|n| !bench.call(n % 2 != 0)));
}

#[test]
fn failures_that_are_long_past_do_not_count() {
    let mut bench = Bench::new();
    for _ in 0..50 {
        assert!(bench.call(false) && bench.call(false) && bench.call(true));
        bench.now += WINDOW;
    }
}

#[test]
fn one_call_tries_while_the_others_are_refused() {
    let mut bench = Bench::out();
    assert!(bench.breaker.pass(bench.now).is_err());
    let wait = bench.wait_for_trial();
    assert!((SHORTEST.mul_f64(0.8)..=SHORTEST).contains(&wait), "{wait:?}");
    let trial = bench.breaker.pass(bench.now).unwrap();
    assert!(trial.is_trial);
    assert_eq!(bench.breaker.pass(bench.now).unwrap_err().tried_in, Duration::ZERO);
    bench.now += MS;
    bench.end(trial, true);
    assert!(bench.call(true) && !bench.breaker.pass(bench.now).unwrap().is_trial);
    assert_eq!(bench.turns[1], Turn::Closed { out_for: wait + MS });
}

#[test]
fn each_trial_that_fails_doubles_the_wait_up_to_a_bound() {
    let mut bench = Bench::out();
    let nominal = [1, 2, 4, 8, 10, 10, 10].map(Duration::from_secs);
    for wait in nominal {
        let waited = bench.wait_for_trial();
        assert!((wait.mul_f64(0.8)..=wait).contains(&waited), "{waited:?} for {wait:?}");
        assert!(bench.call(false) && !bench.call(true));
    }
    // A store that comes back starts anew.
    bench.wait_for_trial();
    assert!(bench.call(true));
    while bench.call(false) {}
    assert!(bench.wait_for_trial() <= SHORTEST);
}

#[test]
fn a_trial_that_is_dropped_leaves_the_next_call_to_try() {
    let mut bench = Bench::out();
    bench.wait_for_trial();
    let trial = bench.breaker.pass(bench.now).unwrap();
    bench.breaker.left(trial);
    assert!(bench.call(true) && !bench.is_out());
}

#[test]
fn calls_of_an_earlier_time_decide_nothing() {
    let mut bench = Bench::new();
    let old: Vec<Ticket> = (0..50).map(|_| bench.breaker.pass(bench.now).unwrap()).collect();
    while bench.call(false) {}
    old[..10].iter().for_each(|ticket| bench.end(*ticket, true));
    assert!(bench.is_out(), "an answer to a call from before the outage closed it");
    bench.wait_for_trial();
    bench.breaker.left(old[10]);
    assert!(bench.call(true));
    old[11..].iter().for_each(|ticket| bench.end(*ticket, false));
    assert!(!bench.is_out(), "failures from before the outage opened it again");
}

/// What may happen to a breaker.
#[derive(Debug, Clone, Copy)]
enum Step {
    Pass,
    /// The call that has been under way for so many passes ends, or is dropped.
    End(prop::sample::Index, bool),
    Leave(prop::sample::Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Pass),
        3 => (any::<prop::sample::Index>(), prop::bool::weighted(0.3)).prop_map(|(index, answered)| Step::End(index, answered)),
        1 => any::<prop::sample::Index>().prop_map(Step::Leave),
        2 => (0..40_000u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn never_two_trials_at_once_and_never_stuck(steps in prop::collection::vec(step(), 1..300)) {
        let mut bench = Bench::new();
        let mut under_way: Vec<Ticket> = Vec::new();
        for step in steps {
            match step {
                Step::Pass => {
                    let was_out = bench.is_out();
                    if let Ok(ticket) = bench.breaker.pass(bench.now) {
                        prop_assert_eq!(ticket.is_trial, was_out, "while it is out, only trials pass");
                        under_way.push(ticket);
                    }
                }
                Step::End(index, answered) if !under_way.is_empty() => {
                    let ticket = under_way.swap_remove(index.index(under_way.len()));
                    bench.end(ticket, answered);
                }
                Step::Leave(index) if !under_way.is_empty() => {
                    bench.breaker.left(under_way.swap_remove(index.index(under_way.len())));
                }
                Step::End(..) | Step::Leave(_) => {}
                Step::Wait(ms) => bench.now += Duration::from_millis(ms),
            }
            let trials = under_way.iter().filter(|ticket| ticket.is_trial).count();
            let current = under_way.iter().filter(|ticket| ticket.is_trial && ticket.round == bench.breaker.round).count();
            prop_assert!(trials <= 1 && current <= 1, "{} trials are under way", trials);
        }
        // Once all calls have ended, whichever way, some call is let through within the longest wait.
        under_way.into_iter().for_each(|ticket| bench.breaker.left(ticket));
        bench.now += LONGEST;
        prop_assert!(bench.breaker.pass(bench.now).is_ok());
    }

    #[test]
    fn a_store_that_fails_one_call_in_ten_is_never_taken_for_out(seed: u64, pace_ms in 1u64..500) {
        let (mut bench, mut dice) = (Bench::new(), StdRng::seed_from_u64(seed));
        // A first few that fail by chance are no evidence, so it begins with some that do not.
        (0..40).for_each(|_| assert!(bench.call(true)));
        for _ in 0..2000 {
            bench.now += Duration::from_millis(dice.random_range(0..=pace_ms));
            prop_assert!(bench.call(dice.random_bool(0.9)));
        }
    }

    #[test]
    fn a_store_that_is_gone_is_found_out_at_any_pace(good in 0usize..2000, pace_ms in 1u64..2000) {
        let mut bench = Bench::new();
        (0..good).for_each(|_| { bench.call(true); });
        let mut sent = 0;
        while !bench.is_out() {
            bench.call(false);
            sent += 1;
            bench.now += Duration::from_millis(pace_ms);
        }
        prop_assert!(sent <= IN_A_ROW, "{} calls failed before it opened", sent);
    }
}
