//! collect: remove what abandoned uploads and attempts left behind. First condemned in a transaction, then the object goes,
//! and after a while a second time, because an upload may land late. Nothing that a location names is ever condemned.

use super::work::{Attempt, JobError, Tools};
use crate::store::error::StoreResult;
use crate::store::sql::Condemned;
use crate::tenants::Tenant;

/// Objects removed between two looks at the list.
const BATCH: usize = 100;

pub async fn collect(tools: &Tools, tenant: &Tenant) -> Result<Attempt, JobError> {
    loop {
        let condemned = tenant.sql.condemned(tools.settings.abandoned_after, BATCH).await?;
        let mut failed = None;
        for upload in &condemned {
            match remove(tenant, upload).await {
                Ok(()) => tracing::info!(event = "collected", last_round = upload.last_round, "removed condemned upload {}", upload.object),
                // One object that cannot be removed does not keep the others.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        if condemned.len() < BATCH {
            return Ok(Attempt::Done);
        }
    }
}

async fn remove(tenant: &Tenant, upload: &Condemned) -> StoreResult<()> {
    tenant.objects.delete(&upload.object).await?;
    tenant.sql.upload_removed(upload).await
}
