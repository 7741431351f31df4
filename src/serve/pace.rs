//! Cuts one HTTP/2 answer that its peer takes too slowly, and leaves the connection's other ones alone. A peer can keep a
//! stream's window shut while the connection is idle, which nobody would see at the socket.
//!
//! hyper asks a body for more only when the peer has room. So a stream's task that sleeps while its body has given what it
//! was asked for waits for the peer, and for nothing else.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use super::stall::{MinRate, Patience};
use crate::body::{Body, BoxError};

/// As much as fits into one frame: more at once would be taken for sent while the peer has not begun to take it.
const SLICE_BYTES: usize = 16 << 10;

/// A stream of a connection that is fast enough as a whole may have this part of an equal share.
const SHARE: u64 = 4;

tokio::task_local! {
    /// Of the stream whose task this is.
    static FLOW: Arc<Flow>;
}

/// What all answers of a connection have in common.
#[derive(Debug, Default)]
pub(super) struct Lane {
    taken: AtomicU64,
    open: AtomicUsize,
}

/// Between a stream's body and its task.
#[derive(Debug, Default)]
struct Flow {
    /// Since it was last asked.
    taken: AtomicU64,
    waits_for_peer: AtomicBool,
}

/// Runs the streams of one connection, each as slow as it may be.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) lane: Arc<Lane>,
    pub(super) rate: MinRate,
    pub(super) tasks: TaskTracker,
    /// Ends them all.
    pub(super) end: CancellationToken,
    pub(super) peer: SocketAddr,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (paced, end, peer) = (pace(stream, Arc::clone(&self.lane), self.rate), self.end.clone(), self.peer);
        self.tasks.spawn(async move {
            // A task that ends early drops its stream, which resets it.
            if end.run_until_cancelled(paced).await == Some(Pace::TooSlow) {
                info!(client = %peer, "cut an answer to {peer}: the client took it too slowly");
            }
        });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Kept,
    TooSlow,
}

async fn pace(stream: impl Future<Output = ()>, lane: Arc<Lane>, rate: MinRate) -> Pace {
    let flow = Arc::new(Flow::default());
    let mut stream = pin!(FLOW.scope(Arc::clone(&flow), stream));
    let mut judge = Judge::new(&lane, rate);
    poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Pace::Kept);
        }
        judge.took(flow.taken.swap(0, Ordering::Relaxed), flow.waits_for_peer.load(Ordering::Relaxed));
        if flow.waits_for_peer.load(Ordering::Relaxed) { judge.poll_too_slow(cx).map(|()| Pace::TooSlow) } else { Poll::Pending }
    })
    .await
}

struct Judge<'a> {
    lane: &'a Lane,
    rate: MinRate,
    patience: Patience,
    /// Since the patience was last renewed, and what the connection had taken by then.
    since: Instant,
    lane_before: u64,
    taken: u64,
}

impl<'a> Judge<'a> {
    fn new(lane: &'a Lane, rate: MinRate) -> Self {
        lane.open.fetch_add(1, Ordering::Relaxed);
        let lane_before = lane.taken.load(Ordering::Relaxed);
        Self { lane, rate, patience: Patience::new(rate), since: Instant::now(), lane_before, taken: 0 }
    }

    fn took(&mut self, bytes: u64, waits_for_peer: bool) {
        self.taken += bytes;
        self.lane.taken.fetch_add(bytes, Ordering::Relaxed);
        if bytes > 0 || !waits_for_peer {
            self.patience.took(bytes);
        }
    }

    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.patience.poll_spent(cx));
            if !self.shares_a_slow_line() {
                return Poll::Ready(());
            }
            self.patience.renew();
            (self.since, self.lane_before, self.taken) = (Instant::now(), self.lane.taken.load(Ordering::Relaxed), 0);
        }
    }

    /// The connection is fast enough, and this answer gets its part of it: so it is slow only because there are many.
    fn shares_a_slow_line(&self) -> bool {
        let moved = self.lane.taken.load(Ordering::Relaxed) - self.lane_before;
        let open = self.lane.open.load(Ordering::Relaxed).max(1) as u64;
        let is_fast = moved as f64 >= self.rate.bytes_per_second as f64 * self.since.elapsed().as_secs_f64();
        is_fast && self.taken >= moved / (SHARE * open)
    }
}

impl Drop for Judge<'_> {
    fn drop(&mut self) {
        self.lane.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that comes in slices, and tells its stream's task whom it waits for.
pub(super) struct Sliced {
    body: Body,
    rest: Bytes,
}

impl Sliced {
    pub(super) fn of(body: Body) -> Body {
        Self { body, rest: Bytes::new() }.boxed_unsync()
    }

    fn poll_slice(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        let slice = self.rest.split_to(self.rest.len().min(SLICE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }
}

impl HttpBody for Sliced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.poll_slice(cx);
        let bytes = match &polled {
            Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
            Poll::Ready(Some(Err(_)) | None) | Poll::Pending => 0,
        };
        // Outside a stream's task nobody asks.
        let _ = FLOW.try_with(|flow| {
            flow.taken.fetch_add(bytes as u64, Ordering::Relaxed);
            flow.waits_for_peer.store(polled.is_ready(), Ordering::Relaxed);
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
