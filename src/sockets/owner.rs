//! The environment that owns sockets, as the writers see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::registry::key::Key;

/// Receives the events of its clients. A writer calls it from its own thread and waits for it, so it must be quick. When it
/// panics, the client ends with [`Event::Failed`].
pub trait Owner: Send + Sync + fmt::Debug {
    /// Takes an event of one of the owner's clients.
    fn report(&self, event: Event);
}

/// Something that the owner of a client must know.
#[derive(Clone, Debug)]
pub enum Event {
    /// The answer to a pause: the kernel has everything that was queued before it. Each pause has one answer, in order,
    /// unless the client ends first. A pause that was resumed before its end is answered, too. So the owner must count.
    Paused {
        /// The client.
        key: Key,
    },
    /// The answer to a release: the kernel has everything, and the socket is closed here. A release can end with
    /// [`Event::Failed`] instead.
    Released {
        /// The client.
        key: Key,
    },
    /// A write failed. The socket is closed here, and the queue is dropped.
    Failed {
        /// The client.
        key: Key,
        /// The error of the operating system, such as `EPIPE` or `ECONNRESET`.
        errno: i32,
    },
    /// A message exceeded `max_queued_bytes`, with [`WhenSlow::Close`](super::settings::WhenSlow::Close). The client takes
    /// no more messages.
    Slow {
        /// The client.
        key: Key,
    },
    /// Nothing left the queue at `dead_after` checks in a row. The client takes no more messages.
    Dead {
        /// The client.
        key: Key,
    },
    /// Messages were dropped, with [`WhenSlow::Drop`](super::settings::WhenSlow::Drop).
    Dropped {
        /// The client.
        key: Key,
        /// The bytes of the dropped messages.
        bytes: DroppedBytes,
    },
}

/// The bytes of one client's messages that were dropped since its owner last took this number. While an event with it
/// waits, further drops add to the number and make no event.
#[derive(Clone, Debug, Default)]
pub struct DroppedBytes(Arc<AtomicU64>);

impl DroppedBytes {
    /// Returns the number, and starts again at 0.
    pub fn take(&self) -> u64 {
        // Relaxed: each change of the one number is a read-modify-write, so none is lost.
        self.0.swap(0, Ordering::Relaxed)
    }

    /// Adds bytes. Returns true when the owner needs an event, because it has taken the number before.
    pub(super) fn add(&self, bytes: usize) -> bool {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed) == 0
    }
}
