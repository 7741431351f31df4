//! collect: remove what abandoned uploads and attempts left behind. First condemned in a transaction, then the object goes,
//! and after a while a second time, because an upload may land late. Nothing that a location names is ever condemned.

use super::work::{Attempt, JobError, Tools};
use crate::tenants::Tenant;

/// Objects removed between two looks at the list.
const BATCH: usize = 100;

pub async fn collect(tools: &Tools, tenant: &Tenant) -> Result<Attempt, JobError> {
    loop {
        let condemned = tenant.sql.condemned(tools.settings.abandoned_after, BATCH).await?;
        for upload in &condemned {
            tenant.objects.delete(&upload.object).await?;
            tenant.sql.upload_removed(upload).await?;
            tracing::info!(event = "collected", last_round = upload.last_round, "removed the object of condemned upload {}", upload.object);
        }
        if condemned.len() < BATCH {
            return Ok(Attempt::Done);
        }
    }
}
