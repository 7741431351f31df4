//! Every tenant in one look. Housekeeping notes what it saw in a tenant's database; once a second all summaries are put together anew, so
//! that pauses, breakers and owners are seen at once. A summary is replaced only where something but its time is different.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::moving::{Moving, remaining};
use super::stores::{LastLook, Store, StoreUse};
use super::summary::{FleetView, Holders, Problem, ProblemKind, Summary, Totals};
use crate::clock::Clock;
use crate::lock::{lock, read, write};
use crate::model::document::State;
use crate::model::id::TenantId;
use crate::model::job::JobState;
use crate::model::limits::Allowed;
use crate::store::placed::Level;
use crate::store::queue::JobCount;
use crate::store::sql::{Holding, Tally};
use crate::telemetry::{BackupGauge, Metrics};
use crate::tenants::{Tenant, TenantInstance, Tenants};

/// As much of an error as fits on a line of a page.
const MAX_TEXT_CHARS: usize = 300;

/// What a look at a tenant's database found.
#[derive(Debug, Clone)]
pub struct Look {
    pub state: State,
    pub jobs: Vec<JobCount>,
    pub tally: Tally,
    pub open_differences: u64,
    /// `None`: the tenant has no backup, or another process tells of it.
    pub backup: Option<BackupGauge>,
}

/// What a fleet is put together from.
pub struct FleetParts {
    pub tenants: Arc<Tenants>,
    pub metrics: Arc<Metrics>,
    pub clock: Arc<dyn Clock>,
    pub limits: watch::Receiver<Allowed>,
    /// The stores as this process uses them.
    pub stores: Box<dyn Fn() -> Vec<StoreUse> + Send + Sync>,
}

/// This process's picture of all tenants and stores. Reading it costs a pointer or two.
pub struct Fleet {
    parts: FleetParts,
    known: Mutex<BTreeMap<TenantId, Known>>,
    shown: RwLock<Shown>,
    hurried: Mutex<BTreeSet<TenantId>>,
}

/// What the looks at one tenant came to.
struct Known {
    /// Another one by the same name may be another database.
    instance: TenantInstance,
    look: Option<Seen>,
    last: LastLook,
    moving: Moving,
}

/// The last look that was answered.
struct Seen {
    state: State,
    held_by: Holders,
    counted_at: Option<Timestamp>,
    remaining: Holding,
    backlog: u64,
    quarantined: u64,
    oldest_job_seconds: f64,
    open_differences: u64,
}

#[derive(Default, Clone)]
struct Shown {
    summaries: Arc<BTreeMap<TenantId, Arc<Summary>>>,
    stores: Arc<Vec<Store>>,
    all_paused: bool,
}

impl Fleet {
    pub fn new(parts: FleetParts) -> Self {
        Self { parts, known: Mutex::default(), shown: RwLock::default(), hurried: Mutex::default() }
    }

    /// All tenants by name. The map is another one whenever one of its summaries is.
    pub fn summaries(&self) -> Arc<BTreeMap<TenantId, Arc<Summary>>> {
        self.shown().summaries
    }

    /// Another list whenever one of the stores is different.
    pub fn stores(&self) -> Arc<Vec<Store>> {
        self.shown().stores
    }

    /// The agents rest for all tenants.
    pub fn all_paused(&self) -> bool {
        self.shown().all_paused
    }

    /// All of it that somebody reaches.
    pub fn view(&self, reaches: impl Fn(&TenantId) -> bool) -> FleetView {
        let Shown { summaries, stores, all_paused } = self.shown();
        let tenants: Vec<Summary> = summaries.iter().filter(|(id, _)| reaches(id)).map(|(_, summary)| (**summary).clone()).collect();
        let totals = Totals::of(&tenants);
        let stores = stores.iter().filter_map(|store| store.seen_by(&reaches)).collect();
        FleetView { at: self.parts.clock.now(), all_paused, tenants, stores, totals }
    }

    /// Has a tenant looked at with the next tick: somebody has just changed something.
    pub fn hurry(&self, tenant: &TenantId) {
        lock(&self.hurried).insert(tenant.clone());
    }

    /// Those that were to be looked at soon, for whoever looks.
    pub fn take_hurried(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *lock(&self.hurried))
    }

    /// A tenant's database answered. True: its figures move, so the next look should come soon.
    pub fn answered(&self, tenant: &Tenant, look: &Look, took: Duration) -> bool {
        let seen = Seen::new(tenant, look, self.parts.clock.now());
        let mut all = self.known();
        let known = of(&mut all, tenant);
        known.moving.note(Instant::now(), look.state.phase, look.tally.swept_at, seen.remaining);
        let moves = seen.backlog > 0 || known.look.as_ref().is_none_or(|before| before.remaining != seen.remaining);
        known.look = Some(seen);
        known.last = LastLook::Answered(took);
        moves
    }

    /// It did not; what it said before stays.
    pub fn failed(&self, tenant: &Tenant, why: &str) {
        of(&mut self.known(), tenant).last = LastLook::Failed(cut(why));
    }

    /// Puts all summaries together anew.
    pub fn refresh(&self) {
        let tenants = self.parts.tenants.all();
        let limits = self.parts.limits.borrow().clone();
        let mut known = self.known();
        known.retain(|id, _| tenants.contains_key(id));
        let stores: Vec<Store> = (self.parts.stores)().into_iter().map(|of| store(of, &known)).collect();
        let before = self.shown();
        let mut summaries = BTreeMap::new();
        for (id, tenant) in tenants.iter() {
            let around = Around { out: out_for(&stores, id), paused: limits.is_paused(id) };
            let summary = self.summary(tenant, known.get(id).filter(|known| known.instance == tenant.instance), &around);
            let same = before.summaries.get(id).filter(|before| before.says_the_same(&summary));
            summaries.insert(id.clone(), same.cloned().unwrap_or_else(|| Arc::new(summary)));
        }
        drop(known);
        let is_same = summaries.len() == before.summaries.len()
            && summaries.iter().zip(&*before.summaries).all(|((id, now), (same, before))| id == same && Arc::ptr_eq(now, before));
        let shown = Shown {
            summaries: if is_same { before.summaries } else { Arc::new(summaries) },
            stores: if stores == *before.stores { before.stores } else { Arc::new(stores) },
            all_paused: limits.limits.all.paused,
        };
        *write(&self.shown) = shown;
    }

    fn summary(&self, tenant: &Tenant, known: Option<&Known>, around: &Around) -> Summary {
        let look = known.and_then(|known| known.look.as_ref());
        let rate = known.map(|known| known.moving.rate()).unwrap_or_default();
        let count = |of: fn(&Seen) -> u64| look.map(of).unwrap_or_default();
        let whole = |figure: i64| u64::try_from(figure).unwrap_or_default();
        let mut summary = Summary {
            tenant: tenant.id.to_string(),
            phase: look.map(|look| look.state.phase),
            held_by: look.map(|look| look.held_by).unwrap_or_default(),
            counted_at: look.and_then(|look| look.counted_at),
            backlog: count(|look| look.backlog),
            quarantined: count(|look| look.quarantined),
            oldest_job_seconds: look.map(|look| look.oldest_job_seconds).unwrap_or_default(),
            differences: count(|look| look.open_differences),
            writes_around: self.parts.metrics.writes_around(&tenant.id),
            paused: around.paused,
            read_only: look.is_some_and(|look| look.state.read_only),
            objects_of: tenant.ownership.other(),
            open_breaker: around.out.is_some(),
            remaining_documents: look.map(|look| whole(look.remaining.documents)).unwrap_or_default(),
            remaining_bytes: look.map(|look| whole(look.remaining.bytes)).unwrap_or_default(),
            documents_per_second: rate.documents_per_second,
            bytes_per_second: rate.bytes_per_second,
            eta_seconds: known.and_then(|known| known.moving.eta_seconds()),
            problems: Vec::new(),
            refreshed_at: self.parts.clock.now(),
        };
        let levels = tenant.filling.levels();
        let is_full = levels.iter().all(Level::is_full);
        summary.problems = problems(&summary, known.map(|known| &known.last), around.out.as_deref(), is_full);
        summary
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<TenantId, Known>> {
        lock(&self.known)
    }

    fn shown(&self) -> Shown {
        read(&self.shown).clone()
    }
}

/// What is known of a tenant beside its own database.
struct Around {
    /// A store of its objects that is out.
    out: Option<String>,
    paused: bool,
}

impl Seen {
    fn new(tenant: &Tenant, look: &Look, now: Timestamp) -> Self {
        let Look { state, jobs, tally, open_differences, backup: _ } = look;
        let waits = |count: &&JobCount| count.state != JobState::Quarantined && count.kind.is_backlog();
        let sum = |fits: &dyn Fn(&&JobCount) -> bool| jobs.iter().filter(fits).map(|count| count.jobs).sum();
        let oldest = jobs.iter().filter(waits).map(|count| count.oldest).min();
        Self {
            state: *state,
            held_by: tally.into(),
            counted_at: tally.swept_at,
            remaining: remaining(state.phase, tenant.config.mirror, tally),
            backlog: sum(&waits),
            quarantined: sum(&|count| count.state == JobState::Quarantined),
            oldest_job_seconds: oldest.map(|oldest| now.duration_since(oldest).as_secs_f64().max(0.0)).unwrap_or_default(),
            open_differences: *open_differences,
        }
    }
}

/// A tenant that is configured anew begins anew.
fn of<'a>(all: &'a mut BTreeMap<TenantId, Known>, tenant: &Tenant) -> &'a mut Known {
    let new = || Known { instance: tenant.instance, look: None, last: LastLook::None, moving: Moving::default() };
    let known = all.entry(tenant.id.clone()).or_insert_with(new);
    if known.instance != tenant.instance {
        *known = new();
    }
    known
}

fn store(of: StoreUse, known: &BTreeMap<TenantId, Known>) -> Store {
    if let Some(health) = of.health.clone() {
        return Store::object(of, &health);
    }
    let looks: Vec<LastLook> = of.tenants.iter().map(|id| known.get(id).map_or(LastLook::None, |known| known.last.clone())).collect();
    Store::sql(of, &looks)
}

fn out_for(stores: &[Store], tenant: &TenantId) -> Option<String> {
    let is_out = |store: &&Store| store.of.health.is_some() && store.is_out() && store.of.tenants.contains(tenant);
    stores.iter().find(is_out).map(|store| store.of.store.clone())
}

/// The gravest first.
fn problems(summary: &Summary, last: Option<&LastLook>, out: Option<&str>, is_full: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |kind, text: String| problems.push(Problem { kind, text });
    if let Some(LastLook::Failed(why)) = last {
        add(ProblemKind::Database, format!("its database does not answer: {why}"));
    }
    if let Some(owner) = &summary.objects_of {
        add(ProblemKind::NotOurs, format!("its objects belong to installation {owner}: nothing is changed from here"));
    }
    if let Some(store) = out {
        add(ProblemKind::BreakerOpen, format!("object store {store} is taken for out"));
    }
    let counted = |count: u64, one: &str, many: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {many}") };
    if summary.quarantined > 0 {
        add(ProblemKind::Quarantined, counted(summary.quarantined, "job waits in quarantine", "jobs wait in quarantine"));
    }
    if summary.differences > 0 {
        add(ProblemKind::Difference, counted(summary.differences, "difference is open", "differences are open"));
    }
    if summary.writes_around > 0 {
        let (one, many) = ("content was written straight to sql", "contents were written straight to sql");
        let text = counted(summary.writes_around, one, many);
        add(ProblemKind::WriteAround, format!("{text} around the gateway, as found by this process since it started"));
    }
    if is_full {
        add(ProblemKind::PlacementFull, "every placement is at its limit, and the last one takes new objects all the same".to_owned());
    }
    if summary.read_only {
        add(ProblemKind::ReadOnly, "clients' changes are refused".to_owned());
    }
    if summary.paused {
        add(ProblemKind::Paused, "the agents rest".to_owned());
    }
    problems
}

fn cut(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT_CHARS).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(further: serde_json::Value) -> Summary {
        let none = serde_json::json!({ "documents": 0, "bytes": 0 });
        let mut all = serde_json::json!({
            "tenant": "acme", "held_by": { "sql": none, "both": none, "object": none }, "backlog": 0, "quarantined": 0,
            "oldest_job_seconds": 0.0, "differences": 0, "writes_around": 0, "paused": false, "read_only": false, "open_breaker": false,
            "remaining_documents": 0, "remaining_bytes": 0, "documents_per_second": 0.0, "bytes_per_second": 0.0, "problems": [],
            "refreshed_at": "2026-03-01T12:00:00Z",
        });
        let serde_json::Value::Object(further) = further else { panic!("fields") };
        all.as_object_mut().unwrap().extend(further);
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn problems_come_gravest_first_and_none_is_made_up() {
        let calm = summary(serde_json::json!({}));
        assert_eq!(problems(&calm, Some(&LastLook::Answered(Duration::ZERO)), None, false), []);
        let all = serde_json::json!({ "quarantined": 1, "differences": 2, "writes_around": 3, "paused": true, "read_only": true, "objects_of": "i-2" });
        let told = problems(&summary(all), Some(&LastLook::Failed("gone".to_owned())), Some("s3.example:443"), true);
        let kinds: Vec<ProblemKind> = told.iter().map(|problem| problem.kind).collect();
        use ProblemKind::{BreakerOpen, Database, Difference, NotOurs, Paused, PlacementFull, Quarantined, ReadOnly, WriteAround};
        assert_eq!(kinds, [Database, NotOurs, BreakerOpen, Quarantined, Difference, WriteAround, PlacementFull, ReadOnly, Paused]);
        assert_eq!((told[3].text.as_str(), told[0].text.ends_with("gone")), ("1 job waits in quarantine", true));
        assert_eq!(Totals::of([&Summary { problems: told, ..calm }]).problems, 7, "two of them somebody wanted");
    }

    #[test]
    fn a_summary_that_differs_only_in_its_time_says_the_same() {
        let (before, later) = (summary(serde_json::json!({})), summary(serde_json::json!({ "refreshed_at": "2026-03-01T13:00:00Z" })));
        assert!(before.says_the_same(&later));
        assert!(!before.says_the_same(&summary(serde_json::json!({ "backlog": 1 }))));
    }

    #[test]
    fn an_error_fits_on_a_line() {
        assert_eq!(cut("two\nlines \u{7}"), "two lines");
        assert_eq!(cut(&"x".repeat(1000)).len(), MAX_TEXT_CHARS);
    }
}
