//! Removals of direct sessions: what was sent before arrives, and nothing that is sent afterwards.

use std::thread;

use tmcp_session_manager::hub::Hub;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::direct::Attached;
use tmcp_session_manager::threads::message::{CloseReason, ThreadMessage};

use crate::client::{Connection, create_direct, join, line, send_to_all, utf16, wait_for_writers};

const ID: &str = "removed";

/// Sends to the session in three ways.
fn send(member: &Member, text: &str) {
    let _ = member.send_one(&utf16(ID), || line(text));
    send_to_all(member, &[utf16(ID), utf16("stays")], text);
    member.send_elsewhere(|| line(text)).unwrap();
}

/// Makes a direct session, removes it, and sends before and afterwards.
fn check(remover: usize, remove: impl Fn(&Member)) {
    let hub = Hub::for_one_thread();
    let members = [join(&hub), join(&hub)];
    let [owner, other] = &members;
    let (_, stays) = create_direct(owner, "stays");
    let (_, removed) = create_direct(owner, ID);
    send(owner, "before");
    send(other, "before");
    remove(&members[remover]);
    send(owner, "after");
    send(other, "after");
    assert_eq!(removed.lines(), ["before"; 6]);
    assert_eq!(stays.lines(), [["before"; 4], ["after"; 4]].concat());
}

#[test]
fn a_direct_session_that_is_deleted_gets_nothing_more() {
    check(0, |owner| assert!(owner.remove(&utf16(ID)).is_some()));
    check(1, |other| assert_eq!(other.remove(&utf16(ID)), None));
}

#[test]
fn a_direct_session_that_is_replaced_gets_nothing_more() {
    check(0, |owner| assert!(owner.create(&utf16(ID)).replaced.is_some()));
    check(1, |other| assert_eq!(other.create(&utf16(ID)).replaced, None));
}

#[test]
fn a_direct_session_that_is_forgotten_gets_nothing_more() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let (key, client) = create_direct(&owner, ID);
    send(&other, "before");
    assert!(owner.forget(&utf16(ID), key));
    send(&owner, "after");
    send(&other, "after");
    assert_eq!(client.lines(), ["before"; 3]);
}

#[test]
fn the_direct_sessions_of_a_thread_that_leaves_get_nothing_more() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let (_, stays) = create_direct(&other, "stays");
    let (_, removed) = create_direct(&owner, ID);
    send(&other, "before");
    owner.leave();
    send(&other, "after");
    assert_eq!(removed.lines(), ["before"; 3]);
    assert_eq!(stays.lines(), ["before", "before", "after", "after"]);
}

#[test]
fn the_direct_sessions_of_the_last_thread_of_a_hub_get_nothing_more() {
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    let (_, client) = create_direct(&owner, ID);
    send(&owner, "before");
    owner.leave();
    send(&owner, "after");
    assert_eq!(client.lines(), ["before"; 3]);
}

#[test]
fn the_thread_of_a_direct_session_that_another_thread_removes_closes_its_stream() {
    let hub = Hub::for_one_thread();
    let (owner, other) = (join(&hub), join(&hub));
    let (key, client) = create_direct(&owner, ID);
    other.remove(&utf16(ID));
    assert_eq!(owner.evicted(), [key]);
    assert_eq!(owner.drain().messages, [ThreadMessage::Close { key, reason: CloseReason::Deleted }]);
    drop(client);
}

/// A thread that sees that the session does not exist any more sends a broadcast, which must not reach the client.
#[test]
fn a_broadcast_sent_after_a_thread_has_seen_the_removal_does_not_arrive() {
    const ROUNDS: usize = 500;
    let hub = Hub::for_one_thread();
    let owner = join(&hub);
    for round in 0..ROUNDS {
        let (remover, sender) = (join(&hub), join(&hub));
        let (_, client) = create_direct(&owner, ID);
        thread::scope(|threads| {
            threads.spawn(|| {
                send(&remover, "before");
                if round % 2 == 0 {
                    remover.create(&utf16(ID));
                }
                remover.remove(&utf16(ID));
                remover.send_elsewhere(|| line("after")).unwrap();
            });
            threads.spawn(|| {
                while sender.has(&utf16(ID)) {
                    std::hint::spin_loop();
                }
                sender.send_elsewhere(|| line("after")).unwrap();
            });
        });
        assert_eq!(client.lines(), ["before"; 3]);
        while !owner.drain().is_empty() {}
    }
}

/// The owner makes a session direct while another thread deletes it. Whichever comes first, the client gets what was sent
/// before the deletion.
#[test]
fn a_session_deleted_while_it_becomes_direct_gets_what_was_sent_before() {
    const ROUNDS: usize = 2_000;
    let hub = Hub::for_one_thread();
    let (owner, remover) = (join(&hub), join(&hub));
    let (mut direct, mut catching_up) = (0, 0);
    for round in 0..ROUNDS {
        let mut client = Connection::open();
        let key = owner.create(&utf16(ID)).key;
        thread::scope(|threads| {
            threads.spawn(|| {
                remover.send_one(&utf16(ID), || line("before")).unwrap();
                remover.remove(&utf16(ID));
                remover.send_elsewhere(|| line("after")).unwrap();
            });
            // At different moments of the other thread.
            (0..round % 64).for_each(|_| std::hint::spin_loop());
            match client.attach(&owner, &utf16(ID), key) {
                Attached::Direct => direct += 1,
                Attached::CatchingUp => catching_up += 1,
                Attached::No => {}
            }
        });
        loop {
            let messages = owner.drain().messages;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                match message {
                    ThreadMessage::Unicast { text, .. } => {
                        wait_for_writers();
                        client.write(&text);
                    }
                    ThreadMessage::CaughtUp { .. } => client.caught_up(),
                    _ => {}
                }
            }
        }
        owner.mark_closed(key);
        assert_eq!(client.lines(), ["before"]);
    }
    assert!(direct > 0, "{direct} of {ROUNDS} sessions were direct, {catching_up} were catching up");
}
