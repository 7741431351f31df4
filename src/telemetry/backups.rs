//! What backups have copied, and when a tenant's last one came to its end.

use jiff::Timestamp;
use prometheus::{GaugeVec, IntCounter, IntGaugeVec};

use super::families::Registrar;
use super::metrics::Metrics;
use crate::model::id::TenantId;

pub(super) struct BackupFamilies {
    objects: IntCounter,
    bytes: IntCounter,
    scheduled: IntGaugeVec,
    last_success: GaugeVec,
    last_failed: IntGaugeVec,
}

/// How a tenant's backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupGauge {
    /// Whether it comes by the clock.
    pub scheduled: bool,
    pub last_success: Option<Timestamp>,
    pub last_failed: bool,
}

impl BackupFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        Self {
            objects: r.counter("backup_objects_total", "Objects that backups copied to an offsite store."),
            bytes: r.counter("backup_bytes_total", "Content that backups copied to an offsite store, in bytes."),
            scheduled: r.gauges(
                "backup_scheduled",
                "1 where a tenant's backups come by a schedule, 0 where they are asked for.",
                &["tenant"],
            ),
            last_success: r.seconds(
                "backup_last_success_timestamp_seconds",
                "When a tenant's last backup that came to its end did so, in seconds since 1970; not there before the first one.",
                &["tenant"],
            ),
            last_failed: r.gauges("backup_last_failed", "1 where a tenant's last backup has failed, else 0.", &["tenant"]),
        }
    }
}

impl Metrics {
    /// An object was copied.
    pub fn backed_up(&self, bytes: u64) {
        self.backups.objects.inc();
        self.backups.bytes.inc_by(bytes);
    }

    pub fn set_backups(&self, tenant: &TenantId, BackupGauge { scheduled, last_success, last_failed }: BackupGauge) {
        self.backups.scheduled.with_label_values(&[tenant.as_str()]).set(i64::from(scheduled));
        if let Some(at) = last_success {
            self.backups.last_success.with_label_values(&[tenant.as_str()]).set(at.as_duration().as_secs_f64());
        }
        self.backups.last_failed.with_label_values(&[tenant.as_str()]).set(i64::from(last_failed));
    }

    /// Another process exports them, or nobody knows them any more.
    pub fn forget_backups(&self, tenant: &TenantId) {
        // Removing a series that is not there fails, and leaves all as it should be.
        let _ = self.backups.scheduled.remove_label_values(&[tenant.as_str()]);
        let _ = self.backups.last_success.remove_label_values(&[tenant.as_str()]);
        let _ = self.backups.last_failed.remove_label_values(&[tenant.as_str()]);
    }
}
