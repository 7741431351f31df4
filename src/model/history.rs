//! History: the contents that a document had, how long they are kept, and by which clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;

use super::content::Fingerprint;
use super::id::{Attempt, ObjectRef};
use super::location::Labels;
use super::restore::Beginning;
use super::stamp::{Epoch, Stamp};

/// How often a tenant's tick rises while somebody serves it, at most. Retention is counted in ticks, not by a clock: a clock that jumps
/// removes nothing early, and while nobody watches nothing grows old.
pub const TICK: Duration = Duration::from_secs(60);

/// Where a tenant's database has come to. Neither part ever falls, unless the database was put back to an earlier moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    pub epoch: Epoch,
    pub number: u64,
}

impl Tick {
    pub fn is_behind(self, seen: Self) -> bool {
        self.epoch.0 < seen.epoch.0 || self.number < seen.number
    }

    /// Beyond everything that was seen, and this.
    pub fn beyond(self, seen: Self) -> Self {
        Self { epoch: Epoch(self.epoch.0.max(seen.epoch.0) + 1), number: self.number.max(seen.number) }
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tick {} of epoch {}", self.number, self.epoch)
    }
}

/// The name of a moment in a database's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkName(String);

/// What SQL Server takes for the name of a transaction.
const MAX_MARK_CHARS: usize = 32;

impl MarkName {
    pub fn of(moment: Timestamp) -> Self {
        Self(format!("sluss_{}", moment.strftime("%Y%m%dT%H%M%SZ")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a mark is a letter, then letters, digits and underscores, {MAX_MARK_CHARS} at most")]
pub struct NoMarkName;

impl FromStr for MarkName {
    type Err = NoMarkName;
    fn from_str(text: &str) -> Result<Self, NoMarkName> {
        let is_word = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let begins = text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if is_word && begins && text.len() <= MAX_MARK_CHARS { Ok(Self(text.to_owned())) } else { Err(NoMarkName) }
    }
}

/// Versions of one tenant are numbered in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber(pub u64);

/// Where the bytes of a version are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    Empty,
    Object {
        object: ObjectRef,
        content: Fingerprint,
    },
    /// In the tenant's database still, on their way to the object store.
    Staged(Attempt),
}

/// A content that a document had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub number: VersionNumber,
    pub collection: String,
    /// As its row spelled it.
    pub document: String,
    pub stamp: Stamp,
    pub length_bytes: u64,
    pub kept: Kept,
    pub labels: Labels,
    /// `None`: it was written straight to SQL, and nobody saw when.
    pub held_from: Option<Timestamp>,
    /// A client wrote it at `held_from`. Otherwise that is when a copy found what others wrote.
    pub exact: bool,
    pub held_to: Timestamp,
    /// When a client marked the document as deleted, where it was not visible when its time ended.
    pub hidden_at: Option<Timestamp>,
}

impl Version {
    /// The last moment, as databases tell time, at which it held.
    pub fn last_moment(&self) -> Timestamp {
        self.held_to - Duration::from_millis(1)
    }

    pub fn begins(&self) -> Beginning {
        match self.held_from {
            None => Beginning::Unknown,
            Some(from) if self.exact => Beginning::At(from),
            Some(seen) => Beginning::By(seen),
        }
    }
}

/// How long a tenant's versions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Zero: no content that only SQL held is kept when it is overwritten.
    pub keep_for: Duration,
    /// A database restored from such a backup names objects of that age. `None`: nobody has said, so nothing is removed.
    pub oldest_sql_backup: Option<Duration>,
}

impl Retention {
    pub fn keeps_history(self) -> bool {
        !self.keep_for.is_zero()
    }

    /// Ticks after which a version may go. `None`: never.
    pub fn ticks(self) -> Option<u64> {
        let longest = self.keep_for.max(self.oldest_sql_backup?);
        // One more: the tick that a version bears had begun before it.
        Some(longest.as_secs().div_ceil(TICK.as_secs()) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_goes_before_both_times_are_over(keep_s in 0_u64..100_000_000, backup_s in 0_u64..100_000_000) {
            let (keep_for, backup) = (Duration::from_secs(keep_s), Duration::from_secs(backup_s));
            let ticks = Retention { keep_for, oldest_sql_backup: Some(backup) }.ticks().unwrap();
            // All ticks but the one that had begun lasted their whole time.
            prop_assert!(TICK * u32::try_from(ticks - 1).unwrap() >= keep_for.max(backup));
        }
    }

    #[test]
    fn a_mark_is_a_name_that_every_log_takes() {
        let own = MarkName::of("2026-11-20T12:00:00Z".parse().unwrap());
        assert_eq!(own.as_str().parse(), Ok(own.clone()));
        assert_eq!(own.as_str(), "sluss_20261120T120000Z");
        for wrong in ["", "1a", "a-b", "a'b", "å", &"a".repeat(33)] {
            assert_eq!(wrong.parse::<MarkName>(), Err(NoMarkName), "{wrong}");
        }
    }

    #[test]
    fn nothing_goes_where_nobody_said_how_old_backups_get() {
        assert_eq!(Retention { keep_for: Duration::ZERO, oldest_sql_backup: None }.ticks(), None);
    }
}
