//! A failing script with everything dropped that it fails without. Each candidate runs a few times: what fails depends on timing, too.

use std::collections::BTreeSet;
use std::time::Duration;

use sluss::store::faulty::FaultPlan;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::run::run;
use super::script::{Script, actors};

/// Runs of one candidate, all at once, before it is taken for sound.
const TRIES: usize = 4;

/// A script and what was wrong in its last failing run.
pub struct Shrunk {
    pub script: Script,
    pub violations: Vec<String>,
    pub runs: usize,
}

struct Shrinker {
    best: Shrunk,
    until: Instant,
}

pub async fn shrink(script: Script, violations: Vec<String>, patience: Duration) -> Shrunk {
    let mut shrinker = Shrinker { best: Shrunk { script, violations, runs: 0 }, until: Instant::now() + patience };
    shrinker.drop_actors().await;
    shrinker.drop_faults().await;
    shrinker.drop_processes().await;
    shrinker.drop_steps().await;
    shrinker.best
}

impl Shrinker {
    /// Keeps the candidate if it fails.
    async fn try_out(&mut self, candidate: Script) -> bool {
        if Instant::now() > self.until {
            return false;
        }
        let mut tries = JoinSet::new();
        for _ in 0..TRIES {
            let script = candidate.clone();
            tries.spawn(async move { run(&script).await });
        }
        while let Some(ended) = tries.join_next().await {
            self.best.runs += 1;
            let violations = ended.unwrap().violations;
            if !violations.is_empty() {
                self.best.script = candidate;
                self.best.violations = violations;
                return true;
            }
        }
        false
    }

    async fn drop_actors(&mut self) {
        for actor in actors(&self.best.script.steps) {
            let mut candidate = self.best.script.clone();
            candidate.steps.retain(|step| step.actor != actor);
            self.try_out(candidate).await;
        }
    }

    async fn drop_faults(&mut self) {
        for dropped in self.best.script.faults.clone().kinds() {
            let mut candidate = self.best.script.clone();
            let plan = FaultPlan::quiet(candidate.faults.seed);
            let kept = candidate.faults.kinds().filter(|kind| *kind != dropped);
            candidate.faults = kept.fold(plan, |plan, kind| plan.with(kind, candidate.faults.rate(kind)));
            self.try_out(candidate).await;
        }
    }

    async fn drop_processes(&mut self) {
        for (gateways, agents) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
            let now = &self.best.script;
            if gateways <= now.gateways && agents <= now.agents && (gateways, agents) != (now.gateways, now.agents) {
                let candidate = Script { gateways, agents, ..now.clone() };
                if self.try_out(candidate).await {
                    return;
                }
            }
        }
    }

    /// Ever smaller parts of the steps (Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, 2002).
    async fn drop_steps(&mut self) {
        let mut part = self.best.script.steps.len() / 2;
        while part > 0 {
            let mut at = 0;
            while at < self.best.script.steps.len() {
                let mut candidate = self.best.script.clone();
                let end = (at + part).min(candidate.steps.len());
                candidate.steps.drain(at..end);
                drop_unused_documents(&mut candidate);
                if !self.try_out(candidate).await {
                    at += part;
                }
                if Instant::now() > self.until {
                    return;
                }
            }
            part /= 2;
        }
    }
}

fn drop_unused_documents(script: &mut Script) {
    use super::script::Act;
    let used: BTreeSet<u32> = script
        .steps
        .iter()
        .filter_map(|step| match step.act {
            Act::Ask { document, .. } | Act::Sql { document, .. } => Some(document),
            Act::Return(document) => document,
            Act::Flip(_) | Act::Sweep | Act::Verify | Act::Purge | Act::Collect | Act::Kill { .. } | Act::Mark => None,
        })
        .collect();
    script.documents = used.last().copied().unwrap_or(1);
}
