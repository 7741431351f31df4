//! HTTP/1.1 as bytes, so that a test can send what no client library would, and sees exactly what comes back.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer of these tests takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request, to be written out as it stands.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn put(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some(body.into()), ..Self::new("PUT", path) }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The head as it goes out; with `Content-Length` where there is a body, unless the test says its own framing.
    pub fn head(&self) -> String {
        let framed = self.headers.iter().any(|(name, _)| ["content-length", "transfer-encoding"].contains(&&*name.to_lowercase()));
        let mut head = format!("{} {} HTTP/1.1\r\nHost: sluss.test\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = self.body.as_ref().filter(|_| !framed) {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head + "\r\n"
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// False where the connection broke before the announced length.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks that this is a problem as RFC 9457 has it, with everything that a caller needs to act or to ask, and answers its detail.
    #[track_caller]
    pub fn problem(&self, status: u16, label: &str) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.whole, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["type"], format!("urn:sluss:problem:{label}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        if status == 503 || status == 504 {
            assert!(self.header("retry-after").parse::<u32>().is_ok(), "{self:?}");
        }
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() > 10 && !detail.ends_with('.'), "{detail:?}");
        for store in ["sqlite", "disk", "objects", "acme.db", "/tmp"] {
            assert!(!detail.contains(store), "a client learns of a store: {detail}");
        }
        detail.to_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]).into_owned();
        let cut = if self.whole { "" } else { ", broken off" };
        write!(f, "{} {:?} with {} bytes{cut}: {shown:?}", self.status, self.headers, self.body.len())
    }
}

/// One connection.
pub struct Wire {
    stream: TcpStream,
    /// What came and was not taken yet.
    buffer: Vec<u8>,
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, ask: &Ask) -> Answer {
    let mut wire = Wire::open(address).await;
    wire.ask(ask).await
}

impl Wire {
    pub async fn open(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// A whole request and its answer. A server may answer and stop reading before the body's end.
    pub async fn ask(&mut self, ask: &Ask) -> Answer {
        let _ = self.send(ask.head()).await;
        let _ = self.send(ask.body.as_deref().unwrap_or_default()).await;
        self.answer_to(ask.method).await.unwrap_or_else(|| panic!("no answer to {} {}", ask.method, ask.path))
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("nobody takes what is sent")
    }

    /// One chunk of a chunked body; an empty one ends it.
    pub async fn send_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(format!("{:x}\r\n", bytes.len())).await?;
        self.send(bytes).await?;
        self.send("\r\n").await
    }

    /// Says that nothing more will be sent.
    pub async fn close_our_side(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The answer to a request of this method; `None` where the connection closed without one.
    pub async fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let mut answer = self.answer_head().await?;
        let bodiless = method == "HEAD" || answer.status == 204 || answer.status == 304;
        let length: usize = if bodiless { 0 } else { answer.header("content-length").parse().unwrap() };
        while self.buffer.len() < length {
            if !self.receive().await {
                answer.whole = false;
                break;
            }
        }
        let rest = self.buffer.split_off(length.min(self.buffer.len()));
        answer.body = std::mem::replace(&mut self.buffer, rest);
        Some(answer)
    }

    /// The head alone: the body is left where it is, for as long as the test likes.
    pub async fn answer_head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if !self.receive().await {
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        Some(parse_head(&String::from_utf8(head).unwrap()))
    }

    /// Whether anything comes before the server closes.
    pub async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.receive().await
    }

    /// Takes what is there, and answers how much that was: at most `most` bytes, 0 at the end.
    pub async fn take(&mut self, most: usize) -> Vec<u8> {
        if self.buffer.is_empty() {
            self.receive().await;
        }
        let rest = self.buffer.split_off(most.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    /// False at the end of the connection, however it came.
    async fn receive(&mut self) -> bool {
        let mut portion = [0; 64 << 10];
        let received = timeout(PATIENCE, self.stream.read(&mut portion)).await.expect("nothing comes any more").unwrap_or(0);
        self.buffer.extend_from_slice(&portion[..received]);
        received > 0
    }
}

fn parse_head(head: &str) -> Answer {
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let mut headers = BTreeMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("not a header: {line}"));
        let twice = headers.insert(name.to_lowercase(), value.to_owned());
        assert_eq!(twice, None, "{name} is there twice");
    }
    Answer { status, headers, body: Vec::new(), whole: true }
}
