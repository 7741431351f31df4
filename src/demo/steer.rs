//! Walks both tenants through the phases and back, by the admin API, as an operator would.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::show::Show;
use super::traffic::Traffic;
use crate::admin::views::TenantList;
use crate::client::HttpClient;
use crate::migrate::cutover::{FlipOutcome, FlipReport};
use crate::model::phase::Phase;

/// There and back again.
const WALK: [Phase; 6] = [Phase::Shadow, Phase::Dual, Phase::Object, Phase::Dual, Phase::Shadow, Phase::Sql];

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
        for phase in WALK.into_iter().cycle() {
            sleep(step).await;
            for tenant in ["acme", "globex"] {
                flip(&admin, &show, tenant, phase).await;
            }
            if lasts.is_some() && phase == Phase::Sql {
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

async fn tenants(admin: &HttpClient) -> Option<TenantList> {
    let (_, answer) = admin.json(Method::GET, "/admin/v1/tenants", None).await.ok()?;
    serde_json::from_value(answer).ok()
}
