//! The control database's contract: who runs, who operates, and what was done. It never decides where a document is.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::StoreResult;
use super::evidence::Evidence;
use crate::model::history::Tick;
use crate::model::id::TenantId;
use crate::model::limits::{LimitScope, LimitTable, LimitsChange, WorkLimits};

/// A process that has said nothing for this long is taken for dead: three heartbeats and a little.
pub const ALIVE_WITHIN: Duration = Duration::from_secs(35);

/// Processes that have been silent for this long are forgotten.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A process that serves or works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Unique for each start.
    pub name: String,
    /// `serve` or `agent`.
    pub role: String,
    /// Whether its agents are at work; a process that drains says so.
    pub works: bool,
    pub version: String,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

/// What somebody did, before it is chained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// The operator's token name, or `system`.
    pub actor: String,
    /// For whom, as the caller says.
    pub on_behalf_of: Option<String>,
    /// As `phase.flip`, `jobs.retry`.
    pub action: String,
    pub tenant: Option<String>,
    pub detail: String,
}

/// A record in the chain: its hash covers the one before it, so that none can be changed or left out unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    pub number: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub record: AuditRecord,
    /// SHA-256 in hex over the previous entry's hash and this entry's fields.
    pub hash: String,
}

/// An operator who has used the admin API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operator {
    pub name: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// What a walk over the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainCheck {
    Whole { entries: u64 },
    BrokenAt { number: u64 },
}

#[async_trait]
pub trait ControlStore: Send + Sync {
    /// Says that a process lives, and forgets those that have not said so for a day.
    async fn heartbeat(&self, process: &Process) -> StoreResult<()>;

    /// Those seen within the last `within`.
    async fn processes(&self, within: Duration) -> StoreResult<Vec<Process>>;

    /// Notes that an operator was here.
    async fn seen(&self, operator: &str) -> StoreResult<()>;

    async fn operators(&self) -> StoreResult<Vec<Operator>>;

    /// Everything that operators have set on the agents' work.
    async fn limits(&self) -> StoreResult<LimitTable>;

    /// One transaction with its audit entry: no change is unseen. `by`: its detail gets the limits before and after. Answers what
    /// holds now.
    async fn change_limits(&self, scope: &LimitScope, change: LimitsChange, by: AuditRecord) -> StoreResult<WorkLimits>;

    /// Appends to the chain; durable on return.
    async fn audit(&self, record: AuditRecord) -> StoreResult<AuditEntry>;

    /// The newest first, before `before`; only those about `tenant`, where one is named.
    async fn entries(&self, tenant: Option<&TenantId>, before: Option<u64>, limit: usize) -> StoreResult<Vec<AuditEntry>>;

    /// The name by which this installation owns placements: given once, and kept for as long as this database is.
    async fn installation(&self) -> StoreResult<String>;

    /// Keeps the highest epoch and the highest number that anybody has noted of this tenant's database; answers them.
    async fn note_tick(&self, tenant: &TenantId, tick: Tick) -> StoreResult<Tick>;

    /// Replaces what was kept of this placement of this tenant.
    async fn keep_evidence(&self, evidence: &Evidence) -> StoreResult<()>;

    /// What was seen of a tenant's placements within the last `within`.
    async fn evidence(&self, tenant: &TenantId, within: Duration) -> StoreResult<Vec<Evidence>>;

    /// Walks the whole chain.
    async fn check_chain(&self) -> StoreResult<ChainCheck>;
}
