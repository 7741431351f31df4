//! The existing API: a server with its own paths, cookies, redirects, chunked answers, trailers, events and a WebSocket, which keeps its
//! documents in the table that Sluss moves. Written byte by byte, so that no library decides what its answers look like.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::answers;

/// A server that ends with the test's process.
pub struct Existing {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    go: SyncSender<()>,
}

pub struct Shared {
    pub database: PathBuf,
    /// Questions about a session.
    pub checks: AtomicU64,
    /// Holds back the second half of a slow answer.
    pub gate: Mutex<Receiver<()>>,
}

impl Existing {
    pub fn start(database: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (go, gate) = sync_channel(8);
        let shared = Arc::new(Shared { database: database.to_owned(), checks: AtomicU64::new(0), gate: Mutex::new(gate) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    // Who goes away ends its connection, and that is all.
                    let _ = serve(connection.unwrap(), &shared);
                });
            }
        });
        Self { address, shared, go }
    }

    pub fn checks(&self) -> u64 {
        self.shared.checks.load(Ordering::Relaxed)
    }

    /// Lets one slow answer go on.
    pub fn go_on(&self) {
        self.go.send(()).unwrap();
    }
}

/// A request's head as it came.
pub struct Asked {
    pub method: String,
    pub target: String,
    pub head: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub struct Line {
    pub reader: BufReader<TcpStream>,
    pub writer: TcpStream,
}

impl Line {
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.writer.write_all(bytes.as_ref())
    }

    /// The request's content, asked for where the client waits for that.
    pub fn body(&mut self, asked: &Asked) -> std::io::Result<Vec<u8>> {
        if asked.header("Expect").is_some() {
            self.say("HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if asked.header("Transfer-Encoding").is_some() {
            return self.chunks();
        }
        let mut body = vec![0; asked.header("Content-Length").map_or(0, |length| length.parse().unwrap())];
        self.reader.read_exact(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.reader.read_line(&mut size)?;
            let mut chunk = vec![0; usize::from_str_radix(size.trim(), 16).unwrap()];
            self.reader.read_exact(&mut chunk)?;
            let mut end = String::new();
            while chunk.is_empty() && self.reader.read_line(&mut end)? > 2 {
                // Trailers are shown as content, so that a test sees that they came.
                body.extend_from_slice(end.as_bytes());
                end.clear();
            }
            if chunk.is_empty() {
                return Ok(body);
            }
            self.reader.read_line(&mut end)?;
            body.append(&mut chunk);
        }
    }
}

fn serve(connection: TcpStream, shared: &Shared) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut line = Line { reader: BufReader::new(connection.try_clone()?), writer: connection };
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if line.reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let asked = Asked { method, target, head };
        answers::answer(&mut line, &asked, shared)?;
        if asked.header("Connection") == Some("close") {
            return Ok(());
        }
    }
}
