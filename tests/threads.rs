//! Several threads that send, create, delete, flush, overflow and leave at full speed. Whatever order they meet in: a
//! stream gets what was sent to its session while it lived, without a gap, once, in each sender's order; and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tmcp_session_manager::hub::DEFAULT_MAX_MAILBOX_BYTES;
use tmcp_session_manager::mailbox::Waker;
use tmcp_session_manager::member::Member;
use tmcp_session_manager::post::{Post, Text};
use tmcp_session_manager::scopes::Scope;
use tmcp_session_manager::sessions::Key;

const WORKERS: usize = 5;
/// Leaves now and then.
const LEAVER: usize = 3;
/// Has a small mailbox, and drains it seldom.
const SMALL: usize = 4;
const STEPS: usize = 20_000;
/// Of sessions that everybody creates, replaces and deletes.
const SHARED_IDS: u64 = 12;
/// A thread that nobody wakes for so long has been forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// The session of a worker that nobody else touches.
fn own_id(worker: usize) -> String {
    format!("own {worker}")
}

/// What a message is made of: who sent it, the number of it among all that one has sent, and the ids it was sent to, each
/// with its number among all that one has sent there. For a message to all, the id is "all".
struct Letter {
    sender: usize,
    number: u64,
    to: BTreeMap<String, u64>,
}

impl Letter {
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

/// What all of them share.
struct World {
    scope: Scope,
    /// By worker and sender: the latest number that the worker's own session got.
    got: [[AtomicU64; WORKERS]; WORKERS],
    /// How often any has come to where all meet.
    met: AtomicUsize,
    failed: AtomicBool,
    /// By sender: how much it sent, by id.
    sent: Mutex<BTreeMap<usize, BTreeMap<String, u64>>>,
    overflows: AtomicUsize,
}

/// What the stream of a session got: the number of the latest, by sender and by what it was sent to.
struct Stream {
    id: String,
    got: BTreeMap<(usize, String), u64>,
}

struct Worker<'world> {
    world: &'world World,
    name: usize,
    member: Member,
    left: Arc<AtomicBool>,
    streams: BTreeMap<Key, Stream>,
    /// Of all sessions that this member has had.
    keys: BTreeSet<Key>,
    /// By sender: the number of the latest post.
    heard: BTreeMap<usize, u64>,
    number: u64,
    sent: BTreeMap<String, u64>,
    /// What this member has sent to, and not only those before it that have left.
    sent_to: BTreeSet<String>,
    questions: BTreeSet<Key>,
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

impl<'world> Worker<'world> {
    fn new(world: &'world World, name: usize) -> Self {
        let (member, left) = join(&world.scope, name);
        Self {
            world,
            name,
            member,
            left,
            streams: BTreeMap::new(),
            keys: BTreeSet::new(),
            heard: BTreeMap::new(),
            number: 0,
            sent: BTreeMap::new(),
            sent_to: BTreeSet::new(),
            questions: BTreeSet::new(),
            random: name as u64 + 1,
            meetings: 0,
        }
    }

    /// Below `limit`; the same ones in each run.
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
        self.streams.insert(created.key, Stream { id: id.to_owned(), got: BTreeMap::new() });
        self.keys.insert(created.key);
    }

    fn remove(&mut self, id: &str) {
        if let Some(key) = self.member.remove(&utf16(id)) {
            assert!(self.streams.remove(&key).is_some_and(|stream| stream.id == id));
        }
    }

    fn letter(&mut self, ids: impl IntoIterator<Item = String>) -> Letter {
        self.number += 1;
        let mut to = BTreeMap::new();
        for id in ids {
            self.sent_to.insert(id.clone());
            // Ids may be given twice.
            to.entry(id).or_insert_with_key(|id| {
                let count = self.sent.entry(id.clone()).or_default();
                *count += 1;
                *count
            });
        }
        Letter { sender: self.name, number: self.number, to }
    }

    fn send_one(&mut self) {
        let id = self.any_id();
        let letter = self.letter([id.clone()]);
        let mine = self.member.send_one(&utf16(&id), || Ok::<_, Infallible>(letter.write())).unwrap();
        self.deliver(&letter, mine);
    }

    fn send(&mut self) {
        let ids: Vec<String> = (0..4).map(|_| self.any_id()).collect();
        let letter = self.letter(ids);
        let mut route = self.member.route();
        letter.to.keys().for_each(|id| route.add(&utf16(id)));
        let mine = route.send(|| Ok::<_, Infallible>(letter.write())).unwrap();
        self.deliver(&letter, mine);
    }

    fn send_to_all(&mut self) {
        let letter = self.letter(["all".to_owned()]);
        // Those that are no more get nothing more from here.
        let evicted = match self.member.signs().evicted.load(Ordering::Relaxed) {
            0 => vec![],
            _ => self.member.evicted(),
        };
        self.deliver_to_all(&letter, Key::latest(), &evicted);
        self.member.send_elsewhere(|| Ok::<_, Infallible>(letter.write())).unwrap();
    }

    fn deliver(&mut self, letter: &Letter, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            assert!(self.keys.contains(&key), "a session of another thread's");
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let number = *letter.to.get(&stream.id).expect("it was sent to this session");
            let last = stream.got.insert((letter.sender, stream.id.clone()), number);
            assert!(last.is_none_or(|last| number == last + 1), "{last:?} was followed by {number}");
            if stream.id == own_id(self.name) {
                self.world.got[self.name][letter.sender].store(number, Ordering::Release);
            }
        }
    }

    fn deliver_to_all(&mut self, letter: &Letter, until: Key, evicted: &[Key]) {
        let number = letter.to["all"];
        for (key, stream) in self.streams.range_mut(..=until) {
            if evicted.contains(key) {
                continue;
            }
            let last = stream.got.insert((letter.sender, "all".to_owned()), number);
            assert!(last.is_none_or(|last| number > last));
            // Others may have been deleted already, so that their thread was left out when it had none but them.
            let lives = stream.id == own_id(self.name);
            assert!(
                !lives || last.is_none_or(|last| number == last + 1),
                "{last:?} was followed by {number}"
            );
        }
    }

    fn drain(&mut self) {
        loop {
            let drained = self.member.drain();
            if drained.is_nothing() {
                return;
            }
            if drained.overflowed {
                assert_eq!(self.name, SMALL);
                self.world.overflows.fetch_add(1, Ordering::Relaxed);
                self.member.forget_all();
                self.streams.clear();
                self.create(&own_id(self.name));
            }
            drained.posts.into_iter().for_each(|post| self.deal_with(post));
        }
    }

    fn deal_with(&mut self, post: Post) {
        match post {
            Post::Message { key, text } => {
                let letter = self.heard(&text);
                self.deliver(&letter, vec![key]);
            }
            Post::Multicast { keys, text } => {
                let letter = self.heard(&text);
                self.deliver(&letter, keys);
            }
            Post::Broadcast { until, text } => {
                let letter = self.heard(&text);
                self.deliver_to_all(&letter, until, &[]);
            }
            Post::Close { key, .. } => {
                assert!(self.keys.contains(&key), "a session of another thread's");
                // Without an overflow, it is told once, and only of what this thread has not closed itself.
                let closed = self.streams.remove(&key).is_some();
                self.member.has_closed(key);
                assert!(closed || self.name == SMALL);
            }
            Post::Flush { receipt } => drop(receipt),
            Post::Answer { question, .. } => {
                assert!(self.questions.remove(&question), "asked, and answered once")
            }
            Post::Notify { .. } | Post::End { .. } => panic!("nobody is registered"),
            Post::Report { .. } => panic!("there are no other machines"),
        }
    }

    fn heard(&mut self, text: &[u8]) -> Letter {
        let letter = Letter::read(text);
        let last = self.heard.insert(letter.sender, letter.number);
        assert!(last.is_none_or(|last| last < letter.number), "in each sender's order");
        letter
    }

    /// Waits until it is answered, and drains only when woken.
    fn flush(&mut self) {
        if let Some(question) = self.member.flush() {
            self.questions.insert(question);
            self.drain();
            let asked = Instant::now();
            while self.questions.contains(&question) {
                assert!(asked.elapsed() < FORGOTTEN && !self.world.failed.load(Ordering::Relaxed));
                thread::park_timeout(FORGOTTEN);
                self.drain();
            }
        }
        // A member does not wait for what the one before it has sent.
        for worker in (0..WORKERS).filter(|worker| ![self.name, LEAVER, SMALL].contains(worker)) {
            let (id, got) = (own_id(worker), self.world.got[worker][self.name].load(Ordering::Acquire));
            assert!(!self.sent_to.contains(&id) || got == self.sent[&id], "{got} of {}", self.sent[&id]);
        }
    }

    fn leave(&mut self) {
        let (next, left) = join(&self.world.scope, self.name);
        let gone = std::mem::replace(&mut self.member, next);
        gone.leave();
        std::mem::replace(&mut self.left, left).store(true, Ordering::Relaxed);
        assert!(gone.drain().is_nothing());
        self.streams.clear();
        self.keys.clear();
        self.sent_to.clear();
    }

    fn step(&mut self) {
        match self.random(40) {
            0..12 => self.send_one(),
            12..18 => self.send(),
            18..22 => self.send_to_all(),
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

    /// Waits until all are here. Others may wait for this one in the meantime.
    fn meet(&mut self) {
        self.meetings += 1;
        self.world.met.fetch_add(1, Ordering::AcqRel);
        while self.world.met.load(Ordering::Acquire) < self.meetings * WORKERS {
            assert!(!self.world.failed.load(Ordering::Relaxed), "another one has failed");
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
        self.world.sent.lock().unwrap().insert(self.name, self.sent.clone());
        self.meet();
        if ![LEAVER, SMALL].contains(&self.name) {
            self.check_that_all_has_come();
        }
        self.meet();
        let ids: Vec<String> = self.streams.values().map(|stream| stream.id.clone()).collect();
        ids.iter().for_each(|id| self.remove(id));
        self.meet();
        assert!(self.member.is_empty());
        let signs = self.member.signs();
        assert_eq!(signs.others_have_sessions.load(Ordering::Relaxed), 0, "as many were counted out as in");
        assert_eq!(signs.evicted.load(Ordering::Relaxed), 0, "all that are no more are closed");
        self.meet();
    }

    fn check_that_all_has_come(&self) {
        let own = self.streams.values().find(|stream| stream.id == own_id(self.name)).expect("it is there");
        for (sender, sent) in &*self.world.sent.lock().unwrap() {
            for to in [own.id.clone(), "all".to_owned()] {
                let count = sent.get(&to).copied();
                assert_eq!(own.got.get(&(*sender, to)).copied(), count);
            }
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.world.failed.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn every_session_gets_all_that_was_sent_to_it_while_it_lived_and_nothing_else() {
    let world = World {
        scope: Scope::Named(utf16("threads").into()),
        got: Default::default(),
        met: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
        sent: Mutex::default(),
        overflows: AtomicUsize::new(0),
    };
    thread::scope(|scope| {
        for name in 0..WORKERS {
            let world = &world;
            scope.spawn(move || Worker::new(world, name).work());
        }
    });
    assert!(world.overflows.into_inner() > 0, "the small mailbox has overflowed");
    assert!(world.scope.join(0, None).is_empty());
}
