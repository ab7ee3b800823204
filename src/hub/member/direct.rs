//! Direct sessions: those whose messages a writer sends to the socket of the client.

use std::io;
use std::sync::Arc;

use super::Member;
use crate::registry::key::Key;
use crate::sockets::client::{Client, GroupId};
use crate::sockets::counters::Counters;
use crate::sockets::writers::writers;

impl Member {
    /// Makes a session of this thread direct: from now on, a writer sends its messages, whichever thread or process they come
    /// from. The caller has delivered all messages whose keys it got before.
    ///
    /// Returns false when the session is removed, or when this thread has not processed everything that was posted to it.
    /// Another attempt may succeed later. `client` is called only when the first of these checks succeeds.
    ///
    /// # Errors
    /// Returns the error of `client`. The session is unchanged then.
    pub fn attach(
        &self,
        id: &[u16],
        key: Key,
        client: impl FnOnce(GroupId, Arc<Counters>) -> io::Result<Client>,
    ) -> io::Result<bool> {
        if self.has_left() || !self.peer.mailbox.is_idle() {
            return Ok(false);
        }
        let client = client(self.peer.group.id(), Arc::clone(&self.counters))?;
        Ok(self.hub.sessions.make_direct(id, self.peer.thread, key, || {
            self.peer.mailbox.change_table_if_idle(|direct| {
                direct.insert(key);
                self.peer.make_direct();
                writers().add(client);
            })
        }))
    }

    /// Returns the counters of the messages that writers have sent to this thread's clients.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
