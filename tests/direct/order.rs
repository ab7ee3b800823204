//! Threads send without a pause while sessions become direct, are deleted and are replaced. Each client receives the messages
//! of each thread without a gap, without a duplicate, and in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tmcp_session_manager::hub::Hub;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::direct::Attached;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::message::ThreadMessage;

use crate::client::{Connection, join, line, send_to_all, utf16};

const ROUNDS: u64 = 40;
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
    /// Connections of sessions that were deleted or replaced. Those that are catching up still get what was posted before.
    ended: BTreeMap<Key, Connection>,
    random: fastrand::Rng,
}

impl Owner {
    fn create(&mut self, id: &[u16]) {
        let created = self.member.create(id);
        self.sessions.insert(created.key, Session { id: id.into(), connection: Connection::open() });
        created.replaced.inspect(|key| self.end(*key));
    }

    fn end(&mut self, key: Key) {
        self.ended.extend(self.sessions.remove(&key).map(|session| (key, session.connection)));
    }

    fn connection(&mut self, key: Key) -> Option<&mut Connection> {
        match self.sessions.get_mut(&key) {
            Some(session) => Some(&mut session.connection),
            None => self.ended.get_mut(&key).filter(|connection| connection.is_catching_up()),
        }
    }

    fn deliver(&mut self, keys: impl IntoIterator<Item = Key>, text: &[u8]) {
        for key in keys {
            // A message sent at the same time as the session is removed can still be posted for it, and is lost. The checks at
            // the end of a round show any other loss.
            if let Some(connection) =
                self.connection(key).filter(|connection| connection.takes_from_mailbox())
            {
                connection.write(text);
            }
        }
    }

    fn ordinary(&self) -> Vec<Key> {
        let ordinary = self.sessions.iter().filter(|(_, session)| !session.connection.is_direct());
        ordinary.map(|(key, _)| *key).collect()
    }

    /// Returns the sessions that get a broadcast that was posted to this thread.
    fn receivers(&self, until: Key) -> Vec<Key> {
        let sessions = self.sessions.iter().map(|(key, session)| (*key, &session.connection));
        let ended = self.ended.iter().map(|(key, connection)| (*key, connection));
        let receivers =
            sessions.filter(|(_, connection)| !connection.is_direct() || connection.is_catching_up());
        let catching_up = ended.filter(|(_, connection)| connection.is_catching_up());
        receivers.chain(catching_up).map(|(key, _)| key).filter(|key| *key <= until).collect()
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_empty() {
                return;
            }
            for message in drained.messages {
                match message {
                    ThreadMessage::CaughtUp { key } => {
                        self.connection(key).expect("a session that is catching up").caught_up()
                    }
                    ThreadMessage::Unicast { key, text } => self.deliver([key], &text),
                    ThreadMessage::Multicast { keys, text } => self.deliver(keys, &text),
                    ThreadMessage::Broadcast { until, text } => {
                        self.deliver(self.receivers(until), &text);
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

    /// Tries to make one of the sessions direct.
    fn attach_one(&mut self) -> Attached {
        let ordinary = self.ordinary();
        let Some(key) = self.random.choice(ordinary) else { return Attached::No };
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

/// Runs a round. Returns how many sessions became direct in each way while others sent.
fn round(seed: u64, with_removals: bool) -> [usize; 2] {
    let hub = Hub::for_one_thread();
    let ids = ids();
    let mut owner = Owner {
        member: join(&hub),
        sessions: BTreeMap::new(),
        ended: BTreeMap::new(),
        random: fastrand::Rng::with_seed(seed),
    };
    // The other sessions are created later.
    ids.iter().take(SESSIONS / 2).for_each(|id| owner.create(id));
    let finished = AtomicUsize::new(0);
    let mut became_direct = [0, 0];
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
            // Sometimes with messages in the mailbox.
            if owner.random.bool() {
                owner.drain();
            }
            match owner.attach_one() {
                Attached::Direct => became_direct[0] += 1,
                Attached::CatchingUp => became_direct[1] += 1,
                Attached::No => {}
            }
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
    for connection in owner.ended.into_values() {
        check(&connection.lines());
    }
    became_direct
}

fn rounds(with_removals: bool) {
    let mut became_direct = [0, 0];
    for seed in 0..ROUNDS {
        let of_round = round(seed, with_removals);
        became_direct.iter_mut().zip(of_round).for_each(|(sum, number)| *sum += number);
    }
    assert!(became_direct.iter().all(|number| *number > 0), "at once and catching up: {became_direct:?}");
}

#[test]
fn a_session_gets_the_messages_of_each_thread_in_order_while_it_becomes_direct() {
    rounds(false);
}

#[test]
fn sessions_that_are_deleted_and_replaced_meanwhile_get_no_gap_and_no_duplicate() {
    rounds(true);
}
