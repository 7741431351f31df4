//! When the second holder of a content is asked: once the first one has failed, or beside it where it is slow to begin. A hedge
//! costs the second holder a read that may not be needed, so it begins only after what is usual for the first one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How far the first holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asked,
    /// It has begun: from here on only its deadlines count.
    Answering,
    /// It has given its first bytes, or none.
    Ended,
}

/// One content, and two holders that may be asked for it.
pub(super) struct Hedge {
    /// `None`: the first one is waited for however long it takes.
    after: Option<Duration>,
    first: watch::Sender<Stage>,
    has_begun: AtomicBool,
}

impl Hedge {
    pub(super) fn new(after: Option<Duration>) -> Self {
        Self { after, first: watch::Sender::new(Stage::Asked), has_begun: AtomicBool::new(false) }
    }

    pub(super) fn first_begins(&self) {
        self.first.send_replace(Stage::Answering);
    }

    pub(super) fn first_ended(&self) {
        self.first.send_replace(Stage::Ended);
    }

    /// Returns when the second holder is to be asked.
    pub(super) async fn second_is_due(&self) {
        let mut first = self.first.subscribe();
        if let Some(after) = self.after
            && timeout(after, first.wait_for(|stage| *stage != Stage::Asked)).await.is_err()
        {
            self.has_begun.store(true, Ordering::Relaxed);
            return;
        }
        first.wait_for(|stage| *stage == Stage::Ended).await.expect("this hedge holds a sender");
    }

    /// Whether the second holder was asked while the first one had not answered.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::{Instant, sleep};

    use super::*;

    const AFTER: Duration = Duration::from_millis(40);

    async fn due_within(hedge: &Hedge, wait: Duration) -> Option<Duration> {
        let asked = Instant::now();
        timeout(wait, hedge.second_is_due()).await.ok().map(|()| asked.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_is_asked_once_the_first_is_late() {
        let hedge = Hedge::new(Some(AFTER));
        assert_eq!(due_within(&hedge, Duration::from_secs(9)).await, Some(AFTER));
        assert!(hedge.has_begun());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_begun_is_left_to_its_deadlines() {
        let hedge = Hedge::new(Some(AFTER));
        hedge.first_begins();
        assert_eq!(due_within(&hedge, Duration::from_secs(9)).await, None);
        hedge.first_ended();
        assert_eq!(due_within(&hedge, Duration::from_secs(9)).await, Some(Duration::ZERO));
        assert!(!hedge.has_begun());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_waited_out() {
        let hedge = Hedge::new(Some(AFTER));
        let failing = async {
            sleep(AFTER / 4).await;
            hedge.first_ended();
        };
        let (due, ()) = tokio::join!(due_within(&hedge, Duration::from_secs(9)), failing);
        assert_eq!((due, hedge.has_begun()), (Some(AFTER / 4), false));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_hedge_only_a_failure_asks_the_second() {
        let hedge = Hedge::new(None);
        assert_eq!(due_within(&hedge, Duration::from_secs(999)).await, None);
        hedge.first_ended();
        assert!(hedge.second_is_due().now_or_never().is_some() && !hedge.has_begun());
    }
}
