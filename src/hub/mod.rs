//! A hub: one group of managers that share sessions, client information and subscriptions.
//!
//! A manager without a scope has a hub of its own. The hub of a scope is shared by several threads of a process, and a
//! backplane can connect it to the hubs of other processes. Each thread joins a hub as a [`member`], which finds sessions
//! in the registry, returns the keys of the thread's own streams, and posts everything else to the other threads.
//!
//! | module | contents |
//! | --- | --- |
//! | [`scopes`] | finds the hub of a scope by name, or makes it |
//! | [`member`] | one thread's side of a hub |
//! | [`delivery`] | delivers what other processes send |
//! | [`peer`] | a thread, as the other threads of the hub see it |
//! | `direct` | the sessions whose messages Rust writes to the sockets of the clients |
//! | `evicted` | the sessions of a thread that other threads removed |

pub mod delivery;
mod direct;
mod evicted;
pub mod member;
pub mod peer;
pub mod scopes;

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use self::peer::Peer;
use crate::backplane::Backplane;
use crate::registry::info::Info;
use crate::registry::key::ThreadId;
use crate::registry::sessions::{Session, Sessions};
use crate::registry::subscriptions::Subscriptions;
use crate::threads::mailbox::Waker;

/// Default of `maxMailboxBytes`: 64 MiB.
pub const DEFAULT_MAX_MAILBOX_BYTES: usize = 64 << 20;

/// The registry and the threads of one group of managers. Threads use it through a [`Member`](member::Member).
#[derive(Debug)]
pub struct Hub {
    sessions: Sessions,
    info: Info,
    subscriptions: Subscriptions,
    /// The connection to other processes, if the hub has one.
    backplane: Option<Arc<Backplane>>,
    /// True for the hub of a scope. A hub of one thread does not use flags.
    is_shared: bool,
    peers: RwLock<Peers>,
    /// Called once, when the hub closes.
    when_closed: WhenClosed,
    /// The number of the next thread that joins.
    next_thread: AtomicU32,
    /// Held while the flags of the peers are updated.
    flags_update: Mutex<()>,
}

/// The threads of a hub.
#[derive(Debug, Default)]
struct Peers {
    /// Replaced as a whole, so that a thread that posts to all peers holds no lock in the meantime.
    list: Arc<[Arc<Peer>]>,
    /// True when the last peer has left, or when all peers are about to leave. No thread can join any more.
    is_closed: bool,
}

/// A function that removes a hub from its scope when it closes.
type ClosedHook = Box<dyn FnOnce(&Hub) + Send>;

/// A [`ClosedHook`] that is called at most once.
struct WhenClosed(Mutex<Option<ClosedHook>>);

impl WhenClosed {
    fn call(&self, hub: &Hub) {
        let function = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(function) = function {
            function(hub);
        }
    }
}

impl fmt::Debug for WhenClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhenClosed").finish_non_exhaustive()
    }
}

impl Hub {
    /// Returns a hub for the managers of one thread.
    pub fn for_one_thread() -> Arc<Self> {
        Self::new(Sessions::for_one_thread(), false, None, WhenClosed(Mutex::default()))
    }

    /// Returns a hub for the threads of a scope. `when_closed` is called, without a lock, when no thread can join any more.
    fn for_scope(
        backplane: Option<Arc<Backplane>>,
        when_closed: impl FnOnce(&Self) + Send + 'static,
    ) -> Arc<Self> {
        let when_closed = WhenClosed(Mutex::new(Some(Box::new(when_closed))));
        Self::new(Sessions::for_many_threads(), true, backplane, when_closed)
    }

    fn new(
        sessions: Sessions,
        is_shared: bool,
        backplane: Option<Arc<Backplane>>,
        when_closed: WhenClosed,
    ) -> Arc<Self> {
        Arc::new(Self {
            sessions,
            info: Info::default(),
            subscriptions: Subscriptions::default(),
            backplane,
            is_shared,
            peers: RwLock::default(),
            when_closed,
            next_thread: AtomicU32::new(0),
            flags_update: Mutex::default(),
        })
    }

    /// Adds a thread. Returns `None` when the hub is closed.
    fn add_peer(&self, max_mailbox_bytes: usize, waker: Option<Waker>) -> Option<Arc<Peer>> {
        // Relaxed: only uniqueness matters.
        let thread = ThreadId(self.next_thread.fetch_add(1, Ordering::Relaxed));
        let peer = Arc::new(Peer::new(thread, max_mailbox_bytes, waker));
        {
            let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
            if peers.is_closed {
                return None;
            }
            peers.list = peers.list.iter().chain([&peer]).cloned().collect();
        }
        self.update_flags();
        Some(peer)
    }

    /// Removes a thread and everything that belongs to it. When this returns, nothing will be posted to it and no call of
    /// its waker is in progress. The hub is closed with its last thread.
    fn remove_peer(&self, peer: &Peer) {
        let was_last = {
            let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
            peers.list = peers.list.iter().filter(|other| other.thread != peer.thread).cloned().collect();
            peers.is_closed |= peers.list.is_empty();
            peers.list.is_empty()
        };
        if was_last {
            self.when_closed.call(self);
            self.sessions.clear(|session| self.mute(session));
            self.info.clear();
            self.subscriptions.clear();
            self.backplane.iter().for_each(|backplane| backplane.leave(None));
        } else {
            for id in self.remove_where(|session| session.owner == peer.thread) {
                // Another thread may have created a session with this id again, and set information about it, which stays. What
                // other processes know as well stays, too.
                self.info.remove_unless(&id, || self.backplane.is_some() || self.sessions.contains(&id));
                self.session_removed(&id);
            }
            self.subscriptions.remove_owner(peer.thread);
            self.update_flags();
        }
        peer.mailbox.close();
    }

    /// Records that a thread is about to leave. When all threads of the hub are about to leave, closes the hub, so that a
    /// thread that joins the same scope gets a new one, and returns true. Always returns false for the hub of one thread.
    fn retire(&self, peer: &Peer) -> bool {
        if !self.is_shared {
            return false;
        }
        let all_retire = {
            let mut peers = self.peers.write().unwrap_or_else(PoisonError::into_inner);
            // Relaxed: every access to it happens under this lock.
            peer.is_retiring.store(true, Ordering::Relaxed);
            let all_retire = peers.list.iter().all(|peer| peer.is_retiring.load(Ordering::Relaxed));
            peers.is_closed |= all_retire;
            all_retire
        };
        if all_retire {
            self.when_closed.call(self);
        }
        all_retire
    }

    /// Counts a session of a thread. Called before other threads can find the session.
    fn count_session(&self, peer: &Peer) {
        if peer.add_session() {
            self.update_flags();
        }
    }

    /// Subtracts a session of a thread. Called after other threads can no longer find it.
    fn uncount_session(&self, peer: &Peer, session: Session) {
        if peer.subtract_session(session) {
            self.update_flags();
        }
    }

    /// Removes every session for which `is_removed` returns true, and returns their ids. Does not subtract them from those of
    /// their threads.
    fn remove_where(&self, is_removed: impl Fn(Session) -> bool) -> Vec<Box<[u16]>> {
        self.sessions.remove_where(|session| {
            let is_removed = is_removed(session);
            if is_removed {
                self.mute(session);
            }
            is_removed
        })
    }

    /// Sets the flag of every peer that shows if other threads have sessions. Every change is followed by a call of this
    /// method; the lock makes sure that the last call sees all changes.
    fn update_flags(&self) {
        if !self.is_shared {
            return;
        }
        let _update = self.flags_update.lock().unwrap_or_else(PoisonError::into_inner);
        let peers = self.peers();
        for peer in &*peers {
            let others = self.backplane.is_some()
                || peers.iter().any(|other| other.thread != peer.thread && other.has_sessions());
            peer.flags.others_have_sessions.store(i32::from(others), Ordering::Relaxed);
        }
    }

    /// Reports to the backplane that a session was removed.
    fn session_removed(&self, id: &[u16]) {
        self.backplane.iter().for_each(|backplane| backplane.removed(id, &self.sessions));
    }

    fn peers(&self) -> Arc<[Arc<Peer>]> {
        Arc::clone(&self.peers.read().unwrap_or_else(PoisonError::into_inner).list)
    }
}
