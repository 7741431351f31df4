//! The metrics, as methods: who counts something says what happened, not which series that is.
//! Names, help and units stand in `families`. No label value comes from a client.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use prometheus::{IntGauge, Registry, TextEncoder};

use super::backups::BackupFamilies;
use super::families::{
    CacheFamilies, CompareFamilies, JobFamilies, PlacementFamilies, Registrar, RequestFamilies, StoreFamilies, TenantFamilies,
    TransferFamilies, build_info,
};
use super::labels::{CacheOutcome, Direction, HeldBy, JobOutcome, PoolState, Refusal, ServedFrom, ShadowVerdict, Shed};
use super::standing::StandingFamilies;
use super::traffic::{Counts, Step, Traffic};
use super::upstream::UpstreamFamilies;
use crate::lock::lock;
use crate::model::id::{PlacementName, TenantId};
use crate::model::job::{JobKind, JobState};
use crate::model::phase::Phase;
use crate::model::verification::DifferenceKind;

#[cfg(test)]
mod tests;

/// What [`Metrics::render`] writes, as a `Content-Type`.
pub const METRICS_MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A request that was answered, body and all.
#[derive(Debug)]
pub struct Answered<'a> {
    /// `None` where no such tenant exists: names that clients make up must not become series.
    pub tenant: Option<&'a TenantId>,
    pub operation: &'static str,
    pub served_from: ServedFrom,
    pub code: u16,
    pub duration: Duration,
}

/// Open jobs of one kind in one state.
#[derive(Debug, Clone, Copy)]
pub struct JobGauge {
    pub kind: JobKind,
    pub state: JobState,
    pub jobs: u64,
    pub oldest_age: Duration,
}

/// Documents of one holder.
#[derive(Debug, Clone, Copy)]
pub struct HeldDocuments {
    pub held_by: HeldBy,
    pub documents: i64,
    pub bytes: i64,
}

/// How full one placement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacementGauge {
    pub placement: PlacementName,
    pub objects: u64,
    pub bytes: u64,
    pub max_objects: Option<u64>,
    pub max_bytes: Option<u64>,
    pub is_full: bool,
}

/// One process's metrics, in a registry of its own.
pub struct Metrics {
    registry: Registry,
    requests: RequestFamilies,
    stores: StoreFamilies,
    jobs: JobFamilies,
    transfers: TransferFamilies,
    cache: CacheFamilies,
    tenants: TenantFamilies,
    compare: CompareFamilies,
    placements: PlacementFamilies,
    pub(super) upstream: UpstreamFamilies,
    traffic: Traffic,
    pub(super) standing: StandingFamilies,
    pub(super) backups: BackupFamilies,
    /// Placements that have series.
    shown: Mutex<BTreeMap<TenantId, Vec<PlacementName>>>,
}

impl Metrics {
    pub fn new(version: &str) -> Self {
        let registry = Registry::new_custom(Some("sluss".to_owned()), None).expect("the prefix is a valid name");
        let registrar = Registrar(&registry);
        build_info(&registrar).with_label_values(&[version]).set(1);
        Self {
            requests: RequestFamilies::new(&registrar),
            stores: StoreFamilies::new(&registrar),
            jobs: JobFamilies::new(&registrar),
            transfers: TransferFamilies::new(&registrar),
            cache: CacheFamilies::new(&registrar),
            tenants: TenantFamilies::new(&registrar),
            compare: CompareFamilies::new(&registrar),
            placements: PlacementFamilies::new(&registrar),
            upstream: UpstreamFamilies::new(&registrar),
            traffic: Traffic::default(),
            standing: StandingFamilies::new(&registrar),
            backups: BackupFamilies::new(&registrar),
            shown: Mutex::default(),
            registry,
        }
    }

    /// All metrics in Prometheus' text format. Asks nobody anything: it shows what was last set.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).expect("a registry gathers only what can be written as text")
    }

    /// Begins the series of a tenant at 0, so that the first event of each is seen as an increase.
    pub fn add_tenant(&self, tenant: &TenantId) {
        self.tenants.writes_around.with_label_values(&[tenant.as_str()]);
        for winner in [ServedFrom::Sql, ServedFrom::Object] {
            self.requests.hedges.with_label_values(&[tenant.as_str(), winner.label()]);
        }
        self.compare.sole_broken.with_label_values(&[tenant.as_str()]);
        for verdict in ShadowVerdict::ALL {
            self.compare.compared.with_label_values(&[tenant.as_str(), verdict.label()]);
        }
        for kind in DifferenceKind::ALL {
            self.compare.differences.with_label_values(&[tenant.as_str(), kind.label()]);
        }
        self.requests.broken.with_label_values(&[tenant.as_str()]);
        for kind in JobKind::ALL {
            self.jobs.finished.with_label_values(&[tenant.as_str(), kind.label()]);
        }
        self.standing.add_tenant(tenant);
        self.set_jobs(tenant, &[]);
    }

    /// Begins the tenant's fallbacks for each of these reasons at 0.
    pub fn add_fallback_reasons(&self, tenant: &TenantId, reasons: &[&'static str]) {
        for reason in reasons {
            self.requests.fallbacks.with_label_values(&[tenant.as_str(), reason]);
        }
    }

    /// A tenant that is not configured any more: what was last known of it would be shown for ever. What was counted stays.
    pub fn remove_tenant(&self, tenant: &TenantId) {
        let tenant_name = tenant.as_str();
        // Removing a series that is not there fails, and leaves all as it should be.
        for kind in JobKind::ALL {
            for state in JobState::ALL {
                let _ = self.jobs.jobs.remove_label_values(&[tenant_name, kind.label(), state.label()]);
            }
            let _ = self.jobs.oldest.remove_label_values(&[tenant_name, kind.label()]);
        }
        for phase in Phase::ALL {
            let _ = self.tenants.phase.remove_label_values(&[tenant_name, phase.label()]);
        }
        for state in [PoolState::Idle, PoolState::InUse] {
            let _ = self.tenants.pool.remove_label_values(&[tenant_name, state.label()]);
        }
        let _ = self.tenants.pool_waiting.remove_label_values(&[tenant_name]);
        self.forget_documents(tenant);
        self.set_placements(tenant, &[]);
        self.standing.remove_tenant(tenant);
        self.forget_backups(tenant);
    }

    pub fn request(&self, answered: &Answered<'_>) {
        let Answered { tenant, operation, served_from, code, duration } = *answered;
        if let Some(tenant) = tenant {
            self.traffic.count(tenant, |counts| counts.answered(answered));
        }
        let tenant = tenant.map_or("-", TenantId::as_str);
        self.requests.total.with_label_values(&[tenant, operation, served_from.label(), &code.to_string()]).inc();
        self.requests.duration.with_label_values(&[operation, served_from.label()]).observe(duration.as_secs_f64());
    }

    /// The head of an answer went out so long after the request's.
    pub fn response_started(&self, operation: &'static str, served_from: ServedFrom, after: Duration) {
        self.requests.start.with_label_values(&[operation, served_from.label()]).observe(after.as_secs_f64());
    }

    /// An answer of this tenant's ended short: no holder could go on.
    pub fn read_broken(&self, tenant: &TenantId) {
        self.requests.broken.with_label_values(&[tenant.as_str()]).inc();
    }

    /// A request got no place among those in flight.
    pub fn shed(&self, reason: Shed) {
        self.requests.shed.with_label_values(&[reason.label()]).inc();
    }

    pub fn response_bytes(&self, bytes: u64) {
        self.requests.response_bytes.inc_by(bytes);
    }

    pub fn request_bytes(&self, bytes: u64) {
        self.requests.request_bytes.inc_by(bytes);
    }

    /// The preferred holder failed for this reason, and the other one answered.
    pub fn fallback(&self, tenant: &TenantId, reason: &'static str) {
        self.traffic.count(tenant, Counts::fell_back);
        self.requests.fallbacks.with_label_values(&[tenant.as_str(), reason]).inc();
    }

    /// The object store was slow to begin, so SQL was asked too, or first; this one's bytes were sent.
    pub fn hedge(&self, tenant: &TenantId, winner: ServedFrom) {
        self.requests.hedges.with_label_values(&[tenant.as_str(), winner.label()]).inc();
    }

    /// Begins the series of an object store that requests pass a gate to. `store` is what operators know it by.
    pub fn add_store(&self, store: &str) {
        self.stores.breaker_open.with_label_values(&[store]);
        self.stores.breaker_opened.with_label_values(&[store]);
        self.stores.in_flight.with_label_values(&[store]);
        for refusal in Refusal::ALL {
            self.stores.refused.with_label_values(&[store, refusal.label()]);
        }
    }

    /// The store is taken for out.
    pub fn breaker_opened(&self, store: &str) {
        self.stores.breaker_open.with_label_values(&[store]).set(1);
        self.stores.breaker_opened.with_label_values(&[store]).inc();
    }

    /// The store is back.
    pub fn breaker_closed(&self, store: &str) {
        self.stores.breaker_open.with_label_values(&[store]).set(0);
    }

    /// A request was not sent to the store.
    pub fn store_refused(&self, store: &str, refusal: Refusal) {
        self.stores.refused.with_label_values(&[store, refusal.label()]).inc();
    }

    /// Counts a request to the store as in flight until the guard is dropped.
    #[must_use = "the request counts for as long as the guard lives"]
    pub fn store_request(&self, store: &str) -> InFlight {
        let in_flight = self.stores.in_flight.with_label_values(&[store]);
        in_flight.inc();
        InFlight(in_flight)
    }

    /// One answer of a store: `outcome` is `ok`, or the kind of failure.
    pub fn store_operation(&self, store: &'static str, operation: &'static str, outcome: &'static str, duration: Duration) {
        self.stores.operations.with_label_values(&[store, operation, outcome]).observe(duration.as_secs_f64());
    }

    /// Counts a transfer as in flight until the guard is dropped.
    #[must_use = "the transfer counts for as long as the guard lives"]
    pub fn transfer(&self, direction: Direction) -> InFlight {
        let in_flight = self.transfers.in_flight.with_label_values(&[direction.label()]);
        in_flight.inc();
        InFlight(in_flight)
    }

    pub fn set_buffer(&self, held_bytes: u64) {
        self.transfers.buffer.set(gauge(held_bytes));
    }

    /// So many transfers more waited for memory in vain.
    pub fn buffer_refused(&self, transfers: u64) {
        self.transfers.refused.inc_by(transfers);
    }

    pub fn set_buffer_limit(&self, limit_bytes: u64) {
        self.transfers.buffer_limit.set(gauge(limit_bytes));
    }

    /// A small content was read for a client.
    pub fn cache_read(&self, outcome: CacheOutcome) {
        self.cache.reads[outcome as usize].inc();
    }

    /// A copy found its content in memory.
    pub fn copied_from_cache(&self) {
        self.cache.copies.inc();
    }

    pub fn set_cache(&self, held_bytes: u64, limit_bytes: u64) {
        self.cache.bytes.set(gauge(held_bytes));
        self.cache.limit.set(gauge(limit_bytes));
    }

    /// All open jobs of a tenant. What is not named here is none: its series stays, at 0.
    pub fn set_jobs(&self, tenant: &TenantId, open: &[JobGauge]) {
        for kind in JobKind::ALL {
            for state in JobState::ALL {
                let jobs = open.iter().filter(|gauge| gauge.kind == kind && gauge.state == state).map(|gauge| gauge.jobs).sum();
                self.jobs.jobs.with_label_values(&[tenant.as_str(), kind.label(), state.label()]).set(gauge(jobs));
            }
            let oldest =
                open.iter().filter(|gauge| gauge.kind == kind && counts_as_backlog(gauge.state)).map(|gauge| gauge.oldest_age).max();
            self.jobs.oldest.with_label_values(&[tenant.as_str(), kind.label()]).set(oldest.unwrap_or_default().as_secs_f64());
        }
    }

    /// An attempt at one of the tenant's jobs came to this.
    pub fn job(&self, tenant: &TenantId, kind: JobKind, outcome: JobOutcome, duration: Duration) {
        match outcome {
            JobOutcome::Done => self.jobs.finished.with_label_values(&[tenant.as_str(), kind.label()]).inc(),
            JobOutcome::Again | JobOutcome::Retry | JobOutcome::Quarantined | JobOutcome::GivenBack | JobOutcome::Lost => {}
        }
        self.jobs.duration.with_label_values(&[kind.label(), outcome.label()]).observe(duration.as_secs_f64());
    }

    /// A copy was committed.
    pub fn copied(&self, tenant: &TenantId, bytes: u64) {
        self.traffic.count(tenant, |counts| counts.copied(bytes));
        self.jobs.copied_documents.inc();
        self.jobs.copied_bytes.inc_by(bytes);
    }

    /// A content left SQL.
    pub fn purged(&self, bytes: u64) {
        self.jobs.purged_documents.inc();
        self.jobs.purged_bytes.inc_by(bytes);
    }

    /// A copy came to its final transaction, and the row had moved.
    pub fn copy_moved(&self) {
        self.jobs.copies_moved.inc();
    }

    /// A job was claimed whose last agent let its lease run out.
    pub fn job_taken_over(&self, kind: JobKind) {
        self.jobs.taken_over.with_label_values(&[kind.label()]).inc();
    }

    /// Versions past their time, and their bytes.
    pub fn expired(&self, versions: u64, bytes: u64) {
        self.jobs.expired.inc_by(versions);
        self.jobs.expired_bytes.inc_by(bytes);
    }

    pub fn uploads_condemned(&self, uploads: u64) {
        self.jobs.uploads_condemned.inc_by(uploads);
    }

    pub fn set_phase(&self, tenant: &TenantId, current: Phase) {
        for phase in Phase::ALL {
            self.tenants.phase.with_label_values(&[tenant.as_str(), phase.label()]).set(i64::from(phase == current));
        }
    }

    /// The figures of a tenant, from the one process that holds them. A holder that is not named has none.
    pub fn set_documents(&self, tenant: &TenantId, held: &[HeldDocuments], counted_at: Timestamp) {
        for held_by in HeldBy::ALL {
            let of_holder = held.iter().filter(|held| held.held_by == held_by);
            let (documents, bytes) = of_holder.fold((0, 0), |(documents, bytes), held| (documents + held.documents, bytes + held.bytes));
            let labels = [tenant.as_str(), held_by.label()];
            self.tenants.documents.with_label_values(&labels).set(documents);
            self.tenants.document_bytes.with_label_values(&labels).set(bytes);
        }
        self.tenants.counted_at.with_label_values(&[tenant.as_str()]).set(counted_at.as_duration().as_secs_f64());
    }

    /// Another process holds the figures now: two that export them would count every document twice.
    pub fn forget_documents(&self, tenant: &TenantId) {
        // Removing a series that is not there fails, and leaves all as it should be.
        for held_by in HeldBy::ALL {
            let labels = [tenant.as_str(), held_by.label()];
            let _ = self.tenants.documents.remove_label_values(&labels);
            let _ = self.tenants.document_bytes.remove_label_values(&labels);
        }
        let _ = self.tenants.counted_at.remove_label_values(&[tenant.as_str()]);
    }

    /// All placements of a tenant whose figures this process holds; one that is not named here is shown no more.
    pub fn set_placements(&self, tenant: &TenantId, placements: &[PlacementGauge]) {
        let families = &self.placements;
        let names = placements.iter().map(|gauge| gauge.placement.clone()).collect();
        let before = lock(&self.shown).insert(tenant.clone(), names).unwrap_or_default();
        for gone in before.iter().filter(|name| placements.iter().all(|gauge| gauge.placement != **name)) {
            for family in families.per_placement() {
                // A limit that was never set has no series.
                let _ = family.remove_label_values(&[tenant.as_str(), gone.as_str()]);
            }
        }
        for of in placements {
            let labels = [tenant.as_str(), of.placement.as_str()];
            families.objects.with_label_values(&labels).set(gauge(of.objects));
            families.bytes.with_label_values(&labels).set(gauge(of.bytes));
            for (family, limit) in [(&families.objects_limit, of.max_objects), (&families.bytes_limit, of.max_bytes)] {
                match limit {
                    Some(limit) => family.with_label_values(&labels).set(gauge(limit)),
                    None => drop(family.remove_label_values(&labels)),
                }
            }
        }
        match placements.is_empty() {
            true => drop(families.full.remove_label_values(&[tenant.as_str()])),
            false => families.full.with_label_values(&[tenant.as_str()]).set(i64::from(placements.iter().all(|of| of.is_full))),
        }
    }

    pub fn set_pool(&self, tenant: &TenantId, idle: u64, in_use: u64, waiting: u64) {
        for (state, connections) in [(PoolState::Idle, idle), (PoolState::InUse, in_use)] {
            self.tenants.pool.with_label_values(&[tenant.as_str(), state.label()]).set(gauge(connections));
        }
        self.tenants.pool_waiting.with_label_values(&[tenant.as_str()]).set(gauge(waiting));
    }

    /// A document was compared beside a read, or not.
    pub fn compared(&self, tenant: &TenantId, verdict: ShadowVerdict) {
        self.compare.compared.with_label_values(&[tenant.as_str(), verdict.label()]).inc();
    }

    /// A verification went on.
    pub fn verified(&self, documents: u64, bytes: u64) {
        self.compare.verified_documents.inc_by(documents);
        self.compare.verified_bytes.inc_by(bytes);
    }

    /// A difference was found, or found again. `lost`: nobody else holds the content.
    pub fn difference(&self, tenant: &TenantId, kind: DifferenceKind, lost: bool) {
        self.traffic.count(tenant, Counts::differed);
        self.compare.differences.with_label_values(&[tenant.as_str(), kind.label()]).inc();
        if lost {
            self.compare.sole_broken.with_label_values(&[tenant.as_str()]).inc();
        }
    }

    /// Content was found in SQL that somebody wrote straight there, over an object that was the only holder.
    pub fn write_around(&self, tenant: &TenantId) {
        self.tenants.writes_around.with_label_values(&[tenant.as_str()]).inc();
    }

    /// How many of those this process has found. Nothing durable tells of them but the log and the objects that are versions since.
    pub fn writes_around(&self, tenant: &TenantId) -> u64 {
        self.tenants.writes_around.with_label_values(&[tenant.as_str()]).get()
    }

    /// What each tenant's traffic came to since the last time; tenants without any are left out.
    pub fn take_traffic(&self) -> Vec<(TenantId, Step)> {
        self.traffic.take()
    }
}

/// Something in flight, which counts until this is dropped.
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl InFlight {
    pub(super) fn count(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A quarantined job waits for an operator; its age would hide whether the agents keep up.
fn counts_as_backlog(state: JobState) -> bool {
    match state {
        JobState::Ready | JobState::Leased => true,
        JobState::Quarantined => false,
    }
}

pub(super) fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
