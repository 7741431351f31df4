//! HTTP/2 as bytes, so that a test can send what no client library would.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const ACK: u8 = 1;

/// RST_STREAM's CANCEL.
pub const CANCEL: [u8; 4] = [0, 0, 0, 8];

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field with a name of HPACK's static table, not to be remembered.
fn field(index: u8, value: &str) -> Vec<u8> {
    let name = if index < 15 { vec![index] } else { vec![15, index - 15] };
    // Seven bits tell a length below 127, and what follows the rest.
    let length = match value.len() {
        short if short < 127 => vec![u8::try_from(short).unwrap()],
        long => vec![127, u8::try_from((long - 127) % 128).unwrap() | 128, u8::try_from((long - 127) / 128).unwrap()],
    };
    [name, length, value.as_bytes().to_vec()].concat()
}

/// The head of a request for a path, without a body.
pub fn get(path: &str) -> Vec<u8> {
    // `:method: GET`, `:scheme: http`, `:path`, `:authority`.
    [vec![0x82, 0x86], field(4, path), field(1, "sluss.test")].concat()
}

/// The same with a header of this many bytes.
pub fn get_with(path: &str, bytes: usize) -> Vec<u8> {
    // `user-agent`.
    [get(path), field(58, &"x".repeat(bytes))].concat()
}

pub struct Raw(TcpStream);

impl Raw {
    /// With settings of six bytes each.
    pub async fn open(address: SocketAddr, settings: &[u8]) -> Self {
        let mut raw = Self(TcpStream::connect(address).await.unwrap());
        raw.send(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, settings)].concat()).await.unwrap();
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        timeout(PATIENCE, self.0.write_all(bytes)).await.expect("nobody takes what is sent")
    }

    /// `None` at the end of the connection, however it came.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        timeout(PATIENCE, self.0.read_exact(&mut head)).await.expect("nothing comes any more").ok()?;
        let [a, b, c, kind, flags, s, t, u, v] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        timeout(PATIENCE, self.0.read_exact(&mut payload)).await.expect("a frame breaks off").ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes([s, t, u, v]), payload })
    }

    /// The next frame of a kind.
    pub async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("the connection ended before a frame of kind {kind}"));
            if frame.kind == kind && (frame.kind != SETTINGS || frame.flags & ACK == 0) {
                return frame;
            }
        }
    }

    /// All that comes until the server closes.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}
