//! `sluss jobs`: what is open, what failed for what, and another try.

use http::Method;
use serde_json::json;

use super::Exit;
use super::remote::{Remote, read, segment};
use crate::admin::views::{Counted, JobList, QuarantineReason, RetryWish};

impl Remote {
    pub(super) async fn list_jobs(&self, tenant: Option<&str>, state: Option<&str>, kind: Option<&str>) -> anyhow::Result<Exit> {
        let query = query(&[("tenant", tenant), ("state", state), ("kind", kind)]);
        let answer = self.ask(Method::GET, &format!("/admin/v1/jobs?{query}"), None).await?;
        if self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let list: JobList = read(answer)?;
        println!("{:<16} {:<10} {:<12} {:<12} {:>8}  DOCUMENT", "JOB", "KIND", "STATE", "PRIORITY", "FAILURES");
        for job in &list.jobs {
            let priority = serde_json::to_value(job.priority)?;
            let priority = priority.as_str().unwrap_or_default();
            println!(
                "{:<16} {:<10} {:<12} {priority:<12} {:>8}  {}",
                job.id,
                job.kind.label(),
                job.state.label(),
                job.failures,
                job.target
            );
            if let Some(reason) = &job.reason {
                println!("  {reason}");
            }
        }
        print_unknown(&list.unknown);
        if list.next.is_some() {
            println!("and more: name a tenant, a state or a kind");
        }
        Ok(Exit::Done)
    }

    pub(super) async fn list_reasons(&self, tenant: Option<&str>) -> anyhow::Result<Exit> {
        let answer = self.ask(Method::GET, &format!("/admin/v1/jobs/reasons?{}", query(&[("tenant", tenant)])), None).await?;
        if self.printed(&answer) {
            return Ok(Exit::Done);
        }
        let reasons: Vec<QuarantineReason> = read(answer)?;
        println!("{:>8} {:<20} {:<10} {:<20}  REASON", "JOBS", "TENANT", "KIND", "OLDEST");
        for QuarantineReason { tenant, kind, reason, jobs, oldest } in &reasons {
            println!("{jobs:>8} {tenant:<20} {:<10} {:<20}  {reason}", kind.label(), format!("{oldest:.0}"));
        }
        Ok(Exit::Done)
    }

    pub(super) async fn retry(&self, job: Option<&str>, wish: &RetryWish) -> anyhow::Result<Exit> {
        let answer = match job {
            Some(job) => self.ask(Method::POST, &format!("/admin/v1/jobs/{}/retry", segment(job)), None).await?,
            None => self.ask(Method::POST, "/admin/v1/jobs/retry", Some(json!(wish))).await?,
        };
        let printed = self.printed(&answer);
        let counted: Counted = read(answer)?;
        if !printed {
            println!("{} jobs are ready again", counted.jobs);
            print_unknown(&counted.unknown);
        }
        Ok(if counted.unknown.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let pairs = pairs.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={}", segment(value))));
    pairs.collect::<Vec<_>>().join("&")
}

fn print_unknown(unknown: &[String]) {
    for tenant in unknown {
        println!("left out, because its database does not answer: {tenant}");
    }
}
