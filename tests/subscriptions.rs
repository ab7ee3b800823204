//! Compares the table of registrations with a simple model that tests every registration, as the original package does.

use proptest::prelude::*;
use tmcp_session_manager::registry::key::{Key, ThreadId};
use tmcp_session_manager::registry::subscriptions::{
    Filters, ListChange, Place, RequestId, Subject, Subscriptions,
};

#[derive(Clone, Debug)]
enum Operation {
    Create {
        owner: u32,
        origin: usize,
        id: usize,
        lists: [bool; 3],
        uris: Vec<usize>,
    },
    /// Removes a registration that exists or existed.
    Remove {
        nth: usize,
    },
    Find {
        origin: usize,
        id: usize,
    },
    MatchList {
        list: usize,
    },
    MatchResource {
        uri: usize,
    },
    Of {
        origin: Option<usize>,
    },
    RemoveOwner {
        owner: u32,
    },
    Clear,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let (owner, origin, id, uri) = (0..3_u32, 0..4_usize, 0..4_usize, 0..5_usize);
    prop_oneof![
        12 => (owner.clone(), origin.clone(), id.clone(), any::<[bool; 3]>(), prop::collection::vec(uri.clone(), 0..4))
            .prop_map(|(owner, origin, id, lists, uris)| Create { owner, origin, id, lists, uris }),
        8 => (0..100_usize).prop_map(|nth| Remove { nth }),
        4 => (origin.clone(), id).prop_map(|(origin, id)| Find { origin, id }),
        6 => (0..3_usize).prop_map(|list| MatchList { list }),
        6 => uri.prop_map(|uri| MatchResource { uri }),
        4 => prop::option::of(origin).prop_map(|origin| Of { origin }),
        2 => owner.prop_map(|owner| RemoveOwner { owner }),
        1 => Just(Clear),
    ]
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn origin(number: usize) -> Vec<u16> {
    utf16(["", "a", "b", "__proto__"][number])
}

fn id(number: usize) -> RequestId {
    [
        RequestId::number(1.0),
        RequestId::Text(utf16("1").into()),
        RequestId::number(0.5),
        RequestId::Text(utf16("").into()),
    ][number]
        .clone()
}

fn uri(number: usize) -> Vec<u16> {
    utf16(&format!("file:///{number}"))
}

#[derive(Clone)]
struct Registered {
    owner: ThreadId,
    origin: usize,
    id: usize,
    key: Key,
    lists: [bool; 3],
    uris: Vec<usize>,
}

/// Origins in the order of creation, each with its registrations in the order of creation. An origin is removed with its
/// last registration.
#[derive(Default)]
struct Model {
    origins: Vec<(usize, Vec<Registered>)>,
}

impl Model {
    fn in_order(&self) -> impl Iterator<Item = &Registered> {
        self.origins.iter().flat_map(|(_, of_origin)| of_origin)
    }

    fn those(&self, wanted: impl Fn(&Registered) -> bool) -> Vec<(ThreadId, Key)> {
        let wanted = self.in_order().filter(|registered| wanted(registered));
        wanted.map(|registered| (registered.owner, registered.key)).collect()
    }

    fn add(&mut self, registered: Registered) {
        match self.origins.iter_mut().find(|(origin, _)| *origin == registered.origin) {
            Some((_, of_origin)) => of_origin.push(registered),
            None => self.origins.push((registered.origin, vec![registered])),
        }
    }

    fn remove(&mut self, unwanted: impl Fn(&Registered) -> bool) -> bool {
        let before = self.in_order().count();
        for (_, of_origin) in &mut self.origins {
            of_origin.retain(|registered| !unwanted(registered));
        }
        self.origins.retain(|(_, of_origin)| !of_origin.is_empty());
        self.in_order().count() < before
    }
}

fn owners_and_keys(places: impl IntoIterator<Item = Place>) -> Vec<(ThreadId, Key)> {
    places.into_iter().map(|place| (place.owner, place.key)).collect()
}

proptest! {
    #[test]
    fn finds_in_the_index_what_testing_every_registration_finds(
        operations in prop::collection::vec(operation(), 1..200)
    ) {
        let subscriptions = Subscriptions::default();
        let mut model = Model::default();
        let mut keys = vec![Key::next()];
        for operation in operations {
            match operation {
                Operation::Create { owner, origin: from, id: number, lists, uris } => {
                    let owner = ThreadId(owner);
                    let filters = Filters { lists, uris: uris.iter().map(|n| uri(*n).into()).collect() };
                    let created = subscriptions.create(owner, &origin(from), id(number), filters);
                    let there = model.in_order().any(|known| (known.origin, known.id) == (from, number));
                    prop_assert_eq!(created.is_none(), there, "whichever thread has it");
                    if let Some(key) = created {
                        keys.push(key);
                        model.add(Registered { owner, origin: from, id: number, key, lists, uris });
                    }
                }
                Operation::Remove { nth } => {
                    let key = keys[nth % keys.len()];
                    prop_assert_eq!(subscriptions.remove(key), model.remove(|known| known.key == key));
                }
                Operation::Find { origin: from, id: number } => {
                    let found = subscriptions.find(&origin(from), &id(number));
                    let known = model.those(|known| (known.origin, known.id) == (from, number));
                    prop_assert_eq!(owners_and_keys(found), known);
                }
                Operation::MatchList { list } => {
                    let found = subscriptions.matching(Subject::List(ListChange::ALL[list]));
                    prop_assert_eq!(owners_and_keys(found), model.those(|known| known.lists[list]));
                }
                Operation::MatchResource { uri: number } => {
                    let found = subscriptions.matching(Subject::Resource(&uri(number)));
                    prop_assert_eq!(owners_and_keys(found), model.those(|known| known.uris.contains(&number)));
                }
                Operation::Of { origin: from } => {
                    let found = subscriptions.of(from.map(origin).as_deref());
                    let known = model.those(|known| from.is_none_or(|from| known.origin == from));
                    prop_assert_eq!(owners_and_keys(found), known);
                }
                Operation::RemoveOwner { owner } => {
                    subscriptions.remove_owner(ThreadId(owner));
                    model.remove(|known| known.owner == ThreadId(owner));
                }
                Operation::Clear => {
                    subscriptions.clear();
                    model = Model::default();
                }
            }
            prop_assert_eq!(subscriptions.len(), model.in_order().count());
            prop_assert_eq!(subscriptions.is_empty(), model.origins.is_empty());
        }
    }
}

#[test]
fn number_ids_compare_like_keys_of_a_javascript_map() {
    assert_eq!(RequestId::number(0.0), RequestId::number(-0.0));
    assert_eq!(RequestId::number(f64::NAN), RequestId::number(-f64::NAN));
    assert_ne!(RequestId::number(1.0), RequestId::Text(utf16("1").into()));
    assert_ne!(RequestId::number(1.0), RequestId::number(1.0 + f64::EPSILON));
}
