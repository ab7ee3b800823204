//! A bus in memory, for tests. A test can make it fail in every way in which a connection can fail: before an operation
//! takes effect, in the middle of it, after it and before the reply, or by never replying.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::Notify;

use super::bus::{Bus, BusError, Joined, Link, Position, Pulse, Reply, Request, Sent};
use super::entry::{Id, NodeId, NumberedEntry};
use super::fields::{self, Field};
use super::lock::lock;
use super::outbox::Batch;
use super::wtf8;
use crate::registry::info::Info;

/// The server that all nodes connect to.
#[derive(Clone, Default)]
pub struct MemoryBus(Arc<Shared>);

#[derive(Default)]
struct Shared {
    data: Mutex<Data>,
    appended: Notify,
    info: Info,
}

#[derive(Default)]
struct Data {
    stream: Vec<(Position, Vec<Field>)>,
    last: u64,
    nodes: BTreeMap<NodeId, HashSet<Id>>,
    sent: HashMap<NodeId, Sent>,
    /// The outcomes of the next calls, last call first.
    plans: Vec<Plan>,
    /// Counts disconnections. Connections made in an earlier generation are broken.
    generation: u64,
    is_unreachable: bool,
    is_full: bool,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It works.
    Works,
    /// It fails and has no effect.
    FailsBefore,
    /// It takes effect, and then fails.
    FailsAfter,
    /// The first half of it takes effect, and then it fails. A server that executes commands one by one may do this.
    FailsHalfway,
    /// It has no effect and never returns.
    Hangs,
    /// The server refuses to write: it has no effect, and the connection can still be used.
    Refuses,
}

/// A connection to a [`MemoryBus`].
pub struct MemoryLink {
    shared: Arc<Shared>,
    node: NodeId,
    generation: u64,
}

impl MemoryBus {
    /// Sets the outcomes of the next calls that change something, last call first. All later calls work.
    pub fn plan(&self, plans: Vec<Plan>) {
        self.0.data().plans = plans;
    }

    /// Breaks all connections. If `is_unreachable` is true, no new ones can be made until the next call.
    pub fn disconnect(&self, is_unreachable: bool) {
        let mut data = self.0.data();
        data.generation += 1;
        data.is_unreachable = is_unreachable;
        drop(data);
        self.0.appended.notify_waiters();
    }

    /// Makes the server refuse what needs memory: entries and sessions. Reading, joining and heartbeats still work.
    pub fn fill(&self, is_full: bool) {
        self.0.data().is_full = is_full;
    }

    /// Deletes all data and keeps all connections.
    pub fn delete_everything(&self) {
        let mut data = self.0.data();
        *data = Data { generation: data.generation, is_full: data.is_full, ..Data::default() };
    }

    /// Removes the oldest entries, until `keep` are left.
    pub fn trim(&self, keep: usize) {
        let mut data = self.0.data();
        let surplus = data.stream.len().saturating_sub(keep);
        data.stream.drain(..surplus);
    }

    /// Appends arbitrary fields to the stream.
    pub fn append(&self, fields: Vec<Field>) {
        self.0.data().append(fields);
        self.0.appended.notify_waiters();
    }

    /// Returns all valid entries of the stream.
    pub fn entries(&self) -> Vec<NumberedEntry> {
        self.0.data().stream.iter().filter_map(|(_, fields)| fields::parse(fields.clone()).ok()).collect()
    }

    /// Returns the list of a node's sessions.
    pub fn presence(&self, node: &NodeId) -> Option<HashSet<Id>> {
        self.0.data().nodes.get(node).cloned()
    }
}

impl Shared {
    fn data(&self) -> MutexGuard<'_, Data> {
        lock(&self.data)
    }
}

impl Data {
    fn append(&mut self, fields: Vec<Field>) -> Position {
        self.last += 1;
        let position = Position { ms: self.last, seq: 0 };
        self.stream.push((position, fields));
        position
    }
}

impl Bus for MemoryBus {
    type Link = MemoryLink;

    async fn connect(&self, node: &NodeId) -> Result<MemoryLink, BusError> {
        let data = self.0.data();
        if data.is_unreachable {
            return Err(BusError::new("ECONNREFUSED", "unreachable"));
        }
        Ok(MemoryLink { shared: Arc::clone(&self.0), node: node.clone(), generation: data.generation })
    }
}

/// The error of a full server.
fn refused() -> BusError {
    BusError::new("OOM", "OOM command not allowed when used memory > 'maxmemory'.")
}

impl MemoryLink {
    /// Like [`Self::change`], for an operation that a full server refuses.
    async fn grow<T>(
        &self,
        parts: usize,
        change: impl FnMut(&mut Data, usize) -> T,
    ) -> Result<Option<T>, BusError> {
        if self.shared.data().is_full { Err(refused()) } else { self.change(parts, change).await }
    }

    /// Executes the parts of an operation as far as the next plan allows. Returns the result of the last part.
    async fn change<T>(
        &self,
        parts: usize,
        mut change: impl FnMut(&mut Data, usize) -> T,
    ) -> Result<Option<T>, BusError> {
        let plan = {
            let mut data = self.shared.data();
            if data.generation != self.generation {
                return Err(BusError::new("ECONNRESET", "disconnected"));
            }
            let plan = data.plans.pop().unwrap_or(Plan::Works);
            let done = match plan {
                Plan::Works | Plan::FailsAfter => parts,
                Plan::FailsHalfway => parts / 2,
                Plan::FailsBefore | Plan::Hangs | Plan::Refuses => 0,
            };
            let result = (0..done).map(|part| change(&mut data, part)).last();
            if plan == Plan::Works {
                drop(data);
                self.shared.appended.notify_waiters();
                return Ok(result);
            }
            plan
        };
        self.shared.appended.notify_waiters();
        if plan == Plan::Hangs {
            pending::<()>().await;
        }
        if plan == Plan::Refuses {
            return Err(refused());
        }
        Err(BusError::new("ECONNRESET", format!("planned: {plan:?}")))
    }
}

impl Link for MemoryLink {
    async fn join(&self) -> Result<Joined, BusError> {
        let joined = self.change(1, |data, _| {
            let end = Position { ms: data.last, seq: 0 };
            let nodes = data.sent.keys().cloned().collect();
            data.sent.entry(self.node.clone()).or_insert(Sent { number: 0, at: end });
            Joined { end, nodes, refused: None }
        });
        match joined.await {
            Ok(joined) => Ok(joined.unwrap_or_default()),
            Err(error) if error.is_refused_write() => {
                let data = self.shared.data();
                let end = Position { ms: data.last, seq: 0 };
                Ok(Joined { end, nodes: data.sent.keys().cloned().collect(), refused: Some(error) })
            }
            Err(error) => Err(error),
        }
    }

    async fn replace_presence(&self, sessions: &[Id]) -> Result<(), BusError> {
        let replaced = self.grow(1, |data, _| {
            data.nodes.insert(self.node.clone(), sessions.iter().cloned().collect());
        });
        replaced.await.map(drop)
    }

    async fn append(&self, batch: &Batch) -> Result<Position, BusError> {
        let appended = self.grow(batch.entries.len(), |data, part| {
            let mut fields = Vec::new();
            let number = batch.first + part as u64;
            fields::write(&self.node, number, &batch.entries[part], |name, value| {
                fields.push((name.to_vec(), value.to_vec()));
            });
            data.append(fields)
        });
        Ok(appended.await?.unwrap_or_default())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Vec<Field>)>, BusError> {
        loop {
            let appended = self.shared.appended.notified();
            {
                let data = self.shared.data();
                if data.generation != self.generation {
                    return Err(BusError::new("ECONNRESET", "disconnected"));
                }
                let from = data.stream.partition_point(|(position, _)| *position <= after);
                let found: Vec<_> = data.stream[from..].iter().take(limit).cloned().collect();
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            appended.await;
        }
    }

    async fn update_presence(&self, created: &[Id], removed: &[Id]) -> Result<(), BusError> {
        let updated = self.grow(1, |data, _| {
            let sessions = data.nodes.entry(self.node.clone()).or_default();
            sessions.extend(created.iter().cloned());
            sessions.retain(|id| !removed.contains(id));
        });
        updated.await.map(drop)
    }

    async fn heartbeat(&self, sent: Option<Sent>) -> Result<Pulse, BusError> {
        let pulse = self.change(1, |data, _| {
            data.sent.extend(sent.map(|sent| (self.node.clone(), sent)));
            Pulse {
                has_presence: data.nodes.get(&self.node).is_some_and(|sessions| !sessions.is_empty()),
                sent: data.sent.iter().map(|(node, sent)| (node.clone(), *sent)).collect(),
                end: Position { ms: data.last, seq: 0 },
            }
        });
        Ok(pulse.await?.unwrap_or_default())
    }

    async fn request(&self, requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        let now = Instant::now();
        let info = &self.shared.info;
        let mut replies = Vec::new();
        let replied = self.change(requests.len(), |data, part| {
            replies.push(match &requests[part] {
                Request::Has { id } => Reply::Is(data.nodes.values().any(|sessions| sessions.contains(id))),
                Request::Get { id, attribute, .. } => {
                    Reply::Value(info.get(id, *attribute, now).map(|json| json.as_bytes().to_vec()))
                }
                Request::Set { id, attribute, value, .. } => {
                    let _ = info.set(id, *attribute, value.clone(), usize::MAX, now);
                    Reply::Done
                }
                Request::Watchers { uri } => {
                    Reply::Ids(info.watchers(uri).iter().map(|id| wtf8::encode(id)).collect())
                }
                Request::Watch { id, uri, .. } => {
                    let _ = info.watch(id, uri, usize::MAX, now);
                    Reply::Done
                }
                Request::Unwatch { id, uri } => {
                    info.unwatch(id, uri, now);
                    Reply::Done
                }
                Request::Forget { id } => {
                    info.remove(id);
                    Reply::Done
                }
            });
        });
        match replied.await {
            Ok(_) => Ok(replies),
            Err(error) if error.is_refused_write() => {
                Ok(requests.iter().map(|_| Reply::Refused(error.clone())).collect())
            }
            Err(error) => Err(error),
        }
    }

    async fn leave(&self) -> Result<(), BusError> {
        self.change(1, |data, _| drop(data.nodes.remove(&self.node))).await.map(drop)
    }
}
