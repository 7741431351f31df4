//! What every job works with, and how an attempt can end.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::budget::{Budget, SMALL_BYTES};
use crate::cache::ContentCache;
use crate::clock::Clock;
use crate::config::AgentConfig;
use crate::model::content::PIECE_BYTES;
use crate::model::id::ObjectId;
use crate::store::control::ControlStore;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind};
use crate::store::object::PutError;
use crate::telemetry::Metrics;
use crate::tenants::Tenant;
use crate::watch::Transfers;

use super::limits::LiveLimits;
use super::pace::Pace;
use super::verify;

/// A walk that reads contents gives its place among the agents up after this long, so that others come by.
pub const SLICE: Duration = Duration::from_secs(10);

/// What a job may use of its process.
pub struct Tools {
    pub budget: Arc<Budget>,
    pub cache: Arc<ContentCache>,
    pub metrics: Arc<Metrics>,
    pub transfers: Arc<Transfers>,
    pub control: Arc<dyn ControlStore>,
    pub clock: Arc<dyn Clock>,
    pub pace: Pace,
    pub limits: Arc<LiveLimits>,
    pub verify_pace: verify::Pace,
    pub settings: AgentConfig,
}

/// How an attempt ended when nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// As far as this agent knows there is nothing left to do; closing the job looks at the rows again.
    Done,
    /// The rest is for later: give the job back for this long.
    Later(Duration),
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("no memory came free in time")]
    NoMemory,
    /// Counted by the leases that ran out.
    #[error("the agents that worked on it died, one after the other")]
    AgentsDied,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl JobError {
    /// A store that is away, or a full process, is not the document's fault: such a failure spends nothing of its retry budget.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::NoMemory => true,
            Self::AgentsDied => false,
            Self::Store(error) => match error.kind {
                StoreErrorKind::Unavailable | StoreErrorKind::Throttled { .. } | StoreErrorKind::Full | StoreErrorKind::Denied => true,
                StoreErrorKind::Timeout | StoreErrorKind::Corrupt | StoreErrorKind::Other => false,
            },
        }
    }

    pub fn reason(&self) -> String {
        match self {
            Self::NoMemory | Self::AgentsDied => self.to_string(),
            Self::Store(error) => error.chain(),
        }
    }
}

/// A copy's stream ends early when its row moves; that is a race lost, not a failure.
pub fn unless_moved(error: PutError) -> Result<(), JobError> {
    match error {
        PutError::Content(Interrupted::Moved | Interrupted::Client(_)) => Ok(()),
        PutError::Content(Interrupted::Store(error)) | PutError::Store(error) => Err(error.into()),
    }
}

/// Nobody may publish this upload any more; `whose` says in the log what it was for.
pub async fn condemn(tools: &Tools, tenant: &Tenant, upload: ObjectId, whose: &(impl Display + Sync)) -> Result<(), JobError> {
    tenant.sql.condemn_upload(upload).await?;
    tools.metrics.uploads_condemned(1);
    tracing::info!(event = "upload_condemned", "upload {upload} for {whose} is condemned");
    Ok(())
}

/// What a transfer of this length holds: a portion that is read, one that is hashed, one that is written.
pub fn held_bytes(length_bytes: u64) -> u64 {
    if length_bytes <= SMALL_BYTES { length_bytes } else { length_bytes.min(3 * PIECE_BYTES as u64) }
}
