//! What a run has to show: nothing wrong, everything interesting seen, every job ended, every byte as written.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sluss::admin::views::TenantView;
use sluss::demo::ledger::Seen;
use sluss::model::phase::Phase;
use tokio::time::{Instant, sleep};

use super::Walk;
use super::operator::Reached;
use crate::support::customers::{ACME, Customer, GLOBEX};

/// A run that has not seen these proves nothing. Read from the logs: a killed process takes its counters with it.
const INTERESTING: [&str; 5] = ["copy_moved", "upload_condemned", "lease_taken_over", "written_back", "fallback"];
const OFTEN_ENOUGH: usize = 3;

/// Nothing that happens here calls for one.
const ALARMS: [&str; 3] = ["alarm", "mismatch", "sole_broken"];

/// How often each event was logged.
pub fn seen(logs: &str) -> BTreeMap<&'static str, usize> {
    INTERESTING.into_iter().map(|event| (event, logs.matches(&format!("\"event\":\"{event}\"")).count())).collect()
}

impl Walk {
    /// Events seen too seldom, and what a tenant has not come to yet: each has to be sealed, and some of its content has to leave SQL.
    pub async fn missing(&self) -> Vec<String> {
        let seldom = seen(&self.lab.logs()).into_iter().filter(|(_, times)| *times < OFTEN_ENOUGH).map(|(event, _)| event.to_owned());
        let reached = self.operator.reached().await;
        let behind = [&ACME, &GLOBEX].map(|customer| {
            let Reached { sealed, purged } = reached.get(customer.tenant).copied().unwrap_or_default();
            [("sealed", sealed), ("purged", purged)].map(|(what, times)| (times == 0).then(|| format!("{} {what}", customer.tenant)))
        });
        seldom.chain(behind.into_iter().flatten().flatten()).collect()
    }

    pub async fn every_interesting_thing_was_seen(&self) {
        let logs = self.lab.logs();
        println!("seen: {:?}, reached: {:?}", seen(&logs), self.operator.reached().await);
        assert_eq!(self.missing().await, Vec::<String>::new(), "not seen, or too seldom");
        let panics: Vec<&str> = logs.lines().filter(|line| line.contains("panic")).collect();
        assert!(panics.is_empty(), "{panics:?}");
        let alarming = |line: &&str| ALARMS.iter().any(|event| line.contains(&format!("\"event\":\"{event}\"")));
        let alarms: Vec<&str> = logs.lines().filter(alarming).collect();
        assert!(alarms.is_empty(), "{alarms:?}");
    }

    /// With no new writes every job ends; then every document with content has a true location in `shadow`, and none is sole in `sql`.
    pub async fn settle(&self) {
        for phase in [Phase::Sql, Phase::Shadow, Phase::Sql] {
            self.operator.go_to(phase).await;
            for customer in [&ACME, &GLOBEX] {
                let view = self.wait_until_idle(customer, phase).await;
                assert_eq!(view.quarantined, 0, "{view:?}");
                assert_eq!(view.only_in_object_store, 0, "{view:?}");
                if phase == Phase::Shadow {
                    self.everything_is_located(customer);
                }
            }
        }
    }

    async fn wait_until_idle(&self, customer: &Customer, phase: Phase) -> TenantView {
        let begun = Instant::now();
        loop {
            let view = self.operator.show(customer).await;
            if view.phase == Some(phase) && view.backlog == 0 && view.open_uploads == 0 {
                return view;
            }
            assert!(begun.elapsed() < Duration::from_secs(240), "work does not end: {view:?}");
            sleep(Duration::from_millis(300)).await;
        }
    }

    /// The rows themselves: every content has a location of its row's revision.
    fn everything_is_located(&self, customer: &Customer) {
        let statement = format!(
            "SELECT count(*) FROM {table} d JOIN sluss_revision_{table} r ON r.id = d.{id} LEFT JOIN sluss_location_{table} l ON l.id = d.{id} \
             WHERE d.{content} IS NOT NULL AND (l.revision IS NULL OR l.revision <> r.revision OR l.sole)",
            table = customer.table,
            id = customer.id_column,
            content = customer.content_column
        );
        let unlocated: u64 = self.lab.database().query_row(&statement, [], |row| row.get(0)).unwrap();
        assert_eq!(unlocated, 0, "{} has content without a true location", customer.tenant);
    }

    /// By every gateway, and in the customer's own table, where all of it lies now.
    pub async fn every_document_is_as_written(&self) {
        for traffic in [&self.busy, &self.quiet] {
            let complaints = traffic.complaints.lock().await.clone();
            assert_eq!(traffic.counts.wrong_reads.load(Ordering::Relaxed), 0, "{complaints:?}");
            assert_eq!(traffic.counts.failed_reads.load(Ordering::Relaxed), 0, "{complaints:?}");
        }
        let database = self.lab.database();
        let documents = || self.busy.documents.iter().chain(&self.quiet.documents);
        for document in documents() {
            let possible = document.ledger.lock().await.possible().to_vec();
            let mut parts = document.path.split('/').skip(3);
            let customer = if parts.next() == Some("acme") { &ACME } else { &GLOBEX };
            let id = parts.nth(1).unwrap().replace("%20", " ").replace("%2F", "/");
            let stored = if customer.ids(&database).contains(&id) { customer.content(&database, &id) } else { None };
            let is_as_written = possible.iter().any(|seen| match (seen, &stored) {
                (Seen::Absent, None) => true,
                (Seen::Content(pattern), Some(bytes)) => pattern.length == bytes.len() as u64 && pattern.matches(0, bytes),
                (Seen::Absent, Some(_)) | (Seen::Content(_), None) => false,
            });
            assert!(
                is_as_written,
                "{} is not as written: one of {possible:?}, found {:?} bytes",
                document.path,
                stored.map(|bytes| bytes.len())
            );
        }
        println!("{} documents compared", documents().count());
    }
}
