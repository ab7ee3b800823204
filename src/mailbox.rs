//! What other threads have for a thread: a bounded queue, and the guard around the function that wakes the thread.
//!
//! A thread may end at any moment, and its waker must not be called once it has begun to. So the waker is reached only
//! through a lock: whoever posts calls it under the read side, and [`Mailbox::close`] takes it out under the write
//! side, which waits for the calls under way. It is never cloned out. `tests/model` has a model checker look at every
//! order in which threads can meet here, and shows what happens without the guard.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// What can be posted.
pub trait Postable: Sized {
    /// What it counts for against the mailbox's bound, in bytes.
    fn weight(&self) -> usize;

    /// It came to a mailbox that was full, or was in it, and is dropped. Called with no lock held.
    fn lost(self) {}
}

/// What became of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    Queued,
    /// The mailbox was full. What it held is dropped with this post, and its thread will be told so.
    Overflowed,
    /// The thread has left.
    Closed,
}

/// What a thread finds in its mailbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Drained<T> {
    /// More came than the mailbox holds, and it was dropped: streams with a gap in them must be closed, before what
    /// comes in `posts`.
    pub overflowed: bool,
    /// Oldest first.
    pub posts: Vec<T>,
}

impl<T> Drained<T> {
    pub fn is_nothing(&self) -> bool {
        !self.overflowed && self.posts.is_empty()
    }
}

/// How much a thread takes at once, so that one full mailbox does not keep it from everything else.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub posts: usize,
    /// At least one post is taken, whatever its weight.
    pub bytes: usize,
}

/// How many posts a mailbox keeps room for while it is empty.
const KEPT_CAPACITY: usize = 1_024;

/// Wakes a thread so that it drains its mailbox. Called by any thread, without the queue's lock held.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

pub struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    waker: RwLock<Option<Waker>>,
}

struct Queue<T> {
    max_bytes: usize,
    posts: VecDeque<T>,
    /// The weight of `posts`.
    bytes: usize,
    /// Not bounded here: there are no more answers than the thread has asked questions.
    answers: Vec<T>,
    /// The thread is awake for its mailbox, or was told to wake: it will drain once more.
    scheduled: bool,
    overflowed: bool,
    closed: bool,
}

impl<T> Queue<T> {
    fn new(max_bytes: usize, closed: bool) -> Self {
        Self {
            max_bytes,
            posts: VecDeque::new(),
            bytes: 0,
            answers: Vec::new(),
            scheduled: false,
            overflowed: false,
            closed,
        }
    }

    /// Whether the thread has to be woken. Whoever is told so must do it.
    fn schedule(&mut self) -> bool {
        !mem::replace(&mut self.scheduled, true)
    }
}

impl<T: Postable> Mailbox<T> {
    /// A mailbox that holds at most `max_bytes`. Without a waker its thread has to look by itself.
    pub fn new(max_bytes: usize, waker: Option<Waker>) -> Self {
        Self { queue: Mutex::new(Queue::new(max_bytes, false)), waker: RwLock::new(waker) }
    }

    /// How much it holds from now on.
    pub fn hold_at_most(&self, max_bytes: usize) {
        self.queue().max_bytes = max_bytes;
    }

    /// How much it holds.
    pub fn max_bytes(&self) -> usize {
        self.queue().max_bytes
    }

    /// Leaves something for the thread, and wakes it unless it is awake for its mailbox already.
    pub fn post(&self, post: T) -> Posted {
        let mut dropped = VecDeque::new();
        let (posted, asleep) = {
            let mut queue = self.queue();
            if queue.closed {
                return Posted::Closed;
            }
            let weight = post.weight();
            // What weighs nothing is not what is too much, wherever the bound is by now.
            let is_too_much = weight > 0 && queue.bytes + weight > queue.max_bytes;
            let posted = if queue.overflowed || is_too_much {
                dropped = mem::take(&mut queue.posts);
                dropped.push_back(post);
                queue.bytes = 0;
                queue.overflowed = true;
                Posted::Overflowed
            } else {
                queue.bytes += weight;
                queue.posts.push_back(post);
                Posted::Queued
            };
            (posted, queue.schedule())
        };
        // With no lock held: this may post to another mailbox.
        dropped.into_iter().for_each(T::lost);
        if asleep {
            self.wake();
        }
        posted
    }

    /// Leaves the answer to a question that the thread has asked. It is kept whatever the mailbox holds.
    pub fn answer(&self, answer: T) {
        let asleep = {
            let mut queue = self.queue();
            if queue.closed {
                return;
            }
            queue.answers.push(answer);
            queue.schedule()
        };
        if asleep {
            self.wake();
        }
    }

    /// Leaves something behind what is there, if there is anything that the thread has not dealt with. Otherwise it is
    /// given back.
    pub fn post_behind(&self, post: T) -> Result<Posted, T> {
        if self.queue().scheduled { Ok(self.post(post)) } else { Err(post) }
    }

    /// Takes what is there, up to a limit. To be called again when that is dealt with, until there is nothing: only
    /// then does a post wake the thread again. A thread that stops before that has to [`Mailbox::wake`] itself.
    pub fn drain(&self, limit: Limit) -> Drained<T> {
        let mut queue = self.queue();
        let mut posts = mem::take(&mut queue.answers);
        let answers = posts.len();
        let mut bytes = 0;
        while let Some(post) = queue.posts.front() {
            let weight = post.weight();
            let taken = posts.len() - answers;
            if taken > 0 && (taken >= limit.posts || bytes + weight > limit.bytes) {
                break;
            }
            bytes += weight;
            posts.extend(queue.posts.pop_front());
        }
        queue.bytes -= bytes;
        if queue.posts.is_empty() && queue.posts.capacity() > KEPT_CAPACITY {
            queue.posts = VecDeque::new();
        }
        let drained = Drained { overflowed: mem::take(&mut queue.overflowed), posts };
        queue.scheduled = !drained.is_nothing();
        drained
    }

    /// The weight of what waits.
    pub fn bytes(&self) -> usize {
        self.queue().bytes
    }

    /// Nothing is taken any more, and the waker is gone when this returns: no call of it is under way, and none
    /// will come. To be called on the thread itself, before what the waker stands on is torn down.
    pub fn close(&self) {
        let queue = mem::replace(&mut *self.queue(), Queue::new(0, true));
        let waker = self.waker.write().unwrap_or_else(PoisonError::into_inner).take();
        // With no lock held: what the waker owns may take its time to go, and a post may post to another mailbox.
        drop((queue, waker));
    }

    /// Wakes the thread.
    #[cfg(not(feature = "unguarded"))]
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.read().unwrap_or_else(PoisonError::into_inner) {
            waker();
        }
    }

    /// What must not be done, for the tests to show why: the thread may end between the two lines.
    #[cfg(feature = "unguarded")]
    pub fn wake(&self) {
        let waker = self.waker.read().unwrap_or_else(PoisonError::into_inner).clone();
        waker.inspect(|waker| waker());
    }

    // A panic elsewhere leaves the queue as whole as it was: each change under the lock is complete by itself.
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NO_LIMIT: Limit = Limit { posts: usize::MAX, bytes: usize::MAX };

    impl Postable for String {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    fn counted(max_bytes: usize) -> (Mailbox<String>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let waker: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        (Mailbox::new(max_bytes, Some(waker)), wakes)
    }

    fn posts(texts: &[&str]) -> Drained<String> {
        Drained { overflowed: false, posts: texts.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn a_burst_wakes_the_thread_once_and_arrives_in_order() {
        let (mailbox, wakes) = counted(1 << 20);
        for text in ["1", "2", "3"] {
            assert_eq!(mailbox.post(text.into()), Posted::Queued);
        }
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["1", "2", "3"]));
    }

    #[test]
    fn a_thread_that_is_awake_is_woken_again_only_after_it_has_found_nothing() {
        let (mailbox, wakes) = counted(1 << 20);
        mailbox.post("1".into());
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["1"]));
        mailbox.post("2".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["2"]));
        assert!(mailbox.drain(NO_LIMIT).is_nothing());
        mailbox.post("3".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_drain_takes_no_more_than_its_limit_and_always_something() {
        let (mailbox, _) = counted(1 << 20);
        for text in ["a", "b", "ccc", "dd", "e"] {
            mailbox.post(text.into());
        }
        let two_bytes = Limit { posts: usize::MAX, bytes: 2 };
        assert_eq!(mailbox.drain(two_bytes), posts(&["a", "b"]));
        assert_eq!(mailbox.drain(two_bytes), posts(&["ccc"]));
        assert_eq!(mailbox.drain(Limit { posts: 1, bytes: usize::MAX }), posts(&["dd"]));
        assert_eq!(mailbox.bytes(), 1);
        assert_eq!(mailbox.drain(two_bytes), posts(&["e"]));
    }

    #[test]
    fn a_full_mailbox_says_so_to_the_sender_and_to_the_thread_and_works_again_afterwards() {
        let (mailbox, _) = counted(1_000);
        assert_eq!(mailbox.post("x".repeat(800)), Posted::Queued);
        assert_eq!(mailbox.post("y".repeat(800)), Posted::Overflowed);
        assert_eq!(mailbox.post("z".into()), Posted::Overflowed);
        assert_eq!(mailbox.bytes(), 0);
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: true, posts: vec![] });
        assert!(mailbox.drain(NO_LIMIT).is_nothing());
        assert_eq!(mailbox.post("after".into()), Posted::Queued);
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["after"]));
    }

    #[test]
    fn an_answer_is_kept_by_a_full_mailbox_and_wakes_the_thread() {
        let (mailbox, wakes) = counted(1);
        mailbox.answer("the answer to the first question".into());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.post("too long".into()), Posted::Overflowed);
        mailbox.answer("the answer to the second one".into());
        let answers = posts(&["the answer to the first question", "the answer to the second one"]);
        assert_eq!(mailbox.drain(NO_LIMIT), Drained { overflowed: true, ..answers });
    }

    #[test]
    fn what_is_to_follow_is_given_back_when_there_is_nothing_to_follow() {
        let (mailbox, _) = counted(1 << 20);
        assert_eq!(mailbox.post_behind("1".into()), Err("1".into()));
        mailbox.post("0".into());
        assert_eq!(mailbox.post_behind("1".into()), Ok(Posted::Queued));
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["0", "1"]));
        assert_eq!(mailbox.post_behind("2".into()), Ok(Posted::Queued), "they are being dealt with");
        assert_eq!(mailbox.drain(NO_LIMIT), posts(&["2"]));
        assert!(mailbox.drain(NO_LIMIT).is_nothing());
        assert_eq!(mailbox.post_behind("3".into()), Err("3".into()));
    }

    #[test]
    fn a_closed_mailbox_takes_nothing_and_its_waker_is_gone() {
        let (mailbox, wakes) = counted(1 << 20);
        mailbox.post("before".into());
        mailbox.close();
        assert_eq!(Arc::strong_count(&wakes), 1, "the waker was dropped");
        assert_eq!(mailbox.post("after".into()), Posted::Closed);
        mailbox.answer("after".into());
        assert!(mailbox.drain(NO_LIMIT).is_nothing());
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
    }
}
