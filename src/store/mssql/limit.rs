//! The connections that one process may have, to all its databases together. A permit lives exactly as long as its connection, so
//! this count never drifts from what the servers see.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::lock::lock;

#[cfg(test)]
mod tests;

/// Somebody who may hold connections that nobody uses at the moment.
pub(super) trait Holder: Send + Sync {
    /// Closes one such connection. `false`: there is none.
    fn close_an_idle_one(&self) -> bool;
}

/// The right to one connection.
#[derive(Debug)]
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
}

/// All connections of this process to SQL Server.
pub struct ConnectionLimit {
    limit: usize,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Whose turn it is to give a connection up.
    turn: AtomicUsize,
    holders: Mutex<Vec<Weak<dyn Holder>>>,
}

/// Counts one who waits, however the waiting ends.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    pub(super) fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ConnectionLimit {
    pub fn new(limit: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(limit));
        Arc::new(Self { limit, permits, waiting: AtomicUsize::new(0), turn: AtomicUsize::new(0), holders: Mutex::default() })
    }

    /// Connections that are open or being made.
    pub fn in_use(&self) -> usize {
        self.limit.saturating_sub(self.permits.available_permits())
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a connection that comes free should rather be closed, because another database waits for it.
    pub(super) fn is_contended(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    pub(super) fn join(&self, holder: Weak<dyn Holder>) {
        let mut holders = self.holders();
        holders.retain(|holder| holder.strong_count() > 0);
        holders.push(holder);
    }

    /// Waits in the order of arrival. At the limit, a connection that is idle somewhere is given up first; `None`: none came free.
    pub(super) async fn acquire(&self, patience: Duration) -> Option<Permit> {
        let permits = Arc::clone(&self.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Some(Permit { _permit: permit });
        }
        // Counted before idle ones are looked for: one that becomes idle later sees that somebody waits.
        let _waiting = Waiting::begin(&self.waiting);
        self.close_an_idle_one();
        let permit = timeout(patience, permits.acquire_owned()).await.ok()?;
        Some(Permit { _permit: permit.ok()? })
    }

    fn close_an_idle_one(&self) {
        // Asked outside the lock: closing a connection runs a driver's code.
        let mut holders: Vec<Arc<dyn Holder>> = self.holders().iter().filter_map(Weak::upgrade).collect();
        // Those that joined first would otherwise always be the ones that give up.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % holders.len().max(1);
        holders.rotate_left(turn);
        let _closed = holders.iter().any(|holder| holder.close_an_idle_one());
    }

    fn holders(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Holder>>> {
        lock(&self.holders)
    }
}
