//! Anything at all is sent to both listeners. Whatever it is, the server lives, nothing in it panics, no answer blames the server for
//! what the client did, every answer is HTTP, and the next sound request is answered as ever.
//!
//! `SLUSS_FUZZ_SECONDS` says how long, `SLUSS_SEED` repeats one case.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use sluss::client::HttpClient;
use sluss::demo::pattern::Pattern;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::house::{Ask, House, ask};
use super::mangled::{Sent, sent};

/// How long a connection may say nothing before it is taken to wait for the rest of a request that never comes.
const SILENCE: Duration = Duration::from_millis(150);

/// Far fewer than the server takes: nobody is refused for their number.
const AT_ONCE: u64 = 12;

#[expect(clippy::disallowed_methods, reason = "how long a test lasts, and which case it repeats, is said from outside")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process answers in real time")]
fn whatever_is_sent_nothing_breaks_and_nobody_is_blamed_wrongly() {
    let house = House::open();
    let end = Instant::now() + Duration::from_secs(setting("SLUSS_FUZZ_SECONDS").unwrap_or(2));
    let (first, only) = match setting("SLUSS_SEED") {
        Some(seed) => (seed, true),
        None => (rand::random::<u32>().into(), false),
    };
    let next = AtomicU64::new(first);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let statuses = runtime.block_on(async {
        let walk = async || {
            let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
            let client = house.seat.documents_client();
            while Instant::now() < end {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                for status in case(&house, &client, seed).await {
                    *statuses.entry(status).or_default() += 1;
                }
                if only {
                    break;
                }
            }
            statuses
        };
        let walks = (0..if only { 1 } else { AT_ONCE }).map(|_| walk());
        futures_util::future::join_all(walks).await.into_iter().fold(BTreeMap::new(), |mut all: BTreeMap<u16, u64>, part| {
            part.into_iter().for_each(|(status, count)| *all.entry(status).or_default() += count);
            all
        })
    });
    println!("{} cases from seed {first}; answers by status: {statuses:?}", next.load(Ordering::Relaxed) - first);
    let log = house.lab.logs();
    assert!(!log.contains("panicked"), "{}", log.lines().filter(|line| line.contains("panicked")).collect::<Vec<_>>().join("\n"));
    if !only {
        // Without these the cases were no requests at all.
        for status in [200, 204, 400, 404] {
            assert!(statuses.contains_key(&status), "no case was answered {status}: {statuses:?}");
        }
    }
}

/// One connection with anything on it, then a sound request on another. Answers the statuses that came.
async fn case(house: &House, sound: &HttpClient, seed: u64) -> Vec<u16> {
    let admin = seed.is_multiple_of(4);
    let sent = sent(seed, admin);
    let port = if admin { house.seat.admin } else { house.seat.documents };
    let came = exchange(port, &sent).await;
    let shown = || {
        let sent = sent.portions.concat();
        format!("SLUSS_SEED={seed}: {} was answered {}", shown(&sent), shown(&came))
    };
    let statuses = answers(&came, sent.head).unwrap_or_else(|| panic!("no HTTP: {}", shown()));
    if let Some(status) = statuses.iter().find(|status| **status >= 500) {
        panic!("{status} for what the client did: {}", shown());
    }
    let told = ask(sound, &Ask::new(&Method::GET, "/v1/tenants/globex/documents/G1")).await;
    let pattern = Pattern { seed: 9, length: 500 };
    assert!(told.status == 200 && told.body == pattern.bytes(0, 500), "{told:?} after {}", shown());
    statuses
}

fn shown(bytes: &[u8]) -> String {
    let (shown, cut) = if bytes.len() > 1500 { (&bytes[..1500], "...") } else { (bytes, "") };
    format!("b\"{}\"{cut}", shown.escape_ascii())
}

/// All that came back until the server closed, or has said nothing for a while.
async fn exchange(port: u16, sent: &Sent) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut came = Vec::new();
    let mut portion = vec![0; 64 << 10];
    // The server may answer, and close, before it has read everything.
    for bytes in &sent.portions {
        let _ = timeout(SILENCE, stream.write_all(bytes)).await;
        let _ = stream.flush().await;
        tokio::task::yield_now().await;
    }
    while let Ok(Ok(received)) = timeout(SILENCE, stream.read(&mut portion)).await {
        if received == 0 {
            break;
        }
        came.extend_from_slice(&portion[..received]);
    }
    came
}

/// The statuses of a sequence of HTTP/1 answers, the last of which may be cut; `None`: it is none.
fn answers(mut bytes: &[u8], head: bool) -> Option<Vec<u16>> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return bytes.starts_with(&b"HTTP/1."[..bytes.len().min(7)]).then_some(statuses);
        };
        let lines = std::str::from_utf8(&bytes[..end]).ok()?;
        bytes = &bytes[end + 4..];
        let mut lines = lines.split("\r\n");
        let status: u16 = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
        let headers: Vec<(String, &str)> =
            lines.map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value))).collect::<Option<_>>()?;
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
        // A HEAD that was changed on its way may be another method.
        let answers_head = head && (bytes.is_empty() || bytes.starts_with(b"HTTP/1."));
        let bodiless = answers_head || status < 200 || status == 204 || status == 304;
        let length: usize = if bodiless { 0 } else { header("content-length")?.parse().ok()? };
        bytes = &bytes[length.min(bytes.len())..];
        if status >= 200 {
            statuses.push(status);
        }
    }
    Some(statuses)
}

/// Framings that two programs could read in two ways: whoever takes the body for a second request would delete a document.
#[test]
fn a_body_is_never_taken_for_a_second_request() {
    let house = House::open();
    let hidden = "DELETE /v1/tenants/acme/documents/2 HTTP/1.1\r\nHost: sluss.test\r\nAuthorization: Bearer everything\r\n\r\n";
    let length = hidden.len();
    let framings = [
        format!("Content-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: 0, {length}\r\n\r\n{hidden}"),
        format!("Content-Length: +0\r\n\r\n{hidden}"),
        format!("Content-Length: -1\r\n\r\n{hidden}"),
        format!("Content-Length : {length}\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked, identity\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: \u{b}chunked\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
        format!("Transfer-Encoding: chunked\r\n\r\n0_\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
        format!("X: y\r\n Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
    ];
    super::support::wait::block_on(async {
        let client = house.seat.documents_client();
        for framing in framings {
            let text =
                format!("PUT /v1/tenants/acme/documents/5 HTTP/1.1\r\nHost: sluss.test\r\nAuthorization: Bearer everything\r\n{framing}");
            let came = exchange(house.seat.documents, &Sent { portions: vec![text.clone().into_bytes()], head: false }).await;
            let statuses = answers(&came, false).unwrap_or_else(|| panic!("no HTTP: {}", shown(&came)));
            assert!(statuses.iter().all(|status| *status < 500), "{text:?}: {}", shown(&came));
            let told = ask(&client, &Ask::new(&Method::GET, "/v1/tenants/acme/documents/2")).await;
            assert_eq!(told.status, 200, "the hidden request was carried out: {text:?}, answered {}", shown(&came));
        }
    });
}
