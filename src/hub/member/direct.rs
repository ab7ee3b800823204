//! Direct sessions: those whose messages a writer sends to the socket of the client.

use std::io;
use std::sync::Arc;

use super::Member;
use crate::registry::key::Key;
use crate::sockets::client::{Client, GroupId};
use crate::sockets::counters::Counters;
use crate::sockets::writers::writers;
use crate::threads::mailbox::Switched;
use crate::threads::message::ThreadMessage;

/// The result of [`Member::attach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// The session is direct.
    Direct,
    /// The session is direct. Messages for it may still wait in the mailbox, and the thread has to deliver those itself, until
    /// it gets [`ThreadMessage::CaughtUp`]. The client is paused: the caller calls `resume` when they are delivered. When the
    /// mailbox overflows, the caller removes the session.
    CatchingUp,
    /// The session is removed, or it is direct already. Nothing has changed.
    No,
}

impl Member {
    /// Makes a session of this thread direct: from now on, a writer sends its messages, whichever thread or process they come
    /// from. The caller has delivered all messages whose keys it got before.
    ///
    /// # Errors
    /// Returns the error of `client`. The session is unchanged then.
    pub fn attach(
        &self,
        id: &[u16],
        key: Key,
        client: impl FnOnce(GroupId, Arc<Counters>) -> io::Result<Client>,
    ) -> io::Result<Attached> {
        if self.has_left() {
            return Ok(Attached::No);
        }
        let client = client(self.peer.group.id(), Arc::clone(&self.counters))?;
        let mut attached = Attached::No;
        self.hub.sessions.make_direct(id, self.peer.thread, key, || {
            let switched = self.peer.mailbox.switch(ThreadMessage::CaughtUp { key }, |direct, is_behind| {
                direct.insert(key);
                self.peer.make_direct();
                writers().add(client);
                if is_behind {
                    writers().hold(key);
                }
            });
            attached = match switched {
                Switched::Idle => Attached::Direct,
                Switched::Behind => Attached::CatchingUp,
                Switched::Closed => Attached::No,
            };
            attached != Attached::No
        });
        Ok(attached)
    }

    /// Returns the counters of the messages that writers have sent to this thread's clients.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
