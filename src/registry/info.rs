//! The attributes of clients and the resources their sessions watch, shared by all threads of a hub.
//!
//! Watching is indexed in both directions: the watchers of a URI, and the URIs of a session. The cost of removing a
//! session depends only on what that session watches. The caller passes the time, so tests need no clock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

/// A session id or a URI in UTF-16, as in JavaScript. All indexes share one copy.
pub type SharedUtf16 = Arc<[u16]>;

/// A JavaScript value as JSON text.
pub type Json = Arc<str>;

type Map<K, V> = HashMap<K, V, RandomState>;

/// An attribute of a session, which its client reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Name and version of the client.
    ClientInfo,
    /// Capabilities of the client.
    ClientCapabilities,
    /// Lowest level of log messages that the client wants.
    LogLevel,
}

impl Attribute {
    /// All attributes, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::ClientInfo, Self::ClientCapabilities, Self::LogLevel];
}

/// The table of client information.
#[derive(Debug, Default)]
pub struct Info {
    // A mutex and not an RwLock, because a read also writes: it updates the time of the last access. It is a std mutex
    // because it is held for a few map operations and never while JavaScript runs.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Entries,
    watchers: Watchers,
    /// Approximate size of everything in bytes.
    bytes: usize,
}

/// The entries of all sessions, by session id.
#[derive(Debug, Default)]
struct Entries(Map<SharedUtf16, Entry>);

#[derive(Debug)]
struct Entry {
    id: SharedUtf16,
    /// By [`Attribute`].
    attributes: [Option<Json>; 3],
    /// The URIs that the session watches, each with the session's place among its watchers.
    uris: Map<SharedUtf16, Place>,
    /// Time of the last access.
    touched: Instant,
    /// Approximate size of the entry and its places among watchers.
    bytes: usize,
}

/// Approximate size of an entry, and of a URI in it, beside the texts.
const ENTRY_BYTES: usize = 256;
const URI_BYTES: usize = 192;

#[derive(Debug, Default)]
struct Watchers {
    by_uri: Map<SharedUtf16, Watched>,
    last_place: Place,
}

/// A URI that at least one session watches.
#[derive(Debug)]
struct Watched {
    uri: SharedUtf16,
    /// The sessions that watch it, in the order in which they began.
    ids: BTreeMap<Place, SharedUtf16>,
}

/// The place of a session among the watchers of a URI. Places count up.
type Place = u64;

impl Info {
    /// Returns an attribute of a session. Counts as an access, even when the attribute is not set.
    pub fn get(&self, id: &[u16], attribute: Attribute, now: Instant) -> Option<Json> {
        self.state().entries.touch(id, now)?.attributes[attribute as usize].clone()
    }

    /// Sets an attribute, or clears it when `value` is `None`. Returns false and changes nothing when the session has no
    /// entry and there are `max_sessions` entries already.
    #[must_use]
    pub fn set(
        &self,
        id: &[u16],
        attribute: Attribute,
        value: Option<Json>,
        max_sessions: usize,
        now: Instant,
    ) -> bool {
        let mut guard = self.state();
        let State { entries, bytes, .. } = &mut *guard;
        let Some(entry) = entries.get_or_insert(id, max_sessions, now, bytes) else { return false };
        let size = |json: &Option<Json>| json.as_ref().map_or(0, |json| json.len());
        let (added, removed) = (size(&value), size(&entry.attributes[attribute as usize]));
        entry.bytes = entry.bytes + added - removed;
        *bytes = *bytes + added - removed;
        entry.attributes[attribute as usize] = value;
        true
    }

    /// Returns the ids of the sessions that watch a URI, in the order in which they began.
    pub fn watchers(&self, uri: &[u16]) -> Vec<SharedUtf16> {
        let state = self.state();
        state
            .watchers
            .by_uri
            .get(uri)
            .map_or_else(Vec::new, |watched| watched.ids.values().cloned().collect())
    }

    /// Makes a session watch a URI. A session that watches it already keeps its place. Returns false in the same case as
    /// [`Info::set`].
    #[must_use]
    pub fn watch(&self, id: &[u16], uri: &[u16], max_sessions: usize, now: Instant) -> bool {
        let mut guard = self.state();
        let State { entries, watchers, bytes } = &mut *guard;
        let Some(entry) = entries.get_or_insert(id, max_sessions, now, bytes) else { return false };
        if !entry.uris.contains_key(uri) {
            entry.bytes += URI_BYTES + size_of_val(uri);
            *bytes += URI_BYTES + size_of_val(uri);
            let (uri, place) = watchers.add(uri, &entry.id);
            entry.uris.insert(uri, place);
        }
        true
    }

    /// Makes a session stop watching a URI. The entry of the session is removed when it is then empty.
    pub fn unwatch(&self, id: &[u16], uri: &[u16], now: Instant) {
        let mut guard = self.state();
        let State { entries, watchers, bytes } = &mut *guard;
        let Some(entry) = entries.touch(id, now) else { return };
        let Some(place) = entry.uris.remove(uri) else { return };
        entry.bytes -= URI_BYTES + size_of_val(uri);
        *bytes -= URI_BYTES + size_of_val(uri);
        watchers.remove(uri, place);
        if entry.is_empty() {
            *bytes -= entry.bytes;
            entries.0.remove(id);
        }
    }

    /// Removes the entry of a session and returns true if it existed.
    pub fn remove(&self, id: &[u16]) -> bool {
        self.state().remove(id)
    }

    /// Removes the entry of a session unless `stays` returns true. `stays` is called while no thread can change the table.
    pub fn remove_unless(&self, id: &[u16], stays: impl FnOnce() -> bool) {
        let mut state = self.state();
        if !stays() {
            state.remove(id);
        }
    }

    /// Records an access to a session.
    pub fn touch(&self, id: &[u16], now: Instant) {
        self.state().entries.touch(id, now);
    }

    /// Returns the ids of the sessions that were not accessed for `ttl`, in no particular order.
    pub fn idle(&self, now: Instant, ttl: Duration) -> Vec<SharedUtf16> {
        let state = self.state();
        state
            .entries
            .0
            .values()
            .filter(|entry| entry.is_idle(now, ttl))
            .map(|entry| entry.id.clone())
            .collect()
    }

    /// Removes the entry of a session if it was not accessed for `ttl`. Returns true if it was removed.
    pub fn remove_idle(&self, id: &[u16], now: Instant, ttl: Duration) -> bool {
        let mut state = self.state();
        state.entries.0.get(id).is_some_and(|entry| entry.is_idle(now, ttl)) && state.remove(id)
    }

    /// Removes the entries that were not accessed for the longest time, when everything together has more than `max_bytes`.
    /// Removes a quarter at once, so that the work for each change is small on average.
    pub fn trim(&self, max_bytes: usize) {
        let mut state = self.state();
        if state.bytes <= max_bytes {
            return;
        }
        let mut entries: Vec<_> =
            state.entries.0.values().map(|entry| (entry.touched, entry.bytes, entry.id.clone())).collect();
        entries.sort_unstable_by_key(|(touched, ..)| *touched);
        let mut excess = state.bytes - max_bytes / 4 * 3;
        for (_, bytes, id) in entries {
            state.remove(&id);
            if bytes >= excess {
                return;
            }
            excess -= bytes;
        }
    }

    /// Returns the number of sessions that have an entry.
    pub fn len(&self) -> usize {
        self.state().entries.0.len()
    }

    /// Returns true when no session has an entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes everything.
    pub fn clear(&self) {
        let removed = std::mem::take(&mut *self.state());
        // Freed after the lock is released, because it may take long.
        drop(removed);
    }

    // A poisoned lock is used as it is: only a failed allocation could panic in mid-change, and that ends the process.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: &[u16]) -> bool {
        let Some(removed) = self.entries.0.remove(id) else { return false };
        self.bytes -= removed.bytes;
        for (uri, place) in &removed.uris {
            self.watchers.remove(uri, *place);
        }
        true
    }
}

impl Entries {
    fn touch(&mut self, id: &[u16], now: Instant) -> Option<&mut Entry> {
        let entry = self.0.get_mut(id)?;
        // `max`, because threads may get the lock in another order than they read the clock.
        entry.touched = entry.touched.max(now);
        Some(entry)
    }

    /// Returns the entry of a session. Makes one if needed, unless there are `max_sessions` entries already.
    fn get_or_insert(
        &mut self,
        id: &[u16],
        max_sessions: usize,
        now: Instant,
        bytes: &mut usize,
    ) -> Option<&mut Entry> {
        if !self.0.contains_key(id) {
            if self.0.len() >= max_sessions {
                return None;
            }
            let id: SharedUtf16 = id.into();
            let entry = Entry::new(Arc::clone(&id), now);
            *bytes += entry.bytes;
            self.0.insert(id, entry);
        }
        self.touch(id, now)
    }
}

impl Entry {
    fn new(id: SharedUtf16, now: Instant) -> Self {
        let bytes = ENTRY_BYTES + size_of_val(&*id);
        Self { id, attributes: [const { None }; 3], uris: Map::default(), touched: now, bytes }
    }

    fn is_empty(&self) -> bool {
        self.uris.is_empty() && self.attributes.iter().all(Option::is_none)
    }

    fn is_idle(&self, now: Instant, ttl: Duration) -> bool {
        now.saturating_duration_since(self.touched) >= ttl
    }
}

impl Watchers {
    /// Adds a session that does not watch the URI yet. Returns the shared copy of the URI and the session's place.
    fn add(&mut self, uri: &[u16], id: &SharedUtf16) -> (SharedUtf16, Place) {
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
    fn the_size_is_zero_again_when_everything_is_removed_in_any_way() {
        let (info, now) = (Info::default(), Instant::now());
        let utf16 = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let (a, b, one, two) = (utf16("a"), utf16("b"), utf16("one"), utf16("two"));
        for json in [Some("\"debug\""), Some("\"error\""), None] {
            assert!(info.set(&a, Attribute::LogLevel, json.map(Arc::from), usize::MAX, now));
        }
        for uri in [&one, &two, &one] {
            assert!(info.watch(&a, uri, usize::MAX, now) && info.watch(&b, uri, usize::MAX, now));
        }
        assert!(info.state().bytes > 1_000);
        info.unwatch(&b, &one, now);
        info.unwatch(&b, &two, now);
        info.remove(&a);
        assert_eq!(info.state().bytes, 0);
    }

    #[test]
    fn above_a_limit_the_entries_without_an_access_for_the_longest_time_are_removed() {
        let (info, start) = (Info::default(), Instant::now());
        let id = |number: u64| [number as u16];
        for number in 0..100 {
            assert!(info.watch(&id(number), &id(1), usize::MAX, start + Duration::from_secs(number)));
        }
        info.touch(&id(0), start + Duration::from_secs(1_000));
        let bytes = info.state().bytes;
        info.trim(bytes);
        assert_eq!(info.len(), 100);
        info.trim(bytes - 1);
        let left: Vec<_> = info.watchers(&id(1)).iter().map(|id| id[0]).collect();
        assert!((74..=75).contains(&left.len()), "{}", left.len());
        assert!(left.contains(&0) && left.contains(&99) && !left.contains(&1) && !left.contains(&24));
    }

    #[test]
    fn a_uri_without_watchers_is_removed_from_the_index() {
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
