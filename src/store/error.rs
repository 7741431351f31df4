//! What can go wrong in a store, in the words of what a caller can do about it.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::causes;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub type StoreResult<T> = Result<T, StoreError>;

/// A store operation that failed. Absence and a lost race are values, never a `StoreError`.
///
/// Its text leaves the source out: the line that logs it prints the chain.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {target} in {store}: {kind}")]
pub struct StoreError {
    pub store: &'static str,
    pub operation: &'static str,
    pub target: String,
    pub kind: StoreErrorKind,
    #[source]
    pub source: Option<BoxError>,
}

impl StoreError {
    pub fn new(store: &'static str, operation: &'static str, target: impl fmt::Display, kind: StoreErrorKind) -> Self {
        Self { store, operation, target: target.to_string(), kind, source: None }
    }

    pub fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The object stays until then because it is locked, and can be removed afterwards: no failure of the store or of its rights.
    pub fn locked_until(&self) -> Option<Timestamp> {
        self.source.as_ref()?.downcast_ref::<Locked>().map(|locked| locked.until)
    }

    /// The whole chain on one line, for logs and for the reason that a job keeps.
    pub fn chain(&self) -> String {
        causes::chain(self)
    }
}

/// Why a store with Object Lock keeps an object that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is locked until {until}")]
pub struct Locked {
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The store cannot be reached, or says that it cannot serve now.
    Unavailable,
    /// No answer within the configured time.
    Timeout,
    Throttled {
        retry_after: Option<Duration>,
    },
    /// Wrong credentials or missing rights.
    Denied,
    /// No room left.
    Full,
    /// The store answered with something that its own checksums or our invariants refute.
    Corrupt,
    Other,
}

impl StoreErrorKind {
    /// Of every kind.
    pub const LABELS: [&str; 7] = [
        Self::Unavailable.label(),
        Self::Timeout.label(),
        Self::Throttled { retry_after: None }.label(),
        Self::Denied.label(),
        Self::Full.label(),
        Self::Corrupt.label(),
        Self::Other.label(),
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Throttled { .. } => "throttled",
            Self::Denied => "denied",
            Self::Full => "full",
            Self::Corrupt => "corrupt",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "no answer in time",
            Self::Throttled { .. } => "throttled",
            Self::Denied => "access denied",
            Self::Full => "no room left",
            Self::Corrupt => "corrupt",
            Self::Other => "failed",
        })
    }
}

/// Why a stream of content ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    /// The row no longer has the revision that was being read.
    #[error("the row has moved")]
    Moved,
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client that sends the content.
    #[error("{0}")]
    Client(ClientFault),
}

/// What a client did wrong while it sent a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("the body ended before its announced length, or the connection broke")]
    Broken,
    #[error("the body came slower than the configured rate")]
    TooSlow,
    #[error("the body is larger than the limit")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_are_those_of_every_kind_and_each_is_another_one() {
        use StoreErrorKind::{Corrupt, Denied, Full, Other, Throttled, Timeout, Unavailable};
        let follower = |kind: StoreErrorKind| match kind {
            Unavailable => Some(Timeout),
            Timeout => Some(Throttled { retry_after: None }),
            Throttled { .. } => Some(Denied),
            Denied => Some(Full),
            Full => Some(Corrupt),
            Corrupt => Some(Other),
            Other => None,
        };
        let all: Vec<&str> = std::iter::successors(Some(Unavailable), |kind| follower(*kind)).map(StoreErrorKind::label).collect();
        assert_eq!(all, StoreErrorKind::LABELS);
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }
}
