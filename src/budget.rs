//! The process's budget of bytes: a transfer takes all it will ever hold in one acquire before it starts. Nobody asks for more
//! while it holds some, so transfers cannot wait for each other in a circle.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

mod idle;

use self::idle::Idle;
pub use self::idle::Loan;

/// Content up to this size has a lane of its own, so that slow large transfers do not hold up small ones.
pub const SMALL_BYTES: u64 = 64 << 10;

/// The portions of a transfer that has the machine to itself: the span of one checksum.
const MAX_PORTION_BYTES: u64 = crate::model::content::PIECE_BYTES as u64;

/// Below this the cost of a system call and a frame exceeds that of the bytes.
const MIN_PORTION_BYTES: u64 = 64 << 10;

/// A transfer holds up to three portions (one being read, one being checked or hashed, one being sent), and the transfers with
/// the largest portions may take a quarter of the lane.
const PORTIONS_A_SHARE: u64 = 12;

/// A client has to be idle for much longer than this.
const LOOK_FOR_IDLE_EVERY: Duration = Duration::from_millis(10);

/// A store that takes longer than this to begin may be out of places.
const STORE_PATIENCE: Duration = Duration::from_secs(1);

/// All content that this process holds in memory at once.
#[derive(Debug)]
pub struct Budget {
    small: Arc<Lane>,
    large: Arc<Lane>,
    queue_timeout: Duration,
    idle: Idle,
    /// Held by the one of the waiting who makes room.
    room_maker: Mutex<()>,
    waiting: AtomicUsize,
    /// Who waited in vain, since somebody last looked.
    refused: AtomicU64,
}

impl Budget {
    /// A quarter for content up to [`SMALL_BYTES`], the rest for larger.
    pub fn new(limit_bytes: u64, queue_timeout: Duration) -> Self {
        let small = limit_bytes / 4;
        let (small, large) = (Lane::of(small), Lane::of(limit_bytes - small));
        Self {
            small,
            large,
            queue_timeout,
            idle: Idle::default(),
            room_maker: Mutex::default(),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Waits in the order of arrival for as long as the queue's timeout; `None`: overloaded, refuse the work.
    ///
    /// More than a lane has is clamped to the lane: such a transfer waits until it is alone there, and never for ever.
    pub async fn acquire(&self, bytes: u64) -> Option<Grant> {
        let granted = tokio::time::timeout(self.queue_timeout, self.acquire_again(bytes)).await.ok();
        if granted.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    /// Waits for as long as it takes: for a transfer that has begun, and gave back what it held so that others had their turn.
    pub async fn acquire_again(&self, bytes: u64) -> Grant {
        if bytes <= SMALL_BYTES {
            return Lane::acquire(Arc::clone(&self.small), bytes).await;
        }
        let _waiting = Waiting::among(&self.waiting);
        if self.large.limit_bytes.saturating_sub(self.large.granted_bytes.load(Ordering::Relaxed)) < bytes {
            // Now, so that one who may not wait has a chance.
            self.idle.reclaim(bytes);
        }
        tokio::select! {
            // What is free is taken before anybody's is.
            biased;
            grant = Lane::acquire(Arc::clone(&self.large), bytes) => grant,
            never = self.make_room(bytes) => match never {},
        }
    }

    /// Waits for `work` of a transfer that has begun: for its turn at a store, of whose places those may hold all who are idle.
    pub async fn making_room<T>(&self, bytes: u64, work: impl Future<Output = T>) -> T {
        let making = async {
            sleep(STORE_PATIENCE).await;
            let _waiting = Waiting::among(&self.waiting);
            self.make_room(bytes).await
        };
        tokio::select! {
            biased;
            done = work => done,
            never = making => match never {},
        }
    }

    /// One after the other in the order of arrival, as memory is handed out.
    async fn make_room(&self, bytes: u64) -> Infallible {
        let _room_maker = self.room_maker.lock().await;
        loop {
            self.idle.reclaim(bytes);
            sleep(LOOK_FOR_IDLE_EVERY).await;
        }
    }

    /// Keeps what a transfer holds, its grant included, while its client takes what was sent last. Whoever waits for memory may have it.
    pub fn park<T: Send + 'static>(&self, held: T, bytes: u64) -> Loan<T> {
        self.idle.park(held, bytes)
    }

    /// Whether large transfers wait for memory.
    pub fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether there are so many large transfers that one more could have to wait soon.
    pub fn is_tight(&self) -> bool {
        self.large.granted_bytes.load(Ordering::Relaxed) > self.large.limit_bytes / 2
    }

    /// Memory beside what a transfer acquired before it started, where there is plenty. It never waits, so nobody can wait in a circle
    /// for it. `None` where less than half of the lane would be left for those who come.
    pub fn spare(&self, bytes: u64) -> Option<Grant> {
        let lane = &self.large;
        let free = lane.limit_bytes.saturating_sub(lane.granted_bytes.load(Ordering::Relaxed));
        if free < lane.limit_bytes / 2 + bytes {
            return None;
        }
        let permit = Arc::clone(&lane.bytes).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()?;
        Some(Lane::granted(lane, permit, u32::try_from(bytes).ok()?))
    }

    /// How large the portions of a transfer that starts now should be.
    pub fn portion_bytes(&self) -> usize {
        portion_bytes(self.large.grants.load(Ordering::Relaxed), self.large.limit_bytes)
    }

    /// How many have waited in vain since the last time that this was asked.
    pub fn take_refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
    }

    /// Bytes granted and not given back, for gauges.
    pub fn used_bytes(&self) -> u64 {
        self.small.granted_bytes.load(Ordering::Relaxed) + self.large.granted_bytes.load(Ordering::Relaxed)
    }

    pub fn limit_bytes(&self) -> u64 {
        self.small.limit_bytes + self.large.limit_bytes
    }
}

/// The largest power of two of which [`PORTIONS_A_SHARE`] fit into the newcomer's equal share of the lane, between 64 KiB and 1 MiB.
///
/// With 48 MiB that is 1 MiB for the first 4 transfers, then half for as many again, a quarter for the next 8, and so on: each
/// doubling takes at most an eighth of the lane more, so more than a hundred work side by side before one has to wait.
fn portion_bytes(grants: usize, lane_bytes: u64) -> usize {
    let share = lane_bytes / (grants as u64 + 1) / PORTIONS_A_SHARE;
    let power = if share == 0 { 0 } else { 1 << share.ilog2() };
    power.clamp(MIN_PORTION_BYTES, MAX_PORTION_BYTES) as usize
}

/// Counts among the waiting until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(all)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to hold so many bytes. Dropping it gives them back.
#[derive(Debug)]
pub struct Grant {
    bytes: u32,
    lane: Arc<Lane>,
    _permit: OwnedSemaphorePermit,
}

impl Grant {
    /// What was granted: less than asked for where the lane has less.
    pub fn bytes(&self) -> u64 {
        self.bytes.into()
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.lane.granted_bytes.fetch_sub(self.bytes(), Ordering::Relaxed);
        self.lane.grants.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Lane {
    /// A permit a byte, handed out in the order of asking: a large request is not starved by small ones behind it.
    bytes: Arc<Semaphore>,
    limit_bytes: u64,
    /// Counted beside the semaphore, whose free permits leave out those it saves up for the first in the queue.
    granted_bytes: AtomicU64,
    grants: AtomicUsize,
}

impl Lane {
    fn of(limit_bytes: u64) -> Arc<Self> {
        let permits = usize::try_from(limit_bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let bytes = Arc::new(Semaphore::new(permits));
        Arc::new(Self { bytes, limit_bytes: permits as u64, granted_bytes: AtomicU64::new(0), grants: AtomicUsize::new(0) })
    }

    async fn acquire(lane: Arc<Self>, bytes: u64) -> Grant {
        // A transfer never holds 4 GiB: content ends at 2.
        let bytes = u32::try_from(bytes.min(lane.limit_bytes)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&lane.bytes).acquire_many_owned(bytes).await.expect("the semaphore is never closed");
        Self::granted(&lane, permit, bytes)
    }

    fn granted(lane: &Arc<Self>, permit: OwnedSemaphorePermit, bytes: u32) -> Grant {
        lane.granted_bytes.fetch_add(bytes.into(), Ordering::Relaxed);
        lane.grants.fetch_add(1, Ordering::Relaxed);
        Grant { bytes, lane: Arc::clone(lane), _permit: permit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;
    const PATIENCE: Duration = Duration::from_secs(5);

    fn budget() -> Budget {
        Budget::new(64 * MIB, PATIENCE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_is_given_back_when_it_is_dropped() {
        let budget = budget();
        let (small, large) = (budget.acquire(1000).await.unwrap(), budget.acquire(5 * MIB).await.unwrap());
        assert_eq!(budget.used_bytes(), 1000 + 5 * MIB);
        drop((small, large));
        assert_eq!((budget.used_bytes(), budget.limit_bytes()), (0, 64 * MIB));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_longer_than_the_queues_timeout_is_refused() {
        let budget = budget();
        let _all = budget.acquire(48 * MIB).await.unwrap();
        let begun = tokio::time::Instant::now();
        assert!(budget.acquire(MIB).await.is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        assert_eq!((budget.take_refused(), budget.take_refused()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn small_content_does_not_wait_for_large() {
        let budget = budget();
        let _all = budget.acquire(48 * MIB).await.unwrap();
        assert!(budget.acquire(SMALL_BYTES).await.is_some());
        assert!(budget.acquire(SMALL_BYTES + 1).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_the_lane_has_is_clamped_and_waits_to_be_alone() {
        let budget = budget();
        let one = budget.acquire(MIB).await.unwrap();
        assert!(budget.acquire(1 << 40).await.is_none());
        drop(one);
        assert_eq!(budget.acquire(1 << 40).await.unwrap().bytes(), 48 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_request_is_served_before_those_that_came_after_it() {
        let budget = budget();
        let first = budget.acquire(40 * MIB).await.unwrap();
        let (large, late) = (budget.acquire(30 * MIB), budget.acquire(MIB));
        let release = async {
            // One turn for each of the two to stand in the queue.
            tokio::task::yield_now().await;
            assert_eq!(budget.used_bytes(), 40 * MIB, "the late one would fit, and waits for its turn");
            drop(first);
        };
        let (large, late, ()) = tokio::join!(large, late, release);
        assert!(large.is_some() && late.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_waiting_leaves_nothing_behind() {
        let budget = budget();
        let all = budget.acquire(48 * MIB).await.unwrap();
        assert!(budget.acquire(48 * MIB).await.is_none());
        drop(all);
        assert!(budget.acquire(48 * MIB).await.is_some());
        assert_eq!(budget.used_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn spare_memory_leaves_half_of_the_lane_and_passes_nobody_who_waits() {
        let budget = budget();
        let (one, two) = (budget.spare(12 * MIB), budget.spare(12 * MIB));
        assert!(one.is_some() && two.is_some() && budget.spare(1).is_none());
        drop((one, two));
        let _some = budget.acquire(20 * MIB).await.unwrap();
        assert!(budget.spare(5 * MIB).is_none() && budget.spare(4 * MIB).is_some());
        assert_eq!(budget.used_bytes(), 20 * MIB);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_what_the_longest_idle_hold_and_no_more_than_it_needs() {
        let budget = budget();
        let mut loans = Vec::new();
        for _ in 0..24 {
            loans.push(budget.park(budget.acquire(2 * MIB).await.unwrap(), 2 * MIB));
            sleep(Duration::from_millis(1)).await;
        }
        let begun = tokio::time::Instant::now();
        let newcomer = budget.acquire(3 * MIB).await.unwrap();
        assert!((70..=90).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        let left: Vec<bool> = loans.into_iter().map(|loan| loan.take().is_some()).collect();
        assert_eq!(left, [vec![false; 2], vec![true; 22]].concat());
        assert!(!budget.is_wanted());
        drop(newcomer);
        assert_eq!(budget.used_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_loses_what_it_takes_back_in_time() {
        let budget = Arc::new(budget());
        let all = budget.acquire(48 * MIB).await.unwrap();
        let busy = async {
            let mut held = all;
            for _ in 0..100 {
                let loan = budget.park(held, 48 * MIB);
                sleep(Duration::from_millis(90)).await;
                held = loan.take().expect("a busy client keeps what it has");
            }
        };
        let (refused, ()) = tokio::join!(budget.acquire(MIB), busy);
        assert!(refused.is_none());
    }

    #[test]
    fn portions_shrink_as_transfers_grow_in_number() {
        let kib = |grants| portion_bytes(grants, 48 * MIB) >> 10;
        assert_eq!([0, 3, 4, 7, 8, 15, 16, 31, 32, 5000].map(kib), [1024, 1024, 512, 512, 256, 256, 128, 128, 64, 64]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_transfers_of_three_portions_fit_side_by_side() {
        let budget = budget();
        let mut grants = Vec::new();
        for _ in 0..100 {
            grants.push(budget.acquire(3 * budget.portion_bytes() as u64).await.unwrap());
        }
    }

    proptest! {
        #[test]
        fn a_portion_stays_within_its_bounds(grants in 0..100_000usize, lane_bytes: u64) {
            let portion = portion_bytes(grants, lane_bytes) as u64;
            prop_assert!((MIN_PORTION_BYTES..=MAX_PORTION_BYTES).contains(&portion) && portion.is_power_of_two());
        }
    }
}
