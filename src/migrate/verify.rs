//! verify: reads every document of a collection in all its holders, and every name among the objects; lists what differs, and
//! replaces, where it is asked to, what SQL holds too. It never touches an object, and never gives up a sole one.
//!
//! The place and the figures stand in the run's row and move on in the transaction that notes the findings: an agent that was
//! lost, or overtaken, counts nothing twice.

mod objects;
mod pace;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::sweep;
use super::work::{Attempt, JobError, SLICE, Tools};
use crate::compare::{Compared, Comparison, held_bytes, report};
use crate::model::document::{DocRow, Holder};
use crate::model::id::{CollectionName, DocKey};
use crate::model::phase::Side;
use crate::model::stamp::Epoch;
use crate::model::verification::{Finding, FoundBy, Remedy, Verified, VerifyFigures, VerifyRun, VerifyWish};
use crate::store::sql::{Change, Commit, Findings, Reached, VerifyProgress};
use crate::telemetry::Direction;
use crate::tenants::Tenant;
use crate::watch::transfers::{Begun, Party, Progress};

pub use self::pace::Pace;

/// Documents that are read at once: most of the time of a small one is spent waiting for its stores.
const AT_ONCE: usize = 4;

/// Names a page: one read of rows without content, or of objects.
const PAGE: usize = 500;

/// Between two notes of what was found: what a lost agent leaves undone, and how old the progress is that is shown.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// Documents in one note at most, because its transaction holds the one writer.
const NOTE_AT: usize = 500;

/// A verification by the clock goes on while it owes less than this.
const MAX_DEBT: Duration = Duration::from_secs(1);

/// So many failures one after the other are no longer about documents: the job waits, and comes again.
const MAX_FAILURES: u32 = 10;

/// Where a walk has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Documents { after: Option<String> },
    Objects { after: Option<String> },
    End,
}

pub async fn verify(tools: &Tools, tenant: &Tenant, collection: &CollectionName) -> Result<Attempt, JobError> {
    let (state, runs) = (tenant.sql.state().await?, tenant.sql.verifications().await?);
    let Some(run) = runs.into_iter().find(|run| run.collection == collection.as_str() && run.ended_at.is_none()) else {
        return Ok(Attempt::Done);
    };
    if run.epoch != state.epoch.0 {
        // What it has seen was another moment's database. Beginning anew takes the lease of this job, too.
        tenant.sql.begin_verification(VerifyWish { repair: run.repair, background: false }).await?;
        return Ok(Attempt::Done);
    }
    let mut walk = Walk::new(tools, tenant, collection, state.epoch, run);
    let ended = walk.go_on().await;
    if ended.is_err() {
        // A store that failed in the middle takes nothing of what was found before.
        walk.note(None).await?;
    }
    ended
}

/// One slice of a walk.
struct Walk<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
    collection: &'a CollectionName,
    epoch: Epoch,
    run: VerifyRun,
    place: Place,
    /// The place as the run's row has it.
    noted_place: Option<String>,
    noted_at: Instant,
    begun: Instant,
    figures: VerifyFigures,
    noted_bytes: u64,
    charged_bytes: u64,
    verified: Vec<Verified>,
    found: Vec<Finding>,
    failures: u32,
}

impl<'a> Walk<'a> {
    fn new(tools: &'a Tools, tenant: &'a Tenant, collection: &'a CollectionName, epoch: Epoch, run: VerifyRun) -> Self {
        let place = run.place.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
        let now = Instant::now();
        Self {
            tools,
            tenant,
            collection,
            epoch,
            place: place.unwrap_or(Place::Documents { after: None }),
            noted_place: run.place.clone(),
            noted_at: now,
            begun: now,
            figures: run.figures,
            noted_bytes: run.figures.bytes,
            charged_bytes: run.figures.bytes,
            verified: Vec::new(),
            found: Vec::new(),
            failures: 0,
            run,
        }
    }

    async fn go_on(&mut self) -> Result<Attempt, JobError> {
        loop {
            let paused = match self.place.clone() {
                Place::Documents { after } => self.documents(after.as_deref()).await?,
                Place::Objects { after } => {
                    let page = self.tenant.objects.list(after.as_deref(), PAGE).await?;
                    self.objects(page.objects, page.foreign).await?;
                    self.place = page.next.map_or(Place::End, |next| Place::Objects { after: Some(next) });
                    self.pause().await?
                }
                Place::End => return self.end().await,
            };
            if let Some(attempt) = paused {
                return Ok(attempt);
            }
        }
    }

    /// One page, or as much of it as the slice takes.
    async fn documents(&mut self, after: Option<&str>) -> Result<Option<Attempt>, JobError> {
        let after = after.and_then(|after| self.tenant.kept_id(self.collection, after));
        let page = self.tenant.sql.scan(self.collection, after.as_ref(), PAGE).await?;
        // What is missing and what is marked is put right as a sweep does, but for the copies that a long backlog will come to.
        if sweep::backlog(self.tenant).await? <= self.tools.settings.backlog_limit {
            sweep::visit(self.tools, self.tenant, &page.rows).await?;
        }
        let reading = Reading { tools: self.tools, tenant: self.tenant };
        // In the order of the rows, so that the place is always one before which everything is done.
        let mut read = stream::iter(page.rows).map(|row| reading.read(row)).buffered(AT_ONCE);
        while let Some((key, compared)) = read.next().await {
            self.document(&key, compared).await?;
            self.place = Place::Documents { after: Some(key.id.to_string()) };
            if let Some(attempt) = self.pause().await? {
                return Ok(Some(attempt));
            }
        }
        if page.next.is_none() {
            self.place = if self.walks_objects() { Place::Objects { after: None } } else { Place::End };
        }
        Ok(None)
    }

    /// The objects are the tenant's, not a collection's: the walk of the first one looks at them.
    fn walks_objects(&self) -> bool {
        self.tenant.config.collections.first().is_some_and(|first| first.name == *self.collection)
    }

    async fn document(&mut self, key: &DocKey, read: Result<(DocRow, Compared), JobError>) -> Result<(), JobError> {
        let settled = match read {
            Ok((row, compared)) => self.settle(&row, compared).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(()) => self.failures = 0,
            Err(error) if error.is_outage() || self.failures >= MAX_FAILURES => return Err(error),
            Err(error) => {
                self.failures += 1;
                self.figures.failed += 1;
                tracing::warn!(tenant = %self.tenant.id, "{key} could not be verified: {}", error.reason());
            }
        }
        self.figures.documents += 1;
        Ok(())
    }

    async fn settle(&mut self, row: &DocRow, compared: Compared) -> Result<(), JobError> {
        self.figures.bytes += read_bytes(row);
        match compared {
            Compared::Equal(verified) => {
                self.figures.verified += 1;
                self.verified.push(verified);
            }
            Compared::Different(findings) => self.differs(row, findings).await?,
            Compared::Moved => self.figures.moved += 1,
            Compared::NotLocated if self.is_younger(row) => self.figures.moved += 1,
            Compared::NotLocated => self.figures.unlocated += 1,
            Compared::Nothing => {}
        }
        Ok(())
    }

    /// The row changed since the run began.
    fn is_younger(&self, row: &DocRow) -> bool {
        row.document.as_ref().is_some_and(|document| document.revision.0 > self.run.revision)
    }

    async fn differs(&mut self, row: &DocRow, mut findings: Vec<Finding>) -> Result<(), JobError> {
        let heals = self.run.repair && findings.iter().all(|finding| finding.kind.is_healed_by_a_copy());
        if heals && row.truth().holder == Holder::Both {
            if !self.replace(row).await? {
                self.figures.moved += 1;
                return Ok(());
            }
            findings.iter_mut().for_each(|finding| finding.remedy = Remedy::Replaced);
        }
        for finding in &findings {
            report(&row.key, finding);
            self.tools.metrics.difference(&self.tenant.id, finding.kind, finding.sole && finding.kind.is_loss());
        }
        self.figures.different += 1;
        self.found.extend(findings);
        Ok(())
    }

    /// The row says that SQL's content is the current one. False: the document has changed meanwhile.
    async fn replace(&self, row: &DocRow) -> Result<bool, JobError> {
        let Some(location) = &row.location else { return Ok(false) };
        let change = Change::Distrust { seen: location.revision, object: location.object.clone() };
        let replaced = matches!(self.tenant.sql.commit(&row.key, self.epoch, change).await?, Commit::Done(_));
        self.tenant.work.notify_one();
        Ok(replaced)
    }

    /// Notes what was found from time to time. `Some`: the rest is for later, or for somebody else.
    async fn pause(&mut self) -> Result<Option<Attempt>, JobError> {
        let due = self.noted_at.elapsed() >= NOTE_EVERY || self.verified.len() + self.found.len() >= NOTE_AT;
        let owes = self.run.background && self.owed() > MAX_DEBT;
        let over = self.begun.elapsed() >= SLICE || owes;
        if !due && !over {
            return Ok(None);
        }
        if !self.note(None).await? {
            return Ok(Some(Attempt::Done));
        }
        Ok(over.then(|| Attempt::Later(if owes { self.owed() } else { Duration::ZERO })))
    }

    /// What a verification by the clock has read since it last said so is charged here.
    fn owed(&mut self) -> Duration {
        let bytes = self.figures.bytes - self.charged_bytes;
        self.charged_bytes = self.figures.bytes;
        self.tools.verify_pace.charge(bytes)
    }

    async fn end(&mut self) -> Result<Attempt, JobError> {
        if self.note(Some(Reached::End { with_objects: self.walks_objects() })).await? {
            let VerifyFigures { documents, bytes, verified, different, failed, unlocated, .. } = self.figures;
            tracing::info!(
                event = "verified",
                documents,
                size_bytes = bytes,
                different,
                failed,
                unlocated,
                "verified {}/{}: {verified} of {documents} documents are equal in all their holders, {different} differences",
                self.tenant.id,
                self.collection
            );
        }
        Ok(Attempt::Done)
    }

    /// False: another run or another agent goes on from here.
    async fn note(&mut self, end: Option<Reached>) -> Result<bool, JobError> {
        let place = serde_json::to_string(&self.place).expect("a place is text");
        let (verified, found) = (std::mem::take(&mut self.verified), std::mem::take(&mut self.found));
        let count = verified.len() as u64;
        let reached = end.unwrap_or_else(|| Reached::Place(place.clone()));
        let progress = VerifyProgress { run: self.run.number, from: self.noted_place.clone(), reached, figures: self.figures };
        let findings = Findings { verified, found, progress: Some(progress) };
        if !self.tenant.sql.note_findings(self.collection, self.epoch, findings).await? {
            return Ok(false);
        }
        self.tools.metrics.verified(count, self.figures.bytes - self.noted_bytes);
        (self.noted_place, self.noted_at, self.noted_bytes) = (Some(place), Instant::now(), self.figures.bytes);
        Ok(true)
    }
}

/// What it takes to compare documents side by side.
#[derive(Clone, Copy)]
struct Reading<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
}

impl Reading<'_> {
    async fn read(self, row: DocRow) -> (DocKey, Result<(DocRow, Compared), JobError>) {
        let key = row.key.clone();
        (key, self.compare(row).await)
    }

    /// With the row that was compared: the page is of a while ago, and what was marked in it has been put right since.
    async fn compare(self, row: DocRow) -> Result<(DocRow, Compared), JobError> {
        let pace = self.tools.pace.of(&self.tenant.id);
        pace.document().await;
        let Some(_grant) = self.tools.budget.acquire(held_bytes(row.length_bytes())).await else { return Err(JobError::NoMemory) };
        let total = read_bytes(&row);
        let begun = Begun::of(&row.key, Direction::Verify, (Party::Object, Party::Nobody), Some(total));
        let transfer = self.tools.transfers.begin(&begun);
        let progress = transfer.progress();
        let slow = |side: Side, content| {
            progress.comes_from(side.into());
            progress.of(pace.slow(content))
        };
        let portion_bytes = self.tools.budget.portion_bytes();
        let comparison = Comparison { tenant: self.tenant, found_by: FoundBy::Verify, portion_bytes, slow: &slow };
        transfer.end(look_twice(self.tenant, &comparison, row, &progress).await)
    }
}

/// Again, by the row as it is now, where it moved under the first look.
async fn look_twice(
    tenant: &Tenant,
    comparison: &Comparison<'_>,
    row: DocRow,
    progress: &Progress,
) -> Result<(DocRow, Compared), JobError> {
    let compared = comparison.compare(&row).await?;
    if compared != Compared::Moved && row.truth().repair.is_none() {
        return Ok((row, compared));
    }
    progress.begins_anew();
    let row = tenant.sql.row(&row.key).await?;
    let compared = comparison.compare(&row).await?;
    Ok((row, compared))
}

/// What a comparison that came to its end has read.
fn read_bytes(row: &DocRow) -> u64 {
    match row.truth().holder {
        Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument | Holder::Sql => 0,
        Holder::Object => row.length_bytes(),
        Holder::Both => 2 * row.length_bytes(),
    }
}
