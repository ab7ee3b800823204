//! A hub: the registry of one group of managers, and the seats of the threads they live on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::backplane::Backplane;
use crate::info::Info;
use crate::mailbox::{Mailbox, Waker};
use crate::member::Member;
use crate::post::{CloseReason, Post, Text};
use crate::scopes::{self, Scope};
use crate::sessions::{Key, Sessions, ThreadId};
use crate::subscriptions::Subscriptions;

/// How much one thread's mailbox holds unless told otherwise: 64 MiB.
pub const DEFAULT_MAX_MAILBOX_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub struct Hub {
    /// Under which name other threads find it.
    scope: Option<Scope>,
    pub(crate) sessions: Sessions,
    pub(crate) info: Info,
    pub(crate) subscriptions: Subscriptions,
    /// What joins it to the hubs of other machines.
    pub(crate) backplane: Option<Arc<Backplane>>,
    /// Replaced as a whole, so that who posts to all holds no lock meanwhile.
    seats: RwLock<Arc<[Arc<Seat>]>>,
    joined: AtomicU32,
    /// Held while the seats are told of each other.
    telling: Mutex<()>,
}

/// What other threads know of a thread.
#[derive(Debug)]
pub struct Seat {
    pub(crate) thread: ThreadId,
    pub(crate) mailbox: Mailbox<Post>,
    /// How many sessions the thread has: one without any is not woken by a message to all.
    sessions: AtomicUsize,
    /// The sessions that another thread has deleted or replaced, and whose streams the thread has not closed yet.
    evicted: Mutex<HashMap<Key, CloseReason>>,
    /// It is about to be given up.
    pub(crate) retires: AtomicBool,
    /// For the thread to see without a call.
    pub(crate) signs: Arc<Signs>,
}

/// What other threads write, and one thread reads.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Signs {
    /// Whether any other thread has sessions.
    pub others_have_sessions: AtomicI32,
    /// Whether any of the thread's sessions is evicted.
    pub evicted: AtomicI32,
}

impl Seat {
    // Relaxed: a thread that knows of a session knows it from whoever created it, after it was counted.
    pub(crate) fn has_sessions(&self) -> bool {
        self.sessions.load(Ordering::Relaxed) > 0
    }

    /// Has the thread close the stream of a session that is not to be found any more: behind what was posted before, but
    /// so that nothing the thread sends to all from now on goes into it.
    pub(crate) fn evict(&self, key: Key, reason: CloseReason) {
        self.evictions(|evicted| evicted.insert(key, reason));
        self.mailbox.post(Post::Close { key, reason });
    }

    pub(crate) fn evicted(&self) -> Vec<Key> {
        self.evictions(|evicted| evicted.keys().copied().collect())
    }

    /// What has them closed.
    pub(crate) fn ends(&self) -> Vec<Post> {
        self.evictions(|evicted| evicted.iter().map(|(&key, &reason)| Post::Close { key, reason }).collect())
    }

    pub(crate) fn has_closed(&self, key: Key) {
        self.evictions(|evicted| evicted.remove(&key));
    }

    pub(crate) fn has_closed_all(&self) {
        self.evictions(HashMap::clear);
    }

    fn evictions<T>(&self, change: impl FnOnce(&mut HashMap<Key, CloseReason>) -> T) -> T {
        let mut evicted = self.evicted.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut evicted);
        self.signs.evicted.store(i32::from(!evicted.is_empty()), Ordering::Relaxed);
        result
    }
}

impl Hub {
    /// A hub for the managers of one thread.
    pub fn for_one_thread() -> Arc<Self> {
        Self::new(None, Sessions::for_one_thread(), None)
    }

    /// A hub that can be found by its name; see [`Scope::join`].
    pub(crate) fn of_scope(scope: Scope, backplane: Option<Arc<Backplane>>) -> Arc<Self> {
        Self::new(Some(scope), Sessions::for_many_threads(), backplane)
    }

    fn new(scope: Option<Scope>, sessions: Sessions, backplane: Option<Arc<Backplane>>) -> Arc<Self> {
        Arc::new(Self {
            scope,
            sessions,
            info: Info::default(),
            subscriptions: Subscriptions::default(),
            backplane,
            seats: RwLock::default(),
            joined: AtomicU32::new(0),
            telling: Mutex::default(),
        })
    }

    /// Takes a seat. `waker` is called, by any thread, when something has come for this one.
    pub fn join(self: &Arc<Self>, max_mailbox_bytes: usize, waker: Option<Waker>) -> Member {
        // Relaxed: only uniqueness matters.
        let thread = ThreadId(self.joined.fetch_add(1, Ordering::Relaxed));
        let mailbox = Mailbox::new(max_mailbox_bytes, waker);
        let seat = Arc::new(Seat {
            thread,
            mailbox,
            sessions: AtomicUsize::new(0),
            evicted: Mutex::default(),
            retires: AtomicBool::new(false),
            signs: Arc::default(),
        });
        let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
        *seats = seats.iter().chain([&seat]).cloned().collect();
        drop(seats);
        self.tell_of_others();
        Member::new(Arc::clone(self), seat)
    }

    /// Nothing of that thread is in the hub when this returns, and nothing will be posted to it.
    pub(crate) fn leave(&self, seat: &Seat) {
        let last = match &self.scope {
            Some(scope) => scopes::leave(scope, self, || self.unseat(seat)),
            None => self.unseat(seat),
        };
        if last {
            self.sessions.clear();
            self.info.clear();
            self.subscriptions.clear();
            self.backplane.iter().for_each(|backplane| backplane.leave(None));
        } else {
            for id in self.sessions.remove_owner(seat.thread) {
                // Another thread may have that session by now: what it sets once it has it stays.
                self.info.remove_unless(&id, || self.sessions.contains(&id));
                self.changed(&id);
            }
            self.subscriptions.remove_owner(seat.thread);
            self.tell_of_others();
        }
        seat.mailbox.close();
    }

    /// A seat is about to be given up. Whether no other is there to stay; then nobody finds the hub any more.
    pub(crate) fn retire(&self, seat: &Seat) -> bool {
        self.scope.as_ref().is_some_and(|scope| scopes::retire(scope, self, seat))
    }

    /// To be called before the session can be found.
    pub(crate) fn count_in(&self, seat: &Seat) {
        if seat.sessions.fetch_add(1, Ordering::Relaxed) == 0 {
            self.tell_of_others();
        }
    }

    /// To be called when the sessions are not to be found any more.
    pub(crate) fn count_out(&self, seat: &Seat, sessions: usize) {
        if sessions > 0 && seat.sessions.fetch_sub(sessions, Ordering::Relaxed) == sessions {
            self.tell_of_others();
        }
    }

    /// Tells every seat whether others have sessions. Whoever changes that calls this afterwards; the lock makes sure that
    /// who comes last has seen all changes.
    fn tell_of_others(&self) {
        if self.scope.is_none() {
            // The threads there are know of none but themselves.
            return;
        }
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let seats = self.seats();
        for seat in &*seats {
            let others = self.backplane.is_some()
                || seats.iter().any(|other| other.thread != seat.thread && other.has_sessions());
            seat.signs.others_have_sessions.store(i32::from(others), Ordering::Relaxed);
        }
    }

    /// A session has come or gone.
    pub(crate) fn changed(&self, id: &[u16]) {
        self.backplane.iter().for_each(|backplane| backplane.changed(id));
    }

    /// Closes the stream of a session, whichever thread has it, unless it is to stay.
    pub(crate) fn close_unless(&self, id: &[u16], reason: CloseReason, stays: impl FnOnce() -> bool) {
        let gone = self.sessions.remove_unless(id, stays, |session| {
            if let Some(owner) = self.seat(session.owner) {
                self.count_out(&owner, 1);
                owner.evict(session.key, reason);
            }
        });
        if gone {
            self.changed(id);
        }
    }

    /// Leaves something for a thread, unless it has left: then it needs nothing any more.
    pub(crate) fn post(&self, thread: ThreadId, post: Post) {
        if let Some(seat) = self.seat(thread) {
            seat.mailbox.post(post);
        }
    }

    /// Tells every thread of something, in JSON for `lib/`. Not one whose mailbox is half full: it would be at the expense of
    /// its streams.
    pub(crate) fn report(&self, report: &Text) {
        for seat in self.seats().iter().filter(|seat| seat.mailbox.bytes() <= seat.mailbox.max_bytes() / 2) {
            seat.mailbox.post(Post::Report { report: Arc::clone(report) });
        }
    }

    fn seat(&self, thread: ThreadId) -> Option<Arc<Seat>> {
        self.seats().iter().find(|seat| seat.thread == thread).cloned()
    }

    /// Whether it was the last.
    fn unseat(&self, seat: &Seat) -> bool {
        let mut seats = self.seats.write().unwrap_or_else(PoisonError::into_inner);
        *seats = seats.iter().filter(|other| other.thread != seat.thread).cloned().collect();
        seats.is_empty()
    }

    pub(crate) fn seats(&self) -> Arc<[Arc<Seat>]> {
        Arc::clone(&self.seats.read().unwrap_or_else(PoisonError::into_inner))
    }
}
