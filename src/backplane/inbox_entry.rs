//! What a node finds in its inbox.

use super::bus::Stamp;
use super::ids::{Id, NodeId};
use super::message::Message;
use crate::threads::message::CloseReason;

/// An entry of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// The node that published the messages, or that claimed or deleted the sessions.
    pub node: NodeId,
    /// What it contains.
    pub contents: Contents,
}

/// The contents of an entry of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Messages. There is at least one.
    Messages(Vec<NumberedMessage>),
    /// An order to close sessions. The bus makes it from a claim or a deletion.
    Close(Close),
}

/// A message, and its number among the entries that its node published.
pub type NumberedMessage = (u64, Message);

/// An order to close sessions that the node claimed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The sessions.
    pub ids: Vec<Id>,
    /// The time of the deletion, or of the claim of another node.
    pub stamp: Stamp,
    /// The number of the deletion among the entries that its node published. `None` for a claim.
    pub deletion: Option<u64>,
}

impl InboxEntry {
    /// Returns the number of messages that the entry counts for.
    pub fn count(&self) -> u64 {
        match &self.contents {
            Contents::Messages(messages) => messages.len() as u64,
            Contents::Close(_) => 1,
        }
    }
}

impl Close {
    /// Returns why the sessions are closed.
    pub fn reason(&self) -> CloseReason {
        if self.deletion.is_some() { CloseReason::Deleted } else { CloseReason::Replaced }
    }
}
