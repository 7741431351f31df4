//! A limit on the bytes a second that a process's agents move in all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::store::error::Interrupted;
use crate::store::object::ByteStream;

/// Lets bytes pass at a steady rate, in the order in which they ask.
pub struct Throttle {
    bytes_per_second: Option<u64>,
    /// When the bytes that were let pass so far are paid for.
    paid_until: Mutex<Option<Instant>>,
}

impl Throttle {
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, paid_until: Mutex::new(None) }
    }

    /// Returns when these bytes may go on.
    pub async fn pass(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        let mut paid_until = self.paid_until.lock().await;
        let starts = paid_until.unwrap_or_else(Instant::now).max(Instant::now());
        *paid_until = Some(starts + cost);
        drop(paid_until);
        sleep_until(starts).await;
    }

    pub fn slow(self: Arc<Self>, content: ByteStream) -> ByteStream {
        if self.bytes_per_second.is_none() {
            return content;
        }
        Box::pin(slowed(content, self))
    }
}

fn slowed(content: ByteStream, throttle: Arc<Throttle>) -> impl Stream<Item = Result<Bytes, Interrupted>> + Send {
    content.then(move |portion| {
        let throttle = Arc::clone(&throttle);
        async move {
            if let Ok(bytes) = &portion {
                throttle.pass(bytes.len()).await;
            }
            portion
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_portions_take_the_time_of_nine_at_the_rate() {
        let throttle = Throttle::new(Some(1000));
        let begun = Instant::now();
        for _ in 0..10 {
            throttle.pass(500).await;
        }
        // The timer rounds up to whole milliseconds.
        assert_eq!(begun.elapsed().as_millis() / 100, 45);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let begun = Instant::now();
        Throttle::new(None).pass(usize::MAX).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
