//! Carries out a plan's events at their times, each as a task of its own: one that takes long keeps no other waiting.

use std::sync::Arc;
use std::time::Duration;

use sluss::model::phase::Phase;
use tokio::time::{Instant, sleep_until};

use super::plan::{Event, Plan, What};
use super::target::Target;
use crate::seed::Manifest;

/// An event as it happened.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Happened {
    pub at: f64,
    pub until: f64,
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Ends when the last one has.
pub async fn run(plan: &Plan, manifest: &Manifest, target: Arc<Target>, begun: Instant) -> Vec<Happened> {
    let tenants: Vec<String> = (0..manifest.tenants as usize).map(|tenant| manifest.tenant(tenant)).collect();
    let each = plan.events.iter().map(|event| {
        let (target, tenants) = (Arc::clone(&target), &tenants);
        async move {
            sleep_until(begun + Duration::from_secs_f64(event.at.max(0.0))).await;
            let at = begun.elapsed().as_secs_f64();
            let problem = carry_out(event, tenants, &target).await.err().map(|error| format!("{error:#}"));
            if let Some(problem) = &problem {
                eprintln!("  {}: {problem}", event.label());
            }
            Happened { at, until: begun.elapsed().as_secs_f64(), label: event.label(), problem }
        }
    });
    futures_util::future::join_all(each).await
}

async fn carry_out(event: &Event, tenants: &[String], target: &Target) -> anyhow::Result<()> {
    eprintln!("  --- {}", event.label());
    let meant = |wanted: &str| tenants.iter().filter(|tenant| wanted == "*" || wanted == *tenant).cloned().collect::<Vec<String>>();
    match &event.what {
        What::Flip { tenant, to } => flip(target, meant(tenant), *to).await,
        What::Verify { tenant } => {
            for tenant in meant(tenant) {
                target.verify(&tenant).await?;
            }
            Ok(())
        }
        What::Kill { down } => target.kill(Duration::from_secs_f64(*down)).await,
        What::StoreDown { down } => target.cut_store(Duration::from_secs_f64(*down)).await,
    }
}

async fn flip(target: &Target, tenants: Vec<String>, to: Phase) -> anyhow::Result<()> {
    anyhow::ensure!(!tenants.is_empty(), "there is no such tenant");
    for tenant in tenants {
        target.flip(&tenant, to).await?;
    }
    Ok(())
}
