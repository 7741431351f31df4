//! Is a document's history linearizable? A search for one order of all operations that keeps real time and that a sequential document
//! could have given (Wing and Gong, *Testing and verifying concurrent objects*, 1993), which never visits the same set of operations
//! with the same state twice (Lowe, *Testing for linearizability*, 2017).
//!
//! An operation without an answer may take effect at any later moment or never. Documents are checked one by one: a history is
//! linearizable exactly when each object's is (Herlihy and Wing, 1990).

use std::collections::HashSet;

use super::model::{Doc, Event, Facts};

/// An operation: when it was sent, when its answer came, what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    pub call: u64,
    /// `None`: no answer came, or one that leaves open what happened.
    pub back: Option<u64>,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// No order exists. How far the best one came: positions in the history that are left, and the state at which all of them fail.
    Violation {
        left: Vec<usize>,
        at: Doc,
    },
    /// More operations, or more states, than this search takes.
    Undecided,
}

/// Answered operations of one document, and unanswered ones.
pub const MAX_ANSWERED: usize = 256;
pub const MAX_UNANSWERED: usize = 64;

/// Visits before a search is given up: some seconds.
const MAX_VISITS: usize = 4_000_000;

/// Which answered and unanswered operations have taken effect, and the state since.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    answered: [u128; 2],
    unanswered: u64,
    doc: Doc,
}

impl Place {
    fn has(&self, at: usize) -> bool {
        self.answered[at / 128] >> (at % 128) & 1 == 1
    }

    fn count(&self) -> u32 {
        self.answered.iter().map(|part| part.count_ones()).sum()
    }
}

struct Search<'a> {
    history: &'a [Op],
    facts: &'a Facts,
    /// Positions in the history, by call.
    answered: Vec<usize>,
    unanswered: Vec<usize>,
}

/// The document is absent at first.
pub fn check(history: &[Op], facts: &Facts) -> Verdict {
    let by_call = |answered: bool| {
        let mut positions: Vec<usize> = (0..history.len()).filter(|at| history[*at].back.is_some() == answered).collect();
        positions.sort_by_key(|at| history[*at].call);
        positions
    };
    let search = Search { history, facts, answered: by_call(true), unanswered: by_call(false) };
    if search.answered.len() > MAX_ANSWERED || search.unanswered.len() > MAX_UNANSWERED {
        return Verdict::Undecided;
    }
    search.run()
}

impl Search<'_> {
    fn run(&self) -> Verdict {
        let start = Place { answered: [0, 0], unanswered: 0, doc: Doc::Absent };
        let (mut open, mut visited, mut best) = (vec![start], HashSet::from([start]), start);
        while let Some(place) = open.pop() {
            if place.count() as usize == self.answered.len() {
                return Verdict::Linearizable;
            }
            if place.count() > best.count() {
                best = place;
            }
            for next in self.steps(place) {
                if visited.insert(next) {
                    open.push(next);
                }
            }
            if visited.len() > MAX_VISITS {
                return Verdict::Undecided;
            }
        }
        let left = (0..self.answered.len()).filter(|at| !best.has(*at)).map(|at| self.answered[at]).collect();
        Verdict::Violation { left, at: best.doc }
    }

    /// Any operation may be next that was sent before the earliest answer among those that are left.
    fn steps(&self, place: Place) -> Vec<Place> {
        let left = |at: &usize| !place.has(*at);
        let earliest = (0..self.answered.len()).filter(left).filter_map(|at| self.history[self.answered[at]].back).min();
        let earliest = earliest.unwrap_or(u64::MAX);
        let mut steps = Vec::new();
        // Pushed first, so tried last: most unanswered operations that matter have been seen by somebody.
        for (at, position) in self.unanswered.iter().enumerate().filter(|(at, _)| place.unanswered >> at & 1 == 0) {
            let op = &self.history[*position];
            if op.call < earliest {
                let unanswered = place.unanswered | 1 << at;
                steps.extend(self.facts.after(place.doc, op.event).into_iter().map(|doc| Place { unanswered, doc, ..place }));
            }
        }
        for at in (0..self.answered.len()).rev().filter(left) {
            let op = &self.history[self.answered[at]];
            if op.call < earliest {
                let mut answered = place.answered;
                answered[at / 128] |= 1 << (at % 128);
                steps.extend(self.facts.after(place.doc, op.event).into_iter().map(|doc| Place { answered, doc, ..place }));
            }
        }
        steps
    }
}
