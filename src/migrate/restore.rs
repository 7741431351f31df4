//! restore: brings a collection back to what it was at an instant, or that into another tenant. Each document is a new write or a delete, so
//! what it ends becomes a version, and a restore can be undone by another one. Safe to repeat: what was dealt with is seen to be.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use self::intent::{Action, Intent, Look, Source};
use self::put::{Ended, Put, last_ended, remove};
use super::work::{Attempt, JobError, SLICE, Tools};
use crate::model::history::VersionNumber;
use crate::model::id::{CollectionName, DocKey};
use crate::model::job::JobKind;
use crate::model::phase::Phase;
use crate::model::restore::{RestoreFigures, RestoreRun, RestoreWish};
use crate::store::error::{StoreErrorKind, StoreResult};
use crate::store::history::CANCELLED;
use crate::store::queue::Lease;
use crate::store::sql::WalkEnd;
use crate::tenants::{Tenant, Tenants};

mod intent;
mod put;

/// Documents at once. Most of the time one waits for its stores.
const AT_ONCE: usize = 8;

/// So often people who wait are told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A document that clients change again and again is looked at so often.
const MAX_LOOKS: u32 = 5;

/// What a restore would do with one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedDocument {
    pub collection: String,
    pub document: String,
    pub action: PlannedAction,
    /// Of the content that it gets.
    pub bytes: u64,
    /// The version that it gets; absent where the content is the current one still.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stamp: Option<String>,
    /// Nobody saw when the content was written that it has or gets: it may have come after the instant, and what was there before left no trace.
    pub doubtful: bool,
    /// Why nothing is done about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedAction {
    /// It gets a content.
    Restore,
    /// It had none then, and loses what it has.
    Remove,
    /// It stays as it is.
    Stay,
}

/// Why a restore may not begin, each with what to do about it; none where it may. `to`: the tenant that is written to.
pub async fn blockers(tenant: &Tenant, to: &Tenant, wish: &RestoreWish, now: Timestamp) -> StoreResult<Vec<String>> {
    let mut found = Vec::new();
    let retention = tenant.config.retention();
    if wish.instant > now {
        found.push(format!("{} is still to come", wish.instant));
    }
    if !retention.keeps_history() {
        found.push("the tenant keeps no history (keep_for = \"0s\"), so what was overwritten is no more".to_owned());
    }
    let reach = retention.oldest_sql_backup.and_then(|backup| now.checked_sub(retention.keep_for.max(backup)).ok());
    // The retention may have been shorter before.
    let reach = reach.max(tenant.sql.history(None).await?.expired_to);
    if let Some(from) = reach.filter(|from| wish.instant < *from) {
        found.push(format!("history reaches back to {from:.0}: what ended before may be removed"));
    }
    for of in [tenant, to] {
        if of.ownership.is_anothers() {
            found.push(format!("the objects of {} belong to another installation: see `sluss reconcile`", of.id));
        }
        if of.continuity.is_broken() {
            found.push(format!("the database of {} was put back to an earlier moment: `sluss reconcile` comes first", of.id));
        }
    }
    found.dedup();
    let state = to.sql.state().await?;
    if state.phase == Phase::Sql {
        found.push(format!(
            "tenant {} is in sql, where no history is kept and a restore could not be undone: flip it to shadow first",
            to.id
        ));
    }
    if state.read_only {
        found.push(format!("tenant {} is read-only, and a restore writes", to.id));
    }
    Ok(found)
}

/// What was found of a page of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub looked_at: u64,
    /// What stays and is not in doubt is left out.
    pub documents: Vec<PlannedDocument>,
}

/// The plan, a page of documents after the other, in bounded memory.
pub fn plan(tenant: Arc<Tenant>, wish: RestoreWish) -> impl Stream<Item = StoreResult<Planned>> + Send {
    let parts: Vec<CollectionName> = match &wish.only {
        Some((collection, _)) => vec![collection.clone()],
        None => tenant.config.collections.iter().map(|collection| collection.name.clone()).collect(),
    };
    let walks: VecDeque<Walk> =
        parts.into_iter().map(|collection| Walk { collection, only: wish.only.clone(), place: Place::default() }).collect();
    stream::try_unfold((tenant, wish, walks), |(tenant, wish, mut walks)| async move {
        let Some(walk) = walks.front_mut() else { return Ok(None) };
        let look = Look { tenant: &tenant, instant: wish.instant, begun: None, elsewhere: wish.into.is_some() };
        let (intents, goes_on) = walk.next(&look).await?;
        if !goes_on {
            walks.pop_front();
        }
        let planned = Planned { looked_at: intents.len() as u64, documents: intents.iter().filter_map(planned).collect() };
        Ok(Some((planned, (tenant, wish, walks))))
    })
}

fn planned(intent: &Intent) -> Option<PlannedDocument> {
    let Intent { row, action, doubtful, .. } = intent;
    let (action, bytes, stamp, reason) = match action {
        Action::Stay if !doubtful => return None,
        Action::Stay | Action::Dealt => (PlannedAction::Stay, 0, None, None),
        Action::Put(Source::Version(version)) => (PlannedAction::Restore, version.length_bytes, Some(version.stamp.to_string()), None),
        Action::Put(Source::Current) => (PlannedAction::Restore, row.length_bytes(), None, None),
        Action::Remove => (PlannedAction::Remove, 0, None, None),
        Action::Marked => (PlannedAction::Stay, 0, None, Some("it is marked as deleted, and since when was not noted".to_owned())),
        Action::Barred(why) => (PlannedAction::Stay, 0, None, Some((*why).to_owned())),
    };
    let (collection, document) = (row.key.collection.to_string(), row.key.id.to_string());
    Some(PlannedDocument { collection, document, action, bytes, stamp, doubtful: *doubtful, reason })
}

/// Where a walk has come to: first the documents that are there, then those that are no more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Place {
    after: Option<String>,
    /// The documents that are there were all looked at.
    rows_done: bool,
    version: Option<u64>,
    figures: RestoreFigures,
}

struct Walk {
    collection: CollectionName,
    only: Option<(CollectionName, String)>,
    place: Place,
}

impl Walk {
    /// The next documents, and whether the walk goes on.
    async fn next(&mut self, look: &Look<'_>) -> StoreResult<(Vec<Intent>, bool)> {
        let collection = &self.collection;
        if let Some((_, document)) = &self.only {
            let Some(id) = look.tenant.kept_id(collection, document) else { return Ok((Vec::new(), false)) };
            let key = DocKey { tenant: look.tenant.id.clone(), collection: collection.clone(), id };
            return Ok((vec![look.one(&key).await?], false));
        }
        if self.place.rows_done {
            let (gone, last) = look.gone(collection, self.place.version.map(VersionNumber)).await?;
            self.place.version = last.map(|number| number.0);
            return Ok((gone, last.is_some()));
        }
        let after = self.place.after.as_deref().and_then(|after| look.tenant.kept_id(collection, after));
        let (rows, next) = look.documents(collection, after.as_ref()).await?;
        let intents: Vec<Intent> = stream::iter(rows).map(|row| look.judge(row)).buffered(AT_ONCE).try_collect().await?;
        self.place.rows_done = next.is_none();
        self.place.after = next.map(|next| next.to_string());
        Ok((intents, true))
    }
}

pub async fn restore(
    tools: &Tools,
    tenants: &Tenants,
    tenant: &Tenant,
    collection: &CollectionName,
    lease: &Lease,
) -> Result<Attempt, JobError> {
    let Some(run) = tenant.sql.open_restore(collection).await? else { return Ok(Attempt::Done) };
    let place = lease.checkpoint.as_deref().and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
    let only = run.document.clone().map(|document| (collection.clone(), document));
    let walk = Walk { collection: collection.clone(), only, place };
    let target = match run.into.as_deref() {
        Some(name) => match name.parse().ok().and_then(|name| tenants.get(&name)) {
            Some(target) => Some(target),
            None => {
                let why = format!("tenant {name} is served no more");
                tenant.sql.note_restore(run.number, collection, walk.place.figures, Some(WalkEnd::Stopped(why))).await?;
                return Ok(Attempt::Done);
            }
        },
        None => None,
    };
    let to = target.as_deref().unwrap_or(tenant);
    let (number, figures) = (run.number, walk.place.figures);
    let cancelled = CancellationToken::new();
    if run.stopped.is_some() {
        cancelled.cancel();
    }
    let ended = Restore { tools, tenant, to, lease, run, walk, cancelled }.run().await;
    match ended {
        // The last try: what has failed is told apart from what is under way, and another one may begin.
        Err(error) if !error.is_outage() && lease.failures + 1 >= tools.settings.backoff.budget => {
            tracing::error!(event = "not_restored", "the restore of {}/{collection} has failed: {}", tenant.id, error.reason());
            tenant.sql.note_restore(number, collection, figures, Some(WalkEnd::Stopped(error.reason()))).await?;
            Ok(Attempt::Done)
        }
        ended => ended,
    }
}

/// Failures of the job after which a document that keeps failing is passed over, so that the others are restored.
const PATIENT: u32 = 3;

/// One collection's part, or what is left of it.
struct Restore<'a> {
    tools: &'a Tools,
    tenant: &'a Tenant,
    /// Who gets the contents.
    to: &'a Tenant,
    lease: &'a Lease,
    run: RestoreRun,
    walk: Walk,
    /// By an operator: nothing more is changed, and what is on its way is dropped.
    cancelled: CancellationToken,
}

/// Why a restore ended before all was done.
enum Stop {
    ReadOnly,
    Failed(JobError),
}

impl From<JobError> for Stop {
    fn from(error: JobError) -> Self {
        Self::Failed(error)
    }
}

impl Restore<'_> {
    async fn run(mut self) -> Result<Attempt, JobError> {
        let begun = Instant::now();
        let elsewhere = self.run.into.is_some();
        let started = (!elsewhere).then_some(self.run.started_at);
        let look = Look { tenant: self.tenant, instant: self.run.instant, begun: started, elsewhere };
        loop {
            if self.cancelled.is_cancelled() {
                return self.end(WalkEnd::Stopped(CANCELLED.to_owned())).await;
            }
            let phase = self.to.sql.state().await?.phase;
            if !phase.calls_for(JobKind::Restore, false) {
                return self.end(WalkEnd::Stopped(format!("tenant {} went to {phase}, where no history is kept", self.to.id))).await;
            }
            let (intents, goes_on) = self.walk.next(&look).await?;
            match self.page(&look, intents).await {
                Ok(()) => {}
                Err(Stop::ReadOnly) => return self.end(WalkEnd::Stopped(format!("tenant {} is read-only", self.to.id))).await,
                Err(Stop::Failed(error)) => return Err(error),
            }
            if self.cancelled.is_cancelled() {
                continue;
            }
            if !goes_on {
                return self.end(WalkEnd::Whole).await;
            }
            if !self.keep_place().await? {
                return Ok(Attempt::Done);
            }
            if begun.elapsed() > SLICE {
                return Ok(Attempt::Later(Duration::ZERO));
            }
        }
    }

    /// Counts each document as it ends. The place is noted behind the page: whoever takes over in the middle of it sees what was dealt with.
    async fn page(&mut self, look: &Look<'_>, intents: Vec<Intent>) -> Result<(), Stop> {
        let mut figures = self.walk.place.figures;
        let mut told = interval_at(Instant::now() + TOLD_EVERY, TOLD_EVERY);
        told.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = {
            let this = &*self;
            let mut documents = std::pin::pin!(stream::iter(intents).map(|intent| this.carry_out(look, intent)).buffer_unordered(AT_ONCE));
            loop {
                tokio::select! {
                    document = documents.next() => match document {
                        None => break Ok(()),
                        Some(Ok(document)) => figures.add(&document),
                        Some(Err(stop)) => break Err(stop),
                    },
                    _ = told.tick() => this.note(figures, None).await?,
                }
            }
        };
        self.walk.place.figures = figures;
        ended
    }

    /// One document to its end, whoever else changes it meanwhile.
    async fn carry_out(&self, look: &Look<'_>, mut intent: Intent) -> Result<RestoreFigures, Stop> {
        let mut figures = RestoreFigures { looked_at: 1, ..RestoreFigures::default() };
        let key = intent.row.key.clone();
        for _ in 0..MAX_LOOKS {
            if self.cancelled.is_cancelled() {
                return Ok(RestoreFigures::default());
            }
            figures.doubtful = u64::from(intent.doubtful);
            let ended = match &intent.action {
                Action::Stay => return Ok(figures),
                Action::Dealt => return Ok(RestoreFigures { dealt: 1, ..figures }),
                Action::Marked => return Ok(RestoreFigures { marked: 1, ..figures }),
                Action::Barred(_) => return Ok(RestoreFigures { barred: 1, ..figures }),
                Action::Put(source) => self.put(&intent, source).await,
                Action::Remove => remove(self.to, &intent.row).await,
            };
            match (ended, &intent.action) {
                (Ok(Ended::Done { .. }), Action::Remove) => return Ok(RestoreFigures { removed: 1, ..figures }),
                (Ok(Ended::Done { bytes }), _) => return Ok(RestoreFigures { restored: 1, restored_bytes: bytes, ..figures }),
                (Ok(Ended::Moved), _) => intent = look.one(&key).await.map_err(JobError::from)?,
                (Ok(Ended::ReadOnly), _) => return Err(Stop::ReadOnly),
                (Ok(Ended::Refused(reason)), _) => return Ok(self.failed(&key, &reason, figures)),
                (Err(error), _) if self.is_its_own(&error) => return Ok(self.failed(&key, &error.reason(), figures)),
                (Err(error), _) => return Err(error.into()),
            }
        }
        Ok(self.failed(&key, "it changed again and again", figures))
    }

    /// A fault of the document's own, which no waiting mends, or none has mended.
    fn is_its_own(&self, error: &JobError) -> bool {
        match error {
            JobError::Store(error) => match error.kind {
                StoreErrorKind::Corrupt => true,
                StoreErrorKind::Timeout | StoreErrorKind::Other => self.lease.failures >= PATIENT,
                StoreErrorKind::Unavailable | StoreErrorKind::Throttled { .. } | StoreErrorKind::Full | StoreErrorKind::Denied => false,
            },
            JobError::NoMemory | JobError::AgentsDied => false,
        }
    }

    fn failed(&self, key: &DocKey, reason: &str, figures: RestoreFigures) -> RestoreFigures {
        tracing::warn!(event = "not_restored", tenant = %key.tenant, "{key} was not restored to {}: {reason}", self.run.instant);
        RestoreFigures { failed: 1, ..figures }
    }

    async fn put(&self, intent: &Intent, source: &Source) -> Result<Ended, JobError> {
        let row = &intent.row;
        if self.cancelled.run_until_cancelled(self.tools.pace.of(&self.to.id).document()).await.is_none() {
            return Ok(Ended::Moved);
        }
        let put = |to_row, last_ended| async move {
            let (tools, from, to, cancelled) = (self.tools, self.tenant, self.to, &self.cancelled);
            Put { tools, from, of: row, source, to, row: to_row, last_ended, cancelled }.run().await
        };
        if self.to.id == self.tenant.id {
            return put(row, intent.last_ended).await;
        }
        let key = DocKey { tenant: self.to.id.clone(), ..row.key.clone() };
        if self.to.collection(&key.collection).is_none() {
            return Ok(Ended::Refused(format!("tenant {} has no collection {}", self.to.id, key.collection)));
        }
        let to_row = self.to.sql.bare_row(&key).await?;
        let last_ended = last_ended(self.to, &to_row).await?;
        put(&to_row, last_ended).await
    }

    /// False: the lease is lost, and another agent goes on.
    async fn keep_place(&self) -> Result<bool, JobError> {
        let place = serde_json::to_string(&self.walk.place).expect("a place is texts and numbers");
        if !self.tenant.jobs.checkpoint(self.lease, &place).await? {
            return Ok(false);
        }
        self.note(self.walk.place.figures, None).await?;
        Ok(true)
    }

    async fn note(&self, figures: RestoreFigures, end: Option<WalkEnd>) -> Result<(), JobError> {
        if !self.tenant.sql.note_restore(self.run.number, &self.walk.collection, figures, end).await? {
            self.cancelled.cancel();
        }
        Ok(())
    }

    async fn end(&self, end: WalkEnd) -> Result<Attempt, JobError> {
        let RestoreRun { number, instant, .. } = &self.run;
        let RestoreFigures { restored, removed, failed, .. } = self.walk.place.figures;
        let what = format!("{}/{}", self.tenant.id, self.walk.collection);
        tracing::info!(event = "restored_to", restored, removed, failed, "restore {number} of {what} to {instant} ended: {end:?}");
        self.note(self.walk.place.figures, Some(end)).await?;
        Ok(Attempt::Done)
    }
}
