//! Compares a hub with a simple model: several members perform random operations, and everything visible is compared.

mod model;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{HubModel, ModelPeer};
use proptest::prelude::*;
use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::route::Route;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::registry::subscriptions::{Filters, ListChange, RequestId, Subject};
use tmcp_session_manager::threads::mailbox::{Drained, Waker};
use tmcp_session_manager::threads::message::{RegistrationCloseReason, ThreadMessage};
use tmcp_session_manager::threads::text::Text;

const MEMBERS: usize = 3;
const IDS: [&str; 6] = ["a", "b", "c", "", "__proto__", "a longer one, as session ids are"];
const TOOLS: Subject<'_> = Subject::List(ListChange::Tools);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Create(usize),
    Remove(usize),
    /// Forgets a session by its current key, which works for a session of this member, or by an older one.
    Forget {
        id: usize,
        current: bool,
    },
    ForgetAll,
    Has(usize),
    SendOne(usize),
    /// Sends to the ids whose bits are set and to an unknown one. Without `post`, only looks for local sessions.
    Send {
        ids: u8,
        post: bool,
    },
    Broadcast,
    Register,
    Unregister,
    Notify,
    CloseAll(RegistrationCloseReason),
    Flush,
    /// Drains the mailbox, and drops the completions in it or keeps them.
    Drain {
        keep: bool,
    },
    Settle {
        nth: usize,
        fails: bool,
    },
    /// Sets the limit of the mailbox, but not to less than it holds.
    SetMaxBytes(usize),
    /// A new member takes its place.
    Leave {
        explicitly: bool,
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
        1 => prop_oneof![Just(RegistrationCloseReason::Closed), Just(RegistrationCloseReason::Cancelled)].prop_map(CloseAll),
        3 => Just(Flush),
        5 => any::<bool>().prop_map(|keep| Drain { keep }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(nth, fails)| Settle { nth, fails }),
        1 => max_bytes().prop_map(SetMaxBytes),
        2 => any::<bool>().prop_map(|explicitly| Leave { explicitly }),
    ]
}

/// Room for everything, for a few messages, or for none.
fn max_bytes() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(DEFAULT_MAX_MAILBOX_BYTES), 3 => 0..20 * size_of::<ThreadMessage>(), 1 => Just(0)]
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

/// Returns a scope that no other test uses.
fn new_scope() -> Scope {
    static SCOPES: AtomicUsize = AtomicUsize::new(0);
    Scope::Named(utf16(&SCOPES.fetch_add(1, Ordering::Relaxed).to_string()).into())
}

/// A member, and its peer in the model.
struct Thread {
    scope: Scope,
    max_bytes: usize,
    member: Member,
    peer: ModelPeer,
    wakes: Arc<AtomicUsize>,
}

impl Thread {
    fn join(scope: &Scope, max_bytes: usize, model: &mut HubModel) -> Self {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let waker: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let member = scope.join(max_bytes, Some(waker));
        Self { scope: scope.clone(), max_bytes, member, peer: model.join(max_bytes), wakes }
    }

    /// Replaces the member. The new one joins before the old one is dropped, but after the old one left if it does so
    /// explicitly.
    fn leave(&mut self, explicitly: bool, model: &mut HubModel) -> Result<(), TestCaseError> {
        if explicitly {
            self.member.leave();
            model.leave(self.peer);
            prop_assert!(self.member.drain().is_empty());
        }
        let next = Self::join(&self.scope, self.max_bytes, model);
        let Self { member, peer, wakes, .. } = std::mem::replace(self, next);
        drop(member);
        model.leave(peer);
        prop_assert_eq!(Arc::strong_count(&wakes), 1, "its waker is dropped");
        Ok(())
    }

    /// Drains the mailbox. After an overflow, forgets all sessions, as the addon does.
    fn drain(&self, keep: bool, model: &mut HubModel) -> Result<(), TestCaseError> {
        let Drained { overflowed, messages } = self.member.drain();
        let (expected_overflow, expected) = model.drain(self.peer);
        prop_assert_eq!(overflowed, expected_overflow);
        if overflowed {
            prop_assert_eq!(self.member.forget_all(), model.forget_all(self.peer));
        }
        prop_assert_eq!(messages.len(), expected.len(), "{:?} {:?}", &messages, &expected);
        for (message, expected) in messages.into_iter().zip(expected) {
            prop_assert!(model.matches(&expected, &message), "{:?} {:?}", &message, &expected);
            if let ThreadMessage::Close { key, .. } = message {
                self.member.mark_closed(key);
                model.mark_closed(self.peer, key);
            }
            let (
                ThreadMessage::Flush { completion }
                | ThreadMessage::Notify { completion, .. }
                | ThreadMessage::CloseRegistrations { completion, .. },
                Some(request),
            ) = (message, expected.request())
            else {
                continue;
            };
            if keep {
                model.keep(self.peer, self.member.keep(completion), request);
            } else {
                drop(completion);
                model.drop_completion(request);
            }
        }
        Ok(())
    }

    fn settle(&self, nth: usize, failure: Option<Text>, model: &mut HubModel) {
        if let Some(nth) = nth.checked_rem(model.kept(self.peer)) {
            let key = model.settle(self.peer, nth, failure.as_ref());
            self.member.settle(key, failure);
        }
    }

    fn check(&self, model: &HubModel) -> Result<(), TestCaseError> {
        let Self { member, peer, .. } = self;
        prop_assert_eq!(member.len(), model.sessions.len());
        let flags = member.flags();
        let others = flags.others_have_sessions.load(Ordering::Relaxed);
        prop_assert_eq!(others, i32::from(model.others_have_sessions(*peer)));
        let mut evicted = member.evicted();
        evicted.sort();
        prop_assert_eq!(flags.evicted.load(Ordering::Relaxed), i32::from(!evicted.is_empty()));
        prop_assert_eq!(evicted, model.evicted(*peer));
        let wakes = self.wakes.load(Ordering::Relaxed);
        prop_assert_eq!((member.mailbox_bytes(), wakes), model.waiting(*peer));
        let registrations: Vec<Key> =
            model.registrations.iter().filter(|(owner, _)| owner == peer).map(|(_, key)| *key).collect();
        prop_assert_eq!(&member.matching(TOOLS), &registrations);
        prop_assert_eq!(&member.registrations(None), &registrations);
        Ok(())
    }
}

/// Checks that both made a request or neither, and tells the model the name of the reply.
fn same_request(
    model: &mut HubModel,
    request: Option<usize>,
    name: Option<Key>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(request.is_some(), name.is_some());
    if let (Some(request), Some(name)) = (request, name) {
        model.name(request, name);
    }
    Ok(())
}

/// Performs an operation on both, and compares the results.
fn perform(
    operation: Operation,
    number: usize,
    thread: &mut Thread,
    model: &mut HubModel,
    keys: &mut Vec<Key>,
) -> Result<(), TestCaseError> {
    let (member, peer) = (&thread.member, thread.peer);
    match operation {
        Operation::Create(id) => {
            let created = member.create(&utf16(IDS[id]));
            prop_assert!(Some(&created.key) > keys.last(), "keys count up");
            keys.push(created.key);
            prop_assert_eq!(created.replaced, model.take(peer, id));
            model.sessions.insert(id, (peer, created.key));
        }
        Operation::Remove(id) => {
            prop_assert_eq!(member.remove(&utf16(IDS[id])), model.take(peer, id));
        }
        Operation::Forget { id, current: true } => {
            if let Some((owner, key)) = model.sessions.get(&id).copied() {
                prop_assert_eq!(member.forget(&utf16(IDS[id]), key), owner == peer);
                if owner == peer {
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
            prop_assert_eq!(member.forget_all(), model.forget_all(peer));
        }
        Operation::Has(id) => {
            prop_assert_eq!(member.has(&utf16(IDS[id])), model.sessions.contains_key(&id));
        }
        Operation::SendOne(id) => {
            let expected = model.send_one(peer, id, &text(number));
            prop_assert_eq!(member.send_one(&utf16(IDS[id]), || read(number)), Ok(expected));
        }
        Operation::Send { ids, post } => {
            let mut route = Route::new(member);
            // Each id twice, and the unknown one in between.
            let ids: Vec<usize> = (0..IDS.len()).rev().filter(|id| ids & (1 << id) != 0).collect();
            for id in ids.iter().chain([&usize::MAX]).chain(&ids) {
                route.add(&utf16(IDS.get(*id).copied().unwrap_or("unknown")));
            }
            if post {
                prop_assert_eq!(route.send(|| read(number)), Ok(model.send(peer, &ids, &text(number))));
            } else {
                prop_assert_eq!(route.local(), model.route(peer, &ids).0);
            }
        }
        Operation::Broadcast => {
            let before = Key::latest();
            prop_assert_eq!(member.send_elsewhere(|| read(number)), Ok(()));
            model.broadcast(peer, &(before..=Key::latest()), &text(number));
        }
        Operation::Register => {
            let filters = Filters { lists: [true, false, false], uris: vec![] };
            let registered = member.register(&utf16("origin"), RequestId::number(number as f64), filters);
            model.registrations.extend(registered.map(|key| (peer, key)));
            prop_assert!(registered.is_some());
        }
        Operation::Unregister => {
            if let Some(nth) = model.registrations.iter().position(|(owner, _)| *owner == peer) {
                prop_assert!(member.unregister(model.registrations.remove(nth).1));
            }
        }
        Operation::Notify => {
            let request = model.notify(peer, &text(number));
            same_request(model, request, member.notify_elsewhere(TOOLS, || read(number)).unwrap())?;
        }
        Operation::CloseAll(reason) => {
            let request = model.close_all(peer, reason);
            same_request(model, request, member.close_all_elsewhere(None, reason))?;
        }
        Operation::Flush => {
            let request = model.flush(peer);
            same_request(model, request, member.flush())?;
        }
        Operation::Drain { keep } => thread.drain(keep, model)?,
        Operation::Settle { nth, fails } => thread.settle(nth, fails.then(|| text(number)), model),
        Operation::SetMaxBytes(max_bytes) => {
            let max_bytes = max_bytes.max(member.mailbox_bytes());
            member.set_max_mailbox_bytes(max_bytes);
            model.set_max_bytes(peer, max_bytes);
        }
        Operation::Leave { explicitly } => thread.leave(explicitly, model)?,
    }
    Ok(())
}

proptest! {
    #[test]
    fn members_of_a_hub_behave_like_the_model(
        sizes in prop::array::uniform3(max_bytes()),
        operations in prop::collection::vec((0..MEMBERS, operation()), 1..200),
    ) {
        let (scope, mut model) = (new_scope(), HubModel::default());
        let mut threads = sizes.map(|max_bytes| Thread::join(&scope, max_bytes, &mut model));
        let mut keys = vec![Key::next()];
        for (number, (member, operation)) in operations.into_iter().enumerate() {
            perform(operation, number, &mut threads[member], &mut model, &mut keys)?;
            for thread in &threads {
                thread.check(&model)?;
            }
        }

        let mut ids: Vec<_> = model.sessions.iter().map(|(id, (_, key))| (*key, utf16(IDS[*id]))).collect();
        ids.sort();
        let found: Vec<Vec<u16>> = threads[0].member.ids().into_iter().map(Vec::from).collect();
        prop_assert_eq!(found, ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>());

        // All members process everything, so no request stays open.
        for thread in &threads {
            while model.kept(thread.peer) > 0 {
                thread.settle(0, None, &mut model);
            }
            thread.drain(false, &mut model)?;
        }
        prop_assert!(model.are_all_settled());
        for thread in &threads {
            thread.drain(false, &mut model)?;
            prop_assert!(thread.member.drain().is_empty());
        }
    }
}
