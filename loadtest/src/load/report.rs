//! A run's result as a table and as JSON, and whether it may count as passed.

use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::Checked;
use super::operation::Operation;
use super::plan::Plan;
use super::record::{Counts, Figures, Point};
use super::timetable::Happened;
use crate::seed::Manifest;

pub const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

/// Stands beside every table and chart of them.
pub const PERCENTILES_ARE: &str = "percentiles are of right answers alone: requests that failed, were wrong or were not sent are in none";

pub struct Report {
    pub manifest: Manifest,
    pub plan: Plan,
    pub point_seconds: f64,
    pub figures: Figures,
    pub events: Vec<Happened>,
    pub checked: Checked,
    /// CPU time and peak memory of the run's own Sluss.
    pub used: Option<(Duration, u64)>,
}

/// A percentile in milliseconds.
pub fn milliseconds(latency_us: &Histogram<u64>, percentile: f64) -> f64 {
    latency_us.value_at_percentile(percentile) as f64 / 1e3
}

/// What a failure is called: its status, or that there was no answer.
pub fn failure(status: u16) -> String {
    if status == 0 { "no answer".to_owned() } else { status.to_string() }
}

/// How a request can end, and what that is called in tables.
pub fn columns(counts: Counts) -> [(&'static str, u64); 6] {
    let Counts { right, failed, wrong, unsent, left_out } = counts;
    [("due", counts.due()), ("right", right), ("failed", failed), ("wrong", wrong), ("not sent", unsent), ("left out", left_out)]
}

impl Report {
    /// How many requests of an operation were due, whatever became of them.
    pub fn due(&self, operation: Operation) -> u64 {
        self.figures.counts.get(&operation).copied().unwrap_or_default().due()
    }

    pub fn print(&self) {
        println!("requests     {}", columns(Counts::default()).map(|(name, _)| format!("{name:>9}")).concat());
        let all = self.figures.all();
        let lines = self.figures.counts.iter().map(|(operation, counts)| (operation.label(), *counts)).chain([("all", all)]);
        for (name, counts) in lines {
            println!("{name:<12} {}", columns(counts).map(|(_, requests)| format!("{requests:>9}")).concat());
        }
        println!("left out: writes and deletes beside another one of the same document, or behind one without a clear answer\n");
        let names = PERCENTILES.map(|(name, _)| format!("{name:>9}")).concat();
        println!("{:<12} {:<9} {:>9} {:>9} {:>9} {names}", "right only", "from", "answers", "of due", "MB");
        for ((operation, from), served) in &self.figures.served {
            let percentiles = PERCENTILES.map(|(_, percentile)| format!("{:>9.2}", milliseconds(&served.latency_us, percentile)));
            let (name, answers, megabytes) = (operation.label(), served.latency_us.len(), served.bytes as f64 / 1e6);
            let due = self.due(*operation);
            println!("{name:<12} {from:<9} {answers:>9} {due:>9} {megabytes:>9.1} {}", percentiles.concat());
        }
        println!("{PERCENTILES_ARE}; in milliseconds, from the moment a request was due to its last byte");
        println!("the latest request was sent {:.1} ms after it was due\n", self.figures.sent_late.as_secs_f64() * 1e3);
        for ((operation, status), times) in &self.figures.failed {
            println!("{} failed {times} times: {}", operation.label(), failure(*status));
        }
        for event in &self.events {
            println!("{:>6.1} s  {} ({:.1} s)  {}", event.at, event.label, event.until - event.at, event.told());
        }
        if let Some((cpu, peak)) = self.used {
            println!("Sluss since its last start: {:.1} s of CPU time, {:.1} MB at its peak", cpu.as_secs_f64(), peak as f64 / 1e6);
        }
        self.figures.complaints.iter().chain(&self.checked.different).for_each(|complaint| println!("WRONG: {complaint}"));
        println!(
            "{} documents were changed and read again at the end: {} differ, {} could not be read",
            self.checked.documents,
            self.checked.different.len(),
            self.checked.unread
        );
    }

    pub fn json(&self) -> Value {
        let counted = |counts: Counts| {
            let Counts { right, failed, wrong, unsent, left_out } = counts;
            json!({ "due": counts.due(), "right": right, "failed": failed, "wrong": wrong, "unsent": unsent, "left_out": left_out })
        };
        let operation = |(operation, counts): (&Operation, &Counts)| json!({ "operation": operation, "requests": counted(*counts) });
        let served = |((operation, from), served): (&(Operation, &str), &super::record::Served)| {
            let latency = &served.latency_us;
            let percentiles: serde_json::Map<String, Value> =
                PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), json!(milliseconds(latency, *percentile)))).collect();
            json!({
                "operation": operation,
                "served_from": from,
                "right_answers": latency.len(),
                "requests_due_of_operation": self.due(*operation),
                "bytes": served.bytes,
                "right_answers_milliseconds": percentiles,
            })
        };
        let failed = |((operation, status), times): (&(Operation, u16), &u64)| json!({ "operation": operation, "reason": failure(*status), "times": times });
        let point = |(number, point): (usize, &Point)| {
            json!({
                "at": number as f64 * self.point_seconds,
                "right_answers": point.answered,
                "failed": point.failed,
                "wrong": point.wrong,
                "unsent": point.unsent,
                "right_answers_p50_ms": point.latency_ms(50.0),
                "right_answers_p99_ms": point.latency_ms(99.0),
            })
        };
        json!({
            "seeded": self.manifest,
            "plan": self.plan,
            "requests": counted(self.figures.all()),
            "operations": self.figures.counts.iter().map(operation).collect::<Vec<_>>(),
            "sent_late_max_ms": self.figures.sent_late.as_secs_f64() * 1e3,
            "complaints": self.figures.complaints,
            "served": self.figures.served.iter().map(served).collect::<Vec<_>>(),
            "failures": self.figures.failed.iter().map(failed).collect::<Vec<_>>(),
            "events": self.events,
            "checked": self.checked,
            "cpu_seconds": self.used.map(|(cpu, _)| cpu.as_secs_f64()),
            "peak_rss_bytes": self.used.map(|(_, peak)| peak),
            "points": self.figures.points.iter().enumerate().map(point).collect::<Vec<_>>(),
        })
    }

    /// An error: something was wrong, or lost, or the load was not the planned one. Failures are figures, not errors: a plan may ask for
    /// them.
    pub fn verdict(&self) -> anyhow::Result<()> {
        let (all, Checked { different, unread, .. }) = (self.figures.all(), &self.checked);
        let failed: Vec<&str> = self.events.iter().filter(|event| !event.problems.is_empty()).map(|event| event.label.as_str()).collect();
        let verdicts = [
            (all.wrong > 0, format!("{} answers were wrong", all.wrong)),
            (!different.is_empty(), format!("{} documents are not what was acknowledged", different.len())),
            (*unread > 0, format!("{unread} changed documents could not be read at the end")),
            (!failed.is_empty(), format!("events that did not come to a good end: {}", failed.join(", "))),
            (
                all.unsent > 0,
                format!("{} of {} requests were not sent: too many were in flight, or the run was over", all.unsent, all.due()),
            ),
        ];
        let found: Vec<String> = verdicts.into_iter().filter(|(is_so, _)| *is_so).map(|(_, verdict)| verdict).collect();
        ensure!(found.is_empty(), "{}", found.join("; "));
        Ok(())
    }
}
