//! Documents far larger than the memory that a process may use.

// clippy.toml allows it in tests, and knows a test by its attribute: the functions here are called by tests.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use serde_json::json;
use sluss::admin::views::TenantView;
use sluss::body;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use sluss_tds::ground::Ground;
use support::lab::{Lab, Seat};
use support::process::Process;

const LENGTH: u64 = 256 << 20;
const PATH: &str = "/v1/tenants/acme/documents/1";

/// What the process may have used at its peak: half of the document.
const PEAK_KIB: u64 = 128 << 10;

const SETTINGS: &str = "[limits]\nstore_timeout = \"60s\"\n[agents]\npoll_max = \"200ms\"\n";

#[tokio::test]
async fn a_document_of_256_mib_goes_in_is_copied_read_and_written_back_in_128_mib_of_memory() {
    let lab = Lab::new(SETTINGS);
    let seat = lab.seat("gateway");
    walk(&lab, seat).await;
}

/// The server runs in this process, and the gateway, whose memory counts, in its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sql_server_the_same_document_takes_no_more_memory() {
    let (lab, ground) = (Lab::new(SETTINGS), Ground::new().await);
    let table = "CREATE TABLE dbo.documents (id int NOT NULL PRIMARY KEY, rv rowversion NOT NULL, content varbinary(max) NULL)";
    ground.client().run(table, &[]).unwrap();
    let seat = lab.seat("gateway");
    let tenant = format!(
        "{}[objects]\ndisk = \"../../objects\"\n[collections.documents]\ntable = \"documents\"\nid = \"id\"\nid_type = \"integer\"\n\
         content = \"content\"\nrevision = \"rv\"\ncreate = \"insert\"\n",
        ground.sql_section()
    );
    std::fs::write(seat.config.with_file_name("tenants/acme.toml"), tenant).unwrap();
    walk(&lab, seat).await;
}

async fn walk(lab: &Lab, seat: Seat) {
    lab.init(&seat);
    let mut process = Process::start(&seat, &["serve"]);
    process.wait_for(seat.documents);
    let (documents, admin) = (seat.documents_client(), seat.admin_client());

    let first = Pattern { seed: 1, length: LENGTH };
    put(&documents, first).await;
    read(&documents, first, "sql").await;
    flip(&admin, "shadow").await;
    wait_for(&admin, "both").await;
    flip(&admin, "dual").await;
    read(&documents, first, "object").await;

    flip(&admin, "object").await;
    let second = Pattern { seed: 2, length: LENGTH };
    put(&documents, second).await;
    wait_for(&admin, "object").await;
    read(&documents, second, "object").await;
    flip(&admin, "dual").await;
    wait_for(&admin, "both").await;
    flip(&admin, "sql").await;
    read(&documents, second, "sql").await;

    let peak = process.peak_kib();
    println!("peak RSS {} MiB", peak >> 10);
    assert!(peak < PEAK_KIB, "the process used {peak} KiB at its peak");
}

async fn put(documents: &HttpClient, pattern: Pattern) {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, pattern.length.into());
    let answer = documents.request(Method::PUT, PATH, headers, body::stream(pattern.stream())).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.status);
}

/// Whole, and a range across several pieces.
async fn read(documents: &HttpClient, pattern: Pattern, served_from: &str) {
    let whole = documents.request(Method::GET, PATH, HeaderMap::new(), body::empty()).await.unwrap();
    assert_eq!(whole.headers["served-from"], served_from);
    assert_eq!(check(whole, pattern, 0).await, LENGTH);
    let mut headers = HeaderMap::new();
    headers.insert(RANGE, HeaderValue::from_static("bytes=123456789-130000000"));
    let part = documents.request(Method::GET, PATH, headers, body::empty()).await.unwrap();
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(check(part, pattern, 123_456_789).await, 130_000_001);
}

/// Compares as it comes; answers where it ended.
async fn check(mut answer: sluss::client::Answer, pattern: Pattern, from: u64) -> u64 {
    let mut at = from;
    while let Some(piece) = answer.piece().await.unwrap() {
        assert!(pattern.matches(at, &piece), "wrong bytes at {at}");
        at += piece.len() as u64;
    }
    at
}

async fn flip(admin: &HttpClient, to: &str) {
    let (status, answer) = admin.json(Method::POST, "/admin/v1/tenants/acme/phase", Some(&json!({ "to": to }))).await.unwrap();
    assert!(status.is_success(), "{answer}");
}

/// Until the one document is held so, and no work is left.
async fn wait_for(admin: &HttpClient, holder: &str) {
    for _ in 0..600 {
        let (_, answer) = admin.json(Method::GET, "/admin/v1/tenants/acme", None).await.unwrap();
        let view: TenantView = serde_json::from_value(answer).unwrap();
        if view.held_by[holder].documents == 1 && view.backlog == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the document is not held by {holder}");
}
