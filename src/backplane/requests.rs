//! Requests to the bus that wait for a reply.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::bus::{BusError, Request};
use super::lock::lock;
use crate::threads::completion::Completion;
use crate::threads::text::Text;

/// Requests without a reply, oldest first. Holds at most `max_bytes`; further requests are refused.
#[derive(Debug)]
pub struct RequestQueue {
    max_bytes: usize,
    queue: Mutex<Queue>,
    /// Notified when a request is added.
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    requests: VecDeque<(Request, Completion)>,
    bytes: usize,
}

impl RequestQueue {
    /// Returns an empty queue.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, queue: Mutex::default(), added: Notify::new() }
    }

    /// Adds a request.
    ///
    /// # Errors
    /// Returns the completion when the queue is full.
    pub fn add(&self, request: Request, completion: Completion) -> Result<(), Completion> {
        let weight = request.weight();
        let mut queue = lock(&self.queue);
        if queue.bytes + weight > self.max_bytes {
            return Err(completion);
        }
        queue.bytes += weight;
        queue.requests.push_back((request, completion));
        drop(queue);
        self.added.notify_one();
        Ok(())
    }

    /// Returns the oldest requests, at most `max_requests`. They stay in the queue until they are completed.
    pub fn next(&self, max_requests: usize) -> (Vec<Request>, Vec<Completion>) {
        let mut queue = lock(&self.queue);
        queue.remove_settled();
        let is_open = |(_, completion): &&(Request, Completion)| !completion.is_settled();
        queue.requests.iter().take(max_requests).filter(is_open).cloned().unzip()
    }

    /// Returns true when no request waits for a reply.
    pub fn is_empty(&self) -> bool {
        let mut queue = lock(&self.queue);
        queue.remove_settled();
        queue.requests.is_empty()
    }

    /// Waits until a request is added.
    pub async fn wait(&self) {
        self.added.notified().await;
    }

    /// Removes requests that were completed, or whose deadline has passed.
    pub fn remove_settled(&self) {
        lock(&self.queue).remove_settled();
    }
}

impl Queue {
    /// Removes settled requests from the front. Requests are made and expire in the order in which they were added, except
    /// those that two threads add at the same moment. So a settled one behind an open one is soon at the front.
    fn remove_settled(&mut self) {
        while self.requests.front().is_some_and(|(_, completion)| completion.is_settled()) {
            let removed = self.requests.pop_front();
            self.bytes -= removed.map_or(0, |(request, _)| request.weight());
        }
    }
}

/// Returns a `BackplaneUnavailableError`, in the form in which `lib/` reads errors. The message names the cause.
pub fn unavailable(message: &str, cause: Option<&BusError>) -> Text {
    let description = serde_json::json!({
        "name": "BackplaneUnavailableError",
        "code": "ERR_BACKPLANE_UNAVAILABLE",
        "message": cause.map_or_else(|| message.into(), |cause| format!("{message}: {}", cause.message)),
        "cause": cause.map(|cause| serde_json::json!({ "code": *cause.code, "message": *cause.message })),
    });
    description.to_string().into_bytes().into()
}
