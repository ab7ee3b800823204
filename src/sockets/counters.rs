//! Numbers that other threads read while a writer writes.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The messages to the clients of one member of a hub. A writer counts a message when it appends it to a client's queue.
/// Keep-alive comments do not count.
#[derive(Debug, Default)]
pub struct Counters {
    messages: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    /// Returns the number of messages.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Returns the bytes of the messages, without framing.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of messages that were dropped because their client was slow.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts a message.
    pub(super) fn add(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a message that was dropped.
    pub(super) fn add_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// The bytes of one client, and its pause. Only its writer changes them.
#[derive(Debug, Default)]
pub struct Meter {
    queued: AtomicUsize,
    sent: AtomicU64,
    is_paused: AtomicBool,
}

impl Meter {
    /// Returns the number of bytes that wait for the kernel to take them. Commands that the writer has not processed are
    /// not in it: see [`Writers::progress`](super::writers::Writers::progress).
    pub fn queued(&self) -> usize {
        // Acquire pairs with Release in `set_queued`: who sees that bytes do not wait any more sees that they are sent.
        self.queued.load(Ordering::Acquire)
    }

    /// Returns the number of bytes that the kernel has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns true when the client is paused and the kernel has taken what was to be sent before.
    pub fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Records the beginning or the end of a pause.
    pub(super) fn set_paused(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
    }

    /// Sets the number of waiting bytes.
    pub(super) fn set_queued(&self, bytes: usize) {
        self.queued.store(bytes, Ordering::Release);
    }

    /// Records bytes that the kernel has taken, and the number of bytes that still wait.
    pub(super) fn sent_bytes(&self, sent: usize, queued: usize) {
        // Not a read-modify-write, because only one thread changes the number.
        self.sent.store(self.sent() + sent as u64, Ordering::Relaxed);
        self.set_queued(queued);
    }
}
