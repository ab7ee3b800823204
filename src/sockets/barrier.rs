//! Waits until writers have processed the commands before this one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Waits until all its [`Arrival`]s are dropped.
#[derive(Debug, Default)]
pub struct Barrier {
    /// Number of arrivals that are not dropped.
    expected: Mutex<usize>,
    changed: Condvar,
}

/// The last command before a barrier is processed when this is dropped.
#[derive(Debug)]
pub struct Arrival(Arc<Barrier>);

impl Barrier {
    /// Returns a value that the barrier waits for.
    pub fn expect(self: &Arc<Self>) -> Arrival {
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Arrival(Arc::clone(self))
    }

    /// Waits until all arrivals are dropped. Returns false after `timeout`.
    pub fn wait(&self, timeout: Duration) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let (expected, _) = self
            .changed
            .wait_timeout_while(expected, timeout, |expected| *expected > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *expected == 0
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        *self.0.expected.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.changed.notify_all();
    }
}
