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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_ring_in_the_order_of_their_times() {
        let now = Instant::now();
        let keys = [Key::next(), Key::next(), Key::next()];
        let mut alarms = Alarms::default();
        for (key, seconds) in keys.into_iter().zip([3, 1, 2]) {
            alarms.set(now + Duration::from_secs(seconds), key);
        }
        assert_eq!(alarms.pop(now), None);
        let later = now + Duration::from_secs(2);
        assert_eq!(alarms.pop(later), Some(keys[1]));
        assert_eq!(alarms.pop(later), Some(keys[2]));
        assert_eq!(alarms.pop(later), None);
        assert_eq!(alarms.next(), Some(now + Duration::from_secs(3)));
    }

    #[test]
    fn alarms_of_clients_that_left_do_not_pile_up() {
        let at = Instant::now() + Duration::from_secs(3_600);
        let mut alarms = Alarms::default();
        let staying = Key::next();
        alarms.set(at, staying);
        for _ in 0..10_000 {
            alarms.set(at, Key::next());
            alarms.tidy(1, |key| key == staying);
            assert!(alarms.heap.len() <= 2 + KEPT_UNUSED);
        }
        assert_eq!(alarms.pop(at), Some(staying));
    }
}
