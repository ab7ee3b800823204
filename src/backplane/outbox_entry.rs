//! What a node publishes.

use super::ids::Id;
use super::message::Message;

/// An entry of an outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxEntry {
    /// A message.
    Message(Message),
    /// The deletion of a session that this node does not have.
    Delete {
        /// The session.
        id: Id,
    },
}

/// Bytes that an entry takes in an outbox beside its text and ids.
const OVERHEAD: usize = 128;

impl OutboxEntry {
    /// Returns the number of bytes that the entry counts for while it waits.
    pub fn weight(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Message(message) => message.weight(),
                Self::Delete { id } => size_of_val(&**id),
            }
    }
}
