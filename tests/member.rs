//! What a member of a hub does, fact by fact; `tests/hub` has the whole of it at random.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier};
use std::{hint, thread};

use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::member::Member;
use tmcp_session_manager::post::{CloseReason, Post, Text};
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;
use tmcp_session_manager::subscriptions::{Filters, ListChange, RequestId, Subject};

const TOOLS: Subject = Subject::List(ListChange::Tools);

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
    member.register(&utf16(""), RequestId::number(1.0), filters).expect("nobody else has the name")
}

fn join(hub: &Arc<Hub>) -> Member {
    hub.join(DEFAULT_MAX_MAILBOX_BYTES, None)
}

#[test]
fn a_text_that_cannot_be_read_is_posted_to_nobody() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    other.create(&utf16("a"));
    other.create(&utf16("b"));
    listen(&other);
    assert_eq!(one.send_one(&utf16("a"), || Err("unreadable")), Err("unreadable"));
    let mut route = one.route();
    route.add(&utf16("a"));
    route.add(&utf16("b"));
    assert_eq!(route.send(|| Err("unreadable")), Err("unreadable"));
    assert_eq!(one.send_elsewhere(|| Err("unreadable")), Err("unreadable"));
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("unreadable")), Err("unreadable"));
    assert!(other.drain().is_nothing());
    assert!(one.drain().is_nothing(), "and no question is asked");
}

#[test]
fn a_text_is_not_asked_for_when_everything_is_on_this_thread() {
    let hub = Hub::for_one_thread();
    let (member, other) = (join(&hub), join(&hub));
    let key = member.create(&utf16("a")).key;
    listen(&member);
    assert_eq!(member.send_one(&utf16("a"), || Err("asked for")), Ok(Some(key)));
    let mut route = member.route();
    route.add(&utf16("a"));
    assert_eq!(route.send(|| Err("asked for")), Ok(vec![key]));
    assert_eq!(member.send_elsewhere(|| Err("asked for")), Ok(()));
    assert_eq!(member.notify_elsewhere(TOOLS, || Err("asked for")), Ok(None));
    assert!(other.drain().is_nothing());
}

#[test]
fn a_session_made_after_a_message_to_all_does_not_get_it() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let before = other.create(&utf16("a")).key;
    one.send_elsewhere(|| read(1)).unwrap();
    let after = other.create(&utf16("b")).key;
    let [Post::Broadcast { until, .. }] = other.drain().posts[..] else { panic!("one message to all") };
    assert!(before <= until && until < after);
}

#[test]
fn a_member_that_leaves_takes_its_sessions_along_and_gets_nothing_more() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    one.create(&utf16("a"));
    other.create(&utf16("b"));
    listen(&other);
    other.leave();
    assert!(!one.has(&utf16("b")));
    assert_eq!(one.len(), 1);
    assert_eq!(one.send_elsewhere(|| Err("asked for")), Ok(()));
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("asked for")), Ok(None));
    assert_eq!(one.flush(), None);
    assert!(other.drain().is_nothing());
    drop(one);
    assert!(other.is_empty());
}

#[test]
fn a_full_mailbox_is_drained_in_pieces_and_in_order() {
    const LETTERS: usize = 3_000;
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let key = other.create(&utf16("a")).key;
    for number in 0..LETTERS {
        one.send_one(&utf16("a"), || read(number)).unwrap();
    }
    let (mut drains, mut got) = (0, vec![]);
    while got.len() < LETTERS {
        let posts = other.drain().posts;
        assert!(!posts.is_empty(), "there is more");
        got.extend(posts);
        drains += 1;
    }
    assert!(drains > 1);
    assert!(other.drain().is_nothing());
    for (number, post) in got.into_iter().enumerate() {
        assert_eq!(post, Post::Message { key, text: text(number) });
    }
}

#[test]
fn what_is_sent_to_all_once_a_session_is_seen_to_be_gone_comes_behind_its_end() {
    const TIMES: usize = 3_000;
    let hub = Hub::for_one_thread();
    let [owner, remover, sender] = [(); 3].map(|()| join(&hub));
    let (stays, goes) = (utf16("stays"), utf16("goes"));
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
            // Counted, as the others would wait for a thread that fails.
            let posts = owner.drain().posts;
            wrong += usize::from(
                !matches!(posts[..], [Post::Close { key: gone, .. }, Post::Broadcast { .. }] if gone == key),
            );
        }
    });
    assert_eq!(wrong, 0);
}

#[test]
fn a_session_that_another_thread_takes_away_is_evicted_until_its_stream_is_closed() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    let is_told = || other.signs().evicted.load(Ordering::Relaxed) == 1;
    let [removed, replaced, own] = ["a", "b", "c"].map(|id| other.create(&utf16(id)).key);
    assert!(!is_told());
    assert_eq!(one.remove(&utf16("a")), None);
    assert_eq!(one.create(&utf16("b")).replaced, None);
    assert_eq!(other.create(&utf16("c")).replaced, Some(own), "which it closes on the spot");
    assert!(is_told());
    let mut evicted = other.evicted();
    evicted.sort();
    assert_eq!(evicted, [removed, replaced]);
    let close = |key, reason| Post::Close { key, reason };
    assert_eq!(
        other.drain().posts,
        [close(removed, CloseReason::Deleted), close(replaced, CloseReason::Replaced)]
    );
    other.has_closed(replaced);
    assert_eq!(other.evicted(), [removed]);
    assert!(is_told());
    other.has_closed(removed);
    assert!(!is_told());

    let last = other.create(&utf16("a")).key;
    one.remove(&utf16("a"));
    assert_eq!(other.evicted(), [last]);
    assert_eq!(other.forget_all(), 1, "it is gone already, and \"c\" is not");
    assert!(!is_told(), "all streams are closed");
}

#[test]
fn a_member_forgets_no_session_of_another_one() {
    let scope = Scope::Named(utf16("forget").into());
    let [one, other] = [(); 2].map(|()| scope.join(DEFAULT_MAX_MAILBOX_BYTES, None));
    let key = other.create(&utf16("a")).key;
    assert!(!one.forget(&utf16("a"), key));
    assert!(one.has(&utf16("a")));
    assert_eq!(
        other.signs().others_have_sessions.load(Ordering::Relaxed),
        0,
        "less than none was counted out"
    );
}

#[test]
fn a_member_that_has_left_brings_nothing_back() {
    let hub = Hub::for_one_thread();
    let (one, other) = (join(&hub), join(&hub));
    other.leave();
    other.create(&utf16("a"));
    assert!(!one.has(&utf16("a")));
    other.register(&utf16(""), RequestId::number(1.0), Filters { lists: [true; 3], uris: vec![] });
    assert_eq!(one.notify_elsewhere(TOOLS, || Err("asked for")), Ok(None));
}

#[test]
fn a_key_is_the_same_as_a_number_in_javascript() {
    for _ in 0..1_000 {
        let key = Key::next();
        assert_eq!(Key::from_f64(key.as_f64()), Some(key));
    }
    assert_eq!([0.0, -1.0, f64::NAN].map(Key::from_f64), [None; 3]);
}

#[test]
fn a_session_more_than_there_may_be_is_refused_and_one_that_takes_anothers_place_is_not_one_more() {
    let member = Hub::for_one_thread().join(DEFAULT_MAX_MAILBOX_BYTES, None);
    assert!(member.create_within(&utf16("a"), 2).is_some());
    let older = member.create_within(&utf16("b"), 2).unwrap().key;
    assert_eq!(member.create_within(&utf16("c"), 2), None);
    assert!(!member.has(&utf16("c")));
    assert_eq!(member.create_within(&utf16("b"), 2).unwrap().replaced, Some(older));
    assert_eq!(member.len(), 2);
    member.remove(&utf16("a"));
    assert!(member.create_within(&utf16("c"), 2).is_some());
    assert_eq!(member.len(), 2);
    member.create(&utf16("who counts not"));
    assert_eq!(member.len(), 3);
    assert_eq!(member.forget_all(), 3);
    assert_eq!(member.len(), 0);
}

#[test]
fn threads_that_create_at_once_have_no_more_sessions_than_there_may_be() {
    const THREADS: usize = 4;
    const MOST: usize = 100;
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
                    let created = (0..MOST)
                        .filter(|n| member.create_within(&utf16(&format!("{worker} {n}")), MOST).is_some())
                        .count();
                    end.wait();
                    assert_eq!(member.len(), MOST);
                    end.wait();
                    created
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(created.iter().sum::<usize>(), MOST);
}
