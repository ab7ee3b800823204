//! The interface through which a node uses the hub of its process.

use super::bus::Stamp;
use super::message::Message;
use crate::threads::message::CloseReason;
use crate::threads::text::Text;

/// The hub of a process, as its node sees it. Implemented by [`Hub`](crate::hub::Hub).
///
/// The backplane uses this trait so that it does not depend on the hub, which depends on the backplane.
pub trait LocalHub: Send + Sync {
    /// Delivers a message of another node to the threads of this process.
    fn deliver(&self, message: Message);

    /// Closes a session, unless this process claimed it after the stamp.
    fn close_session(&self, id: &[u16], stamp: Stamp, reason: CloseReason);

    /// Returns true when the mailbox of every thread has room for more messages.
    fn has_room(&self) -> bool;

    /// Reports an event to all threads, as JSON for `lib/`.
    fn report(&self, report: &Text);

    /// Returns true when this process has a session with this id.
    fn contains(&self, id: &[u16]) -> bool;
}
