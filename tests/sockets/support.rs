//! Clients over real sockets, and what they receive.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::client::{Client, GroupId};
use tmcp_session_manager::sockets::counters::{Counters, Meter};
use tmcp_session_manager::sockets::frame::{Frame, Framing};
use tmcp_session_manager::sockets::owner::{Event, Owner};
use tmcp_session_manager::sockets::settings::{ClientSettings, WhenSlow};
use tmcp_session_manager::sockets::writers::Writers;

/// What does not happen within this time never happens.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Two threads, which all tests share, because writers never end.
pub static WRITERS: LazyLock<Writers> = LazyLock::new(|| {
    let writers = Writers::default();
    writers.set_count(2);
    writers
});

/// Settings without limits.
pub const SETTINGS: ClientSettings = ClientSettings {
    framing: Framing::Raw,
    max_queued_bytes: usize::MAX,
    when_slow: WhenSlow::Close,
    keep_alive: None,
};

/// An owner whose events a test reads.
#[derive(Debug)]
pub struct TestOwner {
    events: Mutex<Receiver<Event>>,
    sender: Arc<Reporter>,
}

#[derive(Debug)]
struct Reporter(Sender<Event>);

impl Owner for Reporter {
    fn report(&self, event: Event) {
        // A test that has ended reads no events.
        let _ = self.0.send(event);
    }
}

impl TestOwner {
    pub fn new() -> Self {
        let (sender, events) = channel();
        Self { events: Mutex::new(events), sender: Arc::new(Reporter(sender)) }
    }

    /// Returns the owner as a client has it.
    pub fn shared(&self) -> Arc<dyn Owner> {
        Arc::clone(&self.sender) as _
    }

    /// Waits for the next event.
    pub fn next(&self) -> Event {
        self.events.lock().unwrap().recv_timeout(TIMEOUT).expect("an event")
    }

    /// Returns the events so far that nothing has read.
    pub fn rest(&self) -> Vec<Event> {
        self.events.lock().unwrap().try_iter().collect()
    }
}

/// A client as its owner sees it.
#[derive(Debug)]
pub struct TestClient {
    pub key: Key,
    pub owner: TestOwner,
    pub counters: Arc<Counters>,
    pub meter: Arc<Meter>,
    writers: &'static Writers,
}

impl TestClient {
    /// Adds a client that writes to `socket` to [`WRITERS`].
    pub fn add(socket: impl Into<OwnedFd>, group: GroupId, settings: ClientSettings) -> Self {
        Self::add_to(&WRITERS, socket, group, settings)
    }

    /// Adds a client to other writers.
    pub fn add_to(
        writers: &'static Writers,
        socket: impl Into<OwnedFd>,
        group: GroupId,
        settings: ClientSettings,
    ) -> Self {
        let owner = TestOwner::new();
        let client = new_client(socket, group, settings, owner.shared());
        let (key, counters, meter) = (client.key, Arc::clone(&client.counters), Arc::clone(&client.meter));
        writers.add(client);
        Self { key, owner, counters, meter, writers }
    }

    /// Sends a message to this client only.
    pub fn send(&self, payload: &[u8]) {
        self.writers.send(&[self.key], &frame(payload));
    }

    /// Ends a client that can send everything. Returns its events before the release.
    pub fn release(&self) -> Vec<Event> {
        self.writers.release(self.key);
        let mut events = Vec::new();
        loop {
            match self.owner.next() {
                Event::Released { key } => {
                    assert_eq!(key, self.key);
                    return events;
                }
                event => events.push(event),
            }
        }
    }
}

/// Returns a client with a new key.
pub fn new_client(
    socket: impl Into<OwnedFd>,
    group: GroupId,
    settings: ClientSettings,
    owner: Arc<dyn Owner>,
) -> Client {
    let key = Key::next();
    Client { key, group, fd: socket.into(), settings, owner, counters: Arc::default(), meter: Arc::default() }
}

pub fn frame(payload: &[u8]) -> Frame {
    Frame::new(payload).expect("a payload")
}

/// Waits until all commands so far are processed.
pub fn settle() {
    assert!(WRITERS.barrier(TIMEOUT));
}

/// Returns the two ends of a connection: first the end of the server. It blocks, which the writer must not depend on.
pub fn pair() -> (UnixStream, UnixStream) {
    let (server, client) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(TIMEOUT)).unwrap();
    (server, client)
}

/// Returns the two ends of a connection with the smallest send buffer that the operating system allows: first the end of the
/// server, which does not block.
pub fn small_pair() -> (UnixStream, UnixStream) {
    let (server, client) = pair();
    set_socket_send_buffer_size(&server, 1).unwrap();
    server.set_nonblocking(true).unwrap();
    (server, client)
}

/// The same over TCP. The receiver's buffer is larger, because TCP is very slow without it.
pub fn small_tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_read_timeout(Some(TIMEOUT)).unwrap();
    set_socket_send_buffer_size(&server, 1).unwrap();
    set_socket_recv_buffer_size(&client, 32 * 1024).unwrap();
    server.set_nonblocking(true).unwrap();
    (server, client)
}

/// Reads until the server has closed the connection.
pub fn read_all(mut client: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Appends up to `max` bytes: what is there now if the socket does not block, else all until the end of the connection.
pub fn read_available(mut client: impl Read, max: usize, received: &mut Vec<u8>) {
    match (&mut client).take(max as u64).read_to_end(received) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => panic!("{error}"),
    }
}

/// Reads until the server has closed the connection, in a thread, and a little at a time.
pub fn read_slowly(mut client: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut random = fastrand::Rng::with_seed(1);
        let mut buffer = [0; 3_000];
        loop {
            let len = random.usize(1..=buffer.len());
            match client.read(&mut buffer[..len]) {
                Ok(0) => return bytes,
                Ok(count) => bytes.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
            if random.u8(..) < 8 {
                thread::yield_now();
            }
        }
    })
}

/// Sends messages to a client that reads nothing until the kernel takes no more of them. Returns the bytes of all messages.
pub fn fill(client: &TestClient) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.meter.queued() == 0 {
        let payload = [bytes.len() as u8; 1_000];
        client.send(&payload);
        bytes.extend(payload);
        settle_flushes(client);
    }
    bytes
}

/// Waits until the writer has tried to send what is queued for a client.
pub fn settle_flushes(client: &TestClient) {
    // A writer flushes a client when it pauses it.
    WRITERS.pause(client.key);
    WRITERS.resume(client.key);
    settle();
    while let Some(event) = client.owner.rest().pop() {
        assert!(matches!(event, Event::Paused { .. }), "{event:?}");
    }
}
