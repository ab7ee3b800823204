//! The times at which a writer checks its clients.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::registry::key::Key;

/// Number of unused alarms that are always kept.
const KEPT_UNUSED: usize = 64;

/// The alarms of the clients of one writer, at most one for each client.
///
/// An alarm never moves. When it comes too early, because its client got a message meanwhile, the writer sets the next one.
/// This costs less than moving it at each message.
#[derive(Debug, Default)]
pub struct Alarms {
    /// Earliest first. Includes unused alarms, whose client is not there any more.
    heap: BinaryHeap<Reverse<(Instant, Key)>>,
}

impl Alarms {
    /// Sets the alarm of a client that has none.
    pub fn set(&mut self, at: Instant, key: Key) {
        self.heap.push(Reverse((at, key)));
    }

    /// Returns the time of the next alarm.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes an alarm whose time has come, and returns its client, which may not be there any more.
    pub fn pop(&mut self, now: Instant) -> Option<Key> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, key))| key)
    }

    /// Removes unused alarms when there are more of them than clients.
    pub fn tidy(&mut self, clients: usize, is_used: impl Fn(Key) -> bool) {
        if self.heap.len() > 2 * clients + KEPT_UNUSED {
            self.heap.retain(|Reverse((_, key))| is_used(*key));
        }
    }
}
