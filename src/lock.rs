//! Locks that outlive a panic.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A thread that panicked with the lock in hand has ended its own work, and not everybody else's: for values that are whole between any
/// two statements.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
