//! Which sessions there are: id → the thread that owns the session, and the key its stream is known by there.
//!
//! Ids are kept as the UTF-16 code units JavaScript has them in. That makes a lookup from JavaScript cheaper than
//! UTF-8 would (no transcoding), and keeps apart ids that differ only in lone surrogates.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
// Ids may come from a request header, so from anybody: the hash is seeded at random for each process.
use foldhash::fast::RandomState;

/// The name of one session's stream. Counts up for as long as the process lives and is never used again, so that a
/// message for a session that is gone reaches nobody.
///
/// Exact as a JavaScript number: at a million sessions a second, 2⁵³ is 285 years away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

static LAST_KEY: AtomicU64 = AtomicU64::new(0);

impl Key {
    /// A key that no session of this process has had.
    pub fn next() -> Self {
        // Relaxed: only uniqueness matters, and a read-modify-write is atomic in every order.
        Self(LAST_KEY.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The last key that was given. Whatever came before this call has that one or an earlier one.
    pub fn latest() -> Self {
        Self(LAST_KEY.load(Ordering::Relaxed))
    }

    /// The key as the number JavaScript knows it by: a positive integer.
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// The key of a number that [`Key::as_f64`] made; for no other. `None` for what stands for "no key".
    pub fn from_f64(number: f64) -> Option<Self> {
        (number >= 1.0).then_some(Self(number as u64))
    }
}

/// One thread's seat in one hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(pub u32);

/// Where a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub owner: ThreadId,
    pub key: Key,
}

/// The registry. Every method takes a shard's lock for as long as the map operation lasts, and no longer.
#[derive(Debug)]
pub struct Sessions {
    by_id: DashMap<Box<[u16]>, Session, RandomState>,
    /// How many there are, with those that there is room reserved for.
    count: AtomicUsize,
}

/// What a session that is inserted is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It is counted already.
    Reserved,
    /// Nobody has asked whether there may be one more.
    Unreserved,
}

impl Sessions {
    /// A registry for one thread. DashMap's default of four shards a core would cost each manager kilobytes on a
    /// large machine, and buy nothing where one thread comes; two is the least it takes.
    pub fn for_one_thread() -> Self {
        Self {
            by_id: DashMap::with_capacity_and_hasher_and_shard_amount(0, RandomState::default(), 2),
            count: AtomicUsize::new(0),
        }
    }

    /// A registry for many threads.
    pub fn for_many_threads() -> Self {
        Self { by_id: DashMap::default(), count: AtomicUsize::new(0) }
    }

    /// Reserves room for a session, unless there are `max` of them.
    pub fn reserve(&self, max: usize) -> Option<Room> {
        // Relaxed: only the number matters, here and below.
        let more = |count| (count < max).then_some(count + 1);
        let reserved = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        reserved.ok().map(|_| Room::Reserved)
    }

    /// It is not needed after all.
    pub fn give_back(&self, room: Room) {
        if room == Room::Reserved {
            self.count_out(1);
        }
    }

    /// Registers a session of a thread. `replaced` gets the one that had the id until now, while nobody can look the id
    /// up: who finds the newer one comes after what is done to the older.
    pub fn insert(&self, id: &[u16], owner: ThreadId, room: Room, replaced: impl FnOnce(Session)) -> Key {
        match self.by_id.entry(id.into()) {
            Entry::Vacant(entry) => {
                if room == Room::Unreserved {
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                entry.insert(Session { owner, key: Key::next() }).key
            }
            Entry::Occupied(mut entry) => {
                self.give_back(room);
                let key = Key::next();
                replaced(entry.insert(Session { owner, key }));
                key
            }
        }
    }

    fn count_out(&self, sessions: usize) {
        self.count.fetch_sub(sessions, Ordering::Relaxed);
    }

    pub fn get(&self, id: &[u16]) -> Option<Session> {
        self.by_id.get(id).map(|session| *session)
    }

    /// Whether a session of that id is there.
    pub fn contains(&self, id: &[u16]) -> bool {
        self.by_id.contains_key(id)
    }

    /// Forgets a session, which `removed` gets while nobody can look the id up. Whether there was one.
    pub fn remove(&self, id: &[u16], removed: impl FnOnce(Session)) -> bool {
        self.remove_unless(id, || false, removed)
    }

    /// Forgets a session, unless it is to stay; nobody can create another meanwhile. Whether it is gone.
    pub fn remove_unless(
        &self,
        id: &[u16],
        stays: impl FnOnce() -> bool,
        removed: impl FnOnce(Session),
    ) -> bool {
        let (mut stays, mut removed) = (Some(stays), Some(removed));
        let gone = self.by_id.remove_if(id, |_, session| {
            let goes = stays.take().is_some_and(|stays| !stays());
            if goes {
                removed.take().into_iter().for_each(|removed| removed(*session));
            }
            goes
        });
        self.count_out(gone.iter().len());
        gone.is_some()
    }

    /// Forgets a session only if it is still the one of that id.
    pub fn remove_this(&self, id: &[u16], this: Session) -> bool {
        let gone = self.by_id.remove_if(id, |_, session| *session == this);
        self.count_out(gone.iter().len());
        gone.is_some()
    }

    /// Forgets every session of a thread, and returns their ids.
    pub fn remove_owner(&self, owner: ThreadId) -> Vec<Box<[u16]>> {
        let mut gone = Vec::new();
        self.by_id.retain(|id, session| {
            let stays = session.owner != owner;
            if !stays {
                gone.push(id.clone());
            }
            stays
        });
        self.by_id.shrink_to_fit();
        self.count_out(gone.len());
        gone
    }

    /// Forgets every session, when nobody is left to create any.
    pub fn clear(&self) {
        let mut gone = 0;
        self.by_id.retain(|_, _| {
            gone += 1;
            false
        });
        self.by_id.shrink_to_fit();
        // Not 0: another thread may be about to count one out.
        self.count_out(gone);
    }

    /// While others create sessions, perhaps with some that are about to be there.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids, oldest session first.
    pub fn ids(&self) -> Vec<Box<[u16]>> {
        let mut found: Vec<_> =
            self.by_id.iter().map(|session| (session.key, session.key().clone())).collect();
        found.sort_unstable_by_key(|(key, _)| *key);
        found.into_iter().map(|(_, id)| id).collect()
    }
}
