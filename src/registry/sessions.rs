//! The table of sessions: from a session id to the thread that owns the session and the key of its stream.
//!
//! Ids are stored as UTF-16 code units, as in JavaScript. A lookup from JavaScript needs no transcoding, and ids that
//! differ only in lone surrogates stay different.

use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
// Ids may come from a request header, so a client can choose them. The hash is therefore seeded at random per process.
use foldhash::fast::RandomState;

use super::key::{Key, ThreadId};

/// The owner of a session and the key of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The thread that holds the stream.
    pub owner: ThreadId,
    /// The key of the stream.
    pub key: Key,
    /// True when Rust writes the messages to the socket of the client.
    pub is_direct: bool,
}

impl Session {
    /// Returns a session that is not direct.
    fn ordinary(owner: ThreadId, key: Key) -> Self {
        Self { owner, key, is_direct: false }
    }

    fn is(&self, owner: ThreadId, key: Key) -> bool {
        self.owner == owner && self.key == key
    }
}

/// The table of sessions. Methods lock one shard of the map at a time, for the length of a map operation.
#[derive(Debug)]
pub struct Sessions {
    by_id: DashMap<Box<[u16]>, Session, RandomState>,
    /// Number of sessions, including reserved room.
    count: AtomicUsize,
}

/// The room for a session that is about to be inserted, in the number of all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// [`Sessions::reserve`] has counted the session already.
    Reserved,
    /// The session is not counted yet: the caller has no limit, or the session replaces another one.
    Unreserved,
}

impl Sessions {
    /// Returns a table for one thread. It has two shards, the smallest number that DashMap accepts: the default of four
    /// shards per core would cost each manager kilobytes on a large machine and gain nothing for one thread.
    pub fn for_one_thread() -> Self {
        Self {
            by_id: DashMap::with_capacity_and_hasher_and_shard_amount(0, RandomState::default(), 2),
            count: AtomicUsize::new(0),
        }
    }

    /// Returns a table for several threads.
    pub fn for_many_threads() -> Self {
        Self { by_id: DashMap::default(), count: AtomicUsize::new(0) }
    }

    /// Reserves room for one session. Returns `None` when there are `max` sessions already.
    pub fn reserve(&self, max: usize) -> Option<Room> {
        // Relaxed, here and below: the count guards no other memory.
        let more = |count| (count < max).then_some(count + 1);
        let reserved = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.ok().map(|_| Room::Reserved)
    }

    /// Gives up room that is not needed. Does nothing for [`Room::Unreserved`].
    pub fn release(&self, room: Room) {
        if room == Room::Reserved {
            self.subtract(1);
        }
    }

    /// Inserts a session of a thread. If the id was in use, `replaced` is called with the older session while the entry is
    /// locked, so that no thread finds the newer session before `replaced` has returned.
    pub fn insert(&self, id: &[u16], owner: ThreadId, room: Room, replaced: impl FnOnce(Session)) -> Key {
        match self.by_id.entry(id.into()) {
            Entry::Vacant(entry) => {
                if room == Room::Unreserved {
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                entry.insert(Session::ordinary(owner, Key::next())).key
            }
            Entry::Occupied(mut entry) => {
                self.release(room);
                let key = Key::next();
                replaced(entry.insert(Session::ordinary(owner, key)));
                key
            }
        }
    }

    /// Makes a session direct if the id still belongs to it and `switch` returns true. `switch` is called while the entry is
    /// locked, so no thread removes the session in the meantime. Returns true if the session is direct now.
    pub fn make_direct(&self, id: &[u16], owner: ThreadId, key: Key, switch: impl FnOnce() -> bool) -> bool {
        let Some(mut session) = self.by_id.get_mut(id) else { return false };
        let is_switched = session.is(owner, key) && !session.is_direct && switch();
        session.is_direct |= is_switched;
        is_switched
    }

    fn subtract(&self, sessions: usize) {
        self.count.fetch_sub(sessions, Ordering::Relaxed);
    }

    /// Returns the session with an id.
    pub fn get(&self, id: &[u16]) -> Option<Session> {
        self.by_id.get(id).map(|session| *session)
    }

    /// Returns true when a session with this id exists.
    pub fn contains(&self, id: &[u16]) -> bool {
        self.by_id.contains_key(id)
    }

    /// Removes a session and returns true if it existed. `removed` is called with the session while its entry is locked.
    pub fn remove(&self, id: &[u16], removed: impl FnOnce(Session)) -> bool {
        self.remove_unless(id, || false, removed)
    }

    /// Removes a session unless `stays` returns true, and returns true if it was removed. Both functions are called while
    /// the entry is locked, so no thread can create a session with this id in the meantime.
    pub fn remove_unless(
        &self,
        id: &[u16],
        stays: impl FnOnce() -> bool,
        removed: impl FnOnce(Session),
    ) -> bool {
        let (mut stays, mut removed) = (Some(stays), Some(removed));
        let taken = self.by_id.remove_if(id, |_, session| {
            let is_removed = stays.take().is_some_and(|stays| !stays());
            if is_removed {
                removed.take().into_iter().for_each(|removed| removed(*session));
            }
            is_removed
        });
        self.subtract(taken.iter().len());
        taken.is_some()
    }

    /// Removes a session only if the id still belongs to this owner and key. Returns true if it was removed. `removed` is
    /// called with the session while its entry is locked.
    pub fn remove_this(&self, id: &[u16], owner: ThreadId, key: Key, removed: impl FnOnce(Session)) -> bool {
        let mut removed = Some(removed);
        let taken = self.by_id.remove_if(id, |_, session| {
            let is_removed = session.is(owner, key);
            if is_removed {
                removed.take().into_iter().for_each(|removed| removed(*session));
            }
            is_removed
        });
        self.subtract(taken.iter().len());
        taken.is_some()
    }

    /// Removes every session for which `is_removed` returns true, and returns their ids. `is_removed` is called while the
    /// entry is locked.
    pub fn remove_where(&self, mut is_removed: impl FnMut(Session) -> bool) -> Vec<Box<[u16]>> {
        let mut taken = Vec::new();
        self.by_id.retain(|id, session| {
            let stays = !is_removed(*session);
            if !stays {
                taken.push(id.clone());
            }
            stays
        });
        self.by_id.shrink_to_fit();
        self.subtract(taken.len());
        taken
    }

    /// Removes every session. `removed` is called with each while its entry is locked. Called when no thread can create
    /// sessions any more.
    pub fn clear(&self, mut removed: impl FnMut(Session)) {
        let mut taken = 0;
        self.by_id.retain(|_, session| {
            removed(*session);
            taken += 1;
            false
        });
        self.by_id.shrink_to_fit();
        // Not set to 0: another thread may have removed a session and not subtracted it yet.
        self.subtract(taken);
    }

    /// Returns the number of sessions. It includes room that other threads have reserved.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Returns true when there are no sessions and no reserved room.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns all ids, oldest session first.
    pub fn ids(&self) -> Vec<Box<[u16]>> {
        let mut found: Vec<_> =
            self.by_id.iter().map(|session| (session.key, session.key().clone())).collect();
        found.sort_unstable_by_key(|(key, _)| *key);
        found.into_iter().map(|(_, id)| id).collect()
    }
}
