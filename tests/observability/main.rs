//! What operators look at is what the product says: every metric of the dashboards, of the alerts and of the documents exists, with its
//! labels; every query has an answer on a real Prometheus; every alert fires and clears, and has a runbook; and every event of the code is
//! explained.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

mod alerts;
mod dashboards;
mod live;
mod prometheus;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sluss::model::job::JobKind;
use sluss::model::limits::{Limit, LimitTable, WorkLimits};
use sluss::model::phase::Phase;
use sluss::telemetry::{Answered, BackupGauge, JobOutcome, Metrics, PlacementGauge, ServedFrom};

/// The labels of each series by its name.
type Series = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Everything that `/metrics` can show, once everything has happened.
fn rendered() -> String {
    let metrics = Metrics::new("1.2.3");
    let acme = "acme".parse().unwrap();
    metrics.add_tenant(&acme);
    metrics.add_store("s3.example:443");
    let duration = Duration::from_millis(3);
    metrics.request(&Answered { tenant: Some(&acme), operation: "read", served_from: ServedFrom::Sql, code: 200, duration });
    metrics.fallback(&acme, "unavailable");
    metrics.store_operation("sqlite", "row", "ok", duration);
    metrics.job(&acme, JobKind::Copy, JobOutcome::Done, duration);
    metrics.upstream_answered(200, duration);
    metrics.set_phase(&acme, Phase::Dual);
    metrics.set_documents(&acme, &[], jiff::Timestamp::UNIX_EPOCH);
    metrics.set_pool(&acme, 1, 2, 3);
    metrics.response_started("read", ServedFrom::Sql, duration);
    metrics.set_read_only(&acme, false);
    metrics.set_put_back(&acme, false);
    metrics.set_drilled(&acme, None, false);
    let limit = Limit::try_from(5).ok();
    let all = WorkLimits { documents_per_second: limit, bytes_per_second: limit, concurrency: limit, paused: false };
    metrics.set_limits(&LimitTable { all, tenants: BTreeMap::new() });
    metrics.set_certificate_expiry("admin", jiff::Timestamp::UNIX_EPOCH);
    let placement = "one".parse().unwrap();
    metrics.set_placements(
        &acme,
        &[PlacementGauge { placement, objects: 7, bytes: 700, max_objects: Some(7), max_bytes: Some(900), is_full: true }],
    );
    metrics.set_backups(&acme, BackupGauge { scheduled: true, last_success: Some(jiff::Timestamp::UNIX_EPOCH), last_failed: false });
    metrics.render()
}

fn series() -> Series {
    let mut series = Series::new();
    for line in rendered().lines().filter(|line| !line.starts_with('#')) {
        let name: String = line.chars().take_while(|c| is_word(*c)).collect();
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
        let labels = labels.split(',').filter_map(|label| label.split_once('=')).map(|(label, _)| label.trim().to_owned());
        series.entry(name).or_default().extend(labels);
    }
    series
}

/// Names as `# TYPE` tells them, without the suffixes of histograms.
fn families() -> BTreeSet<String> {
    rendered().lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Words of a text that begin like a metric. What recording rules make has a colon in front, and is not ours to export.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c| !is_word(c) && c != ':');
    words.filter(|word| word.starts_with("sluss_") && !word.contains(':')).map(str::to_owned).collect()
}

/// Files of a folder whose names end so, in the order of their names.
fn files(folder: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    files.sort();
    assert!(!files.is_empty(), "there is nothing in {folder}");
    files
}

/// What a command says on both streams, where it ends well.
#[track_caller]
fn said_by(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} says:\n{said}");
    said
}

/// What is wrong with a query: unknown series, and labels that no series of the query has.
fn faults(query: &str, series: &Series) -> Vec<String> {
    let mut faults = Vec::new();
    // Prometheus' own, which every series has.
    let mut known: BTreeSet<&str> = ["instance", "job"].into();
    for name in named(query) {
        match series.get(&name) {
            Some(labels) => known.extend(labels.iter().map(String::as_str)),
            None => faults.push(format!("there is no series {name}")),
        }
    }
    let inside = |open: &str, close: char| -> Vec<String> {
        query.split(open).skip(1).map(|rest| rest.split(close).next().unwrap_or_default().to_owned()).collect()
    };
    let grouped = inside("by (", ')').into_iter().flat_map(|list| list.split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    let selected = inside("{", '}').into_iter().flat_map(|list| {
        let labels = list.split(',').map(|matcher| matcher.chars().take_while(|c| is_word(*c)).collect::<String>());
        labels.filter(|label| !label.is_empty()).collect::<Vec<_>>()
    });
    faults
        .extend(grouped.chain(selected).filter(|label| !known.contains(label.as_str())).map(|label| format!("there is no label {label}")));
    faults
}

#[test]
fn the_operators_guide_explains_every_metric_and_no_other() {
    let guide = text("docs/operations.md");
    let section = guide.split("\n## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
    assert_eq!(named(section), families());
}

#[test]
fn the_guide_to_dashboards_and_the_runbooks_name_metrics_that_exist() {
    let (mut texts, known) = (files("docs/runbooks", ".md"), series());
    texts.push(root().join("grafana/README.md"));
    for path in texts {
        let unknown: Vec<String> = named(&fs::read_to_string(&path).unwrap())
            .into_iter()
            .filter(|name| !known.contains_key(name) && !known.contains_key(&format!("{name}_count")))
            .collect();
        assert_eq!(unknown, Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn the_operators_guide_explains_every_event_and_no_other() {
    let guide = text("docs/operations.md");
    let section = guide.split("\n## Logs").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `event`"));
    let explained: BTreeSet<String> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    let mut logged = BTreeSet::new();
    let mut open = vec![root().join("src")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let code = fs::read_to_string(path).unwrap();
            logged.extend(code.split("event = \"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    assert_eq!(explained, logged);
}

#[test]
fn a_query_with_a_name_that_is_not_there_is_found_out() {
    let series = series();
    assert!(faults("sum by (le) (rate(sluss_request_duration_seconds_bucket[5m]))", &series).is_empty());
    assert_eq!(faults("sluss_request_total", &series), ["there is no series sluss_request_total"]);
    assert_eq!(faults("sum by (tenat) (sluss_jobs{sate=\"ready\"})", &series), ["there is no label tenat", "there is no label sate"]);
}
