//! The interface to the medium that connects the nodes. [`redis`](super::redis) implements it for production,
//! [`memory`](super::memory) for tests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Id, NodeId};
use super::fields::Field;
use super::outbox::Batch;
use crate::registry::info::{Attribute, Json};

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
    /// Registers the node. Also works when the server refuses writes.
    fn join(&self) -> impl Future<Output = Result<Joined, BusError>> + Send;

    /// Replaces the list of the node's sessions.
    fn replace_presence(&self, sessions: &[Id]) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Appends entries to the stream: all of them or none. Returns the position of the last one.
    fn append(&self, batch: &Batch) -> impl Future<Output = Result<Position, BusError>> + Send;

    /// Returns at most `limit` entries after a position, in order. If there are none, waits for some time.
    fn read(
        &self,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Position, Vec<Field>)>, BusError>> + Send;

    /// Adds sessions to the list of the node's sessions and removes others.
    fn update_presence(
        &self,
        created: &[Id],
        removed: &[Id],
    ) -> impl Future<Output = Result<(), BusError>> + Send;

    /// Keeps the node alive, and records the last entry that it has sent.
    fn heartbeat(&self, sent: Option<Sent>) -> impl Future<Output = Result<Pulse, BusError>> + Send;

    /// Makes requests. Returns one reply for each, in the same order.
    fn request(&self, requests: &[Request]) -> impl Future<Output = Result<Vec<Reply>, BusError>> + Send;

    /// Removes the node and the list of its sessions.
    fn leave(&self) -> impl Future<Output = Result<(), BusError>> + Send;
}

/// A position in the stream: the id of a Redis stream entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Milliseconds.
    pub ms: u64,
    /// Sequence number within a millisecond.
    pub seq: u64,
}

impl Position {
    /// Parses `<milliseconds>-<sequence>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (ms, seq) = text.split_once('-')?;
        Some(Self { ms: ms.parse().ok()?, seq: seq.parse().ok()? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The reply to a node that joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// The end of the stream.
    pub end: Position,
    /// The nodes that joined earlier.
    pub nodes: Vec<NodeId>,
    /// Why the node is not registered: the server refuses writes. The node may read, but must join again before it appends.
    pub refused: Option<BusError>,
}

/// The last entry that a node has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its number. The node has sent all entries up to it.
    pub number: u64,
    /// Its position.
    pub at: Position,
}

/// The reply to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// True when the list of the node's sessions exists. A node without sessions has none.
    pub has_presence: bool,
    /// The last entry that each node has sent.
    pub sent: Vec<(NodeId, Sent)>,
    /// The end of the stream.
    pub end: Position,
}

/// A request to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Returns true when another node has a session.
    Has {
        /// The session.
        id: Id,
    },
    /// Returns an attribute of a session.
    Get {
        /// The session.
        id: Id,
        /// The attribute.
        attribute: Attribute,
        /// Time without access after which the information about the session is removed.
        ttl: Duration,
    },
    /// Sets an attribute of a session, or clears it.
    Set {
        /// The session.
        id: Id,
        /// The attribute.
        attribute: Attribute,
        /// The new value. `None` clears the attribute.
        value: Option<Json>,
        /// Time without access after which the information about the session is removed.
        ttl: Duration,
    },
    /// Returns the sessions that watch a URI, in the order in which they began.
    Watchers {
        /// The URI.
        uri: Id,
    },
    /// Makes a session watch a URI.
    Watch {
        /// The session.
        id: Id,
        /// The URI.
        uri: Id,
        /// Time without access after which the information about the session is removed.
        ttl: Duration,
    },
    /// Makes a session stop watching a URI.
    Unwatch {
        /// The session.
        id: Id,
        /// The URI.
        uri: Id,
    },
    /// Removes the information about a session, including what it watches.
    Forget {
        /// The session.
        id: Id,
    },
}

impl Request {
    /// Returns the session or the URI that the request is about.
    pub fn session(&self) -> &Id {
        match self {
            Self::Has { id }
            | Self::Get { id, .. }
            | Self::Set { id, .. }
            | Self::Watchers { uri: id }
            | Self::Watch { id, .. }
            | Self::Unwatch { id, .. }
            | Self::Forget { id } => id,
        }
    }

    /// Returns the number of bytes that the request counts for while it waits.
    pub fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Has { id }
                | Self::Get { id, .. }
                | Self::Forget { id }
                | Self::Watchers { uri: id } => size_of_val(&**id),
                Self::Set { id, value, .. } => {
                    size_of_val(&**id) + value.as_ref().map_or(0, |json| json.len())
                }
                Self::Watch { id, uri, .. } | Self::Unwatch { id, uri } => {
                    size_of_val(&**id) + size_of_val(&**uri)
                }
            }
    }
}

/// The reply to a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It succeeded and has no value.
    Done,
    /// The reply to [`Request::Has`].
    Is(bool),
    /// A value, which should be JSON. The medium does not check it.
    Value(Option<Vec<u8>>),
    /// Ids, which should be WTF-8. The medium does not check them.
    Ids(Vec<Vec<u8>>),
    /// This request failed. The connection can still be used.
    Refused(BusError),
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

    /// Returns the error for a reply that the protocol does not allow.
    pub fn protocol(message: impl AsRef<str>) -> Self {
        Self::new("EPROTO", message)
    }

    /// Returns the error for a reply that has not arrived within `limit`.
    pub fn timed_out(limit: Duration) -> Self {
        Self::new("ETIMEDOUT", format!("Redis did not reply within {} ms", limit.as_millis()))
    }
}
