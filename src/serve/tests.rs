//! On real sockets, so with short real times.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{iter, once, pending, repeat_with};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tower::service_fn;

use super::*;
use crate::body::{BoxError, empty, full, stream};

pub(crate) const SETTINGS: ServeSettings = ServeSettings {
    header_timeout: Duration::from_secs(20),
    idle_timeout: Duration::from_secs(20),
    max_head_bytes: 16 << 10,
    max_headers: 100,
    min_rate: 0,
    rate_window: Duration::from_secs(20),
    max_buf_size: 64 << 10,
    max_connections: 16,
    drain_timeout: Duration::from_secs(20),
};

/// No test waits longer than this for what must happen.
const SOON: Duration = Duration::from_secs(10);

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A listener at work.
struct Serving {
    address: SocketAddr,
    drain: CancellationToken,
    tracker: TaskTracker,
}

impl Serving {
    async fn start(settings: ServeSettings, answer: impl Fn(Request<Incoming>) -> Answer + Clone + Send + 'static) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, drain, tracker) = (listener.local_addr(), CancellationToken::new(), TaskTracker::new());
        let service = service_fn(move |request| {
            let answer = answer(request);
            async move { Ok(answer.await) }
        });
        tracker.spawn(listener.serve(service, settings, drain.clone(), tracker.clone()));
        Self { address, drain, tracker }
    }

    async fn connect(&self, request: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    async fn ended(&self) {
        self.tracker.close();
        timeout(SOON, self.tracker.wait()).await.expect("every task of the listener ends");
    }
}

fn hello(_: Request<Incoming>) -> Answer {
    Box::pin(async { Response::new(full("hello")) })
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// All that comes until the server closes; a reset is an end, too.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(SOON, client.read_to_end(&mut bytes)).await.expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn until(client: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = timeout(SOON, client.read_u8()).await.expect("the answer comes").expect("the answer comes whole");
        text.push(char::from(byte));
    }
    text
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let serving = Serving::start(SETTINGS, hello).await;
    let mut client = serving.connect(GET).await;
    assert!(until(&mut client, "hello").await.starts_with("HTTP/1.1 200 OK\r\n"));
    client.write_all(GET.as_bytes()).await.unwrap();
    until(&mut client, "hello").await;
}

#[tokio::test]
async fn draining_ends_requests_whole_closes_idle_connections_and_accepts_no_new_ones() {
    let (go, gate) = oneshot::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(Some(gate)));
    let answer = move |request: Request<Incoming>| -> Answer {
        if request.uri().path() == "/quick" {
            return hello(request);
        }
        let gate = gate.lock().unwrap().take().expect("one slow request");
        let second = once(async move {
            gate.await.unwrap();
            Ok::<_, BoxError>(Bytes::from(vec![b'x'; 1 << 20]))
        });
        Box::pin(async { Response::new(stream(iter([Ok(Bytes::from_static(b"first,"))]).chain(second))) })
    };
    let serving = Serving::start(SETTINGS, answer).await;
    let mut idle = serving.connect("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until(&mut idle, "hello").await;
    let mut silent = serving.connect("").await;
    let mut busy = serving.connect(GET).await;
    until(&mut busy, "first,").await;

    serving.drain.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    let refused = TcpStream::connect(serving.address).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    go.send(()).unwrap();
    let body = rest(&mut busy).await;
    assert_eq!(body.bytes().filter(|byte| *byte == b'x').count(), 1 << 20);
    assert!(body.ends_with("\r\n0\r\n\r\n"), "the last chunk is there");
    drop((idle, silent, busy));
    serving.ended().await;
}

#[tokio::test]
async fn a_request_that_outlives_the_drain_timeout_is_dropped() {
    let endless = |_| -> Answer { Box::pin(async { Response::new(stream(iter([Ok(Bytes::from_static(b"first,"))]).chain(pending()))) }) };
    let serving = Serving::start(ServeSettings { drain_timeout: Duration::from_millis(100), ..SETTINGS }, endless).await;
    let mut client = serving.connect(GET).await;
    until(&mut client, "first,").await;
    serving.drain.cancel();
    assert!(!rest(&mut client).await.contains("0\r\n\r\n"), "a part never looks like the whole");
    serving.ended().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_ends_the_connection() {
    let serving = Serving::start(ServeSettings { header_timeout: Duration::from_millis(100), ..SETTINGS }, hello).await;
    let mut half = serving.connect("GET / HTTP/1.1\r\nHo").await;
    let mut silent = serving.connect("").await;
    assert_eq!(rest(&mut half).await, "");
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_answered_431() {
    let serving = Serving::start(SETTINGS, hello).await;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
    for request in [long, many] {
        let mut client = serving.connect(&request).await;
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 431 "));
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_arrives() {
    let refuse = |_| -> Answer { Box::pin(async { Response::builder().status(413).body(full("too large")).unwrap() }) };
    let serving = Serving::start(SETTINGS, refuse).await;
    let mut client = serving.connect("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 16777216\r\n\r\n").await;
    client.write_all(&vec![0; 16 << 20]).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too large"), "{answer}");
}

/// Tells when the body that holds it is dropped.
fn endless_body(dropped: oneshot::Sender<()>) -> Body {
    let mut guard = Some(dropped);
    stream(repeat_with(move || {
        let _held = &mut guard;
        Ok(Bytes::from(vec![0; 64 << 10]))
    }))
}

#[tokio::test]
async fn a_slow_reader_is_cut_and_a_fast_one_is_not() {
    let (dropped, cut) = oneshot::channel();
    let dropped = Arc::new(std::sync::Mutex::new(Some(dropped)));
    let answer = move |request: Request<Incoming>| -> Answer {
        let body = match request.uri().path() {
            "/endless" => endless_body(dropped.lock().unwrap().take().expect("one slow reader")),
            _ => stream(repeat_with(|| Ok(Bytes::from(vec![0; 64 << 10]))).take(512)),
        };
        Box::pin(async { Response::new(body) })
    };
    let settings = ServeSettings { min_rate: 1 << 20, rate_window: Duration::from_millis(400), ..SETTINGS };
    let serving = Serving::start(settings, answer).await;
    let start = Instant::now();
    let _slow = serving.connect("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut fast = serving.connect("GET /32MiB HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(rest(&mut fast).await.len() > 32 << 20);
    assert!(timeout(SOON, cut).await.expect("the slow reader is cut").is_err(), "its body is dropped");
    assert!(start.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn a_panic_ends_its_connection_only() {
    let answer = |request: Request<Incoming>| -> Answer {
        assert_ne!(request.uri().path(), "/panic", "as asked");
        hello(request)
    };
    let serving = Serving::start(ServeSettings { max_connections: 1, ..SETTINGS }, answer).await;
    let mut broken = serving.connect("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(rest(&mut broken).await, "");
    let mut client = serving.connect(GET).await;
    until(&mut client, "hello").await;
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_their_turn() {
    let serving = Serving::start(ServeSettings { max_connections: 1, ..SETTINGS }, hello).await;
    let mut first = serving.connect(GET).await;
    until(&mut first, "hello").await;
    let mut second = serving.connect(GET).await;
    assert!(timeout(Duration::from_millis(100), second.read_u8()).await.is_err(), "nobody answers yet");
    drop(first);
    until(&mut second, "hello").await;
}

#[tokio::test]
async fn a_request_body_comes_in_portions_of_at_most_twice_the_buffer() {
    let largest = |request: Request<Incoming>| -> Answer {
        Box::pin(async {
            let (mut body, mut largest) = (request.into_body(), 0);
            while let Some(frame) = body.frame().await {
                largest = largest.max(frame.unwrap().into_data().map_or(0, |data| data.len()));
            }
            Response::new(full(largest.to_string()))
        })
    };
    let serving = Serving::start(SETTINGS, largest).await;
    let mut client = serving.connect("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8388608\r\n\r\n").await;
    client.write_all(&vec![0; 8 << 20]).await.unwrap();
    let answer = rest(&mut client).await;
    let largest: usize = answer.rsplit("\r\n").next().unwrap().parse().unwrap();
    assert!(largest <= 2 * SETTINGS.max_buf_size, "{largest}");
}

#[tokio::test]
async fn a_client_that_is_gone_ends_its_request() {
    let (dropped, gone) = oneshot::channel::<()>();
    let dropped = Arc::new(std::sync::Mutex::new(Some(dropped)));
    let answer = move |_| -> Answer {
        let held = dropped.lock().unwrap().take();
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(held);
            Response::new(empty())
        })
    };
    let serving = Serving::start(SETTINGS, answer).await;
    let client = serving.connect(GET).await;
    sleep(Duration::from_millis(50)).await;
    drop(client);
    assert!(timeout(SOON, gone).await.expect("the request ends").is_err());
}

#[test]
fn only_an_error_of_one_connection_is_passed_over_without_a_pause() {
    assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
    let too_many_open_files = io::Error::from_raw_os_error(24);
    assert!(!concerns_one_connection(&too_many_open_files));
}
