//! Evicted sessions: other threads deleted or replaced them, and their own thread has not closed their streams yet.
//!
//! They are found by key and by id, so that the cost of each call does not depend on how many there are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::registry::key::Key;
use crate::threads::message::CloseReason;

/// The evicted sessions of one thread.
#[derive(Debug, Default)]
pub(super) struct Evicted {
    by_key: HashMap<Key, Session, RandomState>,
    /// More than one session may have the same id, when a session is replaced again and again.
    by_id: HashMap<Arc<[u16]>, BTreeSet<Key>, RandomState>,
}

#[derive(Debug)]
struct Session {
    id: Arc<[u16]>,
    reason: CloseReason,
}

impl Evicted {
    pub fn insert(&mut self, id: &[u16], key: Key, reason: CloseReason) {
        let id = self.by_id.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id));
        self.by_id.entry(Arc::clone(&id)).or_default().insert(key);
        self.by_key.insert(key, Session { id, reason });
    }

    pub fn remove(&mut self, key: Key) {
        let Some(Session { id, .. }) = self.by_key.remove(&key) else { return };
        if let Some(keys) = self.by_id.get_mut(&id) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_id.remove(&id);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.by_key.keys().copied()
    }

    /// Returns the keys of the sessions with an id, oldest first.
    pub fn keys_of(&self, id: &[u16]) -> impl Iterator<Item = Key> {
        self.by_id.get(id).into_iter().flatten().copied()
    }

    pub fn reasons(&self) -> impl Iterator<Item = (Key, CloseReason)> {
        self.by_key.iter().map(|(key, session)| (*key, session.reason))
    }
}
