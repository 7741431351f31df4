//! A run's result as a page of its own: nothing is loaded from elsewhere, and it follows the reader's theme.

use std::fmt::Write;

use super::chart::{Chart, Scale, Series, escaped, number, round_step};
use super::operation::Operation;
use super::record::Point;
use super::report::{PERCENTILES, PERCENTILES_ARE, Report, columns, failure, milliseconds};
use super::timetable::Happened;

const STYLE: &str = "
:root { color-scheme: light dark; --surface: #fcfcfb; --ink: #1c1c1a; --quiet: #63625d; --grid: #e4e3de; --mark: #9a9992;
  --sql: #2a78d6; --object: #1baf7a; --cache: #eda100; --other: #7a6bd1; --failed: #d03b3b; --unsent: #8a4b08; --median: #2a78d6; --high: #eda100; --most: #d03b3b; }
@media (prefers-color-scheme: dark) { :root { --surface: #1a1a19; --ink: #f2f1ec; --quiet: #a5a49d; --grid: #343431; --mark: #77766f;
  --sql: #3987e5; --object: #199e70; --cache: #c98500; --other: #9085e9; --failed: #e66767; --unsent: #d99a55; --median: #3987e5; --high: #c98500;
  --most: #e66767; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1040px; background: var(--surface); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 0 0 4px; } p { margin: 0 0 16px; color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 16px 0 24px; }
.tiles div { border: 1px solid var(--grid); border-radius: 8px; padding: 10px 12px; }
.tiles b { display: block; font-size: 22px; font-weight: 600; } .tiles .bad b { color: var(--failed); }
figure { margin: 0 0 28px; } figcaption { font-weight: 600; } small { color: var(--quiet); font-weight: 400; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--grid); } line.mark { stroke: var(--mark); stroke-dasharray: 3 3; } svg text.mark { fill: var(--ink); font-size: 11px; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; padding-left: 64px; color: var(--quiet); font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin-bottom: 28px; }
th, td { text-align: right; padding: 5px 8px; border-bottom: 1px solid var(--grid); } th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
caption { text-align: left; font-weight: 600; padding: 5px 0; } td.bad { color: var(--failed); }
.wide { overflow-x: auto; }
";

pub fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sluss under load</title><style>{STYLE}</style><h1>Sluss under load</h1>"
    );
    let (seeded, plan) = (&report.manifest, &report.plan);
    let _ = write!(
        page,
        "<p>{} documents of {} tenants, sizes {}; {} s, arrivals {:?}. Latency counts from the moment a request was due; {PERCENTILES_ARE}.</p>",
        seeded.tenants * seeded.documents,
        seeded.tenants,
        escaped(&seeded.contents.sizes.to_string()),
        number(plan.seconds),
        plan.arrivals
    );
    page.push_str(&tiles(report));
    page.push_str(&throughput(report).svg());
    page.push_str(&latency(report).svg());
    page.push_str(&percentiles(report).svg());
    page.push_str(&requests(report));
    page.push_str(&latencies(report));
    page.push_str(&failures(report));
    page.push_str(&events(&report.events));
    page.push_str("</html>\n");
    page
}

fn tiles(report: &Report) -> String {
    let all = report.figures.all();
    let wrong = all.wrong + report.checked.different.len() as u64 + report.checked.unread;
    let seconds = report.plan.seconds;
    let mut tiles = vec![
        ("right answers a second", number((all.right as f64 / seconds).round()), ""),
        ("requests were due", all.due().to_string(), ""),
        ("right answers", all.right.to_string(), ""),
        ("wrong or lost", wrong.to_string(), if wrong > 0 { "bad" } else { "" }),
        ("failed requests", all.failed.to_string(), ""),
        ("not sent", all.unsent.to_string(), if all.unsent > 0 { "bad" } else { "" }),
        ("changed, read again", report.checked.documents.to_string(), ""),
    ];
    if let Some((cpu, peak)) = report.used {
        tiles.push(("CPU s since last start", format!("{:.1}", cpu.as_secs_f64()), ""));
        tiles.push(("peak memory", format!("{:.0} MB", peak as f64 / 1e6), ""));
    }
    let tiles: String = tiles.iter().map(|(name, value, class)| format!("<div class=\"{class}\"><b>{value}</b>{name}</div>")).collect();
    format!("<div class=\"tiles\">{tiles}</div>")
}

impl Report {
    fn over_time(&self, name: &str, colour: &'static str, value: impl Fn(&Point) -> Option<f64>) -> Series {
        let points = self.figures.points.iter().enumerate();
        let points = points.filter_map(|(number, point)| Some((number as f64 * self.point_seconds, value(point)?))).collect();
        Series { name: name.to_owned(), colour, points }
    }

    fn seconds(&self) -> Vec<(f64, String)> {
        let end = (self.figures.points.len() as f64 * self.point_seconds).max(self.plan.seconds);
        let step = round_step(end / 8.0);
        let mut ticks: Vec<(f64, String)> =
            (0..).map(|tick| f64::from(tick) * step).take_while(|at| *at < end - step / 2.0).map(seconds).collect();
        ticks.push(seconds(end));
        ticks
    }

    fn marks(&self) -> Vec<(f64, String)> {
        self.events.iter().map(|event| (event.at, event.label.clone())).collect()
    }
}

fn seconds(at: f64) -> (f64, String) {
    (at, format!("{} s", number(at)))
}

fn throughput(report: &Report) -> Chart<'static> {
    let held =
        |name: &'static str| move |point: &Point| Some(point.answered.get(name).copied().unwrap_or_default() as f64 / report.point_seconds);
    let series = vec![
        report.over_time("from SQL", "sql", held("sql")),
        report.over_time("from the object store", "object", held("object")),
        report.over_time("from the cache", "cache", held("cache")),
        report.over_time("writes, deletes and lists", "other", held("-")),
        report.over_time("failed", "failed", |point| Some(point.failed as f64 / report.point_seconds)),
        report.over_time("not sent", "unsent", |point| Some(point.unsent as f64 / report.point_seconds)),
    ];
    let (ticks, marks) = (report.seconds(), report.marks());
    Chart { title: "Answers by who had the content", unit: "a second", scale: Scale::FromZero, ticks, series, marks }
}

fn latency(report: &Report) -> Chart<'static> {
    let series = vec![
        report.over_time("median", "median", |point| point.latency_ms(50.0)),
        report.over_time("99th percentile", "high", |point| point.latency_ms(99.0)),
        report.over_time("longest", "most", |point| point.latency_ms(100.0)),
    ];
    let (ticks, marks) = (report.seconds(), report.marks());
    Chart { title: "Latency of all right answers", unit: "milliseconds", scale: Scale::Logarithmic, ticks, series, marks }
}

/// Towards the right each step leaves out nine tenths of what is left, as HdrHistogram's own charts have it.
fn percentiles(report: &Report) -> Chart<'static> {
    let ticks: Vec<(f64, String)> =
        [0.0, 90.0, 99.0, 99.9, 99.99].into_iter().map(|percentile| (nines(percentile), format!("{percentile} %"))).collect();
    // The others are in the table: more lines than these nobody can tell apart.
    let drawn = report.figures.served.iter().filter_map(|((operation, from), served)| {
        let (name, colour) = match (operation, *from) {
            (Operation::Read, "sql") => ("read from SQL", "sql"),
            (Operation::Read, "object") => ("read from the object store", "object"),
            (Operation::Read, "cache") => ("read from the cache", "cache"),
            (Operation::Write, _) => ("write", "other"),
            (Operation::Read | Operation::Range | Operation::Conditional | Operation::List | Operation::Delete, _) => return None,
        };
        Some((name, colour, served))
    });
    let series = drawn.map(|(name, colour, served)| {
        let most = nines(99.99).min((served.latency_us.len() as f64).log10());
        let steps = (0..=40).map(|step| f64::from(step) / 40.0 * most);
        let points = steps.map(|nines| (nines, milliseconds(&served.latency_us, 100.0 * (1.0 - 10_f64.powf(-nines))))).collect();
        Series { name: name.to_owned(), colour, points }
    });
    Chart {
        title: "Latency by share of right answers",
        unit: "milliseconds",
        scale: Scale::Logarithmic,
        ticks,
        series: series.collect(),
        marks: Vec::new(),
    }
}

fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

/// A table that is wider than a small screen moves by itself.
fn table(caption: &str, heads: &str, rows: &str) -> String {
    format!("<div class=\"wide\"><table><caption>{caption}</caption><tr>{heads}</tr>{rows}</table></div>")
}

fn requests(report: &Report) -> String {
    let all = report.figures.all();
    let heads = columns(all).map(|(name, _)| format!("<th>{name}</th>")).concat();
    let mut rows = String::new();
    let lines = report.figures.counts.iter().map(|(operation, counts)| (operation.label(), *counts)).chain([("all", all)]);
    for (name, counts) in lines {
        let _ = write!(rows, "<tr><td>{name}</td><td></td>{}</tr>", columns(counts).map(|(_, count)| format!("<td>{count}</td>")).concat());
    }
    table("What became of the requests that were due", &format!("<th>operation</th><th></th>{heads}"), &rows)
}

fn latencies(report: &Report) -> String {
    let heads = PERCENTILES.map(|(name, _)| format!("<th>{name} ms</th>")).concat();
    let mut rows = String::new();
    for ((operation, from), served) in &report.figures.served {
        let cells = PERCENTILES.map(|(_, percentile)| format!("<td>{:.2}</td>", milliseconds(&served.latency_us, percentile))).concat();
        let (label, answers, megabytes) = (operation.label(), served.latency_us.len(), served.bytes as f64 / 1e6);
        let due = report.due(*operation);
        let _ = write!(rows, "<tr><td>{label}</td><td>{from}</td><td>{answers}</td><td>{due}</td><td>{megabytes:.1}</td>{cells}</tr>");
    }
    let heads = format!("<th>operation</th><th>from</th><th>right answers</th><th>of due</th><th>MB</th>{heads}");
    table(&format!("Latency; {PERCENTILES_ARE}"), &heads, &rows)
}

fn failures(report: &Report) -> String {
    if report.figures.failed.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for ((operation, status), times) in &report.figures.failed {
        let _ = write!(rows, "<tr><td>{}</td><td>{}</td><td>{times}</td></tr>", operation.label(), failure(*status));
    }
    table("Requests that failed", "<th>operation</th><th>why</th><th>times</th>", &rows)
}

fn events(events: &[Happened]) -> String {
    if events.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for event in events {
        let (label, told, lasted) = (escaped(&event.label), escaped(&event.told()), event.until - event.at);
        let class = if event.problems.is_empty() { "" } else { " class=\"bad\"" };
        let _ = write!(rows, "<tr><td>{label}</td><td{class}>{told}</td><td>{:.1}</td><td>{lasted:.1}</td></tr>", event.at);
    }
    table("What happened meanwhile", "<th>event</th><th>found</th><th>at, s</th><th>lasted, s</th>", &rows)
}
