//! Who listens to what: the registrations of MCP's `subscriptions/listen`, found by what a notification is about.
//!
//! A notification finds its registrations through an index instead of asking every one: three kinds of change, and the
//! URIs of single resources.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use crate::sessions::Key;

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

/// The place of a registration in the order of delivery: those of one origin together, in the order they came.
type Place = (u64, Key);

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
    by_id: Map<RequestId, Key>,
}

#[derive(Debug)]
struct Registration {
    origin: Text,
    id: RequestId,
    place: Place,
    filters: Filters,
}

impl Subscriptions {
    /// Registers `(origin, id)`, unless that is there already.
    pub fn create(&self, origin: &[u16], id: RequestId, filters: Filters) -> Option<Key> {
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
        let place = (of_origin.place, key);
        of_origin.by_id.insert(id.clone(), key);
        for (list, _) in state.by_list.iter_mut().zip(filters.lists).filter(|(_, asked)| *asked) {
            list.insert(place);
        }
        for uri in &filters.uris {
            state.by_uri.entry(uri.clone()).or_default().insert(place);
        }
        state.by_key.insert(key, Registration { origin: origin.into(), id, place, filters });
        Some(key)
    }

    pub fn find(&self, origin: &[u16], id: &RequestId) -> Option<Key> {
        self.state().origins.get(origin)?.by_id.get(id).copied()
    }

    /// Forgets a registration, and what is then empty.
    pub fn remove(&self, key: Key) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(gone) = state.by_key.remove(&key) else { return false };
        for list in &mut state.by_list {
            list.remove(&gone.place);
        }
        for uri in &gone.filters.uris {
            if let Some(places) = state.by_uri.get_mut(uri) {
                places.remove(&gone.place);
                if places.is_empty() {
                    state.by_uri.remove(uri);
                }
            }
        }
        if let Some(origin) = state.origins.get_mut(&gone.origin) {
            origin.by_id.remove(&gone.id);
            if origin.by_id.is_empty() {
                state.origins.remove(&gone.origin);
            }
        }
        true
    }

    /// Who is to be told that a list has changed, in the order of delivery.
    pub fn listening_to(&self, list: ListChange) -> Vec<Key> {
        in_order(&self.state().by_list[list as usize])
    }

    /// Who is to be told that a resource was updated, in the order of delivery.
    pub fn subscribed_to(&self, uri: &[u16]) -> Vec<Key> {
        self.state().by_uri.get(uri).map_or_else(Vec::new, in_order)
    }

    /// All registrations, or those of one origin, in the order of delivery.
    pub fn of(&self, origin: Option<&[u16]>) -> Vec<Key> {
        let state = self.state();
        let mut places: Vec<Place> = match origin {
            None => state.by_key.values().map(|registration| registration.place).collect(),
            Some(origin) => state.origins.get(origin).map_or_else(Vec::new, |origin| {
                origin.by_id.values().map(|key| (origin.place, *key)).collect()
            }),
        };
        places.sort_unstable();
        places.into_iter().map(|(_, key)| key).collect()
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

fn in_order(places: &BTreeSet<Place>) -> Vec<Key> {
    places.iter().map(|(_, key)| *key).collect()
}
