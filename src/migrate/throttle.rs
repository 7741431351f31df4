//! A rate at which something may pass, and which can change while somebody waits. It counts whatever it is given; what the rate
//! is, it asks.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep};

use crate::model::limits::Allowed;

/// Timers wake late, by a millisecond and more: so much time is made good again, that the rate is kept.
const CREDIT: Duration = Duration::from_millis(50);

type Rate = Box<dyn Fn(&Allowed) -> Option<f64> + Send + Sync>;

/// Lets things pass at the rate that is allowed now, in the order in which they ask.
pub struct Throttle {
    allowed: watch::Receiver<Allowed>,
    rate: Rate,
    line: Mutex<Line>,
}

impl Throttle {
    pub fn new(allowed: watch::Receiver<Allowed>, rate: impl Fn(&Allowed) -> Option<f64> + Send + Sync + 'static) -> Self {
        Self { allowed, rate: Box::new(rate), line: Mutex::default() }
    }

    /// Returns when what passed before is paid for. A rate that changes meanwhile holds from that moment on.
    pub async fn pass(&self, amount: u64) {
        let mut allowed = self.allowed.clone();
        // Held while waiting: whoever comes next queues up behind.
        let mut line = self.line.lock().await;
        loop {
            let rate = (self.rate)(&allowed.borrow_and_update());
            line.settle(Instant::now(), rate);
            let Some(wait) = line.wait() else { break };
            tokio::select! {
                () = sleep(wait) => {}
                Ok(()) = allowed.changed() => {}
            }
        }
        line.owed += amount as f64;
    }
}

/// What is owed for all that passed.
#[derive(Default)]
struct Line {
    owed: f64,
    /// Since when, and at which rate, it is being paid.
    paid: Option<(Instant, f64)>,
}

impl Line {
    fn settle(&mut self, now: Instant, rate: Option<f64>) {
        if let Some((since, rate)) = self.paid {
            let least = -rate * CREDIT.as_secs_f64();
            self.owed = (self.owed - rate * now.duration_since(since).as_secs_f64()).max(least);
        }
        if rate.is_none() {
            self.owed = 0.0;
        }
        self.paid = rate.map(|rate| (now, rate));
    }

    /// `None`: nothing is owed any more.
    fn wait(&self) -> Option<Duration> {
        let (_, rate) = self.paid?;
        (self.owed > 0.0).then(|| Duration::from_secs_f64(self.owed / rate))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::timeout;

    use super::*;
    use crate::model::limits::{LimitScope, LimitTable, OwnBounds, WorkLimits};

    fn allowed(rate: Option<u64>) -> Allowed {
        let all = WorkLimits { bytes_per_second: rate.map(|rate| rate.try_into().unwrap()), ..WorkLimits::default() };
        let own = OwnBounds { bytes_per_second: None, concurrency: 1 };
        Allowed::by(own).renewed(LimitTable { all, ..LimitTable::default() }, None)
    }

    fn at_rate(rate: Option<u64>) -> (watch::Sender<Allowed>, Arc<Throttle>) {
        let (sender, receiver) = watch::channel(allowed(rate));
        (sender, Arc::new(Throttle::new(receiver, |allowed| allowed.bytes_per_second(&LimitScope::All))))
    }

    async fn takes(amounts: &[u64], throttle: &Throttle) -> u128 {
        let begun = Instant::now();
        for amount in amounts {
            throttle.pass(*amount).await;
        }
        // The timer rounds up to whole milliseconds.
        begun.elapsed().as_millis() / 10 * 10
    }

    #[tokio::test(start_paused = true)]
    async fn ten_portions_take_the_time_of_nine_at_the_rate() {
        assert_eq!(takes(&[500; 10], &at_rate(Some(1000)).1).await, 4500);
    }

    #[tokio::test(start_paused = true)]
    async fn many_small_things_keep_the_rate_although_timers_wake_late() {
        assert_eq!(takes(&[1; 3001], &at_rate(Some(3000)).1).await / 100, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        assert_eq!(takes(&[u64::MAX, u64::MAX], &at_rate(None).1).await, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nothing_passed_is_not_saved_up() {
        let (_sender, throttle) = at_rate(Some(1000));
        throttle.pass(1).await;
        sleep(Duration::from_secs(3600)).await;
        assert!(takes(&[1000, 1000, 1000], &throttle).await >= 1900);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_at_a_low_rate_notices_at_once_that_it_was_raised() {
        let (sender, throttle) = at_rate(Some(1));
        throttle.pass(1_000_000).await;
        let begun = Instant::now();
        let waiting = async { throttle.pass(1).await };
        let raising = async {
            sleep(Duration::from_secs(60)).await;
            sender.send_replace(allowed(Some(100_000_000)));
        };
        tokio::join!(waiting, raising);
        assert_eq!(begun.elapsed().as_secs(), 60, "the rest of a million takes no second at the new rate");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_at_once_when_the_limit_is_lifted() {
        let (sender, throttle) = at_rate(Some(1));
        throttle.pass(1_000_000).await;
        let patience = Duration::from_millis(1);
        assert!(timeout(patience, throttle.pass(1)).await.is_err());
        sender.send_replace(allowed(None));
        assert!(timeout(patience, throttle.pass(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lowered_rate_slows_who_waits_already() {
        let (sender, throttle) = at_rate(Some(1000));
        throttle.pass(1000).await;
        let begun = Instant::now();
        let lowering = async {
            sleep(Duration::from_millis(500)).await;
            sender.send_replace(allowed(Some(10)));
        };
        tokio::join!(throttle.pass(1), lowering);
        assert_eq!(begun.elapsed().as_millis() / 100, 505, "half at 1000 a second, half at 10");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_pays_nothing_and_lets_the_next_one_in() {
        let (_sender, throttle) = at_rate(Some(10));
        throttle.pass(10).await;
        let begun = Instant::now();
        assert!(timeout(Duration::from_millis(100), throttle.pass(1_000_000)).await.is_err());
        throttle.pass(10).await;
        throttle.pass(10).await;
        assert_eq!(begun.elapsed().as_millis() / 100, 20);
    }
}
