//! The settings of one client.

use std::time::Duration;

use super::frame::Framing;

/// The settings of one client. They do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// How the body of the response is transferred.
    pub framing: Framing,
    /// Maximum number of bytes that wait for the kernel to take them. `usize::MAX` for no limit. A message to a client
    /// without waiting bytes is always accepted.
    pub max_queued_bytes: usize,
    /// What happens to a message that would exceed `max_queued_bytes`.
    pub when_slow: WhenSlow,
    /// The keep-alive comments, if any.
    pub keep_alive: Option<KeepAlive>,
}

/// What happens to a message that would exceed `max_queued_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenSlow {
    /// The client takes no more messages, and its owner gets [`Event::Slow`](super::owner::Event::Slow).
    Close,
    /// The message is dropped and counted.
    Drop,
}

/// Comments that a writer sends to a client that gets no messages, so that proxies keep the connection open and dead
/// clients are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Time between two checks.
    pub every: Duration,
    /// Number of checks in a row at which none of the waiting bytes had left. After that, the client takes no more
    /// messages, and its owner gets [`Event::Dead`](super::owner::Event::Dead). `u32::MAX` for never.
    pub dead_after: u32,
}
