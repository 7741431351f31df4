//! Back to an instant: while clients rest, a mark, and later a restore to it and one to just before that, while stores fail and processes die.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use sluss::clock::{Clock, SystemClock};
use sluss::migrate::restore::blockers;
use sluss::model::phase::Phase;
use sluss::model::restore::{RestoreRun, RestoreWish};
use tokio::time::{Instant, sleep};

use super::client::{Client, Sight};
use super::judge::{ASKED_AGAIN, PATIENCE, WHO};
use super::model::{ContentId, Event};
use super::nodes::Node;
use super::run::Run;

/// Databases tell time in milliseconds: what lies so far apart is not at the same.
const APART: Duration = Duration::from_millis(3);

/// Restores to one instant while stores fail. Then they fail no more, and nothing may be left to do.
const FAULTY_TRIES: usize = 3;

/// They fail no more after this long either: whoever meets an outage waits for seconds.
const FAULTY_FOR: Duration = Duration::from_secs(3);

/// What the documents were while everybody rested.
#[derive(Debug, Clone)]
pub struct Mark {
    instant: Timestamp,
    /// By the history's clock.
    at: u64,
    documents: BTreeMap<u32, Option<ContentId>>,
}

impl Run {
    pub async fn mark(&self) {
        let at = self.history.now();
        let documents = self.everything().await;
        sleep(APART).await;
        let instant = self.tenant().sql.mark(&"torture".parse().unwrap()).await.unwrap();
        sleep(APART).await;
        self.count("mark");
        *self.marked.lock().unwrap() = Some(Mark { instant, at, documents });
    }

    /// `only`: this document.
    pub async fn go_back(&self, only: Option<u32>) {
        let Some(mark) = self.marked.lock().unwrap().clone() else { return };
        let tenant = self.tenant();
        let is_in_sql = tenant.sql.state().await.unwrap().phase == Phase::Sql;
        let reasons = blockers(&tenant, &tenant, &wish(mark.instant, only), SystemClock.now()).await.unwrap();
        let is_unflipped = is_in_sql == (tenant.sql.state().await.unwrap().phase == Phase::Sql);
        if is_unflipped && reasons.is_empty() == is_in_sql {
            self.history.violation(format!("a restore is refused in `sql`, and nowhere else: {reasons:?}"));
        }
        if is_in_sql {
            return self.count("restore refused");
        }
        let before = Mark { documents: self.everything().await, ..mark.clone() };
        sleep(APART).await;
        let Some(undone_by) = self.restore_to(mark.instant, only).await else { return };
        self.compare_with(&mark, &before, only).await;
        sleep(APART).await;
        if self.restore_to(undone_by, only).await.is_some() {
            self.compare_with(&before, &before, only).await;
        }
    }

    /// What a client sees of each document.
    async fn everything(&self) -> BTreeMap<u32, Option<ContentId>> {
        let http = Node::client(&self.observer).unwrap();
        let mut documents = BTreeMap::new();
        for document in 1..=self.script.documents {
            let client = Client { who: WHO, http: &http, history: &self.history, document };
            for _ in 0..ASKED_AGAIN {
                if let Some(Sight { content, .. }) = client.look().await {
                    documents.insert(document, content);
                    break;
                }
            }
        }
        documents
    }

    /// The instant to undo it by; `None` where it does not end.
    async fn restore_to(&self, instant: Timestamp, only: Option<u32>) -> Option<Timestamp> {
        let (tenant, mut undone_by) = (self.tenant(), None);
        for tried in 0..=FAULTY_TRIES {
            if tried == FAULTY_TRIES {
                self.calm();
            }
            let call = self.history.now();
            let Some(number) = tenant.sql.begin_restore(&wish(instant, only)).await.unwrap() else {
                self.history.violation("a restore is said to be under way, and has ended");
                return None;
            };
            let run = self.restore_ended(number).await?;
            for (document, content) in self.everything().await.into_iter().filter(|(document, _)| concerns(only, *document)) {
                self.history.note(WHO, document, call, Some(self.history.now()), Event::Returned { to: content });
            }
            let undo = *undone_by.get_or_insert(run.undone_by());
            self.judge_figures(&run, only);
            if run.stopped.is_none() && run.figures.failed == 0 {
                self.count("restore to an instant");
                return Some(undo);
            }
            self.count("restore that left something");
            if tried == FAULTY_TRIES {
                self.history.violation(format!("a restore leaves something, although the stores are up: {run:?}"));
            }
        }
        None
    }

    async fn restore_ended(&self, number: u64) -> Option<RestoreRun> {
        let (tenant, begun) = (self.tenant(), Instant::now());
        loop {
            let runs = tenant.sql.restores().await.unwrap();
            let Some(run) = runs.into_iter().find(|run| run.number == number) else {
                self.history.violation(format!("restore {number} is not listed"));
                return None;
            };
            if run.ended_at.is_some() {
                return Some(run);
            }
            if begun.elapsed() > FAULTY_FOR {
                self.calm();
            }
            if begun.elapsed() > PATIENCE {
                self.history.violation(format!("a restore does not end: {run:?}"));
                return None;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Nothing is in doubt, and nothing out of reach, where clients write and the tenant keeps history.
    fn judge_figures(&self, run: &RestoreRun, only: Option<u32>) {
        let documents = (1..=self.script.documents).filter(|document| concerns(only, *document));
        let certain = documents.map(|document| self.history.told(document)).all(|told| told.sql_until == 0 && told.is_only_by_clients());
        if run.figures.barred + run.figures.marked > 0 || certain && run.figures.doubtful > 0 {
            self.history.violation(format!("a restore is in doubt without a reason: {run:?}"));
        }
    }

    /// What the restore was about is as it was then; what it was not about is as it was before.
    async fn compare_with(&self, then: &Mark, before: &Mark, only: Option<u32>) {
        let now = self.everything().await;
        for (document, found) in &now {
            let told = self.history.told(*document);
            let is_certain = told.sql_until < then.at && told.is_only_by_clients();
            let expected = if concerns(only, *document) { then } else { before }.documents.get(document);
            let Some(expected) = expected.filter(|_| is_certain || !concerns(only, *document)) else { continue };
            self.count("document brought back");
            if found != expected && !told.may_have_landed(*found) {
                self.history
                    .violation(format!("document {document} had {expected:?} at {}, and has {found:?} after a restore", then.instant));
            }
        }
    }
}

fn concerns(only: Option<u32>, document: u32) -> bool {
    only.is_none_or(|only| only == document)
}

fn wish(instant: Timestamp, only: Option<u32>) -> RestoreWish {
    RestoreWish { instant, only: only.map(|document| ("documents".parse().unwrap(), document.to_string())), into: None }
}
