//! Compares documents that both stores hold, byte for byte by SHA-256, against each other and against the location.

use futures_util::StreamExt;

use super::work::{JobError, held_bytes};
use crate::budget::Budget;
use crate::model::content::{ContentHasher, Fingerprint};
use crate::model::document::{DocRow, Holder};
use crate::model::location::Location;
use crate::model::phase::Sample;
use crate::store::checked::open_checked;
use crate::store::error::{Interrupted, StoreErrorKind};
use crate::store::object::ByteStream;
use crate::tenants::Tenant;

/// Documents of each collection in a flip's sample: all of a small tenant, and enough of a large one to meet any fault that
/// is in more than a few percent of it.
const SAMPLE: usize = 100;

/// Rows looked at for content that is not copied, where there is nothing to compare.
const LOOK_AHEAD: usize = 1000;

/// How a document's two holders compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    /// It changed while it was read; its own commit takes care of it.
    Moved,
}

/// Compares a random sample of every collection.
pub async fn sample(budget: &Budget, tenant: &Tenant) -> Result<Sample, JobError> {
    let mut sample = Sample::default();
    for collection in &tenant.config.collections {
        for row in tenant.sql.sample(&collection.name, SAMPLE).await? {
            match compare(budget, tenant, &row).await {
                Ok(Comparison::Equal) => sample.compared += 1,
                Ok(Comparison::Different) => {
                    sample.compared += 1;
                    sample.different += 1;
                    tracing::error!(event = "mismatch", tenant = %tenant.id, "{} differs between sql and the object store", row.key);
                }
                Ok(Comparison::Moved) => sample.moved += 1,
                Err(error) => {
                    sample.failed += 1;
                    tracing::warn!(tenant = %tenant.id, "{} could not be compared: {}", row.key, error.reason());
                }
            }
        }
        let page = tenant.sql.scan(&collection.name, None, LOOK_AHEAD).await?;
        sample.uncopied += page.rows.iter().filter(|row| row.truth().holder == Holder::Sql).count() as u64;
    }
    // Beyond the rows looked at, the last sweep's figures tell.
    let in_sql = tenant.sql.tally().await?.sql.documents;
    sample.uncopied = sample.uncopied.max(u64::try_from(in_sql).unwrap_or_default());
    Ok(sample)
}

async fn compare(budget: &Budget, tenant: &Tenant, row: &DocRow) -> Result<Comparison, JobError> {
    let (Some(document), Some(location)) = (&row.document, &row.location) else { return Ok(Comparison::Moved) };
    let Some(_grant) = budget.acquire(held_bytes(row.length_bytes())).await else { return Err(JobError::NoMemory) };
    let Some(in_sql) = tenant.sql.open(&row.key, document.revision, 0, budget.portion_bytes()).await? else {
        return Ok(Comparison::Moved);
    };
    let Some(in_sql) = fingerprint(in_sql).await? else { return Ok(Comparison::Moved) };
    if in_sql != location.content {
        return Ok(Comparison::Different);
    }
    let object = match open_checked(&*tenant.objects, location, 0..location.content.length_bytes).await? {
        Some(object) => object,
        None if still_names(tenant, row).await? => return Ok(Comparison::Different),
        None => return Ok(Comparison::Moved),
    };
    match fingerprint(object).await {
        Ok(Some(object)) if object == location.content => Ok(Comparison::Equal),
        Ok(Some(_)) => Ok(Comparison::Different),
        Ok(None) => Ok(Comparison::Moved),
        Err(JobError::Store(error)) if error.kind == StoreErrorKind::Corrupt => Ok(Comparison::Different),
        Err(error) => Err(error),
    }
}

/// `None` when the row moved on while it was read.
async fn fingerprint(mut content: ByteStream) -> Result<Option<Fingerprint>, JobError> {
    let mut hasher = ContentHasher::default();
    while let Some(portion) = content.next().await {
        match portion {
            Ok(bytes) => hasher.update(&bytes),
            Err(Interrupted::Moved | Interrupted::Client(_)) => return Ok(None),
            Err(Interrupted::Store(error)) => return Err(error.into()),
        }
    }
    Ok(Some(hasher.finish()))
}

async fn still_names(tenant: &Tenant, row: &DocRow) -> Result<bool, JobError> {
    let object = |location: Option<&Location>| location.and_then(|location| location.object.clone());
    Ok(object(tenant.sql.row(&row.key).await?.location.as_ref()) == object(row.location.as_ref()))
}
