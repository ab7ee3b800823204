//! Direct sessions: the writers of `sockets` send their messages.
//!
//! Each thread has its direct sessions in the table of its mailbox, and their clients form a group. A sender decides under
//! the lock of the mailbox if a message is posted or goes to the writers, and a session becomes direct under the same lock. So
//! no message is lost between the two ways. If messages that were posted before still wait for the thread then, a marker is
//! posted behind them, and the client is paused until the thread has got the marker. So no message overtakes another.
//!
//! The order of locks is: an entry of the registry, a mailbox, the queue of a writer.

use std::cell::OnceCell;
use std::sync::Arc;

use super::Hub;
use super::peer::Peer;
use crate::registry::key::Key;
use crate::registry::sessions::Session;
use crate::threads::message::ThreadMessage;
use crate::threads::text::Text;

pub(super) use self::writers::{Group, send};

/// A message to all sessions of several threads.
pub(super) struct Broadcast<'text> {
    text: &'text Text,
    /// The last key at the time of the broadcast.
    until: Key,
    frame: OnceCell<writers::Framed>,
}

impl<'text> Broadcast<'text> {
    pub fn new(text: &'text Text) -> Self {
        Self { text, until: Key::latest(), frame: OnceCell::new() }
    }

    /// Sends the message to the sessions of a thread.
    pub fn send_to(&self, peer: &Peer) {
        if peer.has_direct_sessions() {
            writers::wait_for_room();
        }
        peer.mailbox.post_with(|direct| {
            if !direct.is_empty() {
                self.send_to_direct(peer);
            }
            let Self { text, until, .. } = *self;
            peer.has_ordinary_sessions().then(|| ThreadMessage::Broadcast { until, text: Arc::clone(text) })
        });
    }

    /// Sends the message to the direct sessions of the calling thread.
    pub fn send_to_own(&self, peer: &Peer) {
        writers::wait_for_room();
        self.send_to_direct(peer);
    }

    fn send_to_direct(&self, peer: &Peer) {
        peer.group.broadcast(self.frame.get_or_init(|| writers::frame(self.text)));
    }
}

impl Hub {
    /// Ends the delivery to a session that is removed from the registry, if it is direct: what is sent from now on does not
    /// reach its client. Called with the entry of the session locked.
    pub(super) fn mute(&self, session: Session) {
        if session.is_direct {
            match self.peer(session.owner) {
                // In one step. Otherwise a message that is posted in between would be lost, and a later broadcast would arrive.
                Some(peer) => peer.mailbox.change_table(|direct| {
                    direct.remove(&session.key);
                    writers::mute(session.key);
                }),
                // The thread has left, and its table is empty.
                None => writers::mute(session.key),
            }
        }
    }
}

/// The writers of the process.
#[cfg(unix)]
mod writers {
    use crate::registry::key::Key;
    use crate::sockets::client::GroupId;
    use crate::sockets::frame::Frame;
    use crate::sockets::writers::writers;

    /// A message for clients. An empty message has no frame, and nothing is sent.
    pub type Framed = Option<Frame>;

    /// The clients of a thread.
    #[derive(Debug)]
    pub struct Group(GroupId);

    impl Group {
        /// Returns the number of the group.
        pub fn id(&self) -> GroupId {
            self.0
        }

        /// Sends a message to all clients of the group.
        pub fn broadcast(&self, frame: &Framed) {
            frame.iter().for_each(|frame| writers().broadcast(self.0, frame));
        }
    }

    impl Default for Group {
        fn default() -> Self {
            Self(GroupId::next())
        }
    }

    pub fn frame(text: &[u8]) -> Framed {
        Frame::new(text)
    }

    /// Sends a message to direct sessions.
    pub fn send(keys: &[Key], text: &[u8]) {
        if !keys.is_empty() {
            wait_for_room();
            frame(text).iter().for_each(|frame| writers().send(keys, frame));
        }
    }

    pub fn mute(key: Key) {
        writers().mute(key);
    }

    /// Waits while too much of what the calling thread has sent waits for the writers. Called without a lock.
    pub fn wait_for_room() {
        writers().wait_for_room();
    }
}

/// Windows has no writers, and no session is direct there.
#[cfg(not(unix))]
mod writers {
    use crate::registry::key::Key;

    pub type Framed = ();

    #[derive(Debug, Default)]
    pub struct Group;

    impl Group {
        pub fn broadcast(&self, _frame: &Framed) {}
    }

    pub fn frame(_text: &[u8]) -> Framed {}

    pub fn send(_keys: &[Key], _text: &[u8]) {}

    pub fn mute(_key: Key) {}

    pub fn wait_for_room() {}
}
