//! A client behind a socket pair, and the thread that has its session.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::direct::Attached;
use tmcp_session_manager::hub::member::route::Route;
use tmcp_session_manager::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::client::Client;
use tmcp_session_manager::sockets::frame::Framing;
use tmcp_session_manager::sockets::owner::{Event, Owner};
use tmcp_session_manager::sockets::settings::{ClientSettings, WhenSlow};
use tmcp_session_manager::sockets::writers::writers;
use tmcp_session_manager::threads::mailbox::Waker;
use tmcp_session_manager::threads::text::Text;

const SETTINGS: ClientSettings = ClientSettings {
    framing: Framing::Raw,
    max_queued_bytes: usize::MAX,
    when_slow: WhenSlow::Close,
    keep_alive: None,
};

/// Longer than the writers ever need for their commands.
const BARRIER_TIMEOUT: Duration = Duration::from_secs(60);

pub fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Returns a message with a line break, by which [`Connection::lines`] separates messages.
pub fn line(text: &str) -> Result<Text, Infallible> {
    Ok(Text::from(format!("{text}\n").as_bytes()))
}

pub fn join(hub: &Arc<Hub>) -> Member {
    Member::join(hub, DEFAULT_MAX_MAILBOX_BYTES, None).expect("an open hub")
}

/// Returns a waker and the number of its calls.
pub fn counting_waker() -> (Waker, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&wakes);
    let waker = move || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    (Arc::new(waker), wakes)
}

/// Sends to several ids in one call, and returns the keys to deliver to.
pub fn send_to_all(member: &Member, ids: &[Vec<u16>], text: &str) -> Vec<Key> {
    let mut route = Route::new(member);
    ids.iter().for_each(|id| route.add(id));
    let Ok(keys) = route.send(|| line(text));
    keys
}

/// Records the events of a client.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Owner for Recorder {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Recorder {
    pub fn has_none(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

/// The connection to a client. A thread reads what the client receives.
pub struct Connection {
    server: UnixStream,
    reader: JoinHandle<String>,
    pub events: Arc<Recorder>,
    direct: Option<Key>,
    is_catching_up: bool,
}

impl Connection {
    pub fn open() -> Self {
        let (server, mut client) = UnixStream::pair().expect("a socket pair");
        server.set_nonblocking(true).expect("a socket");
        let reader = thread::spawn(move || {
            let mut received = String::new();
            client.read_to_string(&mut received).expect("UTF-8");
            received
        });
        Self { server, reader, events: Arc::default(), direct: None, is_catching_up: false }
    }

    /// Makes the session direct.
    pub fn attach(&mut self, member: &Member, id: &[u16], key: Key) -> Attached {
        let attached = member.attach(id, key, |group, counters| {
            let fd = OwnedFd::from(self.server.try_clone()?);
            let owner = Arc::clone(&self.events) as Arc<dyn Owner>;
            Ok(Client { key, group, fd, settings: SETTINGS, owner, counters, meter: Arc::default() })
        });
        let attached = attached.expect("a descriptor");
        if attached != Attached::No {
            self.direct = Some(key);
            self.is_catching_up = attached == Attached::CatchingUp;
        }
        attached
    }

    /// Records that the thread has got the marker behind the last message for it to write.
    pub fn caught_up(&mut self) {
        assert!(self.is_catching_up, "there is one marker");
        self.is_catching_up = false;
        self.direct.inspect(|key| writers().resume(*key));
    }

    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    pub fn is_catching_up(&self) -> bool {
        self.is_catching_up
    }

    /// Returns true when the thread writes the messages that it finds in its mailbox.
    pub fn takes_from_mailbox(&self) -> bool {
        !self.is_direct() || self.is_catching_up
    }

    /// Writes a message as the thread of the session does while the session is not direct or is catching up.
    pub fn write(&mut self, mut bytes: &[u8]) {
        assert!(self.takes_from_mailbox(), "the thread got a message for a direct session");
        while !bytes.is_empty() {
            match self.server.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends the connection after everything that was sent to the session, and returns the messages that the client received.
    pub fn lines(self) -> Vec<String> {
        self.direct.inspect(|key| writers().release(*key));
        drop(self.server);
        let received = self.reader.join().expect("the client reads");
        received.lines().map(String::from).collect()
    }
}

/// Waits until the writers have processed all commands so far.
pub fn wait_for_writers() {
    assert!(writers().barrier(BARRIER_TIMEOUT));
}

/// Creates a session that is direct from its creation on.
pub fn create_direct(member: &Member, id: &str) -> (Key, Connection) {
    let mut connection = Connection::open();
    let key = member.create(&utf16(id)).key;
    assert_eq!(connection.attach(member, &utf16(id), key), Attached::Direct);
    (key, connection)
}

/// An error as `dup` returns it when the process has no descriptor left.
pub fn no_descriptor() -> io::Error {
    io::Error::from_raw_os_error(24)
}
