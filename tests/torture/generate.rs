//! From one number to a script. What is rare in the field is common here: few documents, many writers, contents of equal length.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sluss::model::phase::Phase;
use sluss::store::faulty::{FaultKind, FaultPlan};

use super::script::{Act, Ask, ContentSpec, Script, Statement, Step, Wish};

/// The phases that a run goes through. A phase that the product learns is added here.
pub const PHASES: &[Phase] = &Phase::ALL;

/// Few lengths, so that two contents of a document are often equally long: below and above what rides along with a look-up,
/// and above what is written in one piece.
const LENGTHS: [(u64, u32); 6] = [(100, 45), (700, 10), (70_000, 20), (200_000, 8), (1_400_000, 9), (2_300_000, 3)];

/// Clients' operations and programs' statements on one document, at most: what the checker takes comfortably.
const STEPS_PER_DOCUMENT: u32 = 45;

/// Programs beside the gateway, one of these numbers. What they write leaves a restore to an instant in doubt.
const PROGRAMS: [u32; 5] = [0, 0, 1, 1, 2];
const SELDOM: [u32; 5] = [0, 0, 0, 0, 1];

struct Writer {
    rng: StdRng,
    contents: u32,
    documents: u32,
    gateways: usize,
    nodes: usize,
}

pub fn script(seed: u64, stores: &str) -> Script {
    let mut rng = StdRng::seed_from_u64(seed);
    let documents = rng.random_range(1..=4);
    let (gateways, agents) = (rng.random_range(1..=2), rng.random_range(0..=2));
    let hasty = rng.random_bool(0.4);
    let returns = rng.random_bool(0.4);
    let mut writer = Writer { rng, contents: 0, documents, gateways, nodes: gateways + agents };
    let mut steps = if returns { writer.there_and_back() } else { writer.steps(STEPS_PER_DOCUMENT, PROGRAMS) };
    if hasty {
        writer.actor(&mut steps, "collector", 25, 60, |_| Act::Collect);
    }
    let leaves = !returns && writer.rng.random_bool(0.3);
    if leaves {
        writer.leave_and_come_back(&mut steps);
    }
    let rng = &mut writer.rng;
    Script {
        seed,
        stores: stores.to_owned(),
        phase: if leaves { Phase::Object } else { begins_in(rng) },
        mirror: rng.random_bool(0.25),
        documents,
        gateways,
        agents,
        // Uploads are given up while they are under way.
        abandoned_ms: if hasty { rng.random_range(10..150) } else { 60_000 },
        faults: faults(seed, rng),
        steps,
    }
}

/// Mostly where both stores have work to do. Nobody begins in the last phase.
fn begins_in(rng: &mut StdRng) -> Phase {
    let phases = &PHASES[..PHASES.len() - 1];
    let late = phases.len() / 2;
    *if rng.random_bool(0.7) { phases[late..].choose(rng) } else { phases[..late].choose(rng) }.unwrap()
}

/// Delays nearly always, since they make races; of the others some, so that there is progress between them.
fn faults(seed: u64, rng: &mut StdRng) -> FaultPlan {
    let mut plan = FaultPlan::quiet(seed);
    for kind in FaultKind::ALL {
        let (share_of_scripts, most) = match kind {
            FaultKind::Delay => (0.9, 0.25),
            FaultKind::Before | FaultKind::After | FaultKind::Full => (0.4, 0.03),
            FaultKind::Hang => (0.2, 0.01),
            FaultKind::Break | FaultKind::Flip | FaultKind::Gone | FaultKind::Late => (0.5, 0.25),
        };
        if rng.random_bool(share_of_scripts) {
            // Short numbers: people read them.
            plan = plan.with(kind, f64::from(rng.random_range(1..=(most * 1000.0) as u32)) / 1000.0);
        }
    }
    plan
}

impl Writer {
    /// Traffic, a mark, traffic; then the way back to the mark while processes die and agents are kept busy.
    fn there_and_back(&mut self) -> Vec<Step> {
        let at_once = |act| Step { actor: "time".to_owned(), pause_ms: 0, act };
        let mut steps = self.steps(STEPS_PER_DOCUMENT / 2, SELDOM);
        steps.push(at_once(Act::Mark));
        steps.extend(self.steps(STEPS_PER_DOCUMENT / 3, SELDOM));
        let only = self.rng.random_bool(0.2).then(|| self.document());
        steps.push(at_once(Act::Return(only)));
        let (looks, kills) = (self.rng.random_range(0..4), self.rng.random_range(0..5));
        self.actor(&mut steps, "operator", looks, 60, |writer| match writer.rng.random_range(0..4) {
            0 => Act::Sweep,
            1 => Act::Verify,
            2 => Act::Flip(PHASES[writer.rng.random_range(1..PHASES.len())]),
            _ => Act::Collect,
        });
        self.actor(&mut steps, "killer", kills, 120, Self::kill);
        steps
    }

    fn steps(&mut self, per_document: u32, programs: [u32; 5]) -> Vec<Step> {
        let most = self.documents * per_document;
        let clients = self.rng.random_range(2..=5);
        let programs = programs[self.rng.random_range(0..5)];
        let each = (most / (clients + programs)).clamp(4, 40);
        let mut steps = Vec::new();
        for client in 0..clients {
            let times = self.rng.random_range(each / 2..=each);
            self.actor(&mut steps, &format!("client-{client}"), times, 30, Self::ask);
        }
        for program in 0..programs {
            let times = self.rng.random_range(each / 3..=each * 2 / 3);
            self.actor(&mut steps, &format!("program-{program}"), times, 60, Self::sql);
        }
        if self.rng.random_bool(0.8) {
            let times = self.rng.random_range(2..10);
            self.actor(&mut steps, "operator", times, 150, Self::operate);
        }
        if self.rng.random_bool(0.5) {
            let times = self.rng.random_range(1..5);
            self.actor(&mut steps, "killer", times, 300, Self::kill);
        }
        steps
    }

    /// The migration's last step back, again and again: writes that began in `object` are still under way when `sql` is complete.
    fn leave_and_come_back(&mut self, steps: &mut Vec<Step>) {
        steps.retain(|step| step.actor != "operator");
        for _ in 0..6 {
            for (to, longest_pause_ms) in [(Phase::Sql, 150), (Phase::Object, 500)] {
                self.actor(steps, "operator", 1, longest_pause_ms, |_| Act::Flip(to));
            }
        }
    }

    fn actor(&mut self, steps: &mut Vec<Step>, actor: &str, times: u32, longest_pause_ms: u64, act: impl Fn(&mut Self) -> Act) {
        for _ in 0..times {
            let act = act(self);
            let pause_ms = if self.rng.random_bool(0.5) { 0 } else { self.rng.random_range(0..longest_pause_ms) };
            steps.push(Step { actor: actor.to_owned(), pause_ms, act });
        }
    }

    fn ask(&mut self) -> Act {
        let ask = match self.rng.random_range(0..100) {
            0..32 => Ask::Put(self.content(true), self.wish(20, 10)),
            32..35 => Ask::Cut(self.content(false)),
            35..61 => Ask::Get,
            61..65 => Ask::GetSince,
            65..70 => Ask::GetPart,
            70..77 => Ask::Head,
            77..79 => Ask::Versions,
            79..82 => Ask::GetVersion(self.rng.random_range(0..8)),
            82..88 => Ask::Restore(self.rng.random_range(0..8), self.wish(25, 10)),
            _ => Ask::Delete(self.wish(25, 0)),
        };
        Act::Ask { document: self.document(), ask, gateway: self.rng.random_range(0..self.gateways) }
    }

    fn sql(&mut self) -> Act {
        let statement = match self.rng.random_range(0..100) {
            0..22 => Statement::Update(self.content(true)),
            22..37 => Statement::Clear,
            37..50 => Statement::Touch,
            50..60 => Statement::Delete,
            60..70 => Statement::Insert(self.content_or_null()),
            70..88 => Statement::Replace(self.content_or_null()),
            _ => Statement::Peek,
        };
        Act::Sql { document: self.document(), statement }
    }

    fn operate(&mut self) -> Act {
        match self.rng.random_range(0..14) {
            0..6 => Act::Flip(*PHASES.choose(&mut self.rng).unwrap()),
            6..8 => Act::Sweep,
            8..10 => Act::Verify,
            10..12 => Act::Purge,
            _ => Act::Collect,
        }
    }

    fn kill(&mut self) -> Act {
        Act::Kill { node: self.rng.random_range(0..self.nodes), rest_ms: self.rng.random_range(0..120) }
    }

    fn document(&mut self) -> u32 {
        self.rng.random_range(1..=self.documents)
    }

    fn wish(&mut self, matching: u32, absent: u32) -> Wish {
        let lot = self.rng.random_range(0..100);
        match lot {
            lot if lot < matching => Wish::Match,
            lot if lot < matching + absent => Wish::Absent,
            _ => Wish::Always,
        }
    }

    /// Each content has a name of its own; the empty one is always the same.
    fn content(&mut self, may_be_empty: bool) -> ContentSpec {
        if may_be_empty && self.rng.random_bool(0.05) {
            return ContentSpec { id: 0, length: 0 };
        }
        self.contents += 1;
        let (length, _) = LENGTHS.choose_weighted(&mut self.rng, |(_, weight)| *weight).unwrap();
        ContentSpec { id: self.contents, length: *length }
    }

    fn content_or_null(&mut self) -> Option<ContentSpec> {
        let has_content = self.rng.random_bool(0.5);
        has_content.then(|| self.content(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_survives_its_text() {
        for seed in 0..200 {
            let script = script(seed, "sqlite+disk");
            assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
        }
    }

    #[test]
    fn no_content_is_written_twice_but_the_empty_one() {
        for seed in 0..200 {
            let script = script(seed, "sqlite+disk");
            let mut contents: Vec<u32> = script.steps.iter().filter_map(|step| written(&step.act)).filter(|id| *id != 0).collect();
            let all = contents.len();
            contents.sort_unstable();
            contents.dedup();
            assert_eq!(contents.len(), all);
        }
    }

    fn written(act: &Act) -> Option<u32> {
        match act {
            Act::Ask { ask: Ask::Put(content, _) | Ask::Cut(content), .. } => Some(content.id),
            Act::Sql { statement: Statement::Update(content), .. } => Some(content.id),
            Act::Sql { statement: Statement::Insert(content) | Statement::Replace(content), .. } => content.map(|content| content.id),
            Act::Ask { .. } | Act::Sql { .. } | Act::Flip(_) | Act::Sweep | Act::Verify | Act::Purge | Act::Collect | Act::Kill { .. } => {
                None
            }
            Act::Mark | Act::Return(_) => None,
        }
    }
}
