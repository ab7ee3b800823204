//! The numbers that identify streams, registrations, requests and threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of one stream, registration, request or completion. Keys count up while the process runs and are never
/// reused, so a message for a closed stream reaches no other stream.
///
/// A key is exact as a JavaScript number: at a million keys a second, 2⁵³ is reached after 285 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

static LAST_KEY: AtomicU64 = AtomicU64::new(0);

impl Key {
    /// Returns a key that was never returned before in this process.
    pub fn next() -> Self {
        // Relaxed: only uniqueness matters, and a read-modify-write is atomic in every order.
        Self(LAST_KEY.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Returns the last key that [`Key::next`] returned. Everything created before this call has this key or a lower one.
    pub fn latest() -> Self {
        Self(LAST_KEY.load(Ordering::Relaxed))
    }

    /// Returns a number below `count` that is always the same for this key. Keys in a row get different numbers.
    pub fn shard(self, count: usize) -> usize {
        (self.0 % count as u64) as usize
    }

    /// Returns the key as a JavaScript number: a positive integer.
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// Returns the key for a number that [`Key::as_f64`] returned. Returns `None` for a number below 1: JavaScript uses 0
    /// for "no key".
    pub fn from_f64(number: f64) -> Option<Self> {
        (number >= 1.0).then_some(Self(number as u64))
    }
}

/// The number of a thread in one hub. A thread that joins again gets a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(pub u32);
