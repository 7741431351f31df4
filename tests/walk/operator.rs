//! The operator: takes both tenants through the phases by the admin API of whichever gateway lives, and purges them in `sealed`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sluss::admin::purge::{PurgeAnswer, PurgeList};
use sluss::admin::verification::{Begun, Verifications};
use sluss::admin::views::TenantView;
use sluss::client::HttpClient;
use sluss::migrate::cutover::{FlipOutcome, FlipReport};
use sluss::model::phase::Phase;
use sluss::model::purge::PurgeRun;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

use crate::support::customers::{ACME, Customer, GLOBEX};

/// There and back again; from `sealed` as far back at once as SQL gets every write.
pub const WALK: [Phase; 7] = [Phase::Shadow, Phase::Dual, Phase::Object, Phase::Sealed, Phase::Dual, Phase::Shadow, Phase::Sql];

/// A guard may pass only after some copies, and whoever works for it may be killed; after this long it is not going to pass.
const PATIENCE: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What was reached with one tenant so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached {
    pub sealed: u64,
    /// Documents whose content has left SQL, as the purges' own figures say.
    pub purged: u64,
}

pub struct Operator {
    /// The admin APIs.
    gateways: Vec<HttpClient>,
    /// Held by whoever hides an object, and while objects are compared: one that is away then is a difference, and rightly so.
    pub in_sight: Arc<Mutex<()>>,
    /// Told whenever the agents were given something to verify or to purge.
    pub asked: Notify,
    reached: Mutex<BTreeMap<&'static str, Reached>>,
}

impl Operator {
    pub fn new(gateways: Vec<HttpClient>) -> Self {
        Self { gateways, in_sight: Arc::default(), asked: Notify::new(), reached: Mutex::default() }
    }

    /// Both tenants at once, and not before every guard has passed.
    pub async fn go_to(&self, phase: Phase) {
        // Also into the phases in which the hider hides nothing: there an object may be compared, or become the only holder.
        let in_sight = self.in_sight.lock().await;
        tokio::join!(self.flip(&ACME, phase), self.flip(&GLOBEX, phase));
        drop(in_sight);
        if phase == Phase::Sealed {
            tokio::join!(self.purge(&ACME), self.purge(&GLOBEX));
        }
    }

    pub async fn show(&self, customer: &Customer) -> TenantView {
        self.ask(Method::GET, customer, "", None).await
    }

    pub async fn reached(&self) -> BTreeMap<&'static str, Reached> {
        self.reached.lock().await.clone()
    }

    async fn flip(&self, customer: &Customer, to: Phase) {
        let begun = Instant::now();
        loop {
            if to == Phase::Sealed {
                self.verify(customer).await;
            }
            let report: FlipReport = self.ask(Method::POST, customer, "phase", Some(json!({ "to": to }))).await;
            match report.outcome {
                FlipOutcome::Flipped | FlipOutcome::AlreadyThere => break,
                FlipOutcome::WouldFlip | FlipOutcome::Blocked | FlipOutcome::Moved => {}
            }
            assert!(begun.elapsed() < PATIENCE, "{} does not come to {to}: {report:?}", customer.tenant);
            sleep(LOOK_EVERY).await;
        }
        if to == Phase::Sealed {
            self.reached.lock().await.entry(customer.tenant).or_default().sealed += 1;
        }
    }

    /// Waits until every document was looked at; what was found is for the guard to judge.
    async fn verify(&self, customer: &Customer) {
        let begun = Instant::now();
        let Begun { number, .. } = self.ask(Method::POST, customer, "verify", Some(json!({}))).await;
        self.asked.notify_one();
        loop {
            let seen: Verifications = self.ask(Method::GET, customer, "verification", None).await;
            if seen.progress.is_none() && seen.runs.iter().all(|run| run.number >= number) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "the verification of {} does not end: {seen:?}", customer.tenant);
            sleep(LOOK_EVERY).await;
        }
    }

    async fn purge(&self, customer: &Customer) {
        self.purge_once(customer, true).await;
        let runs = self.purge_once(customer, false).await;
        let purged: u64 = runs.iter().map(|run| run.figures.documents).sum();
        self.reached.lock().await.entry(customer.tenant).or_default().purged += purged;
    }

    /// A gateway that was killed may have begun it all the same, and then a second wish is refused: what counts is the run that has ended.
    async fn purge_once(&self, customer: &Customer, dry_run: bool) -> Vec<PurgeRun> {
        let begun = Instant::now();
        loop {
            let answer: PurgeAnswer = self.ask(Method::POST, customer, "purge", Some(json!({ "dry_run": dry_run }))).await;
            self.asked.notify_one();
            let runs = self.ended_purge(customer).await;
            if runs.iter().all(|run| run.dry_run == dry_run && run.stopped.is_none()) {
                return runs;
            }
            assert!(begun.elapsed() < PATIENCE, "{} is not purged: {answer:?}, {runs:?}", customer.tenant);
        }
    }

    async fn ended_purge(&self, customer: &Customer) -> Vec<PurgeRun> {
        let begun = Instant::now();
        loop {
            let PurgeList { runs, .. } = self.ask(Method::GET, customer, "purge", None).await;
            if runs.iter().all(|run| run.ended_at.is_some()) {
                return runs;
            }
            assert!(begun.elapsed() < PATIENCE, "the purge of {} does not end: {runs:?}", customer.tenant);
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
