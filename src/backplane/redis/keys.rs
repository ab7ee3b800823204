//! The names of the keys. The [module `redis`](super) lists them.

use crate::backplane::entry::NodeId;

/// Makes the names of keys with one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    pub fn new(prefix: Vec<u8>) -> Self {
        Self { prefix }
    }

    pub fn stream(&self) -> Vec<u8> {
        self.key("stream", b"")
    }

    pub fn nodes(&self) -> Vec<u8> {
        self.key("nodes", b"")
    }

    pub fn sent(&self) -> Vec<u8> {
        self.key("sent", b"")
    }

    pub fn sessions(&self, node: &NodeId) -> Vec<u8> {
        self.key("sessions:", node.as_str().as_bytes())
    }

    /// Returns the prefix of the keys of all nodes' sessions.
    pub fn sessions_prefix(&self) -> Vec<u8> {
        self.key("sessions:", b"")
    }

    pub fn info(&self, id: &[u8]) -> Vec<u8> {
        self.key("info:", id)
    }

    pub fn watching(&self, id: &[u8]) -> Vec<u8> {
        self.key("watching:", id)
    }

    /// Returns the prefix of the keys of all sessions' URIs.
    pub fn watching_prefix(&self) -> Vec<u8> {
        self.key("watching:", b"")
    }

    pub fn watchers(&self, uri: &[u8]) -> Vec<u8> {
        self.key("watchers:", uri)
    }

    /// Returns the prefix of the keys of all URIs' watchers.
    pub fn watchers_prefix(&self) -> Vec<u8> {
        self.key("watchers:", b"")
    }

    /// Returns the prefix of the keys of URIs that forgotten sessions watched.
    pub fn forgotten_prefix(&self) -> Vec<u8> {
        self.key("forgotten:", b"")
    }

    fn key(&self, kind: &str, name: &[u8]) -> Vec<u8> {
        [&self.prefix, &b":"[..], kind.as_bytes(), name].concat()
    }
}
