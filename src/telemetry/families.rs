//! Every metric once, with its help and its unit. The names are fixed: dashboards and alerts of others rely on them.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, exponential_buckets,
};

use super::labels::{CacheOutcome, Direction, Shed};
use crate::model::job::JobKind;

/// In seconds. Round figures, since objectives are set on them: an alert names a bucket by its bound.
const RESPONSE_STARTS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Declares metrics in one registry, which puts the prefix before their names.
pub(super) struct Registrar<'a>(pub(super) &'a Registry);

impl Registrar<'_> {
    fn register<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> C {
        let metric = metric.expect("metrics are declared with valid names and labels");
        self.0.register(Box::new(metric.clone())).expect("every metric is declared once");
        metric
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), labels))
    }

    pub(super) fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: Vec<f64>) -> HistogramVec {
        self.register(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets), labels))
    }

    /// Twelve buckets from `first` seconds on, each three times the one before: more would multiply with every label.
    pub(super) fn durations(&self, name: &str, help: &str, labels: &[&str], first: f64) -> HistogramVec {
        let buckets = exponential_buckets(first, 3.0, 12).expect("buckets start above zero and grow");
        self.histograms(name, help, labels, buckets)
    }
}

/// The document API.
pub(super) struct RequestFamilies {
    pub(super) total: IntCounterVec,
    pub(super) duration: HistogramVec,
    pub(super) start: HistogramVec,
    pub(super) broken: IntCounterVec,
    pub(super) response_bytes: IntCounter,
    pub(super) request_bytes: IntCounter,
    pub(super) fallbacks: IntCounterVec,
    pub(super) hedges: IntCounterVec,
    pub(super) shed: IntCounterVec,
}

impl RequestFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let families = Self {
            total: r.counters(
                "requests_total",
                "Requests answered, by status code; tenant \"-\" where the request named none that exists.",
                &["tenant", "operation", "served_from", "code"],
            ),
            duration: r.durations(
                "request_duration_seconds",
                "Time from a request's head to the end of its answer's body, in seconds.",
                &["operation", "served_from"],
                0.001,
            ),
            start: r.histograms(
                "response_start_seconds",
                "Time from a request's head to the head of its answer, in seconds: what a store takes, and not how fast a client is.",
                &["operation", "served_from"],
                RESPONSE_STARTS.to_vec(),
            ),
            broken: r.counters(
                "reads_broken_total",
                "Answers with a content that ended short because no holder could go on; their status code was that of a good one.",
                &["tenant"],
            ),
            response_bytes: r.counter("response_bytes_total", "Content sent to clients, in bytes."),
            request_bytes: r.counter("request_bytes_total", "Content received from clients, in bytes."),
            fallbacks: r.counters(
                "fallbacks_total",
                "Reads that the preferred holder failed and the other, equal one answered, by reason.",
                &["tenant", "reason"],
            ),
            hedges: r.counters(
                "hedges_total",
                "Reads for which SQL was asked too because the object store was slow to begin, by whose bytes were sent.",
                &["tenant", "winner"],
            ),
            shed: r.counters(
                "shed_total",
                "Requests refused before any store was asked, by whose limit they would have passed.",
                &["reason"],
            ),
        };
        for reason in Shed::ALL {
            families.shed.with_label_values(&[reason.label()]);
        }
        families
    }
}

/// Jobs and what the agents did.
pub(super) struct JobFamilies {
    pub(super) jobs: IntGaugeVec,
    pub(super) oldest: GaugeVec,
    pub(super) duration: HistogramVec,
    pub(super) copied_documents: IntCounter,
    pub(super) copied_bytes: IntCounter,
    pub(super) purged_documents: IntCounter,
    pub(super) purged_bytes: IntCounter,
    pub(super) finished: IntCounterVec,
    pub(super) taken_over: IntCounterVec,
    pub(super) copies_moved: IntCounter,
    pub(super) uploads_condemned: IntCounter,
    pub(super) expired: IntCounter,
    pub(super) expired_bytes: IntCounter,
}

impl JobFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let families = Self {
            jobs: r.gauges("jobs", "Open jobs, by kind and state.", &["tenant", "kind", "state"]),
            oldest: r.seconds(
                "job_oldest_seconds",
                "Age of the oldest job that is ready or leased, in seconds; 0 when there is none.",
                &["tenant", "kind"],
            ),
            duration: r.durations("job_duration_seconds", "Time one attempt at a job took, in seconds.", &["kind", "outcome"], 0.005),
            copied_documents: r.counter("copied_documents_total", "Copies to the object store that were committed."),
            copied_bytes: r.counter("copied_bytes_total", "Content of the copies that were committed, in bytes."),
            purged_documents: r.counter("purged_documents_total", "Contents that left SQL because a verified object holds them."),
            purged_bytes: r.counter("purged_bytes_total", "Content that left SQL, in bytes."),
            finished: r.counters("jobs_finished_total", "Jobs closed because what they were for is done.", &["tenant", "kind"]),
            taken_over: r.counters("jobs_taken_over_total", "Jobs claimed after another agent let its lease run out.", &["kind"]),
            copies_moved: r.counter("copies_moved_total", "Copies that were dropped because the row had moved meanwhile."),
            uploads_condemned: r.counter("uploads_condemned_total", "Uploads that nobody may publish any more."),
            expired: r.counter("expired_versions_total", "Versions past their time that were given up."),
            expired_bytes: r.counter("expired_bytes_total", "Content of the versions that were given up, in bytes."),
        };
        for kind in JobKind::ALL {
            families.taken_over.with_label_values(&[kind.label()]);
        }
        families
    }
}

/// What moves through this process, and what it holds in memory meanwhile.
pub(super) struct TransferFamilies {
    pub(super) in_flight: IntGaugeVec,
    pub(super) buffer: IntGauge,
    pub(super) buffer_limit: IntGauge,
    pub(super) refused: IntCounter,
}

impl TransferFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let families = Self {
            in_flight: r.gauges("transfers_in_flight", "Contents that are moving now.", &["direction"]),
            buffer: r.gauge("buffer_bytes", "Memory that transfers hold of the budget, in bytes."),
            buffer_limit: r.gauge("buffer_limit_bytes", "The budget for content in memory, in bytes."),
            refused: r
                .counter("buffer_refused_total", "Transfers that waited for memory in vain: requests are answered 503, jobs come again."),
        };
        for direction in Direction::ALL {
            families.in_flight.with_label_values(&[direction.label()]);
        }
        families
    }
}

/// Small contents in memory.
pub(super) struct CacheFamilies {
    /// In the order of [`CacheOutcome::ALL`]: asked for with every read, so nobody looks them up by their labels.
    pub(super) reads: [IntCounter; CacheOutcome::ALL.len()],
    pub(super) copies: IntCounter,
    pub(super) bytes: IntGauge,
    pub(super) limit: IntGauge,
}

impl CacheFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let reads = r.counters(
            "cache_reads_total",
            "Reads of contents up to 64 KiB: hit where they were in memory, shared where another read brought them, else miss.",
            &["outcome"],
        );
        Self {
            reads: CacheOutcome::ALL.map(|outcome| reads.with_label_values(&[outcome.label()])),
            copies: r.counter("cache_copies_total", "Copies whose content a read had brought from SQL, which was not asked for it again."),
            bytes: r.gauge("cache_bytes", "Memory that the cache of small contents takes, in bytes."),
            limit: r.gauge("cache_limit_bytes", "What it may take, in bytes; 0 where it is off."),
        }
    }
}

/// What comparisons of documents' holders found.
pub(super) struct CompareFamilies {
    pub(super) compared: IntCounterVec,
    pub(super) verified_documents: IntCounter,
    pub(super) verified_bytes: IntCounter,
    pub(super) differences: IntCounterVec,
    pub(super) sole_broken: IntCounterVec,
}

impl CompareFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        Self {
            compared: r.counters("compared_total", "Documents compared beside reads in phase shadow, by verdict.", &["tenant", "verdict"]),
            verified_documents: r.counter("verified_documents_total", "Documents that a verification found equal in all their holders."),
            verified_bytes: r.counter("verified_bytes_total", "Content that verifications read, in bytes."),
            differences: r.counters(
                "differences_found_total",
                "Differences found, by kind; one that is found again counts again.",
                &["tenant", "kind"],
            ),
            sole_broken: r.counters(
                "sole_objects_broken_total",
                "Objects found broken or missing that were their content's only holder; one that is found again counts again.",
                &["tenant"],
            ),
        }
    }
}

/// What is known of each tenant without asking its database.
pub(super) struct TenantFamilies {
    pub(super) phase: IntGaugeVec,
    pub(super) documents: IntGaugeVec,
    pub(super) document_bytes: IntGaugeVec,
    pub(super) counted_at: GaugeVec,
    pub(super) pool: IntGaugeVec,
    pub(super) pool_waiting: IntGaugeVec,
    pub(super) writes_around: IntCounterVec,
}

impl TenantFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        Self {
            phase: r.gauges("tenant_phase", "1 for the phase that a tenant is in, 0 for the others.", &["tenant", "phase"]),
            documents: r.gauges(
                "documents",
                "Documents by holder: those of the last full sweep and the commits since, from the process that counts them.",
                &["tenant", "held_by"],
            ),
            document_bytes: r.gauges(
                "document_bytes",
                "Content by holder, in bytes, counted as the documents are.",
                &["tenant", "held_by"],
            ),
            counted_at: r.seconds(
                "documents_counted_timestamp_seconds",
                "When the sweep behind the document figures ended, in seconds since 1970.",
                &["tenant"],
            ),
            pool: r.gauges("sql_pool_connections", "Connections to a tenant's database, by state.", &["tenant", "state"]),
            pool_waiting: r.gauges("sql_pool_waiting", "Operations that wait for a connection to a tenant's database.", &["tenant"]),
            writes_around: r.counters(
                "writes_around_gateway_total",
                "Contents found in SQL that were written around the gateway over an object that was the only holder.",
                &["tenant"],
            ),
        }
    }
}

/// How full the placements are that have limits.
pub(super) struct PlacementFamilies {
    pub(super) objects: IntGaugeVec,
    pub(super) bytes: IntGaugeVec,
    pub(super) objects_limit: IntGaugeVec,
    pub(super) bytes_limit: IntGaugeVec,
    pub(super) full: IntGaugeVec,
}

impl PlacementFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        let labels = &["tenant", "placement"];
        Self {
            objects: r.gauges(
                "placement_objects",
                "Objects in a placement by the rows that name them, counted every few minutes where a placement of the tenant has a limit.",
                labels,
            ),
            bytes: r.gauges("placement_bytes", "What those objects take in the store, in bytes.", labels),
            objects_limit: r.gauges("placement_objects_limit", "At this many objects a placement takes no new ones.", labels),
            bytes_limit: r.gauges("placement_bytes_limit", "At this many bytes a placement takes no new objects.", labels),
            full: r.gauges(
                "placements_full",
                "1 where every placement of a tenant is at its limit, and the last one takes new objects all the same.",
                &["tenant"],
            ),
        }
    }

    pub(super) fn per_placement(&self) -> [&IntGaugeVec; 4] {
        [&self.objects, &self.bytes, &self.objects_limit, &self.bytes_limit]
    }
}

/// What the stores answer, and what is not asked of them.
pub(super) struct StoreFamilies {
    pub(super) operations: HistogramVec,
    pub(super) breaker_open: IntGaugeVec,
    pub(super) breaker_opened: IntCounterVec,
    pub(super) in_flight: IntGaugeVec,
    pub(super) refused: IntCounterVec,
}

impl StoreFamilies {
    pub(super) fn new(r: &Registrar<'_>) -> Self {
        Self {
            operations: r.durations(
                "store_operation_duration_seconds",
                "Time until a store answered, in seconds; outcome ok, or the kind of failure.",
                &["store", "operation", "outcome"],
                0.0003,
            ),
            breaker_open: r.gauges("breaker_open", "1 while an object store is taken for out, until a trial succeeds; else 0.", &["store"]),
            breaker_opened: r.counters("breaker_opened_total", "Times that an object store was taken for out.", &["store"]),
            in_flight: r.gauges("store_requests_in_flight", "Requests to an object store that are under way now.", &["store"]),
            refused: r.counters(
                "store_requests_refused_total",
                "Requests that were not sent to an object store: it was out, or busy with too many others.",
                &["store", "reason"],
            ),
        }
    }
}

pub(super) fn build_info(r: &Registrar<'_>) -> IntGaugeVec {
    r.gauges("build_info", "Always 1; the label tells the version.", &["version"])
}
