//! Who waits for an answer, and for how long.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::bus::Question;
use crate::post::{Receipt, Text, WeakReceipt};

/// Questions that nobody has answered yet, in order.
#[derive(Debug)]
pub struct Asked {
    max_bytes: usize,
    queue: Mutex<Queue>,
    some: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    questions: VecDeque<(Question, Receipt)>,
    bytes: usize,
}

impl Asked {
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, queue: Mutex::default(), some: Notify::new() }
    }

    pub fn add(&self, question: Question, receipt: Receipt) {
        let weight = question.weight();
        let mut queue = lock(&self.queue);
        if queue.bytes + weight > self.max_bytes {
            drop(queue);
            return receipt.fail(unavailable("too many calls wait for Redis: more than maxPendingBytes"));
        }
        queue.bytes += weight;
        queue.questions.push_back((question, receipt));
        drop(queue);
        self.some.notify_one();
    }

    /// The oldest, so many at most. They stay until they are dealt with.
    pub fn next(&self, most: usize) -> (Vec<Question>, Vec<Receipt>) {
        self.forget_answered();
        lock(&self.queue).questions.iter().take(most).cloned().unzip()
    }

    pub fn is_empty(&self) -> bool {
        self.forget_answered();
        lock(&self.queue).questions.is_empty()
    }

    /// Waits for more of them.
    pub async fn more(&self) {
        self.some.notified().await;
    }

    /// Those whose time is over need no answer, and those that have one neither.
    pub fn forget_answered(&self) {
        let mut queue = lock(&self.queue);
        queue.questions.retain(|(_, receipt)| !receipt.is_answered());
        queue.bytes = queue.questions.iter().map(|(question, _)| question.weight()).sum();
    }
}

/// When those who wait are told that nobody answers. All wait for as long, so that who came first is told first.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// Weak, as it is an answer to let go of the last receipt.
    queue: Mutex<VecDeque<(Instant, WeakReceipt)>>,
    first: Notify,
}

impl Deadlines {
    pub fn add(&self, receipt: &Receipt, after: Duration) {
        let mut queue = lock(&self.queue);
        while queue.front().is_some_and(|(_, receipt)| receipt.is_answered()) {
            queue.pop_front();
        }
        let is_first = queue.is_empty();
        queue.push_back((Instant::now() + after, receipt.downgrade()));
        drop(queue);
        if is_first {
            self.first.notify_one();
        }
    }

    /// Tells those whose time is over, until somebody had to be told.
    pub async fn pass(&self, why: impl Fn() -> Text) {
        loop {
            let first = lock(&self.queue).front().map(|(at, _)| *at);
            match first {
                None => self.first.notified().await,
                Some(at) => {
                    sleep_until(at).await;
                    if self.tell(&why) {
                        return;
                    }
                }
            }
        }
    }

    /// Tells all of them: nobody will answer any more.
    pub fn end(&self, why: impl Fn() -> Text) {
        let all = std::mem::take(&mut *lock(&self.queue));
        for (_, receipt) in all {
            if let Some(receipt) = receipt.unanswered() {
                receipt.fail(why());
            }
        }
    }

    fn tell(&self, why: impl Fn() -> Text) -> bool {
        let mut queue = lock(&self.queue);
        let now = Instant::now();
        let over = queue.partition_point(|(at, _)| *at <= now);
        let over: Vec<_> = queue.drain(..over).map(|(_, receipt)| receipt).collect();
        // With no lock held: it goes into a mailbox.
        drop(queue);
        let late: Vec<_> = over.iter().filter_map(WeakReceipt::unanswered).collect();
        let any = !late.is_empty();
        late.into_iter().for_each(|receipt| receipt.fail(why()));
        any
    }
}

/// A `BackplaneUnavailableError`, as `lib/failure.js` describes errors.
pub fn unavailable(message: &str) -> Text {
    let description = serde_json::json!({
        "name": "BackplaneUnavailableError",
        "code": "ERR_BACKPLANE_UNAVAILABLE",
        "message": message,
    });
    description.to_string().into_bytes().into()
}

// Each change under these locks is complete by itself.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
