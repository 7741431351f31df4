//! A client's body as a bounded stream: never longer than the limit, never slower than the rate.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};

use crate::body::Body;
use crate::model::content::PIECE_BYTES;
use crate::store::error::{ClientFault, Interrupted};
use crate::store::object::ByteStream;
use crate::watch::transfers::Progress;

/// How much a client may send, and how slowly.
#[derive(Debug, Clone, Copy)]
pub struct InboundLimits {
    pub max_bytes: u64,
    /// Bytes a second, over `window`; 0 cuts nobody.
    pub min_rate: u64,
    pub window: Duration,
}

/// A body that is being received.
pub struct Inbound {
    body: Body,
    limits: InboundLimits,
    received: u64,
    /// Only time spent waiting for the client counts against it.
    waited: Duration,
    received_in_window: u64,
    /// What came with a portion beyond its size.
    left: Bytes,
    progress: Progress,
}

impl Inbound {
    pub fn new(body: Body, limits: InboundLimits, progress: Progress) -> Self {
        Self { body, limits, received: 0, waited: Duration::ZERO, received_in_window: 0, left: Bytes::new(), progress }
    }

    /// The next portion, full up to `size` except at the end; `None` after the last.
    pub async fn portion(&mut self, size: usize) -> Result<Option<Bytes>, ClientFault> {
        if self.left.len() >= size {
            return Ok(Some(self.left.split_to(size)));
        }
        let mut portion = BytesMut::from(std::mem::take(&mut self.left));
        while portion.len() < size {
            let Some(mut frame) = self.frame().await? else { break };
            let room = size - portion.len();
            if frame.len() > room {
                self.left = frame.split_off(room);
            }
            portion.extend_from_slice(&frame);
        }
        Ok((!portion.is_empty()).then(|| portion.freeze()))
    }

    /// The rest as a stream, after a portion that was read already.
    pub fn into_stream(self, first: Bytes) -> ByteStream {
        let rest = stream::unfold(Some(self), |inbound| async {
            let mut inbound = inbound?;
            match inbound.next_piece().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(inbound))),
                Ok(None) => None,
                Err(fault) => Some((Err(Interrupted::Client(fault)), None)),
            }
        });
        Box::pin(stream::iter((!first.is_empty()).then_some(Ok(first))).chain(rest))
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, ClientFault> {
        if !self.left.is_empty() {
            let size = self.left.len().min(PIECE_BYTES);
            return Ok(Some(self.left.split_to(size)));
        }
        self.frame().await
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, ClientFault> {
        loop {
            let Some(frame) = self.wait_for_frame().await? else { return Ok(None) };
            let Ok(data) = frame.into_data() else { continue };
            self.received += data.len() as u64;
            if self.received > self.limits.max_bytes {
                return Err(ClientFault::TooLarge);
            }
            self.received_in_window += data.len() as u64;
            self.progress.moved(data.len() as u64);
            return Ok(Some(data));
        }
    }

    async fn wait_for_frame(&mut self) -> Result<Option<http_body::Frame<Bytes>>, ClientFault> {
        loop {
            let left = self.limits.window.saturating_sub(self.waited);
            let begun = Instant::now();
            let frame = timeout(left, self.body.frame()).await;
            self.waited += begun.elapsed();
            match frame {
                Ok(Some(Ok(frame))) => return Ok(Some(frame)),
                Ok(Some(Err(_))) => return Err(ClientFault::Broken),
                Ok(None) => return Ok(None),
                Err(_) if self.is_fast_enough() => (self.waited, self.received_in_window) = (Duration::ZERO, 0),
                Err(_) => return Err(ClientFault::TooSlow),
            }
        }
    }

    fn is_fast_enough(&self) -> bool {
        self.received_in_window as f64 >= self.limits.min_rate as f64 * self.limits.window.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    const LIMITS: InboundLimits = InboundLimits { max_bytes: 1000, min_rate: 10, window: Duration::from_secs(30) };

    fn trickle(bytes: usize, every: Duration) -> Body {
        body::stream(stream::unfold(0, move |sent| async move {
            tokio::time::sleep(every).await;
            (sent < bytes).then(|| (Ok(Bytes::from_static(b"x")), sent + 1))
        }))
    }

    #[tokio::test]
    async fn portions_are_full_whatever_the_frames_are() {
        let frames = stream::iter([3, 5, 1, 4].map(|length| Ok(Bytes::from(vec![7; length]))));
        let mut inbound = Inbound::new(body::stream(frames), LIMITS, Progress::default());
        let mut sizes = Vec::new();
        while let Some(portion) = inbound.portion(4).await.unwrap() {
            sizes.push(portion.len());
        }
        assert_eq!(sizes, [4, 4, 4, 1]);
    }

    #[tokio::test]
    async fn a_byte_over_the_limit_is_refused() {
        let mut exact = Inbound::new(body::full(vec![0; 1000]), LIMITS, Progress::default());
        assert_eq!(exact.portion(2000).await.unwrap().unwrap().len(), 1000);
        let mut over = Inbound::new(body::full(vec![0; 1001]), LIMITS, Progress::default());
        assert_eq!(over.portion(2000).await, Err(ClientFault::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_slower_than_the_rate_is_cut_and_one_just_as_fast_is_not() {
        let mut slow = Inbound::new(trickle(100, Duration::from_secs(1)), LIMITS, Progress::default());
        assert_eq!(slow.portion(1000).await, Err(ClientFault::TooSlow));
        let mut steady = Inbound::new(trickle(800, Duration::from_millis(90)), LIMITS, Progress::default());
        assert_eq!(steady.portion(1000).await.unwrap().unwrap().len(), 800);
    }

    #[tokio::test]
    async fn the_stream_begins_with_what_was_read_already() {
        let mut inbound = Inbound::new(body::full("hello world"), LIMITS, Progress::default());
        let first = inbound.portion(4).await.unwrap().unwrap();
        let pieces: Vec<_> = inbound.into_stream(first).map(|piece| piece.unwrap()).collect().await;
        assert_eq!(pieces.concat(), b"hello world");
    }
}
