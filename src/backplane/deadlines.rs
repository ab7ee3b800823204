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
    /// The completions are weak, because dropping the last strong one completes a request.
    queue: Mutex<VecDeque<(Instant, WeakCompletion)>>,
    /// Notified when the queue is no longer empty.
    first: Notify,
}

impl Deadlines {
    /// Makes a request fail unless it is completed within `limit`.
    pub fn add(&self, completion: &Completion, limit: Duration) {
        let mut queue = lock(&self.queue);
        while queue.front().is_some_and(|(_, completion)| completion.is_settled()) {
            queue.pop_front();
        }
        let is_first = queue.is_empty();
        queue.push_back((Instant::now() + limit, completion.downgrade()));
        drop(queue);
        if is_first {
            self.first.notify_one();
        }
    }

    /// Waits for deadlines, and fails the requests that are still open then. Returns when at least one has failed.
    pub async fn fail_expired(&self, failure: impl Fn() -> Text) {
        loop {
            let first = lock(&self.queue).front().map(|(at, _)| *at);
            match first {
                None => self.first.notified().await,
                Some(at) => {
                    sleep_until(at).await;
                    if self.fail_expired_by_now(&failure) {
                        return;
                    }
                }
            }
        }
    }

    /// Fails all open requests. Called when the node ends.
    pub fn fail_all(&self, failure: impl Fn() -> Text) {
        let all = std::mem::take(&mut *lock(&self.queue));
        for (_, completion) in all {
            if let Some(completion) = completion.pending() {
                completion.fail(failure());
            }
        }
    }

    /// Fails the open requests whose deadline has passed. Returns true when there were any.
    fn fail_expired_by_now(&self, failure: impl Fn() -> Text) -> bool {
        let mut queue = lock(&self.queue);
        let now = Instant::now();
        let count = queue.partition_point(|(at, _)| *at <= now);
        let expired: Vec<_> = queue.drain(..count).map(|(_, completion)| completion).collect();
        // Released here, because a failure is posted to a mailbox.
        drop(queue);
        let pending: Vec<_> = expired.iter().filter_map(WeakCompletion::pending).collect();
        let any = !pending.is_empty();
        pending.into_iter().for_each(|completion| completion.fail(failure()));
        any
    }
}
