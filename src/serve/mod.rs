//! The accept loop that both listeners share: HTTP/1.1 and HTTP/2 on TCP, with TLS or without, every buffer and every wait
//! bounded, and a stop that lets requests end. It knows nothing of documents; a tower service answers.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::{debug, warn};

use self::connection::Connection;
use self::tls::Tls;
use crate::body::Body;

mod connection;
mod linger;
mod pace;
mod preface;
mod pulse;
mod stall;
#[cfg(test)]
pub(crate) mod tests;
pub mod tls;

/// A process without file descriptors has to wait until connections end; accepting at once would only fail again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(200);

/// Bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeSettings {
    /// For the TLS handshake, and from there to the end of the first request's head; later from a head's first byte to its end.
    pub header_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// Of a request's head: a path with a document id in it, a token, and what proxies add. Above it the answer is 431.
    pub max_head_bytes: usize,
    /// Headers of one request. Above it the answer is 431.
    pub max_headers: usize,
    /// Bytes a second below which a client that reads its answer is cut, measured over `rate_window`; 0 cuts nobody.
    pub min_rate: u64,
    pub rate_window: Duration,
    /// What hyper may hold of each direction of an HTTP/1.1 connection: a request's body can come in portions of up to twice
    /// this, as its buffer grows by doubling, and of an answer one whole piece may come on top.
    pub max_buf_size: usize,
    /// Connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// How long requests in flight may take to end once draining has begun.
    pub drain_timeout: Duration,
}

/// Who is at the other end of a connection; each of its requests bears it.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: SocketAddr,
    pub over_tls: bool,
}

/// A bound socket: its address is known, and nothing is accepted yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls: None })
    }

    /// Speaks TLS only. A connection keeps the certificate that it began with.
    pub fn with_tls(self, tls: Arc<Tls>) -> Self {
        Self { tls: Some(tls), ..self }
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `drain` is cancelled, and returns once no new connection is accepted. Requests in flight go on in
    /// `tracker`'s tasks, bodies included, for at most `drain_timeout`; idle connections close at once.
    pub async fn serve<S>(self, service: S, settings: ServeSettings, drain: CancellationToken, tracker: TaskTracker)
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let places = Arc::new(Semaphore::new(settings.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        while let Some(accepted) = drain.run_until_cancelled(accept(&self.socket, &places)).await {
            match accepted {
                Ok(accepted) => {
                    let (service, tls, drain, tasks) = (service.clone(), self.tls.clone(), drain.clone(), tracker.clone());
                    tracker.spawn(Connection { accepted, service, settings, tls, drain, tasks }.run());
                }
                Err(error) if concerns_one_connection(&error) => debug!("a connection ended before it was accepted: {error}"),
                Err(error) => {
                    warn!(address = %self.address, "cannot accept connections on {}, trying on: {error}", self.address);
                    drain.run_until_cancelled(sleep(ACCEPT_BACKOFF)).await;
                }
            }
        }
        debug!(address = %self.address, "no longer accepting connections on {}", self.address);
    }
}

struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    /// Held for as long as the connection lasts.
    place: OwnedSemaphorePermit,
}

async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the semaphore");
    let (stream, peer) = socket.accept().await?;
    Ok(Accepted { stream, peer, place })
}

/// The peer's fault, and only its own.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}
