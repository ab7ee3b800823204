//! Who listens to what: the registrations of MCP's `subscriptions/listen`, found by what a notification is about.
//!
//! A notification finds its registrations through an index instead of asking every one: three kinds of change, and the
//! URIs of single resources.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::sessions::{Key, ThreadId};

/// UTF-16, as JavaScript has it.
pub type Text = Box<[u16]>;

type Map<K, V> = HashMap<K, V, RandomState>;

/// The id of the JSON-RPC request that a registration belongs to. `1` and `"1"` are two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RequestId {
    Text(Text),
    /// The bits of the number; see [`RequestId::number`].
    Number(u64),
}

impl RequestId {
    /// Numbers are told apart as JavaScript's `Map` does it: 0 is −0, and NaN is NaN.
    pub fn number(number: f64) -> Self {
        let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
        Self::Number(number.to_bits())
    }
}

/// What all of a kind is listened to with one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange {
    Tools,
    Prompts,
    Resources,
}

impl ListChange {
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];
}

/// What a registration listens to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// By [`ListChange`].
    pub lists: [bool; 3],
    /// Resources whose updates are asked for; compared exactly.
    pub uris: Vec<Text>,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'uri> {
    List(ListChange),
    /// The resource of that URI was updated.
    Resource(&'uri [u16]),
}

/// A registration, and its place in the order of delivery: those of one origin together, in the order they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    origin: u64,
    pub key: Key,
    pub owner: ThreadId,
}

#[derive(Debug, Default)]
pub struct Subscriptions {
    // A std mutex: it is held for a few map operations, and never while JavaScript runs.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    origins: Map<Text, Origin>,
    by_key: Map<Key, Registration>,
    by_list: [BTreeSet<Place>; 3],
    by_uri: Map<Text, BTreeSet<Place>>,
    /// How many origins there have been.
    last_origin: u64,
}

#[derive(Debug)]
struct Origin {
    place: u64,
    by_id: Map<RequestId, Place>,
}

#[derive(Debug)]
struct Registration {
    origin: Text,
    id: RequestId,
    place: Place,
    filters: Filters,
}

impl Subscriptions {
    /// Registers `(origin, id)` for a thread, unless that is there already.
    pub fn create(&self, owner: ThreadId, origin: &[u16], id: RequestId, filters: Filters) -> Option<Key> {
        let mut guard = self.state();
        let state = &mut *guard;
        if !state.origins.contains_key(origin) {
            state.last_origin += 1;
            let place = state.last_origin;
            state.origins.insert(origin.into(), Origin { place, by_id: Map::default() });
        }
        let of_origin = state.origins.get_mut(origin)?;
        if of_origin.by_id.contains_key(&id) {
            return None;
        }
        let key = Key::next();
        let place = Place { origin: of_origin.place, key, owner };
        of_origin.by_id.insert(id.clone(), place);
        for (list, _) in state.by_list.iter_mut().zip(filters.lists).filter(|(_, asked)| *asked) {
            list.insert(place);
        }
        for uri in &filters.uris {
            state.by_uri.entry(uri.clone()).or_default().insert(place);
        }
        state.by_key.insert(key, Registration { origin: origin.into(), id, place, filters });
        Some(key)
    }

    pub fn find(&self, origin: &[u16], id: &RequestId) -> Option<Place> {
        self.state().origins.get(origin)?.by_id.get(id).copied()
    }

    /// Forgets a registration, and what is then empty.
    pub fn remove(&self, key: Key) -> bool {
        self.state().remove(key)
    }

    /// Forgets every registration of a thread.
    pub fn remove_owner(&self, owner: ThreadId) {
        let mut state = self.state();
        let of_owner =
            |(key, registration): (&Key, &Registration)| (registration.place.owner == owner).then_some(*key);
        let gone: Vec<Key> = state.by_key.iter().filter_map(of_owner).collect();
        for key in gone {
            state.remove(key);
        }
    }

    /// Whom a notification is for, in the order of delivery.
    pub fn interested(&self, subject: Subject) -> Vec<Place> {
        let state = self.state();
        match subject {
            Subject::List(list) => Some(&state.by_list[list as usize]),
            Subject::Resource(uri) => state.by_uri.get(uri),
        }
        .map_or_else(Vec::new, |places| places.iter().copied().collect())
    }

    /// All registrations, or those of one origin, in the order of delivery.
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

    pub fn len(&self) -> usize {
        self.state().by_key.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.state() = State::default();
    }

    // A panic cannot leave the state half changed but for lack of memory, which ends the process.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, key: Key) -> bool {
        let Some(gone) = self.by_key.remove(&key) else { return false };
        for list in &mut self.by_list {
            list.remove(&gone.place);
        }
        for uri in &gone.filters.uris {
            if let Some(places) = self.by_uri.get_mut(uri) {
                places.remove(&gone.place);
                if places.is_empty() {
                    self.by_uri.remove(uri);
                }
            }
        }
        if let Some(origin) = self.origins.get_mut(&gone.origin) {
            origin.by_id.remove(&gone.id);
            if origin.by_id.is_empty() {
                self.origins.remove(&gone.origin);
            }
        }
        true
    }
}
