//! Bodies that are too large, too short, too long, too slow, or whose client goes away. Nothing of them is ever seen, and
//! nothing of them stays.

use std::time::Duration;

use sluss::model::phase::Phase;

use super::house::{ACME_TOKEN, House, KIB, MIB, Plan, Witness, content, document, wait_until};
use super::support::customers::ACME;
use super::wire::{Answer, Ask, Wire, ask};

const BOTH: [Phase; 2] = [Phase::Sql, Phase::Object];

async fn house_with_witness(plan: Plan) -> (House, Witness) {
    let house = House::open(plan).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 5000)).await;
    (house, witness)
}

fn limited(phase: Phase) -> Plan {
    Plan { phase, limits: "max_document_bytes = \"2MiB\"", ..Plan::default() }
}

/// Content of a length that is announced in another way than by its own.
fn put_head(framing: (&str, &str)) -> String {
    Ask::new("PUT", document(&ACME, "1")).with(framing.0, framing.1).head()
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_refused_before_it_is_sent() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(limited(phase)).await;
        let announced = (2 * MIB + 1).to_string();
        let polite = Ask::new("PUT", &witness.path).with("Content-Length", &announced).with("Expect", "100-continue");
        let mut wire = Wire::open(house.documents).await;
        wire.send(polite.head()).await.unwrap();
        let detail = wire.answer_to("PUT").await.unwrap().problem(413, "too-large");
        assert_eq!(detail, "the body is larger than the limit of 2097152 bytes");
        house.assert_unchanged(&witness).await;
        drop(wire);

        let rude = ask(house.documents, &Ask::put(&witness.path, content(2, 2 * MIB + 1))).await;
        rude.problem(413, "too-large");
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_refused_once_it_is_too_large() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(limited(phase)).await;
        let mut wire = Wire::open(house.documents).await;
        wire.send(put_head(("Transfer-Encoding", "chunked"))).await.unwrap();
        for _ in 0..5 {
            // A server that has answered may have closed already.
            let _ = wire.send_chunk(&content(3, MIB / 2)).await;
        }
        wire.answer_to("PUT").await.unwrap().problem(413, "too-large");
        drop(wire);
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_up_to_the_limit_is_taken() {
    for phase in BOTH {
        let (house, _) = house_with_witness(limited(phase)).await;
        let mut wire = Wire::open(house.documents).await;
        wire.send(put_head(("Transfer-Encoding", "chunked"))).await.unwrap();
        let whole = content(4, 2 * MIB);
        for chunk in whole.chunks(300_000) {
            wire.send_chunk(chunk).await.unwrap();
        }
        wire.send_chunk(b"").await.unwrap();
        assert_eq!(wire.answer_to("PUT").await.unwrap().status, 204);
        drop(wire);
        house.witness(&document(&ACME, "1"), whole).await;
        house.close().await;
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let (house, witness) = house_with_witness(Plan::default()).await;
    let mut wire = Wire::open(house.documents).await;
    let request = Ask::new("PUT", &witness.path).with("Content-Length", "5").with("Expect", "100-continue");
    wire.send(request.head()).await.unwrap();
    assert_eq!(wire.answer_head().await.unwrap().status, 100);
    wire.send("hello").await.unwrap();
    assert_eq!(wire.answer_to("PUT").await.unwrap().status, 204);
    drop(wire);
    house.witness(&witness.path, b"hello".to_vec()).await;
    house.close().await;
}

/// A client that says goodbye is gone, and may get no answer; one that waits for it gets the problem.
#[tokio::test]
async fn a_body_shorter_than_announced_changes_nothing() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(Plan { phase, ..Plan::default() }).await;
        for sent in [0, 10, 70 * KIB, 2 * MIB] {
            let mut wire = Wire::open(house.documents).await;
            wire.send(put_head(("Content-Length", "3000000"))).await.unwrap();
            wire.send(content(5, sent)).await.unwrap();
            wire.close_our_side().await;
            if let Some(answer) = wire.answer_to("PUT").await {
                answer.problem(400, "body-incomplete");
            }
            house.assert_unchanged(&witness).await;
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_chunked_body_that_breaks_its_framing_changes_nothing() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(Plan { phase, ..Plan::default() }).await;
        let mut wire = Wire::open(house.documents).await;
        wire.send(put_head(("Transfer-Encoding", "chunked"))).await.unwrap();
        wire.send_chunk(b"a good beginning").await.unwrap();
        wire.send("this is no length\r\n").await.unwrap();
        wire.answer_to("PUT").await.unwrap().problem(400, "body-incomplete");
        drop(wire);
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

/// HTTP reads what follows a body as the next request. It is one without a token, and the connection ends with it.
#[tokio::test]
async fn what_follows_a_body_that_is_longer_than_announced_does_no_harm() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(Plan { phase, tokens: true, ..Plan::default() }).await;
        let smuggled = format!("DELETE {} HTTP/1.1\r\nHost: sluss.test\r\n\r\n", witness.path);
        for (rest, then) in [("and more than that\r\n\r\n", 400), (smuggled.as_str(), 401)] {
            let request = Ask::put(document(&ACME, "2"), "hello").with("Authorization", format!("Bearer {ACME_TOKEN}"));
            let mut wire = Wire::open(house.documents).await;
            wire.send(request.head() + "hello" + rest).await.unwrap();
            assert!([201, 204].contains(&wire.answer_to("PUT").await.unwrap().status));
            assert_eq!(wire.answer_to("DELETE").await.unwrap().status, then);
            house.witness(&document(&ACME, "2"), b"hello".to_vec()).await;
            house.assert_unchanged(&witness).await;
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_body_of_two_lengths_is_read_by_its_chunks_or_refused() {
    let (house, witness) = house_with_witness(Plan::default()).await;
    let mut wire = Wire::open(house.documents).await;
    let both = Ask::new("PUT", &witness.path).with("Content-Length", "5").with("Transfer-Encoding", "chunked");
    wire.send(both.head()).await.unwrap();
    wire.send_chunk(b"hello world").await.unwrap();
    wire.send_chunk(b"").await.unwrap();
    assert_eq!(wire.answer_to("PUT").await.unwrap().status, 204);
    drop(wire);
    let witness = house.witness(&witness.path, b"hello world".to_vec()).await;

    let mut wire = Wire::open(house.documents).await;
    let different = Ask::new("PUT", &witness.path).with("Content-Length", "5").with("Content-Length", "6");
    wire.send(different.head() + "hello!").await.unwrap();
    assert_eq!(wire.answer_to("PUT").await.unwrap().status, 400);
    drop(wire);
    house.assert_unchanged(&witness).await;
    house.close().await;
}

#[tokio::test]
async fn a_client_that_is_gone_in_mid_body_leaves_nothing_behind() {
    for phase in BOTH {
        let plan = Plan { phase, agents: "abandoned_after = \"1s\"", ..Plan::default() };
        let (house, witness) = house_with_witness(plan).await;
        for sent in [1000, 2 * MIB + 5] {
            let mut wire = Wire::open(house.documents).await;
            wire.send(put_head(("Content-Length", "3145728"))).await.unwrap();
            wire.send(content(6, sent)).await.unwrap();
            if sent > MIB {
                wait_until("something of the body is stored", async || left_behind(&house) > 0).await;
            }
            drop(wire);
            house.assert_unchanged(&witness).await;
        }
        wait_until("nothing of it is left", async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            house.sweep(&ACME).await;
            left_behind(&house) == 0
        })
        .await;
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}

/// Rows and files of writes that are under way, or were.
fn left_behind(house: &House) -> usize {
    let database = house.database(&ACME);
    let count = |table: &str| -> usize { database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    count("sluss_upload") + count("sluss_staging") + count("sluss_staging_piece") + house.staged_files(&ACME).len()
}

#[tokio::test]
async fn a_body_slower_than_the_least_rate_is_cut() {
    for phase in BOTH {
        let limits = "min_rate = \"100KiB\"\nrate_window = \"1s\"";
        let (house, witness) = house_with_witness(Plan { phase, limits, ..Plan::default() }).await;
        for sent in [10, MIB + 100] {
            let mut wire = Wire::open(house.documents).await;
            wire.send(put_head(("Content-Length", "3145728"))).await.unwrap();
            wire.send(content(7, sent)).await.unwrap();
            let answer: Answer = wire.answer_to("PUT").await.unwrap();
            assert_eq!(answer.problem(408, "body-too-slow"), "the body came slower than the configured rate");
            assert!(wire.is_closed().await, "the rest of the body must not be taken for a request");
            house.assert_unchanged(&witness).await;
        }
        house.close().await;
    }
}

#[tokio::test]
async fn a_connection_is_good_for_the_next_request_after_a_refusal() {
    for phase in BOTH {
        let (house, witness) = house_with_witness(Plan { phase, ..Plan::default() }).await;
        let mut wire = Wire::open(house.documents).await;
        for _ in 0..3 {
            assert_eq!(wire.ask(&Ask::new("HEAD", document(&ACME, "404"))).await.status, 404);
            assert_eq!(wire.ask(&Ask::get(&witness.path).with("If-None-Match", &witness.etag)).await.status, 304);
            assert_eq!(wire.ask(&Ask::get(&witness.path).with("Range", "bytes=5000-")).await.status, 416);
            assert_eq!(wire.ask(&Ask::get(&witness.path)).await.body, witness.content);
        }
        // Two requests at once are answered one after the other.
        let get = Ask::get(&witness.path);
        wire.send(get.head() + &get.head()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(wire.answer_to("GET").await.unwrap().body, witness.content);
        }
        // What is unread of a refused body is not taken for a request, and the client is told not to send one.
        let refused = wire.ask(&Ask::put(&witness.path, content(8, 3000)).with("If-Match", "\"r-1-0\"")).await;
        refused.problem(412, "precondition-failed");
        assert_eq!((refused.header("connection"), wire.is_closed().await), ("close", true));
        drop(wire);
        house.assert_unchanged(&witness).await;
        house.close().await;
    }
}
