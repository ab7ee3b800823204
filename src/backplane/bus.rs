//! The interface to the medium that connects the nodes. [`redis`](super::redis) implements it for production,
//! [`memory`](super::memory) for tests.
//!
//! Each node has an *inbox*: the entries that it has to read. The *directory* says which node has a session. The medium
//! decides which inboxes an entry goes to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::claims::Changes;
use super::fields::Field;
use super::ids::{Id, NodeId};
use super::outbox::Batch;
use super::request::{Reply, Request};

/// Makes connections.
pub trait Bus: Send + Sync + 'static {
    /// A connection.
    type Link: Link;

    /// Connects a node.
    fn connect(&self, node: &NodeId) -> impl Future<Output = Result<Self::Link, BusError>> + Send;
}

/// A node's connection. After an error it is not used again: the failed operation may have taken effect or not. The
/// exceptions are errors for which [`BusError::is_refused_write`] returns true: the operation has had no effect, and the
/// connection can still be used.
pub trait Link: Send + Sync {
    /// Registers the node. A node that was registered before keeps its inbox. Also works when the server refuses writes.
    fn join(&self) -> impl Future<Output = Result<Joined, BusError>> + Send;

    /// Adds entries to the inboxes of the nodes that they concern, in order, and each once even if it is appended again.
    ///
    /// A message for some sessions goes to their owners. It goes to all other nodes when the directory does not know one of the
    /// sessions, or its owner is dead: another node may be about to claim it. A broadcast and a notification go to all other
    /// nodes. A deletion removes the session from the directory, and closes it on its owner.
    fn append(&self, batch: &Batch) -> impl Future<Output = Result<Appended, BusError>> + Send;

    /// Changes the directory. Changes that were made before are not made again. Returns what holds now, for each change in order.
    fn change(&self, changes: &Changes) -> impl Future<Output = Result<Vec<Held>, BusError>> + Send;

    /// Puts sessions that the node has into the directory, unless another node has claimed them later. Returns what holds now,
    /// for each session in order.
    fn restore(&self, sessions: &[(Id, Stamp)]) -> impl Future<Output = Result<Vec<Held>, BusError>> + Send;

    /// Returns some of the sessions that are listed as the node's, and the cursor of the next call: 0 at the end.
    fn listed(&self, cursor: u64) -> impl Future<Output = Result<(u64, Vec<Id>), BusError>> + Send;

    /// Returns at most `limit` entries of the node's inbox after a position, in order. If there are none, waits for some time.
    fn read(
        &self,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Position, Vec<Field>)>, BusError>> + Send;

    /// Removes the entries up to a position, which the node has read, from its inbox. `bytes` is their size. Returns the number of
    /// entries that were there.
    fn acknowledge(
        &self,
        up_to: Position,
        bytes: usize,
    ) -> impl Future<Output = Result<u64, BusError>> + Send;

    /// Keeps the node alive, unless the bus does not know it: then it has to join again.
    fn heartbeat(&self) -> impl Future<Output = Result<Pulse, BusError>> + Send;

    /// Removes some sessions of a node that is dead, and the node after its last session. Returns true when nothing is left.
    fn sweep(&self, node: &NodeId) -> impl Future<Output = Result<bool, BusError>> + Send;

    /// Makes requests. Returns one reply for each, in the same order.
    fn request(&self, requests: &[Request]) -> impl Future<Output = Result<Vec<Reply>, BusError>> + Send;

    /// Removes the node, its inbox and its sessions.
    fn leave(&self) -> impl Future<Output = Result<(), BusError>> + Send;
}

/// The time of a claim. A later claim of the same session has a higher stamp. Stamps and positions are numbers of one sequence.
pub type Stamp = u64;

/// The highest number and stamp: the highest integer that is exact in JavaScript.
pub const LAST_NUMBER: u64 = (1 << 53) - 1;

/// A position in an inbox: the id of a Redis stream entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// A number that counts up over all inboxes: microseconds, or more.
    pub number: u64,
    /// 0 in entries of this package.
    pub seq: u64,
}

impl Position {
    /// Parses `<number>-<sequence>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, seq) = text.split_once('-')?;
        Some(Self { number: number.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.seq)
    }
}

/// What the bus knows of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// True when the node was registered before this call.
    pub was_known: bool,
    /// The number of the node's last entry. `None` when the bus has none.
    pub appended: Option<u64>,
    /// The number of the node's last changes of the directory. 0 when the bus has none.
    pub changed: u64,
    /// The position of the last entry that was ever put into the node's inbox.
    pub end: Position,
    /// For each sender, how many entries were removed from the node's inbox before it read them, since the inbox was made.
    pub lost: Vec<(NodeId, u64)>,
}

/// The reply to a node that joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// What the bus knows of the node.
    pub standing: Standing,
    /// Why the node is not registered: the server refuses writes. The node may read, but must join again before it appends.
    pub refused: Option<BusError>,
}

/// The reply to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// What the bus knows of the node.
    pub standing: Standing,
    /// Nodes that have been dead long enough for their sessions to be removed.
    pub to_sweep: Vec<NodeId>,
}

/// The result of [`Link::append`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The bus has all entries up to this number.
    UpTo {
        /// The number of the last entry.
        last: u64,
    },
    /// The bus has lost entries that come before the batch, and has none of the batch.
    Hole {
        /// The number of the last entry that it has. `None` when it has lost everything.
        appended: Option<u64>,
    },
}

/// What the directory says about a session of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The node has it, by a claim with this stamp.
    Here(Stamp),
    /// The node does not have it.
    Elsewhere,
}

/// The cause of a failure of the bus. Contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusError {
    /// A stable name: the code that Node.js uses for the same failure, such as `ECONNREFUSED`, or the first word of an error
    /// of Redis, such as `WRONGPASS`.
    pub code: Arc<str>,
    /// A sentence for people.
    pub message: Arc<str>,
}

impl BusError {
    /// Returns an error.
    pub fn new(code: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self { code: code.as_ref().into(), message: message.as_ref().into() }
    }

    /// Returns true when the server refuses to write for now: its memory is full, it is a replica, it cannot save its data,
    /// or it has too few replicas. It can still be read.
    pub fn is_refused_write(&self) -> bool {
        matches!(&*self.code, "OOM" | "READONLY" | "MISCONF" | "NOREPLICAS")
    }

    /// Returns true when the server cannot accept the command now, but later: it refuses writes, loads its data, runs a script,
    /// or the like.
    pub fn is_transient(&self) -> bool {
        self.is_refused_write() || matches!(&*self.code, "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN")
    }

    /// Returns true when the memory of the server is full. It accepts writes again without a change of the set-up.
    pub fn is_out_of_memory(&self) -> bool {
        &*self.code == "OOM"
    }

    /// Returns true when a new connection may lead to a server that accepts writes: after a failover, the address may belong
    /// to another server.
    pub fn is_of_replica(&self) -> bool {
        &*self.code == "READONLY"
    }

    /// Returns true when another server may accept the command, or this one later: a replica, or a cluster that moves keys.
    pub fn is_of_other_server(&self) -> bool {
        self.is_of_replica() || matches!(&*self.code, "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN")
    }

    /// Returns the error for a node whose inbox the bus no longer has.
    pub fn inbox_lost() -> Self {
        Self::new(
            "ERR_INBOX_LOST",
            "Redis has lost the messages that waited for this process, or has removed them because this process was away for \
             too long",
        )
    }

    /// Returns the error for a node whose prefix is used by nodes with other keys.
    pub fn old_layout() -> Self {
        Self::new(
            "ERR_OLD_LAYOUT",
            "nodes of another version of this package, which has other keys, use this prefix",
        )
    }

    /// Returns the error for a reply that the protocol does not allow.
    pub fn protocol(message: impl AsRef<str>) -> Self {
        Self::new("EPROTO", message)
    }

    /// Returns the error for a reply that has not arrived within `limit`.
    pub fn timed_out(limit: Duration) -> Self {
        Self::new("ETIMEDOUT", format!("Redis did not reply within {} ms", limit.as_millis()))
    }
}
