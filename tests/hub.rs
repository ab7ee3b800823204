//! The hub against a plain model: random operations by several members, and everything that can be seen compared.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use proptest::prelude::*;
use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub, Member};
use tmcp_session_manager::mailbox::{Drained, Post};
use tmcp_session_manager::sessions::Key;

const MEMBERS: usize = 3;
const IDS: [&str; 6] = ["a", "b", "c", "", "__proto__", "a longer one, as session ids are"];

#[derive(Clone, Debug)]
enum Operation {
    Create {
        member: usize,
        id: usize,
    },
    Remove {
        member: usize,
        id: usize,
    },
    /// Forgets the session by the key it has now, or by one that it no longer has.
    Forget {
        member: usize,
        id: usize,
        current: bool,
    },
    Has {
        member: usize,
        id: usize,
    },
    SendOne {
        member: usize,
        id: usize,
    },
    Send {
        member: usize,
        ids: Vec<usize>,
    },
    Leave {
        member: usize,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let member = 0..MEMBERS;
    let id = 0..IDS.len();
    prop_oneof![
        6 => (member.clone(), id.clone()).prop_map(|(member, id)| Create { member, id }),
        3 => (member.clone(), id.clone()).prop_map(|(member, id)| Remove { member, id }),
        2 => (member.clone(), id.clone(), any::<bool>())
            .prop_map(|(member, id, current)| Forget { member, id, current }),
        2 => (member.clone(), id.clone()).prop_map(|(member, id)| Has { member, id }),
        4 => (member.clone(), id.clone()).prop_map(|(member, id)| SendOne { member, id }),
        4 => (member.clone(), prop::collection::vec(0..=IDS.len(), 0..9))
            .prop_map(|(member, ids)| Send { member, ids }),
        1 => member.prop_map(|member| Leave { member }),
    ]
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(number: usize) -> Arc<[u8]> {
    number.to_string().into_bytes().into()
}

/// What there should be: the sessions with their owners, and what should stand in each member's mailbox.
#[derive(Default)]
struct Model {
    sessions: BTreeMap<usize, (usize, Key)>,
    mail: [Vec<Post>; MEMBERS],
}

impl Model {
    /// Takes a session away: its key if it is `member`'s own, else its owner is told to close it.
    fn take(&mut self, member: usize, id: usize) -> Option<Key> {
        let (owner, key) = self.sessions.remove(&id)?;
        if owner == member {
            return Some(key);
        }
        self.mail[owner].push(Post::Close { key });
        None
    }

    /// The keys of `member`'s own sessions among `ids`; the other members get the message.
    fn send(&mut self, member: usize, ids: &[usize], text: &Arc<[u8]>) -> Vec<Key> {
        let mut by_owner: [Vec<Key>; MEMBERS] = Default::default();
        for (owner, key) in ids.iter().filter_map(|id| self.sessions.get(id)) {
            by_owner[*owner].push(*key);
        }
        for keys in &mut by_owner {
            keys.sort();
            keys.dedup();
        }
        let local = std::mem::take(&mut by_owner[member]);
        for (owner, keys) in by_owner.into_iter().enumerate().filter(|(_, keys)| !keys.is_empty()) {
            self.mail[owner].push(Post::Message { keys, text: Arc::clone(text) });
        }
        local
    }
}

fn join(hub: &Arc<Hub>) -> Member {
    hub.join(DEFAULT_MAX_MAILBOX_BYTES, None)
}

proptest! {
    #[test]
    fn members_of_a_hub_see_and_reach_what_the_model_says(operations in prop::collection::vec(operation(), 1..200)) {
        let hub = Hub::for_one_thread();
        let mut members: Vec<Member> = (0..MEMBERS).map(|_| join(&hub)).collect();
        let mut model = Model::default();
        let mut last_key = None;
        let mut old_keys = vec![Key::next()];

        for (number, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Create { member, id } => {
                    let created = members[member].create(&utf16(IDS[id]));
                    prop_assert!(Some(created.key) > last_key, "keys count up");
                    last_key = Some(created.key);
                    prop_assert_eq!(created.replaced, model.take(member, id));
                    model.sessions.insert(id, (member, created.key));
                    old_keys.push(created.key);
                }
                Operation::Remove { member, id } => {
                    prop_assert_eq!(members[member].remove(&utf16(IDS[id])), model.take(member, id));
                }
                Operation::Forget { member, id, current } => {
                    let now = model.sessions.get(&id).map(|(_, key)| *key);
                    let key = if current { now } else { old_keys.iter().rev().find(|key| Some(**key) != now).copied() };
                    let Some(key) = key else { continue };
                    prop_assert_eq!(members[member].forget(&utf16(IDS[id]), key), Some(key) == now);
                    if Some(key) == now {
                        model.sessions.remove(&id);
                    }
                }
                Operation::Has { member, id } => {
                    prop_assert_eq!(members[member].has(&utf16(IDS[id])), model.sessions.contains_key(&id));
                }
                Operation::SendOne { member, id } => {
                    let expected = model.send(member, &[id], &text(number)).first().copied();
                    let sent = members[member].send_one(&utf16(IDS[id]), || Ok::<_, Infallible>(text(number)));
                    prop_assert_eq!(sent, Ok(expected));
                }
                Operation::Send { member, ids } => {
                    let expected = model.send(member, &ids, &text(number));
                    let mut route = members[member].route();
                    for id in ids {
                        route.add(&utf16(IDS.get(id).copied().unwrap_or("unknown")));
                    }
                    prop_assert_eq!(route.send(|| Ok::<_, Infallible>(text(number))), Ok(expected));
                }
                Operation::Leave { member } => {
                    members[member] = join(&hub);
                    model.sessions.retain(|_, (owner, _)| *owner != member);
                    model.mail[member].clear();
                }
            }
            prop_assert_eq!(members[0].len(), model.sessions.len());
        }

        let mut expected: Vec<_> = model.sessions.iter().map(|(id, (_, key))| (*key, utf16(IDS[*id]))).collect();
        expected.sort();
        let ids: Vec<Vec<u16>> = members[0].ids().into_iter().map(Vec::from).collect();
        prop_assert_eq!(ids, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        for (member, expected) in members.iter().zip(model.mail) {
            prop_assert_eq!(member.mailbox().drain(usize::MAX), Drained::Posts(expected));
        }
    }
}

#[test]
fn a_text_that_cannot_be_read_is_posted_to_nobody() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    other.create(&utf16("a"));
    other.create(&utf16("b"));
    assert_eq!(one.send_one(&utf16("a"), || Err("unreadable")), Err("unreadable"));
    let mut route = one.route();
    route.add(&utf16("a"));
    route.add(&utf16("b"));
    assert_eq!(route.send(|| Err("unreadable")), Err("unreadable"));
    assert_eq!(other.mailbox().drain(usize::MAX), Drained::Posts(vec![]));
}

#[test]
fn a_text_is_not_asked_for_when_every_session_is_on_this_thread() {
    let member = join(&Hub::for_one_thread());
    let key = member.create(&utf16("a")).key;
    assert_eq!(member.send_one(&utf16("a"), || Err("asked for")), Ok(Some(key)));
    let mut route = member.route();
    route.add(&utf16("a"));
    assert_eq!(route.send(|| Err("asked for")), Ok(vec![key]));
}

#[test]
fn a_member_that_leaves_takes_its_sessions_along_and_gets_nothing_more() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    one.create(&utf16("a"));
    other.create(&utf16("b"));
    other.leave();
    assert!(!one.has(&utf16("b")));
    assert_eq!(one.len(), 1);
    drop(one);
    assert!(other.is_empty());
}

#[test]
fn members_create_send_and_leave_from_many_threads_at_once() {
    const EACH: usize = 2_000;
    let hub = Hub::for_one_thread();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let hub = &hub;
            scope.spawn(move || {
                let member = join(hub);
                for n in 0..EACH {
                    let id = utf16(&format!("{}", (n * 7 + thread) % 50));
                    match n % 5 {
                        0 | 1 => drop(member.create(&id)),
                        2 => drop(member.remove(&id)),
                        3 => drop(member.send_one(&id, || Ok::<_, Infallible>(text(n)))),
                        _ => drop(member.mailbox().drain(100)),
                    }
                }
            });
        }
    });
    assert!(join(&hub).is_empty(), "everybody has left");
}

#[test]
fn a_key_is_the_same_as_a_number_in_javascript() {
    for _ in 0..1_000 {
        let key = Key::next();
        assert_eq!(Key::from_f64(key.as_f64()), Some(key));
    }
    assert_eq!([0.0, -1.0, f64::NAN].map(Key::from_f64), [None; 3]);
}
