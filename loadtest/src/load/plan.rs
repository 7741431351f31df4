//! What a run does: how many requests a second, of what kind, on which documents, and what happens meanwhile. A file of TOML, or options.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sluss::model::phase::Phase;

use super::operation::Operation;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub seconds: f64,
    /// Requests a second at moments of the run, in order; between two of them the rate goes in a straight line.
    pub rate: Vec<Rate>,
    #[serde(default)]
    pub arrivals: Arrivals,
    /// Parts of the whole, whatever they add up to.
    #[serde(default = "usual_mix")]
    pub mix: BTreeMap<Operation, f64>,
    /// How tenants and documents are chosen.
    #[serde(default)]
    pub choice: Choice,
    #[serde(default)]
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub at: f64,
    pub per_second: f64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// As from many clients that know nothing of each other.
    #[default]
    Poisson,
    Constant,
}

/// Zero is evenly; the larger, the more fall on the first ones (the exponent of a Zipf distribution).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    pub tenants_zipf: f64,
    pub documents_zipf: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    pub at: f64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Of one tenant, or of `*`.
    Flip { tenant: String, to: Phase },
    /// kill -9 of the gateway with its agents; so many seconds later it is started again.
    Kill { down: f64 },
    /// The object store cannot be reached for so many seconds.
    StoreDown { down: f64 },
    /// Verifies a tenant, or `*`.
    Verify { tenant: String },
}

impl Event {
    pub fn label(&self) -> String {
        match &self.what {
            What::Flip { tenant, to } => format!("{tenant} to {to}"),
            What::Kill { .. } => "kill -9".to_owned(),
            What::StoreDown { .. } => "store down".to_owned(),
            What::Verify { tenant } => format!("verify {tenant}"),
        }
    }
}

pub fn usual_mix() -> BTreeMap<Operation, f64> {
    use Operation::{Conditional, Delete, List, Range, Read, Write};
    [(Read, 60.0), (Range, 12.0), (Conditional, 10.0), (List, 2.0), (Write, 15.0), (Delete, 1.0)].into()
}

impl Plan {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let plan: Self = toml::from_str(&text).with_context(|| format!("understand {}", path.display()))?;
        plan.checked()
    }

    pub fn steady(seconds: f64, per_second: f64, arrivals: Arrivals) -> anyhow::Result<Self> {
        let (rate, choice, events) = (vec![Rate { at: 0.0, per_second }], Choice::default(), Vec::new());
        Self { seconds, rate, arrivals, mix: usual_mix(), choice, events }.checked()
    }

    fn checked(self) -> anyhow::Result<Self> {
        ensure!(self.seconds > 0.0 && self.seconds <= 86_400.0, "a run lasts some seconds, at most a day");
        ensure!(!self.rate.is_empty(), "a plan has a rate");
        ensure!(self.rate.windows(2).all(|two| two[0].at < two[1].at), "the rate's moments come in order");
        let is_sane = |rate: &Rate| rate.at >= 0.0 && (0.0..=1e6).contains(&rate.per_second);
        ensure!(self.rate.iter().all(is_sane), "a rate is from 0 to a million requests a second");
        ensure!(self.mix.values().all(|part| *part >= 0.0) && self.mix.values().sum::<f64>() > 0.0, "the mix has parts, and none below 0");
        let zipf = [self.choice.tenants_zipf, self.choice.documents_zipf];
        ensure!(zipf.iter().all(|exponent| (0.0..=5.0).contains(exponent)), "an exponent of zipf is from 0 to 5");
        Ok(self)
    }

    pub fn rate_at(&self, second: f64) -> f64 {
        let behind = self.rate.iter().position(|rate| rate.at > second).unwrap_or(self.rate.len());
        match (behind.checked_sub(1).map(|before| self.rate[before]), self.rate.get(behind)) {
            (Some(before), Some(next)) => {
                let share = (second - before.at) / (next.at - before.at);
                before.per_second + share * (next.per_second - before.per_second)
            }
            (Some(last), None) => last.per_second,
            (None, Some(first)) => first.per_second,
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_and_its_ramp_is_a_straight_line() {
        let plan: Plan = toml::from_str(
            "seconds = 60\nrate = [{ at = 0, per_second = 100 }, { at = 10, per_second = 300 }]\narrivals = \"constant\"\n\
             mix = { read = 9, write = 1 }\nchoice = { tenants_zipf = 1.1 }\n\
             [[events]]\nat = 30\nflip = { tenant = \"*\", to = \"dual\" }\n[[events]]\nat = 40\nkill = { down = 2 }\n",
        )
        .unwrap();
        let plan = plan.checked().unwrap();
        assert_eq!([0.0, 5.0, 10.0, 50.0].map(|second| plan.rate_at(second)), [100.0, 200.0, 300.0, 300.0]);
        assert_eq!(plan.events.iter().map(Event::label).collect::<Vec<_>>(), ["* to dual", "kill -9"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in ["seconds = 0\nrate = [{ at = 0, per_second = 1 }]", "seconds = 1\nrate = []"] {
            assert!(toml::from_str::<Plan>(text).unwrap().checked().is_err(), "{text}");
        }
        assert!(toml::from_str::<Plan>("seconds = 1\nrates = []").is_err(), "an unknown key");
    }
}
