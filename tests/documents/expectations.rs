//! `Expect`: a client that waits for 100 before it sends its body is told to go on, or gets its answer at once, and never both.

use sluss::model::phase::Phase;

use super::house::{House, KIB, OPERATOR, Plan, content, document};
use super::support::customers::ACME;
use super::wire::{Answer, Ask, Wire, ask};

const LENGTH: u64 = 70 * KIB;

fn polite(path: &str) -> Ask {
    Ask::new("PUT", path).with("Content-Length", LENGTH.to_string()).with("Expect", "100-continue")
}

fn allowed(request: Ask) -> Ask {
    request.with("Authorization", format!("Bearer {OPERATOR}"))
}

/// What comes first for a head without its body.
async fn first(house: &House, request: &Ask) -> (Answer, Wire) {
    let mut wire = Wire::open(house.documents).await;
    wire.send(request.head()).await.unwrap();
    let answer = wire.answer_to("PUT").await.unwrap();
    (answer, wire)
}

#[tokio::test]
async fn what_is_refused_is_refused_without_a_100_and_without_its_body() {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::open(Plan { phase, tokens: true, limits: "max_document_bytes = \"100KiB\"", ..Plan::default() }).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
        let path = witness.path.as_str();
        let too_long = Ask::new("PUT", path).with("Content-Length", "102401").with("Expect", "100-continue");
        let refused = [
            (polite(path), 401, "unauthorized"),
            (allowed(polite("/v1/tenants/acme/drawings/1")), 404, "not-found"),
            (allowed(polite("/v1/tenants/acme/documents/1x")), 400, "bad-request"),
            (allowed(polite(path).with("If-Match", "\"r-1-0\"")), 412, "precondition-failed"),
            (allowed(polite(path).with("If-Unmodified-Since", "Thu, 01 Jan 2015 00:00:00 GMT")), 412, "precondition-failed"),
            (allowed(polite(path).with("Content-Encoding", "gzip")), 415, "unsupported-encoding"),
            (allowed(polite(path).with("Content-Digest", "sha-256=:AA==:")), 400, "bad-request"),
            (allowed(too_long), 413, "too-large"),
        ];
        for (request, status, label) in refused {
            let (answer, mut wire) = first(&house, &request).await;
            answer.problem(status, label);
            assert!(wire.is_closed().await, "the body that nobody asked for could be taken for a request: {request:?}");
        }
        house.database(&ACME).execute("UPDATE sluss_state SET read_only = 1 WHERE tenant = 'acme'", []).unwrap();
        first(&house, &allowed(polite(path))).await.0.problem(503, "read-only");
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

#[tokio::test]
async fn what_is_taken_gets_a_100_first() {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::in_phase(phase).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
        let sent = content(2, LENGTH);
        let mut wire = Wire::open(house.documents).await;
        // Upper case is the same expectation.
        let request = polite(&witness.path).with("If-Match", &witness.etag);
        wire.send(request.head().replace("100-continue", "100-Continue")).await.unwrap();
        assert_eq!(wire.answer_head().await.unwrap().status, 100);
        house.assert_unchanged(&witness).await;
        wire.send(&sent).await.unwrap();
        assert_eq!(wire.answer_to("PUT").await.unwrap().status, 204);
        drop(wire);
        house.witness(&witness.path, sent).await;
        house.close().await;
    }
}

#[tokio::test]
async fn an_expectation_that_nobody_meets_is_told() {
    let house = House::in_phase(Phase::Sql).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
    for unknown in ["200-ok", "100-continue, hurry", "\"100-continue\"", ""] {
        for request in [Ask::get(&witness.path), Ask::put(&witness.path, "x"), Ask::new("DELETE", &witness.path)] {
            ask(house.documents, &request.with("Expect", unknown)).await.problem(417, "expectation-failed");
        }
    }
    house.assert_unchanged(&witness).await;
    assert_eq!(house.ask(&Ask::get(&witness.path).with("Expect", "100-continue")).await.status, 200);
    house.close().await;
}
