//! What has to hold at any moment, whatever goes wrong: a tenant that was complete in `sql` stays so until somebody flips it, and a
//! document that was written through the gateway and needs work has a job for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluss::model::job::{JobKind, JobTarget};
use sluss::model::phase::Phase;
use sluss::store::queue::JobFilter;
use tokio::time::sleep;

use super::run::Run;

/// Short against what a write takes, long against what a look costs.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Counts flips, twice each: an odd number while one is under way.
#[derive(Default)]
pub struct Flips(AtomicU64);

/// A flip that is under way until this is dropped.
pub struct Flipping<'a>(&'a Flips);

impl Flips {
    pub fn begin(&self) -> Flipping<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Flipping(self)
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Flipping<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Run {
    /// Until it is dropped.
    pub async fn watch(self: Arc<Self>) {
        let straight = self.written_straight();
        let by_gateway: Vec<u32> = (1..=self.script.documents).filter(|document| !straight.contains(document)).collect();
        let (mut complete, mut turn) = (None, by_gateway.iter().cycle());
        loop {
            sleep(LOOK_EVERY).await;
            self.watch_sole(&mut complete).await;
            if let Some(document) = turn.next() {
                self.watch_outbox(*document).await;
            }
        }
    }

    /// `complete`: since how many flips.
    async fn watch_sole(&self, complete: &mut Option<u64>) {
        let (tenant, flips) = (self.tenant(), self.flips.now());
        let state = tenant.sql.state().await.unwrap();
        let remaining = tenant.sql.remaining().await.unwrap();
        if state.phase != Phase::Sql || !flips.is_multiple_of(2) || self.flips.now() != flips {
            return;
        }
        match (remaining.sole, remaining.open_uploads) {
            (0, 0) => *complete = Some(flips),
            (0, _) => {}
            _ if *complete == Some(flips) => {
                self.history.violation("in sql, after it was complete, a content is sole again");
                *complete = None;
            }
            _ => {}
        }
    }

    /// The outbox is written, and a job closed, in transactions that see the document: only a flip may leave this to a sweep.
    async fn watch_outbox(&self, document: u32) {
        let (flips, before) = (self.flips.now(), self.row(document).await);
        for kind in [JobKind::Copy, JobKind::WriteBack] {
            if !before.needs(kind, self.script.mirror) {
                continue;
            }
            let jobs = self.tenant().jobs.list(JobFilter::default(), None, 1000).await.unwrap();
            let target = JobTarget::Document(before.key.clone());
            if jobs.iter().any(|job| job.kind == JobKind::Sweep || job.kind == kind && job.target == target) {
                continue;
            }
            // The same rows as before the look at the jobs: it needed the work all the while.
            let after = self.row(document).await;
            let unflipped = flips.is_multiple_of(2) && self.flips.now() == flips && !self.last_word.load(Ordering::SeqCst);
            if unflipped && after.needs(kind, self.script.mirror) && after.document == before.document && after.location == before.location
            {
                self.history.violation(format!("document {document} needs a {kind} and has no job for it: {after:?}"));
            }
        }
    }
}
