//! What can be seen of requests: ids, metrics, one copy for many readers, idle connections.

use std::process::Stdio;

use futures_util::future::join_all;
use sluss::model::phase::Phase;

use super::house::{House, KIB, content, document, wait_until};
use super::support::customers::{ACME, GLOBEX};
use super::support::lab::Lab;
use super::support::process::Process;
use super::wire::{Ask, Wire, ask};

#[tokio::test]
async fn a_sane_request_id_is_taken_over_and_another_is_replaced() {
    let house = House::in_phase(Phase::Sql).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 100)).await;
    let asks = [Ask::get(&witness.path), Ask::new("HEAD", &witness.path), Ask::put(document(&ACME, "2"), "x"), Ask::get("/nowhere")];
    for request in asks {
        let answer = house.ask(&request.clone().with("X-Request-Id", "call-4711/a.b")).await;
        assert_eq!(answer.header("x-request-id"), "call-4711/a.b");
        for insane in ["two words", "å", &"x".repeat(129), ""] {
            let answer = house.ask(&request.clone().with("X-Request-Id", insane)).await;
            let id = answer.header("x-request-id");
            assert!(uuid::Uuid::parse_str(id).is_ok(), "{insane:?} became {id:?}");
        }
        let (one, two) = (house.ask(&request).await, house.ask(&request).await);
        assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
    }
    // `problem` compares the header with the body.
    let refusal = house.ask(&Ask::get(document(&ACME, "x")).with("X-Request-Id", "call-4712")).await;
    refusal.problem(400, "bad-request");
    let admin = ask(house.admin, &Ask::get("/admin/v1/tenants/initech").with("X-Request-Id", "call-4713")).await;
    admin.problem(404, "no-such-tenant");
    assert_eq!(admin.header("x-request-id"), "call-4713");
    house.close().await;
}

#[tokio::test]
async fn requests_are_counted_by_tenant_operation_store_and_code() {
    let house = House::in_phase(Phase::Dual).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 300 * KIB)).await;
    house.settle(&ACME).await;
    let series = |operation: &str, served_from: &str, code: u16| {
        format!("sluss_requests_total{{code=\"{code}\",operation=\"{operation}\",served_from=\"{served_from}\",tenant=\"acme\"}}")
    };
    let before = house.metric(&series("read", "object", 200)).await;
    house.assert_unchanged(&witness).await;
    house.ask(&Ask::get(&witness.path).with("Range", "bytes=0-9")).await;
    house.ask(&Ask::new("HEAD", &witness.path)).await;
    house.ask(&Ask::new("DELETE", document(&ACME, "404"))).await;
    assert_eq!(house.metric(&series("read", "object", 200)).await, before + 1.0);
    assert_eq!(house.metric(&series("read", "object", 206)).await, 1.0);
    assert_eq!(house.metric(&series("head", "object", 200)).await, 1.0);
    assert_eq!(house.metric(&series("delete", "-", 404)).await, 1.0);
    assert_eq!(house.metric(&series("write", "-", 201)).await, 1.0);
    assert!(house.metric("sluss_response_bytes_total").await >= (300 * KIB + 10) as f64);
    assert_eq!(house.metric("sluss_request_bytes_total").await, (300 * KIB) as f64);
    house.close().await;
}

#[tokio::test]
async fn nothing_that_a_client_makes_up_becomes_a_label() {
    let house = House::in_phase(Phase::Sql).await;
    for request in [
        Ask::get("/v1/tenants/made-up-tenant/documents/1"),
        Ask::get("/v1/tenants/acme/made-up-collection/1"),
        Ask::get(document(&GLOBEX, "made-up-id")),
        Ask::get("/made-up-path"),
        Ask::new("MADEUP", document(&ACME, "1")),
    ] {
        assert!([404, 405].contains(&house.ask(&request).await.status));
    }
    let page = house.metrics().await;
    assert!(!page.to_lowercase().contains("made"), "{page}");
    assert_eq!(house.metric("sluss_requests_total{code=\"404\",operation=\"-\",served_from=\"-\",tenant=\"-\"}").await, 3.0);
    house.close().await;
}

#[tokio::test]
async fn many_first_readers_of_one_document_cause_one_copy() {
    let house = House::in_phase(Phase::Shadow).await;
    house.settle(&ACME).await;
    let whole = content(1, 700 * KIB);
    // Straight to the table, so that no write of ours asks for the copy.
    house.database(&ACME).execute("INSERT INTO documents (id, content) VALUES (1, ?1)", [&whole]).unwrap();
    let path = document(&ACME, "1");
    let answers = join_all((0..32).map(|_| house.get(&path))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == whole));
    // The first one asks for it off its request's path.
    wait_until("the copy", async || house.object_files(&ACME).len() == 1).await;
    house.settle(&ACME).await;
    assert_eq!(house.object_files(&ACME).len(), 1);
    assert_eq!(house.metric("sluss_copied_documents_total").await, 1.0);
    assert_eq!(house.metric("sluss_job_duration_seconds_count{kind=\"copy\",outcome=\"done\"}").await, 1.0);
    assert_eq!(house.metric("sluss_uploads_condemned_total").await, 0.0);
    house.close().await;
}

/// A process of its own, because both ends of so many connections are more files than one may open on many machines.
#[tokio::test]
async fn five_hundred_idle_connections_stop_nobody() {
    let lab = Lab::new("[limits]\n[agents]\n");
    let seat = lab.seat("one");
    assert!(Process::command(&seat, &["init"]).stdout(Stdio::null()).status().unwrap().success());
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    let address = ([127, 0, 0, 1], seat.documents).into();
    let path = document(&ACME, "1");
    assert_eq!(ask(address, &Ask::put(&path, content(1, 5000))).await.status, 201);
    let mut idle = Vec::new();
    for _ in 0..500 {
        let mut wire = Wire::open(address).await;
        assert_eq!(wire.ask(&Ask::new("HEAD", &path)).await.status, 200);
        idle.push(wire);
    }
    let answer = tokio::time::timeout(std::time::Duration::from_secs(5), ask(address, &Ask::get(&path))).await.unwrap();
    assert_eq!(answer.body, content(1, 5000));
    // And none of them was cut to make room.
    for wire in &mut idle {
        assert_eq!(wire.ask(&Ask::new("HEAD", &path)).await.status, 200);
    }
}
