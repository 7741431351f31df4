//! What the admin API says and is told, as JSON. The command line reads the same types.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verification::VerificationView;
use crate::model::job::{JobKind, JobState, Priority};
use crate::model::limits::WorkLimits;
use crate::model::phase::Phase;
use crate::watch::summary::Problem;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    pub documents: i64,
    pub bytes: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Jobs {
    pub kind: JobKind,
    pub state: JobState,
    pub jobs: u64,
    pub oldest: Timestamp,
}

/// A tenant as operators see it. What could not be read is left out, and `problem` says why.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TenantView {
    pub tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Documents and bytes by holder: of the last full sweep, plus the commits since.
    #[serde(default)]
    pub held_by: BTreeMap<String, Held>,
    /// When that sweep ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
    #[serde(default)]
    pub jobs: Vec<Jobs>,
    /// Copies, write-backs and sweeps that wait or run; quarantined ones apart.
    pub backlog: u64,
    pub quarantined: u64,
    /// Documents that only the object store holds, and writes under way to it: while there are any, `sql` is not complete.
    pub only_in_object_store: u64,
    pub open_uploads: u64,
    #[serde(default)]
    pub verification: VerificationView,
    /// Clients' changes are refused for now.
    #[serde(default)]
    pub read_only: bool,
    /// What is set for the agents' work on this tenant.
    #[serde(default)]
    pub limits: WorkLimits,
    /// The agents rest for all tenants.
    #[serde(default)]
    pub all_paused: bool,
    /// The installation that owns the tenant's objects, where it is another one: nothing is changed from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_of: Option<String>,
    /// What the phase still wants moved, how fast that falls, and when it is done, as this process last saw it.
    #[serde(default)]
    pub remaining_documents: u64,
    #[serde(default)]
    pub remaining_bytes: u64,
    #[serde(default)]
    pub documents_per_second: f64,
    #[serde(default)]
    pub bytes_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub eta_seconds: Option<f64>,
    #[serde(default)]
    pub problems: Vec<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TenantList {
    pub tenants: Vec<TenantView>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobLine {
    /// `<tenant>:<number>`: numbers are each tenant's own.
    pub id: String,
    pub kind: JobKind,
    pub target: String,
    pub state: JobState,
    pub priority: Priority,
    pub failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct JobList {
    pub jobs: Vec<JobLine>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
    /// Where all tenants were asked: those whose database did not answer, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown: Vec<String>,
}

/// Quarantined jobs of one kind that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineReason {
    pub tenant: String,
    pub kind: JobKind,
    /// The jobs' reason without the names of documents and objects, which would make each one's another.
    pub reason: String,
    pub jobs: u64,
    /// When the oldest of them was made.
    pub oldest: Timestamp,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RetryWish {
    /// All tenants that the token reaches, where none is named.
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default)]
    pub kind: Option<JobKind>,
    /// Exactly as the list of reasons has it.
    #[serde(default)]
    pub reason: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    pub jobs: u64,
    /// Where all tenants were asked: those whose database did not answer, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unknown: Vec<String>,
}
