//! How clients end: released, closed, broken.

use std::fs::File;
use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use tmcp_session_manager::sockets::client::{Client, GroupId};
use tmcp_session_manager::sockets::owner::{Event, Owner};
use tmcp_session_manager::sockets::settings::ClientSettings;

use crate::support::{
    SETTINGS, TestClient, TestOwner, WRITERS, fill, frame, new_client, pair, read_all, read_slowly, settle,
    small_pair, small_tcp_pair,
};

#[test]
fn a_client_that_left_fails_at_the_next_message() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    drop(reader);
    client.send(b"lost");
    let event = client.owner.next();
    assert!(
        matches!(event, Event::Failed { key, errno } if key == client.key && errno == Errno::PIPE.raw_os_error()),
        "{event:?}"
    );
    // It is not there any more.
    client.send(b"lost");
    WRITERS.release(client.key);
    settle();
    assert!(client.owner.rest().is_empty());
    assert_eq!(client.meter.queued(), 0);
}

#[test]
fn a_connection_that_is_reset_fails_while_the_writer_waits_for_it() {
    let (server, reader) = small_tcp_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    fill(&client);
    reset(reader);
    let event = client.owner.next();
    assert!(
        matches!(event, Event::Failed { errno, .. }
            if [Errno::CONNRESET, Errno::PIPE].map(Errno::raw_os_error).contains(&errno)),
        "{event:?}"
    );
    assert_eq!(client.meter.queued(), 0);
}

/// Closes a connection so that the other end gets a reset.
fn reset(socket: TcpStream) {
    set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
    drop(socket);
}

#[test]
fn a_release_of_a_broken_connection_fails() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    fill(&client);
    WRITERS.release(client.key);
    settle();
    assert!(client.owner.rest().is_empty());
    drop(reader);
    assert!(matches!(client.owner.next(), Event::Failed { .. }));
    settle();
    assert!(client.owner.rest().is_empty());
}

#[test]
fn a_socket_that_is_no_socket_fails() {
    let client = TestClient::add(File::open("/dev/null").unwrap(), GroupId::next(), SETTINGS);
    client.send(b"lost");
    assert!(
        matches!(client.owner.next(), Event::Failed { errno, .. } if errno == Errno::NOTSOCK.raw_os_error())
    );
}

#[test]
fn a_client_that_is_closed_sends_what_was_queued_and_reports_nothing() {
    let group = GroupId::next();
    let (server, reader) = pair();
    let client = TestClient::add(server, group, SETTINGS);
    let mut expected = Vec::new();
    for number in 0..200u8 {
        WRITERS.broadcast(group, &frame(&[number; 50]));
        expected.extend([number; 50]);
    }
    WRITERS.close(client.key);
    client.send(b"after");
    assert_eq!(read_all(reader), expected);
    settle();
    assert!(client.owner.rest().is_empty());
}

#[test]
fn closing_a_client_that_does_not_read_does_not_wait_for_it() {
    let (server, reader) = small_pair();
    // As in production, where Node has the same socket, so that closing does not end the connection.
    let node = server.try_clone().unwrap();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    let queued = fill(&client);
    WRITERS.close(client.key);
    settle();
    assert!(client.owner.rest().is_empty());
    assert_eq!(client.meter.queued(), 0);
    node.shutdown(Shutdown::Write).unwrap();
    let received = read_all(reader);
    assert_eq!(received, queued[..received.len()]);
    assert_eq!(received.len() as u64, client.meter.sent());
}

#[test]
fn closing_a_client_in_a_pause_sends_nothing_that_was_held() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    client.send(b"before");
    WRITERS.pause(client.key);
    client.send(b"held");
    WRITERS.close(client.key);
    assert_eq!(read_all(reader), b"before");
}

#[test]
fn a_key_that_is_added_twice_closes_the_first_socket() {
    let ends = [pair(), pair()];
    let owner = TestOwner::new();
    let first = new_client(ends[0].0.try_clone().unwrap(), GroupId::next(), SETTINGS, owner.shared());
    let key = first.key;
    let second = new_client(ends[1].0.try_clone().unwrap(), first.group, SETTINGS, owner.shared());
    WRITERS.add(first);
    WRITERS.add(Client { key, ..second });
    WRITERS.send(&[key], &frame(b"to the second"));
    WRITERS.release(key);
    assert!(matches!(owner.next(), Event::Released { .. }));
    let [(server, reader), (second_server, second_reader)] = ends;
    drop((server, second_server));
    assert_eq!(read_all(reader), b"");
    assert_eq!(read_all(second_reader), b"to the second");
}

#[derive(Debug, Default)]
struct PanickingOwner {
    calls: AtomicUsize,
}

impl Owner for PanickingOwner {
    fn report(&self, _event: Event) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        panic!("this panic is part of a test");
    }
}

#[test]
fn a_panic_while_a_client_is_written_to_ends_that_client_only() {
    let group = GroupId::next();
    let owner = Arc::new(PanickingOwner::default());
    let settings = ClientSettings { max_queued_bytes: 1, ..SETTINGS };
    let mut readers = Vec::new();
    let mut neighbors = Vec::new();
    for _ in 0..4 {
        let (server, reader) = pair();
        neighbors.push((TestClient::add(server, group, SETTINGS), reader));
        let (server, reader) = pair();
        let client = new_client(server, group, settings, Arc::clone(&owner) as _);
        let key = client.key;
        WRITERS.add(client);
        // The answer to the pause panics in the writer thread.
        WRITERS.pause(key);
        readers.push(reader);
    }
    WRITERS.broadcast(group, &frame(b"to the others"));
    for (neighbor, reader) in neighbors {
        assert!(neighbor.release().is_empty());
        assert_eq!(read_all(reader), b"to the others");
    }
    for mut reader in readers {
        assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "the socket is closed");
    }
    // The pause, and the failure of the client, which is reported before its socket is closed for the next command.
    settle();
    assert_eq!(owner.calls.load(Ordering::SeqCst), 8);
}

#[test]
fn a_client_can_be_released_while_it_is_blocked() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    let expected = fill(&client);
    WRITERS.release(client.key);
    settle();
    let received = read_slowly(reader).join().unwrap();
    assert_eq!(received, expected);
    assert!(matches!(client.owner.next(), Event::Released { .. }));
}
