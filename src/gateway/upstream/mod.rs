//! The existing API behind the gateway: what is not for a document goes to it and comes back as if nobody stood between.

pub(super) mod bodies;
mod check;
mod connect;
mod forwarded;
mod hop;
mod tunnel;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::upgrade::OnUpgrade;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::bodies::Progress;
use self::check::Check;
pub use self::check::Verdict;
use self::connect::UpstreamClient;
use super::guise::FinalHeaders;
use super::rescue::GatewayError;
use crate::body::{self, Body};
use crate::causes::{causes, chain};
use crate::config::UpstreamConfig;
use crate::serve::Peer;
use crate::telemetry::{InFlight, Metrics, UpstreamTrouble};

/// What is read of a body that nobody wants, and for how long.
const SCRAP_BYTES: usize = 64 << 10;
const SCRAP_PATIENCE: Duration = Duration::from_secs(1);

/// Why the existing API gave no answer that could be passed on. Nothing of what was sent is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("cannot be connected to")]
    Unreachable,
    #[error("cannot be connected to in time")]
    ConnectTimeout,
    #[error("did not begin its answer in time")]
    NoAnswer,
    #[error("broke off, or answered what is not HTTP")]
    Broken,
    #[error("answered the check of a request's credentials with {0}")]
    Check(StatusCode),
}

impl Fault {
    fn trouble(self) -> UpstreamTrouble {
        match self {
            Self::Unreachable => UpstreamTrouble::Unreachable,
            Self::ConnectTimeout | Self::NoAnswer => UpstreamTrouble::Timeout,
            Self::Broken => UpstreamTrouble::Broken,
            Self::Check(_) => UpstreamTrouble::Check,
        }
    }

    pub fn is_timeout(self) -> bool {
        match self {
            Self::ConnectTimeout | Self::NoAnswer => true,
            Self::Unreachable | Self::Broken | Self::Check(_) => false,
        }
    }
}

/// What the process gives to what speaks to the existing API.
pub struct Surroundings {
    pub metrics: Arc<Metrics>,
    pub tasks: TaskTracker,
    pub drain: CancellationToken,
    /// How long a request waits for a place.
    pub queue_timeout: Duration,
    /// A proxy before this process ends TLS, so clients speak it.
    pub behind_tls_proxy: bool,
}

pub struct Upstream {
    config: UpstreamConfig,
    client: UpstreamClient,
    check: Option<Check>,
    places: Arc<Semaphore>,
    around: Surroundings,
}

/// A request in flight: its place among the concurrent ones, and its count.
struct Place {
    _permit: OwnedSemaphorePermit,
    _counted: InFlight,
}

/// Whether a client's request was read to its end when its answer began.
#[derive(Clone)]
pub(super) struct RequestRead(Arc<Progress>);

impl RequestRead {
    /// Of a request that is answered before its body was looked at: what has been sent of a small one is thrown away, so that the
    /// connection can go on. A client that waits to be asked for it has sent nothing, and is not asked.
    pub(super) async fn by_reading(body: Body, headers: &HeaderMap) -> Self {
        let whole = body.is_end_stream() || !headers.contains_key(EXPECT) && timeout(SCRAP_PATIENCE, is_small(body)).await.unwrap_or(false);
        Self(Arc::new(Progress::of(whole)))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_whole()
    }
}

impl Upstream {
    /// Fails where TLS cannot be set up. Connects to nobody yet.
    pub fn new(config: UpstreamConfig, around: Surroundings) -> anyhow::Result<Self> {
        let client = connect::client(&config)?;
        let (check, places) = (config.check.clone().map(Check::new), Arc::new(Semaphore::new(config.connections)));
        Ok(Self { config, client, check, places, around })
    }

    /// Passes a request on and its answer back, both as they are but for what belongs to one connection.
    pub async fn pass(&self, mut request: Request<Body>) -> Result<Response<Body>, GatewayError> {
        let upgrade = hop::upgrade(request.version(), request.headers());
        let tunnel = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let client_version = request.version();
        let (mut head, body) = request.into_parts();
        head.headers = self.headers(&head, upgrade.as_ref())?;
        head.uri = self.config.uri(hop::path(&head.uri));
        head.version = Version::HTTP_11;
        let mut answer = self.exchange(Request::from_parts(head, body), tunnel).await?;
        if client_version != Version::HTTP_11
            && let Some(FinalHeaders(headers)) = answer.extensions_mut().get_mut::<FinalHeaders>()
        {
            headers.remove(TRANSFER_ENCODING);
        }
        Ok(answer)
    }

    fn headers(&self, head: &request::Parts, upgrade: Option<&HeaderValue>) -> Result<HeaderMap, GatewayError> {
        let forwarded = self.config.forwarded.then(|| {
            let named = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
            let host = head.uri.authority().map(http::uri::Authority::as_str).or_else(named);
            let peer = head.extensions.get::<Peer>();
            let is_tls = self.around.behind_tls_proxy || peer.is_some_and(|peer| peer.over_tls);
            forwarded::element(peer.map(|peer| peer.address), host, if is_tls { "https" } else { "http" })
        });
        Ok(hop::request(head, upgrade, &hop::Passed { to: &self.config.authority, forwarded })?)
    }

    /// One request there and its answer's head back. `tunnel`: the client's side, if the connection may go on in another protocol.
    async fn exchange(&self, request: Request<Body>, tunnel: Option<OnUpgrade>) -> Result<Response<Body>, GatewayError> {
        let place = self.place().await?;
        let waits = request.headers().get(EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let (head, body) = request.into_parts();
        let (body, progress) = bodies::outbound(body, self.config.idle_timeout, waits);
        let mut request = Request::from_parts(head, body);
        if waits {
            let wanted = progress.wanted.clone();
            hyper::ext::on_informational(&mut request, move |informed| {
                if informed.status() == StatusCode::CONTINUE {
                    wanted.cancel();
                }
            });
        }
        let begun = Instant::now();
        let patience = async {
            loop {
                tokio::select! {
                    () = progress.ended.cancelled() => return sleep(self.config.first_byte_timeout).await,
                    // A client that is silent has been cut by then: it is the existing API that takes nothing.
                    moved = timeout(2 * self.config.idle_timeout, progress.moved.notified()) => if moved.is_err() { return },
                }
            }
        };
        let answered = tokio::select! {
            answered = self.client.request(request) => answered,
            () = patience => return Err(self.failed(Fault::NoAnswer)),
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => return Err(self.cause(&error, &progress)),
        };
        self.around.metrics.upstream_answered(response.status().as_u16(), begun.elapsed());
        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let protocols = response.headers().get(http::header::UPGRADE).cloned();
        match (upgraded, tunnel) {
            (true, Some(client)) => {
                let upstream = hyper::upgrade::on(&mut response);
                let (patience, drain) = (self.config.tunnel_idle_timeout, self.around.drain.clone());
                self.around.tasks.spawn(tunnel::run(client, upstream, patience, drain, place));
                Ok(passed_back(response.map(|_| body::empty()), protocols.as_ref(), progress))
            }
            // Nobody asked for another protocol: what follows is no answer to anything.
            (true, None) => Err(self.failed(Fault::Broken)),
            (false, _) => {
                let metrics = Arc::clone(&self.around.metrics);
                let body = |incoming: hyper::body::Incoming| {
                    let counted = incoming.map_err(move |error| {
                        metrics.upstream_trouble(UpstreamTrouble::Broken);
                        error.into()
                    });
                    body::holding(bodies::inbound(counted.boxed_unsync(), self.config.idle_timeout), place)
                };
                Ok(passed_back(response.map(body), None, progress))
            }
        }
    }

    async fn place(&self) -> Result<Place, GatewayError> {
        let waited = timeout(self.around.queue_timeout, Arc::clone(&self.places).acquire_owned()).await;
        let Ok(Ok(permit)) = waited else {
            self.around.metrics.upstream_trouble(UpstreamTrouble::Full);
            return Err(GatewayError::Overloaded);
        };
        Ok(Place { _permit: permit, _counted: self.around.metrics.upstream_request() })
    }

    fn failed(&self, fault: Fault) -> GatewayError {
        self.around.metrics.upstream_trouble(fault.trouble());
        GatewayError::Upstream(fault)
    }

    fn cause(&self, error: &hyper_util::client::legacy::Error, progress: &Progress) -> GatewayError {
        if let Some(fault) = progress.fault() {
            return GatewayError::Client(fault);
        }
        let timed_out = causes(error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::TimedOut));
        tracing::debug!("the existing API gave no answer: {}", chain(error));
        self.failed(match (error.is_connect(), timed_out) {
            (true, true) => Fault::ConnectTimeout,
            (true, false) => Fault::Unreachable,
            (false, _) => Fault::Broken,
        })
    }
}

/// Reads a body as far as it may be thrown away, and says whether that was all.
async fn is_small(mut body: Body) -> bool {
    let mut left = SCRAP_BYTES;
    while let Some(frame) = body.frame().await {
        let length = frame.map_or(usize::MAX, |frame| frame.data_ref().map_or(0, bytes::Bytes::len));
        match left.checked_sub(length) {
            Some(rest) => left = rest,
            None => return false,
        }
    }
    true
}

/// An answer that leaves with the head that it came with.
fn passed_back(mut response: Response<Body>, protocols: Option<&HeaderValue>, progress: Arc<Progress>) -> Response<Body> {
    let upgrade = protocols.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS);
    let headers = hop::end_to_end(response.headers(), upgrade);
    response.headers_mut().clear();
    *response.version_mut() = Version::HTTP_11;
    response.extensions_mut().insert(FinalHeaders(headers));
    response.extensions_mut().insert(RequestRead(progress));
    response
}
