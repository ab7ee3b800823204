//! Requests to the bus that wait for a reply.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::ids::Id;
use super::lock::lock;
use super::outbox::Full;
use super::request::Request;
use crate::threads::completion::Completion;

/// Requests without a reply, oldest first. Holds at most `max_bytes`; further requests are refused.
///
/// A request leaves the queue when it has a reply. Most requests also leave it at their deadline. A *kept* request stays: a
/// change of client information must reach the bus, even if its caller no longer waits.
#[derive(Debug)]
pub struct RequestQueue {
    max_bytes: usize,
    queue: Mutex<Queue>,
    /// Notified when a request is added.
    added: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// By number. Numbers count up.
    requests: BTreeMap<u64, QueuedRequest>,
    last_number: u64,
    /// The numbers of the requests that are not kept, oldest first.
    expiring: VecDeque<u64>,
    /// The last kept request about each subject, by id. A later one replaces it. Has no requests that `next` has returned.
    latest: HashMap<Id, HashMap<Subject, u64>>,
    /// Kept requests are not taken before this time.
    paused_until: Option<Instant>,
    /// Number of kept requests.
    kept: usize,
    /// True when the bus refused one of the kept requests.
    is_refused: bool,
    bytes: usize,
}

#[derive(Debug)]
struct QueuedRequest {
    request: Request,
    completion: Completion,
    is_kept: bool,
    weight: usize,
}

/// What a request changes about a session.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Subject {
    Attribute(usize),
    Uri(Id),
    Everything,
}

/// Requests that were taken from the queue, and their completions in the same order.
#[derive(Debug, Default)]
pub struct Batch {
    /// The requests.
    pub requests: Vec<Request>,
    /// For each request its number, its completion, and true if it is kept.
    pub completions: Vec<(u64, Completion, bool)>,
}

impl<'queue> FromIterator<(&'queue u64, &'queue QueuedRequest)> for Batch {
    fn from_iter<T: IntoIterator<Item = (&'queue u64, &'queue QueuedRequest)>>(waiting: T) -> Self {
        let mut batch = Self::default();
        for (number, QueuedRequest { request, completion, is_kept, .. }) in waiting {
            batch.requests.push(request.clone());
            batch.completions.push((*number, completion.clone(), *is_kept));
        }
        batch
    }
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
        queue.remove_settled();
        if queue.bytes + weight > self.max_bytes {
            return Err(completion);
        }
        let number = queue.push(QueuedRequest { request, completion, is_kept: false, weight });
        queue.expiring.push_back(number);
        drop(queue);
        self.added.notify_one();
        Ok(())
    }

    /// Adds a change of client information that stays until the bus has replied. While the bus is away, it replaces an earlier
    /// change of the same subject.
    ///
    /// # Errors
    /// Returns [`Full`] when the request does not fit. It is dropped then.
    pub fn keep(&self, request: Request, completion: Completion, is_away: bool) -> Result<(), Full> {
        // `latest` has the id and the URI once more.
        let weight = request.weight() * 2;
        let mut queue = lock(&self.queue);
        queue.remove_settled();
        let replaced = if is_away { queue.replace(&request) } else { Vec::new() };
        let fits = queue.bytes + weight <= self.max_bytes;
        if fits {
            queue.push(QueuedRequest { request, completion, is_kept: true, weight });
        } else {
            queue.forget_latest(&request);
        }
        drop(queue);
        // Dropped without the lock, because that completes requests.
        drop(replaced);
        self.added.notify_one();
        if fits { Ok(()) } else { Err(Full) }
    }

    /// Returns the oldest requests, at most `max_requests`. They stay in the queue until [`replied`](Self::replied) is called.
    pub fn next(&self, max_requests: usize) -> Batch {
        let mut queue = lock(&self.queue);
        queue.remove_settled();
        queue.latest = HashMap::new();
        if queue.paused_until.is_some_and(|until| until <= Instant::now()) {
            queue.paused_until = None;
        }
        let open =
            |(_, waiting): &(&u64, &QueuedRequest)| waiting.is_kept || !waiting.completion.is_settled();
        if queue.paused_until.is_none() {
            queue.requests.iter().filter(open).take(max_requests).collect()
        } else {
            // Does not look at the kept requests, because there may be many.
            let numbers = queue.expiring.iter();
            let questions = numbers.filter_map(|number| queue.requests.get_key_value(number));
            questions.filter(open).take(max_requests).collect()
        }
    }

    /// Removes requests that have a reply.
    pub fn replied(&self, numbers: impl IntoIterator<Item = u64>) {
        let mut queue = lock(&self.queue);
        let removed: Vec<_> = numbers.into_iter().filter_map(|number| queue.remove(number)).collect();
        drop(queue);
        // Dropped without the lock, because that completes requests.
        drop(removed);
    }

    /// Makes the kept requests wait for some time: the bus cannot accept changes now.
    pub fn pause(&self, time: Duration) {
        let mut queue = lock(&self.queue);
        queue.paused_until = Some(Instant::now() + time);
        queue.is_refused = queue.kept > 0;
    }

    /// Returns true when kept requests wait because the bus refused one of them.
    pub fn is_refused(&self) -> bool {
        lock(&self.queue).is_refused
    }

    /// Returns true when no request waits for a reply.
    pub fn is_empty(&self) -> bool {
        let mut queue = lock(&self.queue);
        queue.remove_settled();
        queue.requests.is_empty()
    }

    /// Waits until a request is added, or a pause has ended.
    pub async fn wait(&self) {
        let paused_until = lock(&self.queue).paused_until;
        match paused_until {
            Some(until) => drop(timeout_at(until, self.added.notified()).await),
            None => self.added.notified().await,
        }
    }

    /// Removes requests that were completed, or whose deadline has passed.
    pub fn remove_settled(&self) {
        lock(&self.queue).remove_settled();
    }

    /// Returns the weight of the requests that wait.
    pub fn bytes(&self) -> usize {
        lock(&self.queue).bytes
    }
}

impl Queue {
    fn push(&mut self, waiting: QueuedRequest) -> u64 {
        self.last_number += 1;
        self.bytes += waiting.weight;
        self.kept += usize::from(waiting.is_kept);
        self.requests.insert(self.last_number, waiting);
        self.last_number
    }

    fn remove(&mut self, number: u64) -> Option<QueuedRequest> {
        let removed = self.requests.remove(&number)?;
        self.bytes -= removed.weight;
        self.kept -= usize::from(removed.is_kept);
        self.is_refused &= self.kept > 0;
        Some(removed)
    }

    /// Removes settled requests. They are made and expire in the order in which they were added, except those that two threads
    /// add at the same moment. So a settled one behind an open one is soon at the front.
    fn remove_settled(&mut self) {
        while let Some(number) = self.expiring.front().copied() {
            match self.requests.get(&number) {
                Some(waiting) if !waiting.completion.is_settled() => break,
                Some(_) => drop(self.remove(number)),
                None => {}
            }
            self.expiring.pop_front();
        }
    }

    /// Removes the kept requests that a change makes needless, and records the change, which is about to be pushed.
    fn replace(&mut self, change: &Request) -> Vec<QueuedRequest> {
        let Some((id, subject)) = subject(change) else { return Vec::new() };
        let changes = self.latest.entry(id.clone()).or_default();
        let mut needless = Vec::new();
        if subject == Subject::Everything {
            needless.extend(changes.drain().map(|(_, number)| number));
        }
        needless.extend(changes.insert(subject, self.last_number + 1));
        needless.into_iter().filter_map(|number| self.remove(number)).collect()
    }

    /// Undoes the record of a change that did not fit.
    fn forget_latest(&mut self, change: &Request) {
        let Some((id, subject)) = subject(change) else { return };
        if let Some(changes) = self.latest.get_mut(id) {
            changes.remove(&subject);
            if changes.is_empty() {
                self.latest.remove(id);
            }
        }
    }
}

fn subject(change: &Request) -> Option<(&Id, Subject)> {
    match change {
        Request::Set { id, attribute, .. } => Some((id, Subject::Attribute(*attribute as usize))),
        Request::Watch { id, uri, .. } | Request::Unwatch { id, uri } => {
            Some((id, Subject::Uri(uri.clone())))
        }
        Request::Forget { id } => Some((id, Subject::Everything)),
        Request::Has { .. } | Request::Get { .. } | Request::Watchers { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        text.encode_utf16().collect()
    }

    fn watch(session: &str, uri: &str) -> Request {
        Request::Watch { id: id(session), uri: id(uri), ttl: Duration::from_secs(1) }
    }

    fn unwatch(session: &str, uri: &str) -> Request {
        Request::Unwatch { id: id(session), uri: id(uri) }
    }

    fn forget(session: &str) -> Request {
        Request::Forget { id: id(session) }
    }

    fn keep(queue: &RequestQueue, request: Request, is_away: bool) -> Result<(), Full> {
        queue.keep(request, Completion::without_requester(), is_away)
    }

    #[test]
    fn the_last_change_replaces_earlier_ones_of_the_same_subject_while_the_bus_is_away() {
        let queue = RequestQueue::new(1 << 20);
        for change in [watch("a", "one"), watch("a", "two"), unwatch("a", "one"), watch("b", "one")] {
            keep(&queue, change, true).unwrap();
        }
        let expected = [watch("a", "two"), unwatch("a", "one"), watch("b", "one")];
        assert_eq!(queue.next(9).requests, expected);
        // They may have arrived, so later changes do not replace them.
        keep(&queue, forget("a"), true).unwrap();
        assert_eq!(queue.next(9).requests, [&expected[..], &[forget("a")]].concat());
    }

    #[test]
    fn the_removal_of_a_session_replaces_all_its_changes_and_none_that_follow() {
        let queue = RequestQueue::new(1 << 20);
        for change in [watch("a", "one"), watch("a", "two"), forget("a"), watch("a", "one"), forget("b")] {
            keep(&queue, change, true).unwrap();
        }
        assert_eq!(queue.next(9).requests, [forget("a"), watch("a", "one"), forget("b")]);
    }

    #[test]
    fn changes_stay_until_they_have_a_reply_and_the_queue_is_empty_then() {
        let queue = RequestQueue::new(1 << 20);
        let (change, question) = (Completion::without_requester(), Completion::without_requester());
        queue.keep(watch("a", "one"), change.clone(), false).unwrap();
        queue.add(Request::Has { id: id("a") }, question.clone()).unwrap();
        change.done();
        question.done();
        let batch = queue.next(9);
        assert_eq!(batch.requests, [watch("a", "one")]);
        queue.replied(batch.completions.iter().map(|(number, ..)| *number));
        assert!(queue.is_empty());
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_full_queue_refuses_changes_and_keeps_no_trace_of_them() {
        let queue = RequestQueue::new(watch("a", "1").weight() * 4);
        for uri in ["1", "2"] {
            keep(&queue, watch("a", uri), true).unwrap();
        }
        assert_eq!(keep(&queue, watch("a", "3"), true), Err(Full));
        assert_eq!(keep(&queue, unwatch("a", "2"), true), Ok(()), "it replaces another one");
        let batch = queue.next(9);
        assert_eq!(batch.requests, [watch("a", "1"), unwatch("a", "2")]);
        queue.replied(batch.completions.iter().map(|(number, ..)| *number));
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_pause_delays_changes_and_no_questions() {
        let queue = RequestQueue::new(1 << 20);
        let questions = [Request::Has { id: id("a") }];
        keep(&queue, watch("a", "one"), false).unwrap();
        // Held, because a settled question is removed.
        let completion = Completion::without_requester();
        queue.add(questions[0].clone(), completion.clone()).unwrap();
        queue.pause(Duration::from_secs(60));
        assert_eq!(queue.next(9).requests, questions);
        queue.pause(Duration::ZERO);
        assert_eq!(queue.next(9).requests.len(), 2);
    }

    #[test]
    fn changes_are_refused_from_a_pause_until_all_of_them_have_a_reply() {
        let queue = RequestQueue::new(1 << 20);
        assert!(!queue.is_refused());
        queue.pause(Duration::ZERO);
        assert!(!queue.is_refused(), "nothing waits");
        keep(&queue, watch("a", "one"), false).unwrap();
        keep(&queue, watch("a", "two"), false).unwrap();
        assert!(!queue.is_refused());
        queue.pause(Duration::ZERO);
        for expected in [true, true, false] {
            assert_eq!(queue.is_refused(), expected);
            let number = queue.next(1).completions.first().map(|(number, ..)| *number);
            queue.replied(number);
        }
    }
}
