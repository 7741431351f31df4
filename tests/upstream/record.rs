//! The existing API's client: requests as bytes, and the bytes that came back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One exchange of a recording.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub head: String,
    pub body: Vec<u8>,
    /// Sent once the connection has gone on in another protocol, which sends as many back.
    pub frames: Vec<u8>,
    /// Its document was written a moment ago, and so at another moment than the same one elsewhere.
    pub fresh: bool,
}

impl Exchange {
    /// `lines`: the request line and the headers but for `Host`.
    pub fn new(request_line: &str, headers: &[&str]) -> Self {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("{request_line} HTTP/1.1\r\nhOst: files.example\r\n{headers}");
        Self { head, body: Vec::new(), frames: Vec::new(), fresh: false }
    }

    pub fn with(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { head: format!("{}Content-Length: {}\r\n", self.head, body.len()), body, ..self }
    }

    pub fn raw(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }
}

/// One connection of the client's.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// All that comes back, to the byte.
    pub fn exchange(&mut self, exchange: &Exchange) -> Vec<u8> {
        let waits = exchange.head.to_lowercase().contains("expect: 100-continue");
        self.send(format!("{}\r\n", exchange.head));
        if !waits {
            self.send(&exchange.body);
        }
        let mut all = self.head();
        if all.starts_with(b"HTTP/1.1 100 ") {
            self.send(&exchange.body);
            all.extend(self.head());
        }
        if !exchange.frames.is_empty() {
            self.send(&exchange.frames);
            let mut back = vec![0; exchange.frames.len()];
            self.0.read_exact(&mut back).unwrap();
            all.extend(back);
        }
        let body = self.body(&all, exchange.head.starts_with("HEAD "));
        all.extend(body);
        all
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    pub fn head(&mut self) -> Vec<u8> {
        self.until(b"\r\n\r\n")
    }

    pub fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end) {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)));
            bytes.push(byte[0]);
        }
        bytes
    }

    /// What comes until the other side ends.
    pub fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn body(&mut self, head: &[u8], is_head: bool) -> Vec<u8> {
        let head = String::from_utf8_lossy(head).to_lowercase();
        let last = head.trim_end().rsplit("\r\n\r\n").next().unwrap();
        let header = |name: &str| last.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if is_head || last.starts_with("http/1.1 101") {
            Vec::new()
        } else if let Some(length) = header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut body).unwrap();
            body
        } else if header("transfer-encoding").is_some() {
            self.chunks()
        } else {
            Vec::new()
        }
    }

    /// Chunks and trailers as they come, but for the case of the digits of their sizes: hyper writes large ones, and it is no part of
    /// what was said, but of how one connection carries it.
    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let size = self.until(b"\r\n").to_ascii_uppercase();
            let length = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim_end(), 16).unwrap();
            body.extend_from_slice(&size);
            if length == 0 {
                break;
            }
            let mut chunk = vec![0; length + 2];
            self.0.read_exact(&mut chunk).unwrap();
            body.append(&mut chunk);
        }
        loop {
            let line = self.until(b"\r\n");
            body.extend_from_slice(&line);
            if line == b"\r\n" {
                return body;
            }
        }
    }
}

/// The same bytes, but for the moment at which they were written: `Date`, and `Last-Modified` of a document that was just written.
pub fn timeless(answer: &[u8], fresh: bool) -> Vec<u8> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let head = if answer.starts_with(CONTINUE) { CONTINUE.len() } else { 0 };
    let end = head + answer[head..].windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let mut normal = Vec::new();
    for line in answer[..end].split_inclusive(|byte| *byte == b'\n') {
        let dated = line.starts_with(b"Date: ") || fresh && line.starts_with(b"Last-Modified: ");
        match line.iter().position(|byte| *byte == b':').filter(|_| dated) {
            Some(colon) => normal.extend([&line[..colon], b": then\r\n".as_slice()].concat()),
            None => normal.extend_from_slice(line),
        }
    }
    normal.extend_from_slice(&answer[end..]);
    normal
}
