//! A member: one thread's side of a hub.
//!
//! A member registers the sessions of its thread, finds the sessions of all threads, and sends to them. Streams of its own
//! thread are returned as keys, so that the caller delivers to them at once. Messages for other threads go into their
//! mailboxes, and messages for other processes to the backplane.
//!
//! | module | contents |
//! | --- | --- |
//! | [`streams`] | sessions, and messages to one session or to all |
//! | [`route`] | messages to several sessions |
//! | [`registrations`] | registrations of `subscriptions/listen`, and notifications for them |
//! | `direct` | sessions whose messages Rust writes to sockets; not on Windows |
//! | [`mailbox`] | the messages that other threads posted to this one, and `flush` |
//! | [`backplane`] | requests, and entries for other processes |

pub mod backplane;
#[cfg(unix)]
pub mod direct;
pub mod mailbox;
pub mod registrations;
pub mod route;
pub mod streams;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::peer::{Flags, Peer};
use super::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use crate::registry::info::Info;
use crate::registry::key::{Key, ThreadId};
#[cfg(unix)]
use crate::sockets::counters::Counters;
use crate::threads::completion::Completion;
use crate::threads::mailbox::Waker;
use crate::threads::message::ThreadMessage;

/// One thread's side of a hub. Leaves the hub when dropped.
#[derive(Debug)]
pub struct Member {
    hub: Arc<Hub>,
    /// This thread, as the others see it.
    peer: Arc<Peer>,
    /// Completions of requests that this thread works on, by the key that `lib/` passes to `settle`.
    completions: Mutex<BTreeMap<Key, Completion>>,
    /// Threads that this one posted to and that may not have processed everything: one bit each, modulo 64.
    posted_to: AtomicU64,
    /// Counts the messages to direct sessions of this thread.
    #[cfg(unix)]
    counters: Arc<Counters>,
    /// True when the backplane refused an entry since [`Member::was_refused`] was last called.
    refused: AtomicBool,
    left: AtomicBool,
}

/// The result of [`Member::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// The key of the new session.
    pub key: Key,
    /// The session of this thread that had the id before. The caller has to close its stream.
    pub replaced: Option<Key>,
}

impl Member {
    /// Makes the calling thread a member of a hub. Other threads call `waker` when they have posted something to it.
    /// Returns `None` when the hub is closed: its last thread has left or is about to.
    pub fn join(hub: &Arc<Hub>, max_mailbox_bytes: usize, waker: Option<Waker>) -> Option<Self> {
        Some(Self {
            peer: hub.add_peer(max_mailbox_bytes, waker)?,
            hub: Arc::clone(hub),
            completions: Mutex::default(),
            posted_to: AtomicU64::new(0),
            #[cfg(unix)]
            counters: Arc::default(),
            refused: AtomicBool::new(false),
            left: AtomicBool::new(false),
        })
    }

    /// Like [`Member::join`], for a hub that no thread has left yet.
    pub(super) fn join_new(hub: &Arc<Hub>, max_mailbox_bytes: usize, waker: Option<Waker>) -> Self {
        Self::join(hub, max_mailbox_bytes, waker).expect("only a thread that leaves can close a hub")
    }

    /// Returns the only member of a new hub, for a manager that shares nothing with other threads.
    pub fn alone() -> Self {
        Self::join_new(&Hub::for_one_thread(), DEFAULT_MAX_MAILBOX_BYTES, None)
    }

    /// Leaves the hub. The thread's sessions, their client information and its registrations are removed, and nothing is
    /// posted to it any more. When this returns, no call of its waker is in progress.
    pub fn leave(&self) {
        if self.left.swap(true, Ordering::Relaxed) {
            return;
        }
        self.hub.remove_peer(&self.peer);
        // Dropping the completions completes the requests that this thread worked on. That posts to other mailboxes, so it
        // happens without the lock.
        let completions = std::mem::take(&mut *self.completions());
        drop(completions);
    }

    /// Returns the client information of the hub. It is the same table for all of its threads.
    pub fn info(&self) -> &Info {
        &self.hub.info
    }

    /// Returns the flags that other threads set for this one.
    pub fn flags(&self) -> Arc<Flags> {
        Arc::clone(&self.peer.flags)
    }

    /// Returns true when the member has left. It must not register anything then, because nothing would remove it.
    fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    fn is_local(&self, owner: ThreadId) -> bool {
        owner == self.peer.thread
    }

    /// Posts to a thread. Does nothing when the thread has left.
    fn post(&self, thread: ThreadId, message: ThreadMessage) {
        self.with_peer(thread, |peer| {
            peer.mailbox.post(message);
        });
    }

    /// Calls `post` with the peer of a thread, and records that something is posted to it. Does nothing when the thread has
    /// left.
    fn with_peer(&self, thread: ThreadId, post: impl FnOnce(&Peer)) {
        if let Some(peer) = self.hub.peers().iter().find(|peer| peer.thread == thread) {
            self.record_post(peer);
            post(peer);
        }
    }

    /// Records that something is about to be posted to a thread. The result of the post does not matter here: an overflow
    /// is reported to the thread that owns the streams.
    fn record_post(&self, peer: &Peer) {
        let bit = bit(peer);
        // Relaxed: only this thread writes it. The load avoids a write in the common case that the bit is set already.
        if self.posted_to.load(Ordering::Relaxed) & bit == 0 {
            self.posted_to.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn completions(&self) -> MutexGuard<'_, BTreeMap<Key, Completion>> {
        self.completions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Returns the bit of a thread in [`Member::posted_to`].
fn bit(peer: &Peer) -> u64 {
    1 << (peer.thread.0 % 64)
}
