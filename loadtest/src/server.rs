//! A `sluss serve` on a configuration that was seeded, in a process of its own. It ends with this value.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use http::{Method, StatusCode};
use serde_json::json;
use sluss::client::HttpClient;
use sluss::config::Config;
use sluss::model::phase::Phase;
use tokio::time::{Instant, sleep};

use crate::cpu;
use crate::program;

/// Many tenants of many rows are looked at before the first answer.
const START: Duration = Duration::from_secs(120);

/// For a flip that compares a sample, and for tables of ten million rows.
const PATIENCE: Duration = Duration::from_secs(600);

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Server {
    config: PathBuf,
    child: Child,
    pub documents: SocketAddr,
    pub admin: HttpClient,
}

impl Server {
    /// Makes what `sluss` needs beside the customer's tables, and answers how long that took.
    pub fn init(config: &Path) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        ensure!(command(config, "init")?.status()?.success(), "sluss init failed; see {}", log(config).display());
        Ok(begun.elapsed())
    }

    /// Starts it, and waits for its first answer.
    pub async fn start(config: &Path) -> anyhow::Result<Self> {
        let read = Config::load(config).map_err(|problems| anyhow!("{problems}"))?;
        let child = command(config, "serve")?.spawn().context("start sluss serve")?;
        let admin = HttpClient::new(format!("http://{}", read.listeners.admin).parse()?, None)?.with_patience(PATIENCE);
        let mut server = Self { config: config.to_owned(), child, documents: read.listeners.documents, admin };
        let begun = Instant::now();
        while !server.is_ready().await {
            let ended = server.child.try_wait()?;
            let log = log(config);
            ensure!(ended.is_none() && begun.elapsed() < START, "sluss serve did not start; see {}", log.display());
            sleep(LOOK_EVERY).await;
        }
        Ok(server)
    }

    async fn is_ready(&self) -> bool {
        self.admin.json(Method::GET, "/admin/v1/tenants", None).await.is_ok_and(|(status, _)| status == StatusCode::OK)
    }

    /// As the machine's failure does: nothing is given back, nothing is said.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Anew, on the same configuration.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let new = Self::start(&self.config).await?;
        *self = new;
        Ok(())
    }

    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu::of(&self.child.id().to_string())
    }

    /// A line of the process's status that counts memory, such as `VmHWM`, which is its peak.
    pub fn memory(&self, line: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).context("read the server's status")?;
        let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':')).context("the kernel tells no memory")?;
        Ok(found.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
    }

    pub async fn flip(&self, tenant: &str, to: Phase) -> anyhow::Result<()> {
        let path = format!("/admin/v1/tenants/{tenant}/phase");
        let (status, report) = self.admin.json(Method::POST, &path, Some(&json!({ "to": to }))).await?;
        ensure!(status == StatusCode::OK, "the flip of {tenant} to {to} was refused: {report}");
        Ok(())
    }

    pub async fn metrics(&self) -> anyhow::Result<String> {
        let answer = self.admin.request(Method::GET, "/metrics", http::HeaderMap::new(), sluss::body::empty()).await?;
        ensure!(answer.status == StatusCode::OK, "GET /metrics was answered {}", answer.status);
        Ok(String::from_utf8(answer.bytes(16 << 20).await?.to_vec())?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(config: &Path) -> PathBuf {
    config.with_file_name("sluss.log")
}

fn command(config: &Path, subcommand: &str) -> anyhow::Result<Command> {
    let log = File::options().create(true).append(true).open(log(config))?;
    let mut command = Command::new(program::beside("sluss")?);
    command.arg("--config").arg(config).arg(subcommand).env("SLUSS_LOG", "warn");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// The sum of all series of a family in the text format whose labels hold each of these.
pub fn total(metrics: &str, family: &str, labels: &[&str]) -> f64 {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(family));
    let lines = lines.filter(|rest| rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label)));
    lines.filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_summed_over_the_series_that_have_the_labels() {
        let text = "# HELP a b\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"1\",y=\"3\"} 4.5\na_total_other 9\na_total{x=\"2\"} 1\n";
        assert_eq!(total(text, "a_total", &["x=\"1\""]), 7.5);
        assert_eq!(total(text, "a_total", &[]), 8.5);
    }
}
