//! A thread of a hub, as the other threads see it.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::direct::Group;
use super::evicted::Evicted;
use crate::registry::key::{Key, ThreadId};
use crate::registry::sessions::Session;
use crate::threads::completion::{Outcome, ReplyTo};
use crate::threads::mailbox::{Mailbox, Waker};
use crate::threads::message::{CloseReason, ThreadMessage};

/// A thread of a hub, as the other threads see it.
#[derive(Debug)]
pub struct Peer {
    pub(super) thread: ThreadId,
    /// Its table has the keys of the direct sessions of the thread.
    pub(super) mailbox: Mailbox<ThreadMessage>,
    /// The clients of these sessions.
    pub(super) group: Group,
    /// Number of sessions of the thread, in units of `SESSION`, and number of its ordinary sessions, in units of `ORDINARY`. In
    /// one number, so that no thread sees one of them changed and the other not.
    sessions: AtomicU64,
    /// Sessions that other threads deleted or replaced, and whose streams this thread has not closed yet.
    evicted: Mutex<Evicted>,
    /// True when the thread is about to leave the hub.
    pub(super) is_retiring: AtomicBool,
    /// The flags that other threads set for this thread.
    pub(super) flags: Arc<Flags>,
}

/// A session of any kind, and an ordinary one: one that is not direct.
const SESSION: u64 = 1 << 32;
const ORDINARY: u64 = 1;

/// Memory that other threads write and one thread reads without a call. JavaScript reads it as an `Int32Array`.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Flags {
    /// 1 when a broadcast must also go elsewhere: another thread has sessions, or the hub has a backplane. Otherwise 0.
    pub others_have_sessions: AtomicI32,
    /// 1 when another thread deleted or replaced sessions whose streams this thread has not closed yet. Otherwise 0.
    pub evicted: AtomicI32,
}

impl Peer {
    pub(super) fn new(thread: ThreadId, max_mailbox_bytes: usize, waker: Option<Waker>) -> Self {
        Self {
            thread,
            mailbox: Mailbox::new(max_mailbox_bytes, waker),
            group: Group::default(),
            sessions: AtomicU64::new(0),
            evicted: Mutex::default(),
            is_retiring: AtomicBool::new(false),
            flags: Arc::default(),
        }
    }

    // Relaxed: a thread learns of a session from the thread that created it, after the session was counted.
    pub(super) fn has_sessions(&self) -> bool {
        self.sessions.load(Ordering::Relaxed) >= SESSION
    }

    /// Returns true when the thread has ordinary sessions. A broadcast does not wake a thread without any.
    pub(super) fn has_ordinary_sessions(&self) -> bool {
        !self.sessions.load(Ordering::Relaxed).is_multiple_of(SESSION)
    }

    pub(super) fn has_direct_sessions(&self) -> bool {
        let sessions = self.sessions.load(Ordering::Relaxed);
        sessions / SESSION > sessions % SESSION
    }

    /// Counts an ordinary session. Returns true when it is the first session of the thread.
    pub(super) fn add_session(&self) -> bool {
        self.sessions.fetch_add(SESSION + ORDINARY, Ordering::Relaxed) < SESSION
    }

    /// Counts an ordinary session as a direct one.
    #[cfg(unix)]
    pub(super) fn make_direct(&self) {
        self.sessions.fetch_sub(ORDINARY, Ordering::Relaxed);
    }

    /// Subtracts a session. Returns true when it was the last session of the thread.
    pub(super) fn subtract_session(&self, session: Session) -> bool {
        let counted = if session.is_direct { SESSION } else { SESSION + ORDINARY };
        self.sessions.fetch_sub(counted, Ordering::Relaxed) == counted
    }

    /// Returns true when the mailbox is at most half full.
    pub(super) fn has_room(&self) -> bool {
        self.mailbox.bytes() <= self.mailbox.max_bytes() / 2
    }

    /// Makes the thread close the stream of a removed session, after everything that was posted to it before. The key is
    /// recorded at once, so that broadcasts of the thread itself skip the stream from now on.
    pub(super) fn evict(&self, id: &[u16], key: Key, reason: CloseReason) {
        self.change_evicted(|evicted| evicted.insert(id, key, reason));
        self.mailbox.post(ThreadMessage::Close { key, reason });
    }

    pub(super) fn evicted(&self) -> Vec<Key> {
        self.lock_evicted().keys().collect()
    }

    pub(super) fn evicted_of(&self, id: &[u16]) -> Vec<Key> {
        self.lock_evicted().keys_of(id).collect()
    }

    /// Returns a close message for each evicted session. Used when an overflow dropped the posted ones.
    pub(super) fn close_messages(&self) -> Vec<ThreadMessage> {
        let evicted = self.lock_evicted();
        evicted.reasons().map(|(key, reason)| ThreadMessage::Close { key, reason }).collect()
    }

    pub(super) fn mark_closed(&self, key: Key) {
        self.change_evicted(|evicted| evicted.remove(key));
    }

    pub(super) fn mark_all_closed(&self) {
        self.change_evicted(|evicted| *evicted = Evicted::default());
    }

    fn change_evicted(&self, change: impl FnOnce(&mut Evicted)) {
        let mut evicted = self.lock_evicted();
        change(&mut evicted);
        self.flags.evicted.store(i32::from(!evicted.is_empty()), Ordering::Relaxed);
    }

    fn lock_evicted(&self) -> MutexGuard<'_, Evicted> {
        self.evicted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplyTo for Peer {
    fn reply(&self, request: Key, outcome: Outcome) {
        self.mailbox.reply(ThreadMessage::Reply { request, outcome });
    }
}
