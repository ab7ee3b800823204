//! What clients said of themselves, and which resources they watch: the same for all threads of a scope.
//!
//! Both directions are kept, who watches a URI and what a session watches, so that a session that goes costs what it
//! had, and not what everybody has. The time is given by the caller, so that tests need no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// A session id or a URI, in UTF-16 as JavaScript has it. Shared by all places it stands in.
pub type Text = Arc<[u16]>;

/// A value of JavaScript's on its way to another thread.
pub type Json = Arc<str>;

type Map<K, V> = HashMap<K, V, RandomState>;

/// What a client says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    ClientInfo,
    ClientCapabilities,
    LogLevel,
}

impl Fact {
    pub const ALL: [Self; 3] = [Self::ClientInfo, Self::ClientCapabilities, Self::LogLevel];
}

#[derive(Debug, Default)]
pub struct Info {
    // A std mutex: it is held for a few map operations, and never while JavaScript runs. To read is to write here, as it
    // counts as a touch.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Entries,
    watchers: Watchers,
}

/// What is known of each session, by its id.
#[derive(Debug, Default)]
struct Entries(Map<Text, Entry>);

#[derive(Debug)]
struct Entry {
    id: Text,
    /// By [`Fact`].
    facts: [Option<Json>; 3],
    /// What the session watches, and its place among those who do.
    uris: Map<Text, Place>,
    touched: Instant,
}

#[derive(Debug, Default)]
struct Watchers {
    by_uri: Map<Text, Watched>,
    last_place: Place,
}

/// A URI that somebody watches.
#[derive(Debug)]
struct Watched {
    uri: Text,
    /// In the order they came.
    ids: BTreeMap<Place, Text>,
}

/// Counts up, so that who comes later comes last.
type Place = u64;

impl Info {
    /// What is known of a session. Asking touches it, also in vain.
    pub fn get(&self, id: &[u16], fact: Fact, now: Instant) -> Option<Json> {
        self.state().entries.touch(id, now)?.facts[fact as usize].clone()
    }

    /// Sets a fact, to nothing too. `false`, and nothing is changed, where that would make it one session more than
    /// `max_sessions`.
    #[must_use]
    pub fn set(
        &self,
        id: &[u16],
        fact: Fact,
        value: Option<Json>,
        max_sessions: usize,
        now: Instant,
    ) -> bool {
        let mut state = self.state();
        let Some(entry) = state.entries.of(id, max_sessions, now) else { return false };
        entry.facts[fact as usize] = value;
        true
    }

    /// The sessions that watch a URI, in the order they came.
    pub fn watchers(&self, uri: &[u16]) -> Vec<Text> {
        let state = self.state();
        state
            .watchers
            .by_uri
            .get(uri)
            .map_or_else(Vec::new, |watched| watched.ids.values().cloned().collect())
    }

    /// Has a session watch a URI; one that does already keeps its place. `false` as in [`Info::set`].
    #[must_use]
    pub fn watch(&self, id: &[u16], uri: &[u16], max_sessions: usize, now: Instant) -> bool {
        let mut guard = self.state();
        let State { entries, watchers } = &mut *guard;
        let Some(entry) = entries.of(id, max_sessions, now) else { return false };
        if !entry.uris.contains_key(uri) {
            let (uri, place) = watchers.add(uri, &entry.id);
            entry.uris.insert(uri, place);
        }
        true
    }

    /// Has it watch that URI no more. A session of which nothing is known then is forgotten.
    pub fn unwatch(&self, id: &[u16], uri: &[u16], now: Instant) {
        let mut guard = self.state();
        let State { entries, watchers } = &mut *guard;
        let Some(entry) = entries.touch(id, now) else { return };
        let Some(place) = entry.uris.remove(uri) else { return };
        watchers.remove(uri, place);
        if entry.is_empty() {
            entries.0.remove(id);
        }
    }

    /// Forgets all of a session.
    pub fn remove(&self, id: &[u16]) -> bool {
        self.state().remove(id)
    }

    /// Forgets all of a session unless `stays`, which is asked while nobody can set anything.
    pub fn remove_unless(&self, id: &[u16], stays: impl FnOnce() -> bool) {
        let mut state = self.state();
        if !stays() {
            state.remove(id);
        }
    }

    /// Counts as if something had been asked of the session.
    pub fn touch(&self, id: &[u16], now: Instant) {
        self.state().entries.touch(id, now);
    }

    /// The sessions that nobody has touched for so long, in no order.
    pub fn idle(&self, now: Instant, ttl: Duration) -> Vec<Text> {
        let state = self.state();
        state
            .entries
            .0
            .values()
            .filter(|entry| entry.is_idle(now, ttl))
            .map(|entry| entry.id.clone())
            .collect()
    }

    /// Forgets all of a session if nobody has touched it for so long.
    pub fn remove_idle(&self, id: &[u16], now: Instant, ttl: Duration) -> bool {
        let mut state = self.state();
        state.entries.0.get(id).is_some_and(|entry| entry.is_idle(now, ttl)) && state.remove(id)
    }

    /// How many sessions there is something known of.
    pub fn len(&self) -> usize {
        self.state().entries.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let gone = std::mem::take(&mut *self.state());
        // With no lock held: it may be much.
        drop(gone);
    }

    // A panic cannot leave the state half changed but for lack of memory, which ends the process.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: &[u16]) -> bool {
        let Some(gone) = self.entries.0.remove(id) else { return false };
        for (uri, place) in &gone.uris {
            self.watchers.remove(uri, *place);
        }
        true
    }
}

impl Entries {
    fn touch(&mut self, id: &[u16], now: Instant) -> Option<&mut Entry> {
        let entry = self.0.get_mut(id)?;
        // Threads come to the lock in another order than they looked at the clock.
        entry.touched = entry.touched.max(now);
        Some(entry)
    }

    /// The entry of a session, made where there is none, unless there are `max_sessions` already.
    fn of(&mut self, id: &[u16], max_sessions: usize, now: Instant) -> Option<&mut Entry> {
        if !self.0.contains_key(id) {
            if self.0.len() >= max_sessions {
                return None;
            }
            let id: Text = id.into();
            self.0.insert(Arc::clone(&id), Entry::new(id, now));
        }
        self.touch(id, now)
    }
}

impl Entry {
    fn new(id: Text, now: Instant) -> Self {
        Self { id, facts: [const { None }; 3], uris: Map::default(), touched: now }
    }

    fn is_empty(&self) -> bool {
        self.uris.is_empty() && self.facts.iter().all(Option::is_none)
    }

    fn is_idle(&self, now: Instant, ttl: Duration) -> bool {
        now.saturating_duration_since(self.touched) >= ttl
    }
}

impl Watchers {
    /// To be called for one that does not watch it yet. Gives back the URI as it is kept.
    fn add(&mut self, uri: &[u16], id: &Text) -> (Text, Place) {
        self.last_place += 1;
        let watched = self
            .by_uri
            .entry(uri.into())
            .or_insert_with_key(|uri| Watched { uri: Arc::clone(uri), ids: BTreeMap::new() });
        watched.ids.insert(self.last_place, Arc::clone(id));
        (Arc::clone(&watched.uri), self.last_place)
    }

    fn remove(&mut self, uri: &[u16], place: Place) {
        let Some(watched) = self.by_uri.get_mut(uri) else { return };
        watched.ids.remove(&place);
        if watched.ids.is_empty() {
            self.by_uri.remove(uri);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_that_nobody_watches_any_more_is_not_kept() {
        let (info, now) = (Info::default(), Instant::now());
        let utf16 = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        for id in ["a", "b"] {
            for uri in ["one", "two"] {
                assert!(info.watch(&utf16(id), &utf16(uri), usize::MAX, now));
            }
        }
        info.remove(&utf16("a"));
        info.unwatch(&utf16("b"), &utf16("one"), now);
        assert_eq!(info.state().watchers.by_uri.len(), 1);
        info.unwatch(&utf16("b"), &utf16("two"), now);
        assert!(info.state().watchers.by_uri.is_empty());
        assert!(info.is_empty());
    }
}
