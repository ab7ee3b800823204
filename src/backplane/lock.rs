//! A shorthand for locking.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex of the backplane. A poisoned lock is used as it is, because no change under these locks can panic half
/// way.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
