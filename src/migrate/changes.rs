//! changes: the incremental sweep. It walks the revisions above the watermark that the last walk left, so that what was changed
//! straight in SQL is found in minutes, not at the next full sweep. It does not count documents: that is the full sweep's.

use super::sweep::{BACKLOG_WAIT, PAGE, backlog, visit};
use super::work::{Attempt, JobError, Tools};
use crate::model::id::CollectionName;
use crate::tenants::Tenant;

pub async fn changes(tools: &Tools, tenant: &Tenant, collection: &CollectionName) -> Result<Attempt, JobError> {
    loop {
        if backlog(tenant).await? > tools.settings.backlog_limit {
            return Ok(Attempt::Later(BACKLOG_WAIT));
        }
        let found = tenant.sql.changes(collection, PAGE).await?;
        visit(tools, tenant, &found.rows).await?;
        let Some(reached) = found.reached else { return Ok(Attempt::Done) };
        // After the visit: a crash in between repeats it, and nothing is passed over.
        tenant.sql.changes_seen(collection, reached).await?;
    }
}
