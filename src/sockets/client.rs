//! A client as its owner hands it to a writer.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::counters::{Counters, Meter};
use super::owner::Owner;
use super::settings::ClientSettings;
use crate::registry::key::Key;

/// The number of a group of clients, to which one broadcast goes. A hub has one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u64);

static LAST_GROUP: AtomicU64 = AtomicU64::new(0);

impl GroupId {
    /// Returns a number that was never returned before in this process.
    pub fn next() -> Self {
        // Relaxed: only uniqueness matters, and a read-modify-write is atomic in every order.
        Self(LAST_GROUP.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A client whose socket a writer writes to from now on.
#[derive(Debug)]
pub struct Client {
    /// The key of the client's session.
    pub key: Key,
    /// The group whose broadcasts the client gets.
    pub group: GroupId,
    /// A duplicate of the descriptor of Node's socket, with `O_NONBLOCK` and `FD_CLOEXEC`. The writer closes it.
    pub fd: OwnedFd,
    /// The client's settings.
    pub settings: ClientSettings,
    /// Receives the client's events.
    pub owner: Arc<dyn Owner>,
    /// Counts the client's messages.
    pub counters: Arc<Counters>,
    /// Shows the client's bytes.
    pub meter: Arc<Meter>,
}
