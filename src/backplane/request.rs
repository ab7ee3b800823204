//! Requests to the bus, and its replies.

use std::time::Duration;

use super::bus::BusError;
use super::ids::Id;
use crate::registry::info::{Attribute, Json};

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
    pub fn about(&self) -> &Id {
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
