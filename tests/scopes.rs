//! The hubs that threads find by name: one for each name, for as long as anybody has a seat in it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, RwLock};
use std::thread;

use tmcp_session_manager::member::Member;
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;
use tmcp_session_manager::subscriptions::{Filters, RequestId};

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn scope(name: &str) -> Scope {
    Scope::Named(utf16(name).into())
}

fn join(name: &str) -> Member {
    scope(name).join(1_000, None)
}

fn register(member: &Member) -> Option<Key> {
    member.register(&utf16("origin"), RequestId::number(1.0), Filters::default())
}

#[test]
fn members_of_one_scope_share_a_hub_whichever_thread_they_are_in() {
    let one = join("shared");
    one.create(&utf16("a"));
    assert!(register(&one).is_some());
    thread::spawn(|| {
        let other = join("shared");
        assert_eq!(other.signs().others_have_sessions.load(Ordering::Relaxed), 1);
        assert!(other.has(&utf16("a")));
        assert!(register(&other).is_none(), "the name is taken");
    })
    .join()
    .unwrap();
}

#[test]
fn members_of_different_scopes_know_nothing_of_each_other() {
    let names = ["", "one", "One", "one ", "\u{fffd}"].map(|name| name.encode_utf16().collect());
    let lone_surrogates = [[0xd800].into(), [0xd801].into()];
    let scopes = names.into_iter().chain(lone_surrogates).map(Scope::Named);
    let members: Vec<Member> = scopes.map(|scope| scope.join(1_000, None)).collect();
    for member in &members {
        assert!(member.is_empty());
        member.create(&utf16("a"));
        assert!(register(member).is_some());
    }
    for member in &members {
        assert_eq!(member.signs().others_have_sessions.load(Ordering::Relaxed), 0);
        member.remove(&utf16("a"));
    }
    assert!(members.iter().all(|member| member.drain().is_nothing()));
}

#[test]
fn a_scope_is_there_until_its_last_member_leaves_and_is_then_made_anew() {
    let first = join("anew");
    let second = join("anew");
    first.create(&utf16("first"));
    second.create(&utf16("second"));
    first.leave();
    let third = join("anew");
    assert!(third.has(&utf16("second")) && !third.has(&utf16("first")));
    second.leave();
    third.create(&utf16("third"));
    assert!(first.has(&utf16("third")), "who has left still looks at the same hub");
    third.leave();

    let fourth = join("anew");
    assert!(fourth.is_empty());
    fourth.create(&utf16("fourth"));
    assert!(!first.has(&utf16("fourth")), "and not at the new one");
    // It has left before, and leaves again.
    drop((first, second, third));
    assert!(fourth.has(&utf16("fourth")));
    assert!(join("anew").has(&utf16("fourth")));
}

#[test]
fn those_who_join_while_the_last_one_leaves_find_each_other() {
    const TIMES: usize = 3_000;
    // No thread fails by itself: the others would wait for it.
    let (step, missed) = (Barrier::new(3), AtomicUsize::new(0));
    thread::scope(|threads| {
        for thread in 0..3 {
            let (step, missed) = (&step, &missed);
            threads.spawn(move || {
                let id = thread.to_string();
                let mut member = None;
                for time in 0..TIMES {
                    // One has been there since last time; the others come while it goes.
                    step.wait();
                    if member.take().is_none() {
                        let joined = join("last");
                        joined.create(&utf16(&id));
                        member = Some(joined);
                    }
                    step.wait();
                    let expected = if time == 0 { 3 } else { 2 };
                    if member.as_ref().is_some_and(|member| member.len() != expected) {
                        missed.fetch_add(1, Ordering::Relaxed);
                    }
                    // The next one to stay.
                    step.wait();
                    member = member.filter(|_| thread == time % 3);
                    step.wait();
                }
            });
        }
    });
    assert_eq!(missed.into_inner(), 0);
    assert!(join("last").is_empty());
}

#[test]
fn all_know_whether_others_have_sessions_when_two_come_and_go_at_once() {
    const TIMES: usize = 20_000;
    let looker_on = join("flags");
    // A barrier lets one thread go after the other; these are to be as close as can be.
    let met = AtomicUsize::new(0);
    let meet = |time: usize| {
        met.fetch_add(1, Ordering::AcqRel);
        while met.load(Ordering::Acquire) < 2 * time {
            thread::yield_now();
        }
    };
    let wrong = AtomicUsize::new(0);
    thread::scope(|threads| {
        for thread in 0..2 {
            let (looker_on, meet, wrong) = (&looker_on, &meet, &wrong);
            threads.spawn(move || {
                let (member, id) = (join("flags"), utf16(&thread.to_string()));
                for time in 0..TIMES {
                    meet(4 * time + 1);
                    // One comes while the other goes.
                    if time % 2 == thread {
                        member.create(&id);
                    } else {
                        member.remove(&id);
                    }
                    meet(4 * time + 2);
                    let others = looker_on.signs().others_have_sessions.load(Ordering::Relaxed);
                    wrong.fetch_add(usize::from(others != 1), Ordering::Relaxed);
                    meet(4 * time + 3);
                    meet(4 * time + 4);
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0);
}

/// Whoever has a session says so before it leaves; whoever joins in between must see it.
#[test]
fn a_session_is_seen_by_all_who_join_while_its_member_is_there() {
    const THREADS: usize = 4;
    const TIMES: usize = 3_000;
    let there: RwLock<BTreeSet<String>> = RwLock::default();
    let (begin, seen) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|threads| {
        for thread in 0..THREADS {
            let (there, begin, seen) = (&there, &begin, &seen);
            threads.spawn(move || {
                begin.wait();
                for time in 0..TIMES {
                    let id = format!("{thread} {time}");
                    let member = join("busy");
                    member.create(&utf16(&id));
                    {
                        // Nobody leaves as long as this is looked at.
                        let there = there.read().unwrap();
                        let others = member.signs().others_have_sessions.load(Ordering::Relaxed);
                        assert!(there.is_empty() || others == 1);
                        assert!(there.iter().all(|other| member.has(&utf16(other))), "{there:?}");
                        seen.fetch_add(there.len(), Ordering::Relaxed);
                    }
                    there.write().unwrap().insert(id.clone());
                    thread::yield_now();
                    there.write().unwrap().remove(&id);
                    drop(member);
                }
            });
        }
    });
    assert!(seen.into_inner() > 0, "some were there together");
    let last = join("busy");
    assert!(last.is_empty());
    assert_eq!(last.signs().others_have_sessions.load(Ordering::Relaxed), 0);
}
