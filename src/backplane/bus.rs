//! What a backplane needs of whatever joins the nodes. [`redis`](super::redis) is the one that is used;
//! [`memory`](super::memory) one that fails whenever a test wants it to.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Field, Id, NodeId};
use super::outbox::Batch;
use crate::info::{Fact, Json};

/// Makes connections.
pub trait Bus: Send + Sync + 'static {
    type Link: Link;

    fn connect(&self, node: &NodeId) -> impl Future<Output = Result<Self::Link, Fault>> + Send;
}

/// A node's connection. One that has failed is of no more use: what it was doing may be done or not.
pub trait Link: Send + Sync {
    /// Makes the node known, with just these sessions.
    fn enter(&self, sessions: &[Id]) -> impl Future<Output = Result<Entered, Fault>> + Send;

    /// Puts entries behind those in the stream: all, or none. Where the last of them stands.
    fn append(&self, batch: &Batch) -> impl Future<Output = Result<Position, Fault>> + Send;

    /// The entries behind a position, so many at most, in order. Waits a while for some.
    fn read(
        &self,
        after: Position,
        most: usize,
    ) -> impl Future<Output = Result<Vec<(Position, Vec<Field>)>, Fault>> + Send;

    /// Sessions of the node have come and gone.
    fn list(&self, come: &[Id], gone: &[Id]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The node lives, and has sent all up to this.
    fn beat(&self, sent: Option<Sent>) -> impl Future<Output = Result<Beat, Fault>> + Send;

    /// The answers to questions, in their order.
    fn ask(&self, questions: &[Question]) -> impl Future<Output = Result<Vec<Answer>, Fault>> + Send;

    /// Takes the node and its sessions away.
    fn leave(&self) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A place in the stream: the id of a Redis stream entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub ms: u64,
    pub seq: u64,
}

impl Position {
    /// Reads `<milliseconds>-<sequence>`.
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

/// What a node finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    /// Where the stream ends.
    pub end: Position,
    /// The nodes that are there already.
    pub nodes: Vec<NodeId>,
}

/// How far a node is: the number of the last entry it has sent, and where that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub number: u64,
    pub at: Position,
}

/// What is answered to a beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Whether the list of the node's sessions is there. A node without sessions has none.
    pub is_listed: bool,
    /// How far the nodes are.
    pub sent: Vec<(NodeId, Sent)>,
    /// Where the stream ends.
    pub end: Position,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether any node has that session.
    Has {
        id: Id,
    },
    /// What is known of a session.
    Get {
        id: Id,
        fact: Fact,
        ttl: Duration,
    },
    /// Sets that, to nothing too.
    Set {
        id: Id,
        fact: Fact,
        value: Option<Json>,
        ttl: Duration,
    },
    /// Who watches a URI, in the order they came.
    Watchers {
        uri: Id,
    },
    Watch {
        id: Id,
        uri: Id,
        ttl: Duration,
    },
    Unwatch {
        id: Id,
        uri: Id,
    },
    /// Forgets a session, and what it watches.
    Forget {
        id: Id,
    },
}

impl Question {
    /// What it counts for while it waits, in bytes.
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Is(bool),
    /// Bytes that should be JSON.
    Value(Option<Vec<u8>>),
    /// Bytes that should be ids.
    Ids(Vec<Vec<u8>>),
    /// This one cannot be answered.
    Refused(Fault),
}

/// Why a connection failed. Says nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub Arc<str>);

impl Fault {
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }
}
