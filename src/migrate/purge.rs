//! purge: takes content out of SQL that a verified object holds, one document a transaction, so that nobody waits long for a lock.
//! It never touches what `model::purge::judge` does not name, and each transaction asks again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::work::{Attempt, JobError, SLICE, Tools};
use crate::model::document::DocRow;
use crate::model::id::CollectionName;
use crate::model::job::JobKind;
use crate::model::purge::{PurgeFigures, PurgeRun, Purgeable, judge};
use crate::store::queue::Lease;
use crate::store::sql::{Change, Commit, WalkEnd};
use crate::tenants::Tenant;

/// Rows between two looks at the phase and two notes of the place.
const PAGE: usize = 200;

/// Where a purge has come to.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    after: Option<String>,
    figures: PurgeFigures,
}

pub async fn purge(tools: &Tools, tenant: &Tenant, collection: &CollectionName, lease: &Lease) -> Result<Attempt, JobError> {
    let runs = tenant.sql.purges().await?;
    let Some(run) = runs.into_iter().find(|run| run.collection == collection.as_str() && run.ended_at.is_none()) else {
        return Ok(Attempt::Done);
    };
    let place = lease.checkpoint.as_deref().and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
    Purge { tools, tenant, collection, lease, run, place }.walk().await
}

/// One walk over a collection, or what is left of it.
struct Purge<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
    collection: &'a CollectionName,
    lease: &'a Lease,
    run: PurgeRun,
    place: Place,
}

impl Purge<'_> {
    async fn walk(mut self) -> Result<Attempt, JobError> {
        let begun = Instant::now();
        loop {
            let phase = self.tenant.sql.state().await?.phase;
            if !phase.calls_for(JobKind::Purge, false) {
                return self.end(WalkEnd::Stopped(format!("the tenant went to {phase}"))).await;
            }
            let Some(oldest_backup) = self.tenant.config.oldest_sql_backup else {
                return self
                    .end(WalkEnd::Stopped("the tenant's file says no longer how old its oldest sql backup may be".to_owned()))
                    .await;
            };
            // Counted from the run's start by the database's clock: the same in every slice, and never too late.
            let located_before = self.run.started_at - oldest_backup;
            let after = self.place.after.as_deref().and_then(|after| self.tenant.kept_id(self.collection, after));
            let page = self.tenant.sql.scan(self.collection, after.as_ref(), PAGE).await?;
            for row in &page.rows {
                self.visit(row, located_before).await?;
            }
            let Some(next) = page.next else { return self.end(WalkEnd::Whole).await };
            self.place.after = Some(next.to_string());
            if !self.keep_place().await? {
                return Ok(Attempt::Done);
            }
            if begun.elapsed() > SLICE {
                return Ok(Attempt::Later(Duration::ZERO));
            }
        }
    }

    async fn visit(&mut self, row: &DocRow, located_before: jiff::Timestamp) -> Result<(), JobError> {
        let figures = &mut self.place.figures;
        let (seen, object, length_bytes) = match judge(row, located_before) {
            Purgeable::Yes { seen, object, length_bytes } => (seen, object, length_bytes),
            Purgeable::Nothing => return Ok(()),
            Purgeable::Unverified => {
                figures.unverified += 1;
                return Ok(());
            }
            Purgeable::TooYoung => {
                figures.too_young += 1;
                return Ok(());
            }
        };
        if !self.run.dry_run {
            self.tools.pace.of(&self.tenant.id).document().await;
            let change = Change::Purge { seen, object, located_before };
            if !matches!(self.tenant.sql.commit(&row.key, row.state.epoch, change).await?, Commit::Done(_)) {
                figures.moved += 1;
                return Ok(());
            }
            self.tools.metrics.purged(length_bytes);
            tracing::debug!("the content of {} left sql", row.key);
        }
        figures.documents += 1;
        figures.bytes += length_bytes;
        Ok(())
    }

    /// False: another agent has the job now.
    async fn keep_place(&self) -> Result<bool, JobError> {
        let text = serde_json::to_string(&self.place).expect("a place is text and numbers");
        if !self.tenant.jobs.checkpoint(self.lease, &text).await? {
            return Ok(false);
        }
        self.tenant.sql.note_purge(self.collection, self.place.figures, None).await?;
        Ok(true)
    }

    async fn end(self, end: WalkEnd) -> Result<Attempt, JobError> {
        let PurgeFigures { documents, bytes, .. } = self.place.figures;
        let what = if self.run.dry_run { "would leave" } else { "left" };
        tracing::info!(
            event = "purged",
            documents,
            size_bytes = bytes,
            "{documents} contents {what} the sql of {}/{}",
            self.tenant.id,
            self.collection
        );
        self.tenant.sql.note_purge(self.collection, self.place.figures, Some(end)).await?;
        Ok(Attempt::Done)
    }
}
