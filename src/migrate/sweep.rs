//! sweep: walk one collection by primary key, enqueue what has no true location, put right what the truth marks, and count.
//! It keeps its place in the job, so that another agent goes on where this one was lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::work::{Attempt, JobError, Tools};
use crate::model::document::{DocRow, Repair};
use crate::model::id::CollectionName;
use crate::model::job::{JobKind, JobTarget, NewJob, Priority};
use crate::model::phase::Phase;
use crate::store::queue::Lease;
use crate::store::sql::{Change, Commit};
use crate::tenants::Tenant;

/// Rows a page: one read, one transaction that enqueues, one that keeps the place.
pub(super) const PAGE: usize = 500;

/// How long a sweep waits for agents to work the backlog off.
pub(super) const BACKLOG_WAIT: Duration = Duration::from_secs(2);

/// Where a sweep has come to.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Place {
    /// Another phase calls for other work: a sweep that sees the phase change begins again.
    phase: Phase,
    after: Option<String>,
}

pub async fn sweep(tools: &Tools, tenant: &Tenant, collection: &CollectionName, lease: &Lease) -> Result<Attempt, JobError> {
    let mut place: Option<Place> = lease.checkpoint.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
    loop {
        let phase = tenant.sql.state().await?.phase;
        let current = place.take().filter(|place| place.phase == phase).unwrap_or(Place { phase, after: None });
        if backlog(tenant).await? > tools.settings.backlog_limit {
            return Ok(Attempt::Later(BACKLOG_WAIT));
        }
        let after = current.after.as_deref().and_then(|after| tenant.kept_id(collection, after));
        let page = tenant.sql.sweep_page(collection, after.as_ref(), PAGE).await?;
        visit(tools, tenant, &page.rows).await?;
        let Some(next) = page.next else {
            tracing::info!(event = "swept", "swept {}/{collection}", tenant.id);
            return Ok(Attempt::Done);
        };
        let reached = Place { phase, after: Some(next.to_string()) };
        let text = serde_json::to_string(&reached).expect("a place is text and numbers");
        if !tenant.jobs.checkpoint(lease, &text).await? {
            return Ok(Attempt::Done);
        }
        place = Some(reached);
    }
}

pub(super) async fn backlog(tenant: &Tenant) -> Result<u64, JobError> {
    let counts = tenant.jobs.counts().await?;
    Ok(counts.iter().filter(|count| matches!(count.kind, JobKind::Copy | JobKind::WriteBack)).map(|count| count.jobs).sum())
}

pub(super) async fn visit(tools: &Tools, tenant: &Tenant, rows: &[DocRow]) -> Result<(), JobError> {
    let mut jobs = Vec::new();
    for row in rows {
        for kind in [JobKind::Copy, JobKind::WriteBack] {
            if row.needs(kind, tenant.config.mirror) {
                jobs.push(NewJob { kind, target: JobTarget::Document(row.key.clone()), priority: Priority::Sweep });
            }
        }
        if let Some(found) = row.truth().repair {
            repair(tools, tenant, row, found).await?;
        }
    }
    if !jobs.is_empty() {
        tenant.jobs.enqueue(jobs).await?;
        tenant.work.notify_one();
    }
    Ok(())
}

async fn repair(tools: &Tools, tenant: &Tenant, row: &DocRow, repair: Repair) -> Result<(), JobError> {
    if let Repair::Alarm(impossible) = repair {
        tracing::error!(event = "alarm", "{}: {impossible}; somebody has changed sluss's tables or switched its triggers off", row.key);
        return Ok(());
    }
    let Some(document) = &row.document else { return Ok(()) };
    let change = Change::Repair { seen: document.revision, repair };
    let done = matches!(tenant.sql.commit(&row.key, row.state.epoch, change).await?, Commit::Done(_));
    if done && repair == Repair::RetireWrittenAround {
        tools.metrics.write_around(&tenant.id);
        tracing::warn!(event = "written_around", "{} was written straight to sql around the gateway; its object is a version now", row.key);
    }
    Ok(())
}
