//! Delivers the messages of other processes to the mailboxes of this process's threads. Only threads that own one of the
//! receivers are woken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Hub;
use super::direct::{self, Broadcast};
use super::peer::Peer;
use crate::backplane::bus::Stamp;
use crate::backplane::ids::Id;
use crate::backplane::local_hub::LocalHub;
use crate::backplane::message::Message;
use crate::backplane::topic::Topic;
use crate::registry::key::{Key, ThreadId};
use crate::threads::completion::Completion;
use crate::threads::message::{CloseReason, ThreadMessage};
use crate::threads::text::Text;

impl LocalHub for Hub {
    fn deliver(&self, message: Message) {
        match message {
            Message::Multicast { ids, text } => self.deliver_to_ids(&ids, &text),
            Message::Broadcast { text } => {
                let broadcast = Broadcast::new(&text);
                for peer in self.peers().iter().filter(|peer| peer.has_sessions()) {
                    broadcast.send_to(peer);
                }
            }
            Message::Notify { topic, notification } => self.notify_registrations(&topic, &notification),
        }
    }

    fn close_session(&self, id: &[u16], stamp: Stamp, reason: CloseReason) {
        let stays = || self.backplane.as_ref().is_some_and(|backplane| backplane.keeps(id, stamp, reason));
        let is_removed = self.sessions.remove_unless(id, stays, |session| {
            self.mute(session);
            if let Some(owner) = self.peer(session.owner) {
                self.uncount_session(&owner, session);
                owner.evict(id, session.key, reason);
            }
        });
        if is_removed {
            self.session_removed(id);
        }
    }

    fn has_room(&self) -> bool {
        self.peers().iter().all(|peer| peer.has_room())
    }

    fn report(&self, report: &Text) {
        // A thread whose mailbox is more than half full gets no report: an overflow would close all its streams.
        for peer in self.peers().iter().filter(|peer| peer.has_room()) {
            peer.mailbox.post(ThreadMessage::Report { report: Arc::clone(report) });
        }
    }

    fn contains(&self, id: &[u16]) -> bool {
        self.sessions.contains(id)
    }
}

impl Hub {
    fn deliver_to_ids(&self, ids: &[Id], text: &Text) {
        let sessions = ids.iter().filter_map(|id| self.sessions.get(id));
        let threads = by_thread(sessions.map(|session| (session.owner, session.key)));
        self.send_to_keys(threads, Vec::new(), text, |_| {});
    }

    /// Sends a message to sessions of several threads. Calls `before_post` with each thread that gets it in its mailbox.
    /// `direct` are the keys of sessions that are known to be direct.
    pub(super) fn send_to_keys(
        &self,
        threads: BTreeMap<ThreadId, Vec<Key>>,
        mut direct: Vec<Key>,
        text: &Text,
        before_post: impl Fn(&Peer),
    ) {
        let peers = self.peers();
        for (thread, keys) in threads {
            let Some(peer) = peers.iter().find(|peer| peer.thread == thread) else { continue };
            before_post(peer);
            let mut keys = sorted_without_duplicates(keys);
            peer.mailbox.post_with(|direct_there| {
                // They may have become direct since they were looked up.
                if !direct_there.is_empty() {
                    direct.extend(keys.extract_if(.., |key| direct_there.contains(key)));
                }
                match keys[..] {
                    [] => None,
                    [key] => Some(ThreadMessage::Unicast { key, text: Arc::clone(text) }),
                    _ => Some(ThreadMessage::Multicast { keys, text: Arc::clone(text) }),
                }
            });
        }
        direct::send(&sorted_without_duplicates(direct), text);
    }

    fn notify_registrations(&self, topic: &Topic, notification: &Text) {
        let places = self.subscriptions.matching(topic.subject());
        for (thread, keys) in by_thread(places.into_iter().map(|place| (place.owner, place.key))) {
            let notification = Arc::clone(notification);
            let completion = Completion::without_requester();
            self.post(thread, ThreadMessage::Notify { keys, notification, completion });
        }
    }

    /// Posts a message to a thread. Does nothing when the thread has left.
    fn post(&self, thread: ThreadId, message: ThreadMessage) {
        if let Some(peer) = self.peer(thread) {
            peer.mailbox.post(message);
        }
    }

    pub(super) fn peer(&self, thread: ThreadId) -> Option<Arc<Peer>> {
        self.peers().iter().find(|peer| peer.thread == thread).cloned()
    }
}

/// Returns each key once, oldest session first.
pub(super) fn sorted_without_duplicates(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn by_thread(keys: impl Iterator<Item = (ThreadId, Key)>) -> BTreeMap<ThreadId, Vec<Key>> {
    let mut threads: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (thread, key) in keys {
        threads.entry(thread).or_default().push(key);
    }
    threads
}
