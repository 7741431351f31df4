//! HTTP/2 says what HTTP/1.1 says.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::house::{House, MIB, Plan, content, document, lasting};
use super::support::customers::{ACME, GLOBEX};
use super::wire::{Answer, Ask};

/// A client of one connection.
pub struct Http2 {
    requests: SendRequest<Full<Bytes>>,
    /// What drives the connection.
    _driver: JoinSet<()>,
}

impl Http2 {
    /// By prior knowledge.
    pub async fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap()).await
    }

    pub async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (requests, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // How it ends is what the test sees of its requests.
            let _ = connection.await;
        });
        Self { requests, _driver: driver }
    }

    pub async fn try_send(&mut self, ask: &Ask) -> hyper::Result<http::Response<Incoming>> {
        let mut request = Request::builder().method(ask.method).uri(format!("http://sluss.test{}", ask.path)).version(Version::HTTP_2);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let body = Full::from(ask.body.clone().unwrap_or_default());
        self.requests.ready().await?;
        self.requests.send_request(request.body(body).unwrap()).await
    }

    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        let (head, body) = self.try_send(ask).await.unwrap().into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let headers: BTreeMap<String, String> = headers.collect();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers, body, whole: true }
    }
}

#[tokio::test]
async fn every_read_and_every_refusal_is_the_same() {
    let house = House::open(Plan { tokens: true, limits: "max_document_bytes = \"1MiB\"", ..Plan::default() }).await;
    let (path, large) = (document(&ACME, "1"), document(&GLOBEX, "large"));
    let witness = house.plant(&path, content(1, 70_000)).await;
    house.plant(&large, content(2, MIB)).await;
    let known = |ask: Ask| ask.with("Authorization", format!("Bearer {}", super::house::OPERATOR));
    let mut http2 = Http2::open(house.documents).await;
    for ask in [
        known(Ask::get(&path)),
        known(Ask::new("HEAD", &path)),
        known(Ask::get(&large)),
        known(Ask::get(&path).with("Range", "bytes=100-199")),
        known(Ask::get(&path).with("Range", "bytes=70000-")),
        known(Ask::get(&path).with("If-None-Match", &witness.etag)),
        known(Ask::get(&path).with("If-Match", "\"other\"")),
        known(Ask::get(document(&ACME, "2"))),
        known(Ask::get("/v1/nothing")),
        known(Ask::new("PATCH", &path)),
        known(Ask::put(&path, content(3, MIB + 1))),
        known(Ask::put(&path, "new").with("If-Match", "\"other\"")),
        known(Ask::put(&path, "new").with("Content-Range", "bytes 0-2/3")),
        Ask::get(&path),
    ] {
        let (by_1, by_2) = (super::wire::ask(house.documents, &ask).await, http2.ask(&ask).await);
        // HTTP/1.1 closes over a body that it did not read, and says so; in HTTP/2 that concerns nobody else.
        let same = |answer: &Answer| lasting(answer).into_iter().filter(|(name, _)| name != "connection").collect::<Vec<_>>();
        let body = |answer: &Answer| if answer.status < 400 { answer.body.clone() } else { Vec::new() };
        assert_eq!((by_1.status, same(&by_1).len()), (by_2.status, same(&by_2).len()), "{ask:?}: {by_1:?} {by_2:?}");
        assert!(by_1.status >= 400 || same(&by_1) == same(&by_2), "{ask:?}: {by_1:?} {by_2:?}");
        assert!(body(&by_1) == body(&by_2), "{ask:?}");
        if by_2.status >= 400 && ask.method != "HEAD" {
            by_2.problem(by_1.status, by_1.problem_label().as_str());
        }
    }
    house.close().await;
}

impl Answer {
    fn problem_label(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        problem["type"].as_str().unwrap().trim_start_matches("urn:sluss:problem:").to_owned()
    }
}

#[tokio::test]
async fn what_is_written_by_the_one_is_read_by_the_other() {
    let house = House::open(Plan::default()).await;
    let (path, mut http2) = (document(&GLOBEX, "plan"), Http2::open(house.documents).await);
    let (first, second) = (content(1, 3 * MIB), content(2, 10));
    let put = |bytes: &[u8]| Ask::put(&path, bytes).with("Content-Type", "text/plain");
    assert_eq!(http2.ask(&put(&first)).await.status, 201);
    let witness = house.witness(&path, first).await;
    let replaced = http2.ask(&put(&second).with("If-Match", &witness.etag)).await;
    assert_eq!(replaced.status, 204);
    assert!(house.get(&path).await.body == second);
    assert_eq!(http2.ask(&Ask::new("DELETE", &path)).await.status, 204);
    assert_eq!(http2.ask(&Ask::get(&path)).await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn a_stop_lets_a_streams_answer_end_and_takes_no_other() {
    let house = House::open(Plan::default()).await;
    let witness = house.plant(&document(&ACME, "1"), content(1, 24 * MIB)).await;
    let (mut http2, path) = (Http2::open(house.documents).await, witness.path.clone());
    let mut reading = http2.try_send(&Ask::get(&witness.path)).await.unwrap().into_body();
    let first = reading.frame().await.unwrap().unwrap().into_data().unwrap();
    let rest = async {
        super::house::wait_until("no new request is taken", async || http2.try_send(&Ask::new("HEAD", &path)).await.is_err()).await;
        let rest = reading.collect().await.unwrap().to_bytes();
        [first, rest].concat()
    };
    let ((), whole) = tokio::join!(house.close(), rest);
    assert!(whole == witness.content);
}
