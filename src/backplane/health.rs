//! The health of a node's connection: what is wrong with it now, and its last error.

use std::sync::Mutex;
use std::time::SystemTime;

use super::bus::BusError;
use super::lock::lock;

/// What is wrong with the connection of a node.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last error and its time.
    last: Option<(BusError, SystemTime)>,
    /// The error that ended the last connection, or the last attempt to connect. `None` while the node is connected.
    disconnected: Option<BusError>,
    /// The errors of refused writes, by [`Writer`]. `None` when the last write was accepted.
    refused: [Option<BusError>; 3],
}

/// What writes to the bus.
#[derive(Clone, Copy, Debug)]
pub enum Writer {
    /// Entries.
    Sender = 0,
    /// Changes of the directory.
    Claims = 1,
    /// Heartbeats. A full server accepts them while it refuses entries.
    Heartbeat = 2,
}

impl Health {
    /// Records an error that ended the connection or an attempt to connect.
    pub fn disconnected(&self, error: &BusError) {
        let mut state = lock(&self.0);
        state.last = Some((error.clone(), SystemTime::now()));
        state.disconnected = Some(error.clone());
    }

    /// Records that the node is connected.
    pub fn connected(&self) {
        let mut state = lock(&self.0);
        state.disconnected = None;
        state.refused = [None, None, None];
    }

    /// Records that the server refused a write.
    pub fn refused(&self, writer: Writer, error: &BusError) {
        let mut state = lock(&self.0);
        state.last = Some((error.clone(), SystemTime::now()));
        state.refused[writer as usize] = Some(error.clone());
    }

    /// Records that the server accepted a write.
    pub fn accepted(&self, writer: Writer) {
        lock(&self.0).refused[writer as usize] = None;
    }

    /// Returns the error that keeps the node from doing all its work now.
    pub fn problem(&self) -> Option<BusError> {
        let State { disconnected, refused, .. } = &*lock(&self.0);
        disconnected.as_ref().or_else(|| refused.iter().flatten().next()).cloned()
    }

    /// Returns the last error and its time.
    pub fn last_error(&self) -> Option<(BusError, SystemTime)> {
        lock(&self.0).last.clone()
    }
}
