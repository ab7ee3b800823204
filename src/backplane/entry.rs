//! The entries that nodes publish to each other.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::bus::Stamp;
use crate::registry::subscriptions::{ListChange, Subject};
use crate::threads::message::CloseReason;
use crate::threads::text::Text;

/// A session id in UTF-16.
pub type Id = Box<[u16]>;

/// The name of a node: one process, from the time it joins a backplane until it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Length of a node's name, in bytes.
    pub(super) const LENGTH: usize = 20;

    /// Returns a new name. It is one of 2⁶⁴, drawn with the seed that the system provides for hash tables.
    pub fn random() -> Self {
        let mut random = fastrand::Rng::with_seed(RandomState::new().build_hasher().finish());
        let name: String = std::iter::repeat_with(|| random.lowercase()).take(Self::LENGTH).collect();
        Self(name.into())
    }

    /// Parses a name. Returns `None` for bytes that cannot be one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_name = bytes.len() == Self::LENGTH && bytes.iter().all(u8::is_ascii_alphanumeric);
        is_name.then(|| Self(String::from_utf8_lossy(bytes).into()))
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a node publishes, and what it finds in its inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A message for sessions.
    Message {
        /// The sessions.
        ids: Vec<Id>,
        /// The message.
        text: Text,
    },
    /// A message for every session.
    Broadcast {
        /// The message.
        text: Text,
    },
    /// A session that this node does not have is to be deleted. No inbox has such an entry: its owner gets a [`Close`](Self::Close).
    Delete {
        /// The session.
        id: Id,
    },
    /// The node has to close sessions that it claimed before. No node publishes such an entry: the bus makes them.
    Close {
        /// The sessions.
        ids: Vec<Id>,
        /// The time of the deletion, or of the claim of another node.
        stamp: Stamp,
        /// Why they are closed.
        reason: CloseReason,
    },
    /// A notification for the registrations that match a topic.
    Notify {
        /// The topic.
        topic: Topic,
        /// The notification as JSON.
        notification: Text,
    },
}

/// The subject of a notification, as a value that owns its URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A list changed.
    List(ListChange),
    /// The resource with this URI was updated.
    Resource(Box<[u16]>),
}

impl Topic {
    /// Returns the topic as a subject for the table of registrations.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::List(list) => Subject::List(*list),
            Self::Resource(uri) => Subject::Resource(uri),
        }
    }
}

impl From<Subject<'_>> for Topic {
    fn from(subject: Subject<'_>) -> Self {
        match subject {
            Subject::List(list) => Self::List(list),
            Subject::Resource(uri) => Self::Resource(uri.into()),
        }
    }
}

/// An entry, with its sender and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedEntry {
    /// The node that published the entry, or made the bus add it.
    pub node: NodeId,
    /// The number of the entry among those that its node published. `None` when it comes from a claim.
    pub number: Option<u64>,
    /// The entry.
    pub entry: Entry,
}

/// Bytes that an entry takes in an outbox beside its text and ids.
const ENTRY_OVERHEAD: usize = 128;

impl Entry {
    /// Returns the number of bytes that the entry counts for while it waits.
    pub fn weight(&self) -> usize {
        ENTRY_OVERHEAD
            + match self {
                Self::Message { ids, text } => {
                    ids.iter().map(|id| size_of_val(&**id)).sum::<usize>() + text.len()
                }
                Self::Broadcast { text } | Self::Notify { notification: text, .. } => text.len(),
                Self::Delete { id } => size_of_val(&**id),
                Self::Close { ids, .. } => ids.iter().map(|id| size_of_val(&**id)).sum(),
            }
    }
}
