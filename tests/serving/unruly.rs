//! Clients that use HTTP/2 against its server. Each of them loses its own connection or stream, and nobody else anything.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, Raw, SETTINGS, frame, get, get_with,
};
use super::house::{House, MIB, Plan, content, document};
use super::http2::Http2;
use super::support::customers::ACME;
use super::wire::Ask;

const WHOLE: u8 = END_STREAM | END_HEADERS;

#[tokio::test]
async fn requests_that_are_taken_back_without_end_cost_the_connection() {
    let house = House::open(Plan::default()).await;
    let mut raw = Raw::open(house.documents, &[]).await;
    let head = get(&document(&ACME, "1"));
    let requests = (0..2000u32).map(|number| 2 * number + 1);
    let flood: Vec<u8> =
        requests.flat_map(|stream| [frame(HEADERS, WHOLE, stream, &head), frame(RST_STREAM, 0, stream, &CANCEL)].concat()).collect();
    let _ = raw.send(&flood).await;
    let frames = raw.rest().await;
    // A reset may overtake what was said before it.
    assert!(frames.iter().all(|frame| frame.kind != HEADERS || frame.stream < 400), "the flood was served");
    assert!(super::wire::ask(house.documents, &Ask::get(document(&ACME, "1"))).await.status == 404);
    house.close().await;
}

#[tokio::test]
async fn headers_without_end_cost_the_connection() {
    let house = House::open(Plan::default()).await;
    let mut raw = Raw::open(house.documents, &[]).await;
    raw.send(&frame(HEADERS, END_STREAM, 1, &get("/"))).await.unwrap();
    // Each of them well-formed, and none of them the last.
    let more = frame(CONTINUATION, 0, 1, &get_with("/", 1000)[get("/").len()..]);
    let begun = Instant::now();
    // What comes after our goodbye is thrown away for a while, so that the goodbye arrives.
    while raw.send(&more).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody stops it");
    }
    house.close().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_or_has_too_many_headers_is_answered_431() {
    let house = House::open(Plan { limits: "max_headers = 20", ..Plan::default() }).await;
    let mut http2 = Http2::open(house.documents).await;
    let large = Ask::get(document(&ACME, "1")).with("X-Large", "x".repeat(20_000));
    assert_eq!(http2.ask(&large).await.status, 431);
    let many = (0..30).fold(Ask::get(document(&ACME, "1")), |ask, number| ask.with(&format!("X-{number}"), "y"));
    assert_eq!(http2.ask(&many).await.status, 431);
    assert_eq!(super::wire::ask(house.documents, &many.with("Connection", "close")).await.status, 431);
    assert_eq!(http2.ask(&Ask::get(document(&ACME, "1"))).await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn a_flood_of_settings_and_pings_stops_where_its_answers_are_not_read() {
    let house = House::open(Plan { limits: "min_rate = \"1MiB\"\nrate_window = \"1s\"", ..Plan::default() }).await;
    let mut raw = Raw::open(house.documents, &[]).await;
    let flood = [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &[7; 8])].concat().repeat(1000);
    let mut sent = 0;
    // It is taken until the server's answers fill what the kernel holds; then the server reads no further, and cuts.
    while raw.send(&flood).await.is_ok() {
        sent += flood.len();
        assert!(sent < 256 * MIB as usize, "its answers are kept somewhere");
    }
    assert_eq!(super::wire::ask(house.documents, &Ask::get(document(&ACME, "1"))).await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_reset_and_its_connection_goes_on() {
    let house = House::open(Plan { limits: "min_rate = \"1MiB\"\nrate_window = \"1s\"", ..Plan::default() }).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, MIB)).await;
    // SETTINGS_INITIAL_WINDOW_SIZE = 0.
    let mut raw = Raw::open(house.documents, &[0, 4, 0, 0, 0, 0]).await;
    raw.send(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
    raw.send(&frame(HEADERS, WHOLE, 1, &get(&witness.path))).await.unwrap();
    assert_eq!(raw.until(HEADERS).await.stream, 1);
    let reset = raw.until(RST_STREAM).await;
    assert_eq!((reset.stream, reset.payload.as_slice()), (1, CANCEL.as_slice()));
    // A window for this stream, and the connection serves it.
    raw.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])).await.unwrap();
    raw.send(&frame(HEADERS, WHOLE, 3, &get(&witness.path))).await.unwrap();
    assert_eq!(raw.until(HEADERS).await.stream, 3);
    assert_eq!(raw.until(DATA).await.stream, 3);
    drop(raw);
    house.close().await;
}

#[tokio::test]
async fn a_connection_without_requests_is_told_to_go() {
    let house = House::open(Plan { limits: "idle_timeout = \"300ms\"\nheader_timeout = \"300ms\"", ..Plan::default() }).await;
    let mut raw = Raw::open(house.documents, &[]).await;
    raw.send(&frame(SETTINGS, ACK, 0, &[])).await.unwrap();
    raw.send(&frame(HEADERS, WHOLE, 1, &get(&document(&ACME, "1")))).await.unwrap();
    assert_eq!(raw.until(HEADERS).await.stream, 1);
    raw.until(GOAWAY).await;
    raw.rest().await;
    house.close().await;
}
