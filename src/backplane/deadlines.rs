//! Deadlines of requests.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::lock::lock;
use crate::threads::completion::{Completion, WeakCompletion};
use crate::threads::text::Text;

/// The deadlines of requests, earliest first. All requests have the same time limit, so the order in which they are added
/// is the order of their deadlines.
#[derive(Debug, Default)]
pub struct Deadlines {
    queue: Mutex<VecDeque<Deadline>>,
    /// Notified when the queue is no longer empty.
    first: Notify,
}

#[derive(Debug)]
struct Deadline {
    at: Instant,
    limit: Duration,
    /// The progress at the time when the deadline was set.
    progress: u64,
    /// Weak, because dropping the last strong one completes a request.
    completion: WeakCompletion,
}

impl Deadlines {
    /// Makes a request fail unless it is completed within `limit`.
    pub fn add(&self, completion: &Completion, limit: Duration) {
        self.add_with_progress(completion, limit, 0);
    }

    /// Makes a request fail when it is open and there was no progress for `limit`. `progress` is a number that rises.
    pub fn add_with_progress(&self, completion: &Completion, limit: Duration, progress: u64) {
        let mut queue = lock(&self.queue);
        while queue.front().is_some_and(|deadline| deadline.completion.is_settled()) {
            queue.pop_front();
        }
        let is_first = queue.is_empty();
        let completion = completion.downgrade();
        queue.push_back(Deadline { at: Instant::now() + limit, limit, progress, completion });
        drop(queue);
        if is_first {
            self.first.notify_one();
        }
    }

    /// Waits for deadlines, and fails the requests that are still open then. Returns when at least one has failed.
    pub async fn fail_expired(&self, failure: impl Fn() -> Text) {
        self.fail_without_progress(|| 0, failure).await;
    }

    /// Like [`fail_expired`](Self::fail_expired), but the requests have a new deadline when there was progress.
    pub async fn fail_without_progress(&self, progress: impl Fn() -> u64, failure: impl Fn() -> Text) {
        loop {
            let first = lock(&self.queue).front().map(|deadline| deadline.at);
            match first {
                None => self.first.notified().await,
                Some(at) => {
                    sleep_until(at).await;
                    if self.fail_expired_by_now(progress(), &failure) {
                        return;
                    }
                }
            }
        }
    }

    /// Fails all open requests. Called when the node ends.
    pub fn fail_all(&self, failure: impl Fn() -> Text) {
        let all = std::mem::take(&mut *lock(&self.queue));
        for deadline in all {
            if let Some(completion) = deadline.completion.pending() {
                completion.fail(failure());
            }
        }
    }

    /// Fails the open requests whose deadline has passed without progress. Returns true when there were any.
    fn fail_expired_by_now(&self, progress: u64, failure: &impl Fn() -> Text) -> bool {
        let mut queue = lock(&self.queue);
        let now = Instant::now();
        let count = queue.partition_point(|deadline| deadline.at <= now);
        let mut expired = Vec::with_capacity(count);
        for deadline in queue.drain(..count).collect::<Vec<_>>() {
            if deadline.progress < progress {
                queue.push_back(Deadline { at: now + deadline.limit, progress, ..deadline });
            } else {
                expired.push(deadline.completion);
            }
        }
        // Released here, because a failure is posted to a mailbox.
        drop(queue);
        let pending: Vec<_> = expired.iter().filter_map(WeakCompletion::pending).collect();
        let any = !pending.is_empty();
        pending.into_iter().for_each(|completion| completion.fail(failure()));
        any
    }
}
