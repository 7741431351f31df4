//! Back to an instant on SQL Server and a bucket: a random history, its process killed in the middle of the restore, and undone again.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluss::clock::{Clock, SystemClock};
use sluss_s3::Bucket;

use crate::office::{COLLECTIONS, Office};
use crate::support::wait::wait_until;

type State = BTreeMap<String, Vec<u8>>;

fn documents() -> Vec<String> {
    let numbers = (1..=6).map(|id| format!("documents/{id}"));
    numbers.chain(["a", "b", "c", "d"].map(|id| format!("letters/{id}"))).collect()
}

async fn state(office: &Office) -> State {
    let mut found = State::new();
    for document in documents() {
        let (status, content) = office.ask(Method::GET, &document, None).await;
        if status.is_success() {
            found.insert(document, content);
        }
    }
    found
}

fn has_jobs(office: &Office) -> bool {
    office.number("SELECT COUNT_BIG(*) FROM sluss.job") > 0
}

async fn moment() -> Timestamp {
    tokio::time::sleep(Duration::from_millis(3)).await;
    let now = SystemClock.now();
    tokio::time::sleep(Duration::from_millis(3)).await;
    now
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_instant_of_a_random_history_can_be_had_again_and_undone() {
    for (phase, seed) in [("dual", 1), ("object", 2)] {
        let office = Office::open().await;
        let bucket = Bucket::new();
        office.place(phase, COLLECTIONS, &format!("{}prefix = \"acme/\"\n", bucket.objects_section()));
        office.run(&["init"]).done();
        let mut process = office.serve();
        let mut rng = StdRng::seed_from_u64(seed);
        // What was there before Sluss was written straight to SQL: a copy has to see it first.
        office.run(&["sweep", "--tenant", "acme", "--wait"]).done();
        let mut marks = Vec::new();
        for step in 0..40 {
            let document = &documents()[rng.random_range(0..documents().len())];
            let content: Vec<u8> = (0..rng.random_range(0..2000_usize)).map(|at| (at * 7 + step) as u8).collect();
            match rng.random_range(0..8) {
                0..=4 => drop(office.ask(Method::PUT, document, Some(content.leak())).await),
                5..=6 => drop(office.ask(Method::DELETE, document, None).await),
                _ => wait_until("the agents have nothing to do", || !has_jobs(&office)),
            }
            if rng.random_ratio(1, 4) {
                marks.push((moment().await, state(&office).await));
            }
        }
        let before = state(&office).await;
        let (instant, then) = marks[rng.random_range(0..marks.len() / 2)].clone();
        let at = instant.to_string();
        office.run(&["restore", "--tenant", "acme", "--at", &at, "--yes", "--no-wait"]).done();
        process.kill_and_restart();
        process.wait_for(office.seat.documents);
        process.wait_for(office.seat.admin);
        // A lease that nobody renews is over after a minute; nobody waits for that here.
        office.client.run("UPDATE sluss.job SET due_at = 0 WHERE kind = 'restore'", &[]).unwrap();
        wait_until("the restore has ended", || office.number("SELECT COUNT_BIG(*) FROM sluss.restore_run WHERE ended_at IS NULL") == 0);
        assert_eq!(state(&office).await, then, "{phase} at {instant}");
        let undo = office.number("SELECT MIN(started_at) FROM sluss.restore_run") - 1;
        let undo = Timestamp::from_millisecond(undo).unwrap().to_string();
        office.run(&["restore", "--tenant", "acme", "--at", &undo, "--yes"]).done();
        assert_eq!(state(&office).await, before, "{phase}, undone");
    }
}
