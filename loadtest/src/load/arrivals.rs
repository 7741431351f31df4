//! When requests are due, and on what. The due times depend on nothing that happens: a server that is slow gets no fewer requests.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::operation::Operation;
use super::plan::{Arrivals, Plan};
use crate::seed::Manifest;

/// One request of the schedule.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// Since the run began.
    pub at: Duration,
    pub operation: Operation,
    pub tenant: usize,
    pub id: u64,
    /// For whatever else has to be chosen.
    pub dice: u64,
}

/// While the rate is 0, it is looked at again this often.
const STEP: f64 = 0.1;

pub struct Schedule<'a> {
    plan: &'a Plan,
    tenants: u64,
    documents: u64,
    rng: StdRng,
    at: f64,
}

impl<'a> Schedule<'a> {
    pub fn of(plan: &'a Plan, manifest: &Manifest, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { plan, tenants: manifest.tenants, documents: manifest.documents, rng, at: 0.0 }
    }

    fn operation(&mut self) -> Operation {
        let mix = &self.plan.mix;
        let mut left = self.rng.random_range(0.0..mix.values().sum::<f64>());
        for (operation, part) in mix {
            if left < *part {
                return *operation;
            }
            left -= part;
        }
        Operation::Read
    }

    /// From 1 to `of`. The continuous form of Zipf's distribution: one draw, no table.
    fn choose(&mut self, of: u64, exponent: f64) -> u64 {
        let share: f64 = self.rng.random_range(0.0..1.0);
        let end = of as f64 + 1.0;
        let at = if (exponent - 1.0).abs() < 1e-6 {
            end.powf(share)
        } else {
            let power = 1.0 - exponent;
            ((end.powf(power) - 1.0) * share + 1.0).powf(1.0 / power)
        };
        (at as u64).clamp(1, of)
    }
}

impl Iterator for Schedule<'_> {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        loop {
            let rate = self.plan.rate_at(self.at);
            if rate > 0.0 {
                let share: f64 = self.rng.random_range(f64::MIN_POSITIVE..1.0);
                self.at += match self.plan.arrivals {
                    Arrivals::Constant => 1.0 / rate,
                    Arrivals::Poisson => -share.ln() / rate,
                };
                break;
            }
            self.at += STEP;
            if self.at >= self.plan.seconds {
                break;
            }
        }
        if self.at >= self.plan.seconds {
            return None;
        }
        let operation = self.operation();
        let tenant = self.choose(self.tenants, self.plan.choice.tenants_zipf) as usize - 1;
        let id = self.choose(self.documents, self.plan.choice.documents_zipf);
        Some(Due { at: Duration::from_secs_f64(self.at), operation, tenant, id, dice: self.rng.random() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Contents, Texture};
    use crate::load::plan::Rate;
    use crate::sizes::Sizes;

    fn manifest() -> Manifest {
        Manifest { contents: Contents { seed: 1, sizes: Sizes::Fixed(1), texture: Texture::Random }, tenants: 3, documents: 100 }
    }

    #[test]
    fn so_many_are_due_as_the_rate_says_and_all_kinds_and_documents_come() {
        let mut plan = Plan::steady(100.0, 50.0, Arrivals::Poisson);
        plan.rate.push(Rate { at: 50.0, per_second: 150.0 });
        let due: Vec<Due> = Schedule::of(&plan, &manifest(), 1).collect();
        // 100 a second in the middle of the ramp, and 150 afterwards.
        assert!((12_000..13_000).contains(&due.len()), "{}", due.len());
        assert!(due.windows(2).all(|two| two[0].at <= two[1].at));
        let reads = due.iter().filter(|due| due.operation == Operation::Read).count() as f64 / due.len() as f64;
        assert!((0.57..0.63).contains(&reads), "{reads}");
        assert!((1..=100).all(|id| due.iter().any(|due| due.id == id)) && due.iter().all(|due| due.tenant < 3));
    }

    #[test]
    fn with_zipf_the_first_is_chosen_most() {
        let mut plan = Plan::steady(100.0, 100.0, Arrivals::Constant);
        plan.choice.documents_zipf = 1.0;
        let due: Vec<Due> = Schedule::of(&plan, &manifest(), 1).collect();
        let of = |id| due.iter().filter(|due| due.id == id).count();
        assert!(of(1) > 4 * of(10) && of(10) > 0 && due.iter().all(|due| (1..=100).contains(&due.id)));
    }
}
