//! The hub against a plain model: random operations by several members, and everything that can be seen compared.

mod plain;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plain::{Plain, Seat};
use proptest::prelude::*;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::mailbox::{Drained, Waker};
use tmcp_session_manager::member::Member;
use tmcp_session_manager::post::{EndReason, Post, Text};
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;
use tmcp_session_manager::subscriptions::{Filters, ListChange, RequestId, Subject};

const MEMBERS: usize = 3;
const IDS: [&str; 6] = ["a", "b", "c", "", "__proto__", "a longer one, as session ids are"];
const TOOLS: Subject = Subject::List(ListChange::Tools);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Create(usize),
    Remove(usize),
    /// Forgets a session, which must be its own, by the key it has now, or by one that it no longer has.
    Forget {
        id: usize,
        current: bool,
    },
    ForgetAll,
    Has(usize),
    SendOne(usize),
    /// To the ids whose bits are set, and an unknown one; or only asks which of them are this thread's.
    Send {
        ids: u8,
        post: bool,
    },
    Broadcast,
    Register,
    Unregister,
    Notify,
    EndAll(EndReason),
    Flush,
    /// Takes what there is, and deals with it at once, or keeps the receipts.
    Drain {
        keep: bool,
    },
    Settle {
        nth: usize,
        fails: bool,
    },
    /// From now on; never less than what is in it.
    HoldAtMost(usize),
    /// Its seat is taken by a new member.
    Leave {
        says_so: bool,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let id = 0..IDS.len();
    prop_oneof![
        8 => id.clone().prop_map(Create),
        3 => id.clone().prop_map(Remove),
        2 => (id.clone(), any::<bool>()).prop_map(|(id, current)| Forget { id, current }),
        1 => Just(ForgetAll),
        2 => id.clone().prop_map(Has),
        4 => id.prop_map(SendOne),
        4 => any::<(u8, bool)>().prop_map(|(ids, post)| Send { ids, post }),
        4 => Just(Broadcast),
        3 => Just(Register),
        1 => Just(Unregister),
        3 => Just(Notify),
        1 => prop_oneof![Just(EndReason::Closed), Just(EndReason::Cancelled)].prop_map(EndAll),
        3 => Just(Flush),
        5 => any::<bool>().prop_map(|keep| Drain { keep }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(nth, fails)| Settle { nth, fails }),
        1 => max_bytes().prop_map(HoldAtMost),
        2 => any::<bool>().prop_map(|says_so| Leave { says_so }),
    ]
}

/// Enough for everything, or for a few posts, or for none.
fn max_bytes() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(DEFAULT_MAX_MAILBOX_BYTES), 3 => 0..20 * size_of::<Post>(), 1 => Just(0)]
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(number: usize) -> Text {
    number.to_string().into_bytes().into()
}

fn read(number: usize) -> Result<Text, Infallible> {
    Ok(text(number))
}

/// A scope that no other test knows.
fn new_scope() -> Scope {
    static SCOPES: AtomicUsize = AtomicUsize::new(0);
    Scope::Named(utf16(&SCOPES.fetch_add(1, Ordering::Relaxed).to_string()).into())
}

/// A member beside what the model knows of it.
struct Thread {
    scope: Scope,
    max_bytes: usize,
    member: Member,
    seat: Seat,
    wakes: Arc<AtomicUsize>,
}

impl Thread {
    fn join(scope: &Scope, max_bytes: usize, model: &mut Plain) -> Self {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let waker: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let member = scope.join(max_bytes, Some(waker));
        Self { scope: scope.clone(), max_bytes, member, seat: model.join(max_bytes), wakes }
    }

    /// The next one comes before it has gone, or only afterwards, when it has said so itself.
    fn leave(&mut self, says_so: bool, model: &mut Plain) -> Result<(), TestCaseError> {
        if says_so {
            self.member.leave();
            model.leave(self.seat);
            prop_assert!(self.member.drain().is_nothing());
        }
        let next = Self::join(&self.scope, self.max_bytes, model);
        let Self { member, seat, wakes, .. } = std::mem::replace(self, next);
        drop(member);
        model.leave(seat);
        prop_assert_eq!(Arc::strong_count(&wakes), 1, "its waker is dropped");
        Ok(())
    }

    /// Takes what there is. After an overflow, all is forgotten, as the addon does it.
    fn drain(&self, keep: bool, model: &mut Plain) -> Result<(), TestCaseError> {
        let Drained { overflowed, posts } = self.member.drain();
        let (expected, mail) = model.drain(self.seat);
        prop_assert_eq!(overflowed, expected);
        if overflowed {
            prop_assert_eq!(self.member.forget_all(), model.forget_all(self.seat));
        }
        prop_assert_eq!(posts.len(), mail.len(), "{:?} {:?}", &posts, &mail);
        for (post, mail) in posts.into_iter().zip(mail) {
            prop_assert!(model.is(&mail, &post), "{:?} {:?}", &post, &mail);
            if let Post::Close { key, .. } = post {
                self.member.has_closed(key);
                model.has_closed(self.seat, key);
            }
            let (
                Post::Flush { receipt } | Post::Notify { receipt, .. } | Post::End { receipt, .. },
                Some(question),
            ) = (post, mail.question())
            else {
                continue;
            };
            if keep {
                model.keep(self.seat, self.member.keep(receipt), question);
            } else {
                drop(receipt);
                model.let_go(question);
            }
        }
        Ok(())
    }

    fn settle(&self, nth: usize, failure: Option<Text>, model: &mut Plain) {
        if let Some(nth) = nth.checked_rem(model.kept(self.seat)) {
            let key = model.settle(self.seat, nth, failure.as_ref());
            self.member.settle(key, failure);
        }
    }

    fn is_as(&self, model: &Plain) -> Result<(), TestCaseError> {
        let Self { member, seat, .. } = self;
        prop_assert_eq!(member.len(), model.sessions.len());
        let signs = member.signs();
        let others = signs.others_have_sessions.load(Ordering::Relaxed);
        prop_assert_eq!(others, i32::from(model.others_have_sessions(*seat)));
        let mut evicted = member.evicted();
        evicted.sort();
        prop_assert_eq!(signs.evicted.load(Ordering::Relaxed), i32::from(!evicted.is_empty()));
        prop_assert_eq!(evicted, model.evicted(*seat));
        let wakes = self.wakes.load(Ordering::Relaxed);
        prop_assert_eq!((member.mailbox_bytes(), wakes), model.waiting(*seat));
        let registrations: Vec<Key> =
            model.registrations.iter().filter(|(owner, _)| owner == seat).map(|(_, key)| *key).collect();
        prop_assert_eq!(&member.interested(TOOLS), &registrations);
        prop_assert_eq!(&member.registrations(None), &registrations);
        Ok(())
    }
}

/// What is asked got the name, if anybody was asked.
fn asked(model: &mut Plain, question: Option<usize>, name: Option<Key>) -> Result<(), TestCaseError> {
    prop_assert_eq!(question.is_some(), name.is_some());
    if let (Some(question), Some(name)) = (question, name) {
        model.name(question, name);
    }
    Ok(())
}

/// Does it, and compares what comes of it.
fn perform(
    operation: Operation,
    number: usize,
    thread: &mut Thread,
    model: &mut Plain,
    keys: &mut Vec<Key>,
) -> Result<(), TestCaseError> {
    let (member, seat) = (&thread.member, thread.seat);
    match operation {
        Operation::Create(id) => {
            let created = member.create(&utf16(IDS[id]));
            prop_assert!(Some(&created.key) > keys.last(), "keys count up");
            keys.push(created.key);
            prop_assert_eq!(created.replaced, model.take(seat, id));
            model.sessions.insert(id, (seat, created.key));
        }
        Operation::Remove(id) => {
            prop_assert_eq!(member.remove(&utf16(IDS[id])), model.take(seat, id));
        }
        Operation::Forget { id, current: true } => {
            if let Some((owner, key)) = model.sessions.get(&id).copied() {
                prop_assert_eq!(member.forget(&utf16(IDS[id]), key), owner == seat);
                if owner == seat {
                    model.sessions.remove(&id);
                }
            }
        }
        Operation::Forget { id, current: false } => {
            let now = model.sessions.get(&id).map(|(_, key)| *key);
            if let Some(key) = keys.iter().rev().find(|key| Some(**key) != now) {
                prop_assert!(!member.forget(&utf16(IDS[id]), *key));
            }
        }
        Operation::ForgetAll => {
            prop_assert_eq!(member.forget_all(), model.forget_all(seat));
        }
        Operation::Has(id) => {
            prop_assert_eq!(member.has(&utf16(IDS[id])), model.sessions.contains_key(&id));
        }
        Operation::SendOne(id) => {
            let expected = model.send_one(seat, id, &text(number));
            prop_assert_eq!(member.send_one(&utf16(IDS[id]), || read(number)), Ok(expected));
        }
        Operation::Send { ids, post } => {
            let mut route = member.route();
            // Each twice, and the unknown one in between.
            let ids: Vec<usize> = (0..IDS.len()).rev().filter(|id| ids & (1 << id) != 0).collect();
            for id in ids.iter().chain([&usize::MAX]).chain(&ids) {
                route.add(&utf16(IDS.get(*id).copied().unwrap_or("unknown")));
            }
            if post {
                prop_assert_eq!(route.send(|| read(number)), Ok(model.send(seat, &ids, &text(number))));
            } else {
                prop_assert_eq!(route.local(), model.route(seat, &ids).0);
            }
        }
        Operation::Broadcast => {
            let before = Key::latest();
            prop_assert_eq!(member.send_elsewhere(|| read(number)), Ok(()));
            model.broadcast(seat, &(before..=Key::latest()), &text(number));
        }
        Operation::Register => {
            let filters = Filters { lists: [true, false, false], uris: vec![] };
            let registered = member.register(&utf16("origin"), RequestId::number(number as f64), filters);
            model.registrations.extend(registered.map(|key| (seat, key)));
            prop_assert!(registered.is_some());
        }
        Operation::Unregister => {
            if let Some(nth) = model.registrations.iter().position(|(owner, _)| *owner == seat) {
                prop_assert!(member.unregister(model.registrations.remove(nth).1));
            }
        }
        Operation::Notify => {
            let question = model.notify(seat, &text(number));
            asked(model, question, member.notify_elsewhere(TOOLS, || read(number)).unwrap())?;
        }
        Operation::EndAll(reason) => {
            let question = model.end_all(seat, reason);
            asked(model, question, member.end_all_elsewhere(None, reason))?;
        }
        Operation::Flush => {
            let question = model.flush(seat);
            asked(model, question, member.flush())?;
        }
        Operation::Drain { keep } => thread.drain(keep, model)?,
        Operation::Settle { nth, fails } => thread.settle(nth, fails.then(|| text(number)), model),
        Operation::HoldAtMost(max_bytes) => {
            let max_bytes = max_bytes.max(member.mailbox_bytes());
            member.hold_at_most(max_bytes);
            model.hold_at_most(seat, max_bytes);
        }
        Operation::Leave { says_so } => thread.leave(says_so, model)?,
    }
    Ok(())
}

proptest! {
    #[test]
    fn members_of_a_hub_see_and_reach_what_the_model_says(
        sizes in prop::array::uniform3(max_bytes()),
        operations in prop::collection::vec((0..MEMBERS, operation()), 1..200),
    ) {
        let (scope, mut model) = (new_scope(), Plain::default());
        let mut threads = sizes.map(|max_bytes| Thread::join(&scope, max_bytes, &mut model));
        let mut keys = vec![Key::next()];
        for (number, (member, operation)) in operations.into_iter().enumerate() {
            perform(operation, number, &mut threads[member], &mut model, &mut keys)?;
            for thread in &threads {
                thread.is_as(&model)?;
            }
        }

        let mut ids: Vec<_> = model.sessions.iter().map(|(id, (_, key))| (*key, utf16(IDS[*id]))).collect();
        ids.sort();
        let found: Vec<Vec<u16>> = threads[0].member.ids().into_iter().map(Vec::from).collect();
        prop_assert_eq!(found, ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>());

        // Everybody deals with everything: no question is left open.
        for thread in &threads {
            while model.kept(thread.seat) > 0 {
                thread.settle(0, None, &mut model);
            }
            thread.drain(false, &mut model)?;
        }
        prop_assert!(model.is_settled());
        for thread in &threads {
            thread.drain(false, &mut model)?;
            prop_assert!(thread.member.drain().is_nothing());
        }
    }
}
