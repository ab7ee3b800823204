//! The messages that threads post to each other.

use std::collections::HashSet;

use foldhash::fast::RandomState;

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
    /// In place of a message for streams that was larger than the whole mailbox: closes these streams.
    Lost {
        /// The streams.
        keys: Vec<Key>,
    },
    /// In place of a broadcast that was larger than the whole mailbox: closes every stream that should have received it.
    LostBroadcast {
        /// The last key at the time of the broadcast.
        until: Key,
    },
    /// Closes a stream whose session was removed.
    Close {
        /// The stream.
        key: Key,
        /// The reason for the removal.
        reason: CloseReason,
    },
    /// Follows the last message that goes through the mailbox to a session that has become direct.
    CaughtUp {
        /// The stream.
        key: Key,
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
        /// The reason for closing them.
        reason: RegistrationCloseReason,
        /// Dropped when they are closed.
        completion: Completion,
    },
    /// The outcome of a request that this thread made.
    Reply {
        /// The key of the request.
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

/// The reason for which the session of a stream was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It was deleted.
    Deleted,
    /// A newer session has the same id.
    Replaced,
}

/// The reason for which a registration is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationCloseReason {
    /// The server closes it.
    Closed,
    /// The client cancelled it.
    Cancelled,
}

/// Bytes that a text takes beside its content: the counters of its `Arc` and the overhead of the allocator.
const TEXT_OVERHEAD: usize = 32;

impl Postable for ThreadMessage {
    /// The direct sessions of the thread: their messages do not go through the mailbox.
    type Table = HashSet<Key, RandomState>;

    fn weight(&self) -> usize {
        let payload = match self {
            Self::Multicast { keys, text } | Self::Notify { keys, notification: text, .. } => {
                size_of_val(keys.as_slice()) + text.len() + TEXT_OVERHEAD
            }
            Self::Unicast { text, .. } | Self::Broadcast { text, .. } | Self::Report { report: text } => {
                text.len() + TEXT_OVERHEAD
            }
            Self::CloseRegistrations { keys, .. } | Self::Lost { keys } => size_of_val(keys.as_slice()),
            Self::LostBroadcast { .. } => 0,
            // The number of these is limited by the number of sessions that the thread created, and of requests that threads
            // wait for. They weigh nothing, because they must never make the mailbox overflow: that closes all streams.
            Self::Close { .. } | Self::CaughtUp { .. } | Self::Flush { .. } | Self::Reply { .. } => return 0,
        };
        size_of::<Self>() + payload
    }

    fn dropped(self) {
        // The overflow closes the streams and registrations. Only a thread that waits for the delivery of a notification
        // must get an error.
        if let Self::Notify { completion, .. } = self {
            completion.fail(Text::from(NOT_DELIVERED.as_bytes()));
        }
    }

    fn too_large(self) -> Result<Self, Self> {
        match self {
            Self::Unicast { key, .. } => Ok(Self::Lost { keys: vec![key] }),
            Self::Multicast { keys, .. } => Ok(Self::Lost { keys }),
            Self::Broadcast { until, .. } => Ok(Self::LostBroadcast { until }),
            Self::Notify { ref completion, .. } if completion.has_requester() => Err(self),
            // Another process has sent it, and no thread waits for the result. So the registrations must not stay open.
            Self::Notify { keys, completion, .. } => {
                Ok(Self::CloseRegistrations { keys, reason: RegistrationCloseReason::Cancelled, completion })
            }
            message => Ok(message),
        }
    }

    fn rejected(self) {
        if let Self::Notify { completion, .. } = self {
            completion.fail(Text::from(TOO_LARGE.as_bytes()));
        }
    }
}

/// The failure of a notification that an overflowing mailbox dropped, in the form in which `lib/` reads errors.
pub const NOT_DELIVERED: &str = concat!(
    r#"{"name":"Error","code":"ERR_MAILBOX_OVERFLOW","message":"#,
    r#""not delivered: the mailbox of another thread exceeded maxMailboxBytes, and the streams of that thread are closed"}"#
);

/// The failure of a notification that is larger than the mailbox of a receiver, in the form in which `lib/` reads errors.
pub const TOO_LARGE: &str = concat!(
    r#"{"name":"RangeError","code":"ERR_MESSAGE_TOO_LARGE","message":"#,
    r#""not delivered: the notification is larger than maxMailboxBytes of another thread; raise that limit""#,
    "}"
);
