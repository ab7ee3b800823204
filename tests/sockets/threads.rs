//! Several threads send, pause, mute and release at once. Each client receives the messages of each thread in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tmcp_session_manager::sockets::client::GroupId;
use tmcp_session_manager::sockets::owner::Event;

use crate::support::{SETTINGS, TestClient, WRITERS, frame, read_slowly, small_pair, small_tcp_pair};

const SENDERS: usize = 3;
const CLIENTS: usize = 8;
const MESSAGES: usize = 3_000;
/// Clients with numbers from here on leave early.
const LEAVERS: usize = 6;

/// A message: its sender, its number among all messages of the sender, and whom it is for.
fn message(sender: usize, number: usize, to: &str) -> Vec<u8> {
    format!("{sender} {number} {to} {}\n", "x".repeat(number % 300)).into_bytes()
}

/// Returns true when a sender's message goes to all clients.
fn is_broadcast(number: usize) -> bool {
    number.is_multiple_of(3)
}

#[test]
fn a_client_gets_the_messages_of_each_thread_in_order_whatever_other_threads_do() {
    let group = GroupId::next();
    let mut readers = Vec::new();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| {
            if index % 2 == 0 {
                let (server, reader) = small_pair();
                readers.push(read_slowly(reader));
                TestClient::add(server, group, SETTINGS)
            } else {
                let (server, reader) = small_tcp_pair();
                readers.push(read_slowly(reader));
                TestClient::add(server, group, SETTINGS)
            }
        })
        .collect();
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let clients = &clients;
                scope.spawn(move || {
                    for number in 0..MESSAGES {
                        if is_broadcast(number) {
                            WRITERS.broadcast(group, &frame(&message(sender, number, "all")));
                        } else {
                            let to = number % CLIENTS;
                            clients[to].send(&message(sender, number, &to.to_string()));
                        }
                    }
                })
            })
            .collect();
        // The owner pauses and resumes, always one pause at a time.
        let owner = scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(1);
            while !has_ended.load(Ordering::SeqCst) {
                let client = &clients[random.usize(..LEAVERS)];
                WRITERS.pause(client.key);
                assert!(matches!(client.owner.next(), Event::Paused { .. }));
                let sent = client.meter.sent();
                thread::yield_now();
                assert_eq!(client.meter.sent(), sent, "nothing is sent during a pause");
                WRITERS.resume(client.key);
            }
        });
        let leavers: Vec<_> = clients[LEAVERS..]
            .iter()
            .enumerate()
            .map(|(index, client)| {
                scope.spawn(move || {
                    while client.counters.messages() < 500 {
                        thread::yield_now();
                    }
                    match index {
                        0 => WRITERS.mute(client.key),
                        _ => assert!(client.release().is_empty()),
                    }
                })
            })
            .collect();
        for thread in senders.into_iter().chain(leavers) {
            thread.join().unwrap();
        }
        has_ended.store(true, Ordering::SeqCst);
        owner.join().unwrap();
    });
    let released = LEAVERS + 1;
    for (index, (client, reader)) in clients.iter().zip(readers).enumerate() {
        if index != released {
            assert!(client.release().is_empty());
        }
        let received = String::from_utf8(reader.join().unwrap()).unwrap();
        assert_eq!(client.meter.sent(), received.len() as u64);
        check(index, &received);
    }
}

/// Checks that a client has received, of each sender, all its messages in order, or the first of them if it left early.
fn check(index: usize, received: &str) {
    let mut by_sender = BTreeMap::<usize, Vec<usize>>::new();
    for line in received.lines() {
        let mut words = line.split(' ');
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        let (sender, number) = (number(), number());
        let to = if is_broadcast(number) { "all".to_owned() } else { index.to_string() };
        assert_eq!(format!("{line}\n").as_bytes(), message(sender, number, &to));
        by_sender.entry(sender).or_default().push(number);
    }
    for sender in 0..SENDERS {
        let numbers = by_sender.remove(&sender).unwrap_or_default();
        let all = (0..MESSAGES).filter(|number| is_broadcast(*number) || number % CLIENTS == index);
        if index < LEAVERS {
            assert!(all.eq(numbers), "client {index} lost messages");
        } else {
            let count = numbers.len();
            assert!(all.take(count).eq(numbers), "client {index} lost messages before the last one");
        }
    }
    assert!(by_sender.is_empty());
}
