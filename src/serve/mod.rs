//! The accept loop that both listeners share: HTTP/1.1 on TCP, every buffer and every wait bounded, and a stop that lets
//! requests end. It knows nothing of documents; a tower service answers.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};
use tracing::{debug, info, warn};

use self::linger::Linger;
use self::stall::{MinRate, Stall, TooSlow};
use crate::body::Body;

mod linger;
mod stall;
#[cfg(test)]
pub(crate) mod tests;

/// Longest head of a request: a path with a document id in it, a token, and what proxies add. Above it the answer is 431, as it is above hyper's own 100 headers.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// hyper refuses to work with less.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// What the kernel may keep unsent for one connection: with more, a peer's pace shows too late and in too large lumps.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 << 10;

/// A process without file descriptors has to wait until connections end; accepting at once would only fail again.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(200);

/// Bounds of one listener.
#[derive(Debug, Clone, Copy)]
pub struct ServeSettings {
    /// From accept, or from the last answer, to the end of a request's head.
    pub header_timeout: Duration,
    /// Bytes a second below which a client that reads its answer is cut, measured over `rate_window`; 0 cuts nobody.
    pub min_rate: u64,
    pub rate_window: Duration,
    /// What hyper may hold of each direction of a connection: a request's body can come in portions of up to twice this,
    /// as its buffer grows by doubling, and of an answer one whole piece may come on top.
    pub max_buf_size: usize,
    /// Connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// How long requests in flight may take to end once draining has begun.
    pub drain_timeout: Duration,
}

/// Who is at the other end of a connection; each of its requests bears it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// A bound socket: its address is known, and nothing is accepted yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
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
        let http = bounded_http(&settings);
        while let Some(accepted) = drain.run_until_cancelled(accept(&self.socket, &places)).await {
            match accepted {
                Ok(accepted) => {
                    let connection = Connection { accepted, service: service.clone(), settings, drain: drain.clone() };
                    tracker.spawn(connection.run(http.clone()));
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
    _place: OwnedSemaphorePermit,
}

async fn accept(socket: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.expect("nobody closes the semaphore");
    let (stream, peer) = socket.accept().await?;
    Ok(Accepted { stream, peer, _place: place })
}

/// The peer's fault, and only its own.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
}

fn bounded_http(settings: &ServeSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(settings.max_buf_size.max(MIN_BUFFER_BYTES))
        // What passes through keeps the case of its names.
        .preserve_header_case(true)
        // Who closes its side is gone: its request ends at once, and gives back what it holds.
        .half_close(false);
    http
}

struct Connection<S> {
    accepted: Accepted,
    service: S,
    settings: ServeSettings,
    drain: CancellationToken,
}

impl<S> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    async fn run(self, http: http1::Builder) {
        let Self { accepted: Accepted { stream, peer, _place }, service, settings, drain } = self;
        tune(&stream);
        let rate = MinRate { bytes_per_second: settings.min_rate, window: settings.rate_window };
        let io = TokioIo::new(Stall::new(Linger::new(stream), rate));
        let service = service.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let mut connection = pin!(http.serve_connection(io, TowerToHyperService::new(service)).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = drain.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let Ok(ended) = timeout(settings.drain_timeout, connection).await else {
                    warn!(client = %peer, "dropped the connection from {peer}: its request did not end within the drain timeout");
                    return;
                };
                ended
            }
        };
        if let Err(error) = ended {
            log_end(peer, &error);
        }
    }
}

/// A socket that refuses these serves on without them, or is dead, which its first read tells.
fn tune(stream: &TcpStream) {
    // An answer's head and its body are two writes: Nagle would hold back the second until the first is acknowledged.
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

fn log_end(peer: SocketAddr, error: &hyper::Error) {
    let chain: Vec<&(dyn Error + 'static)> =
        std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source()).collect();
    let text = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    if chain.iter().any(|error| is_too_slow(*error)) {
        info!(client = %peer, "cut the connection from {peer}: {text}");
    } else {
        debug!(client = %peer, "the connection from {peer} broke: {text}");
    }
}

/// An `io::Error` tells its inner error's source as its own, and so hides the error itself.
fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<TooSlow>())
}
