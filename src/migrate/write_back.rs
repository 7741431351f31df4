//! write_back: bring the content of a sole location to SQL again, so that the way back stays open.

use super::incoming::bring_in;
use super::work::{Attempt, JobError, Tools, held_bytes};
use crate::model::content::Fingerprint;
use crate::model::document::DocRow;
use crate::model::id::DocKey;
use crate::model::job::JobKind;
use crate::model::location::Location;
use crate::store::checked::open_checked;
use crate::store::error::{StoreError, StoreErrorKind, StoreResult};
use crate::store::sql::{Change, Commit};
use crate::telemetry::Direction;
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party, Progress};

/// `attempt`: the first one is 1.
pub async fn write_back(tools: &Tools, tenant: &Tenant, key: &DocKey, attempt: u32) -> Result<Attempt, JobError> {
    let row = tenant.sql.row(key).await?;
    let Some(location) = row.location.as_ref().filter(|_| row.needs(JobKind::WriteBack, tenant.config.mirror)) else {
        return Ok(Attempt::Done);
    };
    let Some(_grant) = tools.budget.acquire(held_bytes(location.content.length_bytes)).await else { return Err(JobError::NoMemory) };
    let begun = Begun::of(&row.key, Direction::WriteBack, (Party::Object, Party::Sql), Some(location.content.length_bytes));
    let transfer = tools.transfers.begin(&Begun { attempt, ..begun });
    let ended = bring_back(tools, tenant, &row, location, &transfer.progress()).await;
    transfer.end(ended)
}

async fn bring_back(tools: &Tools, tenant: &Tenant, row: &DocRow, location: &Location, progress: &Progress) -> Result<Attempt, JobError> {
    let Some(object) = open_checked(&*tenant.objects, location, 0..location.content.length_bytes).await? else {
        return missing(tenant, row, location).await;
    };
    let content = progress.of(tools.pace.of(&tenant.id).slow(object));
    let check = |found: &Fingerprint| check(found, location);
    let content = bring_in(tenant, row.state.epoch, content, location.content.length_bytes, &check).await?;
    let change = Change::WriteBack { seen: location.stamp.clone(), content };
    match tenant.sql.commit(&row.key, row.state.epoch, change).await? {
        Commit::Done(_) => {
            tracing::info!(event = "written_back", size_bytes = location.content.length_bytes, "wrote {} back to sql", row.key);
        }
        // The staged pieces are left to the collector.
        Commit::Moved | Commit::Unmet(_) | Commit::Absent | Commit::ReadOnly | Commit::Refused(_) | Commit::Unfit(_) => {
            tracing::info!(event = "write_back_moved", "the row of {} moved while it was written back", row.key);
        }
    }
    Ok(Attempt::Done)
}

/// Only the same key a second time is an error: the row may have moved between the look and the read.
async fn missing(tenant: &Tenant, row: &DocRow, location: &Location) -> Result<Attempt, JobError> {
    let now = tenant.sql.row(&row.key).await?;
    if now.location.and_then(|location| location.object) != location.object {
        return Ok(Attempt::Done);
    }
    Err(corrupt(location, "the object is missing").into())
}

/// What goes back to SQL is what was taken from it or what the client sent, by SHA-256, or nothing goes back.
fn check(found: &Fingerprint, location: &Location) -> StoreResult<()> {
    if *found == location.content { Ok(()) } else { Err(corrupt(location, "the object has not the content that its location says")) }
}

fn corrupt(location: &Location, what: &'static str) -> StoreError {
    let object = location.object.as_ref().map_or_else(|| "the empty object".to_owned(), ToString::to_string);
    StoreError::new("object", "read", object, StoreErrorKind::Corrupt).because(what)
}
