//! Slow clients, keep-alive comments, dead clients.

use std::io::{ErrorKind, Read};
use std::thread;
use std::time::{Duration, Instant};

use tmcp_session_manager::sockets::client::GroupId;
use tmcp_session_manager::sockets::frame::Framing;
use tmcp_session_manager::sockets::owner::Event;
use tmcp_session_manager::sockets::settings::{ClientSettings, KeepAlive, WhenSlow};

use crate::support::{
    SETTINGS, TestClient, WRITERS, fill, frame, pair, read_all, read_slowly, settle, small_pair,
};

const LIMIT: usize = 10_000;
const COMMENT: &[u8] = b": keepalive\n\n";

fn limited(when_slow: WhenSlow) -> ClientSettings {
    ClientSettings { max_queued_bytes: LIMIT, when_slow, ..SETTINGS }
}

#[test]
fn a_client_is_slow_when_a_message_exceeds_the_limit_by_one_byte() {
    for extra in [0, 1] {
        let group = GroupId::next();
        let (server, reader) = small_pair();
        let client = TestClient::add(server, group, limited(WhenSlow::Close));
        let mut expected = fill(&client);
        let last = vec![9; LIMIT - client.meter.queued() + extra];
        client.send(&last);
        settle();
        if extra == 0 {
            assert!(client.owner.rest().is_empty());
            assert_eq!(client.meter.queued(), LIMIT);
            expected.extend(last);
        } else {
            assert!(matches!(client.owner.next(), Event::Slow { key } if key == client.key));
            // It gets what is queued, and no more messages.
            client.send(b"x");
            WRITERS.broadcast(group, &frame(b"x"));
        }
        let reader = read_slowly(reader);
        assert!(client.release().is_empty());
        assert_eq!(reader.join().unwrap(), expected);
    }
}

#[test]
fn the_limit_counts_the_bytes_of_the_framing() {
    let settings = ClientSettings { framing: Framing::Chunked, ..limited(WhenSlow::Close) };
    let (server, _reader) = pair();
    let client = TestClient::add(server, GroupId::next(), settings);
    WRITERS.pause(client.key);
    // `1\r\na\r\n` has 6 bytes.
    client.send(b"a");
    client.send(&[b'b'; LIMIT - 6 - "270e\r\n\r\n".len()]);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    settle();
    assert!(client.owner.rest().is_empty());
    assert_eq!(client.meter.queued(), LIMIT);
    client.send(b"c");
    assert!(matches!(client.owner.next(), Event::Slow { .. }));
    WRITERS.close(client.key);
}

#[test]
fn a_message_to_an_empty_queue_is_always_accepted() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), limited(WhenSlow::Close));
    let large = vec![1; LIMIT * 10];
    client.send(&large);
    let reader = read_slowly(reader);
    assert!(client.release().is_empty());
    assert_eq!(reader.join().unwrap(), large);
}

#[test]
fn a_burst_that_the_kernel_takes_makes_no_client_slow() {
    let (server, reader) = small_pair();
    let reader = read_slowly(reader);
    let client = TestClient::add(server, GroupId::next(), limited(WhenSlow::Close));
    for _ in 0..1_000 {
        // Each message needs the room that the writer makes by a flush.
        while client.meter.queued() > 0 {
            thread::yield_now();
        }
        client.send(&[1; LIMIT]);
        settle();
    }
    assert!(client.release().is_empty());
    assert_eq!(reader.join().unwrap().len(), 1_000 * LIMIT);
}

#[test]
fn messages_in_one_burst_count_only_what_the_kernel_does_not_take() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), limited(WhenSlow::Close));
    // The kernel's buffer has room for all of them, and the limit for two.
    for _ in 0..20 {
        client.send(&[1; LIMIT / 2]);
    }
    assert!(client.release().is_empty());
    assert_eq!(read_all(reader).len(), 10 * LIMIT);
}

#[test]
fn the_limit_does_not_apply_to_messages_that_are_on_hold_until_the_hold_ends() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), limited(WhenSlow::Close));
    WRITERS.hold(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    (0..10).for_each(|_| client.send(&[1; LIMIT]));
    settle();
    assert_eq!(client.meter.queued(), 10 * LIMIT);
    assert!(client.owner.rest().is_empty());
    // The kernel's buffer has room for all of it.
    WRITERS.resume(client.key);
    settle();
    assert_eq!(client.meter.queued(), 0);
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    client.send(&[2; LIMIT]);
    client.send(&[2]);
    assert!(matches!(client.owner.next(), Event::Slow { .. }));
    assert!(client.release().is_empty());
    assert_eq!(read_all(reader), [vec![1; 10 * LIMIT], vec![2; LIMIT]].concat());
}

#[test]
fn messages_that_are_held_count_against_the_limit() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), limited(WhenSlow::Close));
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    client.send(&[1; LIMIT]);
    client.send(&[2; 1]);
    assert!(matches!(client.owner.next(), Event::Slow { .. }));
    client.release();
    assert_eq!(read_all(reader), [1; LIMIT]);
}

#[test]
fn dropped_messages_are_counted_and_reported_once_until_the_owner_has_read_the_report() {
    let group = GroupId::next();
    let (server, reader) = small_pair();
    let client = TestClient::add(server, group, limited(WhenSlow::Drop));
    let mut expected = fill(&client);
    let accepted = client.counters.messages();
    let full = vec![9; LIMIT - client.meter.queued()];
    client.send(&full);
    expected.extend(&full);
    for _ in 0..10 {
        client.send(b"12345");
        WRITERS.broadcast(group, &frame(b"123"));
    }
    settle();
    let events = client.owner.rest();
    let [Event::Dropped { key, bytes }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*key, bytes.take(), bytes.take()), (client.key, 80, 0));
    client.send(b"12");
    settle();
    let events = client.owner.rest();
    assert!(matches!(&events[..], [Event::Dropped { bytes, .. }] if bytes.take() == 2), "{events:?}");
    assert_eq!((client.counters.messages(), client.counters.dropped()), (accepted + 1, 21));
    assert_eq!(client.counters.bytes(), expected.len() as u64);
    // When there is room again, the client gets messages.
    let reader = read_slowly(reader);
    while client.meter.queued() > 0 {
        thread::yield_now();
    }
    client.send(b"again");
    expected.extend(b"again");
    assert!(client.release().is_empty());
    assert_eq!(reader.join().unwrap(), expected);
}

fn keep_alive(every: Duration, dead_after: u32) -> ClientSettings {
    ClientSettings { keep_alive: Some(KeepAlive { every, dead_after }), ..SETTINGS }
}

#[test]
fn an_idle_client_gets_comments_at_the_interval_and_they_do_not_count_as_messages() {
    let every = Duration::from_millis(20);
    let (server, mut reader) = pair();
    let started = Instant::now();
    let client = TestClient::add(server, GroupId::next(), keep_alive(every, 1));
    for count in 1..=5 {
        let mut received = [0; COMMENT.len()];
        reader.read_exact(&mut received).unwrap();
        assert_eq!(received, COMMENT);
        assert!(started.elapsed() >= every * count);
    }
    WRITERS.mute(client.key);
    client.release();
    assert_eq!((client.counters.messages(), client.counters.bytes()), (0, 0));
}

#[test]
fn a_comment_has_the_framing_of_its_client() {
    let settings = ClientSettings { framing: Framing::Chunked, ..keep_alive(Duration::from_millis(5), 1) };
    let (server, mut reader) = pair();
    let client = TestClient::add(server, GroupId::next(), settings);
    let mut received = [0; 18];
    reader.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"d\r\n: keepalive\n\n\r\n");
    WRITERS.close(client.key);
}

#[test]
fn a_client_that_gets_messages_gets_no_comments() {
    let every = Duration::from_millis(200);
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), keep_alive(every, 1));
    let started = Instant::now();
    let mut longest_gap = Duration::ZERO;
    let mut last = started;
    while started.elapsed() < every * 3 {
        client.send(b"x");
        settle();
        longest_gap = longest_gap.max(last.elapsed());
        last = Instant::now();
        thread::sleep(every / 20);
    }
    WRITERS.mute(client.key);
    client.release();
    let received = read_all(reader);
    // The machine may stop this thread for longer than the interval.
    assert!(longest_gap >= every || !received.contains(&COMMENT[0]), "a comment after {longest_gap:?}");
}

#[test]
fn a_client_that_takes_nothing_is_dead_after_the_checks() {
    let every = Duration::from_millis(10);
    let (server, reader) = small_pair();
    let started = Instant::now();
    let client = TestClient::add(server, GroupId::next(), keep_alive(every, 3));
    // Larger than the buffers of the kernel.
    client.send(&[1; 1_000_000]);
    assert!(matches!(client.owner.next(), Event::Dead { key } if key == client.key));
    assert!(started.elapsed() >= every * 3);
    client.send(b"no more messages");
    let reader = read_slowly(reader);
    assert!(client.release().is_empty());
    let received = reader.join().unwrap();
    // A comment can come first, if this thread was slow.
    let message = received.iter().position(|byte| *byte == 1).unwrap();
    assert!(received[message..] == vec![1; 1_000_000], "not the same bytes");
}

#[test]
fn a_client_is_not_dead_while_it_takes_a_little() {
    let every = Duration::from_millis(10);
    let (server, mut reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), keep_alive(every, 30));
    client.send(&[1; 3_000_000]);
    let started = Instant::now();
    let mut buffer = [0; 20_000];
    // Three times as long as it takes until a client is dead that takes nothing.
    while started.elapsed() < every * 90 {
        let count = reader.read(&mut buffer).unwrap();
        assert!(count > 0);
        thread::sleep(every / 2);
    }
    assert!(client.owner.rest().is_empty());
    WRITERS.close(client.key);
}

#[test]
fn a_client_gets_no_comments_during_a_pause_and_is_not_dead_after_it() {
    let every = Duration::from_millis(5);
    let (server, mut reader) = pair();
    let client = TestClient::add(server, GroupId::next(), keep_alive(every, 1));
    WRITERS.pause(client.key);
    assert!(matches!(client.owner.next(), Event::Paused { .. }));
    reader.set_nonblocking(true).unwrap();
    let mut received = Vec::new();
    let _ = reader.read_to_end(&mut received);
    assert_eq!(received.len() % COMMENT.len(), 0);
    client.send(b"held");
    // Another client of the same writer shows that alarms ring meanwhile. Keys in a row alternate between two writers.
    let others = [(); 2].map(|()| {
        let (server, reader) = pair();
        (TestClient::add(server, GroupId::next(), keep_alive(every, 1)), reader)
    });
    for (other, mut reader) in others {
        let mut comments = [0; COMMENT.len() * 5];
        reader.read_exact(&mut comments).unwrap();
        WRITERS.close(other.key);
    }
    assert_eq!(reader.read(&mut [0; 100]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(client.owner.rest().is_empty());
    WRITERS.mute(client.key);
    assert!(client.release().is_empty());
    reader.set_nonblocking(false).unwrap();
    assert_eq!(read_all(reader), b"held");
}
