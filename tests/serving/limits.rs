//! Limits of tenants, tokens and the process: whoever passes one is told when to come again, and the others are served.

use std::time::Duration;

use super::house::{ACME_TOKEN, GLOBEX_TOKEN, House, MIB, Plan, READER_TOKEN, content, document, wait_until};
use super::http2::Http2;
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Ask, Wire};

/// Clients that have asked for a large document and do not take it.
async fn hold(house: &House, ask: &Ask, most: usize) -> Vec<Wire> {
    let mut held = Vec::new();
    while held.len() < most {
        let mut wire = Wire::open(house.documents).await;
        wire.send(ask.head()).await.unwrap();
        match wire.answer_head().await.unwrap().status {
            200 => held.push(wire),
            503 => break,
            other => panic!("answered {other}"),
        }
    }
    held
}

fn large() -> Vec<u8> {
    content(1, 24 * MIB)
}

#[tokio::test]
async fn a_tenant_at_its_limit_does_not_slow_another() {
    let house = House::open(Plan { limits: "concurrent_requests_per_tenant = 2\nbuffer_bytes = \"64MiB\"", ..Plan::default() }).await;
    let (acme, globex) = (document(&ACME, "1"), document(&GLOBEX, "a"));
    house.plant(&acme, large()).await;
    house.plant(&globex, content(2, 1000)).await;
    let held = hold(&house, &Ask::get(&acme), 9).await;
    assert_eq!(held.len(), 2);
    house.get(&acme).await.problem(503, "overloaded");
    Http2::open(house.documents).await.ask(&Ask::get(&acme)).await.problem(503, "overloaded");
    for _ in 0..20 {
        assert_eq!(house.get(&globex).await.status, 200);
    }
    assert_eq!(house.metric("sluss_shed_total{reason=\"tenant\"}").await, 3.0);
    drop(held);
    wait_until("the places are free", async || house.get(&acme).await.status == 200).await;
    house.close().await;
}

#[tokio::test]
async fn a_token_at_its_limit_leaves_its_tenant_to_the_others() {
    let house = House::open(Plan { tokens: true, limits: "concurrent_requests_per_token = 1", ..Plan::default() }).await;
    let path = document(&ACME, "1");
    house.plant(&path, large()).await;
    let by = |token: &str| Ask::get(&path).with("Authorization", format!("Bearer {token}"));
    let held = hold(&house, &by(READER_TOKEN), 9).await;
    assert_eq!(held.len(), 1);
    assert_eq!(house.ask(&by(ACME_TOKEN)).await.status, 200);
    // Whoever is not known holds no place, and gets none.
    assert_eq!(house.ask(&by("nobody")).await.status, 401);
    assert_eq!(house.ask(&by(GLOBEX_TOKEN)).await.status, 403);
    drop(held);
    house.close().await;
}

#[tokio::test]
async fn a_tenant_that_takes_all_it_gets_leaves_another_its_part_of_the_process() {
    let house = House::open(Plan { limits: "concurrent_requests = 8", ..Plan::default() }).await;
    let (acme, globex) = (document(&ACME, "1"), document(&GLOBEX, "a"));
    house.plant(&acme, large()).await;
    house.plant(&globex, large()).await;
    let greedy = hold(&house, &Ask::get(&acme), 9).await;
    assert!((4..8).contains(&greedy.len()), "{}", greedy.len());
    let other = hold(&house, &Ask::get(&globex), 9).await;
    assert!(other.len() >= 2, "{}", other.len());
    assert!(house.metric("sluss_shed_total{reason=\"process\"}").await >= 1.0);
    drop((greedy, other));
    house.close().await;
}

#[tokio::test]
async fn requests_above_a_rate_are_told_how_long_to_wait() {
    let limits = "requests_per_second_per_token = 1\nrate_burst = \"3s\"";
    let house = House::open(Plan { tokens: true, limits, ..Plan::default() }).await;
    let by = |token: &str| Ask::get(document(&ACME, "1")).with("Authorization", format!("Bearer {token}"));
    for _ in 0..3 {
        assert_eq!(house.ask(&by(ACME_TOKEN)).await.status, 404);
    }
    let refused = house.ask(&by(ACME_TOKEN)).await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(house.ask(&by(READER_TOKEN)).await.status, 404);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(house.ask(&by(ACME_TOKEN)).await.status, 404);
    assert_eq!(house.metric("sluss_shed_total{reason=\"token_rate\"}").await, 1.0);
    house.close().await;
}

#[tokio::test]
async fn a_tenants_own_limit_follows_its_file() {
    let house = House::open(Plan::default()).await;
    let file = house.objects().with_file_name("tenants").join("acme.toml");
    // From here on the process has looked at its files once.
    assert_eq!(house.get(&document(&ACME, "1")).await.status, 404);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "[limits]\nrequests_per_second = 1\n").unwrap();
    wait_until("the tenant's rate is kept", async || house.get(&document(&ACME, "1")).await.status == 429).await;
    for _ in 0..10 {
        assert_eq!(house.get(&document(&GLOBEX, "a")).await.status, 404);
    }
    house.close().await;
}
