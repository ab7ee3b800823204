//! A simple model of a hub: one map of sessions, a list of messages for each peer, and a count of the completions of each
//! request.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::RangeInclusive;

use tmcp_session_manager::registry::key::Key;
use tmcp_session_manager::threads::message::{
    NOT_DELIVERED, RegistrationCloseReason, TOO_LARGE, ThreadMessage,
};
use tmcp_session_manager::threads::text::Text;

/// The number of a peer. Numbers count up, in the order of joining.
pub type ModelPeer = usize;
/// The index of a request in [`HubModel::requests`].
pub type RequestIndex = usize;

/// A message that is expected in a mailbox. Instead of a completion, it has the request.
#[derive(Clone, Debug)]
pub enum ModelMessage {
    Unicast { key: Key, text: Text },
    Multicast { keys: Vec<Key>, text: Text },
    Broadcast { until: RangeInclusive<Key>, text: Text },
    Close { key: Key },
    Flush { request: RequestIndex },
    Notify { keys: Vec<Key>, notification: Text, request: RequestIndex },
    CloseRegistrations { keys: Vec<Key>, reason: RegistrationCloseReason, request: RequestIndex },
    Reply { request: RequestIndex, failure: Option<Text> },
    Lost { keys: Vec<Key> },
    LostBroadcast { until: RangeInclusive<Key> },
}

impl ModelMessage {
    pub fn request(&self) -> Option<RequestIndex> {
        match self {
            Self::Flush { request }
            | Self::Notify { request, .. }
            | Self::CloseRegistrations { request, .. } => Some(*request),
            _ => None,
        }
    }

    fn weight(&self) -> usize {
        const TEXT_OVERHEAD: usize = 32;
        size_of::<ThreadMessage>()
            + match self {
                Self::Multicast { keys, text } | Self::Notify { keys, notification: text, .. } => {
                    keys.len() * size_of::<Key>() + text.len() + TEXT_OVERHEAD
                }
                Self::Unicast { text, .. } | Self::Broadcast { text, .. } => text.len() + TEXT_OVERHEAD,
                Self::CloseRegistrations { keys, .. } | Self::Lost { keys } => keys.len() * size_of::<Key>(),
                Self::LostBroadcast { .. } => 0,
                Self::Close { .. } | Self::Flush { .. } | Self::Reply { .. } => return 0,
            }
    }
}

#[derive(Debug)]
struct ModelMailbox {
    max_bytes: usize,
    messages: Vec<ModelMessage>,
    replies: Vec<ModelMessage>,
    overflowed: bool,
    awake: bool,
    wakes: usize,
    /// Completions that are kept until they are settled, oldest first.
    kept: Vec<(Key, RequestIndex)>,
    /// Sessions that other peers removed, and whose streams are not closed yet.
    evicted: BTreeSet<Key>,
}

impl ModelMailbox {
    fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            messages: vec![],
            replies: vec![],
            overflowed: false,
            awake: false,
            wakes: 0,
            kept: vec![],
            evicted: BTreeSet::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.messages.iter().map(ModelMessage::weight).sum()
    }

    fn wake(&mut self) {
        self.wakes += usize::from(!mem::replace(&mut self.awake, true));
    }
}

#[derive(Debug)]
struct ModelRequest {
    by: ModelPeer,
    /// Number of completions that exist.
    completions: usize,
    /// True when it was sent to a peer.
    is_sent: bool,
    is_settled: bool,
    /// The name of the reply.
    name: Option<Key>,
}

#[derive(Debug, Default)]
pub struct HubModel {
    pub sessions: BTreeMap<usize, (ModelPeer, Key)>,
    /// In the order of creation. All of them have the same origin and the same filters.
    pub registrations: Vec<(ModelPeer, Key)>,
    peers: BTreeMap<ModelPeer, ModelMailbox>,
    /// Which peer posted to which. Of the second one, a hub knows only the number modulo 64.
    posted_to: BTreeSet<(ModelPeer, usize)>,
    last_peer: usize,
    requests: Vec<ModelRequest>,
}

/// Sessions and messages.
impl HubModel {
    pub fn join(&mut self, max_bytes: usize) -> ModelPeer {
        self.last_peer += 1;
        self.peers.insert(self.last_peer, ModelMailbox::new(max_bytes));
        self.last_peer
    }

    pub fn leave(&mut self, peer: ModelPeer) {
        let Some(old) = self.peers.remove(&peer) else { return };
        self.forget_all(peer);
        let waiting = old.messages.iter().filter_map(ModelMessage::request);
        for request in waiting.chain(old.kept.iter().map(|(_, request)| *request)) {
            self.drop_completion(request);
        }
    }

    /// Returns the number of sessions.
    pub fn forget_all(&mut self, peer: ModelPeer) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|_, (owner, _)| *owner != peer);
        self.registrations.retain(|(owner, _)| *owner != peer);
        self.peers.entry(peer).and_modify(|mailbox| mailbox.evicted.clear());
        before - self.sessions.len()
    }

    /// Removes a session. Returns its key if it belongs to `peer`; otherwise its owner has to close it.
    pub fn take(&mut self, peer: ModelPeer, id: usize) -> Option<Key> {
        let (owner, key) = self.sessions.remove(&id)?;
        if owner == peer {
            return Some(key);
        }
        self.peers.get_mut(&owner).unwrap().evicted.insert(key);
        self.post(peer, owner, ModelMessage::Close { key });
        None
    }

    /// Returns the keys of `peer`'s own sessions among `ids`, and the others by owner.
    pub fn route(&self, peer: ModelPeer, ids: &[usize]) -> (Vec<Key>, BTreeMap<ModelPeer, Vec<Key>>) {
        let mut by_owner = group(ids.iter().filter_map(|id| self.sessions.get(id)));
        for keys in by_owner.values_mut() {
            keys.sort();
            keys.dedup();
        }
        (by_owner.remove(&peer).unwrap_or_default(), by_owner)
    }

    pub fn send_one(&mut self, peer: ModelPeer, id: usize, text: &Text) -> Option<Key> {
        let (owner, key) = *self.sessions.get(&id)?;
        if owner == peer {
            return Some(key);
        }
        self.post(peer, owner, ModelMessage::Unicast { key, text: text.clone() });
        None
    }

    pub fn send(&mut self, peer: ModelPeer, ids: &[usize], text: &Text) -> Vec<Key> {
        let (local, elsewhere) = self.route(peer, ids);
        for (owner, keys) in elsewhere {
            let text = text.clone();
            let message = match keys[..] {
                [key] => ModelMessage::Unicast { key, text },
                _ => ModelMessage::Multicast { keys, text },
            };
            self.post(peer, owner, message);
        }
        local
    }

    pub fn others_have_sessions(&self, peer: ModelPeer) -> bool {
        self.sessions.values().any(|(owner, _)| *owner != peer)
    }

    pub fn broadcast(&mut self, peer: ModelPeer, until: &RangeInclusive<Key>, text: &Text) {
        for owner in self.peers.keys().copied().collect::<Vec<_>>() {
            if owner != peer && self.sessions.values().any(|(of, _)| *of == owner) {
                self.post(peer, owner, ModelMessage::Broadcast { until: until.clone(), text: text.clone() });
            }
        }
    }
}

/// Requests and replies.
impl HubModel {
    /// Sends a flush to the peers that `peer` posted to and that are awake.
    pub fn flush(&mut self, peer: ModelPeer) -> Option<RequestIndex> {
        let request = self.new_request(peer);
        let (mine, others) = mem::take(&mut self.posted_to).into_iter().partition(|(from, _)| *from == peer);
        self.posted_to = others;
        let mine: BTreeSet<(ModelPeer, usize)> = mine;
        for other in self.peers.keys().copied().collect::<Vec<_>>() {
            if mine.contains(&(peer, other % 64)) && self.peers[&other].awake {
                self.send_request(peer, other, ModelMessage::Flush { request });
            }
        }
        self.all_sent(request)
    }

    pub fn notify(&mut self, peer: ModelPeer, text: &Text) -> Option<RequestIndex> {
        self.send_to_registrations(peer, |keys, request| ModelMessage::Notify {
            keys,
            notification: text.clone(),
            request,
        })
    }

    pub fn close_all(&mut self, peer: ModelPeer, reason: RegistrationCloseReason) -> Option<RequestIndex> {
        self.send_to_registrations(peer, |keys, request| ModelMessage::CloseRegistrations {
            keys,
            reason,
            request,
        })
    }

    fn send_to_registrations(
        &mut self,
        peer: ModelPeer,
        message: impl Fn(Vec<Key>, RequestIndex) -> ModelMessage,
    ) -> Option<RequestIndex> {
        let request = self.new_request(peer);
        for (owner, keys) in group(self.registrations.iter().filter(|(owner, _)| *owner != peer)) {
            self.send_request(peer, owner, message(keys, request));
        }
        self.all_sent(request)
    }

    /// Adds a request. The requester holds a completion until it has sent the request to all peers.
    fn new_request(&mut self, by: ModelPeer) -> RequestIndex {
        self.requests.push(ModelRequest {
            by,
            completions: 1,
            is_sent: false,
            is_settled: false,
            name: None,
        });
        self.requests.len() - 1
    }

    fn send_request(&mut self, from: ModelPeer, peer: ModelPeer, message: ModelMessage) {
        if let Some(request) = message.request() {
            self.requests[request].completions += 1;
            self.requests[request].is_sent = true;
        }
        self.post(from, peer, message);
    }

    /// Drops the completion of the requester. Returns `None` if the request was not sent to any peer.
    fn all_sent(&mut self, request: RequestIndex) -> Option<RequestIndex> {
        let state = &mut self.requests[request];
        state.is_settled |= !state.is_sent;
        state.is_sent.then(|| {
            self.drop_completion(request);
            request
        })
    }

    pub fn name(&mut self, request: RequestIndex, name: Key) {
        self.requests[request].name = Some(name);
    }

    pub fn keep(&mut self, peer: ModelPeer, key: Key, request: RequestIndex) {
        self.peers.get_mut(&peer).unwrap().kept.push((key, request));
    }

    pub fn kept(&self, peer: ModelPeer) -> usize {
        self.peers[&peer].kept.len()
    }

    /// Settles the `nth` of the kept completions, and returns its key.
    pub fn settle(&mut self, peer: ModelPeer, nth: usize, failure: Option<&Text>) -> Key {
        let (key, request) = self.peers.get_mut(&peer).unwrap().kept.remove(nth);
        if let Some(failure) = failure {
            self.reply(request, Some(failure.clone()));
        }
        self.drop_completion(request);
        key
    }

    pub fn drop_completion(&mut self, request: RequestIndex) {
        self.requests[request].completions -= 1;
        if self.requests[request].completions == 0 {
            self.reply(request, None);
        }
    }

    fn reply(&mut self, request: RequestIndex, failure: Option<Text>) {
        let state = &mut self.requests[request];
        if mem::replace(&mut state.is_settled, true) {
            return;
        }
        if let Some(mailbox) = self.peers.get_mut(&state.by) {
            mailbox.replies.push(ModelMessage::Reply { request, failure });
            mailbox.wake();
        }
    }

    /// Returns true when all requests are settled.
    pub fn are_all_settled(&self) -> bool {
        self.requests.iter().all(|request| request.is_settled)
    }
}

/// Mailboxes.
impl HubModel {
    fn post(&mut self, from: ModelPeer, peer: ModelPeer, mut message: ModelMessage) {
        self.posted_to.insert((from, peer % 64));
        let mailbox = &self.peers[&peer];
        if message.weight() > mailbox.max_bytes && !mailbox.overflowed {
            message = match message {
                ModelMessage::Unicast { key, .. } => ModelMessage::Lost { keys: vec![key] },
                ModelMessage::Multicast { keys, .. } => ModelMessage::Lost { keys },
                ModelMessage::Broadcast { until, .. } => ModelMessage::LostBroadcast { until },
                ModelMessage::Notify { request, .. } => {
                    self.reply(request, Some(TOO_LARGE.as_bytes().into()));
                    self.drop_completion(request);
                    return;
                }
                message => message,
            };
        }
        let mailbox = self.peers.get_mut(&peer).unwrap();
        mailbox.wake();
        if !mailbox.overflowed && mailbox.bytes() + message.weight() <= mailbox.max_bytes {
            mailbox.messages.push(message);
            return;
        }
        mailbox.overflowed = true;
        let dropped = mem::take(&mut mailbox.messages);
        for message in dropped.iter().chain([&message]) {
            let Some(request) = message.request() else { continue };
            if let ModelMessage::Notify { .. } = message {
                self.reply(request, Some(NOT_DELIVERED.as_bytes().into()));
            }
            self.drop_completion(request);
        }
    }

    pub fn drain(&mut self, peer: ModelPeer) -> (bool, Vec<ModelMessage>) {
        let mailbox = self.peers.get_mut(&peer).unwrap();
        let mut messages = mem::take(&mut mailbox.replies);
        messages.append(&mut mailbox.messages);
        let overflowed = mem::take(&mut mailbox.overflowed);
        mailbox.awake = overflowed || !messages.is_empty();
        (overflowed, messages)
    }

    pub fn set_max_bytes(&mut self, peer: ModelPeer, max_bytes: usize) {
        self.peers.get_mut(&peer).unwrap().max_bytes = max_bytes;
    }

    pub fn mark_closed(&mut self, peer: ModelPeer, key: Key) {
        self.peers.get_mut(&peer).unwrap().evicted.remove(&key);
    }

    pub fn evicted(&self, peer: ModelPeer) -> Vec<Key> {
        self.peers[&peer].evicted.iter().copied().collect()
    }

    /// Returns the number of bytes that wait, and how many times the thread was woken.
    pub fn waiting(&self, peer: ModelPeer) -> (usize, usize) {
        (self.peers[&peer].bytes(), self.peers[&peer].wakes)
    }

    /// Returns true when a message is the expected one.
    pub fn matches(&self, expected: &ModelMessage, message: &ThreadMessage) -> bool {
        match (expected, message) {
            (ModelMessage::Unicast { key, text }, ThreadMessage::Unicast { key: found, text: read }) => {
                (key, text) == (found, read)
            }
            (
                ModelMessage::Multicast { keys, text },
                ThreadMessage::Multicast { keys: found, text: read },
            ) => (keys, text) == (found, read),
            (
                ModelMessage::Broadcast { until, text },
                ThreadMessage::Broadcast { until: found, text: read },
            ) => until.contains(found) && text == read,
            (ModelMessage::Close { key }, ThreadMessage::Close { key: found, .. }) => key == found,
            (ModelMessage::Flush { .. }, ThreadMessage::Flush { .. }) => true,
            (
                ModelMessage::Notify { keys, notification, .. },
                ThreadMessage::Notify { keys: found, notification: read, .. },
            ) => (keys, notification) == (found, read),
            (
                ModelMessage::CloseRegistrations { keys, reason, .. },
                ThreadMessage::CloseRegistrations { keys: found, reason: read, .. },
            ) => (keys, reason) == (found, read),
            (ModelMessage::Lost { keys }, ThreadMessage::Lost { keys: found }) => keys == found,
            (ModelMessage::LostBroadcast { until }, ThreadMessage::LostBroadcast { until: found }) => {
                until.contains(found)
            }
            (ModelMessage::Reply { request, failure }, ThreadMessage::Reply { request: found, outcome }) => {
                self.requests[*request].name == Some(*found) && *failure == outcome.clone().failure()
            }
            _ => false,
        }
    }
}

fn group<'a>(owned: impl Iterator<Item = &'a (ModelPeer, Key)>) -> BTreeMap<ModelPeer, Vec<Key>> {
    let mut by_owner: BTreeMap<ModelPeer, Vec<Key>> = BTreeMap::new();
    for (owner, key) in owned {
        by_owner.entry(*owner).or_default().push(*key);
    }
    by_owner
}
