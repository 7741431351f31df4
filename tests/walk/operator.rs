//! The operator: takes both tenants through the phases by the admin API of whichever gateway lives.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluss::admin::views::TenantView;
use sluss::client::HttpClient;
use sluss::migrate::cutover::{FlipOutcome, FlipReport};
use sluss::model::phase::Phase;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::support::customers::{ACME, Customer, GLOBEX};

/// There and back again.
pub const WALK: [Phase; 6] = [Phase::Shadow, Phase::Dual, Phase::Object, Phase::Dual, Phase::Shadow, Phase::Sql];

/// A guard may pass only after some copies, and whoever works for it may be killed; after this long it is not going to pass.
const PATIENCE: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub struct Operator {
    /// The admin APIs.
    gateways: Vec<HttpClient>,
    /// Held by whoever hides an object, and while objects are compared: one that is away then is a difference, and rightly so.
    pub in_sight: Arc<Mutex<()>>,
}

impl Operator {
    pub fn new(gateways: Vec<HttpClient>) -> Self {
        Self { gateways, in_sight: Arc::default() }
    }

    /// Both tenants at once, and not before every guard has passed.
    pub async fn go_to(&self, phase: Phase) {
        // Also into the phases in which the hider hides nothing: there an object may be compared.
        let _in_sight = self.in_sight.lock().await;
        tokio::join!(self.flip(&ACME, phase), self.flip(&GLOBEX, phase));
    }

    pub async fn show(&self, customer: &Customer) -> TenantView {
        self.ask(Method::GET, customer, "", None).await
    }

    async fn flip(&self, customer: &Customer, to: Phase) {
        let begun = Instant::now();
        loop {
            let report: FlipReport = self.ask(Method::POST, customer, "phase", Some(json!({ "to": to }))).await;
            match report.outcome {
                FlipOutcome::Flipped | FlipOutcome::AlreadyThere => return,
                FlipOutcome::WouldFlip | FlipOutcome::Blocked | FlipOutcome::Moved => {}
            }
            assert!(begun.elapsed() < PATIENCE, "{} does not come to {to}: {report:?}", customer.tenant);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Until a gateway answers with what was asked for: one may be dead, or die over it.
    async fn ask<T: DeserializeOwned>(&self, method: Method, customer: &Customer, what: &str, wish: Option<Value>) -> T {
        let path = format!("/admin/v1/tenants/{}/{what}", customer.tenant);
        let begun = Instant::now();
        for gateway in self.gateways.iter().cycle() {
            let answer = gateway.json(method.clone(), &path, wish.as_ref()).await;
            if let Ok((_, value)) = &answer
                && let Ok(answer) = serde_json::from_value(value.clone())
            {
                return answer;
            }
            assert!(begun.elapsed() < PATIENCE, "{method} {path}: {answer:?}");
            sleep(LOOK_EVERY).await;
        }
        unreachable!("there is at least one gateway")
    }
}
