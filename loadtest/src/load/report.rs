//! A run's result as a table and as JSON, and whether it may count as passed.

use std::time::Duration;

use anyhow::ensure;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::Checked;
use super::operation::Operation;
use super::plan::Plan;
use super::record::{Figures, Point};
use super::timetable::Happened;
use crate::seed::Manifest;

pub const PERCENTILES: [(&str, f64); 5] = [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0)];

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

impl Report {
    pub fn right(&self) -> u64 {
        self.figures.served.values().map(|served| served.latency_us.len()).sum()
    }

    pub fn failed(&self) -> u64 {
        self.figures.failed.values().sum::<u64>() + self.figures.unsent
    }

    pub fn print(&self) {
        println!("{:<12} {:<9} {:>9} {:>9} {}", "", "from", "answers", "MB", PERCENTILES.map(|(name, _)| format!("{name:>9}")).concat());
        for ((operation, from), served) in &self.figures.served {
            let percentiles = PERCENTILES.map(|(_, percentile)| format!("{:>9.2}", milliseconds(&served.latency_us, percentile)));
            let (name, answers, megabytes) = (operation.label(), served.latency_us.len(), served.bytes as f64 / 1e6);
            println!("{name:<12} {from:<9} {answers:>9} {megabytes:>9.1} {}", percentiles.concat());
        }
        println!("latencies in milliseconds, from the moment a request was due to its last byte\n");
        for ((operation, status), times) in &self.figures.failed {
            println!("{} failed {times} times: {}", operation.label(), failure(*status));
        }
        for event in &self.events {
            println!("{:>6.1} s  {} ({:.1} s){}", event.at, event.label, event.until - event.at, problem(event));
        }
        if let Some((cpu, peak)) = self.used {
            println!("Sluss since its last start: {:.1} s of CPU time, {:.1} MB at its peak", cpu.as_secs_f64(), peak as f64 / 1e6);
        }
        self.figures.complaints.iter().chain(&self.checked.different).for_each(|complaint| println!("WRONG: {complaint}"));
        println!(
            "{} answers were as they must be, {} failed ({} not sent), {} were wrong; {} writes and deletes were left out because another \
             was under way;\n{} documents were changed and read again at the end: {} differ, {} could not be read",
            self.right(),
            self.failed(),
            self.figures.unsent,
            self.figures.wrong,
            self.figures.skipped,
            self.checked.documents,
            self.checked.different.len(),
            self.checked.unread
        );
    }

    pub fn json(&self) -> Value {
        let served = |((operation, from), served): (&(Operation, &str), &super::record::Served)| {
            let latency = &served.latency_us;
            let percentiles: serde_json::Map<String, Value> =
                PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), json!(milliseconds(latency, *percentile)))).collect();
            json!({ "operation": operation, "served_from": from, "answers": latency.len(), "bytes": served.bytes, "milliseconds": percentiles })
        };
        let failed = |((operation, status), times): (&(Operation, u16), &u64)| json!({ "operation": operation, "reason": failure(*status), "times": times });
        let point = |(number, point): (usize, &Point)| {
            json!({
                "at": number as f64 * self.point_seconds,
                "answered": point.answered,
                "failed": point.failed,
                "wrong": point.wrong,
                "p50_ms": point.latency_ms(50.0),
                "p99_ms": point.latency_ms(99.0),
            })
        };
        json!({
            "seeded": self.manifest,
            "plan": self.plan,
            "right": self.right(),
            "failed": self.failed(),
            "unsent": self.figures.unsent,
            "wrong": self.figures.wrong,
            "skipped": self.figures.skipped,
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

    /// An error: something was wrong, or lost. Failures are figures, not errors: a plan may ask for them.
    pub fn verdict(&self) -> anyhow::Result<()> {
        let Checked { different, unread, .. } = &self.checked;
        ensure!(self.figures.wrong == 0, "{} answers were wrong", self.figures.wrong);
        ensure!(different.is_empty(), "{} documents are not what was acknowledged", different.len());
        ensure!(*unread == 0, "{unread} changed documents could not be read at the end");
        let failed: Vec<&str> = self.events.iter().filter(|event| event.problem.is_some()).map(|event| event.label.as_str()).collect();
        ensure!(failed.is_empty(), "events that did not happen: {}", failed.join(", "));
        Ok(())
    }
}

fn problem(event: &Happened) -> String {
    event.problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"))
}
