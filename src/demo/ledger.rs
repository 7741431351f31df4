//! What a document may be, as its only writer knows: one state after an acknowledged answer, more while an answer is missing.

use super::pattern::Pattern;

/// A document as a client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Absent,
    Content(Pattern),
}

/// The states that no answer has ruled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger(Vec<Seen>);

impl Ledger {
    pub fn of(seen: Seen) -> Self {
        Self(vec![seen])
    }

    /// The answer came: from now on nothing else may be seen.
    pub fn acknowledged(&mut self, seen: Seen) {
        self.0 = vec![seen];
    }

    /// No answer came: the change may have happened or not.
    pub fn unknown(&mut self, seen: Seen) {
        if !self.0.contains(&seen) {
            self.0.push(seen);
        }
    }

    /// A read saw this. False: it must not have.
    #[must_use]
    pub fn observe(&mut self, seen: Seen) -> bool {
        let possible = self.0.contains(&seen);
        if possible {
            self.0 = vec![seen];
        }
        possible
    }

    pub fn possible(&self) -> &[Seen] {
        &self.0
    }
}

/// The contents that the bytes seen so far leave possible.
pub struct Candidates {
    left: Vec<Pattern>,
    at: u64,
}

impl Candidates {
    /// Those of `possible`, seen from `from` on.
    pub fn among(possible: &[Seen], from: u64) -> Self {
        let content = |seen: &Seen| match seen {
            Seen::Content(pattern) => Some(*pattern),
            Seen::Absent => None,
        };
        Self { left: possible.iter().filter_map(content).collect(), at: from }
    }

    pub fn see(&mut self, piece: &[u8]) {
        self.left.retain(|pattern| pattern.matches(self.at, piece));
        self.at += piece.len() as u64;
    }

    /// Where the bytes seen so far end.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// A content that has these bytes there.
    pub fn part(&self) -> Option<Pattern> {
        self.left.first().copied()
    }

    /// A content that ends where these bytes do.
    pub fn whole(&self) -> Option<Pattern> {
        self.left.iter().find(|pattern| pattern.length == self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_decides_what_an_answer_left_open_and_cannot_be_taken_back() {
        let (old, new) = (Seen::Content(Pattern { seed: 1, length: 3 }), Seen::Content(Pattern { seed: 2, length: 3 }));
        let mut ledger = Ledger::of(old);
        ledger.unknown(new);
        assert!(ledger.observe(new));
        assert!(!ledger.observe(old), "reads never go backwards");
        ledger.acknowledged(Seen::Absent);
        assert!(!ledger.observe(new), "a deleted document stays deleted");
    }
}
