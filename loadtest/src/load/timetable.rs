//! Carries out a plan's events at their times, each as a task of its own: one that takes long keeps no other waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::plan::{Event, Plan, What, is_meant};
use super::target::Target;
use crate::seed::Manifest;

/// An event as it happened. It is over when what it asked for is done, a verification when it has come to its end.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Happened {
    pub at: f64,
    pub until: f64,
    pub label: String,
    /// What a verification found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl Happened {
    /// Verdicts and problems.
    pub fn told(&self) -> String {
        self.verdicts.iter().chain(&self.problems).map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// Ends when the last one has.
pub async fn run(plan: &Plan, manifest: &Manifest, target: Arc<Target>, begun: Instant) -> Vec<Happened> {
    let tenants: Vec<String> = (0..manifest.tenants as usize).map(|tenant| manifest.tenant(tenant)).collect();
    let each = plan.events.iter().map(|event| {
        let (target, tenants) = (Arc::clone(&target), &tenants);
        async move {
            sleep_until(begun + Duration::from_secs_f64(event.at)).await;
            let at = begun.elapsed().as_secs_f64();
            eprintln!("  --- {}", event.label());
            let mut happened = Happened { at, until: at, label: event.label(), verdicts: Vec::new(), problems: Vec::new() };
            carry_out(event, tenants, &target, &mut happened).await;
            happened.until = begun.elapsed().as_secs_f64();
            for problem in &happened.problems {
                eprintln!("  {}: {problem}", happened.label);
            }
            happened
        }
    });
    futures_util::future::join_all(each).await
}

/// For each tenant that is meant: what goes wrong with one keeps no other from it.
async fn carry_out(event: &Event, tenants: &[String], target: &Target, happened: &mut Happened) {
    let meant = |named: &str| tenants.iter().filter(|tenant| is_meant(named, tenant)).cloned().collect::<Vec<String>>();
    match &event.what {
        What::Flip { tenant, to } => {
            for tenant in meant(tenant) {
                happened.note(target.flip(&tenant, *to).await);
            }
        }
        What::Verify { tenant } => verify(target, meant(tenant), happened).await,
        What::Kill { down } => happened.note(target.kill(Duration::from_secs_f64(*down)).await),
        What::StoreDown { down } => happened.note(target.cut_store(Duration::from_secs_f64(*down)).await),
    }
}

/// All of them at once.
async fn verify(target: &Target, tenants: Vec<String>, happened: &mut Happened) {
    let mut begun = Vec::new();
    for tenant in tenants {
        match target.begin_verification(&tenant).await {
            Ok(number) => begun.push((tenant, number)),
            Err(error) => happened.note(Err(error)),
        }
    }
    for (tenant, number) in begun {
        match target.verified(&tenant, number).await {
            Ok(verdict) if verdict.is_clean() => happened.verdicts.push(format!("{tenant}: {verdict}")),
            Ok(verdict) => happened.problems.push(format!("{tenant}: {verdict}")),
            Err(error) => happened.note(Err(error)),
        }
    }
}

impl Happened {
    fn note(&mut self, done: anyhow::Result<()>) {
        self.problems.extend(done.err().map(|error| format!("{error:#}")));
    }
}
