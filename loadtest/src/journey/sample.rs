//! What is measured of a step while it is under way, and at its end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::server::{Server, total};

/// Calls of the stores whose mean time is recorded: it must not grow with the number of rows.
const CALLS: [(&str, &str); 6] =
    [("sqlite", "row"), ("sqlite", "record_upload"), ("sqlite", "commit"), ("sqlite", "sweep_page"), ("disk", "put"), ("disk", "get")];

pub(super) struct Recorder<'a> {
    step: &'static str,
    server: &'a Server,
    folder: PathBuf,
    first: Look,
    last: Look,
}

/// Counters at a moment.
struct Look {
    at: Instant,
    cpu: Duration,
    /// Done in the step: copied, or verified.
    documents: f64,
    bytes: f64,
    /// Seconds and number of each of `CALLS`.
    calls: Vec<(f64, f64)>,
}

impl<'a> Recorder<'a> {
    pub(super) async fn begin(step: &'static str, server: &'a Server, folder: &Path) -> anyhow::Result<Self> {
        let (first, last) = (Look::at(step, server).await?, Look::at(step, server).await?);
        Ok(Self { step, server, folder: folder.to_owned(), first, last })
    }

    pub(super) fn since_last(&self) -> Duration {
        self.last.at.elapsed()
    }

    /// A line of what was done since the last one, or, at the end, since the step began.
    pub(super) async fn point(&mut self, is_end: bool) -> anyhow::Result<Value> {
        let now = Look::at(self.step, self.server).await?;
        let from = if is_end { &self.first } else { &self.last };
        let seconds = (now.at - from.at).as_secs_f64();
        let (documents, cpu) = (now.documents - from.documents, (now.cpu - from.cpu).as_secs_f64());
        let mean = |((later, now), (sooner, before)): (&(f64, f64), &(f64, f64))| {
            if now > before { json!(((later - sooner) / (now - before) * 1e6).round()) } else { Value::Null }
        };
        let means = CALLS.iter().zip(now.calls.iter().zip(&from.calls)).map(|((_, call), pair)| ((*call).to_owned(), mean(pair)));
        let line = json!({
            "step": self.step,
            "end": is_end,
            "at_seconds": (now.at - self.first.at).as_secs_f64().round(),
            "seconds": seconds,
            "documents": documents,
            "documents_in_all": now.documents - self.first.documents,
            "documents_per_second": (documents / seconds).round(),
            "bytes_per_second": ((now.bytes - from.bytes) / seconds).round(),
            "cpu_seconds": cpu,
            "cpu_us_per_document": if documents > 0.0 { json!((cpu * 1e6 / documents).round()) } else { Value::Null },
            "cpu_seconds_in_all": now.cpu.as_secs_f64(),
            "rss_bytes": self.server.memory("VmRSS")?,
            "peak_rss_bytes": self.server.memory("VmHWM")?,
            "database_bytes": databases(&self.folder)?,
            "folder_disk_bytes": used(&self.folder)?,
            "objects_disk_bytes": used(&self.folder.join("objects"))?,
            "mean_us": means.collect::<serde_json::Map<_, _>>(),
            "load_1m": std::fs::read_to_string("/proc/loadavg")?.split(' ').next().and_then(|load| load.parse::<f64>().ok()),
        });
        self.last = now;
        Ok(line)
    }
}

impl Look {
    async fn at(step: &str, server: &Server) -> anyhow::Result<Self> {
        let metrics = server.metrics().await?;
        let family = if step == "verify" { "sluss_verified" } else { "sluss_copied" };
        let call = |(store, operation): &(&str, &str)| {
            let labels = [format!("store=\"{store}\""), format!("operation=\"{operation}\"")];
            let labels = labels.each_ref().map(String::as_str);
            let sum = |what| total(&metrics, &format!("sluss_store_operation_duration_seconds_{what}"), &labels);
            (sum("sum"), sum("count"))
        };
        Ok(Self {
            at: Instant::now(),
            cpu: server.cpu()?,
            documents: total(&metrics, &format!("{family}_documents_total"), &[]),
            bytes: total(&metrics, &format!("{family}_bytes_total"), &[]),
            calls: CALLS.iter().map(call).collect(),
        })
    }
}

/// As long as the files say they are.
fn databases(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(".db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// Of the whole file system that a folder lies on: where it has one of its own, that is what its files take.
fn used(folder: &Path) -> anyhow::Result<u64> {
    let output = Command::new("df").args(["--block-size=1", "--output=used"]).arg(folder).output().context("ask df")?;
    let text = String::from_utf8(output.stdout)?;
    text.lines().nth(1).and_then(|line| line.trim().parse().ok()).context("df tells no number")
}
