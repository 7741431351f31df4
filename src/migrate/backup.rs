//! backup: brings the run that is under way to its end, and removes from the offsite store what no manifest that is kept names.

use super::work::{Attempt, JobError, Tools};
use crate::backup::{self, BackupError, Means};
use crate::model::backup::BackupState;
use crate::store::backups::BackupEnd;
use crate::store::error::StoreResult;
use crate::store::object::ByteStream;
use crate::store::queue::Lease;
use crate::tenants::Tenant;

const NOT_CONFIGURED: &str = "the tenant's file has no [backup]";

impl From<BackupError> for JobError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::NoMemory => Self::NoMemory,
            BackupError::Store(error) => Self::Store(error),
        }
    }
}

pub async fn backup(tools: &Tools, tenant: &Tenant, lease: &Lease) -> Result<Attempt, JobError> {
    let (Some(offsite), Some(config)) = (&tenant.offsite, &tenant.config.backup) else {
        fail(tenant, NOT_CONFIGURED).await?;
        return Ok(Attempt::Done);
    };
    let pace = tools.pace.of(&tenant.id);
    let slow = |content: ByteStream| pace.slow(content);
    let means = Means {
        budget: &tools.budget,
        metrics: &tools.metrics,
        transfers: &tools.transfers,
        control: &*tools.control,
        clock: &*tools.clock,
        slow: &slow,
    };
    if let Err(error) = backup::run::run(&means, tenant, offsite, config, lease).await {
        let error = JobError::from(error);
        // The last try: a run that has failed is told apart from one that is under way, and the next one may begin.
        if error.is_outage() || lease.failures + 1 < tools.settings.backoff.budget {
            return Err(error);
        }
        tracing::error!(event = "backup_failed", "the backup of {} has failed: {}", tenant.id, error.reason());
        fail(tenant, &error.reason()).await?;
        return Ok(Attempt::Done);
    }
    // Once more, where nothing was to be run: a copy of the database removes nothing of production's.
    backup::run::own(&means, offsite).await?;
    backup::prune::prune(tenant, offsite, config).await?;
    Ok(Attempt::Done)
}

async fn fail(tenant: &Tenant, reason: &str) -> StoreResult<()> {
    for run in tenant.sql.backups_in(BackupState::Running).await? {
        tenant.sql.end_backup(run.number, run.figures, BackupEnd::Failed(reason.to_owned())).await?;
    }
    Ok(())
}
