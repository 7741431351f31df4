//! From stores to views.

use std::collections::BTreeMap;

use super::verification::{self, VerificationView};
use super::views::{Held, JobLine, Jobs, TenantView};
use crate::model::id::TenantId;
use crate::model::job::{self, JobState};
use crate::model::limits::WorkLimits;
use crate::store::error::StoreResult;
use crate::store::queue::JobView;
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
        verification: VerificationView::default(),
        read_only: false,
        limits: WorkLimits::default(),
        all_paused: false,
        objects_of: tenant.ownership.other(),
        remaining_documents: 0,
        remaining_bytes: 0,
        documents_per_second: 0.0,
        bytes_per_second: 0.0,
        eta_seconds: None,
        problems: Vec::new(),
        problem: None,
    };
    if let Err(error) = fill(tenant, &mut view).await {
        view.problem = Some(error.chain());
    }
    view
}

async fn fill(tenant: &Tenant, view: &mut TenantView) -> StoreResult<()> {
    let state = tenant.sql.state().await?;
    view.phase = Some(state.phase);
    view.read_only = state.read_only;
    let counts = tenant.jobs.counts().await?;
    view.quarantined = counts.iter().filter(|count| count.state == JobState::Quarantined).map(|count| count.jobs).sum();
    view.backlog =
        counts.iter().filter(|count| count.state != JobState::Quarantined && count.kind.is_backlog()).map(|count| count.jobs).sum();
    view.jobs = counts.iter().map(|count| Jobs { kind: count.kind, state: count.state, jobs: count.jobs, oldest: count.oldest }).collect();
    let tally = tenant.sql.tally().await?;
    view.counted_at = tally.swept_at;
    for (name, holding) in [("sql", tally.sql), ("both", tally.both), ("object", tally.object)] {
        view.held_by.insert(name.to_owned(), Held { documents: holding.documents, bytes: holding.bytes });
    }
    let remaining = tenant.sql.remaining().await?;
    view.only_in_object_store = remaining.sole;
    view.open_uploads = remaining.open_uploads;
    view.verification = verification::view(tenant).await?;
    Ok(())
}

/// What a job's failures have in common with others'.
pub(super) fn cause(view: &JobView) -> String {
    job::cause(view.reason.as_deref().unwrap_or_default(), &view.target)
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
