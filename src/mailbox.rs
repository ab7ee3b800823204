//! What other threads have for a thread: a bounded queue, and the guard around the function that wakes the thread.
//!
//! A thread may end at any moment, and its waker must not be called once it has begun to. So the waker is reached only
//! through a lock: whoever posts calls it under the read side, and [`Mailbox::close`] takes it out under the write
//! side, which waits for the calls under way. It is never cloned out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::sessions::Key;

/// Something for sessions of another thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// UTF-8 text for the streams of these keys.
    Message { keys: Vec<Key>, text: Arc<[u8]> },
    /// The stream of this key is to be closed: its session was deleted or replaced elsewhere.
    Close { key: Key },
}

impl Post {
    /// What the post counts for against the mailbox's bound, in bytes.
    fn weight(&self) -> usize {
        let payload = match self {
            Self::Message { keys, text } => keys.len() * size_of::<Key>() + text.len(),
            Self::Close { .. } => 0,
        };
        size_of::<Self>() + payload
    }
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
pub enum Drained {
    Posts(Vec<Post>),
    /// More came than the mailbox holds, and it was dropped: streams with a gap in them must be closed.
    Overflow,
}

/// Wakes a thread so that it drains its mailbox. Called by any thread, without the queue's lock held.
pub type Waker = Box<dyn Fn() + Send + Sync>;

pub struct Mailbox {
    max_bytes: usize,
    queue: Mutex<Queue>,
    waker: RwLock<Option<Waker>>,
}

#[derive(Default)]
struct Queue {
    posts: VecDeque<Post>,
    bytes: usize,
    /// A wake is under way, and the drain it leads to has not begun.
    scheduled: bool,
    overflowed: bool,
    closed: bool,
}

impl Mailbox {
    /// A mailbox that holds at most `max_bytes`. Without a waker its thread has to look by itself.
    pub fn new(max_bytes: usize, waker: Option<Waker>) -> Self {
        Self { max_bytes, queue: Mutex::default(), waker: RwLock::new(waker) }
    }

    /// Leaves something for the thread, and wakes it unless a wake is under way already.
    pub fn post(&self, post: Post) -> Posted {
        let (posted, wake) = {
            let mut queue = self.queue();
            if queue.closed {
                return Posted::Closed;
            }
            let weight = post.weight();
            if queue.overflowed || queue.bytes + weight > self.max_bytes {
                queue.posts = VecDeque::new();
                queue.bytes = 0;
                queue.overflowed = true;
            } else {
                queue.bytes += weight;
                queue.posts.push_back(post);
            }
            let posted = if queue.overflowed { Posted::Overflowed } else { Posted::Queued };
            (posted, !std::mem::replace(&mut queue.scheduled, true))
        };
        if wake {
            self.wake();
        }
        posted
    }

    /// Takes at most `limit` posts, oldest first. Where more are left, the thread is woken once more, so that one full
    /// mailbox does not keep it from everything else.
    pub fn drain(&self, limit: usize) -> Drained {
        let (posts, left) = {
            let mut queue = self.queue();
            // Cleared before the queue is read: a post that comes after this one wakes the thread again.
            queue.scheduled = false;
            if std::mem::take(&mut queue.overflowed) {
                return Drained::Overflow;
            }
            let taken = queue.posts.len().min(limit);
            let posts: Vec<_> = queue.posts.drain(..taken).collect();
            queue.bytes -= posts.iter().map(Post::weight).sum::<usize>();
            queue.scheduled = !queue.posts.is_empty();
            (posts, queue.scheduled)
        };
        if left {
            self.wake();
        }
        Drained::Posts(posts)
    }

    /// Nothing is taken any more, and the waker is gone when this returns: no call of it is under way, and none
    /// will come. To be called on the thread itself, before what the waker stands on is torn down.
    pub fn close(&self) {
        *self.queue() = Queue { closed: true, ..Queue::default() };
        let waker = self.waker.write().unwrap_or_else(PoisonError::into_inner).take();
        // With no lock held: what the waker owns may take its time to go.
        drop(waker);
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.read().unwrap_or_else(PoisonError::into_inner) {
            waker();
        }
    }

    // A panic elsewhere leaves the queue as whole as it was: each change under the lock is complete by itself.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn message(text: &str) -> Post {
        Post::Message { keys: vec![Key::next()], text: text.as_bytes().into() }
    }

    fn counted(max_bytes: usize) -> (Mailbox, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let waker = Box::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        (Mailbox::new(max_bytes, Some(waker)), wakes)
    }

    #[test]
    fn a_burst_wakes_the_thread_once_and_arrives_in_order() {
        let (mailbox, wakes) = counted(1 << 20);
        let posts: Vec<_> = (0..10).map(|n| message(&n.to_string())).collect();
        for post in &posts {
            assert_eq!(mailbox.post(post.clone()), Posted::Queued);
        }
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.drain(100), Drained::Posts(posts));
        mailbox.post(message("later"));
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_drain_that_leaves_something_wakes_the_thread_again() {
        let (mailbox, wakes) = counted(1 << 20);
        let posts: Vec<_> = (0..5).map(|n| message(&n.to_string())).collect();
        posts.iter().for_each(|post| assert_eq!(mailbox.post(post.clone()), Posted::Queued));
        assert_eq!(mailbox.drain(3), Drained::Posts(posts[..3].to_vec()));
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
        assert_eq!(mailbox.drain(3), Drained::Posts(posts[3..].to_vec()));
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_full_mailbox_says_so_to_the_sender_and_to_the_thread_and_works_again_afterwards() {
        let (mailbox, _) = counted(1_000);
        assert_eq!(mailbox.post(message(&"x".repeat(800))), Posted::Queued);
        assert_eq!(mailbox.post(message(&"y".repeat(800))), Posted::Overflowed);
        assert_eq!(mailbox.post(message("z")), Posted::Overflowed);
        assert_eq!(mailbox.drain(100), Drained::Overflow);
        assert_eq!(mailbox.drain(100), Drained::Posts(vec![]));
        let after = message("after");
        assert_eq!(mailbox.post(after.clone()), Posted::Queued);
        assert_eq!(mailbox.drain(100), Drained::Posts(vec![after]));
    }

    #[test]
    fn a_closed_mailbox_takes_nothing_and_its_waker_is_gone() {
        let (mailbox, wakes) = counted(1 << 20);
        mailbox.post(message("before"));
        mailbox.close();
        assert_eq!(Arc::strong_count(&wakes), 1, "the waker was dropped");
        assert_eq!(mailbox.post(message("after")), Posted::Closed);
        assert_eq!(mailbox.drain(100), Drained::Posts(vec![]));
        assert_eq!(wakes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn closing_waits_for_the_wakes_under_way() {
        let alive = Arc::new(AtomicUsize::new(1));
        let seen = Arc::clone(&alive);
        let mailbox = Arc::new(Mailbox::new(
            usize::MAX,
            Some(Box::new(move || assert_eq!(seen.load(Ordering::SeqCst), 1, "woken after the close"))),
        ));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mailbox = Arc::clone(&mailbox);
                scope.spawn(move || while mailbox.post(message("x")) != Posted::Closed {});
            }
            for _ in 0..1_000 {
                mailbox.drain(64);
            }
            mailbox.close();
            alive.store(0, Ordering::SeqCst);
        });
    }
}
