//! The progress of a node in the stream.

use std::sync::Mutex;

use super::backoff::Backoff;
use crate::backplane::bus::{Position, Sent};
use crate::backplane::lock::lock;
use crate::backplane::sequences::Sequences;

/// The progress of a node in the stream. It outlives connections.
#[derive(Default)]
pub(super) struct Progress {
    /// The position at which the node began to read. Earlier entries do not concern it.
    pub start: Option<Position>,
    /// The position of the last entry that it has read.
    pub read: Position,
    /// The last entry that it has sent.
    pub sent: Option<Sent>,
    /// The numbers of the last entries of the other nodes.
    pub sequences: Sequences,
    /// Number of times that the size of the next batch is halved.
    pub halvings: u32,
    /// True when the node has waited `command_timeout` for room in a mailbox, and there is none yet. It does not wait again
    /// until every mailbox has room.
    pub has_waited: bool,
    /// The time until a refused write is tried again.
    pub write_backoff: Backoff,
    /// True when the list of sessions was sent over this connection.
    pub is_listed: bool,
    /// True when the server refused the list of sessions.
    pub has_refused_list: bool,
}

/// Progress that the loops of a node share.
pub(super) type SharedProgress = Mutex<Progress>;

/// Returns true when the node has been connected at least once.
pub(super) fn has_started(progress: &SharedProgress) -> bool {
    lock(progress).start.is_some()
}
