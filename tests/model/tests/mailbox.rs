//! Models of the mailbox. The model checker loom runs each model once for every order in which its threads can interleave.
//! A model also fails when a thread waits forever, because loom detects a deadlock.
//!
//! The number of orders grows quickly with the size of a model. The models are therefore small: one or two threads that
//! post, and the thread that owns the mailbox. Loom runs all orders of a model, except for a few models that limit how many
//! times threads interrupt each other.

use std::mem;
use std::sync::Arc;

use loom::cell::Cell;
use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use model::mailbox::{Drained, Limit, Mailbox, Postable, Posted, Waker};

const NO_LIMIT: Limit = Limit { messages: usize::MAX, bytes: usize::MAX };
const ONE_BY_ONE: Limit = Limit { messages: 1, bytes: usize::MAX };
const ROOM_FOR_ALL: usize = 100;

#[derive(Debug, PartialEq, Eq)]
struct TestMessage {
    from: usize,
    number: usize,
}

impl Postable for TestMessage {
    type Table = ();

    fn weight(&self) -> usize {
        1
    }
}

/// Returns the sender and the number of each message.
fn list(messages: &[TestMessage]) -> Vec<(usize, usize)> {
    messages.iter().map(|message| (message.from, message.number)).collect()
}

fn numbers_from(sender: usize, messages: &[TestMessage]) -> Vec<usize> {
    messages.iter().filter(|message| message.from == sender).map(|message| message.number).collect()
}

/// Lets a thread sleep and wakes it.
#[derive(Default)]
struct Bell {
    /// Number of rings since the thread last woke.
    rings: Mutex<usize>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rings.lock().unwrap() += 1;
        self.rung.notify_one();
    }

    /// Sleeps until the bell rings, unless it has rung already. Several rings may wake the thread once.
    fn wait(&self) {
        let mut rings = self.rings.lock().unwrap();
        while mem::take(&mut *rings) == 0 {
            rings = self.rung.wait(rings).unwrap();
        }
    }

    fn has_rung(&self) -> bool {
        mem::take(&mut *self.rings.lock().unwrap()) > 0
    }
}

fn with_bell<T: Postable>(max_bytes: usize) -> (Arc<Mailbox<T>>, Arc<Bell>) {
    let bell = Arc::new(Bell::default());
    let ringer = Arc::clone(&bell);
    let waker: Waker = Arc::new(move || ringer.ring());
    (Arc::new(Mailbox::new(max_bytes, Some(waker))), bell)
}

/// Returns a mailbox and the number of times that its thread was woken.
fn with_counter<T: Postable>(max_bytes: usize) -> (Arc<Mailbox<T>>, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&wakes);
    let waker: Waker = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (Arc::new(Mailbox::new(max_bytes, Some(waker))), wakes)
}

/// Runs a model that has too many orders to run all of them: only those with at most `at_most` interruptions.
fn model_with_interruptions(at_most: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(at_most);
    builder.check(model);
}

fn sender(mailbox: &Arc<Mailbox<TestMessage>>, from: usize, messages: usize) -> JoinHandle<()> {
    let mailbox = Arc::clone(mailbox);
    thread::spawn(move || {
        for number in 0..messages {
            assert_eq!(mailbox.post(TestMessage { from, number }), Posted::Queued);
        }
    })
}

fn join(thread: JoinHandle<()>) {
    thread.join().unwrap();
}

/// Drains as the addon does: until the mailbox is empty.
fn drain_all(mailbox: &Mailbox<TestMessage>, mut process: impl FnMut(Drained<TestMessage>)) {
    loop {
        let drained = mailbox.drain(NO_LIMIT);
        if drained.is_empty() {
            return;
        }
        process(drained);
    }
}

/// Two threads send messages, as many as `messages` says, to a thread that drains only when woken.
fn drain_when_woken(messages: [usize; 2], drain_now: impl Fn(&Mailbox<TestMessage>, &mut Vec<TestMessage>)) {
    let (mailbox, bell) = with_bell(ROOM_FOR_ALL);
    let senders = [sender(&mailbox, 0, messages[0]), sender(&mailbox, 1, messages[1])];
    let mut got = vec![];
    while got.len() < messages.iter().sum() {
        bell.wait();
        drain_now(&mailbox, &mut got);
    }
    senders.into_iter().for_each(join);
    for (from, messages) in messages.into_iter().enumerate() {
        assert_eq!(numbers_from(from, &got), Vec::from_iter(0..messages));
    }
    assert!(mailbox.drain(NO_LIMIT).is_empty());
    assert_eq!(mailbox.bytes(), 0);
}

fn until_empty(mailbox: &Mailbox<TestMessage>, got: &mut Vec<TestMessage>) {
    drain_all(mailbox, |drained| got.extend(drained.messages));
}

fn one_message_and_wake_again(mailbox: &Mailbox<TestMessage>, got: &mut Vec<TestMessage>) {
    let drained = mailbox.drain(ONE_BY_ONE);
    if !drained.is_empty() {
        got.extend(drained.messages);
        mailbox.wake();
    }
}

#[test]
fn a_thread_that_drains_only_when_woken_gets_everything_in_the_order_of_each_sender() {
    loom::model(|| drain_when_woken([1, 1], until_empty));
    model_with_interruptions(4, || drain_when_woken([2, 1], until_empty));
}

#[test]
fn a_thread_that_stops_early_and_wakes_itself_gets_everything() {
    loom::model(|| drain_when_woken([1, 1], one_message_and_wake_again));
    model_with_interruptions(4, || drain_when_woken([2, 1], one_message_and_wake_again));
}

#[test]
fn a_burst_wakes_a_thread_once() {
    loom::model(|| {
        let (mailbox, wakes) = with_counter(ROOM_FOR_ALL);
        [sender(&mailbox, 1, 2), sender(&mailbox, 2, 2)].into_iter().for_each(join);
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT).messages.len(), 4);
    });
}

#[test]
fn a_thread_is_woken_again_only_after_an_empty_drain() {
    loom::model(|| {
        let (mailbox, wakes) = with_counter(ROOM_FOR_ALL);
        let senders = [sender(&mailbox, 1, 2), sender(&mailbox, 2, 1)];
        let empty_drains = (0..3).filter(|_| mailbox.drain(NO_LIMIT).is_empty()).count();
        senders.into_iter().for_each(join);
        let wakes = wakes.load(Ordering::Relaxed);
        assert!((1..=empty_drains + 1).contains(&wakes), "{wakes} wakes, {empty_drains} empty drains");
    });
}

/// The thread counts as done with a message only after the drain that follows it. A request posted behind the message must
/// not be completed earlier.
#[test]
fn a_request_posted_behind_a_message_never_overtakes_it() {
    const MESSAGE: (usize, usize) = (1, 0);
    const REQUEST: (usize, usize) = (1, 1);
    loom::model(|| {
        let (mailbox, bell) = with_bell(ROOM_FOR_ALL);
        let is_processed = Arc::new(AtomicBool::new(false));
        let requester = {
            let (mailbox, is_processed) = (Arc::clone(&mailbox), Arc::clone(&is_processed));
            thread::spawn(move || {
                mailbox.post(TestMessage { from: 1, number: 0 });
                match mailbox.post_behind(TestMessage { from: 1, number: 1 }) {
                    Ok(posted) => assert_eq!(posted, Posted::Queued),
                    Err(_) => {
                        assert!(
                            is_processed.load(Ordering::Relaxed),
                            "otherwise there was a message to follow"
                        )
                    }
                }
            })
        };
        let other = sender(&mailbox, 2, 1);

        let mut got = vec![];
        let mut drain_now = || {
            drain_all(&mailbox, |drained| {
                got.extend(list(&drained.messages));
                if got.contains(&MESSAGE) {
                    is_processed.store(true, Ordering::Relaxed);
                }
            });
        };
        bell.wait();
        drain_now();
        [requester, other].into_iter().for_each(join);
        if bell.has_rung() {
            drain_now();
        }
        let message = got.iter().position(|message| *message == MESSAGE);
        let request = got.iter().position(|message| *message == REQUEST);
        assert!(message.is_some(), "the thread was woken for it");
        assert!(request.is_none() || request > message, "{got:?}");
        assert!(mailbox.drain(NO_LIMIT).is_empty(), "the thread was woken for everything");
    });
}

/// Two threads send two messages each to a mailbox with room for `max_bytes` messages.
fn overflow(max_bytes: usize) {
    let (mailbox, bell) = with_bell::<TestMessage>(max_bytes);
    let senders = [1, 2].map(|from| {
        let mailbox = Arc::clone(&mailbox);
        thread::spawn(move || [0, 1].map(|number| mailbox.post(TestMessage { from, number })))
    });
    let (mut overflows, mut got) = (0, vec![]);
    let mut drain_now = || {
        drain_all(&mailbox, |drained| {
            assert!(!drained.overflowed || drained.messages.is_empty(), "the queued messages were dropped");
            overflows += usize::from(drained.overflowed);
            got.extend(drained.messages);
        });
    };
    bell.wait();
    drain_now();
    let posted = senders.map(|sender| sender.join().unwrap());
    if bell.has_rung() {
        drain_now();
    }
    assert!(mailbox.drain(NO_LIMIT).is_empty(), "the thread was woken for everything");
    assert_eq!(mailbox.bytes(), 0);
    let refused = posted.iter().flatten().filter(|posted| **posted == Posted::Overflowed).count();
    assert_eq!(overflows > 0, refused > 0, "{posted:?}");
    // Only messages that were refused or queued at the time of an overflow are missing.
    let missing = 4 - got.len();
    assert!((refused..=refused + overflows * max_bytes).contains(&missing), "{got:?}, {posted:?}");
    for from in [1, 2] {
        assert!(numbers_from(from, &got).is_sorted());
    }
}

#[test]
fn an_overflow_is_reported_to_the_thread_and_nothing_else_loses_messages() {
    for max_bytes in 0..=2 {
        loom::model(move || overflow(max_bytes));
    }
}

#[test]
fn a_reply_arrives_once_and_wakes_the_thread_even_if_the_mailbox_is_full() {
    const REPLY: (usize, usize) = (0, 0);
    loom::model(|| {
        let (mailbox, bell) = with_bell::<TestMessage>(1);
        let overflowing = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for number in 0..2 {
                    mailbox.post(TestMessage { from: 1, number });
                }
            })
        };
        let replying = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.reply(TestMessage { from: 0, number: 0 }))
        };
        let mut got = vec![];
        while !got.contains(&REPLY) {
            bell.wait();
            drain_all(&mailbox, |drained| got.extend(list(&drained.messages)));
        }
        [overflowing, replying].into_iter().for_each(join);
        drain_all(&mailbox, |drained| got.extend(list(&drained.messages)));
        assert_eq!(got.iter().filter(|message| **message == REPLY).count(), 1);
    });
}

/// The JavaScript environment of a thread. The waker must not be used after its end. Loom fails a model in which one thread
/// uses a `Cell` and another thread may do so at the same time.
struct Environment {
    ended: Cell<bool>,
}

// SAFETY: loom runs all threads of a model on one thread, one at a time, so accesses never overlap.
unsafe impl Sync for Environment {}
// SAFETY: loom runs all threads of a model on one thread, so the value never moves to another one.
unsafe impl Send for Environment {}

impl Environment {
    fn used(&self) {
        assert!(!self.ended.get(), "used after its end");
    }
}

/// The function that a waker owns.
struct ThreadsafeFunction {
    environment: Arc<Environment>,
}

impl ThreadsafeFunction {
    fn call(&self) {
        self.environment.used();
    }
}

impl Drop for ThreadsafeFunction {
    fn drop(&mut self) {
        // Releasing the function after the end is as wrong as calling it.
        if !std::thread::panicking() {
            self.environment.used();
        }
    }
}

/// Two threads post to a thread that ends.
fn end_while_others_post() {
    loom::model(|| {
        let environment = Arc::new(Environment { ended: Cell::new(false) });
        let function = ThreadsafeFunction { environment: Arc::clone(&environment) };
        let waker: Waker = Arc::new(move || function.call());
        let mailbox = Arc::new(Mailbox::new(ROOM_FOR_ALL, Some(waker)));
        let posting = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.post(TestMessage { from: 1, number: 0 }))
        };
        let waking = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.wake())
        };
        mailbox.drain(NO_LIMIT);
        mailbox.close();
        environment.ended.set(true);
        assert!(cfg!(feature = "unguarded") || Arc::strong_count(&environment) == 1, "the waker was dropped");
        posting.join().unwrap();
        waking.join().unwrap();
        assert_eq!(mailbox.post(TestMessage { from: 0, number: 0 }), Posted::Closed);
        assert!(mailbox.drain(NO_LIMIT).is_empty(), "closed mailboxes stay empty");
    });
}

#[cfg(not(feature = "unguarded"))]
#[test]
fn the_waker_of_a_closed_mailbox_is_never_used() {
    end_while_others_post();
}

#[cfg(feature = "unguarded")]
#[test]
#[should_panic(expected = "Causality violation")]
fn without_the_guard_a_waker_is_used_after_the_end_of_its_thread() {
    end_while_others_post();
}

/// A message that is counted while it exists.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(alive))
    }
}

impl Postable for Counted {
    type Table = ();

    fn weight(&self) -> usize {
        1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_closed_mailbox_keeps_no_messages_that_are_posted_meanwhile() {
    loom::model(|| {
        let (mailbox, _) = with_counter::<Counted>(2);
        let alive = Arc::new(AtomicUsize::new(0));
        let posting = {
            let (mailbox, alive) = (Arc::clone(&mailbox), Arc::clone(&alive));
            thread::spawn(move || {
                mailbox.post(Counted::new(&alive));
                drop(mailbox.post_behind(Counted::new(&alive)));
            })
        };
        let replying = {
            let (mailbox, alive) = (Arc::clone(&mailbox), Arc::clone(&alive));
            thread::spawn(move || mailbox.reply(Counted::new(&alive)))
        };
        mailbox.close();
        [posting, replying].into_iter().for_each(join);
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

/// A request, which is completed when it is dropped, or a reply.
enum RequestOrReply {
    Request { requester: Arc<Mailbox<RequestOrReply>> },
    Reply,
}

impl Postable for RequestOrReply {
    type Table = ();

    fn weight(&self) -> usize {
        1
    }
}

impl Drop for RequestOrReply {
    fn drop(&mut self) {
        if let Self::Request { requester } = self {
            requester.reply(Self::Reply);
        }
    }
}

fn replies(mailbox: &Mailbox<RequestOrReply>) -> usize {
    mailbox.drain(NO_LIMIT).messages.iter().filter(|message| matches!(message, RequestOrReply::Reply)).count()
}

#[test]
fn threads_that_drop_requests_of_each_other_do_not_deadlock() {
    loom::model(|| {
        let (one, _) = with_counter::<RequestOrReply>(1);
        let (other, _) = with_counter::<RequestOrReply>(1);
        let request = |receiver: &Arc<Mailbox<RequestOrReply>>, requester: &Arc<Mailbox<RequestOrReply>>| {
            receiver.post(RequestOrReply::Request { requester: Arc::clone(requester) });
        };
        request(&one, &other);
        request(&other, &one);
        let overflowing = {
            let (one, other) = (Arc::clone(&one), Arc::clone(&other));
            thread::spawn(move || request(&other, &one))
        };
        let closing = {
            let other = Arc::clone(&other);
            thread::spawn(move || other.close())
        };
        request(&one, &other);
        [overflowing, closing].into_iter().for_each(join);
        assert_eq!(
            replies(&one),
            2,
            "one request went to a full mailbox and one to a closed one, or both went to one of them"
        );
        assert!(other.drain(NO_LIMIT).is_empty());
    });
}

#[test]
fn mailboxes_that_hold_requests_of_each_other_can_be_closed_at_once() {
    loom::model(|| {
        let (one, _) = with_counter::<RequestOrReply>(ROOM_FOR_ALL);
        let (other, _) = with_counter::<RequestOrReply>(ROOM_FOR_ALL);
        one.post(RequestOrReply::Request { requester: Arc::clone(&other) });
        other.post(RequestOrReply::Request { requester: Arc::clone(&one) });
        let closing = {
            let other = Arc::clone(&other);
            thread::spawn(move || other.close())
        };
        one.close();
        join(closing);
        assert_eq!((replies(&one), replies(&other)), (0, 0));
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&other)), (1, 1), "no request is left");
    });
}
