//! Work for agents: its kinds, what it is about, when it is still needed, and how long a failed one waits.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::{Rng, RngExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{Attempt, CollectionName, DocId, DocKey, IdError, IdKind, TenantId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Bring a content that SQL holds to the object store.
    Copy,
    /// Bring a content that only the object store holds to SQL.
    WriteBack,
    /// Walk one collection, enqueue what has no true location, put right what the truth marks.
    Sweep,
    /// Walk what changed in one collection since the last such walk, as a sweep would.
    Changes,
    /// Compare every document of one collection with its object and its location.
    Verify,
    /// Take content out of SQL that a verified object holds.
    Purge,
    /// Bring one collection back to what it was at an instant, or that into another tenant.
    Restore,
    /// Bring a content that was overwritten before it was ever copied from the database to the object store.
    Keep,
    /// Remove what abandoned uploads and attempts left behind, and versions past their time.
    Collect,
    /// Copy what objects hold to the offsite placement, and write a manifest of it.
    Backup,
}

impl JobKind {
    pub const ALL: [Self; 10] = [
        Self::Copy,
        Self::WriteBack,
        Self::Sweep,
        Self::Changes,
        Self::Verify,
        Self::Purge,
        Self::Restore,
        Self::Keep,
        Self::Collect,
        Self::Backup,
    ];

    /// Whether a tenant is not yet where its phase wants it while such a job is open. The others come again and again.
    pub const fn is_backlog(self) -> bool {
        match self {
            Self::Copy | Self::WriteBack | Self::Sweep => true,
            Self::Changes | Self::Verify | Self::Purge | Self::Restore | Self::Keep | Self::Collect | Self::Backup => false,
        }
    }

    /// Whether such a job is about one content, and so counts among the documents a second. Walks count what they do themselves.
    pub const fn moves_a_document(self) -> bool {
        match self {
            Self::Copy | Self::WriteBack | Self::Keep => true,
            Self::Sweep | Self::Changes | Self::Verify | Self::Purge | Self::Restore | Self::Collect | Self::Backup => false,
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::WriteBack => "write_back",
            Self::Sweep => "sweep",
            Self::Changes => "changes",
            Self::Verify => "verify",
            Self::Purge => "purge",
            Self::Restore => "restore",
            Self::Keep => "keep",
            Self::Collect => "collect",
            Self::Backup => "backup",
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not known: use one of {known}")]
pub struct UnknownLabel {
    what: &'static str,
    value: String,
    known: &'static str,
}

impl FromStr for JobKind {
    type Err = UnknownLabel;
    fn from_str(text: &str) -> Result<Self, UnknownLabel> {
        let unknown = || UnknownLabel {
            what: "job kind",
            value: text.to_owned(),
            known: "copy, write_back, sweep, changes, verify, purge, restore, keep, collect, backup",
        };
        Self::ALL.into_iter().find(|kind| kind.label() == text).ok_or_else(unknown)
    }
}

/// Where a job stands. A job that is done is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Ready,
    Leased,
    /// Its retry budget is spent; an operator decides.
    Quarantined,
}

impl JobState {
    pub const ALL: [Self; 3] = [Self::Ready, Self::Leased, Self::Quarantined];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Quarantined => "quarantined",
        }
    }
}

impl FromStr for JobState {
    type Err = UnknownLabel;
    fn from_str(text: &str) -> Result<Self, UnknownLabel> {
        let unknown = || UnknownLabel { what: "job state", value: text.to_owned(), known: "ready, leased, quarantined" };
        Self::ALL.into_iter().find(|state| state.label() == text).ok_or_else(unknown)
    }
}

/// Which of two ready jobs goes first; a job that is asked for twice keeps the higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Found by a sweep.
    Sweep,
    /// Called for by a write.
    Write,
    /// Somebody has just read the document, and may again.
    Access,
    /// Small work on which other work waits.
    Housekeeping,
}

impl Priority {
    pub const fn rank(self) -> u8 {
        match self {
            Self::Sweep => 10,
            Self::Write => 20,
            Self::Access => 30,
            Self::Housekeeping => 40,
        }
    }

    /// The one of this rank, where there is one.
    pub fn of_rank(rank: i64) -> Option<Self> {
        let known = [Self::Sweep, Self::Write, Self::Access, Self::Housekeeping];
        known.into_iter().find(|priority| i64::from(priority.rank()) == rank)
    }
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobTarget {
    Document(DocKey),
    Collection(TenantId, CollectionName),
    /// A content in staging that is a version.
    Staged(TenantId, Attempt),
    Tenant(TenantId),
}

impl JobTarget {
    /// As a job's row has it. An id that is not of its collection's kind, or whose collection is unknown by now, is a text: one such job must
    /// not keep all others from being claimed.
    pub fn from_row(
        kind: JobKind,
        tenant: &TenantId,
        collection: &str,
        document: &str,
        id_kind: impl FnOnce(&CollectionName) -> Option<IdKind>,
    ) -> Result<Self, IdError> {
        let tenant = tenant.clone();
        match kind {
            JobKind::Collect | JobKind::Backup => Ok(Self::Tenant(tenant)),
            JobKind::Sweep | JobKind::Changes | JobKind::Verify | JobKind::Purge | JobKind::Restore => {
                Ok(Self::Collection(tenant, collection.parse()?))
            }
            JobKind::Keep => Ok(Self::Staged(tenant, document.parse()?)),
            JobKind::Copy | JobKind::WriteBack => {
                let collection = collection.parse()?;
                let id = id_kind(&collection).map_or_else(|| DocId::Text(document.to_owned()), |kind| DocId::from_row(kind, document));
                Ok(Self::Document(DocKey { tenant, collection, id }))
            }
        }
    }
}

impl fmt::Display for JobTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(key) => key.fmt(f),
            Self::Collection(tenant, collection) => write!(f, "{tenant}/{collection}"),
            Self::Staged(tenant, attempt) => write!(f, "{tenant}, staged as {attempt}"),
            Self::Tenant(tenant) => tenant.fmt(f),
        }
    }
}

/// Why a job failed, without what it was about: names of its target and of objects become `…`, so that jobs that failed alike say the same.
pub fn cause(reason: &str, target: &JobTarget) -> String {
    let told = reason.replace(&target.to_string(), "…");
    let is_id = |at: usize| told.get(at..at + UUID_CHARS).is_some_and(|text| uuid::Uuid::try_parse(text).is_ok());
    let (mut cause, mut at) = (String::with_capacity(told.len()), 0);
    while let Some(next) = told[at..].chars().next() {
        if next.is_ascii_hexdigit() && is_id(at) {
            cause.push('…');
            at += UUID_CHARS;
        } else {
            cause.push(next);
            at += next.len_utf8();
        }
    }
    cause
}

/// With its hyphens.
const UUID_CHARS: usize = 36;

/// A wish for work. At most one job of a kind is open for a target: a second wish joins the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub kind: JobKind,
    pub target: JobTarget,
    pub priority: Priority,
}

/// Waits between the attempts of one job: exponential, capped, with full jitter so that jobs that failed together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
    /// Failures after which a job is quarantined.
    pub budget: u32,
}

impl Backoff {
    /// The wait after the `failures`th failure, or `None` when the budget is spent.
    pub fn after(&self, failures: u32, rng: &mut impl Rng) -> Option<Duration> {
        if failures >= self.budget {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.cap);
        Some(self.base.min(ceiling).max(ceiling.mul_f64(rng.random_range(0.0..=1.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    proptest! {
        #[test]
        fn every_wait_lies_between_base_and_cap_until_the_budget_is_spent(failures in 1_u32..60, seed: u64) {
            let backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(60), budget: 30 };
            match backoff.after(failures, &mut StdRng::seed_from_u64(seed)) {
                Some(wait) => prop_assert!(failures < 30 && wait >= backoff.base && wait <= backoff.cap),
                None => prop_assert!(failures >= 30),
            }
        }
    }

    #[test]
    fn copy_on_access_goes_before_writes_and_writes_before_the_sweep() {
        assert!(Priority::Access.rank() > Priority::Write.rank());
        assert!(Priority::Write.rank() > Priority::Sweep.rank());
    }

    #[test]
    fn jobs_that_failed_alike_have_one_cause() {
        let key = |id: i64| DocKey {
            tenant: "acme".parse().unwrap(),
            collection: "documents".parse().unwrap(),
            id: crate::model::id::DocId::Integer(id),
        };
        let failed = |id: i64, object: &str| {
            let reason = format!("read acme/documents/{id} in local: other bytes than local:{object} has, för {object}");
            cause(&reason, &JobTarget::Document(key(id)))
        };
        let told = failed(7, "0197aa1e-2f9b-7c51-8b69-5c8f1a2f33d0");
        assert_eq!(told, failed(8, "0197aa1e-2f9b-7c51-8b69-5c8f1a2f33d1"));
        assert_eq!(told, "read … in local: other bytes than local:… has, för …");
        assert_eq!(cause("no memory came free in time", &JobTarget::Tenant("acme".parse().unwrap())), "no memory came free in time");
    }

    proptest! {
        #[test]
        fn every_reason_has_a_cause(reason in ".{0,80}") {
            cause(&reason, &JobTarget::Tenant("acme".parse().unwrap()));
        }
    }

    #[test]
    fn labels_survive_their_text() {
        for kind in JobKind::ALL {
            assert_eq!(kind.label().parse(), Ok(kind));
        }
        for state in JobState::ALL {
            assert_eq!(state.label().parse(), Ok(state));
        }
        assert!("purge!".parse::<JobKind>().is_err());
    }
}
