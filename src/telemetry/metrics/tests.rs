//! The names and labels that dashboards of others rely on, and what each method counts.

use std::collections::BTreeSet;

use super::*;
use crate::model::limits::{Limit, LimitTable, WorkLimits};
use crate::telemetry::BackupGauge;

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn has(metrics: &Metrics, line: &str) -> bool {
    metrics.render().lines().any(|rendered| rendered == line)
}

#[track_caller]
fn assert_shows(metrics: &Metrics, line: &str) {
    assert!(has(metrics, line), "no line {line:?} in\n{}", metrics.render());
}

fn touch_everything(metrics: &Metrics) {
    let acme = tenant("acme");
    let answered = Answered { tenant: None, operation: "get", served_from: ServedFrom::Sql, code: 200, duration: Duration::from_millis(3) };
    metrics.request(&answered);
    metrics.upstream_answered(200, Duration::from_millis(3));
    metrics.fallback(&acme, "unavailable");
    metrics.store_operation("sqlite", "row", "ok", Duration::from_millis(1));
    metrics.job(&acme, JobKind::Copy, JobOutcome::Done, Duration::from_secs(1));
    metrics.add_tenant(&acme);
    metrics.add_store("s3.example:443");
    metrics.set_phase(&acme, Phase::Dual);
    metrics.set_documents(&acme, &[], Timestamp::UNIX_EPOCH);
    metrics.set_pool(&acme, 1, 2, 3);
    metrics.response_started("get", ServedFrom::Sql, Duration::from_millis(3));
    metrics.set_read_only(&acme, true);
    metrics.set_put_back(&acme, false);
    metrics.set_drilled(&acme, None, false);
    metrics.set_limits(&limits());
    metrics.set_certificate_expiry("admin", Timestamp::UNIX_EPOCH);
    metrics.set_placements(&acme, &[placement("one", true)]);
    metrics.set_backups(&acme, BackupGauge { scheduled: true, last_success: Some(Timestamp::UNIX_EPOCH), last_failed: false });
}

/// Everything is limited, and one tenant is paused besides.
fn limits() -> LimitTable {
    let limit = Some(Limit::try_from(5).unwrap());
    let all = WorkLimits { documents_per_second: limit, bytes_per_second: limit, concurrency: limit, paused: false };
    LimitTable { all, tenants: [(tenant("acme"), WorkLimits { paused: true, ..all })].into() }
}

fn placement(name: &str, is_full: bool) -> PlacementGauge {
    PlacementGauge { placement: name.parse().unwrap(), objects: 7, bytes: 700, max_objects: Some(7), max_bytes: Some(900), is_full }
}

/// `name{label,label}` of every series, `le` left out.
fn shapes(metrics: &Metrics) -> BTreeSet<String> {
    let families = metrics.registry.gather();
    let shape = |family: &prometheus::proto::MetricFamily| {
        let labels: BTreeSet<_> = family.get_metric()[0].get_label().iter().map(|pair| pair.name().to_owned()).collect();
        format!("{}{{{}}}", family.name(), labels.into_iter().collect::<Vec<_>>().join(","))
    };
    families.iter().map(shape).collect()
}

#[test]
fn names_and_labels_are_those_that_dashboards_rely_on() {
    let metrics = Metrics::new("1.2.3");
    touch_everything(&metrics);
    let expected = "\
        sluss_backup_bytes_total{}
        sluss_backup_drill_last_failed{tenant}
        sluss_backup_drill_last_success_timestamp_seconds{tenant}
        sluss_backup_last_failed{tenant}
        sluss_backup_last_success_timestamp_seconds{tenant}
        sluss_backup_objects_total{}
        sluss_backup_scheduled{tenant}
        sluss_breaker_open{store}
        sluss_breaker_opened_total{store}
        sluss_build_info{version}
        sluss_buffer_bytes{}
        sluss_buffer_limit_bytes{}
        sluss_buffer_refused_total{}
        sluss_cache_bytes{}
        sluss_cache_copies_total{}
        sluss_cache_limit_bytes{}
        sluss_cache_reads_total{outcome}
        sluss_certificate_expiry_timestamp_seconds{listener}
        sluss_compared_total{tenant,verdict}
        sluss_copied_bytes_total{}
        sluss_copied_documents_total{}
        sluss_copies_moved_total{}
        sluss_differences_found_total{kind,tenant}
        sluss_document_bytes{held_by,tenant}
        sluss_documents_counted_timestamp_seconds{tenant}
        sluss_documents{held_by,tenant}
        sluss_fallbacks_total{reason,tenant}
        sluss_hedges_total{tenant,winner}
        sluss_job_duration_seconds{kind,outcome}
        sluss_job_oldest_seconds{kind,tenant}
        sluss_jobs_finished_total{kind,tenant}
        sluss_jobs_taken_over_total{kind}
        sluss_jobs{kind,state,tenant}
        sluss_placement_bytes_limit{placement,tenant}
        sluss_placement_bytes{placement,tenant}
        sluss_placement_objects_limit{placement,tenant}
        sluss_placement_objects{placement,tenant}
        sluss_placements_full{tenant}
        sluss_expired_bytes_total{}
        sluss_expired_versions_total{}
        sluss_purged_bytes_total{}
        sluss_purged_documents_total{}
        sluss_reads_broken_total{tenant}
        sluss_request_bytes_total{}
        sluss_request_duration_seconds{operation,served_from}
        sluss_requests_total{code,operation,served_from,tenant}
        sluss_response_bytes_total{}
        sluss_response_start_seconds{operation,served_from}
        sluss_shed_total{reason}
        sluss_sole_objects_broken_total{tenant}
        sluss_sql_pool_connections{state,tenant}
        sluss_sql_pool_waiting{tenant}
        sluss_store_operation_duration_seconds{operation,outcome,store}
        sluss_store_requests_in_flight{store}
        sluss_store_requests_refused_total{reason,store}
        sluss_tenant_observed_timestamp_seconds{tenant}
        sluss_tenant_phase{phase,tenant}
        sluss_tenant_put_back{tenant}
        sluss_tenant_read_only{tenant}
        sluss_transfers_in_flight{direction}
        sluss_uploads_condemned_total{}
        sluss_upstream_duration_seconds{}
        sluss_upstream_errors_total{reason}
        sluss_upstream_requests_in_flight{}
        sluss_upstream_requests_total{code}
        sluss_verified_bytes_total{}
        sluss_verified_documents_total{}
        sluss_work_bytes_per_second_limit{tenant}
        sluss_work_documents_per_second_limit{tenant}
        sluss_work_jobs_limit{tenant}
        sluss_work_paused{tenant}
        sluss_writes_around_gateway_total{tenant}";
    assert_eq!(shapes(&metrics), expected.lines().map(|line| line.trim().to_owned()).collect());
}

#[test]
fn a_name_that_tells_a_unit_has_help_that_tells_it_too() {
    let metrics = Metrics::new("1.2.3");
    touch_everything(&metrics);
    for family in metrics.registry.gather() {
        for unit in ["bytes", "seconds"] {
            assert!(!family.name().contains(unit) || family.help().contains(unit), "{}: {}", family.name(), family.help());
        }
    }
}

#[test]
fn counters_without_labels_are_there_before_anything_happens() {
    let metrics = Metrics::new("1.2.3");
    for name in ["response_bytes", "request_bytes", "copied_documents", "copied_bytes", "copies_moved", "uploads_condemned"] {
        assert_shows(&metrics, &format!("sluss_{name}_total 0"));
    }
    assert_shows(&metrics, "sluss_jobs_taken_over_total{kind=\"write_back\"} 0");
    assert_shows(&metrics, "sluss_build_info{version=\"1.2.3\"} 1");
}

#[test]
fn a_drained_queue_reports_0() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    let ready = JobGauge { kind: JobKind::Copy, state: JobState::Ready, jobs: 7, oldest_age: Duration::from_secs(90) };
    metrics.set_jobs(&acme, &[ready]);
    assert_shows(&metrics, "sluss_jobs{kind=\"copy\",state=\"ready\",tenant=\"acme\"} 7");
    assert_shows(&metrics, "sluss_job_oldest_seconds{kind=\"copy\",tenant=\"acme\"} 90");
    metrics.set_jobs(&acme, &[]);
    assert_shows(&metrics, "sluss_jobs{kind=\"copy\",state=\"ready\",tenant=\"acme\"} 0");
    assert_shows(&metrics, "sluss_job_oldest_seconds{kind=\"copy\",tenant=\"acme\"} 0");
}

#[test]
fn a_quarantined_job_does_not_age_the_backlog() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    let job = |state, secs| JobGauge { kind: JobKind::Copy, state, jobs: 1, oldest_age: Duration::from_secs(secs) };
    metrics.set_jobs(&acme, &[job(JobState::Quarantined, 9000), job(JobState::Leased, 5), job(JobState::Ready, 3)]);
    assert_shows(&metrics, "sluss_job_oldest_seconds{kind=\"copy\",tenant=\"acme\"} 5");
}

#[test]
fn only_a_job_that_is_done_counts_as_finished_and_for_its_tenant() {
    let (metrics, acme, other) = (Metrics::new("1.2.3"), tenant("acme"), tenant("other"));
    metrics.add_tenant(&other);
    for outcome in
        [JobOutcome::Done, JobOutcome::Again, JobOutcome::Retry, JobOutcome::Quarantined, JobOutcome::GivenBack, JobOutcome::Lost]
    {
        metrics.job(&acme, JobKind::Copy, outcome, Duration::from_secs(1));
    }
    assert_shows(&metrics, "sluss_jobs_finished_total{kind=\"copy\",tenant=\"acme\"} 1");
    assert_shows(&metrics, "sluss_jobs_finished_total{kind=\"copy\",tenant=\"other\"} 0");
}

#[test]
fn a_tenant_s_fallbacks_begin_at_0_and_go_on_where_they_were_when_it_is_configured_anew() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    metrics.add_fallback_reasons(&acme, &["unavailable", "timeout"]);
    assert_shows(&metrics, "sluss_fallbacks_total{reason=\"timeout\",tenant=\"acme\"} 0");
    metrics.fallback(&acme, "timeout");
    metrics.add_fallback_reasons(&acme, &["unavailable", "timeout"]);
    assert_shows(&metrics, "sluss_fallbacks_total{reason=\"timeout\",tenant=\"acme\"} 1");
}

#[test]
fn a_tenant_is_in_exactly_one_phase() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    metrics.set_phase(&acme, Phase::Shadow);
    metrics.set_phase(&acme, Phase::Dual);
    let ones = metrics.render().lines().filter(|line| line.starts_with("sluss_tenant_phase") && line.ends_with(" 1")).count();
    assert_eq!(ones, 1);
    assert_shows(&metrics, "sluss_tenant_phase{phase=\"dual\",tenant=\"acme\"} 1");
    assert_shows(&metrics, "sluss_tenant_phase{phase=\"sealed\",tenant=\"acme\"} 0");
}

#[test]
fn a_tenant_that_does_not_exist_makes_no_series_of_its_own() {
    let metrics = Metrics::new("1.2.3");
    let answered = Answered { tenant: None, operation: "get", served_from: ServedFrom::Nothing, code: 404, duration: Duration::ZERO };
    metrics.request(&answered);
    assert_shows(&metrics, "sluss_requests_total{code=\"404\",operation=\"get\",served_from=\"-\",tenant=\"-\"} 1");
}

#[test]
fn a_transfer_counts_until_its_guard_is_dropped() {
    let metrics = Metrics::new("1.2.3");
    let guards = [metrics.transfer(Direction::Download), metrics.transfer(Direction::Download)];
    assert_shows(&metrics, "sluss_transfers_in_flight{direction=\"download\"} 2");
    drop(guards);
    assert_shows(&metrics, "sluss_transfers_in_flight{direction=\"download\"} 0");
}

#[test]
fn only_the_process_that_counts_documents_shows_them() {
    let (metrics, acme, other) = (Metrics::new("1.2.3"), tenant("acme"), tenant("other"));
    let held = [HeldDocuments { held_by: HeldBy::Both, documents: 3, bytes: 300 }];
    metrics.set_documents(&acme, &held, Timestamp::from_second(1_700_000_000).unwrap());
    metrics.set_documents(&other, &held, Timestamp::UNIX_EPOCH);
    assert_shows(&metrics, "sluss_document_bytes{held_by=\"both\",tenant=\"acme\"} 300");
    assert_shows(&metrics, "sluss_documents{held_by=\"sql\",tenant=\"acme\"} 0");
    assert_shows(&metrics, "sluss_documents_counted_timestamp_seconds{tenant=\"acme\"} 1700000000");
    metrics.forget_documents(&acme);
    metrics.forget_documents(&acme);
    assert!(!metrics.render().contains("acme"));
    assert_shows(&metrics, "sluss_documents{held_by=\"both\",tenant=\"other\"} 3");
}

#[test]
fn a_placement_is_shown_while_this_process_has_its_figures() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    metrics.set_placements(&acme, &[placement("one", true), placement("two", false)]);
    metrics.set_placements(&tenant("other"), &[placement("one", true)]);
    assert_shows(&metrics, "sluss_placement_objects{placement=\"one\",tenant=\"acme\"} 7");
    assert_shows(&metrics, "sluss_placement_bytes_limit{placement=\"two\",tenant=\"acme\"} 900");
    assert_shows(&metrics, "sluss_placements_full{tenant=\"acme\"} 0");
    assert_shows(&metrics, "sluss_placements_full{tenant=\"other\"} 1");
    let unlimited = PlacementGauge { max_objects: None, ..placement("two", false) };
    metrics.set_placements(&acme, &[unlimited]);
    let of_acme = |metrics: &Metrics| metrics.render().lines().filter(|line| line.contains("acme")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of_acme(&metrics).len(), 4, "objects, bytes and one limit of one placement, and whether all are full");
    metrics.set_placements(&acme, &[]);
    assert_eq!(of_acme(&metrics), Vec::<String>::new());
}

#[test]
fn a_broken_sole_object_counts_beside_its_difference() {
    let metrics = Metrics::new("1.2.3");
    let acme = tenant("acme");
    metrics.add_tenant(&acme);
    metrics.difference(&acme, DifferenceKind::ObjectBytes, false);
    assert_shows(&metrics, "sluss_differences_found_total{kind=\"object_bytes\",tenant=\"acme\"} 1");
    assert_shows(&metrics, "sluss_sole_objects_broken_total{tenant=\"acme\"} 0");
    metrics.difference(&acme, DifferenceKind::ObjectMissing, true);
    assert_shows(&metrics, "sluss_sole_objects_broken_total{tenant=\"acme\"} 1");
}

#[test]
fn a_breaker_is_open_or_not_and_each_opening_counts() {
    let metrics = Metrics::new("1.2.3");
    metrics.add_store("s3.example:443");
    assert_shows(&metrics, "sluss_breaker_open{store=\"s3.example:443\"} 0");
    metrics.breaker_opened("s3.example:443");
    assert_shows(&metrics, "sluss_breaker_open{store=\"s3.example:443\"} 1");
    metrics.breaker_closed("s3.example:443");
    assert_shows(&metrics, "sluss_breaker_open{store=\"s3.example:443\"} 0");
    assert_shows(&metrics, "sluss_breaker_opened_total{store=\"s3.example:443\"} 1");
}

#[test]
fn a_limit_is_shown_while_it_holds() {
    let metrics = Metrics::new("1.2.3");
    metrics.set_limits(&limits());
    assert_shows(&metrics, "sluss_work_paused{tenant=\"-\"} 0");
    assert_shows(&metrics, "sluss_work_paused{tenant=\"acme\"} 1");
    assert_shows(&metrics, "sluss_work_jobs_limit{tenant=\"acme\"} 5");
    metrics.set_limits(&LimitTable::default());
    let left: Vec<String> = metrics.render().lines().filter(|line| line.starts_with("sluss_work_")).map(str::to_owned).collect();
    assert_eq!(left, ["sluss_work_paused{tenant=\"-\"} 0"]);
}

#[test]
fn of_a_tenant_that_is_no_more_only_what_was_counted_stays() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    touch_everything(&metrics);
    metrics.set_limits(&LimitTable::default());
    metrics.remove_tenant(&acme);
    let counters: BTreeSet<String> =
        metrics.render().lines().filter(|line| line.contains("acme")).map(|line| line.split('{').next().unwrap().to_owned()).collect();
    assert!(counters.len() > 5 && counters.iter().all(|name| name.ends_with("_total")), "{counters:?}");
}

#[test]
fn a_tenant_whose_database_never_answered_was_seen_last_in_1970() {
    let (metrics, acme) = (Metrics::new("1.2.3"), tenant("acme"));
    metrics.add_tenant(&acme);
    assert_shows(&metrics, "sluss_tenant_observed_timestamp_seconds{tenant=\"acme\"} 0");
    metrics.set_observed(&acme, Timestamp::from_second(1_700_000_000).unwrap());
    assert_shows(&metrics, "sluss_tenant_observed_timestamp_seconds{tenant=\"acme\"} 1700000000");
}

#[test]
fn objectives_find_the_bucket_that_they_name() {
    let metrics = Metrics::new("1.2.3");
    metrics.response_started("read", ServedFrom::Sql, Duration::from_millis(900));
    assert_shows(&metrics, "sluss_response_start_seconds_bucket{operation=\"read\",served_from=\"sql\",le=\"0.5\"} 0");
    assert_shows(&metrics, "sluss_response_start_seconds_bucket{operation=\"read\",served_from=\"sql\",le=\"1\"} 1");
}
