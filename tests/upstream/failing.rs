//! An existing API that is away, slow, or broken.

use serde_json::Value;

use super::existing::Existing;
use super::record::Connection;
use super::stage::{ROUTES, Stage};

fn problem(answer: &str, status: u16, label: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains("application/problem+json"), "{answer}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((body["type"].as_str().unwrap(), body["status"].as_u64()), (&*format!("urn:sluss:problem:{label}"), Some(status.into())));
    assert!(head.contains(&format!("x-request-id: {}", body["request_id"].as_str().unwrap())), "{answer}");
}

fn get(stage: &Stage, path: &str) -> String {
    let mut connection = Connection::open(stage.documents);
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    connection.rest()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_existing_api_that_is_away_or_slow_is_a_problem_that_says_so() {
    let stage = Stage::open("first_byte_timeout = \"300ms\"\nidle_timeout = \"300ms\"", "").await;
    problem(&get(&stage, "/never"), 504, "upstream-timeout");
    let half = get(&stage, "/half");
    // What broke before anything of it was sent leaves nothing to see.
    let announced = half.starts_with("HTTP/1.1 200 ") && half.contains("\r\nContent-Length: 100\r\n") && half.ends_with("half");
    assert!(half.is_empty() || announced, "a part is never made whole: {half}");
    let stalled = get(&stage, "/slow");
    assert!(stalled.ends_with("5\r\nfirst\r\n"), "{stalled}");
    assert_eq!(stage.metric("sluss_upstream_errors_total{reason=\"timeout\"}"), 1.0);
    assert_eq!(stage.metric("sluss_upstream_errors_total{reason=\"broken\"}"), 1.0);
    stage.existing.go_on();
    stage.close().await;

    let folder = tempfile::tempdir().unwrap();
    super::stage::plant(&folder.path().join("acme.db"));
    let existing = Existing::start(&folder.path().join("acme.db"));
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], sluss_s3::free_port()));
    let stage = Stage::before(folder, nobody, existing, "", ROUTES).await;
    problem(&get(&stage, "/app/"), 502, "bad-gateway");
    problem(&get(&stage, "/api/v2/acme/projects/7/files/1/content"), 502, "bad-gateway");
    assert_eq!(stage.metric("sluss_upstream_errors_total{reason=\"unreachable\"}"), 2.0);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_than_there_are_places_wait_and_then_are_refused() {
    let stage = Stage::open("connections = 1", "[limits]\nqueue_timeout = \"100ms\"").await;
    let mut first = Connection::open(stage.documents);
    first.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    first.head();
    problem(&get(&stage, "/app/"), 503, "overloaded");
    stage.existing.go_on();
    first.until(b"0\r\n\r\n");
    drop(first);
    assert!(get(&stage, "/app/").starts_with("HTTP/1.1 200 "));
    assert_eq!(stage.metric("sluss_upstream_errors_total{reason=\"full\"}"), 1.0);
    stage.close().await;
}
