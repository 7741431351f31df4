//! The proxy, before a small server that says what reached it. Clients are hyper's own, so that nothing is tried again behind a test's back.

#![allow(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_RANGE, HOST, HeaderMap, RANGE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sluss_s3::Server;
use sluss_s3::proxy::{Fault, Proxy, Rule};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

const LENGTH: usize = 300_000;

const PATIENCE: Duration = Duration::from_secs(20);

/// No answer within this is none at all, as a test sees it.
const SOON: Duration = Duration::from_millis(300);

fn content() -> Bytes {
    (0..LENGTH).map(|at| (at % 251) as u8).collect()
}

/// A request that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrived {
    method: Method,
    path: String,
    host: String,
    bytes: usize,
}

/// Answers GET with [`content`], whole or by range; at `/gated` with as many bytes as there are permits.
struct Store {
    arrived: Mutex<Vec<Arrived>>,
    gate: Arc<Semaphore>,
}

struct Stage {
    store: Arc<Store>,
    proxy: Proxy,
    _serving: JoinSet<()>,
}

impl Default for Store {
    fn default() -> Self {
        Self { arrived: Mutex::default(), gate: Arc::new(Semaphore::new(0)) }
    }
}

impl Stage {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let store = Arc::new(Store::default());
        let mut serving = JoinSet::new();
        let shared = Arc::clone(&store);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let store = Arc::clone(&shared);
                connections.spawn(async move {
                    let answer = service_fn(move |request| answer(Arc::clone(&store), request));
                    let _ = server::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        let [region, access_key, secret_key] = ["us-east-1", "test", "secret"].map(str::to_owned);
        let proxy = Proxy::before(&Server { endpoint, region, access_key, secret_key, least_part_bytes: 1 });
        Self { store, proxy, _serving: serving }
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.store.arrived.lock().unwrap().clone()
    }

    async fn connect(&self) -> std::io::Result<Client> {
        let stream = TcpStream::connect(self.proxy.endpoint().strip_prefix("http://").unwrap()).await?;
        let (requests, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
        let mut driving = JoinSet::new();
        driving.spawn(async move { drop(connection.await) });
        Ok(Client { requests, _driving: driving })
    }

    async fn get(&self) -> Heard {
        self.connect().await.unwrap().ask(request(Method::GET, "/bucket/key", &[])).await
    }

    async fn put(&self, bytes: usize) -> Heard {
        self.connect().await.unwrap().ask(request(Method::PUT, "/bucket/key", &vec![7; bytes])).await
    }
}

struct Client {
    requests: client::SendRequest<Full<Bytes>>,
    _driving: JoinSet<()>,
}

/// What a client heard of an answer.
#[derive(Debug)]
struct Heard {
    status: Option<StatusCode>,
    headers: HeaderMap,
    body: Vec<u8>,
    /// The answer came to its end.
    whole: bool,
}

impl Client {
    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Heard {
        let mut heard = Heard { status: None, headers: HeaderMap::new(), body: Vec::new(), whole: false };
        let Ok(answer) = timeout(PATIENCE, self.requests.send_request(request)).await.unwrap() else { return heard };
        let (head, mut body) = answer.into_parts();
        (heard.status, heard.headers) = (Some(head.status), head.headers);
        loop {
            match timeout(PATIENCE, body.frame()).await.unwrap() {
                Some(Ok(frame)) => heard.body.extend_from_slice(frame.data_ref().unwrap()),
                Some(Err(_)) => return heard,
                None => break,
            }
        }
        heard.whole = true;
        heard
    }
}

fn request(method: Method, path: &str, body: &[u8]) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header(HOST, "as.signed.example");
    request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}

async fn answer(store: Arc<Store>, request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let bytes = body.collect().await?.to_bytes().len();
    let host = head.headers[HOST].to_str().unwrap().to_owned();
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    store.arrived.lock().unwrap().push(Arrived { method, path: path.clone(), host, bytes });
    if path == "/gated" {
        let gate = Arc::clone(&store.gate);
        let frames = stream::unfold(gate, async |gate| {
            gate.acquire().await.unwrap().forget();
            Some((Ok(Frame::data(Bytes::from_static(b"."))), gate))
        });
        return Ok(Response::new(BodyExt::boxed(StreamBody::new(frames))));
    }
    if head.method != Method::GET {
        return Ok(Response::new(Full::default().boxed()));
    }
    let whole = content();
    let Some(range) = head.headers.get(RANGE) else { return Ok(Response::new(Full::new(whole).boxed())) };
    let (from, to) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    let part = Response::builder().status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, format!("bytes {from}-{to}/{LENGTH}"));
    Ok(part.body(Full::new(whole.slice(from..=to)).boxed()).unwrap())
}

#[tokio::test]
async fn what_no_rule_meets_passes_unchanged_with_the_clients_host() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await.unwrap();
    let heard = client.ask(request(Method::GET, "/bucket/a%20key?x=%2F", &[])).await;
    assert!(heard.whole && heard.body == content());
    let heard = client.ask(request(Method::PUT, "/bucket/key", &[7; LENGTH])).await;
    assert_eq!((heard.status, heard.whole), (Some(StatusCode::OK), true));
    let arrived = |method, path: &str, bytes| Arrived { method, path: path.into(), host: "as.signed.example".into(), bytes };
    assert_eq!(stage.arrived(), [arrived(Method::GET, "/bucket/a%20key", 0), arrived(Method::PUT, "/bucket/key", LENGTH)]);
    assert_eq!((stage.proxy.faults().troubles(), stage.proxy.faults().requests(&Method::PUT)), (vec![], 1));
}

#[tokio::test]
async fn an_answer_passes_portion_by_portion() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await.unwrap();
    let mut body = client.requests.send_request(request(Method::GET, "/gated", &[])).await.unwrap().into_body();
    for _ in 0..3 {
        assert!(timeout(SOON, body.frame()).await.is_err(), "nothing was sent yet");
        stage.store.gate.add_permits(1);
        assert_eq!(timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap().into_data().unwrap(), Bytes::from_static(b"."));
    }
}

#[tokio::test]
async fn a_cut_before_and_one_after_differ_in_what_the_store_did() {
    let stage = Stage::new().await;
    for (fault, arrived) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        stage.proxy.faults().add(Rule::new(fault).times(1));
        let heard = stage.put(LENGTH).await;
        assert_eq!((heard.status, stage.arrived().len()), (None, arrived), "{fault:?}");
        assert_eq!(stage.proxy.faults().count(&fault), 1);
    }
}

#[tokio::test]
async fn a_request_that_is_cut_never_comes_to_its_end() {
    let stage = Stage::new().await;
    stage.proxy.faults().add(Rule::new(Fault::CutInRequest(200_000)).times(1));
    assert_eq!(stage.put(LENGTH).await.status, None);
    assert_eq!((stage.arrived(), stage.proxy.faults().count(&Fault::CutInRequest(0))), (vec![], 1));
    assert_eq!(stage.put(LENGTH).await.status, Some(StatusCode::OK));
}

#[tokio::test]
async fn an_answer_that_is_cut_arrives_up_to_there() {
    let stage = Stage::new().await;
    for (at, arrives) in [(0, 0), (1, 1), (123_456, 123_456), (LENGTH as u64 + 5, 5)] {
        stage.proxy.faults().add(Rule::new(Fault::CutInAnswer(at)).times(1));
        let heard = stage.get().await;
        assert_eq!((heard.status, heard.whole, heard.body.len()), (Some(StatusCode::OK), false, arrives), "{at}");
        assert!(content().starts_with(&heard.body));
    }
}

#[tokio::test]
async fn a_flipped_byte_is_the_only_one() {
    let stage = Stage::new().await;
    stage.proxy.faults().add(Rule::new(Fault::Flip(123_456)));
    let heard = stage.get().await;
    let wrong: Vec<_> = content().iter().zip(&heard.body).enumerate().filter(|(_, (was, is))| was != is).map(|(at, _)| at).collect();
    assert_eq!((heard.whole, heard.body.len(), wrong), (true, LENGTH, vec![123_456]));
}

#[tokio::test]
async fn a_truncated_answer_looks_whole() {
    let stage = Stage::new().await;
    stage.proxy.faults().add(Rule::new(Fault::Truncate(1000)));
    let heard = stage.get().await;
    assert_eq!((heard.status, heard.whole, heard.body.len()), (Some(StatusCode::OK), true, 1000));
    assert_eq!(heard.headers["content-length"], "1000");
}

#[tokio::test]
async fn a_range_that_is_ignored_brings_the_whole() {
    let stage = Stage::new().await;
    stage.proxy.faults().add(Rule::new(Fault::IgnoreRange).times(1));
    let mut client = stage.connect().await.unwrap();
    for (status, bytes) in [(StatusCode::OK, LENGTH), (StatusCode::PARTIAL_CONTENT, 10)] {
        let mut part = request(Method::GET, "/bucket/key", &[]);
        part.headers_mut().insert(RANGE, "bytes=10-19".parse().unwrap());
        let heard = client.ask(part).await;
        assert_eq!((heard.status, heard.body.len(), heard.whole), (Some(status), bytes, true));
    }
}

#[tokio::test]
async fn refusals_are_in_s3s_words_and_reach_no_store() {
    let stage = Stage::new().await;
    let cases = [
        (Fault::InternalError, StatusCode::INTERNAL_SERVER_ERROR, "<Code>InternalError</Code>", None),
        (Fault::SlowDown { retry_after_seconds: None }, StatusCode::SERVICE_UNAVAILABLE, "<Code>SlowDown</Code>", None),
        (Fault::SlowDown { retry_after_seconds: Some(7) }, StatusCode::SERVICE_UNAVAILABLE, "<Code>SlowDown</Code>", Some("7")),
    ];
    for (fault, status, words, retry_after) in cases {
        stage.proxy.faults().add(Rule::new(fault).times(1));
        let heard = stage.put(LENGTH).await;
        assert_eq!((heard.status, heard.whole), (Some(status), true));
        assert!(String::from_utf8(heard.body).unwrap().contains(words));
        assert_eq!(heard.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
    }
    assert_eq!(stage.arrived(), []);
}

#[tokio::test]
async fn a_delay_is_waited_for_and_a_hang_is_for_ever() {
    let stage = Stage::new().await;
    stage.proxy.faults().add(Rule::new(Fault::Delay(SOON)).times(1));
    let begun = tokio::time::Instant::now();
    assert!(stage.get().await.whole && begun.elapsed() >= SOON);
    stage.proxy.faults().add(Rule::new(Fault::Hang));
    assert!(timeout(SOON, stage.get()).await.is_err());
    assert_eq!(stage.proxy.faults().troubles(), [("delayed", 1), ("no answer", 1)]);
    stage.proxy.faults().clear();
    assert!(stage.get().await.whole);
}

#[tokio::test]
async fn when_it_is_down_connections_are_cut_and_refused_until_it_is_up() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await.unwrap();
    assert!(client.ask(request(Method::GET, "/bucket/key", &[])).await.whole);
    for _ in 0..3 {
        stage.proxy.down();
        assert_eq!(client.ask(request(Method::GET, "/bucket/key", &[])).await.status, None);
        assert_eq!(stage.connect().await.err().unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
        stage.proxy.up();
        client = stage.connect().await.unwrap();
        assert!(client.ask(request(Method::GET, "/bucket/key", &[])).await.whole);
    }
}
