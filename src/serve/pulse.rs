//! Whether a connection is at something: requests in flight, a head that is coming, or nothing at all. It says when a
//! connection that only waits has waited long enough, for both protocols; it never ends one with a request in flight.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::preface::Protocol;
use crate::lock::lock;

/// How long a connection may be without a request in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// While a head is due, or is coming.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
}

/// What a connection waited for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Head,
    Idle,
}

pub(super) struct Pulse {
    protocol: Protocol,
    waits: Waits,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    in_flight: usize,
    /// Since when nothing is in flight, or the head is coming.
    since: Instant,
    head_is_due: bool,
    /// Bytes wait for the peer; whether it takes them fast enough is for others to judge.
    unsent: bool,
}

impl Pulse {
    pub(super) fn new(protocol: Protocol, waits: Waits) -> Self {
        let state = State { in_flight: 0, since: Instant::now(), head_is_due: true, unsent: false };
        Self { protocol, waits, state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A request is in flight until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_is_due = false;
        InFlight(Arc::clone(self))
    }

    /// We have said goodbye: the peer has as long to close as it has for a head.
    pub(super) fn say_goodbye(&self) {
        let mut state = self.state();
        (state.since, state.head_is_due) = (Instant::now(), true);
    }

    /// Returns once the connection has waited too long.
    pub(super) async fn over(&self) -> Over {
        loop {
            match self.ends() {
                Some((end, over)) if end <= Instant::now() => return over,
                Some((end, _)) => {
                    tokio::select! {
                        () = sleep_until(end) => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }

    /// When the present wait ends; `None` while there is none.
    fn ends(&self) -> Option<(Instant, Over)> {
        let state = self.state();
        let (wait, over) = if state.head_is_due { (self.waits.head, Over::Head) } else { (self.waits.idle, Over::Idle) };
        (state.in_flight == 0 && !state.unsent).then(|| (state.since + wait, over))
    }

    fn received(&self) {
        let mut state = self.state();
        // Between two requests HTTP/2 has other things to send than a head, such as a ping.
        if self.protocol == Protocol::Http1 && state.in_flight == 0 && !state.head_is_due {
            (state.since, state.head_is_due) = (Instant::now(), true);
            self.changed.notify_one();
        }
    }

    fn sending(&self, unsent: bool) {
        let mut state = self.state();
        if state.unsent != unsent {
            state.unsent = unsent;
            // A head that is due has no more time because something else went out meanwhile.
            if !unsent && !state.head_is_due {
                state.since = Instant::now();
            }
            self.changed.notify_one();
        }
    }
}

/// A request in flight.
pub(super) struct InFlight(Arc<Pulse>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.since = Instant::now();
            self.0.changed.notify_one();
        }
    }
}

/// A connection whose bytes its pulse hears of. It keeps its place among the connections, also where another protocol takes it over.
pub(super) struct Watched<I> {
    io: I,
    pulse: Arc<Pulse>,
    _place: OwnedSemaphorePermit,
}

impl<I> Watched<I> {
    pub(super) fn new(io: I, pulse: Arc<Pulse>, place: OwnedSemaphorePermit) -> Self {
        Self { io, pulse, _place: place }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.pulse.received();
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.pulse.sending(written.is_pending());
        written
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.pulse.sending(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.pulse.sending(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const WAITS: Waits = Waits { head: Duration::from_secs(10), idle: Duration::from_secs(60) };

    fn pulse(protocol: Protocol) -> Arc<Pulse> {
        Arc::new(Pulse::new(protocol, WAITS))
    }

    async fn over(pulse: &Pulse) -> (Over, u64) {
        let start = Instant::now();
        let over = pulse.over().await;
        (over, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_is_due_at_once_and_the_next_one_once_it_begins() {
        assert_eq!(over(&pulse(Protocol::Http1)).await, (Over::Head, 10));
        let pulse = pulse(Protocol::Http1);
        drop(pulse.begin());
        assert_eq!(over(&pulse).await, (Over::Idle, 60));
        let pulse = Arc::new(Pulse::new(Protocol::Http1, WAITS));
        drop(pulse.begin());
        sleep(Duration::from_secs(50)).await;
        pulse.received();
        assert_eq!(over(&pulse).await, (Over::Head, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn pings_keep_no_connection() {
        let pulse = pulse(Protocol::Http2);
        drop(pulse.begin());
        let pinging = async {
            loop {
                sleep(Duration::from_secs(1)).await;
                pulse.received();
                pulse.sending(false);
            }
        };
        let over = async { over(&pulse).await };
        tokio::select! {
            over = over => assert_eq!(over, (Over::Idle, 60)),
            () = pinging => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_and_bytes_unsent_stop_the_clock() {
        let pulse = pulse(Protocol::Http2);
        let (first, second) = (pulse.begin(), pulse.begin());
        let hour = Duration::from_secs(3600);
        assert!(tokio::time::timeout(hour, pulse.over()).await.is_err());
        drop(first);
        assert!(tokio::time::timeout(hour, pulse.over()).await.is_err());
        pulse.sending(true);
        drop(second);
        assert!(tokio::time::timeout(hour, pulse.over()).await.is_err());
        pulse.sending(false);
        assert_eq!(over(&pulse).await, (Over::Idle, 60));
    }
}
