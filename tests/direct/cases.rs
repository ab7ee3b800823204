//! What the members of a hub do with direct sessions, case by case.

use std::sync::atomic::Ordering;

use tmcp_session_manager::hub::Hub;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::direct::Attached;
use tmcp_session_manager::hub::member::route::Route;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::writers::writers;
use tmcp_session_manager::threads::message::ThreadMessage;

use crate::client::{
    Connection, counting_waker, create_direct, join, line, no_descriptor, send_to_all, utf16,
    wait_for_writers,
};

const NO_KEYS: [Key; 0] = [];

#[test]
fn a_direct_session_gets_the_messages_of_all_threads_from_a_writer() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let (_, client) = create_direct(&owner, "direct");
    let ordinary = owner.create(&utf16("ordinary")).key;
    for (name, member) in [("own", &owner), ("other", &other)] {
        let one = format!("{name} one");
        assert_eq!(member.send_one(&utf16("direct"), || line(&one)), Ok(None));
        let ids = [utf16("direct"), utf16("ordinary"), utf16("direct")];
        let local = send_to_all(member, &ids, &format!("{name} some"));
        assert_eq!(local, if name == "own" { vec![ordinary] } else { vec![] });
        member.send_elsewhere(|| line(&format!("{name} all"))).unwrap();
    }
    let posted = owner.drain().messages;
    assert_eq!(posted.len(), 2, "only those for the ordinary session: {posted:?}");
    assert!(client.events.has_none());
    let all = ["own one", "own some", "own all", "other one", "other some", "other all"];
    assert_eq!(client.lines(), all);
}

#[test]
fn an_empty_message_does_not_end_the_response() {
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    let (_, client) = create_direct(&owner, "a");
    owner.send_one(&utf16("a"), || Ok::<_, ()>([].into())).unwrap();
    owner.send_elsewhere(|| Ok::<_, ()>([].into())).unwrap();
    owner.send_one(&utf16("a"), || line("after")).unwrap();
    assert_eq!(client.lines(), ["after"]);
}

/// An ordinary session, and the message `1` in the mailbox of its owner.
struct Waiting {
    owner: Member,
    other: Member,
    id: Vec<u16>,
    key: Key,
    client: Connection,
}

fn session_with_a_message_that_waits() -> Waiting {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let id = utf16("a");
    let key = owner.create(&id).key;
    other.send_one(&id, || line("1")).unwrap();
    Waiting { owner, other, id, key, client: Connection::open() }
}

#[test]
fn a_session_becomes_direct_while_messages_for_it_wait_and_the_later_ones_are_held() {
    let Waiting { owner, other, id, key, mut client } = session_with_a_message_that_waits();
    other.send_elsewhere(|| line("2")).unwrap();
    assert_eq!(client.attach(&owner, &id, key), Attached::CatchingUp);
    other.send_one(&id, || line("3")).unwrap();
    other.send_elsewhere(|| line("4")).unwrap();
    assert_eq!(owner.send_one(&id, || line("own")), Ok(None));
    let drained = owner.drain().messages;
    let [first, second, marker] = &drained[..] else { panic!("{drained:?}") };
    assert!(matches!(first, ThreadMessage::Unicast { .. }));
    assert!(matches!(second, ThreadMessage::Broadcast { .. }));
    assert_eq!(*marker, ThreadMessage::CaughtUp { key });
    wait_for_writers();
    client.write(b"1\n2\n");
    client.caught_up();
    assert!(owner.drain().is_empty());
    assert_eq!(client.lines(), ["1", "2", "3", "4", "own"]);
}

#[test]
fn a_session_becomes_direct_while_its_thread_still_processes_a_message_for_it() {
    let Waiting { owner, other, id, key, mut client } = session_with_a_message_that_waits();
    assert!(matches!(owner.drain().messages[..], [ThreadMessage::Unicast { .. }]));
    assert_eq!(client.attach(&owner, &id, key), Attached::CatchingUp);
    other.send_one(&id, || line("2")).unwrap();
    wait_for_writers();
    client.write(b"1\n");
    assert_eq!(owner.drain().messages, [ThreadMessage::CaughtUp { key }]);
    client.caught_up();
    assert_eq!(client.lines(), ["1", "2"]);
}

#[test]
fn the_marker_of_a_session_that_is_removed_by_another_thread_comes_before_its_end() {
    let Waiting { owner, other, id, key, mut client } = session_with_a_message_that_waits();
    assert_eq!(client.attach(&owner, &id, key), Attached::CatchingUp);
    other.send_one(&id, || line("2")).unwrap();
    other.remove(&id);
    other.send_elsewhere(|| line("after")).unwrap();
    let drained = owner.drain().messages;
    let marker = ThreadMessage::CaughtUp { key };
    assert!(
        matches!(&drained[..], [_, second, ThreadMessage::Close { .. }] if *second == marker),
        "{drained:?}"
    );
    wait_for_writers();
    client.write(b"1\n");
    client.caught_up();
    assert_eq!(client.lines(), ["1", "2"]);
}

#[test]
fn a_session_that_is_removed_or_replaced_or_of_another_thread_cannot_become_direct() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let mut client = Connection::open();
    let id = utf16("a");
    let replaced = owner.create(&id).key;
    let removed = owner.create(&id).key;
    assert_eq!(client.attach(&owner, &id, replaced), Attached::No);
    assert_eq!(client.attach(&other, &id, removed), Attached::No);
    owner.remove(&id);
    assert_eq!(client.attach(&owner, &id, removed), Attached::No);
    let left = owner.create(&id).key;
    owner.leave();
    assert_eq!(client.attach(&owner, &id, left), Attached::No);
    assert_eq!(client.lines(), [""; 0]);
}

#[test]
fn a_session_without_a_descriptor_stays_as_it_is() {
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    let id = utf16("a");
    let key = owner.create(&id).key;
    let error = owner.attach(&id, key, |_, _| Err(no_descriptor())).unwrap_err();
    assert_eq!(error.raw_os_error(), no_descriptor().raw_os_error());
    assert_eq!(owner.send_one(&id, || line("1")), Ok(Some(key)));
}

#[test]
fn a_session_becomes_direct_once() {
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    let (key, client) = create_direct(&owner, "a");
    let mut second = Connection::open();
    assert_eq!(second.attach(&owner, &utf16("a"), key), Attached::No);
    owner.send_one(&utf16("a"), || line("1")).unwrap();
    assert_eq!(client.lines(), ["1"]);
    assert_eq!(second.lines(), [""; 0]);
}

#[test]
fn the_keys_of_a_message_without_a_text_are_those_of_ordinary_sessions() {
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    let (_, client) = create_direct(&owner, "direct");
    let ordinary = owner.create(&utf16("ordinary")).key;
    let mut route = Route::new(&owner);
    ["direct", "ordinary"].iter().for_each(|id| route.add(&utf16(id)));
    assert_eq!(route.local(), [ordinary]);
    assert_eq!(client.lines(), [""; 0], "nothing is sent");
}

#[test]
fn a_thread_is_woken_for_ordinary_sessions_only() {
    let hub = Hub::for_one_thread();
    let (waker, wakes) = counting_waker();
    let owner = Member::join(&hub, 1_000_000, Some(waker)).expect("an open hub");
    let other = join(&hub);
    let (_, client) = create_direct(&owner, "direct");
    other.send_one(&utf16("direct"), || line("one")).unwrap();
    assert_eq!(send_to_all(&other, &[utf16("direct"), utf16("unknown")], "some"), NO_KEYS);
    other.send_elsewhere(|| line("all")).unwrap();
    assert_eq!(wakes.load(Ordering::Relaxed), 0);
    owner.create(&utf16("ordinary"));
    other.send_elsewhere(|| line("all again")).unwrap();
    assert_eq!(wakes.load(Ordering::Relaxed), 1);
    while !owner.drain().is_empty() {}
    owner.remove(&utf16("ordinary"));
    other.send_elsewhere(|| line("the last")).unwrap();
    assert_eq!(wakes.load(Ordering::Relaxed), 1);
    assert_eq!(client.lines(), ["one", "some", "all", "all again", "the last"]);
}

#[test]
fn the_flag_of_other_threads_shows_direct_sessions_until_they_are_removed() {
    let scope = Scope::Named(utf16("flags of direct sessions").into());
    let (owner, other) = (scope.join(1_000, None), scope.join(1_000, None));
    let is_set = || other.flags().others_have_sessions.load(Ordering::Relaxed) == 1;
    let (key, client) = create_direct(&owner, "a");
    assert!(is_set());
    owner.forget(&utf16("a"), key);
    assert!(!is_set());
    let (_, second) = create_direct(&owner, "a");
    owner.create(&utf16("b"));
    owner.remove(&utf16("a"));
    assert!(is_set());
    owner.remove(&utf16("b"));
    assert!(!is_set());
    drop((client, second));
}

#[test]
fn an_overflow_of_the_mailbox_leaves_direct_sessions_alone() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (Member::join(&hub, 100, None).expect("an open hub"), join(&hub));
    let (_, client) = create_direct(&owner, "direct");
    owner.create(&utf16("ordinary"));
    for _ in 0..3 {
        other.send_elsewhere(|| line("all")).unwrap();
    }
    assert!(owner.drain().overflowed);
    assert_eq!(owner.forget_all(), 1);
    assert!(owner.has(&utf16("direct")));
    other.send_elsewhere(|| line("after")).unwrap();
    assert_eq!(client.lines(), ["all", "all", "all", "after"]);
}

#[test]
fn an_overflow_drops_the_marker_of_a_session_that_is_catching_up_and_leaves_the_session_to_its_thread() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (Member::join(&hub, 200, None).expect("an open hub"), join(&hub));
    let id = utf16("a");
    let key = owner.create(&id).key;
    owner.create(&utf16("ordinary"));
    let mut client = Connection::open();
    other.send_one(&id, || line("1")).unwrap();
    assert_eq!(client.attach(&owner, &id, key), Attached::CatchingUp);
    for _ in 0..10 {
        other.send_elsewhere(|| line("later")).unwrap();
    }
    let drained = owner.drain();
    assert!(drained.overflowed && drained.messages.is_empty(), "{drained:?}");
    assert_eq!(owner.forget_all(), 1);
    assert!(owner.forget(&id, key));
    other.send_elsewhere(|| line("after")).unwrap();
    writers().discard(key);
    assert_eq!(client.lines(), [""; 0]);
}

#[test]
fn the_messages_to_the_direct_sessions_of_a_thread_are_counted_there() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let clients = ["a", "b"].map(|id| create_direct(&owner, id).1);
    other.send_elsewhere(|| line("12")).unwrap();
    owner.send_one(&utf16("a"), || line("3456")).unwrap();
    wait_for_writers();
    let counts = |member: &Member| (member.counters().messages(), member.counters().bytes());
    assert_eq!(counts(&owner), (3, 11));
    assert_eq!(counts(&other), (0, 0));
    drop(clients);
}
