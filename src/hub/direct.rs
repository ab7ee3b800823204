//! The direct sessions of a hub: the writers of [`sockets`](crate::sockets) send their messages.
//!
//! The order of locks is: an entry of the registry, the switch, a mailbox or the queue of a writer. A sender therefore looks
//! sessions up before it locks the switch.

use std::collections::HashSet;

use foldhash::fast::RandomState;

#[cfg(unix)]
use super::peer::Peer;
use crate::registry::key::Key;
use crate::registry::sessions::Session;
use crate::threads::switch::Switch;

/// The keys of the direct sessions of all threads.
type Keys = HashSet<Key, RandomState>;

/// The direct sessions of a hub.
#[derive(Debug, Default)]
pub(super) struct DirectSessions {
    switch: Switch<Keys>,
    group: writers::Group,
}

impl DirectSessions {
    /// Calls `post` with the direct sessions. No session becomes direct until `post` has returned: a message to a session that
    /// is not in it may be posted to the mailbox of the session's thread.
    pub fn while_posting<Return>(&self, post: impl FnOnce(&Sending<'_>) -> Return) -> Return {
        post(&Sending { keys: &self.switch.lock(), group: &self.group })
    }

    /// Makes a session direct, if its thread has processed everything that was posted to it. `take_over` gives its client to
    /// a writer. Called on that thread, with the entry of the session in the registry locked.
    #[cfg(unix)]
    pub fn add(&self, peer: &Peer, key: Key, take_over: impl FnOnce()) -> bool {
        self.switch.switch(&peer.mailbox, |keys| {
            keys.insert(key);
            peer.make_direct();
            take_over();
        })
    }

    /// Returns the group of all clients of the hub.
    #[cfg(unix)]
    pub fn group(&self) -> crate::sockets::client::GroupId {
        self.group.id()
    }

    /// Ends the delivery to a session that is removed from the registry, if it is direct: what is sent from now on does not
    /// reach its client. Called with the entry of the session locked.
    pub fn remove(&self, session: Session) {
        if session.is_direct {
            self.switch.change(|keys| {
                keys.remove(&session.key);
            });
            writers::mute(session.key);
        }
    }
}

/// The direct sessions, while a sender posts.
#[derive(Debug)]
pub(super) struct Sending<'hub> {
    keys: &'hub Keys,
    group: &'hub writers::Group,
}

impl Sending<'_> {
    /// Returns true when no session is direct.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns true when a session is direct.
    pub fn contains(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }

    /// Sends a message to all direct sessions.
    pub fn broadcast(&self, text: &[u8]) {
        if !self.is_empty() {
            self.group.broadcast(text);
        }
    }
}

/// Sends a message to direct sessions.
pub(super) fn send(keys: &[Key], text: &[u8]) {
    if !keys.is_empty() {
        writers::send(keys, text);
    }
}

/// The writers of the process.
#[cfg(unix)]
mod writers {
    use crate::registry::key::Key;
    use crate::sockets::client::GroupId;
    use crate::sockets::frame::Frame;
    use crate::sockets::writers::writers;

    #[derive(Debug)]
    pub struct Group(GroupId);

    impl Group {
        pub fn id(&self) -> GroupId {
            self.0
        }

        pub fn broadcast(&self, text: &[u8]) {
            // An empty message has no frame, and nothing would be sent.
            Frame::new(text).into_iter().for_each(|frame| writers().broadcast(self.0, &frame));
        }
    }

    impl Default for Group {
        fn default() -> Self {
            Self(GroupId::next())
        }
    }

    pub fn send(keys: &[Key], text: &[u8]) {
        Frame::new(text).into_iter().for_each(|frame| writers().send(keys, &frame));
    }

    pub fn mute(key: Key) {
        writers().mute(key);
    }
}

/// Windows has no writers, and no session is direct there.
#[cfg(not(unix))]
mod writers {
    use crate::registry::key::Key;

    #[derive(Debug, Default)]
    pub struct Group;

    impl Group {
        pub fn broadcast(&self, _text: &[u8]) {}
    }

    pub fn send(_keys: &[Key], _text: &[u8]) {}

    pub fn mute(_key: Key) {}
}
