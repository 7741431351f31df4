//! The rules that are in force, and what came of them: a handle that tests hold while the proxy runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::rule::{Fault, Rule};

/// Steers a running proxy. Its copies steer the same one.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rules: Vec<Rule>,
    random: StdRng,
    requests: BTreeMap<String, u64>,
    troubles: BTreeMap<&'static str, u64>,
}

/// What one request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fate {
    pub delay: Duration,
    pub fault: Option<Fault>,
}

impl Default for Faults {
    fn default() -> Self {
        let random = StdRng::seed_from_u64(0);
        Self(Arc::new(Mutex::new(State { rules: Vec::new(), random, requests: BTreeMap::new(), troubles: BTreeMap::new() })))
    }
}

impl Faults {
    /// Rules are asked in the order of their adding; the first that meets a request decides. Delays add up before that.
    pub fn add(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Where probabilities start from again.
    pub fn seed(&self, seed: u64) {
        self.state().random = StdRng::seed_from_u64(seed);
    }

    /// No more failures. What was counted stays.
    pub fn clear(&self) {
        self.state().rules.clear();
    }

    /// How many requests came, whatever became of them.
    pub fn requests(&self, method: &Method) -> u64 {
        self.state().requests.get(method.as_str()).copied().unwrap_or_default()
    }

    /// How often a failure of this kind happened, wherever in a body.
    pub fn count(&self, kind: &Fault) -> u64 {
        self.state().troubles.get(kind.label()).copied().unwrap_or_default()
    }

    /// What happened, by kind.
    pub fn troubles(&self) -> Vec<(&'static str, u64)> {
        self.state().troubles.iter().map(|(kind, times)| (*kind, *times)).collect()
    }

    pub(super) fn happened(&self, fault: Fault) {
        *self.state().troubles.entry(fault.label()).or_default() += 1;
    }

    pub(super) fn draw(&self, method: &Method, path: &str) -> Fate {
        let mut state = self.state();
        let State { rules, random, requests, .. } = &mut *state;
        *requests.entry(method.to_string()).or_default() += 1;
        let mut fate = Fate::default();
        for rule in rules.iter_mut().filter(|rule| rule.is_about(method, path)) {
            let is_drawn = rule.probability >= 1.0 || random.random::<f64>() < rule.probability;
            if !is_drawn || !rule.is_due() {
                continue;
            }
            match rule.fault {
                Fault::Delay(delay) => fate.delay += delay,
                fault => {
                    fate.fault = Some(fault);
                    break;
                }
            }
        }
        fate
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing of the state is ever half changed, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(faults: &Faults, method: &Method, path: &str) -> Option<Fault> {
        faults.draw(method, path).fault
    }

    #[test]
    fn a_rule_meets_the_requests_it_is_about_and_is_used_up() {
        let faults = Faults::default();
        faults.add(Rule::new(Fault::CutAfter).method(Method::PUT).containing("uploadId=").after(1).times(2));
        let part = "/bucket/key?partNumber=1&uploadId=x";
        assert_eq!([drawn(&faults, &Method::GET, part), drawn(&faults, &Method::PUT, "/bucket/key")], [None, None]);
        let met: Vec<_> = (0..4).map(|_| drawn(&faults, &Method::PUT, part)).collect();
        assert_eq!(met, [None, Some(Fault::CutAfter), Some(Fault::CutAfter), None]);
        assert_eq!((faults.requests(&Method::PUT), faults.requests(&Method::GET)), (5, 1));
    }

    #[test]
    fn delays_add_up_and_the_first_other_rule_decides() {
        let faults = Faults::default();
        for fault in [Fault::Delay(Duration::from_secs(1)), Fault::Delay(Duration::from_secs(2)), Fault::Hang, Fault::CutBefore] {
            faults.add(Rule::new(fault));
        }
        let fate = faults.draw(&Method::GET, "/");
        assert_eq!(fate, Fate { delay: Duration::from_secs(3), fault: Some(Fault::Hang) });
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let faults = Faults::default();
            faults.seed(seed);
            faults.add(Rule::new(Fault::Hang).probability(0.5));
            (0..64).map(|_| drawn(&faults, &Method::GET, "/").is_some()).collect::<Vec<_>>()
        };
        let (one, same, other) = (draw(1), draw(1), draw(2));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert!((20..45).contains(&one.iter().filter(|met| **met).count()), "{one:?}");
    }
}
