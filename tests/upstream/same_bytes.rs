//! The one question: what a client gets from the existing API it gets from Sluss before it, to the byte.

use std::net::SocketAddr;

use sluss::model::phase::Phase;

use super::answers::{SESSION, SOCKET_KEY};
use super::existing::Existing;
use super::record::{Connection, Exchange, timeless};
use super::stage::{ROUTES, Stage, plant};
use super::support::customers::{ACME, connect};

/// What the client asked on one day, in the order in which it did. `id`: a document that was not there before.
fn recording(id: u32) -> Vec<Exchange> {
    let cookie = format!("Cookie: {SESSION}; lang=sv");
    let file = |id: &str| format!("/api/v2/acme/projects/7/files/{id}/content");
    let signed = |request: String, headers: &[&str]| Exchange::new(&request, &[headers, &[cookie.as_str()]].concat());
    let (own, type_line) = (file(&id.to_string()), "X-File-Type: text/csv");
    let mut recorded = vec![
        Exchange::new("GET /", &["Accept: text/html"]),
        Exchange::new("GET /app/?from=%2F&x=%C3%A5", &["accept: text/html", "Accept-Language: sv", "X-Odd-cAse: 1"]),
        Exchange::new("HEAD /app/", &[]),
        Exchange::new("GET /no/such/page", &[]),
        Exchange::new("OPTIONS /app/", &[]),
        Exchange::new("POST /login", &["Content-Type: application/x-www-form-urlencoded"]).with("user=anna&password=fel"),
        Exchange::new("POST /login", &["Content-Type: application/x-www-form-urlencoded"]).with("user=anna&password=hemlig"),
        Exchange::new("POST /echo", &["Expect: 100-continue"]).with(vec![b'x'; 200_000]),
        Exchange::new("POST /refuse", &["Expect: 100-continue"]).with(""),
        Exchange::new("POST /echo", &["Transfer-Encoding: chunked"]).raw("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"),
        Exchange::new("POST /echo", &["Transfer-Encoding: chunked", "Trailer: X-Sum"]).raw("2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n"),
        Exchange::new("POST /echo", &[]).with(""),
        Exchange::new("GET /events", &["Accept: text/event-stream"]),
        signed("GET /api/v2/acme/projects/7/files".to_owned(), &[]),
        signed("GET /api/v2/acme/projects/7/files".to_owned(), &["TE: trailers", "Connection: TE"]),
        // Documents.
        Exchange::new(&format!("GET {}", file("1")), &[]),
        signed(format!("GET {}", file("1")), &[]),
        signed(format!("HEAD {}", file("1")), &[]),
        signed(format!("GET {}?inline=1", file("2")), &[]),
        signed(format!("GET {}", file("3")), &[]),
        signed(format!("GET {}", file("3")), &["Range: bytes=1048570-1048590"]),
        signed(format!("GET {}", file("4711")), &[]),
        signed(format!("GET {}", file("not-a-number")), &[]),
        signed(format!("PATCH {}", file("1")), &[]),
        signed(format!("GET {}", file("1").replace("acme", "globex")), &[]),
        Exchange::new(&format!("PUT {own}"), &[type_line, "X-File-Name: a.csv"]).with("not let in"),
        signed(format!("PUT {own}"), &[type_line, "X-File-Name: räkning.csv"]).with("a;b\n1;2\n"),
        signed(format!("GET {own}"), &[]).fresh(),
        signed(format!("PUT {own}"), &[type_line, "X-File-Name: b.csv", "Expect: 100-continue"]).with(vec![b'y'; 150_000]),
        signed(format!("GET {own}"), &[]).fresh(),
        signed(format!("DELETE {own}"), &[]),
        signed(format!("DELETE {own}"), &[]),
        signed(format!("GET {own}"), &[]),
    ];
    let key = format!("Sec-WebSocket-Key: {SOCKET_KEY}");
    let chat = Exchange::new("GET /chat", &["Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", &key]);
    // A text frame, masked, and one in binary that no HTTP parser would take for anything.
    let frames =
        [b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".as_slice(), &[0x82, 0xfe, 0xff, 0xff, 0, 13, 10, 13, 10].repeat(5_000)].concat();
    recorded.push(Exchange { frames, ..chat });
    recorded
}

/// All answers of one day, over one connection.
fn replay(address: SocketAddr, recorded: &[Exchange]) -> Vec<Vec<u8>> {
    let mut connection = Connection::open(address);
    recorded.iter().map(|exchange| timeless(&connection.exchange(exchange), exchange.fresh)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_requests_get_the_same_bytes_with_and_without_sluss_in_every_phase() {
    let folder = tempfile::tempdir().unwrap();
    plant(&folder.path().join("twin.db"));
    let twin = Existing::start(&folder.path().join("twin.db"));
    let stage = Stage::open("", ROUTES).await;
    for (number, phase) in [Phase::Sql, Phase::Shadow, Phase::Dual, Phase::Object, Phase::Sealed].into_iter().enumerate() {
        stage.go_to(phase).await;
        if phase == Phase::Sealed {
            stage.purge().await;
            let database = connect(&stage.database());
            assert_eq!(ACME.content(&database, "3"), None, "the existing API has no content of this document any more");
        }
        let recorded = recording(100 + u32::try_from(number).unwrap());
        let (without, with) = tokio::task::block_in_place(|| (replay(twin.address, &recorded), replay(stage.documents, &recorded)));
        for ((exchange, without), with) in recorded.iter().zip(without).zip(with) {
            let request = exchange.head.lines().next().unwrap();
            let shown = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
            assert!(without == with, "{request} in {phase}\nwithout:\n{}\nwith:\n{}", shown(&without), shown(&with));
        }
    }
    let served: f64 = ["sql", "object"].map(|from| stage.metric(&served_by(from))).iter().sum();
    assert!(served >= 15.0, "documents were served by Sluss itself, and not passed through: {served}");
    assert_eq!(stage.metric("sluss_upstream_errors_total{reason=\"broken\"}"), 0.0);
    stage.close().await;
}

fn served_by(from: &str) -> String {
    format!("sluss_requests_total{{code=\"200\",operation=\"read\",served_from=\"{from}\",tenant=\"acme\"}}")
}
