//! A tenant in one look, as the admin API tells it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stores::StoreSummary;
use crate::model::phase::Phase;
use crate::store::sql::{Holding, Tally};

/// Documents and their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Amount {
    pub documents: u64,
    pub bytes: u64,
}

impl Amount {
    fn plus(self, other: Self) -> Self {
        Self { documents: self.documents + other.documents, bytes: self.bytes + other.bytes }
    }
}

impl From<Holding> for Amount {
    /// Before the first sweep the figures are the commits' alone, and can be below zero.
    fn from(holding: Holding) -> Self {
        let count = |figure: i64| u64::try_from(figure).unwrap_or_default();
        Self { documents: count(holding.documents), bytes: count(holding.bytes) }
    }
}

/// By who holds the content: of the last full sweep, plus the commits since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Holders {
    pub sql: Amount,
    pub both: Amount,
    pub object: Amount,
}

impl From<&Tally> for Holders {
    fn from(tally: &Tally) -> Self {
        Self { sql: tally.sql.into(), both: tally.both.into(), object: tally.object.into() }
    }
}

/// What an operator should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The tenant's database did not answer the last look: the figures are older ones.
    Database,
    /// Another installation owns the tenant's objects.
    NotOurs,
    /// An object store of the tenant is taken for out.
    BreakerOpen,
    Quarantined,
    Difference,
    WriteAround,
    /// Every placement of the tenant is at its limit.
    PlacementFull,
    ReadOnly,
    Paused,
}

impl ProblemKind {
    /// Somebody wanted it so: it is shown, and counts among no problems.
    pub const fn is_wanted(self) -> bool {
        match self {
            Self::ReadOnly | Self::Paused => true,
            Self::Database
            | Self::NotOurs
            | Self::BreakerOpen
            | Self::Quarantined
            | Self::Difference
            | Self::WriteAround
            | Self::PlacementFull => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WatchedProblem")]
pub struct Problem {
    pub kind: ProblemKind,
    /// One line.
    pub text: String,
}

/// A tenant as it was last seen. What its database has not told yet is left out, or 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub tenant: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<Phase>,
    pub held_by: Holders,
    /// When the sweep behind these figures ended; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted_at: Option<Timestamp>,
    /// Copies, write-backs and sweeps that wait or run; quarantined ones apart.
    pub backlog: u64,
    pub quarantined: u64,
    /// Age of the oldest job of the backlog; 0 where there is none.
    pub oldest_job_seconds: f64,
    /// What verifications found and nobody has put right.
    pub differences: u64,
    /// Contents that this process has found written straight into SQL over an object that was the only holder, since it started.
    pub writes_around: u64,
    /// The agents rest for this tenant, or for all.
    pub paused: bool,
    pub read_only: bool,
    /// The installation that owns the tenant's objects, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub objects_of: Option<String>,
    /// A store of the tenant's objects is taken for out by this process.
    pub open_breaker: bool,
    /// What the phase still wants moved.
    pub remaining_documents: u64,
    pub remaining_bytes: u64,
    /// How fast that falls by all processes' work, over the last minute.
    pub documents_per_second: f64,
    pub bytes_per_second: f64,
    /// Absent where nothing moves, nothing remains, or nothing was counted yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub eta_seconds: Option<f64>,
    pub problems: Vec<Problem>,
    /// When the tenant was first seen like this.
    pub refreshed_at: Timestamp,
}

impl Summary {
    /// Whether only the time differs.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        Self { refreshed_at: other.refreshed_at, ..self.clone() } == *other
    }
}

/// Sums over tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    pub documents: u64,
    pub bytes: u64,
    pub held_by: Holders,
    pub backlog: u64,
    pub quarantined: u64,
    /// But for what somebody wanted: pauses and read-only.
    pub problems: u64,
}

impl Totals {
    pub fn of<'a>(summaries: impl IntoIterator<Item = &'a Summary>) -> Self {
        let mut totals = Self::default();
        for summary in summaries {
            let Holders { sql, both, object } = summary.held_by;
            let of_tenant = sql.plus(both).plus(object);
            totals.documents += of_tenant.documents;
            totals.bytes += of_tenant.bytes;
            let held = &mut totals.held_by;
            *held = Holders { sql: held.sql.plus(sql), both: held.both.plus(both), object: held.object.plus(object) };
            totals.backlog += summary.backlog;
            totals.quarantined += summary.quarantined;
            totals.problems += summary.problems.iter().filter(|problem| !problem.kind.is_wanted()).count() as u64;
        }
        totals
    }
}

/// All that a token reaches.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Fleet")]
pub struct FleetView {
    pub at: Timestamp,
    /// The agents rest for all tenants.
    pub all_paused: bool,
    pub tenants: Vec<Summary>,
    pub stores: Vec<StoreSummary>,
    pub totals: Totals,
}
