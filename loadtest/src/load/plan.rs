//! What a run does: how many requests a second, of what kind, on which documents, and what happens meanwhile. A file of TOML, or options.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use sluss::model::phase::Phase;

use super::operation::Operation;
use super::target::Abilities;
use crate::seed::Manifest;

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

/// All tenants.
const ALL: &str = "*";

/// How long something may be down, in seconds.
const LONGEST_DOWN: f64 = 3600.0;

/// Whether an event that names this tenant, or all, is about that one.
pub fn is_meant(named: &str, tenant: &str) -> bool {
    named == ALL || named == tenant
}

impl Event {
    /// What cannot come to pass, if anything cannot.
    fn problems(&self, seconds: f64, manifest: &Manifest, able: Abilities) -> Vec<String> {
        let mut problems = Vec::new();
        let mut unless = |holds: bool, problem: String| {
            if !holds {
                problems.push(format!("event at {}, {}: {problem}", self.at, self.label()));
            }
        };
        unless((0.0..=seconds).contains(&self.at), format!("the run is from 0 to {seconds} s"));
        match &self.what {
            What::Flip { tenant, .. } | What::Verify { tenant } => {
                let is_there = (0..manifest.tenants as usize).any(|number| is_meant(tenant, &manifest.tenant(number)));
                let known = manifest.tenant(manifest.tenants.saturating_sub(1) as usize);
                unless(is_there, format!("there is no tenant {tenant}: those that were seeded are called t1 to {known}, and {ALL} is all"));
                unless(able.steers, "--admin-url is needed for that".to_owned());
            }
            What::Kill { down } => {
                unless((0.0..=LONGEST_DOWN).contains(down), format!("down is from 0 to {LONGEST_DOWN} s"));
                unless(able.kills, "only a Sluss of the run's own (--own) can be killed".to_owned());
            }
            What::StoreDown { down } => {
                unless((0.0..=LONGEST_DOWN).contains(down), format!("down is from 0 to {LONGEST_DOWN} s"));
                unless(able.cuts_stores, "only a store behind the run's own proxy (--own --s3) can be cut off".to_owned());
            }
        }
        problems
    }

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
        toml::from_str(&text).with_context(|| format!("understand {}", path.display()))
    }

    pub fn steady(seconds: f64, per_second: f64, arrivals: Arrivals) -> Self {
        let (rate, choice, events) = (vec![Rate { at: 0.0, per_second }], Choice::default(), Vec::new());
        Self { seconds, rate, arrivals, mix: usual_mix(), choice, events }
    }

    /// Refuses a plan that cannot be carried out on what was seeded, with all that is wrong with it.
    pub fn check(&self, manifest: &Manifest, able: Abilities) -> anyhow::Result<()> {
        let mut problems = self.problems();
        if manifest.documents == 0 || manifest.tenants == 0 {
            problems.push("no documents were seeded".to_owned());
        }
        problems.extend(self.events.iter().flat_map(|event| event.problems(self.seconds, manifest, able)));
        if !problems.is_empty() {
            bail!("the plan cannot be carried out:\n  {}", problems.join("\n  "));
        }
        Ok(())
    }

    fn problems(&self) -> Vec<String> {
        let is_sane = |rate: &Rate| rate.at >= 0.0 && (0.0..=1e6).contains(&rate.per_second);
        let zipf = [self.choice.tenants_zipf, self.choice.documents_zipf];
        let parts = &self.mix;
        [
            (self.seconds > 0.0 && self.seconds <= 86_400.0, "a run lasts some seconds, at most a day"),
            (!self.rate.is_empty(), "a plan has a rate"),
            (self.rate.windows(2).all(|two| two[0].at < two[1].at), "the rate's moments come in order"),
            (self.rate.iter().all(is_sane), "a rate is from 0 to a million requests a second"),
            (parts.values().all(|part| *part >= 0.0) && parts.values().sum::<f64>() > 0.0, "the mix has parts, and none below 0"),
            (zipf.iter().all(|exponent| (0.0..=5.0).contains(exponent)), "an exponent of zipf is from 0 to 5"),
        ]
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, problem)| problem.to_owned())
        .collect()
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
    use crate::content::{Contents, Texture};
    use crate::sizes::Sizes;

    fn manifest() -> Manifest {
        Manifest { contents: Contents { seed: 1, sizes: Sizes::Fixed(1), texture: Texture::Random }, tenants: 3, documents: 100 }
    }

    const ABLE: Abilities = Abilities { steers: true, kills: true, cuts_stores: true };

    fn told(text: &str, able: Abilities) -> String {
        let plan: Plan = toml::from_str(text).unwrap();
        plan.check(&manifest(), able).unwrap_err().to_string()
    }

    #[test]
    fn a_plan_is_read_and_its_ramp_is_a_straight_line() {
        let plan: Plan = toml::from_str(
            "seconds = 60\nrate = [{ at = 0, per_second = 100 }, { at = 10, per_second = 300 }]\narrivals = \"constant\"\n\
             mix = { read = 9, write = 1 }\nchoice = { tenants_zipf = 1.1 }\n\
             [[events]]\nat = 30\nflip = { tenant = \"*\", to = \"dual\" }\n[[events]]\nat = 40\nkill = { down = 2 }\n",
        )
        .unwrap();
        plan.check(&manifest(), ABLE).unwrap();
        assert_eq!([0.0, 5.0, 10.0, 50.0].map(|second| plan.rate_at(second)), [100.0, 200.0, 300.0, 300.0]);
        assert_eq!(plan.events.iter().map(Event::label).collect::<Vec<_>>(), ["* to dual", "kill -9"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(told("seconds = 0\nrate = [{ at = 0, per_second = 1 }]", ABLE).ends_with("a run lasts some seconds, at most a day"));
        assert!(told("seconds = 1\nrate = []", ABLE).ends_with("a plan has a rate"));
        assert!(toml::from_str::<Plan>("seconds = 1\nrates = []").is_err(), "an unknown key");
    }

    #[test]
    fn a_timetable_that_cannot_come_to_pass_is_refused_with_all_that_is_wrong() {
        let text = "seconds = 10\nrate = []\n[[events]]\nat = 3\nflip = { tenant = \"t4\", to = \"dual\" }\n\
             [[events]]\nat = 11\nverify = { tenant = \"t3\" }\n[[events]]\nat = 4\nverify = { tenant = \"acme\" }\n\
             [[events]]\nat = 5\nkill = { down = -1 }\n";
        let told = told(text, ABLE);
        let lines: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
        let expected = [
            "a plan has a rate",
            "event at 3, t4 to dual: there is no tenant t4: those that were seeded are called t1 to t3, and * is all",
            "event at 11, verify t3: the run is from 0 to 10 s",
            "event at 4, verify acme: there is no tenant acme: those that were seeded are called t1 to t3, and * is all",
            "event at 5, kill -9: down is from 0 to 3600 s",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_somebody_elses_sluss_cannot_be_asked_for_is_refused_before_the_run() {
        let text = "seconds = 10\nrate = [{ at = 0, per_second = 1 }]\n[[events]]\nat = 1\nverify = { tenant = \"*\" }\n\
             [[events]]\nat = 2\nkill = { down = 1 }\n[[events]]\nat = 3\nstore_down = { down = 1 }\n";
        let told = told(text, Abilities { steers: false, kills: false, cuts_stores: false });
        for words in ["verify *: --admin-url is needed", "kill -9: only a Sluss of the run's own", "store down: only a store behind"] {
            assert!(told.contains(words), "{told}");
        }
    }
}
