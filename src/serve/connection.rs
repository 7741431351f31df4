//! One connection from its first byte to its end: TLS where the listener has it, the protocol, and every way in which it is
//! ended by us. Both protocols have the same bounds.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};
use tracing::{debug, info, warn};

use super::linger::Linger;
use super::pace::{Lane, Sliced, Streams};
use super::preface::{self, Protocol};
use super::pulse::{Over, Pulse, Waits, Watched};
use super::stall::{Cut, MinRate, Stall};
use super::tls::Tls;
use super::{Accepted, Peer, ServeSettings};
use crate::body::{self, Body};
use crate::causes;

/// hyper refuses to work with less.
const MIN_BUFFER_BYTES: usize = 8 << 10;

/// What the kernel may keep unsent for one connection: with more, a peer's pace shows too late and in too large lumps.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 64 << 10;

/// Requests at once on one HTTP/2 connection. RFC 9113 advises against less.
const MAX_STREAMS: u32 = 100;

/// Of a request's body, what may be on its way before somebody reads it: memory that no budget counts, but places for requests do.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;

/// Room for every stream: one that waits for memory must not keep those from going on that have some.
const CONNECTION_WINDOW_BYTES: u32 = MAX_STREAMS * STREAM_WINDOW_BYTES;

/// Of an answer's body, what HTTP/2 may keep unsent.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Requests that a client may take back before they were looked at; with one more the connection ends (CVE-2023-44487).
const MAX_RESETS: usize = 20;

/// Streams that we may have to reset because of a client's faults.
const MAX_FAULTS: usize = 100;

/// A client whose machine is gone says nothing of it: it is asked after this time without a byte, and then this often. By the kernel: HTTP/2's
/// own question would stand behind all that a slow client has still to take.
const PROBE_EVERY: Duration = Duration::from_secs(20);

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<I: AsyncRead + AsyncWrite + Unpin + Send> Io for I {}

pub(super) struct Connection<S> {
    pub(super) accepted: Accepted,
    pub(super) service: S,
    pub(super) settings: ServeSettings,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) drain: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl<S> Connection<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    pub(super) async fn run(self) {
        let Self { accepted: Accepted { stream, peer, place }, service, settings, tls, drain, tasks } = self;
        tune(&stream);
        let (rate, cut) = (MinRate { bytes_per_second: settings.min_rate, window: settings.rate_window }, Cut::default());
        let io = Stall::new(Linger::new(stream), rate, cut.clone());
        let end = Peer { address: peer, over_tls: tls.is_some() };
        let (protocol, io) = match drain.run_until_cancelled(timeout(settings.header_timeout, open(io, tls.as_deref()))).await {
            Some(Ok(Ok(opened))) => opened,
            Some(Ok(Err(error))) => return debug!(client = %peer, "the connection from {peer} broke before its first request: {error}"),
            Some(Err(_)) => return debug!(client = %peer, "the connection from {peer} sent nothing in time"),
            None => return,
        };
        let pulse = Arc::new(Pulse::new(protocol, Waits { head: settings.header_timeout, idle: settings.idle_timeout }));
        let io = TokioIo::new(Watched::new(io, Arc::clone(&pulse), place));
        let service = Answering { service, peer: end, protocol, pulse: Arc::clone(&pulse), max_headers: settings.max_headers };
        let run = Run { pulse, drain, settings, peer, cut: cut.clone() };
        match protocol {
            Protocol::Http1 => run.run_out(http1(&settings).serve_connection(io, service).with_upgrades()).await,
            Protocol::Http2 => {
                // Dropped with the connection: then its streams end, too.
                let end = CancellationToken::new();
                let _end = end.clone().drop_guard();
                let streams = Streams { lane: Arc::new(Lane::default()), rate, tasks, end, peer };
                run.run_out(http2(&settings, streams).serve_connection(io, service)).await;
            }
        }
    }
}

/// A socket that refuses these serves on without them, or is dead, which its first read tells.
fn tune(stream: &TcpStream) {
    // An answer's head and its body are two writes: Nagle would hold back the second until the first is acknowledged.
    let _ = stream.set_nodelay(true);
    let probes = socket2::TcpKeepalive::new().with_time(PROBE_EVERY).with_interval(PROBE_EVERY);
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&probes);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
}

async fn open(io: impl Io + 'static, tls: Option<&Tls>) -> io::Result<(Protocol, Box<dyn Io>)> {
    match tls {
        Some(tls) => {
            let stream = tls.accept(io).await?;
            let protocol = Protocol::negotiated(stream.get_ref().1.alpn_protocol());
            Ok((protocol, Box::new(stream)))
        }
        None => {
            let (protocol, stream) = preface::tell(io).await?;
            Ok((protocol, Box::new(stream)))
        }
    }
}

fn http1(settings: &ServeSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // The pulse does, and knows a connection that waits for a request from one that sends it too slowly.
        .header_read_timeout(None)
        .max_header_size(settings.max_head_bytes)
        .max_headers(settings.max_headers)
        .max_buf_size(settings.max_buf_size.max(MIN_BUFFER_BYTES).max(settings.max_head_bytes))
        // What passes through keeps the case of its names.
        .preserve_header_case(true)
        // Who closes its side is gone: its request ends at once, and gives back what it holds.
        .half_close(false);
    http
}

fn http2(settings: &ServeSettings, streams: Streams) -> http2::Builder<Streams> {
    let mut http = http2::Builder::new(streams);
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_FAULTS);
    http
}

/// A connection of either protocol, which serves until it ends.
trait Ending: Future<Output = hyper::Result<()>> {
    /// Takes no further request, and ends after those in flight.
    fn wind_down(self: Pin<&mut Self>);
}

type HyperIo = TokioIo<Watched<Box<dyn Io>>>;

impl<S> Ending for http1::UpgradeableConnection<HyperIo, Answering<S>>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Ending for http2::Connection<HyperIo, Answering<S>, Streams>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Ends a connection when its time has come.
struct Run {
    pulse: Arc<Pulse>,
    drain: CancellationToken,
    settings: ServeSettings,
    peer: SocketAddr,
    cut: Cut,
}

impl Run {
    async fn run_out(self, connection: impl Ending) {
        let mut connection = pin!(connection);
        let over = tokio::select! {
            ended = connection.as_mut() => return self.log_end(ended),
            over = self.pulse.over() => Some(over),
            () = self.drain.cancelled() => None,
        };
        match over {
            Some(Over::Head) => debug!(client = %self.peer, "the connection from {} sent no whole head in time", self.peer),
            Some(Over::Idle) => {
                connection.as_mut().wind_down();
                self.pulse.say_goodbye();
                tokio::select! {
                    ended = connection.as_mut() => self.log_end(ended),
                    // It said goodbye, and the peer does not answer; a request that crossed our goodbye goes on before.
                    _ = self.pulse.over() => {}
                    () = self.drain.cancelled() => self.drained(connection).await,
                }
            }
            None => {
                connection.as_mut().wind_down();
                self.drained(connection).await;
            }
        }
    }

    async fn drained(&self, mut connection: Pin<&mut impl Ending>) {
        self.pulse.say_goodbye();
        tokio::select! {
            ended = connection.as_mut() => self.log_end(ended),
            _ = self.pulse.over() => {}
            () = sleep(self.settings.drain_timeout) => {
                warn!(client = %self.peer, "dropped the connection from {}: its request did not end within the drain timeout", self.peer);
            }
        }
    }

    fn log_end(&self, ended: hyper::Result<()>) {
        let Err(error) = ended else { return };
        let peer = self.peer;
        let text = causes::chain(&error);
        if self.cut.is_noted() {
            info!(client = %peer, "cut the connection from {peer}: {text}");
        } else {
            debug!(client = %peer, "the connection from {peer} broke: {text}");
        }
    }
}

/// What answers the requests of one connection, and tells its pulse of them.
struct Answering<S> {
    service: S,
    peer: Peer,
    protocol: Protocol,
    pulse: Arc<Pulse>,
    max_headers: usize,
}

impl<S> hyper::service::Service<Request<Incoming>> for Answering<S>
where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let begun = self.pulse.begin();
        request.extensions_mut().insert(self.peer);
        // HTTP/1.1 has counted them while it read them; HTTP/2 has only summed up their bytes.
        if request.headers().len() > self.max_headers {
            let mut refused = Response::new(body::holding(body::empty(), begun));
            *refused.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Box::pin(ready(Ok(refused)));
        }
        let (answer, protocol) = (self.service.clone().oneshot(request), self.protocol);
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| match protocol {
                Protocol::Http1 => body::holding(body, begun),
                Protocol::Http2 => body::holding(Sliced::of(body), begun),
            }))
        })
    }
}
