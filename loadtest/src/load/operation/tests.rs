//! Requests against a server that answers as it is told, rightly and not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::*;
use crate::content::{Contents, Texture};
use crate::seed::Manifest;
use crate::sizes::Sizes;

const DOCUMENT: Document = Document { tenant: 0, id: 7 };

/// Shows the tag that no longer holds.
const OUTDATED: u64 = 0;
/// Shows the one that was seen last.
const LAST: u64 = 1;

fn ledger() -> Ledger {
    let contents = Contents { seed: 1, sizes: Sizes::Fixed(10), texture: Texture::Random };
    Ledger::of(Manifest { contents, tenants: 1, documents: 10 })
}

/// Sends one request to a server that gives this answer, and tells what it came to and what was sent.
async fn answered(ledger: &Ledger, operation: Operation, dice: u64, answer: String) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = HttpClient::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap(), None).unwrap();
    let server = TaskTracker::new();
    let asked = server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(head).unwrap().to_ascii_lowercase()
    });
    let due = Due { at: Duration::ZERO, operation, tenant: DOCUMENT.tenant, id: DOCUMENT.id, dice };
    let outcome = Worker { documents: &client, ledger }.perform(due).await;
    (outcome, asked.await.unwrap())
}

fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} \r\nconnection: close\r\n{headers}\r\n")
}

fn not_modified(tag: &str) -> String {
    head(304, &format!("etag: \"{tag}\"\r\n"))
}

/// The ledger after a read that saw `a`, and a write that was acknowledged with `b`.
fn written_once() -> Ledger {
    let (ledger, tag) = (ledger(), |text| HeaderValue::from_static(text));
    ledger.saw_etag(DOCUMENT, ledger.mark(DOCUMENT), tag("\"a\""));
    ledger.begin(DOCUMENT, false);
    ledger.acknowledge(DOCUMENT, Some(tag("\"b\"")));
    ledger
}

#[tokio::test]
async fn a_304_is_right_for_the_tag_that_still_holds_and_for_no_other() {
    let ledger = written_once();
    let (outcome, asked) = answered(&ledger, Operation::Conditional, LAST, not_modified("b")).await;
    assert!(asked.contains("if-none-match: \"b\""), "{asked}");
    assert_eq!(outcome, Outcome::Right { from: "unchanged", bytes: 0 });
    let (outcome, _) = answered(&ledger, Operation::Conditional, LAST, not_modified("a")).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "another tag: {outcome:?}");
    let (outcome, _) = answered(&ledger, Operation::Conditional, LAST, head(304, "")).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "no tag: {outcome:?}");
    let (outcome, asked) = answered(&ledger, Operation::Conditional, OUTDATED, not_modified("a")).await;
    assert!(asked.contains("if-none-match: \"a\""), "{asked}");
    assert!(matches!(outcome, Outcome::Wrong(_)), "a write has replaced it: {outcome:?}");
    let (outcome, asked) = answered(&ledger, Operation::Read, LAST, not_modified("b")).await;
    assert!(!asked.contains("if-none-match") && matches!(outcome, Outcome::Wrong(_)), "nobody asked for it: {outcome:?}");
}

#[tokio::test]
async fn a_condition_that_is_not_looked_at_is_noticed() {
    let ledger = written_once();
    let whole = head(200, "etag: \"b\"\r\ncontent-length: 0\r\n");
    let (outcome, _) = answered(&ledger, Operation::Conditional, LAST, whole).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_range_is_answered_with_its_part_or_with_the_end_that_a_content_has() {
    let ledger = ledger();
    let (outcome, _) = answered(&ledger, Operation::Range, 3, head(200, "content-length: 0\r\n")).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "not the whole: {outcome:?}");
    let (outcome, _) = answered(&ledger, Operation::Range, 3, head(416, "content-range: bytes */2\r\ncontent-length: 0\r\n")).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "it has 10 bytes, and never had 2: {outcome:?}");
}

#[tokio::test]
async fn a_list_that_is_cut_short_is_wrong() {
    let ledger = ledger();
    let list = |ids: &[u64]| {
        let rows: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id.to_string(), "size": 10 })).collect();
        head(200, "") + &serde_json::json!({ "documents": rows, "next": null }).to_string()
    };
    let (outcome, asked) = answered(&ledger, Operation::List, 0, list(&[8, 9, 10])).await;
    assert!(asked.starts_with("get /v1/tenants/t1/documents?after=7&limit=50 ") && matches!(outcome, Outcome::Right { .. }), "{outcome:?}");
    let (outcome, _) = answered(&ledger, Operation::List, 0, list(&[8, 9])).await;
    assert!(matches!(outcome, Outcome::Wrong(_)), "{outcome:?}");
}
