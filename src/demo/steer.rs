//! Walks both tenants through the phases and back, by the admin API, as an operator would.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::show::Show;
use super::traffic::Traffic;
use crate::admin::views::TenantList;
use crate::client::HttpClient;
use crate::migrate::cutover::{FlipOutcome, FlipReport};
use crate::model::phase::Phase;

/// What an operator does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Flip(Phase),
    /// Without it nothing is sealed.
    Verify,
    /// Counts what may leave SQL.
    DryRun,
    Purge,
}

/// There and back again.
const WALK: [Step; 10] = [
    Step::Flip(Phase::Shadow),
    Step::Flip(Phase::Dual),
    Step::Flip(Phase::Object),
    Step::Verify,
    Step::Flip(Phase::Sealed),
    Step::DryRun,
    Step::Purge,
    Step::Flip(Phase::Dual),
    Step::Flip(Phase::Shadow),
    Step::Flip(Phase::Sql),
];

/// Each step's length where the demo has no end.
const STEP: Duration = Duration::from_secs(10);

const LINE_EVERY: Duration = Duration::from_secs(2);

/// Flips and prints until it is stopped. With an end in sight, the walk fits into the time.
pub(super) async fn walk(admin: HttpClient, traffic: Arc<Traffic>, show: Arc<Show>, lasts: Option<Duration>, stop: CancellationToken) {
    let step = lasts.map_or(STEP, |lasts| lasts / (WALK.len() as u32 + 1));
    let lines = async {
        loop {
            sleep(LINE_EVERY).await;
            if let Some(tenants) = tenants(&admin).await {
                show.line(&tenants, &traffic);
            }
        }
    };
    let flips = async {
        loop {
            for next in WALK {
                sleep(step).await;
                for tenant in ["acme", "globex"] {
                    match next {
                        Step::Flip(phase) => flip(&admin, &show, tenant, phase).await,
                        Step::Verify => ask(&admin, &show, tenant, "verify", json!({})).await,
                        Step::DryRun => ask(&admin, &show, tenant, "purge", json!({ "dry_run": true })).await,
                        Step::Purge => ask(&admin, &show, tenant, "purge", json!({ "dry_run": false })).await,
                    }
                }
            }
            if lasts.is_some() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = lines => {}
        () = flips => {}
        () = stop.cancelled() => {}
    }
}

async fn flip(admin: &HttpClient, show: &Show, tenant: &str, to: Phase) {
    let path = format!("/admin/v1/tenants/{tenant}/phase");
    match admin.json(Method::POST, &path, Some(&json!({ "to": to }))).await {
        Ok((_, answer)) => match serde_json::from_value::<FlipReport>(answer) {
            Ok(report) if report.outcome == FlipOutcome::Flipped => show.flipped(tenant, report.from, to),
            Ok(report) => show.note(&format!("{tenant} stays in {}: {:?}", report.from, report.guards)),
            Err(error) => show.note(&format!("a flip of {tenant} was not understood: {error}")),
        },
        Err(error) => show.note(&format!("{tenant} was not flipped: {error}")),
    }
}

async fn ask(admin: &HttpClient, show: &Show, tenant: &str, work: &str, wish: Value) {
    match admin.json(Method::POST, &format!("/admin/v1/tenants/{tenant}/{work}"), Some(&wish)).await {
        Ok((status, _)) if status.is_success() => show.note(&format!("  --- {tenant}: {work} {wish}")),
        Ok((_, answer)) => show.note(&format!("{tenant}: no {work}: {answer}")),
        Err(error) => show.note(&format!("{tenant}: no {work}: {error}")),
    }
}

async fn tenants(admin: &HttpClient) -> Option<TenantList> {
    let (_, answer) = admin.json(Method::GET, "/admin/v1/tenants", None).await.ok()?;
    serde_json::from_value(answer).ok()
}
