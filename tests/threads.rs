//! Several threads send, create, delete, flush, overflow and leave at full speed. In every order in which they interleave, a
//! stream receives what was sent to its session while the session existed: once, without gaps, in the order of each sender,
//! and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::hub::member::Member;
use tmcp_session_manager::hub::member::route::Route;
use tmcp_session_manager::hub::scopes::Scope;
use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::mailbox::Waker;
use tmcp_session_manager::threads::message::ThreadMessage;
use tmcp_session_manager::threads::text::Text;

const WORKERS: usize = 5;
/// The worker that leaves and joins again now and then.
const LEAVER: usize = 3;
/// The worker that has a small mailbox and drains it seldom.
const SMALL: usize = 4;
const STEPS: usize = 20_000;
/// Number of sessions that all workers create, replace and delete.
const SHARED_IDS: u64 = 12;
/// A thread that is not woken within this time is never woken.
const WAKE_TIMEOUT: Duration = Duration::from_secs(60);

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// Returns the id of a session that only its worker creates and deletes.
fn own_id(worker: usize) -> String {
    format!("own {worker}")
}

/// The contents of a message.
struct Content {
    sender: usize,
    /// The number of the message among all messages of its sender.
    number: u64,
    /// The ids it was sent to, each with its number among the messages of its sender to this id. The id of a broadcast is
    /// "all".
    to: BTreeMap<String, u64>,
}

impl Content {
    fn write(&self) -> Text {
        let mut text = format!("{}\n{}", self.sender, self.number);
        for (id, count) in &self.to {
            write!(text, "\n{id}\n{count}").unwrap();
        }
        text.into_bytes().into()
    }

    fn read(text: &[u8]) -> Self {
        let mut lines = str::from_utf8(text).unwrap().lines();
        let mut next = || lines.next();
        let (sender, number) = (next().unwrap().parse().unwrap(), next().unwrap().parse().unwrap());
        let to = std::iter::from_fn(|| Some((next()?.to_owned(), next()?.parse().unwrap()))).collect();
        Self { sender, number, to }
    }
}

/// What the workers share.
struct Shared {
    scope: Scope,
    /// By worker and sender: the latest number that the worker's own session received.
    received: [[AtomicU64; WORKERS]; WORKERS],
    /// Number of arrivals of workers at their meetings.
    met: AtomicUsize,
    failed: AtomicBool,
    /// By sender and id: the number of messages.
    sent: Mutex<BTreeMap<usize, BTreeMap<String, u64>>>,
    overflows: AtomicUsize,
}

/// The stream of a session.
struct Stream {
    id: String,
    /// By sender and id: the number of the latest message.
    received: BTreeMap<(usize, String), u64>,
}

struct Worker<'shared> {
    shared: &'shared Shared,
    name: usize,
    member: Member,
    left: Arc<AtomicBool>,
    streams: BTreeMap<Key, Stream>,
    /// The keys of all sessions that this member has had.
    keys: BTreeSet<Key>,
    /// By sender: the number of the latest message from another thread.
    latest: BTreeMap<usize, u64>,
    number: u64,
    sent: BTreeMap<String, u64>,
    /// The ids that this member has sent to. `sent` also counts messages of earlier members of this worker.
    sent_to: BTreeSet<String>,
    requests: BTreeSet<Key>,
    random: u64,
    meetings: usize,
}

fn join(scope: &Scope, name: usize) -> (Member, Arc<AtomicBool>) {
    let left = Arc::new(AtomicBool::new(false));
    let (thread, has_left) = (thread::current(), Arc::clone(&left));
    let waker: Waker = Arc::new(move || {
        assert!(!has_left.load(Ordering::Relaxed), "a thread that has left is not woken");
        thread.unpark();
    });
    let max_bytes = if name == SMALL { 4_000 } else { DEFAULT_MAX_MAILBOX_BYTES };
    (scope.join(max_bytes, Some(waker)), left)
}

impl<'shared> Worker<'shared> {
    fn new(shared: &'shared Shared, name: usize) -> Self {
        let (member, left) = join(&shared.scope, name);
        Self {
            shared,
            name,
            member,
            left,
            streams: BTreeMap::new(),
            keys: BTreeSet::new(),
            latest: BTreeMap::new(),
            number: 0,
            sent: BTreeMap::new(),
            sent_to: BTreeSet::new(),
            requests: BTreeSet::new(),
            random: name as u64 + 1,
            meetings: 0,
        }
    }

    /// Returns a number below `limit`. The numbers are the same in each run.
    fn random(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn any_id(&mut self) -> String {
        match self.random(SHARED_IDS + WORKERS as u64) {
            shared if shared < SHARED_IDS => format!("shared {shared}"),
            own => own_id((own - SHARED_IDS) as usize),
        }
    }

    fn create(&mut self, id: &str) {
        let created = self.member.create(&utf16(id));
        if let Some(replaced) = created.replaced {
            assert!(self.streams.remove(&replaced).is_some_and(|stream| stream.id == id));
        }
        self.streams.insert(created.key, Stream { id: id.to_owned(), received: BTreeMap::new() });
        self.keys.insert(created.key);
    }

    fn remove(&mut self, id: &str) {
        if let Some(key) = self.member.remove(&utf16(id)) {
            assert!(self.streams.remove(&key).is_some_and(|stream| stream.id == id));
        }
    }

    fn content(&mut self, ids: impl IntoIterator<Item = String>) -> Content {
        self.number += 1;
        let mut to = BTreeMap::new();
        for id in ids {
            self.sent_to.insert(id.clone());
            // An id may be given twice.
            to.entry(id).or_insert_with_key(|id| {
                let count = self.sent.entry(id.clone()).or_default();
                *count += 1;
                *count
            });
        }
        Content { sender: self.name, number: self.number, to }
    }

    fn send_one(&mut self) {
        let id = self.any_id();
        let content = self.content([id.clone()]);
        let local = self.member.send_one(&utf16(&id), || Ok::<_, Infallible>(content.write())).unwrap();
        self.deliver(&content, local);
    }

    fn send(&mut self) {
        let ids: Vec<String> = (0..4).map(|_| self.any_id()).collect();
        let content = self.content(ids);
        let mut route = Route::new(&self.member);
        content.to.keys().for_each(|id| route.add(&utf16(id)));
        let local = route.send(|| Ok::<_, Infallible>(content.write())).unwrap();
        self.deliver(&content, local);
    }

    fn broadcast(&mut self) {
        let content = self.content(["all".to_owned()]);
        // Sessions that other threads removed receive nothing more from this thread.
        let evicted = match self.member.flags().evicted.load(Ordering::Relaxed) {
            0 => vec![],
            _ => self.member.evicted(),
        };
        self.deliver_to_all(&content, Key::latest(), &evicted);
        self.member.send_elsewhere(|| Ok::<_, Infallible>(content.write())).unwrap();
    }

    fn deliver(&mut self, content: &Content, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            assert!(self.keys.contains(&key), "the session belongs to this thread");
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let number = *content.to.get(&stream.id).expect("it was sent to this session");
            let last = stream.received.insert((content.sender, stream.id.clone()), number);
            assert!(last.is_none_or(|last| number == last + 1), "{last:?} was followed by {number}");
            if stream.id == own_id(self.name) {
                self.shared.received[self.name][content.sender].store(number, Ordering::Release);
            }
        }
    }

    fn deliver_to_all(&mut self, content: &Content, until: Key, evicted: &[Key]) {
        let number = content.to["all"];
        for (key, stream) in self.streams.range_mut(..=until) {
            if evicted.contains(key) {
                continue;
            }
            let last = stream.received.insert((content.sender, "all".to_owned()), number);
            assert!(last.is_none_or(|last| number > last));
            // Sessions other than the own one may miss messages: a thread whose last session was deleted is left out.
            let is_own = stream.id == own_id(self.name);
            assert!(
                !is_own || last.is_none_or(|last| number == last + 1),
                "{last:?} was followed by {number}"
            );
        }
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_empty() {
                return;
            }
            if drained.overflowed {
                assert_eq!(self.name, SMALL);
                self.shared.overflows.fetch_add(1, Ordering::Relaxed);
                self.member.forget_all();
                self.streams.clear();
                self.create(&own_id(self.name));
            }
            drained.messages.into_iter().for_each(|message| self.process(message));
        }
    }

    fn process(&mut self, message: ThreadMessage) {
        match message {
            ThreadMessage::Unicast { key, text } => {
                let content = self.receive(&text);
                self.deliver(&content, vec![key]);
            }
            ThreadMessage::Multicast { keys, text } => {
                let content = self.receive(&text);
                self.deliver(&content, keys);
            }
            ThreadMessage::Broadcast { until, text } => {
                let content = self.receive(&text);
                self.deliver_to_all(&content, until, &[]);
            }
            ThreadMessage::Close { key, .. } => {
                assert!(self.keys.contains(&key), "the session belongs to this thread");
                // Unless the mailbox overflowed, it arrives once, and only for a stream that this thread has not closed.
                let closed = self.streams.remove(&key).is_some();
                self.member.mark_closed(key);
                assert!(closed || self.name == SMALL);
            }
            ThreadMessage::Flush { completion } => drop(completion),
            ThreadMessage::Reply { request, .. } => {
                assert!(self.requests.remove(&request), "it is open")
            }
            ThreadMessage::Notify { .. } | ThreadMessage::CloseRegistrations { .. } => {
                panic!("there are no registrations")
            }
            ThreadMessage::Lost { .. } | ThreadMessage::LostBroadcast { .. } => {
                panic!("no message is larger than a mailbox")
            }
            ThreadMessage::CaughtUp { .. } => panic!("no session is direct"),
            ThreadMessage::Report { .. } => panic!("there is no backplane"),
        }
    }

    /// Reads a message from another thread, and checks its order.
    fn receive(&mut self, text: &[u8]) -> Content {
        let content = Content::read(text);
        let last = self.latest.insert(content.sender, content.number);
        assert!(last.is_none_or(|last| last < content.number), "in the order of each sender");
        content
    }

    /// Flushes and waits for the reply. Drains the mailbox only when woken.
    fn flush(&mut self) {
        if let Some(request) = self.member.flush() {
            self.requests.insert(request);
            self.drain();
            let since = Instant::now();
            while self.requests.contains(&request) {
                assert!(since.elapsed() < WAKE_TIMEOUT && !self.shared.failed.load(Ordering::Relaxed));
                thread::park_timeout(WAKE_TIMEOUT);
                self.drain();
            }
        }
        // A flush does not wait for messages that an earlier member of this worker sent.
        for worker in (0..WORKERS).filter(|worker| ![self.name, LEAVER, SMALL].contains(worker)) {
            let (id, received) =
                (own_id(worker), self.shared.received[worker][self.name].load(Ordering::Acquire));
            assert!(
                !self.sent_to.contains(&id) || received == self.sent[&id],
                "{received} of {}",
                self.sent[&id]
            );
        }
    }

    fn leave(&mut self) {
        let (next, left) = join(&self.shared.scope, self.name);
        let old = std::mem::replace(&mut self.member, next);
        old.leave();
        std::mem::replace(&mut self.left, left).store(true, Ordering::Relaxed);
        assert!(old.drain().is_empty());
        self.streams.clear();
        self.keys.clear();
        self.sent_to.clear();
    }

    fn step(&mut self) {
        match self.random(40) {
            0..12 => self.send_one(),
            12..18 => self.send(),
            18..22 => self.broadcast(),
            22..29 => {
                let shared = self.random(SHARED_IDS);
                self.create(&format!("shared {shared}"));
            }
            29..33 => {
                let shared = self.random(SHARED_IDS);
                self.remove(&format!("shared {shared}"));
            }
            33 if self.name == LEAVER => self.leave(),
            34 if self.name != SMALL || self.random(20) == 0 => self.flush(),
            35.. if self.name != SMALL => self.drain(),
            _ => {}
        }
    }

    /// Waits until all workers are here. Drains meanwhile, because others may wait for a reply.
    fn meet(&mut self) {
        self.meetings += 1;
        self.shared.met.fetch_add(1, Ordering::AcqRel);
        while self.shared.met.load(Ordering::Acquire) < self.meetings * WORKERS {
            assert!(!self.shared.failed.load(Ordering::Relaxed), "another worker has failed");
            self.drain();
            thread::yield_now();
        }
        self.drain();
    }

    fn work(mut self) {
        if self.name != LEAVER {
            self.create(&own_id(self.name));
        }
        self.meet();
        (0..STEPS).for_each(|_| self.step());
        self.shared.sent.lock().unwrap().insert(self.name, self.sent.clone());
        self.meet();
        if ![LEAVER, SMALL].contains(&self.name) {
            self.check_that_everything_arrived();
        }
        self.meet();
        let ids: Vec<String> = self.streams.values().map(|stream| stream.id.clone()).collect();
        ids.iter().for_each(|id| self.remove(id));
        self.meet();
        assert!(self.member.is_empty());
        let flags = self.member.flags();
        assert_eq!(flags.others_have_sessions.load(Ordering::Relaxed), 0, "all sessions were uncounted");
        assert_eq!(flags.evicted.load(Ordering::Relaxed), 0, "all evicted streams are closed");
        self.meet();
    }

    fn check_that_everything_arrived(&self) {
        let own = self
            .streams
            .values()
            .find(|stream| stream.id == own_id(self.name))
            .expect("its own session exists");
        for (sender, sent) in &*self.shared.sent.lock().unwrap() {
            for to in [own.id.clone(), "all".to_owned()] {
                let count = sent.get(&to).copied();
                assert_eq!(own.received.get(&(*sender, to)).copied(), count);
            }
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.shared.failed.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn every_session_receives_everything_sent_to_it_while_it_exists_and_nothing_else() {
    let shared = Shared {
        scope: Scope::Named(utf16("threads").into()),
        received: Default::default(),
        met: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        sent: Mutex::default(),
        overflows: AtomicUsize::new(0),
    };
    thread::scope(|scope| {
        for name in 0..WORKERS {
            let shared = &shared;
            scope.spawn(move || Worker::new(shared, name).work());
        }
    });
    assert!(shared.overflows.into_inner() > 0, "the small mailbox overflowed");
    assert!(shared.scope.join(0, None).is_empty());
}
