//! The table of registrations: the streams of MCP's `subscriptions/listen`, found by the subject of a notification.
//!
//! A notification finds its registrations in an index instead of testing each of them. There is one index for each of the
//! three list changes, and one by resource URI.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::key::{Key, ThreadId};

/// An origin, a request id or a URI in UTF-16, as in JavaScript.
pub type Utf16 = Box<[u16]>;

type Map<K, V> = HashMap<K, V, RandomState>;

/// The id of the JSON-RPC request that a registration belongs to. `1` and `"1"` are different ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// A string.
    Text(Utf16),
    /// The bits of a number, normalized by [`RequestId::number`].
    Number(u64),
}

impl RequestId {
    /// Returns the id for a number. Numbers compare as keys of a JavaScript `Map` do: 0 equals −0, and NaN equals NaN.
    pub fn number(number: f64) -> Self {
        let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
        Self::Number(number.to_bits())
    }
}

/// A list whose changes a registration can subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// `notifications/tools/list_changed`
    Tools,
    /// `notifications/prompts/list_changed`
    Prompts,
    /// `notifications/resources/list_changed`
    Resources,
}

impl ListChange {
    /// All lists, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];
}

/// The subjects that a registration subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// True for each subscribed list, indexed by [`ListChange`].
    pub lists: [bool; 3],
    /// URIs of the resources whose updates are subscribed to. They are compared exactly.
    pub uris: Vec<Utf16>,
}

/// The subject of a notification.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'uri> {
    /// A list changed.
    List(ListChange),
    /// The resource with this URI was updated.
    Resource(&'uri [u16]),
}

/// A registration and its place in the order of delivery: by origin, in the order in which the origins were created, and
/// within an origin in the order in which the registrations were created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the origin.
    origin: u64,
    /// The key of the registration.
    pub key: Key,
    /// The thread that holds the registration's stream.
    pub owner: ThreadId,
}

/// The table of registrations.
#[derive(Debug, Default)]
pub struct Subscriptions {
    // A std mutex, because it is held for a few map operations and never while JavaScript runs.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    origins: Map<Utf16, Origin>,
    by_key: Map<Key, Registration>,
    by_list: [BTreeSet<Place>; 3],
    by_uri: Map<Utf16, Places>,
    /// Number of origins created so far.
    last_origin: u64,
}

/// The registrations that select a URI, at least one. Most URIs have one, which needs no tree.
#[derive(Debug)]
enum Places {
    One(Place),
    Many(BTreeSet<Place>),
}

#[derive(Debug)]
struct Origin {
    number: u64,
    by_id: Map<RequestId, Place>,
}

#[derive(Debug)]
struct Registration {
    origin: Utf16,
    id: RequestId,
    place: Place,
    filters: Filters,
}

impl Subscriptions {
    /// Creates the registration `(origin, id)` for a thread. Returns `None` when it exists already.
    pub fn create(&self, owner: ThreadId, origin: &[u16], id: RequestId, filters: Filters) -> Option<Key> {
        let mut guard = self.state();
        let state = &mut *guard;
        if !state.origins.contains_key(origin) {
            state.last_origin += 1;
            let number = state.last_origin;
            state.origins.insert(origin.into(), Origin { number, by_id: Map::default() });
        }
        let of_origin = state.origins.get_mut(origin)?;
        if of_origin.by_id.contains_key(&id) {
            return None;
        }
        let key = Key::next();
        let place = Place { origin: of_origin.number, key, owner };
        of_origin.by_id.insert(id.clone(), place);
        for (list, _) in state.by_list.iter_mut().zip(filters.lists).filter(|(_, is_selected)| *is_selected) {
            list.insert(place);
        }
        for uri in &filters.uris {
            match state.by_uri.entry(uri.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(Places::One(place));
                }
                Entry::Occupied(mut entry) => entry.get_mut().insert(place),
            }
        }
        state.by_key.insert(key, Registration { origin: origin.into(), id, place, filters });
        Some(key)
    }

    /// Returns the registration `(origin, id)`.
    pub fn find(&self, origin: &[u16], id: &RequestId) -> Option<Place> {
        self.state().origins.get(origin)?.by_id.get(id).copied()
    }

    /// Removes a registration and returns true if it existed.
    pub fn remove(&self, key: Key) -> bool {
        self.state().remove(key)
    }

    /// Removes every registration of a thread.
    pub fn remove_owner(&self, owner: ThreadId) {
        let mut state = self.state();
        let of_owner =
            |(key, registration): (&Key, &Registration)| (registration.place.owner == owner).then_some(*key);
        let keys: Vec<Key> = state.by_key.iter().filter_map(of_owner).collect();
        for key in keys {
            state.remove(key);
        }
    }

    /// Returns the registrations that a notification about `subject` is for, in the order of delivery.
    pub fn matching(&self, subject: Subject<'_>) -> Vec<Place> {
        let state = self.state();
        match subject {
            Subject::List(list) => state.by_list[list as usize].iter().copied().collect(),
            Subject::Resource(uri) => state.by_uri.get(uri).map_or_else(Vec::new, Places::to_vec),
        }
    }

    /// Returns all registrations, or those of one origin, in the order of delivery.
    pub fn of(&self, origin: Option<&[u16]>) -> Vec<Place> {
        let state = self.state();
        let mut places: Vec<Place> = match origin {
            None => state.by_key.values().map(|registration| registration.place).collect(),
            Some(origin) => state
                .origins
                .get(origin)
                .map_or_else(Vec::new, |origin| origin.by_id.values().copied().collect()),
        };
        places.sort_unstable();
        places
    }

    /// Returns the number of registrations.
    pub fn len(&self) -> usize {
        self.state().by_key.len()
    }

    /// Returns true when there are no registrations.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes everything.
    pub fn clear(&self) {
        *self.state() = State::default();
    }

    // A poisoned lock is used as it is: only a failed allocation could panic in mid-change, and that ends the process.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    fn insert(&mut self, place: Place) {
        match self {
            Self::One(only) if *only == place => {}
            Self::One(only) => *self = Self::Many(BTreeSet::from([*only, place])),
            Self::Many(places) => {
                places.insert(place);
            }
        }
    }

    /// Removes a place and returns true if no other is left.
    fn remove(&mut self, place: Place) -> bool {
        match self {
            Self::One(only) => *only == place,
            Self::Many(places) => {
                places.remove(&place);
                places.is_empty()
            }
        }
    }

    fn to_vec(&self) -> Vec<Place> {
        match self {
            Self::One(place) => vec![*place],
            Self::Many(places) => places.iter().copied().collect(),
        }
    }
}

impl State {
    fn remove(&mut self, key: Key) -> bool {
        let Some(removed) = self.by_key.remove(&key) else { return false };
        for list in &mut self.by_list {
            list.remove(&removed.place);
        }
        for uri in &removed.filters.uris {
            // The entry no longer exists when a filter names a URI twice.
            if let Some(places) = self.by_uri.get_mut(uri)
                && places.remove(removed.place)
            {
                self.by_uri.remove(uri);
            }
        }
        if let Some(origin) = self.origins.get_mut(&removed.origin) {
            origin.by_id.remove(&removed.id);
            if origin.by_id.is_empty() {
                self.origins.remove(&removed.origin);
            }
        }
        true
    }
}
