//! The data of a bus in memory. Its operations have the same effects on nodes as the scripts of
//! [`redis`](crate::backplane::redis), but each message is an entry of its own in an inbox.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backplane::bus::{Appended, Held, Position, Pulse, Stamp, Standing};
use crate::backplane::claims::{ChangeKind, Changes};
use crate::backplane::fields::{self, Field};
use crate::backplane::ids::{Id, NodeId};
use crate::backplane::inbox_entry::{Close, Contents, InboxEntry};
use crate::backplane::message::Message;
use crate::backplane::outbox_entry::OutboxEntry;
use crate::backplane::settings::{REMOVED_AFTER, Settings};

/// Number of sessions that one call of [`Server::sweep`] removes.
const SWEPT: usize = 200;

/// The data.
#[derive(Clone)]
pub struct Server {
    /// The limits that all nodes use.
    pub limits: Settings,
    /// The time of the clock of the server at the start of the test, in milliseconds. A test may change it.
    pub clock: u64,
    start: Instant,
    /// The last position or stamp.
    last: u64,
    /// The time at which each node counts as dead.
    nodes: BTreeMap<NodeId, u64>,
    last_beat: Option<u64>,
    /// The time since which nodes have been sending heartbeats without a pause.
    since: u64,
    directory: HashMap<Id, (NodeId, Stamp)>,
    records: HashMap<NodeId, Record>,
}

/// What belongs to a node.
#[derive(Clone, Default)]
struct Record {
    inbox: VecDeque<(Position, Vec<Field>)>,
    bytes: usize,
    end: Position,
    appended: Option<u64>,
    changed: u64,
    sessions: BTreeSet<Id>,
    lost: BTreeMap<NodeId, u64>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            limits: Settings::default(),
            clock: 1_000_000_000,
            start: Instant::now(),
            last: 0,
            nodes: BTreeMap::new(),
            last_beat: None,
            since: 0,
            directory: HashMap::new(),
            records: HashMap::new(),
        }
    }
}

impl Server {
    /// Deletes all data. The limits and the clock stay.
    pub fn delete_everything(&mut self) {
        *self = Self { limits: self.limits, clock: self.clock, start: self.start, ..Self::default() };
    }

    pub fn join(&mut self, node: &NodeId) -> Standing {
        self.beat(node, true)
    }

    pub fn heartbeat(&mut self, node: &NodeId) -> Pulse {
        let standing = self.beat(node, false);
        let is_removed = |other: &&NodeId| *other != node && self.is_dead(other, ms(REMOVED_AFTER));
        let to_sweep = self.nodes.keys().filter(is_removed).cloned().collect();
        Pulse { standing, to_sweep }
    }

    /// Returns what is known of a node.
    pub fn standing(&self, node: &NodeId) -> Standing {
        let record = self.records.get(node);
        Standing {
            was_known: self.nodes.contains_key(node),
            appended: record.and_then(|record| record.appended),
            changed: record.map_or(0, |record| record.changed),
            end: record.map_or_else(Position::default, |record| record.end),
            lost: record.map_or_else(Vec::new, |record| {
                record.lost.iter().map(|(sender, count)| (sender.clone(), *count)).collect()
            }),
        }
    }

    pub fn append(
        &mut self,
        sender: &NodeId,
        first: u64,
        entries: &[Arc<OutboxEntry>],
        follows_loss: bool,
    ) -> Appended {
        let appended = self.record(sender).appended;
        if first > appended.unwrap_or(0) + 1 && !follows_loss {
            return Appended::Hole { appended };
        }
        let mut last = appended.unwrap_or(0).max(first - 1);
        for (number, entry) in (first..).zip(entries) {
            if number <= last {
                continue;
            }
            let stamp = self.next_number();
            let deliveries: Vec<_> = self
                .route(sender, number, entry, stamp)
                .into_iter()
                .map(|(node, contents)| {
                    (node, fields::fields(&InboxEntry { node: sender.clone(), contents }))
                })
                .collect();
            if deliveries.iter().any(|(node, fields)| self.is_full_and_alive(node, fields::size(fields))) {
                self.record(sender).appended = Some(last);
                return Appended::UpTo { last };
            }
            if let OutboxEntry::Delete { id } = &**entry
                && !deliveries.is_empty()
            {
                self.directory.remove(id);
            }
            for (node, fields) in deliveries {
                self.make_room(&node, fields::size(&fields));
                self.add(&node, stamp, fields);
            }
            last = number;
        }
        self.record(sender).appended = Some(last);
        Appended::UpTo { last }
    }

    /// Returns what each node gets because of an entry.
    fn route(
        &self,
        sender: &NodeId,
        number: u64,
        entry: &OutboxEntry,
        stamp: Stamp,
    ) -> Vec<(NodeId, Contents)> {
        match entry {
            OutboxEntry::Message(message) => {
                let others = self.nodes.keys().filter(|node| *node != sender);
                let parts = others.filter_map(|node| Some((node, self.part_for(node, message)?)));
                parts.map(|(node, part)| (node.clone(), Contents::Messages(vec![(number, part)]))).collect()
            }
            OutboxEntry::Delete { id } => {
                let owner = self.directory.get(id).map(|(node, _)| node.clone());
                let owner = owner.filter(|node| node != sender && self.nodes.contains_key(node));
                let close = Close { ids: vec![id.clone()], stamp, deletion: Some(number) };
                owner.map(|owner| (owner, Contents::Close(close))).into_iter().collect()
            }
        }
    }

    /// Returns what a node gets of a message: the sessions that it has, or may have.
    fn part_for(&self, node: &NodeId, message: &Message) -> Option<Message> {
        let Message::Multicast { ids, text } = message else { return Some(message.clone()) };
        let may_have = |id: &&Id| {
            // The client of a session on a dead node may have moved, and the claim of its new node may be on its way.
            let owner =
                self.directory.get(*id).map(|(owner, _)| owner).filter(|owner| !self.is_dead(owner, 0));
            owner.is_none_or(|owner| owner == node)
        };
        let ids: Vec<_> = ids.iter().filter(may_have).cloned().collect();
        (!ids.is_empty()).then(|| Message::Multicast { ids, text: text.clone() })
    }

    fn is_full_and_alive(&self, node: &NodeId, size: usize) -> bool {
        self.is_full(node, size) && !self.is_dead(node, ms(self.limits.node_ttl))
    }

    fn is_full(&self, node: &NodeId, size: usize) -> bool {
        self.records.get(node).is_some_and(|record| {
            let count = record.inbox.len() as u64;
            count >= self.limits.max_len
                || count > 0 && (record.bytes + size) as u64 > self.limits.max_inbox_bytes
        })
    }

    /// Removes the oldest entries of a dead node, and counts them.
    fn make_room(&mut self, node: &NodeId, size: usize) {
        while self.is_full(node, size)
            && let Some(record) = self.records.get_mut(node)
            && let Some((_, fields)) = record.inbox.pop_front()
        {
            record.bytes -= fields::size(&fields);
            if let Ok(entry) = fields::parse(fields) {
                let count = entry.count();
                *record.lost.entry(entry.node).or_default() += count;
            }
        }
    }

    /// Returns what belongs to a node.
    fn record(&mut self, node: &NodeId) -> &mut Record {
        self.records.entry(node.clone()).or_default()
    }

    fn add(&mut self, node: &NodeId, number: u64, fields: Vec<Field>) {
        let record = self.record(node);
        record.end = Position { number, seq: 0 };
        record.bytes += fields::size(&fields);
        record.inbox.push_back((record.end, fields));
    }

    /// Returns true when a node is registered.
    pub fn knows(&self, node: &NodeId) -> bool {
        self.nodes.contains_key(node)
    }

    pub fn change(&mut self, node: &NodeId, changes: &Changes) -> Vec<Held> {
        let is_new = changes.number > self.record(node).changed;
        let stamp = self.next_number();
        let mut to_close: BTreeMap<NodeId, Vec<Id>> = BTreeMap::new();
        for change in changes.list.iter().filter(|_| is_new) {
            let sessions = &mut self.record(node).sessions;
            match change.kind {
                ChangeKind::Claim => {
                    sessions.insert(change.id.clone());
                    let previous = self.directory.insert(change.id.clone(), (node.clone(), stamp));
                    if let Some((owner, _)) = previous.filter(|(owner, _)| owner != node) {
                        to_close.entry(owner).or_default().push(change.id.clone());
                    }
                }
                ChangeKind::Release => {
                    sessions.remove(&change.id);
                    if self.directory.get(&change.id).is_some_and(|(owner, _)| owner == node) {
                        self.directory.remove(&change.id);
                    }
                }
            }
        }
        self.close(node, to_close, stamp);
        if is_new {
            self.record(node).changed = changes.number;
        }
        changes.list.iter().map(|change| self.held(node, &change.id)).collect()
    }

    pub fn restore(&mut self, node: &NodeId, sessions: &[(Id, Stamp)]) -> Vec<Held> {
        for (id, stamp) in sessions {
            let other = self.directory.get(id).filter(|(owner, _)| owner != node).cloned();
            match other {
                Some((_, later)) if later > *stamp => continue,
                Some((owner, _)) => self.close(node, BTreeMap::from([(owner, vec![id.clone()])]), *stamp),
                None => {}
            }
            self.directory.insert(id.clone(), (node.clone(), *stamp));
            self.record(node).sessions.insert(id.clone());
        }
        sessions.iter().map(|(id, _)| self.held(node, id)).collect()
    }

    fn close(&mut self, node: &NodeId, sessions: BTreeMap<NodeId, Vec<Id>>, stamp: Stamp) {
        for (owner, ids) in sessions {
            if !self.nodes.contains_key(&owner) {
                continue;
            }
            let contents = Contents::Close(Close { ids, stamp, deletion: None });
            let number = self.next_number();
            self.add(&owner, number, fields::fields(&InboxEntry { node: node.clone(), contents }));
        }
    }

    fn held(&self, node: &NodeId, id: &Id) -> Held {
        match self.directory.get(id) {
            Some((owner, stamp)) if owner == node => Held::Here(*stamp),
            _ => Held::Elsewhere,
        }
    }

    pub fn listed(&self, node: &NodeId) -> Vec<Id> {
        self.records.get(node).map_or_else(Vec::new, |record| record.sessions.iter().cloned().collect())
    }

    pub fn read(&self, node: &NodeId, after: Position, limit: usize) -> Vec<(Position, Vec<Field>)> {
        let Some(record) = self.records.get(node) else { return Vec::new() };
        record.inbox.iter().filter(|(position, _)| *position > after).take(limit).cloned().collect()
    }

    pub fn acknowledge(&mut self, node: &NodeId, up_to: Position) -> u64 {
        let Some(record) = self.records.get_mut(node) else { return 0 };
        let before = record.inbox.len();
        while record.inbox.front().is_some_and(|(position, _)| *position <= up_to) {
            let (_, fields) = record.inbox.pop_front().unwrap_or_default();
            record.bytes -= fields::size(&fields);
        }
        (before - record.inbox.len()) as u64
    }

    pub fn has(&self, node: &NodeId, id: &Id) -> bool {
        self.directory.get(id).is_some_and(|(owner, _)| owner != node && !self.is_dead(owner, 0))
    }

    /// Returns the node that has a session.
    pub fn owner(&self, id: &[u16]) -> Option<NodeId> {
        self.directory.get(id).map(|(owner, _)| owner.clone())
    }

    /// Returns true when nothing is left.
    pub fn sweep(&mut self, node: &NodeId) -> bool {
        let Some(record) = self.records.get_mut(node) else { return true };
        for id in std::iter::from_fn(|| record.sessions.pop_first()).take(SWEPT) {
            if self.directory.get(&id).is_some_and(|(owner, _)| owner == node) {
                self.directory.remove(&id);
            }
        }
        let is_done = record.sessions.is_empty();
        if is_done {
            self.records.remove(node);
            self.nodes.remove(node);
        }
        is_done
    }

    /// Adds arbitrary fields to the inbox of a node.
    pub fn add_foreign(&mut self, node: &NodeId, fields: Vec<Field>) {
        let number = self.next_number();
        self.add(node, number, fields);
    }

    /// Removes the oldest entries of an inbox as if its node were dead, until `keep` are left.
    pub fn remove_unread(&mut self, node: &NodeId, keep: usize) {
        let max_len = std::mem::replace(&mut self.limits.max_len, keep as u64 + 1);
        self.make_room(node, 0);
        self.limits.max_len = max_len;
    }

    /// Returns the entries that wait in an inbox.
    pub fn waiting(&self, node: &NodeId) -> usize {
        self.records.get(node).map_or(0, |record| record.inbox.len())
    }

    fn beat(&mut self, node: &NodeId, is_join: bool) -> Standing {
        let (now, ttl) = (self.now(), ms(self.limits.node_ttl));
        match self.last_beat {
            Some(last) if last <= now && now - last <= ms(self.limits.beat_pause()) => {}
            last => {
                if last.is_some_and(|last| now < last) {
                    self.nodes.values_mut().for_each(|dead_at| *dead_at = now + ttl);
                }
                self.since = now;
            }
        }
        self.last_beat = Some(now);
        let standing = self.standing(node);
        if !standing.was_known && !is_join {
            return standing;
        }
        self.nodes.insert(node.clone(), now + ttl);
        // Other nodes may add to the inbox of a registered node.
        self.record(node);
        standing
    }

    /// Returns true when a node has been dead for longer than `grace`.
    fn is_dead(&self, node: &NodeId, grace: u64) -> bool {
        let now = self.now().saturating_sub(grace);
        let dead_at = self.nodes.get(node).copied().unwrap_or(0);
        dead_at < now && self.since + ms(self.limits.node_ttl) < now
    }

    /// Returns the time of the clock in milliseconds.
    fn now(&self) -> u64 {
        self.clock + ms(self.start.elapsed())
    }

    fn next_number(&mut self) -> u64 {
        self.last = (self.last + 1).max(self.now() * 1_000);
        self.last
    }
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
