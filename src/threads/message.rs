//! The messages that threads post to each other.

use super::completion::{Completion, Outcome};
use super::mailbox::Postable;
use super::text::Text;
use crate::registry::key::Key;

/// A message from one thread to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThreadMessage {
    /// A chunk for one stream.
    Unicast {
        /// The stream.
        key: Key,
        /// The chunk.
        text: Text,
    },
    /// A chunk for several streams.
    Multicast {
        /// The streams.
        keys: Vec<Key>,
        /// The chunk.
        text: Text,
    },
    /// A chunk for every stream that existed when the message was sent.
    Broadcast {
        /// The last key at that time. Streams with a later key do not receive the chunk.
        until: Key,
        /// The chunk.
        text: Text,
    },
    /// Closes a stream whose session was removed.
    Close {
        /// The stream.
        key: Key,
        /// Why the session was removed.
        reason: CloseReason,
    },
    /// Asks the thread to drop the completion when everything that was posted before is processed.
    Flush {
        /// Dropped when that is done.
        completion: Completion,
    },
    /// A notification for registrations.
    Notify {
        /// The registrations.
        keys: Vec<Key>,
        /// The notification as JSON.
        notification: Text,
        /// Dropped when the registrations have received it.
        completion: Completion,
    },
    /// Closes registrations.
    CloseRegistrations {
        /// The registrations.
        keys: Vec<Key>,
        /// Why they are closed.
        reason: RegistrationCloseReason,
        /// Dropped when they are closed.
        completion: Completion,
    },
    /// The outcome of a request that this thread made.
    Reply {
        /// The name of the request.
        request: Key,
        /// Its outcome.
        outcome: Outcome,
    },
    /// An event that concerns no session, as JSON for `lib/`.
    Report {
        /// The event.
        report: Text,
    },
}

/// Why the session of a stream was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It was deleted.
    Deleted,
    /// A newer session has the same id.
    Replaced,
}

/// Why a registration is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationCloseReason {
    /// The server closes it.
    Closed,
    /// The client cancelled it.
    Cancelled,
}

/// What a text costs beside its bytes: the counters of its `Arc` and the overhead of the allocator.
const TEXT_OVERHEAD: usize = 32;

impl Postable for ThreadMessage {
    fn weight(&self) -> usize {
        let payload = match self {
            Self::Multicast { keys, text } | Self::Notify { keys, notification: text, .. } => {
                size_of_val(keys.as_slice()) + text.len() + TEXT_OVERHEAD
            }
            Self::Unicast { text, .. } | Self::Broadcast { text, .. } | Self::Report { report: text } => {
                text.len() + TEXT_OVERHEAD
            }
            Self::CloseRegistrations { keys, .. } => size_of_val(keys.as_slice()),
            // These have bounds of their own: the number of sessions that the thread created, and the number of requests
            // that threads wait for. They weigh nothing, since a message that protects streams must not be the one that
            // makes the mailbox overflow and closes them.
            Self::Close { .. } | Self::Flush { .. } | Self::Reply { .. } => return 0,
        };
        size_of::<Self>() + payload
    }

    fn dropped(self) {
        // The streams and registrations are going to be closed. A thread that waits for delivery has to hear of it.
        if let Self::Notify { completion, .. } = self {
            completion.fail(Text::from(NOT_DELIVERED.as_bytes()));
        }
    }
}

/// The failure of a notification that an overflowing mailbox dropped, in the form in which `lib/` reads errors.
pub const NOT_DELIVERED: &str = concat!(
    r#"{"name":"Error","code":"ERR_MAILBOX_OVERFLOW","message":"#,
    r#""not delivered: the mailbox of another thread exceeded maxMailboxBytes, and the streams of that thread are closed"}"#
);
