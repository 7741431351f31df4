//! Values of labels that are ours to name. A label is one of these, or a name from the configuration, never text of a client's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which store a request's bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedFrom {
    /// The answer holds no content.
    Nothing,
    Sql,
    Object,
    Cache,
}

impl ServedFrom {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Sql => "sql",
            Self::Object => "object",
            Self::Cache => "cache",
        }
    }
}

/// How a read of a small content went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// The content was in memory.
    Hit,
    /// A store gave it.
    Miss,
    /// It came with the read of a store that somebody else had begun.
    Shared,
}

impl CacheOutcome {
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Shared];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Shared => "shared",
        }
    }
}

/// Why content is moving through this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To a client.
    Download,
    /// From a client.
    Upload,
    /// From SQL to the object store.
    Copy,
    /// From the object store to SQL.
    WriteBack,
    /// From staging to the object store: a content that was overwritten.
    Keep,
    /// A content of before, to its document again.
    Restore,
    /// From every holder, to be compared.
    Verify,
    /// From the object store to the offsite placement.
    Backup,
}

impl Direction {
    pub const ALL: [Self; 8] =
        [Self::Download, Self::Upload, Self::Copy, Self::WriteBack, Self::Keep, Self::Restore, Self::Verify, Self::Backup];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Copy => "copy",
            Self::WriteBack => "write_back",
            Self::Keep => "keep",
            Self::Restore => "restore",
            Self::Verify => "verify",
            Self::Backup => "backup",
        }
    }
}

/// Who holds a document's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    Sql,
    Both,
    Object,
}

impl HeldBy {
    pub const ALL: [Self; 3] = [Self::Sql, Self::Both, Self::Object];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Both => "both",
            Self::Object => "object",
        }
    }
}

/// How one attempt at a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    Done,
    /// The document needs the job still, or again.
    Again,
    /// Failed, and will be tried later.
    Retry,
    /// Failed for the last time.
    Quarantined,
    /// Nothing failed; somebody else is to do it.
    GivenBack,
    /// Another agent has the job now.
    Lost,
}

impl JobOutcome {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::Retry => "retry",
            Self::Quarantined => "quarantined",
            Self::GivenBack => "given_back",
            Self::Lost => "lost",
        }
    }
}

/// What came of a comparison beside a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowVerdict {
    Equal,
    Different,
    /// The document changed meanwhile.
    Moved,
    /// A store did not answer, or not in time.
    Failed,
    /// Others were being compared, and it was left.
    Dropped,
}

impl ShadowVerdict {
    pub const ALL: [Self; 5] = [Self::Equal, Self::Different, Self::Moved, Self::Failed, Self::Dropped];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Moved => "moved",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Why an object store was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is taken for out.
    Out,
    /// Too many requests were under way, for too long.
    Busy,
}

impl Refusal {
    pub const ALL: [Self; 2] = [Self::Out, Self::Busy];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Busy => "busy",
        }
    }
}

/// Whether a connection of a pool is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolState {
    Idle,
    InUse,
}

impl PoolState {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::InUse => "in_use",
        }
    }
}

/// Why a request got no place among those in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// The process has none left for its tenant.
    Process,
    Tenant,
    Token,
    TenantRate,
    TokenRate,
}

impl Shed {
    pub const ALL: [Self; 5] = [Self::Process, Self::Tenant, Self::Token, Self::TenantRate, Self::TokenRate];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Tenant => "tenant",
            Self::Token => "token",
            Self::TenantRate => "tenant_rate",
            Self::TokenRate => "token_rate",
        }
    }
}

/// Why the existing API behind the gateway did not answer a request as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamTrouble {
    Unreachable,
    Timeout,
    Broken,
    /// It answered the check of a request's credentials with what is neither a yes nor a no.
    Check,
    /// As many requests as it gets at once were under way.
    Full,
}

impl UpstreamTrouble {
    pub const ALL: [Self; 5] = [Self::Unreachable, Self::Timeout, Self::Broken, Self::Check, Self::Full];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Check => "check",
            Self::Full => "full",
        }
    }
}
