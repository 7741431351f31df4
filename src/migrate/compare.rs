//! What a flip compares before it is permitted: a random sample of every collection, and, before `sealed`, what changed since the
//! last verification. What it finds is noted as a verification's is.

use super::work::JobError;
use crate::budget::Budget;
use crate::compare::{Compared, Comparison, held_bytes, report};
use crate::model::document::{DocRow, Holder};
use crate::model::id::CollectionName;
use crate::model::phase::Sample;
use crate::model::verification::FoundBy;
use crate::store::sql::Findings;
use crate::tenants::Tenant;

/// Documents of each collection in a flip's sample: all of a small tenant, and enough of a large one to meet any fault that
/// is in more than a few percent of it.
const SAMPLE: usize = 100;

/// Rows looked at for content that is not copied, where there is nothing to compare.
const LOOK_AHEAD: usize = 1000;

/// Documents that changed since the last verification and are verified while somebody waits for a flip; more, or larger ones, are
/// worth a verification of their own.
const LATECOMERS: usize = 500;
const LATECOMERS_BYTES: u64 = 1 << 30;

/// Compares a random sample of every collection.
pub async fn sample(budget: &Budget, tenant: &Tenant) -> Result<Sample, JobError> {
    let mut sample = Sample::default();
    for collection in &tenant.config.collections {
        let rows = tenant.sql.sample(&collection.name, SAMPLE).await?;
        compare(budget, tenant, &collection.name, &rows, &mut sample).await?;
        let page = tenant.sql.scan(&collection.name, None, LOOK_AHEAD).await?;
        sample.uncopied += page.rows.iter().filter(|row| row.truth().holder == Holder::Sql).count() as u64;
    }
    // Beyond the rows looked at, the last sweep's figures tell.
    let in_sql = tenant.sql.tally().await?.sql.documents;
    sample.uncopied = sample.uncopied.max(u64::try_from(in_sql).unwrap_or_default());
    sample.open_differences = tenant.sql.open_differences().await?;
    Ok(sample)
}

/// Verifies what changed since the last verification, and answers how many documents are left: too many, too large, or not to be
/// read. One that changes under this look is not counted: it is younger than the look.
pub async fn latecomers(budget: &Budget, tenant: &Tenant) -> Result<u64, JobError> {
    let mut left = 0;
    for collection in &tenant.config.collections {
        // One more than are looked at: then there are too many.
        let mut rows = tenant.sql.unverified(&collection.name, LATECOMERS + 1).await?;
        rows.retain(|row| matches!(row.truth().holder, Holder::Both | Holder::Object));
        let bytes: u64 = rows.iter().map(DocRow::length_bytes).sum();
        if rows.len() > LATECOMERS || bytes > LATECOMERS_BYTES {
            left += rows.len() as u64;
            continue;
        }
        let mut found = Sample::default();
        compare(budget, tenant, &collection.name, &rows, &mut found).await?;
        left += found.failed;
    }
    Ok(left)
}

async fn compare(
    budget: &Budget,
    tenant: &Tenant,
    collection: &CollectionName,
    rows: &[DocRow],
    sample: &mut Sample,
) -> Result<(), JobError> {
    let Some(epoch) = rows.first().map(|row| row.state.epoch) else { return Ok(()) };
    let mut findings = Findings::default();
    for row in rows {
        let Some(_grant) = budget.acquire(held_bytes(row.length_bytes())).await else { return Err(JobError::NoMemory) };
        let portion_bytes = budget.portion_bytes();
        let comparison = Comparison { tenant, found_by: FoundBy::Sample, portion_bytes, slow: &|_, content| content };
        match comparison.compare(row).await {
            Ok(Compared::Equal(verified)) => {
                sample.compared += 1;
                findings.verified.push(verified);
            }
            Ok(Compared::Different(found)) => {
                sample.compared += 1;
                sample.different += 1;
                found.iter().for_each(|finding| report(&row.key, finding));
                findings.found.extend(found);
            }
            Ok(Compared::Moved | Compared::NotLocated | Compared::Nothing) => sample.moved += 1,
            Err(error) => {
                sample.failed += 1;
                tracing::warn!(tenant = %tenant.id, "{} could not be compared: {}", row.key, error.chain());
            }
        }
    }
    tenant.sql.note_findings(collection, epoch, findings).await?;
    Ok(())
}
