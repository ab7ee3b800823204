//! The interface through which a node uses the hub of its process.

use super::entry::Entry;
use crate::threads::text::Text;

/// The hub of a process, as its node sees it. Implemented by [`Hub`](crate::hub::Hub).
///
/// The backplane uses this trait so that it does not depend on the hub, which depends on the backplane.
pub trait LocalHub: Send + Sync {
    /// Delivers an entry of another node to the threads of this process.
    fn deliver(&self, entry: Entry);

    /// Returns true when the mailbox of every thread has room for more entries.
    fn has_room(&self) -> bool;

    /// Reports an event to all threads, as JSON for `lib/`.
    fn report(&self, report: &Text);

    /// Returns true when this process has a session with this id.
    fn contains(&self, id: &[u16]) -> bool;
}
