//! Random commands, compared with a plain model: the bytes at the reader, and the answers.

use std::collections::VecDeque;
use std::os::unix::net::UnixStream;

use proptest::collection::vec;
use proptest::prelude::*;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::sockets::client::GroupId;
use tmcp_session_manager::sockets::frame::Framing;
use tmcp_session_manager::sockets::owner::Event;
use tmcp_session_manager::sockets::settings::ClientSettings;

use crate::support::{SETTINGS, TestClient, WRITERS, frame, read_available, settle, small_pair};

const CLIENTS: usize = 4;

#[derive(Clone, Debug)]
enum Operation {
    Broadcast(usize),
    /// To the clients whose bit is set.
    Send(u8, usize),
    Mute(usize),
    Pause(usize),
    Resume(usize),
    Discard(usize),
    Release(usize),
    Close(usize),
    /// The client's end reads at most this many bytes.
    Read(usize, usize),
    /// The client's end reads until all pauses are answered, and nothing else can be sent.
    AwaitPause(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let len = || prop_oneof![8 => 1usize..200, 1 => 1_000usize..20_000];
    prop_oneof![
        8 => len().prop_map(Operation::Broadcast),
        8 => (any::<u8>(), len()).prop_map(|(clients, len)| Operation::Send(clients, len)),
        1 => (0..CLIENTS).prop_map(Operation::Mute),
        3 => (0..CLIENTS).prop_map(Operation::Pause),
        3 => (0..CLIENTS).prop_map(Operation::Resume),
        2 => (0..CLIENTS).prop_map(Operation::Discard),
        1 => (0..CLIENTS).prop_map(Operation::Release),
        1 => (0..CLIENTS).prop_map(Operation::Close),
        8 => (0..CLIENTS, 1usize..10_000).prop_map(|(client, max)| Operation::Read(client, max)),
        4 => (0..CLIENTS).prop_map(Operation::AwaitPause),
    ]
}

/// A message as one client receives it.
#[derive(Debug)]
struct Sent {
    bytes: Vec<u8>,
    /// False when a discard came after it, so that it need not arrive.
    is_certain: bool,
}

/// One client, and what it must have received.
struct Model {
    client: TestClient,
    reader: UnixStream,
    framing: Framing,
    received: Vec<u8>,
    /// All messages that are not held, in the order in which they are sent.
    sent: Vec<Sent>,
    held: Vec<Sent>,
    is_muted: bool,
    is_paused: bool,
    is_released: bool,
    is_closed: bool,
    pauses: usize,
    answers: usize,
}

impl Model {
    fn new(group: GroupId, framing: Framing) -> Self {
        let (server, reader) = small_pair();
        reader.set_nonblocking(true).unwrap();
        Self {
            client: TestClient::add(server, group, ClientSettings { framing, ..SETTINGS }),
            reader,
            framing,
            received: Vec::new(),
            sent: Vec::new(),
            held: Vec::new(),
            is_muted: false,
            is_paused: false,
            is_released: false,
            is_closed: false,
            pauses: 0,
            answers: 0,
        }
    }

    fn is_open(&self) -> bool {
        !self.is_released && !self.is_closed
    }

    fn deliver(&mut self, payload: &[u8]) {
        if self.is_muted {
            return;
        }
        let bytes = match self.framing {
            Framing::Chunked => [format!("{:x}\r\n", payload.len()).as_bytes(), payload, b"\r\n"].concat(),
            Framing::Raw => payload.to_vec(),
        };
        let queue = if self.is_paused { &mut self.held } else { &mut self.sent };
        queue.push(Sent { bytes, is_certain: true });
    }

    fn pause(&mut self) {
        WRITERS.pause(self.client.key);
        if self.is_open() {
            self.is_paused = true;
            self.pauses += 1;
        }
    }

    fn resume(&mut self) {
        WRITERS.resume(self.client.key);
        if self.is_open() {
            self.end_pause();
        }
    }

    fn end_pause(&mut self) {
        self.is_paused = false;
        self.sent.append(&mut self.held);
    }

    fn discard(&mut self) {
        WRITERS.discard(self.client.key);
        if !self.is_closed {
            self.sent.iter_mut().for_each(|sent| sent.is_certain = false);
            self.held.clear();
        }
    }

    fn mute(&mut self) {
        WRITERS.mute(self.client.key);
        self.is_muted = true;
    }

    fn release(&mut self) {
        WRITERS.release(self.client.key);
        if self.is_open() {
            self.is_muted = true;
            self.is_released = true;
            self.end_pause();
        }
    }

    fn close(&mut self) {
        WRITERS.close(self.client.key);
        if !self.is_closed {
            self.is_muted = true;
            self.is_closed = true;
            self.sent.iter_mut().for_each(|sent| sent.is_certain = false);
            self.held.clear();
        }
    }

    fn read(&mut self, max: usize) {
        read_available(&self.reader, max, &mut self.received);
        self.count_answers();
    }

    fn count_answers(&mut self) {
        for event in self.client.owner.rest() {
            match event {
                Event::Paused { .. } => self.answers += 1,
                Event::Released { .. } => assert!(self.is_released),
                event => panic!("{event:?}"),
            }
        }
    }

    /// Reads until every pause has its answer. Nothing more can be sent then.
    fn await_pause(&mut self) {
        if !self.is_paused || !self.is_open() {
            return;
        }
        while self.answers < self.pauses {
            self.read(usize::MAX);
        }
        settle();
        self.read(usize::MAX);
        assert_eq!(self.answers, self.pauses);
        assert_eq!(self.client.meter.sent(), self.received.len() as u64);
        let held: usize = self.held.iter().map(|sent| sent.bytes.len()).sum();
        assert_eq!(self.client.meter.queued(), held);
        self.check();
    }

    /// Compares all that was received with the model.
    fn check(&self) {
        let mut rest = &self.received[..];
        let mut expected: VecDeque<_> = self.sent.iter().collect();
        while let Some(next) = expected.pop_front() {
            if let Some(after) = rest.strip_prefix(&next.bytes[..]) {
                rest = after;
            } else if self.is_closed && next.bytes.starts_with(rest) {
                // The connection ended within this message.
                return;
            } else {
                assert!(
                    !next.is_certain,
                    "a message is missing after {} bytes",
                    self.received.len() - rest.len()
                );
            }
        }
        assert!(rest.is_empty(), "{} bytes were not expected", rest.len());
    }

    /// Releases the client, reads until the end of the connection, and compares.
    fn finish(mut self) {
        self.release();
        self.reader.set_nonblocking(false).unwrap();
        self.read(usize::MAX);
        settle();
        self.count_answers();
        assert_eq!(self.client.meter.queued(), 0);
        assert_eq!(self.client.meter.sent(), self.received.len() as u64);
        self.check();
    }
}

/// Returns a payload that no other message has.
fn payload(number: usize, len: usize) -> Vec<u8> {
    let mut bytes = format!("<{number}>").into_bytes();
    bytes.resize(bytes.len() + len, b'.');
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_client_receives_what_a_plain_model_says(
        framings in vec(prop_oneof![Just(Framing::Chunked), Just(Framing::Raw)], CLIENTS),
        operations in vec(operation(), 1..150),
    ) {
        let group = GroupId::next();
        let mut models: Vec<_> = framings.into_iter().map(|framing| Model::new(group, framing)).collect();
        for (number, operation) in operations.into_iter().enumerate() {
            match operation {
                Operation::Broadcast(len) => {
                    let payload = payload(number, len);
                    WRITERS.broadcast(group, &frame(&payload));
                    models.iter_mut().for_each(|model| model.deliver(&payload));
                }
                Operation::Send(clients, len) => {
                    let payload = payload(number, len);
                    let mut receivers = models.iter_mut().enumerate().filter(|(index, _)| clients >> index & 1 == 1);
                    let mut keys: Vec<Key> = Vec::new();
                    receivers.by_ref().for_each(|(_, model)| {
                        keys.push(model.client.key);
                        model.deliver(&payload);
                    });
                    WRITERS.send(&keys, &frame(&payload));
                }
                Operation::Mute(client) => models[client].mute(),
                Operation::Pause(client) => models[client].pause(),
                Operation::Resume(client) => models[client].resume(),
                Operation::Discard(client) => models[client].discard(),
                Operation::Release(client) => models[client].release(),
                Operation::Close(client) => models[client].close(),
                Operation::Read(client, max) => models[client].read(max),
                Operation::AwaitPause(client) => models[client].await_pause(),
            }
        }
        models.into_iter().for_each(Model::finish);
    }
}
