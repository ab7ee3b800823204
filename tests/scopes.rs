//! Scopes: there is one hub for each name, as long as it has members.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, RwLock};
use std::thread;

use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::registry::subscriptions::{Filters, RequestId};

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
fn members_of_one_scope_share_a_hub_across_threads() {
    let one = join("shared");
    one.create(&utf16("a"));
    assert!(register(&one).is_some());
    thread::spawn(|| {
        let other = join("shared");
        assert_eq!(other.flags().others_have_sessions.load(Ordering::Relaxed), 1);
        assert!(other.has(&utf16("a")));
        assert!(register(&other).is_none(), "another member has this registration");
    })
    .join()
    .unwrap();
}

#[test]
fn members_of_different_scopes_share_nothing() {
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
        assert_eq!(member.flags().others_have_sessions.load(Ordering::Relaxed), 0);
        member.remove(&utf16("a"));
    }
    assert!(members.iter().all(|member| member.drain().is_empty()));
}

#[test]
fn a_hub_lasts_until_its_last_member_leaves_and_then_a_new_one_is_made() {
    let first = join("again");
    let second = join("again");
    first.create(&utf16("first"));
    second.create(&utf16("second"));
    first.leave();
    let third = join("again");
    assert!(third.has(&utf16("second")) && !third.has(&utf16("first")));
    second.leave();
    third.create(&utf16("third"));
    assert!(first.has(&utf16("third")), "a member that has left still sees its old hub");
    third.leave();

    let fourth = join("again");
    assert!(fourth.is_empty());
    fourth.create(&utf16("fourth"));
    assert!(!first.has(&utf16("fourth")), "and not the new one");
    // They have left already. Dropping them must not affect the new hub.
    drop((first, second, third));
    assert!(fourth.has(&utf16("fourth")));
    assert!(join("again").has(&utf16("fourth")));
}

#[test]
fn a_hub_takes_no_new_members_when_all_of_its_members_are_about_to_leave() {
    let [first, second] = [(); 2].map(|()| join("retiring"));
    first.create(&utf16("a"));
    first.leave_backplane();
    let third = join("retiring");
    assert!(third.has(&utf16("a")), "the second member stays");
    second.leave_backplane();
    third.leave_backplane();
    let fourth = join("retiring");
    assert!(fourth.is_empty());
    assert!(third.has(&utf16("a")), "the old hub lasts until its members leave");
    drop((first, second, third));
    fourth.create(&utf16("b"));
    assert!(join("retiring").has(&utf16("b")));
}

#[test]
fn members_that_join_while_the_last_one_leaves_share_a_hub() {
    const TIMES: usize = 3_000;
    // Counted and asserted at the end: if one thread panicked, the others would wait forever.
    let (step, missed) = (Barrier::new(3), AtomicUsize::new(0));
    thread::scope(|threads| {
        for thread in 0..3 {
            let (step, missed) = (&step, &missed);
            threads.spawn(move || {
                let id = thread.to_string();
                let mut member = None;
                for time in 0..TIMES {
                    // One member is left from the last time. The others join while it leaves.
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
                    // The member that stays for the next time.
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
fn flags_are_right_when_one_session_is_created_while_another_is_removed() {
    const TIMES: usize = 20_000;
    let observer = join("flags");
    // Not a barrier, which releases one thread after the other: these should run as close together as possible.
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
            let (observer, meet, wrong) = (&observer, &meet, &wrong);
            threads.spawn(move || {
                let (member, id) = (join("flags"), utf16(&thread.to_string()));
                for time in 0..TIMES {
                    meet(4 * time + 1);
                    // One session is created while the other is removed.
                    if time % 2 == thread {
                        member.create(&id);
                    } else {
                        member.remove(&id);
                    }
                    meet(4 * time + 2);
                    let others = observer.flags().others_have_sessions.load(Ordering::Relaxed);
                    wrong.fetch_add(usize::from(others != 1), Ordering::Relaxed);
                    meet(4 * time + 3);
                    meet(4 * time + 4);
                }
            });
        }
    });
    assert_eq!(wrong.into_inner(), 0);
}

/// A thread lists its session in `present` before it leaves. A thread that joins meanwhile must see the session.
#[test]
fn members_that_join_see_every_session_of_present_members() {
    const THREADS: usize = 4;
    const TIMES: usize = 3_000;
    let present: RwLock<BTreeSet<String>> = RwLock::default();
    let (begin, seen) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|threads| {
        for thread in 0..THREADS {
            let (present, begin, seen) = (&present, &begin, &seen);
            threads.spawn(move || {
                begin.wait();
                for time in 0..TIMES {
                    let id = format!("{thread} {time}");
                    let member = join("busy");
                    member.create(&utf16(&id));
                    {
                        // While this lock is held, no listed member leaves.
                        let present = present.read().unwrap();
                        let others = member.flags().others_have_sessions.load(Ordering::Relaxed);
                        assert!(present.is_empty() || others == 1);
                        assert!(present.iter().all(|other| member.has(&utf16(other))), "{present:?}");
                        seen.fetch_add(present.len(), Ordering::Relaxed);
                    }
                    present.write().unwrap().insert(id.clone());
                    thread::yield_now();
                    present.write().unwrap().remove(&id);
                    drop(member);
                }
            });
        }
    });
    assert!(seen.into_inner() > 0, "some members were present together");
    let last = join("busy");
    assert!(last.is_empty());
    assert_eq!(last.flags().others_have_sessions.load(Ordering::Relaxed), 0);
}
