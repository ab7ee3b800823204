//! What the writers of native delivery do to the whole process. The tests are alone in this program, and one runs after the
//! other, because they count descriptors and set the action of a signal.
#![cfg(unix)]

use std::fs;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::client::{Client, GroupId};
use tmcp_session_manager::sockets::frame::{Frame, Framing};
use tmcp_session_manager::sockets::owner::{Event, Owner};
use tmcp_session_manager::sockets::settings::{ClientSettings, WhenSlow};
use tmcp_session_manager::sockets::writers::Writers;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Held by each test.
static ALONE: Mutex<()> = Mutex::new(());

#[derive(Debug)]
struct Reporter(Sender<Event>);

impl Owner for Reporter {
    fn report(&self, event: Event) {
        self.0.send(event).unwrap();
    }
}

fn client(socket: UnixStream, owner: &Sender<Event>) -> Client {
    socket.set_nonblocking(true).unwrap();
    Client {
        key: Key::next(),
        group: GroupId::next(),
        fd: socket.into(),
        settings: ClientSettings {
            framing: Framing::Chunked,
            max_queued_bytes: usize::MAX,
            when_slow: WhenSlow::Close,
            keep_alive: None,
        },
        owner: Arc::new(Reporter(owner.clone())),
        counters: Arc::default(),
        meter: Arc::default(),
    }
}

/// Returns the number of descriptors that the process has.
fn descriptors() -> usize {
    fs::read_dir("/dev/fd").unwrap().count()
}

#[test]
fn every_socket_is_closed_however_its_client_ends() {
    let _alone = ALONE.lock();
    let writers = Writers::default();
    let (sender, events) = channel();
    // The writer thread keeps a few descriptors for itself.
    let (server, reader) = UnixStream::pair().unwrap();
    let first = client(server, &sender);
    let key = first.key;
    writers.add(first);
    writers.close(key);
    assert!(writers.barrier(TIMEOUT));
    drop(reader);
    let before = descriptors();
    let small = Frame::new(b"data: 1\n\n").unwrap();
    // Larger than the buffers of the kernel, so that the writer waits at the poller.
    let large = Frame::new(&vec![1; 4_000_000]).unwrap();
    let mut expected = 0;
    for round in 0..200 {
        let (server, reader) = UnixStream::pair().unwrap();
        let client = client(server, &sender);
        let key = client.key;
        writers.add(client);
        match round % 5 {
            0 => {
                writers.send(&[key], &small);
                writers.release(key);
                expected += 1;
            }
            1 => writers.close(key),
            // Closed while blocked.
            2 => {
                writers.send(&[key], &large);
                writers.close(key);
            }
            // Closed while blocked and registered with the poller.
            3 => {
                writers.send(&[key], &large);
                writers.pause(key);
                assert!(writers.barrier(TIMEOUT));
                writers.close(key);
            }
            // Failed while blocked.
            _ => {
                writers.send(&[key], &large);
                assert!(writers.barrier(TIMEOUT));
                drop(reader);
                expected += 1;
                continue;
            }
        }
        assert!(writers.barrier(TIMEOUT));
    }
    for _ in 0..expected {
        events.recv_timeout(TIMEOUT).unwrap();
    }
    assert!(writers.barrier(TIMEOUT));
    assert_eq!(descriptors(), before);
}

#[test]
fn a_socket_that_was_closed_while_the_writer_waited_for_it_can_be_added_again() {
    let _alone = ALONE.lock();
    let writers = Writers::default();
    let (sender, events) = channel();
    let (node, _reader) = UnixStream::pair().unwrap();
    let large = Frame::new(&vec![1; 4_000_000]).unwrap();
    for _ in 0..3 {
        // The same open file, and the same number, because the number is free again.
        let client = client(node.try_clone().unwrap(), &sender);
        let (key, meter) = (client.key, Arc::clone(&client.meter));
        writers.add(client);
        writers.send(&[key], &large);
        // A writer flushes a client when it pauses it.
        writers.pause(key);
        assert!(writers.barrier(TIMEOUT));
        assert!(meter.queued() > 0);
        writers.close(key);
        assert!(writers.barrier(TIMEOUT));
        assert!(events.try_iter().next().is_none(), "the poller has the socket already");
    }
}

// Apple's systems have no flag for it. There, libuv sets an option on each socket of Node, which these sockets do not have.
#[cfg(not(target_vendor = "apple"))]
#[test]
fn a_write_to_a_closed_connection_raises_no_signal() {
    let _alone = ALONE.lock();
    // SAFETY: no other code of this program depends on the action of this signal.
    let previous = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    assert_ne!(previous, libc::SIG_ERR);
    let writers = Writers::default();
    let (sender, events) = channel();
    let frames = [Frame::new(b"one").unwrap(), Frame::new(b"two").unwrap()];
    // One frame needs another system call than several.
    for count in 1..=2 {
        let (server, reader) = UnixStream::pair().unwrap();
        let client = client(server, &sender);
        let key = client.key;
        drop(reader);
        writers.add(client);
        writers.pause(key);
        frames[..count].iter().for_each(|frame| writers.send(&[key], frame));
        writers.resume(key);
        assert!(matches!(events.recv_timeout(TIMEOUT).unwrap(), Event::Paused { .. }));
        assert!(matches!(events.recv_timeout(TIMEOUT).unwrap(), Event::Failed { errno: libc::EPIPE, .. }));
    }
    // SAFETY: as above.
    unsafe { libc::signal(libc::SIGPIPE, previous) };
}
