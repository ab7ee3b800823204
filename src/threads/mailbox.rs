//! A thread's mailbox: a bounded queue, and a guard around the function that wakes the thread.
//!
//! A thread may end at any moment. Its waker must not be called after its environment began to shut down, so the waker is
//! only reachable through a lock. A thread that posts calls the waker under the read lock. [`Mailbox::close`] takes the
//! waker out under the write lock, which waits for calls in progress. The waker is never cloned out of the lock.
//!
//! The model checker loom runs this file in every order in which threads can interleave, and shows what happens without
//! the guard: see `tests/model`.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use super::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// A message that a mailbox can hold.
pub trait Postable: Sized {
    /// A table that the mailbox keeps for its thread. A sender reads it in the same step as it posts.
    type Table: Default;

    /// Returns the number of bytes that the message counts against the mailbox's limit.
    fn weight(&self) -> usize;

    /// Called, without a lock held, for each message that is dropped when the mailbox overflows.
    fn dropped(self) {}

    /// Called for a message that is larger than the whole mailbox. Returns the message to post in its place, which tells the
    /// receivers of their loss; if that is too large as well, the mailbox overflows. Returns the message itself as an error
    /// when the sender learns of the loss, by [`Postable::rejected`].
    fn too_large(self) -> Result<Self, Self> {
        Ok(self)
    }

    /// Called, without a lock held, for a message that [`Postable::too_large`] returned as an error.
    fn rejected(self) {}
}

/// The result of posting a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The message is in the mailbox.
    Queued,
    /// The mailbox was full. This message and all queued ones, except replies, were dropped. The next drain reports it.
    Overflowed,
    /// The message alone is larger than the mailbox. It was dropped, and nothing else was.
    TooLarge,
    /// There was no message for the mailbox.
    Nothing,
    /// The thread has left. The message was dropped.
    Closed,
}

/// The result of [`Mailbox::switch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// The thread has processed everything that was posted before.
    Idle,
    /// The thread has to process what was posted before. The marker is behind it, or the next drain reports an overflow.
    Behind,
    /// The thread has left. Nothing has changed.
    Closed,
}

/// The messages that one drain took from a mailbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Drained<T> {
    /// True when the mailbox overflowed since the last drain. Streams that missed a message must then be closed before
    /// `messages` are processed.
    pub overflowed: bool,
    /// The messages: replies first, then the others, oldest first.
    pub messages: Vec<T>,
}

impl<T> Drained<T> {
    /// Returns true when there was nothing in the mailbox.
    pub fn is_empty(&self) -> bool {
        !self.overflowed && self.messages.is_empty()
    }
}

/// Limits of one drain, so that a full mailbox does not keep a thread from its other work.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Maximum number of messages.
    pub messages: usize,
    /// Maximum weight in bytes. The first message is taken even when it weighs more.
    pub bytes: usize,
}

/// Number of messages for which an empty mailbox keeps its memory.
const KEPT_CAPACITY: usize = 1_024;

/// Wakes a thread so that it drains its mailbox. May be called by any thread. The queue is not locked during the call.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A bounded queue of messages for one thread. See the [module documentation](self) for the guard around its waker.
pub struct Mailbox<T: Postable> {
    queue: Mutex<Queue<T>>,
    waker: RwLock<Option<Waker>>,
}

struct Queue<T: Postable> {
    table: T::Table,
    max_bytes: usize,
    messages: VecDeque<T>,
    /// Weight of `messages`.
    bytes: usize,
    /// Not limited here: there are at most as many replies as the thread made requests.
    replies: Vec<T>,
    /// True from the wake-up of the thread until a drain finds the mailbox empty. Posts do not wake it in that time.
    scheduled: bool,
    overflowed: bool,
    closed: bool,
}

impl<T: Postable> Queue<T> {
    fn new(max_bytes: usize, closed: bool) -> Self {
        Self {
            table: T::Table::default(),
            max_bytes,
            messages: VecDeque::new(),
            bytes: 0,
            replies: Vec::new(),
            scheduled: false,
            overflowed: false,
            closed,
        }
    }

    /// Records that the thread is going to drain the mailbox. Returns true if the caller must wake it for that.
    fn schedule(&mut self) -> bool {
        !mem::replace(&mut self.scheduled, true)
    }
}

impl<T: Postable> Mailbox<T> {
    /// Returns a mailbox that holds at most `max_bytes`. Without a waker, posts do not wake the thread, and it
    /// has to drain the mailbox regularly.
    pub fn new(max_bytes: usize, waker: Option<Waker>) -> Self {
        Self { queue: Mutex::new(Queue::new(max_bytes, false)), waker: RwLock::new(waker) }
    }

    /// Sets the maximum number of bytes that the mailbox holds.
    pub fn set_max_bytes(&self, max_bytes: usize) {
        self.queue().max_bytes = max_bytes;
    }

    /// Returns the maximum number of bytes that the mailbox holds.
    pub fn max_bytes(&self) -> usize {
        self.queue().max_bytes
    }

    /// Posts a message, and wakes the thread unless it is going to drain the mailbox anyway.
    pub fn post(&self, message: T) -> Posted {
        self.post_with(|_| Some(message))
    }

    /// Like [`Mailbox::post`], for a message that depends on the table of the mailbox. `make` is called with the queue locked,
    /// so the table does not change before the message is posted. It returns `None` to post nothing.
    pub fn post_with(&self, make: impl FnOnce(&T::Table) -> Option<T>) -> Posted {
        let mut dropped = VecDeque::new();
        let (posted, is_asleep) = {
            let mut queue = self.queue();
            let Some(mut message) = make(&queue.table) else { return Posted::Nothing };
            if queue.closed {
                // Without the lock, because a dropped message may post to another mailbox.
                drop(queue);
                drop(message);
                return Posted::Closed;
            }
            let mut weight = message.weight();
            if weight > queue.max_bytes && !queue.overflowed {
                message = match message.too_large() {
                    Ok(replacement) => replacement,
                    Err(message) => {
                        // Without the lock, because it may post to another mailbox.
                        drop(queue);
                        message.rejected();
                        return Posted::TooLarge;
                    }
                };
                weight = message.weight();
            }
            // A message without weight never makes the mailbox overflow, even if the limit was lowered meanwhile.
            let is_too_much = weight > 0 && queue.bytes + weight > queue.max_bytes;
            let posted = if queue.overflowed || is_too_much {
                dropped = mem::take(&mut queue.messages);
                dropped.push_back(message);
                queue.bytes = 0;
                queue.overflowed = true;
                Posted::Overflowed
            } else {
                queue.bytes += weight;
                queue.messages.push_back(message);
                Posted::Queued
            };
            (posted, queue.schedule())
        };
        // Called without the lock, because it may post to another mailbox.
        dropped.into_iter().for_each(T::dropped);
        if is_asleep {
            self.wake();
        }
        posted
    }

    /// Posts the reply to a request that the thread made. A full mailbox accepts it, too.
    pub fn reply(&self, reply: T) {
        let is_asleep = {
            let mut queue = self.queue();
            if queue.closed {
                return;
            }
            queue.replies.push(reply);
            queue.schedule()
        };
        if is_asleep {
            self.wake();
        }
    }

    /// Posts a message behind those that the thread has not processed yet. Returns the message when there are none.
    pub fn post_behind(&self, message: T) -> Result<Posted, T> {
        if self.queue().scheduled { Ok(self.post(message)) } else { Err(message) }
    }

    /// Takes messages up to a limit. The caller processes them and drains again until the result is empty. Only then do
    /// posts wake the thread again; a thread that stops earlier has to [`wake`](Mailbox::wake) itself.
    pub fn drain(&self, limit: Limit) -> Drained<T> {
        let mut queue = self.queue();
        let mut messages = mem::take(&mut queue.replies);
        let replies = messages.len();
        let mut bytes = 0;
        while let Some(message) = queue.messages.front() {
            let weight = message.weight();
            let taken = messages.len() - replies;
            if taken > 0 && (taken >= limit.messages || bytes + weight > limit.bytes) {
                break;
            }
            bytes += weight;
            messages.extend(queue.messages.pop_front());
        }
        queue.bytes -= bytes;
        if queue.messages.is_empty() && queue.messages.capacity() > KEPT_CAPACITY {
            queue.messages = VecDeque::new();
        }
        let drained = Drained { overflowed: mem::take(&mut queue.overflowed), messages };
        queue.scheduled = !drained.is_empty();
        drained
    }

    /// Changes the table between two posts: each sender has read the table before and its message was posted before, or it
    /// reads the changed table. Called on the thread of the mailbox.
    ///
    /// `change` gets the table, and true if the thread may not have processed everything that was posted before. `marker` is
    /// then posted behind it, unless the mailbox overflows. It must have no weight.
    pub fn switch(&self, marker: T, change: impl FnOnce(&mut T::Table, bool)) -> Switched {
        let mut queue = self.queue();
        if queue.closed {
            return Switched::Closed;
        }
        // The thread has processed everything when its last drain found nothing, and nothing was posted since.
        let is_behind = queue.scheduled;
        change(&mut queue.table, is_behind);
        if !is_behind {
            return Switched::Idle;
        }
        // An overflow has dropped what was posted before.
        if !queue.overflowed {
            queue.messages.push_back(marker);
        }
        Switched::Behind
    }

    /// Calls `change` with the table.
    pub fn change_table(&self, change: impl FnOnce(&mut T::Table)) {
        change(&mut self.queue().table);
    }

    /// Returns the weight of the queued messages.
    pub fn bytes(&self) -> usize {
        self.queue().bytes
    }

    /// Closes the mailbox. Later posts fail. When this returns, the waker is dropped, no call of it is in progress and
    /// none will follow. Called on the mailbox's own thread, before the environment that the waker uses is torn down.
    pub fn close(&self) {
        let queue = mem::replace(&mut *self.queue(), Queue::new(0, true));
        let waker = self.waker.write().unwrap_or_else(PoisonError::into_inner).take();
        // Dropped without a lock: the waker may own things that are slow to free, and a dropped message may post to another
        // mailbox.
        drop((queue, waker));
    }

    /// Wakes the thread.
    #[cfg(not(feature = "unguarded"))]
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.read().unwrap_or_else(PoisonError::into_inner) {
            waker();
        }
    }

    /// The wrong way to wake a thread, for a test that shows that it fails: the thread may end between the two lines.
    #[cfg(feature = "unguarded")]
    pub fn wake(&self) {
        let waker = self.waker.read().unwrap_or_else(PoisonError::into_inner).clone();
        waker.inspect(|waker| waker());
    }

    // A poisoned lock is used as it is, because no change of the queue can panic half way.
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Postable> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NO_LIMIT: Limit = Limit { messages: usize::MAX, bytes: usize::MAX };

    impl Postable for String {
        type Table = usize;
        fn weight(&self) -> usize {
            self.len()
        }
    }

    fn with_counter(max_bytes: usize) -> (Mailbox<String>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let waker: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        (Mailbox::new(max_bytes, Some(waker)), wakes)
    }

    fn messages(texts: &[&str]) -> Drained<String> {
        Drained { overflowed: false, messages: texts.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_burst_wakes_the_thread_once_and_arrives_in_order() {
        let (mailbox, wakes) = with_counter(1 << 20);
        for text in ["1", "2", "3"] {
            assert_eq!(mailbox.post(text.into()), Posted::Queued);
        }
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["1", "2", "3"]));
    }

    #[test]
    fn an_awake_thread_is_woken_again_only_after_an_empty_drain() {
        let (mailbox, wakes) = with_counter(1 << 20);
        mailbox.post("1".into());
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["1"]));
        mailbox.post("2".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["2"]));
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        mailbox.post("3".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_drain_keeps_to_its_limit_and_takes_at_least_one_message() {
        let (mailbox, _) = with_counter(1 << 20);
        for text in ["a", "b", "ccc", "dd", "e"] {
            mailbox.post(text.into());
        }
        let two_bytes = Limit { messages: usize::MAX, bytes: 2 };
        assert_eq!(mailbox.drain(two_bytes), messages(&["a", "b"]));
        assert_eq!(mailbox.drain(two_bytes), messages(&["ccc"]));
        assert_eq!(mailbox.drain(Limit { messages: 1, bytes: usize::MAX }), messages(&["dd"]));
        assert_eq!(mailbox.bytes(), 1);
        assert_eq!(mailbox.drain(two_bytes), messages(&["e"]));
    }

    #[test]
    fn an_overflow_is_reported_to_sender_and_thread_and_the_mailbox_works_afterwards() {
        let (mailbox, _) = with_counter(1_000);
        assert_eq!(mailbox.post("x".repeat(800)), Posted::Queued);
        assert_eq!(mailbox.post("y".repeat(800)), Posted::Overflowed);
        assert_eq!(mailbox.post("z".into()), Posted::Overflowed);
        assert_eq!(mailbox.bytes(), 0);
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: true, messages: vec![] });
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        assert_eq!(mailbox.post("after".into()), Posted::Queued);
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["after"]));
    }

    #[test]
    fn a_message_larger_than_the_mailbox_is_replaced_and_drops_no_other() {
        #[derive(Debug, PartialEq, Eq)]
        struct Replaceable(usize, Option<usize>);
        impl Postable for Replaceable {
            type Table = ();
            fn weight(&self) -> usize {
                self.0
            }
            fn too_large(self) -> Result<Self, Self> {
                self.1.map(|weight| Self(weight, None)).ok_or(self)
            }
        }
        let mailbox = Mailbox::new(100, None);
        assert_eq!(mailbox.post(Replaceable(90, None)), Posted::Queued);
        assert_eq!(mailbox.post(Replaceable(101, Some(10))), Posted::Queued);
        assert_eq!(mailbox.post(Replaceable(101, None)), Posted::TooLarge);
        let messages = vec![Replaceable(90, None), Replaceable(10, None)];
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: false, messages });
        assert_eq!(mailbox.post(Replaceable(101, Some(102))), Posted::Overflowed);
        assert!(mailbox.drain(NO_LIMIT).overflowed);
    }

    #[test]
    fn a_full_mailbox_keeps_a_reply_and_wakes_the_thread() {
        let (mailbox, wakes) = with_counter(1);
        mailbox.reply("the reply to the first request".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.post("too long".into()), Posted::Overflowed);
        mailbox.reply("the reply to the second request".into());
        let replies = messages(&["the reply to the first request", "the reply to the second request"]);
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: true, ..replies });
    }

    #[test]
    fn post_behind_gives_the_message_back_when_the_thread_has_nothing_to_finish() {
        let (mailbox, _) = with_counter(1 << 20);
        assert_eq!(mailbox.post_behind("1".into()), Err("1".into()));
        mailbox.post("0".into());
        assert_eq!(mailbox.post_behind("1".into()), Ok(Posted::Queued));
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["0", "1"]));
        assert_eq!(
            mailbox.post_behind("2".into()),
            Ok(Posted::Queued),
            "the thread is still processing them"
        );
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["2"]));
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        assert_eq!(mailbox.post_behind("3".into()), Err("3".into()));
    }

    /// Switches with an empty text as the marker, because it has no weight.
    fn switch(mailbox: &Mailbox<String>) -> Switched {
        let mut was_behind = None;
        let switched = mailbox.switch(String::new(), |table, is_behind| {
            *table = 1;
            was_behind = Some(is_behind);
        });
        let expected = match was_behind {
            None => Switched::Closed,
            Some(false) => Switched::Idle,
            Some(true) => Switched::Behind,
        };
        assert_eq!(switched, expected);
        switched
    }

    #[test]
    fn a_marker_comes_behind_what_was_posted_before_the_table_changed() {
        let (mailbox, wakes) = with_counter(1 << 20);
        let post = |text: &str| mailbox.post_with(|table| (*table == 0).then(|| text.into()));
        assert_eq!(post("before"), Posted::Queued);
        assert_eq!(switch(&mailbox), Switched::Behind);
        assert_eq!(post("after"), Posted::Nothing);
        mailbox.post("to others".into());
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&["before", "", "to others"]));
        assert_eq!(switch(&mailbox), Switched::Behind, "it may still process them");
        assert_eq!(mailbox.drain(NO_LIMIT), messages(&[""]));
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        assert_eq!(switch(&mailbox), Switched::Idle);
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        mailbox.change_table(|table| *table = 0);
        assert_eq!(post("again"), Posted::Queued);
        mailbox.close();
        assert_eq!(switch(&mailbox), Switched::Closed);
    }

    #[test]
    fn an_overflow_drops_the_marker() {
        let (mailbox, _) = with_counter(10);
        mailbox.post("before".into());
        assert_eq!(switch(&mailbox), Switched::Behind);
        assert_eq!(mailbox.post("too much".into()), Posted::Overflowed);
        assert_eq!(switch(&mailbox), Switched::Behind, "the overflow is not reported yet");
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: true, messages: vec![] });
        assert!(mailbox.drain(NO_LIMIT).is_empty());
    }

    #[test]
    fn a_closed_mailbox_takes_nothing_and_has_dropped_its_waker() {
        let (mailbox, wakes) = with_counter(1 << 20);
        mailbox.post("before".into());
        mailbox.close();
        assert_eq!(Arc::strong_count(&wakes), 1, "the waker was dropped");
        assert_eq!(mailbox.post("after".into()), Posted::Closed);
        mailbox.reply("after".into());
        assert!(mailbox.drain(NO_LIMIT).is_empty());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
    }
}
