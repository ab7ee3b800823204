//! What arrives from other nodes, on its way into the mailboxes of this process's threads. Only a thread that owns what it
//! is for is woken.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Backplane;
use super::entry::{Entry, Id, Topic};
use crate::hub::Hub;
use crate::post::{CloseReason, Post, Receipt, Text};
use crate::sessions::{Key, ThreadId};

/// A thread that is so far behind gets no more until it has caught up: half of what its mailbox holds.
const BEHIND: usize = 2;

/// Hands on what another node has said.
pub fn deliver(hub: &Hub, backplane: &Backplane, entry: Entry) {
    match entry {
        Entry::Message { ids, text } => message(hub, &ids, &text),
        Entry::Broadcast { text } => {
            let until = Key::latest();
            for seat in hub.seats().iter().filter(|seat| seat.has_sessions()) {
                seat.mailbox.post(Post::Broadcast { until, text: Arc::clone(&text) });
            }
        }
        Entry::Claim { id } => hub.close_unless(&id, CloseReason::Replaced, || backplane.keeps(&id)),
        Entry::Delete { id } => hub.close_unless(&id, CloseReason::Deleted, || backplane.keeps(&id)),
        Entry::Notify { topic, notification } => notify(hub, &topic, &notification),
    }
}

/// Whether every thread has room for more.
pub fn has_room(hub: &Hub) -> bool {
    hub.seats().iter().all(|seat| seat.mailbox.bytes() <= seat.mailbox.max_bytes() / BEHIND)
}

fn message(hub: &Hub, ids: &[Id], text: &Text) {
    let sessions = ids.iter().filter_map(|id| hub.sessions.get(id));
    for (thread, mut keys) in by_thread(sessions.map(|session| (session.owner, session.key))) {
        keys.sort_unstable();
        keys.dedup();
        let post = match keys[..] {
            [key] => Post::Message { key, text: Arc::clone(text) },
            _ => Post::Multicast { keys, text: Arc::clone(text) },
        };
        hub.post(thread, post);
    }
}

fn notify(hub: &Hub, topic: &Topic, notification: &Text) {
    let places = hub.subscriptions.interested(topic.subject());
    for (thread, keys) in by_thread(places.into_iter().map(|place| (place.owner, place.key))) {
        let notification = Arc::clone(notification);
        hub.post(thread, Post::Notify { keys, notification, receipt: Receipt::for_nobody() });
    }
}

fn by_thread(keys: impl Iterator<Item = (ThreadId, Key)>) -> BTreeMap<ThreadId, Vec<Key>> {
    let mut threads: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (thread, key) in keys {
        threads.entry(thread).or_default().push(key);
    }
    threads
}
