//! What a member of a hub does, case by case. `tests/hub` tests the same with random operations.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};
use std::{hint, thread};

use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::route::Route;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::registry::subscriptions::{Filters, ListChange, RequestId, Subject};
use tmcp_session_manager::threads::message::{CloseReason, ThreadMessage};
use tmcp_session_manager::threads::text::Text;

const TOOLS: Subject<'_> = Subject::List(ListChange::Tools);

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text(number: usize) -> Text {
    number.to_string().into_bytes().into()
}

fn read(number: usize) -> Result<Text, Infallible> {
    Ok(text(number))
}

fn listen(member: &Member) -> Key {
    let filters = Filters { lists: [true; 3], uris: vec![] };
    member.register(&utf16(""), RequestId::number(1.0), filters).expect("a new id")
}

fn join(hub: &Arc<Hub>) -> Member {
    Member::join(hub, DEFAULT_MAX_MAILBOX_BYTES, None).expect("an open hub")
}

#[test]
fn a_text_that_cannot_be_read_is_not_posted() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    other.create(&utf16("a"));
    other.create(&utf16("b"));
    listen(&other);
    assert_eq!(one.send_one(&utf16("a"), || Err("unreadable")), Err("unreadable"));
    let mut route = Route::new(&one);
    route.add(&utf16("a"));
    route.add(&utf16("b"));
    assert_eq!(route.send(|| Err("unreadable")), Err("unreadable"));
    assert_eq!(one.send_elsewhere(|| Err("unreadable")), Err("unreadable"));
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("unreadable")), Err("unreadable"));
    assert!(other.drain().is_empty());
    assert!(one.drain().is_empty(), "and no request is made");
}

#[test]
fn a_text_is_not_read_when_all_receivers_are_on_this_thread() {
    let hub = Hub::for_one_thread();
    let (member, other) = (join(&hub), join(&hub));
    let key = member.create(&utf16("a")).key;
    listen(&member);
    assert_eq!(member.send_one(&utf16("a"), || Err("read")), Ok(Some(key)));
    let mut route = Route::new(&member);
    route.add(&utf16("a"));
    assert_eq!(route.send(|| Err("read")), Ok(vec![key]));
    assert_eq!(member.send_elsewhere(|| Err("read")), Ok(()));
    assert_eq!(member.notify_elsewhere(TOOLS, || Err("read")), Ok(None));
    assert!(other.drain().is_empty());
}

#[test]
fn a_session_created_after_a_broadcast_does_not_receive_it() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let before = other.create(&utf16("a")).key;
    one.send_elsewhere(|| read(1)).unwrap();
    let after = other.create(&utf16("b")).key;
    let [ThreadMessage::Broadcast { until, .. }] = other.drain().messages[..] else {
        panic!("one broadcast")
    };
    assert!(before <= until && until < after);
}

#[test]
fn a_member_that_leaves_removes_its_sessions_and_receives_nothing_more() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    one.create(&utf16("a"));
    other.create(&utf16("b"));
    listen(&other);
    other.leave();
    assert!(!one.has(&utf16("b")));
    assert_eq!(one.len(), 1);
    assert_eq!(one.send_elsewhere(|| Err("read")), Ok(()));
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("read")), Ok(None));
    assert_eq!(one.flush(), None);
    assert!(other.drain().is_empty());
    drop(one);
    assert!(other.is_empty());
}

#[test]
fn a_full_mailbox_is_drained_in_pieces_and_in_order() {
    const MESSAGES: usize = 3_000;
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let key = other.create(&utf16("a")).key;
    for number in 0..MESSAGES {
        one.send_one(&utf16("a"), || read(number)).unwrap();
    }
    let (mut drains, mut got) = (0, vec![]);
    while got.len() < MESSAGES {
        let messages = other.drain().messages;
        assert!(!messages.is_empty(), "there is more");
        got.extend(messages);
        drains += 1;
    }
    assert!(drains > 1);
    assert!(other.drain().is_empty());
    for (number, message) in got.into_iter().enumerate() {
        assert_eq!(message, ThreadMessage::Unicast { key, text: text(number) });
    }
}

#[test]
fn a_broadcast_sent_after_a_session_was_removed_arrives_after_its_close_message() {
    const TIMES: usize = 3_000;
    let hub = Hub::for_one_thread();
    let [owner, remover, sender] = [(); 3].map(|()| join(&hub));
    let (stays, goes) = (utf16("stays"), utf16("removed"));
    owner.create(&stays);
    let (step, mut wrong) = (Barrier::new(3), 0);
    thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..TIMES {
                step.wait();
                remover.remove(&goes);
                step.wait();
            }
        });
        threads.spawn(|| {
            for number in 0..TIMES {
                step.wait();
                while sender.has(&goes) {
                    hint::spin_loop();
                }
                sender.send_elsewhere(|| read(number)).unwrap();
                step.wait();
            }
        });
        for _ in 0..TIMES {
            let key = owner.create(&goes).key;
            step.wait();
            step.wait();
            // Counted and asserted later: if this thread panicked here, the others would wait forever.
            let messages = owner.drain().messages;
            wrong += usize::from(
                !matches!(messages[..], [ThreadMessage::Close { key: closed, .. }, ThreadMessage::Broadcast { .. }] if closed == key),
            );
        }
    });
    assert_eq!(wrong, 0);
}

#[test]
fn a_session_that_another_thread_removes_is_evicted_until_its_stream_is_closed() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let has_evicted = || other.flags().evicted.load(Ordering::Relaxed) == 1;
    let [removed, replaced, own] = ["a", "b", "c"].map(|id| other.create(&utf16(id)).key);
    assert!(!has_evicted());
    assert_eq!(one.remove(&utf16("a")), None);
    assert_eq!(one.create(&utf16("b")).replaced, None);
    assert_eq!(other.create(&utf16("c")).replaced, Some(own), "which the caller closes");
    assert!(has_evicted());
    let mut evicted = other.evicted();
    evicted.sort();
    assert_eq!(evicted, [removed, replaced]);
    let close = |key, reason| ThreadMessage::Close { key, reason };
    assert_eq!(
        other.drain().messages,
        [close(removed, CloseReason::Deleted), close(replaced, CloseReason::Replaced)]
    );
    other.mark_closed(replaced);
    assert_eq!(other.evicted(), [removed]);
    assert!(has_evicted());
    other.mark_closed(removed);
    assert!(!has_evicted());

    let last = other.create(&utf16("a")).key;
    one.remove(&utf16("a"));
    assert_eq!(other.evicted(), [last]);
    assert_eq!(other.forget_all(), 1, "\"a\" is removed already, \"c\" is not");
    assert!(!has_evicted(), "all streams are closed");
}

#[test]
fn the_evicted_sessions_of_an_id_are_found_until_their_streams_are_closed() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let (a, b) = (utf16("a"), utf16("b"));
    let replaced = [(); 3].map(|()| {
        let key = other.create(&a).key;
        one.create(&a);
        key
    });
    let deleted = other.create(&b).key;
    one.remove(&b);
    assert_eq!(other.evicted_of(&a), replaced);
    assert_eq!(other.evicted_of(&b), [deleted]);
    assert_eq!(other.evicted_of(&utf16("c")), []);
    assert_eq!(one.evicted_of(&a).len(), 2, "the other thread has created the session again twice");
    other.mark_closed(replaced[1]);
    other.mark_closed(deleted);
    assert_eq!(other.evicted_of(&a), [replaced[0], replaced[2]]);
    assert_eq!(other.evicted_of(&b), []);
    other.forget_all();
    assert_eq!(other.evicted_of(&a), []);
}

#[test]
fn a_member_does_not_forget_a_session_of_another() {
    let scope = Scope::Named(utf16("forget").into());
    let [one, other] = [(); 2].map(|()| scope.join(DEFAULT_MAX_MAILBOX_BYTES, None));
    let key = other.create(&utf16("a")).key;
    assert!(!one.forget(&utf16("a"), key));
    assert!(one.has(&utf16("a")));
    assert_eq!(
        other.flags().others_have_sessions.load(Ordering::Relaxed),
        0,
        "the count did not go below zero"
    );
}

#[test]
fn a_member_that_has_left_registers_nothing() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    other.leave();
    other.create(&utf16("a"));
    assert!(!one.has(&utf16("a")));
    other.register(&utf16(""), RequestId::number(1.0), Filters { lists: [true; 3], uris: vec![] });
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("read")), Ok(None));
}

#[test]
fn a_key_survives_the_conversion_to_a_javascript_number() {
    for _ in 0..1_000 {
        let key = Key::next();
        assert_eq!(Key::from_f64(key.as_f64()), Some(key));
    }
    assert_eq!([0.0, -1.0, f64::NAN].map(Key::from_f64), [None; 3]);
}

#[test]
fn a_session_beyond_the_limit_is_refused_and_a_replacement_is_not() {
    let member = Member::alone();
    assert!(member.create_within(&utf16("a"), 2).is_some());
    let older = member.create_within(&utf16("b"), 2).unwrap().key;
    assert_eq!(member.create_within(&utf16("c"), 2), None);
    assert!(!member.has(&utf16("c")));
    assert_eq!(member.create_within(&utf16("b"), 2).unwrap().replaced, Some(older));
    assert_eq!(member.len(), 2);
    member.remove(&utf16("a"));
    assert!(member.create_within(&utf16("c"), 2).is_some());
    assert_eq!(member.len(), 2);
    member.create(&utf16("without a limit"));
    assert_eq!(member.len(), 3);
    assert_eq!(member.forget_all(), 3);
    assert_eq!(member.len(), 0);
}

#[test]
fn threads_that_create_at_once_do_not_exceed_the_limit() {
    const THREADS: usize = 4;
    const MAX_SESSIONS: usize = 100;
    let scope = Scope::Named(utf16("threads that create at once").into());
    let start = Barrier::new(THREADS);
    let end = Barrier::new(THREADS);
    let created: Vec<usize> = thread::scope(|threads| {
        let workers: Vec<_> = (0..THREADS)
            .map(|worker| {
                let (scope, start, end) = (&scope, &start, &end);
                threads.spawn(move || {
                    let member = scope.join(DEFAULT_MAX_MAILBOX_BYTES, None);
                    start.wait();
                    let created = (0..MAX_SESSIONS)
                        .filter(|n| {
                            member.create_within(&utf16(&format!("{worker} {n}")), MAX_SESSIONS).is_some()
                        })
                        .count();
                    end.wait();
                    assert_eq!(member.len(), MAX_SESSIONS);
                    end.wait();
                    created
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(created.iter().sum::<usize>(), MAX_SESSIONS);
}
