//! Completions: how the thread that made a request learns its outcome.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::text::Text;
use crate::registry::key::Key;

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded and has no value.
    Done,
    /// It succeeded with this value, as JSON.
    Value(Text),
    /// It failed. The error is described as JSON, in the form in which `lib/` reads errors.
    Failed(Text),
}

impl Outcome {
    /// Returns the description of the error if the request failed.
    pub fn failure(self) -> Option<Text> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Done | Self::Value(_) => None,
        }
    }
}

/// Delivers outcomes to a thread that makes requests. Implemented by the hub's [`Peer`](crate::hub::peer::Peer).
pub trait ReplyTo: fmt::Debug + Send + Sync {
    /// Delivers the outcome of one request. May be called by any thread, and at most once for each request.
    fn reply(&self, request: Key, outcome: Outcome);
}

/// The right to complete a request. Each thread that works on the request holds a clone. The request is completed when the
/// last clone is dropped, or earlier when one of them reports a failure or a value.
///
/// A request is therefore always completed: a thread that ends, and a mailbox that overflows, drop their clones.
#[derive(Clone, Debug)]
pub struct Completion(Arc<PendingRequest>);

#[derive(Debug)]
struct PendingRequest {
    key: Key,
    /// The thread that made the request. `None` when no thread of this process waits for it.
    requester: Option<Arc<dyn ReplyTo>>,
    is_settled: AtomicBool,
}

impl Completion {
    /// Returns the key of a new request of `requester`, and a completion for it.
    pub fn new(requester: Arc<dyn ReplyTo>) -> (Key, Self) {
        let key = Key::next();
        (key, Self::of(key, Some(requester)))
    }

    /// Returns a completion for a request that no thread of this process waits for.
    pub fn without_requester() -> Self {
        Self::of(Key::next(), None)
    }

    fn of(key: Key, requester: Option<Arc<dyn ReplyTo>>) -> Self {
        Self(Arc::new(PendingRequest { key, requester, is_settled: AtomicBool::new(false) }))
    }

    /// Cancels the request without a reply. Used when the request was sent to no thread.
    pub fn withdraw(self) {
        self.0.is_settled.store(true, Ordering::Relaxed);
    }

    /// Completes the request with a failure. Later outcomes are ignored.
    pub fn fail(self, failure: Text) {
        self.0.settle(Outcome::Failed(failure));
    }

    /// Completes the request without a value. Later outcomes are ignored.
    pub fn done(self) {
        self.0.settle(Outcome::Done);
    }

    /// Completes the request with a value, as JSON. Later outcomes are ignored.
    pub fn value(self, json: Text) {
        self.0.settle(Outcome::Value(json));
    }

    /// Returns true when a thread of this process waits for the request.
    pub fn has_requester(&self) -> bool {
        self.0.requester.is_some()
    }

    /// Returns true when the request is completed.
    pub fn is_settled(&self) -> bool {
        self.0.is_settled.load(Ordering::Relaxed)
    }

    /// Returns a reference that does not delay the completion.
    pub fn downgrade(&self) -> WeakCompletion {
        WeakCompletion(Arc::downgrade(&self.0))
    }
}

/// A reference to a completion that does not keep the request open.
#[derive(Clone, Debug)]
pub struct WeakCompletion(Weak<PendingRequest>);

impl WeakCompletion {
    /// Returns true when the request is completed.
    pub fn is_settled(&self) -> bool {
        self.pending().is_none()
    }

    /// Returns the completion unless the request is completed.
    pub fn pending(&self) -> Option<Completion> {
        self.0.upgrade().map(Completion).filter(|completion| !completion.is_settled())
    }
}

impl PendingRequest {
    fn settle(&self, outcome: Outcome) {
        // Relaxed: the swap alone decides which call replies. The Arc orders the drop of the last clone after all others.
        if !self.is_settled.swap(true, Ordering::Relaxed)
            && let Some(requester) = &self.requester
        {
            requester.reply(self.key, outcome);
        }
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.settle(Outcome::Done);
    }
}

impl PartialEq for Completion {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Completion {}
