//! Cuts a peer who takes our bytes too slowly, because every byte that waits for it is memory that others wait for.
//! It never counts time in which we have nothing to send.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A kernel reports room for more only in lumps: what it keeps unsent, and what the peer's kernel collects before it
/// opens its window again. Between two lumps nothing seems to move, so a shorter patience would cut peers who are fast enough.
const LUMP_BYTES: u64 = 256 << 10;

/// The slowest peer that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MinRate {
    /// 0: nobody is cut.
    pub(super) bytes_per_second: u64,
    pub(super) window: Duration,
}

impl MinRate {
    /// How long a peer may take for these bytes. `None`: as long as it likes.
    fn time_for(&self, bytes: u64) -> Option<Duration> {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from((self.bytes_per_second > 0).then_some(self.bytes_per_second)?);
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client took its answer slower than {bytes_per_second} bytes/s")]
pub(super) struct TooSlow {
    bytes_per_second: u64,
}

/// Whether a connection, or a stream of it, was cut for being too slow. hyper keeps an error's text and not always the error.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<AtomicBool>);

impl Cut {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a peer has left of our patience. Waiting for it spends time, each byte that it takes buys some back, never more than the window holds:
/// who takes nothing is cut after one window, who takes half the rate after two, who keeps the rate never.
pub(super) struct Patience {
    rate: MinRate,
    whole: Duration,
    left: Duration,
    waiting_since: Option<Instant>,
    end: Pin<Box<Sleep>>,
}

impl Patience {
    pub(super) fn new(rate: MinRate) -> Self {
        let whole = rate.window.max(rate.time_for(LUMP_BYTES).unwrap_or(Duration::ZERO));
        Self { rate, whole, left: whole, waiting_since: None, end: Box::pin(sleep(Duration::ZERO)) }
    }

    /// The peer took bytes; or none, and we are waiting for something else from now on.
    pub(super) fn took(&mut self, bytes: u64) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if let Some(bought) = self.rate.time_for(bytes) {
            self.left = self.left.saturating_add(bought).min(self.whole);
        }
    }

    /// As at the beginning.
    pub(super) fn renew(&mut self) {
        (self.left, self.waiting_since) = (self.whole, None);
    }

    /// Ready with an error once the patience is spent, else wakes the task when it will be.
    pub(super) fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.rate.bytes_per_second == 0 {
            return Poll::Pending;
        }
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.end.as_mut().reset(now + self.left);
        }
        ready!(self.end.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, TooSlow { bytes_per_second: self.rate.bytes_per_second }))
    }
}

/// A connection whose writes fail once its peer is too slow.
pub(super) struct Stall<I> {
    io: I,
    patience: Patience,
    cut: Cut,
}

impl<I> Stall<I> {
    pub(super) fn new(io: I, rate: MinRate, cut: Cut) -> Self {
        Self { io, patience: Patience::new(rate), cut }
    }

    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.patience.took(bytes as u64);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let error = ready!(self.patience.poll_spent(cx));
                self.cut.note();
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Stall<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Stall<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.judge(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const PIECE: usize = LUMP_BYTES as usize;

    /// A lump a second is just fast enough; the window is ten of them.
    const RATE: MinRate = MinRate { bytes_per_second: LUMP_BYTES, window: Duration::from_secs(10) };

    fn connection(rate: MinRate) -> (Stall<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(PIECE);
        (Stall::new(ours, rate, Cut::default()), theirs)
    }

    async fn read_every(peer: &mut DuplexStream, pause: Duration, pieces: usize) {
        let mut buf = vec![0; PIECE];
        for _ in 0..pieces {
            sleep(pause).await;
            peer.read_exact(&mut buf).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_cut_after_one_window() {
        let (mut ours, _theirs) = connection(RATE);
        let start = Instant::now();
        let error = ours.write_all(&vec![0; 2 * PIECE]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("slower than 262144 bytes/s"), "{error}");
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_keeps_the_rate_is_never_cut() {
        let (mut ours, mut theirs) = connection(RATE);
        let content = vec![0; 100 * PIECE];
        let (written, ()) = tokio::join!(ours.write_all(&content), read_every(&mut theirs, Duration::from_millis(990), 100));
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_at_half_the_rate_is_cut_after_two_windows() {
        let (mut ours, mut theirs) = connection(RATE);
        let (start, content) = (Instant::now(), vec![0; 100 * PIECE]);
        let written = tokio::select! {
            written = ours.write_all(&content) => written,
            () = read_every(&mut theirs, Duration::from_secs(2), 100) => panic!("nobody was cut"),
        };
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!((15..=20).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_we_send_nothing_does_not_count() {
        let (mut ours, mut theirs) = connection(RATE);
        let piece = vec![0; PIECE];
        for _ in 0..10 {
            ours.write_all(&piece).await.unwrap();
            sleep(Duration::from_secs(100)).await;
            read_every(&mut theirs, Duration::ZERO, 1).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_past_buys_no_more_than_one_window() {
        let (mut ours, mut theirs) = connection(RATE);
        let content = vec![0; 100 * PIECE];
        let (written, ()) = tokio::join!(ours.write_all(&content), read_every(&mut theirs, Duration::ZERO, 99));
        written.unwrap();
        let start = Instant::now();
        ours.write_all(&content).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_shorter_than_a_lump_takes_is_stretched_to_it() {
        let (mut ours, _theirs) = connection(MinRate { bytes_per_second: LUMP_BYTES / 4, window: Duration::from_secs(1) });
        let start = Instant::now();
        ours.write_all(&vec![0; 2 * PIECE]).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_is_cut() {
        let (mut ours, mut theirs) = connection(MinRate { bytes_per_second: 0, ..RATE });
        let content = vec![0; 2 * PIECE];
        let (written, ()) = tokio::join!(ours.write_all(&content), read_every(&mut theirs, Duration::from_secs(86_400), 2));
        written.unwrap();
    }
}
