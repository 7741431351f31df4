//! What transfers hold whose clients take nothing for a while. Whoever waits for memory takes it from those who have been idle longest;
//! they make anew what they need once their client goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::lock::lock;

/// A client on a long line takes what its kernel collects in lumps, and is not idle between two of them.
const IDLE_AFTER: Duration = Duration::from_millis(100);

/// Drops what it holds.
trait Reclaim: Send + Sync {
    fn reclaim(&self);
}

struct Slot<T>(Mutex<Option<T>>);

impl<T: Send> Reclaim for Slot<T> {
    fn reclaim(&self) {
        drop(lock(&self.0).take());
    }
}

struct Parked {
    since: Instant,
    bytes: u64,
    slot: Arc<dyn Reclaim>,
}

/// All that is parked, the longest first.
#[derive(Default)]
struct Places {
    next: u64,
    parked: BTreeMap<u64, Parked>,
}

#[derive(Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Places>>);

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} parked", lock(&self.0).parked.len())
    }
}

impl Idle {
    /// Keeps `held`, of so many bytes, until its owner asks for it or somebody else needs the memory.
    pub(super) fn park<T: Send + 'static>(&self, held: T, bytes: u64) -> Loan<T> {
        let slot = Arc::new(Slot(Mutex::new(Some(held))));
        let mut places = lock(&self.0);
        let place = places.next;
        places.next += 1;
        places.parked.insert(place, Parked { since: Instant::now(), bytes, slot: Arc::clone(&slot) as _ });
        drop(places);
        Loan { slot, place, idle: self.clone() }
    }

    /// Makes so much room, if that much is idle.
    pub(super) fn reclaim(&self, bytes: u64) {
        let mut freed = 0;
        while freed < bytes {
            let Some(parked) = self.longest() else { return };
            freed += parked.bytes;
            // Not under the lock: what is dropped here may park or wait itself.
            parked.slot.reclaim();
        }
    }

    fn longest(&self) -> Option<Parked> {
        let mut places = lock(&self.0);
        let first = places.parked.first_entry()?;
        (first.get().since.elapsed() >= IDLE_AFTER).then(|| first.remove())
    }
}

/// What was parked; dropped with this.
pub struct Loan<T: Send + 'static> {
    slot: Arc<Slot<T>>,
    place: u64,
    idle: Idle,
}

impl<T: Send + 'static> Loan<T> {
    /// `None`: somebody else needed the memory.
    pub fn take(self) -> Option<T> {
        lock(&self.slot.0).take()
    }
}

impl<T: Send + 'static> Drop for Loan<T> {
    fn drop(&mut self) {
        let parked = lock(&self.idle.0).parked.remove(&self.place);
        drop(parked);
    }
}
