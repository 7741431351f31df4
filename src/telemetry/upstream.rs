//! The existing API behind the gateway, in figures.

use std::time::Duration;

use prometheus::{Histogram, IntCounterVec, IntGauge};

use super::families::Registrar;
use super::labels::UpstreamTrouble;
use super::metrics::{InFlight, Metrics};

pub(super) struct UpstreamFamilies {
    total: IntCounterVec,
    duration: Histogram,
    in_flight: IntGauge,
    errors: IntCounterVec,
}

impl UpstreamFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let families = Self {
            total: r.counters(
                "upstream_requests_total",
                "Requests that the existing API behind the gateway answered, by status code; checks of credentials included.",
                &["code"],
            ),
            duration: r
                .durations("upstream_duration_seconds", "Time until the existing API began its answer, in seconds.", &[], 0.0003)
                .with_label_values::<&str>(&[]),
            in_flight: r.gauge(
                "upstream_requests_in_flight",
                "Requests to the existing API that are under way now, upgraded connections included.",
            ),
            errors: r.counters(
                "upstream_errors_total",
                "Requests that the existing API did not answer as it should, by reason.",
                &["reason"],
            ),
        };
        for trouble in UpstreamTrouble::ALL {
            families.errors.with_label_values(&[trouble.label()]);
        }
        families
    }
}

impl Metrics {
    /// The existing API began an answer after this long.
    pub fn upstream_answered(&self, code: u16, after: Duration) {
        self.upstream.total.with_label_values(&[&code.to_string()]).inc();
        self.upstream.duration.observe(after.as_secs_f64());
    }

    /// A request there failed.
    pub fn upstream_trouble(&self, trouble: UpstreamTrouble) {
        self.upstream.errors.with_label_values(&[trouble.label()]).inc();
    }

    /// Counts a request to the existing API as in flight until the guard is dropped.
    #[must_use = "the request counts for as long as the guard lives"]
    pub fn upstream_request(&self) -> InFlight {
        InFlight::count(&self.upstream.in_flight)
    }
}
