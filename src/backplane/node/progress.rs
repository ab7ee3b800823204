//! The progress of a node: what it has read, and how it sends.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::time::Instant;

use super::backoff::Backoff;
use crate::backplane::bus::Position;
use crate::backplane::ids::NodeId;
use crate::backplane::losses::Losses;
use crate::backplane::sequences::Sequences;

/// The progress of a node. It outlives connections.
#[derive(Default)]
pub(super) struct Progress {
    /// True when the node has been registered at least once.
    pub has_joined: bool,
    /// The position of the last entry that was read over this connection.
    pub read: Position,
    /// The entries up to `read` that are still in the inbox.
    pub unacknowledged: Unacknowledged,
    /// The numbers of the last entries of the other nodes.
    pub sequences: Sequences,
    /// The entries that were removed from the inbox before the node read them.
    pub losses: Losses,
    /// The node sends nothing before this time.
    pub sends_after: Option<Instant>,
    /// Number of times that the size of the next batch is halved.
    pub halvings: u32,
    /// True when the node has waited `command_timeout` for room in a mailbox, and there is none yet. It does not wait again
    /// until every mailbox has room.
    pub has_waited: bool,
    /// The time until a refused write is tried again.
    pub write_backoff: Backoff,
}

/// Entries that were read, and that the bus still keeps.
#[derive(Default)]
pub(super) struct Unacknowledged {
    /// Their senders and the number of messages in them, oldest entry first. `None` for an entry that no node wrote.
    pub entries: VecDeque<Option<(NodeId, u64)>>,
    /// Their size.
    pub bytes: usize,
}

/// Progress that the loops of a node share.
pub(super) type SharedProgress = Mutex<Progress>;
