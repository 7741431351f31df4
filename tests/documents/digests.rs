//! `Content-Digest` and `Repr-Digest` of RFC 9530: a body that is not what it was announced as is refused on each of its ways into a
//! store, before anybody can see it, and nothing of it stays.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use sluss::model::phase::Phase;

use super::house::{House, KIB, MIB, Plan, content, document, wait_until};
use super::support::customers::ACME;
use super::wire::{Ask, Wire};

fn digest(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(content)))
}

/// In one statement; through staging, or as one object; and as an object whose upload has begun long before its end.
const LENGTHS: [u64; 4] = [0, 10, 70 * KIB, 3 * MIB + 5];

#[tokio::test]
async fn a_body_that_is_not_what_was_announced_is_refused_and_leaves_nothing() {
    for phase in [Phase::Sql, Phase::Object] {
        let plan = Plan { phase, agents: "abandoned_after = \"1s\"", ..Plan::default() };
        let house = House::open(plan).await;
        let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
        for (length, name) in LENGTHS.into_iter().flat_map(|length| [(length, "Content-Digest"), (length, "Repr-Digest")]) {
            let sent = content(2, length);
            for path in [witness.path.clone(), document(&ACME, "2")] {
                let lie = Ask::put(&path, sent.clone()).with(name, digest(b"another"));
                let detail = house.ask(&lie).await.problem(400, "digest-mismatch");
                assert!(detail.contains("nothing was changed"), "{detail}");
            }
            house.assert_unchanged(&witness).await;
            house.get(&document(&ACME, "2")).await.problem(404, "not-found");
        }
        for malformed in ["sha-256=AAAA", "sha-256=:AAAA:", "sha-256", "SHA-256=:AAAA:"] {
            let ask = Ask::put(&witness.path, "x").with("Content-Digest", malformed);
            assert!(house.ask(&ask).await.problem(400, "bad-request").contains("sha-256=:"), "{malformed}");
        }
        house.assert_unchanged(&witness).await;
        wait_until("nothing of it is left", async || {
            house.sweep(&ACME).await;
            let database = house.database(&ACME);
            let count =
                |table: &str| -> usize { database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
            let kept = if phase == Phase::Object { 1 } else { 0 };
            count("sluss_upload") + count("sluss_staging") + house.staged_files(&ACME).len() == 0 && house.object_files(&ACME).len() == kept
        })
        .await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_body_that_is_what_was_announced_is_taken() {
    for phase in [Phase::Sql, Phase::Object] {
        let house = House::in_phase(phase).await;
        for length in LENGTHS {
            let (path, sent) = (document(&ACME, &length.to_string()), content(3, length));
            let both = Ask::put(&path, sent.clone()).with("Content-Digest", digest(&sent)).with("Repr-Digest", digest(&sent));
            assert_eq!(house.ask(&both).await.status, 201, "{length} in {phase}");
            let unknown = Ask::put(&path, sent.clone()).with("Content-Digest", "sha-512=:AAAA:, unixsum=:AA==:");
            assert_eq!(house.ask(&unknown).await.status, 204, "{length} in {phase}");
            house.witness(&path, sent).await;
        }
        // Announced, and of a length that nobody knows before.
        let (path, sent) = (document(&ACME, "9"), content(4, MIB + 5));
        let chunked = |digest: String| Ask::new("PUT", &path).with("Transfer-Encoding", "chunked").with("Content-Digest", digest);
        for (head, status) in [(chunked(digest(b"another")), 400), (chunked(digest(&sent)), 201)] {
            let mut wire = Wire::open(house.documents).await;
            wire.send(head.head()).await.unwrap();
            for chunk in sent.chunks(300_000) {
                wire.send_chunk(chunk).await.unwrap();
            }
            wire.send_chunk(b"").await.unwrap();
            assert_eq!(wire.answer_to("PUT").await.unwrap().status, status, "{phase}");
        }
        house.witness(&path, sent).await;
        house.close().await;
    }
}

#[tokio::test]
async fn an_answer_tells_the_sha_256_of_exactly_its_content_where_it_is_known() {
    let house = House::in_phase(Phase::Object).await;
    let path = document(&ACME, "1");
    for seed in [5, 6] {
        let sent = content(seed, 3 * MIB + 5);
        house.ask(&Ask::put(&path, sent.clone())).await;
        let whole = house.get(&path).await;
        let expected = digest(&sent);
        assert_eq!((whole.header("content-digest"), whole.header("repr-digest")), (expected.as_str(), expected.as_str()));
        // Of a part there is no digest of its own, and to HEAD there is no content.
        let part = house.ask(&Ask::get(&path).with("Range", "bytes=5-9")).await;
        assert_eq!((part.status, part.header("content-digest"), part.header("repr-digest")), (206, "", expected.as_str()));
        let head = house.ask(&Ask::new("HEAD", &path)).await;
        assert_eq!((head.header("content-digest"), head.header("repr-digest")), ("", expected.as_str()));
        assert_eq!(house.ask(&Ask::get(&path).with("If-None-Match", whole.header("etag"))).await.header("repr-digest"), "");
    }
    // A program of the customer's writes around the object, whose hash is not that content's.
    house.database(&ACME).execute("UPDATE documents SET content = CAST('theirs' AS BLOB) WHERE id = 1", []).unwrap();
    let theirs = house.get(&path).await;
    assert_eq!((theirs.text().as_str(), theirs.header("repr-digest"), theirs.header("content-digest")), ("theirs", "", ""));
    house.close().await;
}
