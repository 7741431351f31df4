//! A call to SQL Server that failed, in no driver's words, and what is known of its outcome. A fault's text holds the server's words
//! and names of the configuration, and never a password.

use std::fmt::Display;

use super::STORE;
use super::batch::Misread;
use super::meaning::Meaning;
use crate::store::error::{StoreError, StoreErrorKind};

/// What became of a batch that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server never got it.
    NotSent,
    /// The server said that it failed before it got to its answer: nothing of it holds.
    RolledBack,
    /// It may have been done, whole, or not at all: look again.
    Unknown,
}

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub(super) struct Fault {
    /// The server's, where it was the server that refused.
    pub(super) number: Option<u32>,
    pub(super) outcome: Outcome,
    pub(super) kind: StoreErrorKind,
    meaning: Meaning,
    text: String,
}

/// The server's words are repeated up to here; a trigger may say much.
const MAX_WORDS_CHARS: usize = 1000;

impl Fault {
    /// The server's own error. `outcome`: what its coming tells of the batch.
    pub(super) fn of_server(number: u32, words: &str, outcome: Outcome) -> Self {
        let meaning = Meaning::of(number);
        let words = words.chars().take(MAX_WORDS_CHARS).collect::<String>();
        let words = words.trim_end_matches('.');
        let text = match meaning.advice() {
            Some(advice) => format!("error {number}: {words}: {advice}"),
            None => format!("error {number}: {words}"),
        };
        Self { number: Some(number), outcome, kind: meaning.kind(), meaning, text }
    }

    /// Nothing was sent.
    pub(super) fn before(kind: StoreErrorKind, text: impl Display) -> Self {
        Self { number: None, outcome: Outcome::NotSent, kind, meaning: Meaning::Unknown, text: text.to_string() }
    }

    /// The connection broke, or the answer did not come, after the batch was on its way.
    pub(super) fn midway(kind: StoreErrorKind, text: impl Display) -> Self {
        Self { number: None, outcome: Outcome::Unknown, kind, meaning: Meaning::Unknown, text: text.to_string() }
    }

    /// The same fault of a call that stands before the caller's batch, such as a login.
    pub(super) fn not_sent(self) -> Self {
        Self { outcome: Outcome::NotSent, ..self }
    }

    /// The same fault of a call whose transaction was never committed.
    pub(super) fn undone(self) -> Self {
        Self { outcome: Outcome::RolledBack, ..self }
    }

    /// The same fault of a COMMIT.
    pub(super) fn unclear(self) -> Self {
        Self { outcome: Outcome::Unknown, ..self }
    }

    pub(super) fn about(self, what: impl Display) -> Self {
        Self { text: format!("{what}: {}", self.text), ..self }
    }

    /// A constraint or a trigger of the customer's said no. Its text is the database's, fit for the caller.
    pub(super) fn is_refusal(&self) -> bool {
        self.meaning == Meaning::Refusal
    }

    /// What a client sent does not fit into its column.
    pub(super) fn is_unfit(&self) -> bool {
        self.meaning == Meaning::Unfit
    }

    pub(super) fn is_login(&self) -> bool {
        self.meaning == Meaning::Login
    }

    /// The user may not do it. For what it may not even see, the server says that it is not there.
    pub(super) fn may_lack_a_right(&self) -> bool {
        self.meaning == Meaning::Permission
    }

    /// The batch was undone for the sake of others, and may run again.
    pub(super) fn may_run_again(&self) -> bool {
        self.outcome != Outcome::Unknown && self.meaning.may_run_again()
    }

    pub(super) fn at(self, operation: &'static str, target: impl Display) -> StoreError {
        StoreError::new(STORE, operation, target, self.kind).because(self)
    }
}

/// The batch has answered, so it was done; what it answered is not what it should.
impl From<Misread> for Fault {
    fn from(misread: Misread) -> Self {
        Self::midway(StoreErrorKind::Other, misread)
    }
}

/// What was asked of the catalogue; `None` where the server refuses to tell. A connection that breaks is a fault all the same.
pub(super) fn seen<T>(asked: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match asked {
        Ok(seen) => Ok(Some(seen)),
        Err(fault) if fault.number.is_some() => Ok(None),
        Err(fault) => Err(fault),
    }
}
