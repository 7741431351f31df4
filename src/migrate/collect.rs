//! collect: remove what abandoned uploads and attempts left behind. First condemned in a transaction, then the object goes,
//! and after a while a second time, because an upload may land late. Nothing that a location names is ever condemned.

use std::time::Duration;

use super::work::{Attempt, JobError, Tools};
use crate::store::error::StoreResult;
use crate::store::sql::Condemned;
use crate::tenants::Tenant;
use crate::tenants::ownership::Standing;

/// Objects removed between two looks at the list.
const BATCH: usize = 100;

/// Where nobody can say whose the placements are, somebody looks again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

pub async fn collect(tools: &Tools, tenant: &Tenant) -> Result<Attempt, JobError> {
    loop {
        // Before every batch: a placement may be adopted by another installation while this one removes from it.
        let installation = tools.control.installation().await?;
        if tenant.ownership.look(&*tenant.objects, &installation).await? != Standing::Ours {
            return Ok(Attempt::Later(LOOK_AGAIN));
        }
        let condemned = tenant.sql.condemned(tools.settings.abandoned_after, BATCH).await?;
        let mut failed = None;
        for (upload, removed) in condemned.iter().zip(remove(tenant, &condemned).await) {
            match noted(tenant, upload, removed).await {
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

/// Parts first: an upload that is given up cannot become an object afterwards.
async fn remove(tenant: &Tenant, condemned: &[Condemned]) -> Vec<StoreResult<()>> {
    let mut aborted = Vec::with_capacity(condemned.len());
    for upload in condemned {
        aborted.push(match &upload.parts {
            Some(parts) => tenant.objects.abort(&upload.object, parts).await,
            None => Ok(()),
        });
    }
    let objects: Vec<_> = condemned.iter().map(|upload| upload.object.clone()).collect();
    let deleted = tenant.objects.delete_all(&objects).await;
    aborted.into_iter().zip(deleted).map(|(aborted, deleted)| aborted.and(deleted)).collect()
}

async fn noted(tenant: &Tenant, upload: &Condemned, removed: StoreResult<()>) -> StoreResult<()> {
    removed?;
    tenant.sql.upload_removed(upload).await
}
