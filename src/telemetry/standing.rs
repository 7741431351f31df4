//! What operators have set, whose certificates end when, and how fresh that is which a process shows of its tenants.

use std::collections::BTreeSet;
use std::sync::Mutex;

use jiff::Timestamp;
use prometheus::{GaugeVec, IntGaugeVec};

use super::families::Registrar;
use super::metrics::{Metrics, gauge};
use crate::lock::lock;
use crate::model::id::TenantId;
use crate::model::limits::{Limit, LimitTable, WorkLimits};

/// Stands for all tenants together, where a label names one. No tenant can be called so.
const ALL: &str = "-";

pub(super) struct StandingFamilies {
    observed_at: GaugeVec,
    read_only: IntGaugeVec,
    put_back: IntGaugeVec,
    drilled_at: GaugeVec,
    drill_failed: IntGaugeVec,
    paused: IntGaugeVec,
    documents_per_second: IntGaugeVec,
    bytes_per_second: IntGaugeVec,
    jobs: IntGaugeVec,
    certificate_expiry: GaugeVec,
    /// Tenants with limits or a pause of their own.
    limited: Mutex<BTreeSet<TenantId>>,
}

impl StandingFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let of_tenant = &["tenant"];
        Self {
            observed_at: r.seconds(
                "tenant_observed_timestamp_seconds",
                "When a tenant's database last told this process what it shows of the tenant, in seconds since 1970; 0 before the first time.",
                of_tenant,
            ),
            read_only: r.gauges("tenant_read_only", "1 while an operator keeps clients from changing a tenant's documents, else 0.", of_tenant),
            put_back: r.gauges("tenant_put_back", "1 while a tenant's database is behind what was seen of it, and nothing is written, else 0.", of_tenant),
            drilled_at: r.seconds(
                "backup_drill_last_success_timestamp_seconds",
                "When the last drill of a tenant's backup ended well, by the evidence that it left, in seconds since 1970; 0 where none is there.",
                of_tenant,
            ),
            drill_failed: r.gauges(
                "backup_drill_last_failed",
                "1 where the last drill of a tenant's backup has failed, by the evidence that it left, else 0.",
                of_tenant,
            ),
            paused: r.gauges("work_paused", "1 while an operator has paused the agents, by tenant; tenant \"-\" for all together.", of_tenant),
            documents_per_second: r.gauges(
                "work_documents_per_second_limit",
                "Documents a second that operators let the agents of all processes move, where they have set it; tenant \"-\" for all together.",
                of_tenant,
            ),
            bytes_per_second: r.gauges("work_bytes_per_second_limit", "The same in bytes a second.", of_tenant),
            jobs: r.gauges("work_jobs_limit", "The same for jobs at once.", of_tenant),
            certificate_expiry: r.seconds(
                "certificate_expiry_timestamp_seconds",
                "When the first of the certificates that a listener shows ends, in seconds since 1970.",
                &["listener"],
            ),
            limited: Mutex::default(),
        }
    }

    /// Before the database has answered for the first time: what never comes is to be seen as old, and not to be missing.
    pub(super) fn add_tenant(&self, tenant: &TenantId) {
        self.observed_at.with_label_values(&[tenant.as_str()]);
    }

    pub(super) fn remove_tenant(&self, tenant: &TenantId) {
        // Removing a series that is not there fails, and leaves all as it should be.
        let _ = self.observed_at.remove_label_values(&[tenant.as_str()]);
        let _ = self.read_only.remove_label_values(&[tenant.as_str()]);
        let _ = self.put_back.remove_label_values(&[tenant.as_str()]);
        let _ = self.drilled_at.remove_label_values(&[tenant.as_str()]);
        let _ = self.drill_failed.remove_label_values(&[tenant.as_str()]);
    }

    fn set_limits(&self, of: &str, limits: WorkLimits) {
        self.paused.with_label_values(&[of]).set(i64::from(limits.paused));
        let figures = [
            (&self.documents_per_second, limits.documents_per_second),
            (&self.bytes_per_second, limits.bytes_per_second),
            (&self.jobs, limits.concurrency),
        ];
        for (family, limit) in figures {
            match limit.map(Limit::get) {
                Some(limit) => family.with_label_values(&[of]).set(gauge(limit)),
                None => drop(family.remove_label_values(&[of])),
            }
        }
    }
}

impl Metrics {
    /// A tenant's database has answered.
    pub fn set_observed(&self, tenant: &TenantId, at: Timestamp) {
        self.standing.observed_at.with_label_values(&[tenant.as_str()]).set(at.as_duration().as_secs_f64());
    }

    /// Whether a tenant's database was put back to an earlier moment.
    pub fn set_put_back(&self, tenant: &TenantId, put_back: bool) {
        self.standing.put_back.with_label_values(&[tenant.as_str()]).set(i64::from(put_back));
    }

    /// When a drill of this tenant's backup last passed, `None` where no evidence is there that one ever did; and whether the last one failed.
    pub fn set_drilled(&self, tenant: &TenantId, at: Option<Timestamp>, failed: bool) {
        let at = at.map_or(0.0, |at| at.as_duration().as_secs_f64());
        self.standing.drilled_at.with_label_values(&[tenant.as_str()]).set(at);
        self.standing.drill_failed.with_label_values(&[tenant.as_str()]).set(i64::from(failed));
    }

    pub fn set_read_only(&self, tenant: &TenantId, read_only: bool) {
        self.standing.read_only.with_label_values(&[tenant.as_str()]).set(i64::from(read_only));
    }

    /// All that operators have set. A limit that is not named here is none.
    pub fn set_limits(&self, limits: &LimitTable) {
        self.standing.set_limits(ALL, limits.all);
        let mut limited = lock(&self.standing.limited);
        for gone in limited.iter().filter(|tenant| !limits.tenants.contains_key(*tenant)) {
            self.standing.set_limits(gone.as_str(), WorkLimits::default());
            // Tenants that are at work without limits have no series: there may be many.
            let _ = self.standing.paused.remove_label_values(&[gone.as_str()]);
        }
        for (tenant, limits) in &limits.tenants {
            self.standing.set_limits(tenant.as_str(), *limits);
        }
        *limited = limits.tenants.keys().cloned().collect();
    }

    /// A listener shows certificates of which the first ends then.
    pub fn set_certificate_expiry(&self, listener: &'static str, at: Timestamp) {
        self.standing.certificate_expiry.with_label_values(&[listener]).set(at.as_duration().as_secs_f64());
    }
}
