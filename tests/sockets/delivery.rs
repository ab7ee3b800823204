//! What clients receive, and in which order.

use std::io::Read;
use std::thread;
use std::time::Duration;

use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::client::GroupId;
use tmcp_session_manager::sockets::frame::Framing;
use tmcp_session_manager::sockets::settings::ClientSettings;
use tmcp_session_manager::sockets::writers::Writers;

use crate::support::{
    SETTINGS, TestClient, WRITERS, fill, frame, pair, read_all, read_slowly, settle, small_pair,
    small_tcp_pair,
};

#[test]
fn a_message_reaches_a_client_that_waits_for_it() {
    let (server, mut reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    for text in [b"one", b"two"] {
        client.send(text);
        let mut received = [0; 3];
        reader.read_exact(&mut received).unwrap();
        assert_eq!(&received, text);
    }
    assert_eq!((client.counters.messages(), client.counters.bytes(), client.counters.dropped()), (2, 6, 0));
    assert!(client.release().is_empty());
}

#[test]
fn each_client_gets_its_own_framing_of_the_same_message() {
    let group = GroupId::next();
    let received: Vec<_> = [Framing::Chunked, Framing::Raw]
        .map(|framing| {
            let (server, reader) = pair();
            (TestClient::add(server, group, ClientSettings { framing, ..SETTINGS }), reader)
        })
        .map(|(client, reader)| {
            WRITERS.broadcast(group, &frame(b"data: 0123456789\n\n"));
            client.release();
            read_all(reader)
        })
        .into();
    // The second client was there at both broadcasts.
    assert_eq!(received[0], b"12\r\ndata: 0123456789\n\n\r\n");
    assert_eq!(received[1], b"data: 0123456789\n\ndata: 0123456789\n\n");
}

#[test]
fn a_broadcast_reaches_only_its_group() {
    let (group, other) = (GroupId::next(), GroupId::next());
    let [member, stranger] = [group, other].map(|group| {
        let (server, reader) = pair();
        (TestClient::add(server, group, SETTINGS), reader)
    });
    WRITERS.broadcast(group, &frame(b"to the group"));
    member.0.release();
    stranger.0.release();
    assert_eq!(read_all(member.1), b"to the group");
    assert_eq!(read_all(stranger.1), b"");
}

#[test]
fn a_muted_client_gets_what_was_sent_before_and_nothing_else() {
    let group = GroupId::next();
    let (server, reader) = pair();
    let client = TestClient::add(server, group, SETTINGS);
    client.send(b"before");
    WRITERS.mute(client.key);
    client.send(b"after");
    WRITERS.broadcast(group, &frame(b"after"));
    client.release();
    assert_eq!(read_all(reader), b"before");
}

#[test]
fn commands_for_unknown_clients_change_nothing() {
    let (server, reader) = pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    let unknown = Key::next();
    let commands = [
        |key| WRITERS.mute(key),
        |key| WRITERS.pause(key),
        |key| WRITERS.resume(key),
        |key| WRITERS.release(key),
        |key| WRITERS.discard(key),
        |key| WRITERS.close(key),
        |key| WRITERS.send(&[key], &frame(b"lost")),
    ];
    commands.iter().for_each(|command| command(unknown));
    WRITERS.send(&[unknown, client.key, unknown], &frame(b"kept"));
    assert!(client.release().is_empty());
    // After its end, the client is unknown, too.
    commands.iter().for_each(|command| command(client.key));
    settle();
    assert!(client.owner.rest().is_empty());
    assert_eq!(read_all(reader), b"kept");
}

#[test]
fn a_client_that_reads_slowly_gets_every_byte() {
    let lens = [1, 10, 300, 5_000, 70_000, 1_000_000, 2, 300_000, 17];
    let expected: Vec<u8> = lens.iter().flat_map(|len| vec![*len as u8; *len]).collect();
    let (unix, unix_reader) = small_pair();
    let (tcp, tcp_reader) = small_tcp_pair();
    let readers = [read_slowly(unix_reader), read_slowly(tcp_reader)];
    let group = GroupId::next();
    let clients = [TestClient::add(unix, group, SETTINGS), TestClient::add(tcp, group, SETTINGS)];
    for len in lens {
        WRITERS.broadcast(group, &frame(&vec![len as u8; len]));
    }
    for (client, reader) in clients.into_iter().zip(readers) {
        assert!(client.release().is_empty());
        assert_eq!(client.meter.sent(), expected.len() as u64);
        assert_eq!(client.meter.queued(), 0);
        assert!(reader.join().unwrap() == expected, "not the same bytes");
    }
}

#[test]
fn the_meter_shows_the_bytes_that_the_kernel_has_not_taken() {
    let (server, reader) = small_pair();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    let bytes = fill(&client);
    assert_eq!(client.meter.queued() as u64 + client.meter.sent(), bytes.len() as u64);
    let reader = read_slowly(reader);
    client.release();
    assert_eq!(reader.join().unwrap(), bytes);
    assert_eq!((client.meter.queued(), client.meter.sent()), (0, bytes.len() as u64));
}

#[test]
fn a_client_that_does_not_read_delays_no_other_client() {
    let group = GroupId::next();
    let (stalled_server, _stalled_reader) = small_pair();
    let stalled = TestClient::add(stalled_server, group, SETTINGS);
    fill(&stalled);
    let (server, mut reader) = pair();
    let _client = TestClient::add(server, group, SETTINGS);
    for number in 0..100 {
        WRITERS.broadcast(group, &frame(&[number; 500]));
        let mut received = [0; 500];
        reader.read_exact(&mut received).unwrap();
        assert_eq!(received, [number; 500]);
    }
    WRITERS.close(stalled.key);
}

#[test]
fn senders_that_had_to_wait_for_the_writer_lose_nothing() {
    let (server, reader) = small_pair();
    let reader = read_slowly(reader);
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    // More than an inbox holds, so the senders have to wait in between.
    let payload = vec![7; 6_000_000];
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..3).for_each(|_| client.send(&payload)));
        }
    });
    client.release();
    assert_eq!(reader.join().unwrap().len(), 9 * payload.len());
}

// A socket of this type keeps the bytes of each system call apart. Only Linux has it.
#[cfg(target_os = "linux")]
#[test]
fn the_messages_that_wait_for_a_client_need_one_system_call() {
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

    let flags = SocketFlags::CLOEXEC;
    let (server, reader) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let client = TestClient::add(server, GroupId::next(), SETTINGS);
    WRITERS.pause(client.key);
    let expected: Vec<_> = (0..50u8).flat_map(|number| [number; 10]).collect();
    expected.chunks(10).for_each(|message| client.send(message));
    WRITERS.resume(client.key);
    let mut received = [0; 1_000];
    let (count, _) = recv(&reader, &mut received[..], RecvFlags::empty()).unwrap();
    assert_eq!(received[..count], expected);
}

#[test]
fn two_thousand_clients_get_the_same_messages_in_the_same_order() {
    const CLIENTS: usize = 2_000;
    let group = GroupId::next();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (server, reader) = pair();
            (TestClient::add(server, group, SETTINGS), reader)
        })
        .collect();
    let mut expected = Vec::new();
    for number in 0..30u8 {
        WRITERS.broadcast(group, &frame(&[number; 130]));
        expected.extend([number; 130]);
    }
    // Half of them leave before the other half, in another order than they came.
    fastrand::Rng::with_seed(1).shuffle(&mut clients);
    let staying = clients.split_off(CLIENTS / 2);
    for (client, reader) in clients {
        assert!(client.release().is_empty());
        assert_eq!(read_all(reader), expected);
    }
    WRITERS.broadcast(group, &frame(b"the last"));
    expected.extend(b"the last");
    for (client, reader) in staying {
        assert!(client.release().is_empty());
        assert_eq!(read_all(reader), expected);
    }
}

#[test]
fn a_writer_says_which_commands_it_has_applied() {
    // Writers of its own, because other tests use the shared ones.
    let writers: &Writers = Box::leak(Box::default());
    assert!(writers.barrier(Duration::ZERO));
    let (server, reader) = pair();
    let client = TestClient::add_to(writers, server, GroupId::next(), SETTINGS);
    // The kernel's buffer has room for all of them.
    for count in 1..=100 {
        client.send(b"x");
        let pushed = writers.progress(client.key).pushed;
        while writers.progress(client.key).applied < pushed {
            thread::yield_now();
        }
        assert!(client.meter.queued() > 0 || client.meter.sent() == count);
    }
    client.release();
    assert_eq!(read_all(reader).len(), 100);
}

#[test]
fn clients_stay_with_their_thread_when_threads_are_added() {
    let writers: &Writers = Box::leak(Box::default());
    let group = GroupId::next();
    let mut clients = Vec::new();
    let mut expected = Vec::new();
    for count in [1, 2, 3, 2, 5] {
        writers.set_count(count);
        for _ in 0..7 {
            let (server, reader) = pair();
            clients.push((TestClient::add_to(writers, server, group, SETTINGS), reader, expected.len()));
        }
        let payload = [count as u8; 100];
        writers.broadcast(group, &frame(&payload));
        expected.extend(payload);
        for (client, ..) in &clients {
            client.send(&payload);
        }
        expected.extend(payload);
    }
    for (client, reader, start) in clients {
        assert!(client.release().is_empty());
        assert_eq!(read_all(reader), expected[start..]);
    }
}
