//! Looks at every tenant's database by the clock: for the gauges that no event sets, and, where this process has an admin listener, for
//! what operators watch. One look serves both. A database that hangs takes one of a few places of its own kind, and keeps nobody waiting
//! that answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::filling;
use crate::clock::Clock;
use crate::model::backup::BackupState;
use crate::model::id::TenantId;
use crate::store::error::StoreResult;
use crate::store::queue::JobCount;
use crate::store::sql::Tally;
use crate::telemetry::{BackupGauge, HeldBy, HeldDocuments, JobGauge, Metrics};
use crate::tenants::{Tenant, Tenants};
use crate::watch::{Fleet, Look};

/// How soon a new tenant, or one that somebody has just changed, is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Pauses, breakers and owners are seen after so long, without any look.
const REFRESH: Duration = Duration::from_secs(1);

/// A tenant whose figures move and that somebody watches; and all others, seldom enough for 500 databases.
const MOVING: Duration = Duration::from_secs(2);
const RESTING: Duration = Duration::from_secs(10);

/// Counting the jobs of a large queue takes its time: looks take at most a twentieth of it, and yet come once a minute.
const SHARE: u32 = 20;
const SELDOM: Duration = Duration::from_secs(60);

/// A look that takes longer has failed. Above what a busy database takes for a handful of small statements.
const DEADLINE: Duration = Duration::from_secs(5);

/// Looks at once: at tenants that answered the last time, or were never asked, and at those that did not.
const ANSWERING_AT_ONCE: usize = 32;
const FAILING_AT_ONCE: usize = 4;

/// The figures of a tenant are one process's to export; after this long without it another one takes them. Above what may lie
/// between two looks at a database that is slow.
const FIGURES_HOLD: Duration = Duration::from_secs(90);
const CLAIM_EVERY: Duration = Duration::from_secs(10);

pub struct Looks {
    /// This process's name.
    pub process: String,
    pub tenants: Arc<Tenants>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    pub fleet: Arc<Fleet>,
    /// Whether operators can ask this process. One that nobody asks looks for its gauges only.
    pub is_watched: bool,
}

/// What is known of a tenant between its looks.
struct Course {
    tenant: Arc<Tenant>,
    turn: Turn,
    hold: Hold,
}

impl Course {
    fn new(tenant: &Arc<Tenant>) -> Self {
        let now = Instant::now();
        Self { tenant: Arc::clone(tenant), turn: Turn::new(now), hold: Hold::new(now) }
    }
}

/// When a tenant is looked at.
#[derive(Debug, Clone, Copy)]
struct Turn {
    due: Instant,
    is_under_way: bool,
    /// The last look did.
    has_failed: bool,
    /// Somebody changed the tenant while a look was under way, which may not have seen that.
    is_hurried: bool,
}

impl Turn {
    fn new(now: Instant) -> Self {
        Self { due: now, is_under_way: false, has_failed: false, is_hurried: false }
    }

    fn hurry(&mut self, now: Instant) {
        (self.due, self.is_hurried) = (now, self.is_under_way);
    }

    fn end(&mut self, now: Instant, rest: Duration) {
        self.is_under_way = false;
        self.due = if std::mem::take(&mut self.is_hurried) { now } else { now + rest };
    }
}

/// Whether this process exports a tenant's figures.
#[derive(Debug, Clone, Copy)]
struct Hold {
    exports: bool,
    ask_at: Instant,
    /// How long that holds without a further answer.
    good_until: Instant,
}

impl Hold {
    fn new(now: Instant) -> Self {
        Self { exports: false, ask_at: now, good_until: now }
    }

    fn exports(&self, now: Instant) -> bool {
        self.exports && now < self.good_until
    }

    fn answered(&mut self, claimed: Claimed, now: Instant) {
        *self = Self { exports: claimed.exports, ask_at: now + CLAIM_EVERY, good_until: claimed.asked_at + FIGURES_HOLD };
    }
}

/// The database's answer to a claim of the figures.
#[derive(Debug, Clone, Copy)]
struct Claimed {
    exports: bool,
    asked_at: Instant,
}

/// A look that has ended.
struct Ended {
    tenant: Arc<Tenant>,
    /// `None`: not asked, or not answered.
    claimed: Option<Claimed>,
    /// Whether what this process exports was looked at.
    exports: bool,
    took: Duration,
    /// Or why not.
    found: Result<Look, String>,
}

/// What a look is for besides.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    claims: bool,
    /// Goes without saying while the claim is not answered.
    exports: bool,
}

impl Looks {
    /// Runs until the process drains.
    pub async fn run(self, drain: CancellationToken) {
        let (mut ticks, mut refreshes) = (interval(TICK), interval(REFRESH));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        refreshes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut courses = HashMap::new();
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = drain.cancelled() => return,
                _ = refreshes.tick() => self.fleet.refresh(),
                Some(ended) = under_way.next(), if !under_way.is_empty() => self.note(&mut courses, ended),
                _ = ticks.tick() => {
                    self.keep_up(&mut courses);
                    let begun = begin(&mut courses).into_iter().map(|(tenant, wanted)| self.look(tenant, wanted));
                    under_way.extend(begun);
                }
            }
        }
    }

    /// Follows the configuration, and whoever is in a hurry.
    fn keep_up(&self, courses: &mut HashMap<TenantId, Course>) {
        let tenants = self.tenants.all();
        courses.retain(|id, course| {
            let now = tenants.get(id);
            if now.is_none() {
                self.metrics.remove_tenant(id);
            }
            now.is_some_and(|tenant| Arc::ptr_eq(tenant, &course.tenant))
        });
        for (id, tenant) in tenants.iter() {
            if !courses.contains_key(id) {
                courses.insert(id.clone(), Course::new(tenant));
            }
        }
        for hurried in self.fleet.take_hurried() {
            if let Some(course) = courses.get_mut(&hurried) {
                course.turn.hurry(Instant::now());
            }
        }
    }

    fn look(&self, tenant: Arc<Tenant>, wanted: Wanted) -> BoxFuture<'static, Ended> {
        let (process, is_watched) = (self.process.clone(), self.is_watched);
        async move {
            let claimed = if wanted.claims { claim(&tenant, &process).await } else { None };
            let exports = claimed.map_or(wanted.exports, |claimed| claimed.exports);
            let begun = Instant::now();
            let found = match timeout(DEADLINE, look(&tenant, exports, is_watched)).await {
                Ok(found) => found.map_err(|error| error.chain()),
                Err(_) => Err(format!("no answer within {DEADLINE:?}")),
            };
            Ended { tenant, claimed, exports, took: begun.elapsed(), found }
        }
        .boxed()
    }

    fn note(&self, courses: &mut HashMap<TenantId, Course>, ended: Ended) {
        let Ended { tenant, claimed, exports, took, found } = ended;
        // Configured anew meanwhile: what was seen is another one's.
        let Some(course) = courses.get_mut(&tenant.id).filter(|course| Arc::ptr_eq(&course.tenant, &tenant)) else { return };
        let now = Instant::now();
        if let Some(claimed) = claimed {
            course.hold.answered(claimed, now);
        }
        course.turn.has_failed = found.is_err();
        let every = match found {
            Ok(look) => {
                self.export(&tenant, &look, exports);
                self.metrics.set_observed(&tenant.id, self.clock.now());
                let moves = self.fleet.answered(&tenant, &look, took);
                if moves && self.is_watched { MOVING } else { RESTING }
            }
            Err(why) => {
                tracing::warn!(tenant = %tenant.id, "the gauges of {} are stale: {why}", tenant.id);
                self.fleet.failed(&tenant, &why);
                self.forget(&tenant);
                // Another process counts the jobs by now.
                if !course.hold.exports(now) {
                    self.metrics.set_jobs(&tenant.id, &[]);
                }
                RESTING
            }
        };
        course.turn.end(now, every.max(took.saturating_mul(SHARE).min(SELDOM)));
    }

    /// One process exports what is counted in the database: two would count every document twice.
    fn export(&self, tenant: &Tenant, look: &Look, exports: bool) {
        let Look { state, jobs, tally, .. } = look;
        self.metrics.set_phase(&tenant.id, state.phase);
        self.metrics.set_read_only(&tenant.id, state.read_only);
        if !exports {
            self.forget(tenant);
            self.metrics.set_jobs(&tenant.id, &[]);
            return;
        }
        self.metrics.set_jobs(&tenant.id, &self.job_gauges(jobs));
        if let Some(swept_at) = tally.swept_at {
            self.metrics.set_documents(&tenant.id, &held(tally), swept_at);
        }
        self.metrics.set_placements(&tenant.id, &filling::gauges(&tenant.filling));
        match look.backup {
            Some(backup) => self.metrics.set_backups(&tenant.id, backup),
            None => self.metrics.forget_backups(&tenant.id),
        }
    }

    fn job_gauges(&self, jobs: &[JobCount]) -> Vec<JobGauge> {
        let now = self.clock.now();
        let gauge = |count: &JobCount| JobGauge {
            kind: count.kind,
            state: count.state,
            jobs: count.jobs,
            oldest_age: now.duration_since(count.oldest).try_into().unwrap_or_default(),
        };
        jobs.iter().map(gauge).collect()
    }

    /// Figures that may be another process's now, or are old.
    fn forget(&self, tenant: &Tenant) {
        self.metrics.forget_documents(&tenant.id);
        self.metrics.set_placements(&tenant.id, &[]);
        self.metrics.forget_backups(&tenant.id);
    }
}

fn held(tally: &Tally) -> [HeldDocuments; 3] {
    [(HeldBy::Sql, tally.sql), (HeldBy::Both, tally.both), (HeldBy::Object, tally.object)].map(|(held_by, holding)| HeldDocuments {
        held_by,
        documents: holding.documents,
        bytes: holding.bytes,
    })
}

fn begin(courses: &mut HashMap<TenantId, Course>) -> Vec<(Arc<Tenant>, Wanted)> {
    let now = Instant::now();
    let turns = courses.values_mut().map(|course| {
        let wanted = Wanted { claims: course.hold.ask_at <= now, exports: course.hold.exports(now) };
        ((&course.tenant, wanted), &mut course.turn)
    });
    take_turns(turns, now).into_iter().map(|(tenant, wanted)| (Arc::clone(tenant), wanted)).collect()
}

/// Those that are due, the longest first, as far as there are places. They are under way from then on.
fn take_turns<'a, T>(turns: impl Iterator<Item = (T, &'a mut Turn)>, now: Instant) -> Vec<T> {
    let (under_way, waiting): (Vec<_>, Vec<_>) = turns.partition(|(_, turn)| turn.is_under_way);
    let taken = |failing: bool| under_way.iter().filter(|(_, turn)| turn.has_failed == failing).count();
    let mut places = [ANSWERING_AT_ONCE.saturating_sub(taken(false)), FAILING_AT_ONCE.saturating_sub(taken(true))];
    let mut due: Vec<(T, &mut Turn)> = waiting.into_iter().filter(|(_, turn)| turn.due <= now).collect();
    due.sort_by_key(|(_, turn)| turn.due);
    due.retain_mut(|(_, turn)| {
        let places = &mut places[usize::from(turn.has_failed)];
        turn.is_under_way = *places > 0;
        *places = places.saturating_sub(1);
        turn.is_under_way
    });
    due.into_iter().map(|(whose, _)| whose).collect()
}

/// Whether this process exports the tenant's figures, if that is answered. It is a write, and may wait for others: that says nothing of
/// how the database answers.
async fn claim(tenant: &Tenant, process: &str) -> Option<Claimed> {
    let asked_at = Instant::now();
    match timeout(DEADLINE, tenant.jobs.hold("stats", process, FIGURES_HOLD)).await {
        Ok(Ok(exports)) => Some(Claimed { exports, asked_at }),
        Ok(Err(_)) | Err(_) => None,
    }
}

async fn look(tenant: &Tenant, exports: bool, is_watched: bool) -> StoreResult<Look> {
    let state = tenant.sql.state().await?;
    let (mut jobs, mut tally, mut open_differences) = (Vec::new(), Tally::default(), 0);
    if exports || is_watched {
        jobs = tenant.jobs.counts().await?;
        tally = tenant.sql.tally().await?;
    }
    if is_watched {
        open_differences = tenant.sql.open_differences().await?;
    }
    let backup = match tenant.config.backup.as_ref().filter(|_| exports) {
        Some(config) => Some(backup(tenant, config.schedule.is_some()).await?),
        None => None,
    };
    Ok(Look { state, jobs, tally, open_differences, backup })
}

/// Failures behind which nobody looks for an older success.
const BACKUPS: usize = 50;

async fn backup(tenant: &Tenant, scheduled: bool) -> StoreResult<BackupGauge> {
    let runs = tenant.sql.backups(None, BACKUPS).await?;
    let last_success = runs.iter().find(|run| run.manifest.is_some()).and_then(|run| run.ended_at);
    let last = runs.iter().find(|run| run.state != BackupState::Running);
    Ok(BackupGauge { scheduled, last_success, last_failed: last.is_some_and(|run| run.state == BackupState::Failed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_takes_no_place_of_who_does_and_the_longest_due_goes_first() {
        let begun = Instant::now();
        let turn = |number: u64| Turn { has_failed: number % 2 == 1, ..Turn::new(begun + Duration::from_secs(number)) };
        let mut turns: Vec<Turn> = (0..200).rev().map(turn).collect();
        let take = |turns: &mut Vec<Turn>, after| {
            let now = begun + Duration::from_secs(after);
            let mut taken = take_turns(turns.iter_mut().map(|turn| (turn.due.duration_since(begun).as_secs(), turn)), now);
            taken.sort_unstable();
            taken
        };
        assert_eq!(take(&mut turns, 5), [0, 1, 2, 3, 4, 5]);
        let more = take(&mut turns, 199);
        let (failing, answering): (Vec<u64>, Vec<u64>) = more.into_iter().partition(|number| number % 2 == 1);
        assert_eq!((failing, answering.len(), answering.last()), (vec![7], ANSWERING_AT_ONCE - 3, Some(&62)));
        assert!(take(&mut turns, 199).is_empty(), "all places are taken");
        turns.iter_mut().for_each(|turn| turn.is_under_way &= turn.has_failed);
        assert_eq!(take(&mut turns, 1000).len(), ANSWERING_AT_ONCE, "those that hang still do");
    }

    #[test]
    fn figures_are_this_process_s_for_as_long_as_a_claim_holds_even_if_the_next_is_not_answered() {
        let begun = Instant::now();
        let mut hold = Hold::new(begun);
        assert!(hold.ask_at <= begun && !hold.exports(begun), "nobody said so yet");
        let answered_at = begun + DEADLINE;
        hold.answered(Claimed { exports: true, asked_at: begun }, answered_at);
        assert_eq!(hold.ask_at, answered_at + CLAIM_EVERY);
        // A slow database: its looks come seldom, and this one's claim was not answered.
        let next = begun + 2 * DEADLINE + SELDOM + DEADLINE;
        assert!(hold.ask_at < next && hold.exports(next));
        assert!(!hold.exports(begun + FIGURES_HOLD), "another process may have them from then on");
        hold.answered(Claimed { exports: false, asked_at: next }, next);
        assert!(!hold.exports(next));
    }

    #[test]
    fn who_is_changed_during_a_look_is_looked_at_again_at_once_and_then_rests() {
        let now = Instant::now();
        let mut turn = Turn::new(now + RESTING);
        turn.hurry(now);
        assert_eq!(turn.due, now);
        turn.is_under_way = true;
        turn.end(now, RESTING);
        assert_eq!(turn.due, now + RESTING, "the look began after the change");
        turn.is_under_way = true;
        turn.hurry(now);
        turn.end(now, RESTING);
        assert_eq!((turn.due, turn.is_under_way), (now, false));
        turn.is_under_way = true;
        turn.end(now, RESTING);
        assert_eq!(turn.due, now + RESTING, "once");
    }
}
