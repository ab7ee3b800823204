//! Sessions, and messages to one session or to all sessions.

use std::sync::Arc;

use super::{Created, Member};
use crate::backplane::message::Message;
use crate::backplane::outbox_entry::OutboxEntry;
use crate::hub::direct::{self, Broadcast};
use crate::hub::peer::Peer;
use crate::registry::key::Key;
use crate::registry::sessions::{Room, Session};
use crate::threads::message::{CloseReason, ThreadMessage};
use crate::threads::text::Text;

impl Member {
    /// Registers a session of this thread. It replaces an older session with the same id. If the older session belongs to
    /// another thread, that thread closes it. If it belongs to this thread, it is returned, and the caller closes it.
    pub fn create(&self, id: &[u16]) -> Created {
        self.insert(id, Room::Unreserved)
    }

    /// Like [`Member::create`], but returns `None` when all threads together have `max_sessions` sessions already.
    pub fn create_within(&self, id: &[u16], max_sessions: usize) -> Option<Created> {
        // A session that replaces another needs no room. It is accepted even if another thread removes the older one
        // meanwhile.
        let room = if self.has(id) { Room::Unreserved } else { self.hub.sessions.reserve(max_sessions)? };
        Some(self.insert(id, room))
    }

    fn insert(&self, id: &[u16], room: Room) -> Created {
        if self.has_left() {
            self.hub.sessions.release(room);
            return Created { key: Key::next(), replaced: None };
        }
        self.hub.count_session(&self.peer);
        let mut replaced = None;
        self.hub.backplane.iter().for_each(|backplane| backplane.creating(id));
        let key = self.hub.sessions.insert(id, self.peer.thread, room, |older| {
            replaced = self.local_or_evicted(id, older, CloseReason::Replaced);
        });
        self.hub.backplane.iter().for_each(|backplane| backplane.created(id, &self.hub.sessions));
        Created { key, replaced }
    }

    /// Removes a session of any thread or process. Returns its key if it belongs to this thread: the caller closes it.
    /// Otherwise its own thread or process closes it.
    pub fn remove(&self, id: &[u16]) -> Option<Key> {
        let mut local = None;
        let is_removed = self.hub.sessions.remove(id, |session| {
            local = self.local_or_evicted(id, session, CloseReason::Deleted);
        });
        if is_removed {
            self.hub.session_removed(id);
        } else {
            self.publish(|| OutboxEntry::Delete { id: id.into() });
        }
        local
    }

    /// Removes a session of this thread if the id still belongs to `key`. Returns true if it was removed.
    pub fn forget(&self, id: &[u16], key: Key) -> bool {
        let is_removed = self.hub.sessions.remove_this(id, self.peer.thread, key, |session| {
            self.hub.mute(session);
            self.hub.uncount_session(&self.peer, session);
        });
        if is_removed {
            self.hub.session_removed(id);
        }
        is_removed
    }

    /// Removes the sessions of this thread whose messages go through its mailbox, that is all but direct ones, and its
    /// registrations. Returns the number of sessions. Used after an overflow of the mailbox.
    pub fn forget_all(&self) -> usize {
        let removed = self.hub.sessions.remove_where(|session| {
            let is_removed = self.is_local(session.owner) && !session.is_direct;
            if is_removed {
                self.hub.uncount_session(&self.peer, session);
            }
            is_removed
        });
        removed.iter().for_each(|id| self.hub.session_removed(id));
        self.peer.mark_all_closed();
        self.hub.subscriptions.remove_owner(self.peer.thread);
        removed.len()
    }

    /// Returns true when any thread has a session with this id.
    pub fn has(&self, id: &[u16]) -> bool {
        self.hub.sessions.contains(id)
    }

    /// Returns the number of sessions of all threads.
    pub fn len(&self) -> usize {
        self.hub.sessions.len()
    }

    /// Returns true when no thread has sessions.
    pub fn is_empty(&self) -> bool {
        self.hub.sessions.is_empty()
    }

    /// Returns the ids of all threads' sessions, oldest session first.
    pub fn ids(&self) -> Vec<Box<[u16]>> {
        self.hub.sessions.ids()
    }

    /// Sends a message to one session. Returns the key if the session belongs to this thread and is not direct; the caller then
    /// delivers the message. Otherwise the message is sent, and `text` is called to read it.
    ///
    /// # Errors
    /// Returns the error of `text`. Nothing is posted then.
    pub fn send_one<E>(&self, id: &[u16], text: impl FnOnce() -> Result<Text, E>) -> Result<Option<Key>, E> {
        match self.hub.sessions.get(id) {
            Some(session) if self.is_local(session.owner) && !session.is_direct => Ok(Some(session.key)),
            Some(session) => {
                self.send_to(session, text()?);
                Ok(None)
            }
            None if self.has_no_backplane() => Ok(None),
            None => {
                let text = text()?;
                self.publish_message(|| Message::Multicast { ids: vec![id.into()], text });
                Ok(None)
            }
        }
    }

    /// Sends a message to a session of another thread, or to a direct session of this one.
    fn send_to(&self, Session { owner, key, mut is_direct }: Session, text: Text) {
        if !is_direct {
            self.with_peer(owner, |peer| {
                peer.mailbox.post_with(|direct| {
                    // It may have become direct since it was looked up.
                    is_direct = direct.contains(&key);
                    (!is_direct).then(|| ThreadMessage::Unicast { key, text: Arc::clone(&text) })
                });
            });
        }
        if is_direct {
            direct::send(&[key], &text);
        }
    }

    /// Sends a message to all sessions of other threads and processes, and to all direct sessions. `text` is called only if
    /// there may be any.
    ///
    /// # Errors
    /// Returns the error of `text`. Nothing is posted then.
    pub fn send_elsewhere<E>(&self, text: impl FnOnce() -> Result<Text, E>) -> Result<(), E> {
        let peers = self.hub.peers();
        let has_receivers = |peer: &Arc<Peer>| {
            if self.is_local(peer.thread) { peer.has_direct_sessions() } else { peer.has_sessions() }
        };
        let mut receivers = peers.iter().filter(|peer| has_receivers(peer)).peekable();
        if receivers.peek().is_some() || !self.has_no_backplane() {
            let text = text()?;
            let broadcast = Broadcast::new(&text);
            for peer in receivers {
                if self.is_local(peer.thread) {
                    broadcast.send_to_own(peer);
                } else {
                    self.record_post(peer);
                    broadcast.send_to(peer);
                }
            }
            self.publish_message(|| Message::Broadcast { text });
        }
        Ok(())
    }

    /// Returns the sessions of this thread that other threads removed, and whose streams this thread has not closed yet.
    pub fn evicted(&self) -> Vec<Key> {
        self.peer.evicted()
    }

    /// Returns those of the [evicted](Member::evicted) sessions that have this id, oldest first.
    pub fn evicted_of(&self, id: &[u16]) -> Vec<Key> {
        self.peer.evicted_of(id)
    }

    /// Returns a close message for each evicted session. Used after an overflow, which dropped those in the mailbox.
    pub fn close_messages(&self) -> Vec<ThreadMessage> {
        self.peer.close_messages()
    }

    /// Records that the stream of an evicted session is closed.
    pub fn mark_closed(&self, key: Key) {
        self.peer.mark_closed(key);
    }

    /// Uncounts a removed session. Returns its key if it belongs to this thread; otherwise makes its owner close it. Called
    /// with the entry of the session locked.
    fn local_or_evicted(&self, id: &[u16], session: Session, reason: CloseReason) -> Option<Key> {
        self.hub.mute(session);
        if self.is_local(session.owner) {
            self.hub.uncount_session(&self.peer, session);
            return Some(session.key);
        }
        self.with_peer(session.owner, |owner| {
            self.hub.uncount_session(owner, session);
            owner.evict(id, session.key, reason);
        });
        None
    }
}
