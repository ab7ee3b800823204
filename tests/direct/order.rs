//! Threads send without a pause while sessions become direct, are deleted and are replaced. Each client receives the messages
//! of each thread without a gap, without a duplicate, and in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tmcp_session_manager::hub::Hub;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::message::ThreadMessage;

use crate::client::{Connection, join, line, send_to_all, utf16};

const ROUNDS: u64 = 20;
const SENDERS: usize = 3;
const MESSAGES: usize = 150;
const SESSIONS: usize = 6;
/// The sender that is the owner of the sessions.
const OWNER: usize = SENDERS;

fn ids() -> Vec<Vec<u16>> {
    (0..SESSIONS).map(|number| utf16(&format!("session {number}"))).collect()
}

/// Sends a message to all sessions, in one of three ways. Returns the keys of sessions to deliver to, or `None` for all.
fn send(member: &Member, ids: &[Vec<u16>], way: usize, text: &str) -> Option<Vec<Key>> {
    match way % 3 {
        0 => Some(ids.iter().filter_map(|id| member.send_one(id, || line(text)).unwrap()).collect()),
        1 => Some(send_to_all(member, ids, text)),
        _ => {
            member.send_elsewhere(|| line(text)).unwrap();
            None
        }
    }
}

struct Session {
    id: Vec<u16>,
    connection: Connection,
}

/// The thread that has the sessions.
struct Owner {
    member: Member,
    sessions: BTreeMap<Key, Session>,
    /// Connections of sessions that were deleted or replaced.
    ended: Vec<Connection>,
    random: fastrand::Rng,
}

impl Owner {
    fn create(&mut self, id: &[u16]) {
        let created = self.member.create(id);
        self.sessions.insert(created.key, Session { id: id.into(), connection: Connection::open() });
        created.replaced.inspect(|key| self.end(*key));
    }

    fn end(&mut self, key: Key) {
        self.ended.extend(self.sessions.remove(&key).map(|session| session.connection));
    }

    /// Delivers to those sessions that are not direct.
    fn deliver(&mut self, keys: impl IntoIterator<Item = Key>, text: &[u8]) {
        for key in keys {
            if let Some(session) = self.sessions.get_mut(&key) {
                session.connection.write(text);
            }
        }
    }

    fn ordinary(&self) -> Vec<Key> {
        let ordinary = self.sessions.iter().filter(|(_, session)| !session.connection.is_direct());
        ordinary.map(|(key, _)| *key).collect()
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_empty() {
                return;
            }
            for message in drained.messages {
                match message {
                    ThreadMessage::Unicast { key, text } => self.deliver([key], &text),
                    ThreadMessage::Multicast { keys, text } => self.deliver(keys, &text),
                    ThreadMessage::Broadcast { until, text } => {
                        self.deliver(self.ordinary().into_iter().filter(|key| *key <= until), &text);
                    }
                    ThreadMessage::Close { key, .. } => {
                        self.end(key);
                        self.member.mark_closed(key);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn send(&mut self, ids: &[Vec<u16>], number: usize) {
        let text = format!("{OWNER} {number}");
        let keys = send(&self.member, ids, number, &text).unwrap_or_else(|| {
            let evicted = self.member.evicted();
            self.ordinary().into_iter().filter(|key| !evicted.contains(key)).collect()
        });
        self.deliver(keys, format!("{text}\n").as_bytes());
    }

    /// Tries to make one of the sessions direct. Returns true when it is now.
    fn attach_one(&mut self) -> bool {
        let ordinary = self.ordinary();
        let Some(key) = self.random.choice(ordinary) else { return false };
        let Session { id, connection } = self.sessions.get_mut(&key).expect("one of the sessions");
        connection.attach(&self.member, id, key)
    }
}

/// Checks what a client received, and returns the last number of each sender.
fn check(lines: &[String]) -> [Option<usize>; SENDERS + 1] {
    let mut last = [None; SENDERS + 1];
    for line in lines {
        let (sender, number) = line.split_once(' ').expect("a whole message");
        let (sender, number): (usize, usize) = (sender.parse().unwrap(), number.parse().unwrap());
        if let Some(last) = last[sender] {
            assert_eq!(number, last + 1, "of sender {sender}: {lines:?}");
        }
        last[sender] = Some(number);
    }
    last
}

/// Runs a round. Returns the number of sessions that became direct while others sent.
fn round(seed: u64, with_removals: bool) -> usize {
    let hub = Hub::for_one_thread();
    let ids = ids();
    let mut owner = Owner {
        member: join(&hub),
        sessions: BTreeMap::new(),
        ended: Vec::new(),
        random: fastrand::Rng::with_seed(seed),
    };
    // The other sessions are created later.
    ids.iter().take(SESSIONS / 2).for_each(|id| owner.create(id));
    let finished = AtomicUsize::new(0);
    let mut became_direct = 0;
    thread::scope(|threads| {
        for sender in 0..SENDERS {
            let (hub, ids, finished) = (Arc::clone(&hub), &ids, &finished);
            let mut random = fastrand::Rng::with_seed(seed * 100 + sender as u64);
            threads.spawn(move || {
                let member = join(&hub);
                for number in 0..MESSAGES {
                    send(&member, ids, number, &format!("{sender} {number}"));
                    if with_removals && random.usize(..40) == 0 {
                        member.remove(random.choice(ids).expect("an id"));
                    }
                    // So that the owner sometimes finds its mailbox empty.
                    if random.usize(..4) == 0 {
                        thread::yield_now();
                    }
                }
                finished.fetch_add(1, Ordering::Release);
            });
        }
        let mut number = 0;
        while finished.load(Ordering::Acquire) < SENDERS {
            owner.drain();
            became_direct += usize::from(owner.attach_one());
            if number < MESSAGES {
                owner.send(&ids, number);
                number += 1;
            }
            if owner.random.usize(..10) == 0 {
                let id = owner.random.choice(&ids).expect("an id");
                if with_removals || !owner.member.has(id) {
                    owner.create(id);
                }
            }
        }
        while number < MESSAGES {
            owner.send(&ids, number);
            number += 1;
        }
    });
    owner.drain();
    for (key, session) in owner.sessions {
        let last = check(&session.connection.lines());
        // Sessions that were created when a sender had already finished have nothing of it.
        let all_or_none = last.iter().all(|last| last.is_none_or(|last| last == MESSAGES - 1));
        assert!(all_or_none, "{key:?} got {last:?}");
    }
    for connection in owner.ended {
        check(&connection.lines());
    }
    became_direct
}

#[test]
fn a_session_gets_the_messages_of_each_thread_in_order_while_it_becomes_direct() {
    let became_direct: usize = (0..ROUNDS).map(|seed| round(seed, false)).sum();
    assert!(became_direct > 0);
}

#[test]
fn sessions_that_are_deleted_and_replaced_meanwhile_get_no_gap_and_no_duplicate() {
    let became_direct: usize = (0..ROUNDS).map(|seed| round(seed, true)).sum();
    assert!(became_direct > 0);
}
