//! Pauses, during which Node itself writes to the socket.

use std::io::{Read, Write};

use tmcp_session_manager::sockets::client::GroupId;
use tmcp_session_manager::sockets::owner::Event;

use crate::support::{
    SETTINGS, TestClient, WRITERS, fill, frame, pair, read_all, read_slowly, settle, settle_flushes,
    small_pair,
};

#[test]
fn what_node_writes_during_a_pause_is_between_the_messages_before_and_after_it() {
    let group = GroupId::next();
    let (mut server, reader) = pair();
    let client = TestClient::add(server.try_clone().unwrap(), group, SETTINGS);
    // The kernel's buffer has room for all of it.
    for _ in 0..20 {
        client.send(b"before ");
        WRITERS.pause(client.key);
        WRITERS.broadcast(group, &frame(b"after "));
        client.send(b"and after ");
        assert!(matches!(client.owner.next(), Event::Paused { key } if key == client.key));
        server.write_all(b"during ").unwrap();
        settle();
        assert_eq!(client.meter.queued(), "after and after ".len());
        WRITERS.resume(client.key);
    }
    assert!(client.release().is_empty());
    drop(server);
    assert_eq!(read_all(reader), b"before during after and after ".repeat(20));
}

#[test]
fn a_pause_is_answered_when_the_kernel_has_everything_that_was_queued_before() {
    let (server, mut reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    let before = fill(&client);
    WRITERS.pause(client.key);
    client.send(b"after");
    settle();
    assert!(client.owner.rest().is_empty());
    let mut received = vec![0; before.len()];
    reader.read_exact(&mut received).unwrap();
    assert_eq!(received, before);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    assert_eq!(client.meter.sent(), before.len() as u64);
    reader.set_nonblocking(true).unwrap();
    assert!(reader.read(&mut received).is_err(), "nothing is sent during the pause");
    client.release();
    reader.set_nonblocking(false).unwrap();
    assert_eq!(read_all(reader), b"after");
}

#[test]
fn a_pause_without_queued_messages_is_answered_at_once() {
    let (server, _reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    WRITERS.close(client.key);
}

#[test]
fn each_pause_has_one_answer() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    fill(&client);
    // Two pauses that wait, and one that is resumed before it ends.
    WRITERS.pause(client.key);
    WRITERS.pause(client.key);
    settle();
    assert!(client.owner.rest().is_empty());
    WRITERS.resume(client.key);
    settle();
    assert_eq!(client.owner.rest().len(), 2);
    WRITERS.pause(client.key);
    let reader = read_slowly(reader);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    assert!(client.release().is_empty());
    reader.join().unwrap();
}

#[test]
fn a_resume_without_a_pause_changes_nothing() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    client.send(b"a");
    WRITERS.resume(client.key);
    client.send(b"b");
    assert!(client.release().is_empty());
    assert_eq!(read_all(reader), b"ab");
}

#[test]
fn a_client_that_is_released_during_a_pause_sends_what_was_held() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    client.send(b"held");
    assert!(client.release().is_empty());
    assert_eq!(read_all(reader), b"held");
}

#[test]
fn discarded_messages_are_not_sent_and_a_message_that_is_partly_sent_is() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    // Larger than the buffers of the kernel, so it is partly sent.
    let partly_sent = vec![1; 1_000_000];
    client.send(&partly_sent);
    client.send(&[2; 1_000]);
    WRITERS.pause(client.key);
    client.send(&[3; 1_000]);
    WRITERS.discard(client.key);
    settle();
    assert!(client.meter.sent() > 0);
    assert_eq!(client.meter.queued() as u64 + client.meter.sent(), partly_sent.len() as u64);
    client.send(&[4; 1_000]);
    let reader = read_slowly(reader);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    client.release();
    assert_eq!(reader.join().unwrap(), [partly_sent, vec![4; 1_000]].concat());
}

#[test]
fn a_pause_ends_when_the_messages_before_it_are_discarded() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    // The kernel's buffer is exactly full, so that the next message is not partly sent.
    let mut sent = 0;
    while client.meter.queued() == 0 {
        client.send(b"x");
        sent += 1;
        settle_flushes(&client);
        assert!(sent < 1_000_000);
    }
    WRITERS.pause(client.key);
    settle();
    assert!(client.owner.rest().is_empty());
    WRITERS.discard(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    client.release();
    assert_eq!(read_all(reader).len(), sent - 1);
}
