//! Closes a connection so that its last answer arrives. A socket closed over bytes that nobody read is reset, and the reset
//! overtakes the answer: a client would see a broken connection in place of the 413 that says why.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long what a client still sends is thrown away: enough to see our answer and stop.
const LINGER: Duration = Duration::from_secs(2);

/// Throws away so much at a time.
const SCRAP_BYTES: usize = 8 << 10;

/// A connection whose shutdown says goodbye, and then waits until the peer has done so too or [`LINGER`] is over.
pub(super) struct Linger<I> {
    io: I,
    /// There from when we have said goodbye.
    end: Option<Pin<Box<Sleep>>>,
}

impl<I> Linger<I> {
    pub(super) fn new(io: I) -> Self {
        Self { io, end: None }
    }
}

impl<I: AsyncRead + Unpin> Linger<I> {
    /// Ready when the peer has nothing more to send. Fails only by pending: after our goodbye an error is an end, too.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [MaybeUninit::uninit(); SCRAP_BYTES];
        loop {
            let mut buf = ReadBuf::uninit(&mut scrap);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Linger<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.end.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.end = Some(Box::pin(sleep(LINGER)));
        }
        // Before the drain, which a peer that keeps sending would keep from ever coming to the clock.
        if self.end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Ok(()));
        }
        self.poll_drained(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_the_peer_still_sends_is_thrown_away_until_it_stops() {
        let (ours, mut theirs) = duplex(1024);
        let mut ours = Linger::new(ours);
        let peer = async {
            theirs.write_all(&[0; 100_000]).await.unwrap();
            let mut answer = Vec::new();
            theirs.read_to_end(&mut answer).await.unwrap();
            drop(theirs);
            answer
        };
        ours.write_all(b"too large").await.unwrap();
        let (closed, answer) = tokio::join!(ours.shutdown(), peer);
        closed.unwrap();
        assert_eq!(answer, b"too large");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_close_is_left_after_a_while() {
        let (ours, _theirs) = duplex(1024);
        let start = Instant::now();
        Linger::new(ours).shutdown().await.unwrap();
        assert_eq!(start.elapsed(), LINGER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_keeps_sending_is_left_after_the_same_while() {
        let (ours, mut theirs) = duplex(1024);
        let start = Instant::now();
        let sending = async {
            while theirs.write_all(&[0; 512]).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let mut ours = Linger::new(ours);
        tokio::select! {
            closed = ours.shutdown() => closed.unwrap(),
            () = sending => panic!("the peer was not read"),
        }
        assert!(start.elapsed() < LINGER + Duration::from_secs(1));
    }
}
