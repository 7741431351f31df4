//! collect: remove what abandoned uploads and attempts left behind, and versions past their time. First condemned in a transaction, then the
//! object goes, and after a while a second time, because an upload may land late. Nothing that a location names is ever condemned.

use std::collections::HashSet;
use std::time::Duration;

use super::work::{Attempt, JobError, Tools};
use crate::store::error::StoreResult;
use crate::store::history::VersionCount;
use crate::store::sql::Condemned;
use crate::tenants::Tenant;
use crate::tenants::continuity::Course;
use crate::tenants::ownership::Standing;

/// Objects removed between two looks at the list.
const BATCH: usize = 100;

/// When somebody looks again: where nobody could say whose the placements are, and where they are another installation's.
const UNKNOWN: Duration = Duration::from_secs(5);
const ANOTHERS: Duration = Duration::from_secs(60);

/// So many that cannot be removed are passed over for others; behind more the collector stands still, and says why.
const MOST_STUCK: usize = 2000;

pub async fn collect(tools: &Tools, tenant: &Tenant) -> Result<Attempt, JobError> {
    let (mut stuck, mut failure) = (HashSet::new(), None);
    loop {
        // Before every batch: a placement may be adopted by another installation while this one removes from it.
        let installation = tools.control.installation().await?;
        match tenant.ownership.look(&*tenant.objects, &installation).await? {
            Standing::Ours => {}
            Standing::Unknown => return Ok(Attempt::Later(UNKNOWN)),
            Standing::Anothers { .. } => return Ok(Attempt::Later(ANOTHERS)),
        }
        match tenant.continuity.look(&tenant.id, &*tenant.sql, &*tools.control).await? {
            Course::Onward => {}
            Course::Unknown => return Ok(Attempt::Later(UNKNOWN)),
            Course::Restored { .. } => return Ok(Attempt::Later(ANOTHERS)),
        }
        expire(tools, tenant).await?;
        // Those that are stuck are the oldest, and come first every time.
        let mut condemned = tenant.sql.condemned(tools.settings.abandoned_after, BATCH + stuck.len()).await?;
        let whole = condemned.len() < BATCH + stuck.len();
        condemned.retain(|upload| !stuck.contains(&upload.object.id));
        for (upload, removed) in condemned.iter().zip(remove(tenant, &condemned).await) {
            match noted(tenant, upload, removed).await {
                Ok(()) => tracing::info!(event = "collected", last_round = upload.last_round, "removed condemned upload {}", upload.object),
                Err(error) => {
                    stuck.insert(upload.object.id);
                    failure = failure.or(Some(error));
                }
            }
        }
        if whole || stuck.len() > MOST_STUCK {
            return failure.map_or(Ok(Attempt::Done), |error| Err(error.into()));
        }
    }
}

/// Versions past their time join what is condemned.
async fn expire(tools: &Tools, tenant: &Tenant) -> Result<(), JobError> {
    let Some(older_than) = tenant.config.retention().ticks() else { return Ok(()) };
    loop {
        let VersionCount { versions, bytes } = tenant.sql.expire(older_than, BATCH).await?;
        if versions > 0 {
            tools.metrics.expired(versions, bytes);
            tracing::info!(event = "expired", versions, size_bytes = bytes, "gave up {versions} versions of {} past their time", tenant.id);
        }
        if versions < BATCH as u64 {
            return Ok(());
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
