//! Stores that are down or hang, and too much to do. Who can be answered is; who cannot is told when to come again.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use sluss::model::phase::Phase;
use tokio::time::Instant;

use super::house::{House, MIB, Plan, content, document, wait_until};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Ask, Wire, ask};

#[tokio::test]
async fn sql_answers_while_the_object_store_is_down() {
    let house = House::in_phase(Phase::Dual).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    house.settle(&ACME).await;
    fs::rename(house.objects(), house.objects().with_extension("away")).unwrap();
    let answer = house.get(&witness.path).await;
    assert!(answer.body == witness.content && answer.header("served-from") == "sql", "{answer:?}");
    assert_eq!(house.metric("sluss_fallbacks_total{reason=\"unavailable\",tenant=\"acme\"}").await, 1.0);
    fs::rename(house.objects().with_extension("away"), house.objects()).unwrap();
    assert_eq!(house.get(&witness.path).await.header("served-from"), "object");
    house.close().await;
}

#[tokio::test]
async fn a_store_that_is_out_is_left_alone_until_it_is_back() {
    let house = House::in_phase(Phase::Dual).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    house.settle(&ACME).await;
    let is_out = async || {
        let page = house.metrics().await;
        page.lines().any(|line| line.starts_with("sluss_breaker_open{store=\"disk:") && line.ends_with(" 1"))
    };
    assert!(!is_out().await);
    fs::rename(house.objects(), house.objects().with_extension("away")).unwrap();
    wait_until("the store is taken for out", async || {
        house.assert_unchanged(&witness).await;
        is_out().await
    })
    .await;
    let ready = ask(house.admin, &Ask::get("/readyz")).await;
    assert!(ready.status == 200 && ready.text().contains("\"object\":\"unavailable\""), "{ready:?}");
    fs::rename(house.objects().with_extension("away"), house.objects()).unwrap();
    wait_until("the store is used again", async || house.get(&witness.path).await.header("served-from") == "object").await;
    assert!(!is_out().await);
    house.close().await;
}

#[tokio::test]
async fn what_only_a_store_holds_that_is_down_is_unavailable_until_it_is_back() {
    let house = House::in_phase(Phase::Object).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    fs::rename(house.objects(), house.objects().with_extension("away")).unwrap();
    let detail = house.get(&witness.path).await.problem(503, "store-unavailable");
    assert_eq!(detail, "the document cannot be reached at the moment, and nothing was changed; try again");
    house.ask(&Ask::put(&witness.path, content(2, 100))).await.problem(503, "store-unavailable");
    assert_eq!(house.ask(&Ask::new("HEAD", &witness.path)).await.header("etag"), witness.etag);
    fs::rename(house.objects().with_extension("away"), house.objects()).unwrap();
    house.assert_unchanged(&witness).await;
    house.plant(&witness.path, content(3, 200_000)).await;
    house.close().await;
}

/// A file that hangs whoever opens it, until this is dropped.
pub struct Hung(PathBuf);

impl Hung {
    pub fn make(file: PathBuf) -> Self {
        fs::rename(&file, file.with_extension("away")).unwrap();
        // Opening a pipe for reading blocks until somebody opens it for writing.
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        Self(file)
    }
}

impl Drop for Hung {
    /// Those who hang find an empty file, and end; the next ones find the file as it was.
    fn drop(&mut self) {
        drop(fs::File::options().read(true).write(true).open(&self.0).unwrap());
        fs::rename(self.0.with_extension("away"), &self.0).unwrap();
    }
}

fn impatient(phase: Phase) -> Plan {
    Plan { phase, limits: "store_timeout = \"500ms\"", ..Plan::default() }
}

/// Long before the store's own deadline.
#[tokio::test]
async fn sql_answers_for_an_object_store_that_hangs() {
    let house = House::in_phase(Phase::Dual).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    house.settle(&ACME).await;
    let hung = Hung::make(house.object_files(&ACME).remove(0));
    let answer = house.get(&witness.path).await;
    assert!(answer.body == witness.content && answer.header("served-from") == "sql", "{answer:?}");
    assert_eq!(house.metric("sluss_hedges_total{tenant=\"acme\",winner=\"sql\"}").await, 1.0);
    assert_eq!(house.metric("sluss_fallbacks_total{reason=\"timeout\",tenant=\"acme\"}").await, 0.0);
    drop(hung);
    house.assert_unchanged(&witness).await;
    house.close().await;
}

/// Each call that hangs keeps a thread, and databases need threads too.
#[tokio::test]
async fn a_store_that_hangs_for_long_takes_nothing_from_the_others() {
    let house = House::open(impatient(Phase::Dual)).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    let other = house.plant(&document(&GLOBEX, "1"), content(2, 300_000)).await;
    house.settle(&ACME).await;
    let hung = Hung::make(house.object_files(&ACME).remove(0));
    // Many more than there are threads.
    for _ in 0..7 {
        let answers = join_all((0..100).map(|_| house.get(&witness.path))).await;
        assert!(answers.iter().all(|answer| answer.body == witness.content && answer.header("served-from") == "sql"), "{answers:?}");
    }
    house.assert_unchanged(&other).await;
    drop(hung);
    house.assert_unchanged(&witness).await;
    house.close().await;
}

#[tokio::test]
async fn what_only_a_store_holds_that_hangs_is_a_timeout_that_can_be_tried_again() {
    let house = House::open(impatient(Phase::Object)).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300_000)).await;
    let hung = Hung::make(house.object_files(&ACME).remove(0));
    let begun = Instant::now();
    house.get(&witness.path).await.problem(504, "store-unavailable");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drop(hung);
    house.assert_unchanged(&witness).await;
    house.close().await;
}

#[tokio::test]
async fn one_tenants_missing_database_is_its_own_misfortune() {
    let house = House::in_phase(Phase::Dual).await;
    let (one, other) =
        (house.plant(&document(&ACME, "1"), content(1, 9000)).await, house.plant(&document(&GLOBEX, "1"), content(2, 9000)).await);
    let file = house.database_file(&ACME);
    fs::rename(&file, file.with_extension("away")).unwrap();
    for request in [Ask::get(&one.path), Ask::put(&one.path, "other"), Ask::new("DELETE", &one.path)] {
        house.ask(&request).await.problem(503, "store-unavailable");
    }
    house.assert_unchanged(&other).await;
    let ready = ask(house.admin, &Ask::get("/readyz")).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let ready: serde_json::Value = serde_json::from_slice(&ready.body).unwrap();
    assert_eq!(
        (&ready["ready"], &ready["tenants"]["acme"]["sql"], &ready["tenants"]["globex"]["sql"]),
        (&true.into(), &"unavailable".into(), &"ok".into())
    );
    fs::rename(file.with_extension("away"), &file).unwrap();
    house.assert_unchanged(&one).await;
    house.close().await;
}

#[tokio::test]
async fn a_database_that_somebody_else_has_locked_is_waited_for_and_then_a_failure() {
    let house = House::in_phase(Phase::Sql).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 9000)).await;
    let other = house.database(&ACME);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let put = Ask::put(&witness.path, "waited");
    let (answer, ()) = tokio::join!(house.ask(&put), async {
        house.assert_unchanged(&witness).await;
        other.execute_batch("COMMIT").unwrap();
    });
    assert_eq!(answer.status, 204);
    house.witness(&witness.path, b"waited".to_vec()).await;
    house.close().await;
}

#[tokio::test]
async fn a_request_too_many_is_refused_at_once_and_told_when_to_come_again() {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::open(Plan { phase, limits: "concurrent_requests = 1", ..Plan::default() }).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 24 * MIB)).await;
        let mut wire = Wire::open(house.documents).await;
        wire.send(Ask::get(&witness.path).head()).await.unwrap();
        assert_eq!(wire.answer_head().await.unwrap().status, 200);
        for request in [Ask::get(&witness.path), Ask::put(&witness.path, content(2, MIB)), Ask::new("DELETE", &witness.path)] {
            let detail = house.ask(&request).await.problem(503, "overloaded");
            assert_eq!(detail, "too many requests or transfers at once; try again after the time in Retry-After");
        }
        drop(wire);
        wait_until("the place is free", async || house.get(&witness.path).await.status == 200).await;
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

#[tokio::test]
async fn readers_who_take_nothing_keep_no_memory_from_others_and_go_on_where_they_were() {
    let house = House::open(Plan { phase: Phase::Sql, limits: "buffer_bytes = \"16MiB\"", ..Plan::default() }).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 24 * MIB)).await;
    let mut readers = Vec::new();
    // Two pieces each, of three quarters of 16 MiB.
    for _ in 0..6 {
        let mut wire = Wire::open(house.documents).await;
        wire.send(Ask::get(&witness.path).head()).await.unwrap();
        assert_eq!(wire.answer_head().await.unwrap().status, 200);
        readers.push(wire);
    }
    house.assert_unchanged(&witness).await;
    assert_eq!(house.ask(&Ask::put(document(&ACME, "2"), content(3, MIB))).await.status, 201);
    for mut wire in readers {
        let mut read = Vec::new();
        while read.len() < witness.content.len() {
            let portion = wire.take(witness.content.len() - read.len()).await;
            assert!(!portion.is_empty(), "broken off at byte {}", read.len());
            read.extend(portion);
        }
        assert!(read == witness.content);
    }
    house.close().await;
}

/// A read from SQL holds a connection for as long as it lasts, and a look at a row needs one too.
#[tokio::test]
async fn slow_readers_of_large_documents_hold_up_nobody_else() {
    let house = House::in_phase(Phase::Sql).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 24 * MIB)).await;
    let small = house.plant(&document(&ACME, "2"), content(2, 1000)).await;
    let mut readers = Vec::new();
    for _ in 0..12 {
        let mut wire = Wire::open(house.documents).await;
        wire.send(Ask::get(&witness.path).head()).await.unwrap();
        readers.push(wire);
    }
    // As many as a tenant has connections are served, whichever these are, and take nothing of what is there for them.
    let mut heads: FuturesUnordered<_> = readers.iter_mut().map(Wire::answer_head).collect();
    for _ in 0..4 {
        assert_eq!(heads.next().await.unwrap().unwrap().status, 200);
    }
    drop(heads);
    let begun = Instant::now();
    house.assert_unchanged(&small).await;
    house.plant(&small.path, content(3, 2000)).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(readers);
    house.assert_unchanged(&witness).await;
    house.close().await;
}
