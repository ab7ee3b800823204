//! The threads that write to sockets.

use std::sync::OnceLock;
use std::time::Duration;

use super::client::{Client, GroupId};
use super::frame::Frame;
use crate::registry::key::Key;

/// The writer threads of the process. The first client starts them. They never end.
#[derive(Debug, Default)]
pub struct Writers {}

/// Returns the writers of the process.
pub fn writers() -> &'static Writers {
    static WRITERS: OnceLock<Writers> = OnceLock::new();
    WRITERS.get_or_init(Writers::default)
}

impl Writers {
    /// Sets the number of writer threads. It only grows.
    pub fn set_count(&self, _count: usize) {}

    /// Takes a client over.
    pub fn add(&self, _client: Client) {}

    /// Sends a frame to all clients of a group that are not muted.
    pub fn broadcast(&self, _group: GroupId, _frame: &Frame) {}

    /// Sends a frame to clients.
    pub fn send(&self, _keys: &[Key], _frame: &Frame) {}

    /// Sends no later broadcasts and messages to a client, because its session left the registry.
    pub fn mute(&self, _key: Key) {}

    /// Sends what was queued before, reports [`Event::Paused`](super::owner::Event::Paused), and holds later messages.
    pub fn pause(&self, _key: Key) {}

    /// Ends a pause.
    pub fn resume(&self, _key: Key) {}

    /// Sends what was queued before, closes the socket, and reports [`Event::Released`](super::owner::Event::Released).
    pub fn release(&self, _key: Key) {}

    /// Drops the queued frames, except one that is partly sent.
    pub fn discard(&self, _key: Key) {}

    /// Sends what the kernel takes at once, and closes the socket. Reports nothing.
    pub fn close(&self, _key: Key) {}

    /// Waits until all commands so far are processed. Returns false after `timeout`.
    pub fn barrier(&self, _timeout: Duration) -> bool {
        true
    }

    /// Returns true when no command waits.
    pub fn is_idle(&self) -> bool {
        true
    }
}
