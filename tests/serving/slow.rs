//! Clients that hold connections and do nothing with them.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::frames::{HEADERS, Raw, frame, get};
use super::house::{House, Plan, content, document};
use super::http2::Http2;
use super::support::customers::ACME;
use super::wire::Ask;

const EACH: usize = 100;

async fn open(house: &House, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.documents).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn hundreds_that_send_half_a_head_hold_nobody_up_and_are_sent_away() {
    let limits = "header_timeout = \"1500ms\"\nidle_timeout = \"2s\"";
    let house = House::open(Plan { limits, ..Plan::default() }).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 10_000)).await;
    let begun = Instant::now();
    let silent = join_all((0..EACH).map(|_| open(&house, ""))).await;
    let halves = join_all((0..EACH).map(|_| open(&house, "GET / HTTP/1.1\r\nHost: a\r\nX: "))).await;
    let idle = join_all((0..EACH).map(|_| open(&house, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"))).await;
    let half_http2 = join_all((0..EACH).map(|_| async {
        let mut raw = Raw::open(house.documents, &[]).await;
        let head = frame(HEADERS, 0, 1, &get("/"));
        raw.send(&head[..head.len() - 3]).await.unwrap();
        raw
    }))
    .await;
    let mut http2 = Http2::open(house.documents).await;
    for _ in 0..20 {
        let asked = Instant::now();
        house.assert_unchanged(&witness).await;
        assert!(http2.ask(&Ask::get(&witness.path)).await.body == witness.content);
        assert!(asked.elapsed() < Duration::from_secs(1), "held up for {:?}", asked.elapsed());
    }
    let ends = silent.into_iter().chain(halves).chain(idle).map(|mut stream| async move {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let ends_of_http2 = half_http2.into_iter().map(|mut raw| async move {
        raw.rest().await;
    });
    tokio::join!(join_all(ends), join_all(ends_of_http2));
    assert!(begun.elapsed() < Duration::from_secs(15), "they were kept for {:?}", begun.elapsed());
    house.assert_unchanged(&witness).await;
    house.close().await;
}
