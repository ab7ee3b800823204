//! The settings of a backplane.

use std::time::Duration;

/// The settings of one node of a backplane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Maximum number of entries in an inbox.
    pub max_len: u64,
    /// Maximum number of bytes that wait to be sent.
    pub max_pending_bytes: usize,
    /// Time after which a request without a reply fails.
    pub command_timeout: Duration,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Time without a heartbeat after which a node counts as dead.
    pub node_ttl: Duration,
    /// Maximum number of bytes in an inbox.
    pub max_inbox_bytes: u64,
}

/// Time for which a node has been dead when the others remove it.
pub const REMOVED_AFTER: Duration = Duration::from_secs(10 * 60);

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_len: 100_000,
            max_pending_bytes: 8 << 20,
            command_timeout: Duration::from_secs(2),
            heartbeat: Duration::from_secs(3),
            node_ttl: Duration::from_secs(10),
            max_inbox_bytes: 32 << 20,
        }
    }
}

impl Settings {
    /// Returns the time without a heartbeat of any node after which the bus, or all nodes, must have been away. Then no node counts
    /// as dead before it had time to come back.
    pub fn beat_pause(&self) -> Duration {
        (self.node_ttl / 2).max(self.heartbeat * 3 / 2)
    }
}
