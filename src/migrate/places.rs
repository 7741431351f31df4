//! The places of one process: how many jobs its agents work on at once. Operators' limits move the number while jobs run; it never
//! grants one too many.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::model::limits::Allowed;

/// Gives places to whoever asks, in the order in which they ask.
pub struct Places {
    allowed: watch::Receiver<Allowed>,
    /// Numbers of the places that are taken: who came later has the higher one.
    taken: watch::Sender<BTreeSet<u64>>,
    /// The next number. Held while waiting, so that nobody is overtaken.
    turn: Mutex<u64>,
}

impl Places {
    pub fn new(allowed: watch::Receiver<Allowed>) -> Arc<Self> {
        Arc::new(Self { allowed, taken: watch::Sender::default(), turn: Mutex::default() })
    }

    /// Waits until a place is free.
    pub async fn take(self: &Arc<Self>) -> Place {
        let mut next = self.turn.lock().await;
        let (mut allowed, mut taken) = (self.allowed.clone(), self.taken.subscribe());
        loop {
            allowed.mark_unchanged();
            taken.mark_unchanged();
            if let Some(place) = self.free(&mut next) {
                return place;
            }
            tokio::select! {
                Ok(()) = allowed.changed() => {}
                Ok(()) = taken.changed() => {}
            }
        }
    }

    /// Further places, at most so many: what is free now, if nobody waits for it.
    pub fn take_free(self: &Arc<Self>, most: usize) -> Vec<Place> {
        let Ok(mut next) = self.turn.try_lock() else { return Vec::new() };
        std::iter::from_fn(|| self.free(&mut next)).take(most).collect()
    }

    /// Only who has the turn adds, so what is free now stays free.
    fn free(self: &Arc<Self>, next: &mut u64) -> Option<Place> {
        let number = *next;
        if self.taken.borrow().len() >= self.allowed.borrow().places() {
            return None;
        }
        self.taken.send_modify(|taken| {
            taken.insert(number);
        });
        *next += 1;
        Some(Place { places: Arc::clone(self), number })
    }
}

/// A place, until it is dropped.
pub struct Place {
    places: Arc<Places>,
    number: u64,
}

impl Place {
    /// Returns when there are no longer so many places, and who came last has to go: this one.
    pub async fn called_back(&self) {
        let (mut allowed, mut taken) = (self.places.allowed.clone(), self.places.taken.subscribe());
        loop {
            let places = allowed.borrow_and_update().places();
            if taken.borrow_and_update().range(..self.number).count() >= places {
                return;
            }
            tokio::select! {
                Ok(()) = allowed.changed() => {}
                Ok(()) = taken.changed() => {}
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.send_modify(|taken| {
            taken.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::model::limits::{LimitTable, OwnBounds, WorkLimits};

    fn allowed(concurrency: Option<u64>) -> Allowed {
        let all = WorkLimits { concurrency: concurrency.map(|places| places.try_into().unwrap()), ..WorkLimits::default() };
        let own = OwnBounds { bytes_per_second: None, concurrency: 4 };
        Allowed::by(own).renewed(LimitTable { all, ..LimitTable::default() }, None)
    }

    async fn happens<T>(wait: impl Future<Output = T>) -> Option<T> {
        timeout(Duration::from_millis(1), wait).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_places_are_taken_than_there_are() {
        let (_sender, receiver) = watch::channel(allowed(Some(2)));
        let places = Places::new(receiver);
        let (first, _second) = (places.take().await, places.take().await);
        assert!(happens(places.take()).await.is_none());
        drop(first);
        let _third = happens(places.take()).await.expect("one is free");
        assert!(happens(places.take()).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn further_places_are_those_that_are_free_and_nobody_waits_for() {
        let (_sender, receiver) = watch::channel(allowed(Some(3)));
        let places = Places::new(receiver);
        let first = places.take().await;
        let further = places.take_free(5);
        assert_eq!((further.len(), places.take_free(5).len()), (2, 0));
        let waiting = places.take();
        tokio::pin!(waiting);
        assert!(happens(&mut waiting).await.is_none());
        drop((first, further));
        assert!(places.take_free(5).is_empty(), "somebody waited before");
        assert!(happens(waiting).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_limit_lets_in_who_waits() {
        let (sender, receiver) = watch::channel(allowed(Some(1)));
        let places = Places::new(receiver);
        let _first = places.take().await;
        let raising = async { sender.send_replace(allowed(None)) };
        let (taken, _) = tokio::join!(happens(places.take()), raising);
        assert!(taken.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lowered_limit_calls_back_who_came_last_until_it_holds() {
        let (sender, receiver) = watch::channel(allowed(None));
        let places = Places::new(receiver);
        let (first, second, third) = (places.take().await, places.take().await, places.take().await);
        assert!(happens(third.called_back()).await.is_none());
        sender.send_replace(allowed(Some(1)));
        assert!(happens(third.called_back()).await.is_some() && happens(second.called_back()).await.is_some());
        assert!(happens(first.called_back()).await.is_none());
        drop((second, third));
        assert!(happens(first.called_back()).await.is_none() && happens(places.take()).await.is_none());
    }
}
