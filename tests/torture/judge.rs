//! What has to hold once the traffic has ended and the stores are up again: every job ends, every content is where the phase wants it,
//! every byte is as written, and every answer that was given fits into one order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use sluss::migrate::schedule::regular_work;
use sluss::model::document::{DocRow, Holder};
use sluss::model::id::{DocId, DocKey, ObjectRef};
use sluss::model::job::JobKind;
use sluss::model::phase::Phase;
use sluss::store::queue::JobFilter;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::nodes::{Node, TENANT};
use super::run::Run;
use super::script::{Act, Ask, Statement};

/// Agents whose work has not ended by then will not end it.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const WHO: &str = "judge";

/// A look-up that one percent of the connections do not survive.
pub const ASKED_AGAIN: usize = 5;

/// A store that failed much a moment ago is left alone for this long at most.
const STORE_IS_BACK: Duration = Duration::from_secs(15);

async fn served_within(patience: Duration, client: &Client<'_>) -> bool {
    let begun = Instant::now();
    loop {
        if client.is_served().await {
            return true;
        }
        if begun.elapsed() > patience {
            return false;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

impl Run {
    pub async fn judge(self: &Arc<Self>) {
        // By the outbox and the flips' own sweeps: only what was written past the gateway may wait for another sweep.
        if !self.all_work_ends().await {
            return;
        }
        let straight = self.written_straight();
        self.everything_is_in_place(|document| !straight.contains(&document), false).await;
        self.read_everything().await;
        self.every_past_is_whole().await;
        if !straight.is_empty() {
            self.leave_work_for_a_sweep().await;
        }
        self.settle().await;
        if !straight.is_empty() {
            self.every_past_is_whole().await;
        }
        for phase in [Phase::Shadow, Phase::Sql] {
            self.flip(phase).await;
            self.settle().await;
        }
        self.every_named_object_is_whole().await;
        self.every_history_is_linearizable().await;
    }

    /// A program has the last word on some documents: what it leaves behind only a sweep can put right.
    async fn leave_work_for_a_sweep(&self) {
        self.last_word.store(true, Ordering::SeqCst);
        for document in 1..=self.script.documents {
            match self.script.seed.wrapping_add(u64::from(document)) % 3 {
                0 => self.statement(WHO, document, Statement::Touch).await,
                1 => self.statement(WHO, document, Statement::Clear).await,
                _ => {}
            }
        }
    }

    pub fn written_straight(&self) -> BTreeSet<u32> {
        let written = self.script.steps.iter().filter_map(|step| match step.act {
            Act::Sql { document, .. } => Some(document),
            Act::Ask { .. } | Act::Flip(_) | Act::Sweep | Act::Verify | Act::Purge | Act::Collect | Act::Kill { .. } => None,
            Act::Mark | Act::Return(_) => None,
        });
        written.collect()
    }

    async fn settle(&self) {
        let tenant = self.tenant();
        tenant.jobs.enqueue(regular_work(&tenant)).await.unwrap();
        if self.all_work_ends().await {
            self.everything_is_in_place(|_| true, true).await;
            self.read_everything().await;
            for document in 1..=self.script.documents {
                self.compare(document).await;
            }
        }
    }

    async fn all_work_ends(&self) -> bool {
        let (tenant, begun) = (self.tenant(), Instant::now());
        loop {
            let counts = tenant.jobs.counts().await.unwrap();
            if counts.is_empty() {
                return true;
            }
            if begun.elapsed() > PATIENCE {
                let jobs = tenant.jobs.list(JobFilter::default(), None, 20).await.unwrap();
                self.history.violation(format!("work does not end: {jobs:#?}"));
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn row(&self, document: u32) -> DocRow {
        let key =
            DocKey { tenant: TENANT.parse().unwrap(), collection: "documents".parse().unwrap(), id: DocId::Integer(i64::from(document)) };
        // The judge asks while the stores' own connections are cut, too.
        for _ in 0..ASKED_AGAIN {
            if let Ok(row) = self.tenant().sql.row(&key).await {
                return row;
            }
        }
        self.tenant().sql.row(&key).await.unwrap()
    }

    /// `swept`: a sweep has seen every row since the last change, so nothing is left to put right.
    async fn everything_is_in_place(&self, of_these: impl Fn(u32) -> bool, swept: bool) {
        for document in (1..=self.script.documents).filter(|document| of_these(*document)) {
            let row = self.row(document).await;
            let (truth, phase) = (row.truth(), row.state.phase);
            let wrong = match (phase, truth.holder) {
                (Phase::Sql, Holder::Object) => Some("only the object store has the content, in phase sql"),
                (Phase::Shadow | Phase::Dual | Phase::Object | Phase::Sealed, Holder::Sql) => Some("the content has no true location"),
                _ if row.needs(JobKind::WriteBack, self.script.mirror) => Some("the content is not written back"),
                _ if swept && truth.repair.is_some() => Some("a sweep has put right nothing"),
                _ => None,
            };
            if let Some(wrong) = wrong {
                self.history.violation(format!("document {document} when all work has ended: {wrong}: {row:?}"));
            }
        }
    }

    /// With the stores up, every gateway answers; what it answers becomes part of the history.
    async fn read_everything(&self) {
        for document in 1..=self.script.documents {
            for node in self.nodes.iter().chain([&self.observer]) {
                let Some(http) = Node::client(node) else { continue };
                let client = Client { who: WHO, http: &http, history: &self.history, document };
                if !served_within(STORE_IS_BACK, &client).await {
                    self.history.violation(format!("document {document} cannot be read, although the stores are up"));
                }
                client.ask(Ask::Get).await;
                client.ask(Ask::Head).await;
            }
            self.statement(WHO, document, Statement::Peek).await;
        }
    }

    /// Every byte of the object, against its location and against what clients are answered.
    async fn compare(&self, document: u32) {
        self.compared.fetch_add(1, Ordering::Relaxed);
        let row = self.row(document).await;
        let Some(location) = row.location.as_ref().filter(|_| matches!(row.truth().holder, Holder::Both | Holder::Object)) else { return };
        let Some(object) = &location.object else { return };
        let Some(bytes) = self.bytes_of(object, location.content.length_bytes).await else {
            return self.history.violation(format!("document {document}: its object {object} is missing or short"));
        };
        let tag = self.history.tag(document, &format!("\"{}\"", location.stamp));
        match self.history.identify(&bytes) {
            Some(content) => {
                let (call, back) = (self.history.now(), Some(self.history.now()));
                self.history.note("object", document, call, back, super::model::Event::Read { content: content.id, tag });
            }
            None => self.history.violation(format!("document {document}: its object {object} holds bytes of no content")),
        }
    }

    async fn bytes_of(&self, object: &ObjectRef, length: u64) -> Option<Vec<u8>> {
        let mut stream = self.tenant().objects.get(object, 0..length).await.ok().flatten()?;
        let mut bytes = Vec::new();
        while let Some(portion) = stream.next().await {
            bytes.extend_from_slice(&portion.ok()?);
        }
        (bytes.len() as u64 == length).then_some(bytes)
    }

    async fn every_named_object_is_whole(&self) {
        let stores = Arc::clone(&self.stores);
        for named in spawn_blocking(move || stores.named()).await.unwrap() {
            self.count("object compared");
            let object = ObjectRef { placement: named.placement.parse().unwrap(), id: named.object.parse().unwrap() };
            let whole = match self.bytes_of(&object, named.length).await {
                Some(bytes) => Sha256::digest(&bytes).as_slice() == named.sha256,
                None => false,
            };
            if !whole {
                self.history.violation(format!("object {object} is named, and is not there with its SHA-256"));
            }
        }
    }

    async fn every_history_is_linearizable(self: &Arc<Self>) {
        let run = Arc::clone(self);
        let judged = spawn_blocking(move || {
            run.history.judge_parts();
            (1..=run.script.documents).map(|document| run.history.judge(document)).collect::<Vec<_>>()
        });
        for judged in judged.await.unwrap() {
            self.count(if judged.decided { "history checked" } else { "history undecided" });
            if let Some(violation) = judged.violation {
                self.history.violation(violation);
            }
        }
    }
}
