//! From stores to views.

use std::collections::BTreeMap;

use super::views::{Held, JobLine, Jobs, TenantView};
use crate::model::id::TenantId;
use crate::model::job::JobState;
use crate::store::error::StoreResult;
use crate::store::queue::{JobCount, JobView};
use crate::tenants::Tenant;

/// A tenant whose database does not answer is shown with its problem, not left out.
pub(super) async fn tenant(tenant: &Tenant) -> TenantView {
    let mut view = TenantView {
        tenant: tenant.id.to_string(),
        phase: None,
        held_by: BTreeMap::new(),
        counted_at: None,
        jobs: Vec::new(),
        backlog: 0,
        quarantined: 0,
        only_in_object_store: 0,
        open_uploads: 0,
        problem: None,
    };
    if let Err(error) = fill(tenant, &mut view).await {
        view.problem = Some(error.chain());
    }
    view
}

async fn fill(tenant: &Tenant, view: &mut TenantView) -> StoreResult<()> {
    view.phase = Some(tenant.sql.state().await?.phase);
    let counts = tenant.jobs.counts().await?;
    view.quarantined = sum(&counts, |state| state == JobState::Quarantined);
    view.backlog = sum(&counts, |state| state != JobState::Quarantined);
    view.jobs = counts.iter().map(|count| Jobs { kind: count.kind, state: count.state, jobs: count.jobs, oldest: count.oldest }).collect();
    let tally = tenant.sql.tally().await?;
    view.counted_at = tally.swept_at;
    for (name, holding) in [("sql", tally.sql), ("both", tally.both), ("object", tally.object)] {
        view.held_by.insert(name.to_owned(), Held { documents: holding.documents, bytes: holding.bytes });
    }
    let remaining = tenant.sql.remaining().await?;
    view.only_in_object_store = remaining.sole;
    view.open_uploads = remaining.open_uploads;
    Ok(())
}

fn sum(counts: &[JobCount], wanted: impl Fn(JobState) -> bool) -> u64 {
    counts.iter().filter(|count| wanted(count.state)).map(|count| count.jobs).sum()
}

pub(super) fn job(tenant: &TenantId, view: JobView) -> JobLine {
    JobLine {
        id: format!("{tenant}:{}", view.job),
        kind: view.kind,
        target: view.target.to_string(),
        state: view.state,
        priority: view.priority,
        failures: view.failures,
        reason: view.reason,
        owner: view.owner,
        created_at: view.created_at,
        due_at: view.due_at,
    }
}
