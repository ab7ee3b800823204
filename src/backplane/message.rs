//! The messages that nodes send to each other.

use super::ids::Id;
use super::topic::Topic;
use crate::threads::text::Text;

/// A message of one node to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A message for some sessions.
    Multicast {
        /// The sessions. There is at least one.
        ids: Vec<Id>,
        /// The message.
        text: Text,
    },
    /// A message for every session.
    Broadcast {
        /// The message.
        text: Text,
    },
    /// A notification for the registrations that match a topic.
    Notify {
        /// The topic.
        topic: Topic,
        /// The notification as JSON.
        notification: Text,
    },
}

impl Message {
    /// Returns the number of bytes that its ids and its text take.
    pub fn weight(&self) -> usize {
        match self {
            Self::Multicast { ids, text } => {
                ids.iter().map(|id| size_of_val(&**id)).sum::<usize>() + text.len()
            }
            Self::Broadcast { text } | Self::Notify { notification: text, .. } => text.len(),
        }
    }
}
