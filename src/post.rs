//! What threads leave in each other's mailboxes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::hub::Seat;
use crate::mailbox::Postable;
use crate::sessions::Key;

/// UTF-8, shared by the mailboxes of all threads that a message is for.
pub type Text = Arc<[u8]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Post {
    /// For the stream of this key.
    Message { key: Key, text: Text },
    /// For the streams of these keys.
    Multicast { keys: Vec<Key>, text: Text },
    /// For every stream with this key or an earlier one: those that were there when it was sent.
    Broadcast { until: Key, text: Text },
    /// The stream of this key is to be closed: its session is gone.
    Close { key: Key, reason: CloseReason },
    /// Asks to be answered once all that came before it is dealt with.
    Flush { receipt: Receipt },
    /// A notification, in JSON, for the registrations of these keys. Answered when they have it.
    Notify { keys: Vec<Key>, notification: Text, receipt: Receipt },
    /// The registrations of these keys are to be closed. Answered when they are.
    End { keys: Vec<Key>, reason: EndReason, receipt: Receipt },
    /// The answer to a question of this thread's.
    Answer { question: Key, outcome: Outcome },
    /// Something has happened that concerns no session: JSON for `lib/`.
    Report { report: Text },
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// In JSON.
    Is(Text),
    /// Described in JSON, as `lib/failure.js` does it.
    Failed(Text),
}

impl Outcome {
    /// What it failed with, if it did.
    pub fn failure(self) -> Option<Text> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Done | Self::Is(_) => None,
        }
    }
}

/// What has become of a session whose stream is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    Deleted,
    /// A newer stream has its id.
    Replaced,
}

/// Why a registration is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    Closed,
    Cancelled,
}

/// What a text takes beside its bytes: the counters of its `Arc`, and the allocator's part.
const BESIDE_A_TEXT: usize = 32;

impl Postable for Post {
    fn weight(&self) -> usize {
        let payload = match self {
            Self::Multicast { keys, text } | Self::Notify { keys, notification: text, .. } => {
                size_of_val(keys.as_slice()) + text.len() + BESIDE_A_TEXT
            }
            Self::Message { text, .. } | Self::Broadcast { text, .. } | Self::Report { report: text } => {
                text.len() + BESIDE_A_TEXT
            }
            Self::End { keys, .. } => size_of_val(keys.as_slice()),
            // Bounded otherwise: by the sessions the thread has made, and by the questions others wait for. What is to
            // make sure that all arrives must not be what closes the streams.
            Self::Close { .. } | Self::Flush { .. } | Self::Answer { .. } => return 0,
        };
        size_of::<Self>() + payload
    }

    fn lost(self) {
        // The streams and registrations it was for will be closed. Who waits to hear that it was delivered is told.
        if let Self::Notify { receipt, .. } = self {
            receipt.fail(Text::from(NOT_DELIVERED.as_bytes()));
        }
    }
}

/// What is answered for a notification that a full mailbox has dropped, as `lib/failure.js` describes errors.
pub const NOT_DELIVERED: &str = concat!(
    r#"{"name":"Error","code":"ERR_MAILBOX_OVERFLOW","message":"#,
    r#""not delivered: more was waiting for another thread than its maxMailboxBytes, and its streams are closed"}"#
);

/// The right to answer a question that one thread has put to others: each has a clone, and the thread is answered when
/// the last is gone, or when one reports a failure. So a question is answered, whatever becomes of those that were
/// asked: one that ends, or whose mailbox overflows, lets go of its receipts.
#[derive(Clone, Debug)]
pub struct Receipt(Arc<Question>);

#[derive(Debug)]
struct Question {
    name: Key,
    /// Where the answer goes, if anybody wants it.
    asked_by: Option<Arc<Seat>>,
    answered: AtomicBool,
}

impl Receipt {
    /// A question of `asked_by`'s, and the name its answer will bear.
    pub fn new(asked_by: Arc<Seat>) -> (Key, Self) {
        let name = Key::next();
        (name, Self(Arc::new(Question { name, asked_by: Some(asked_by), answered: AtomicBool::new(false) })))
    }

    /// Of what no thread of this process has asked.
    pub fn for_nobody() -> Self {
        Self(Arc::new(Question { name: Key::next(), asked_by: None, answered: AtomicBool::new(false) }))
    }

    /// Takes the question back: there was nobody to ask.
    pub fn withdraw(self) {
        self.0.answered.store(true, Ordering::Relaxed);
    }

    /// Answers at once that it failed. What others answer afterwards is not passed on.
    pub fn fail(self, failure: Text) {
        self.0.answer_once(Outcome::Failed(failure));
    }

    /// Answers at once that it is done. What others answer afterwards is not passed on.
    pub fn done(self) {
        self.0.answer_once(Outcome::Done);
    }

    /// Answers at once, in JSON. What others answer afterwards is not passed on.
    pub fn answer(self, json: Text) {
        self.0.answer_once(Outcome::Is(json));
    }

    pub fn is_answered(&self) -> bool {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// A reference that does not put the answer off.
    pub fn downgrade(&self) -> WeakReceipt {
        WeakReceipt(Arc::downgrade(&self.0))
    }
}

/// A receipt that others may let go of.
#[derive(Clone, Debug)]
pub struct WeakReceipt(Weak<Question>);

impl WeakReceipt {
    pub fn is_answered(&self) -> bool {
        self.unanswered().is_none()
    }

    /// The receipt, unless the question is answered.
    pub fn unanswered(&self) -> Option<Receipt> {
        self.0.upgrade().map(Receipt).filter(|receipt| !receipt.is_answered())
    }
}

impl Question {
    fn answer_once(&self, outcome: Outcome) {
        // Relaxed: only one is to find it false; the last of the receipts comes after all others through the Arc.
        if !self.answered.swap(true, Ordering::Relaxed)
            && let Some(asked_by) = &self.asked_by
        {
            asked_by.mailbox.answer(Post::Answer { question: self.name, outcome });
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.answer_once(Outcome::Done);
    }
}

impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Receipt {}
