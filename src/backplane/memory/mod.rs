//! A bus in memory, for tests. A test can make it fail in every way in which a connection can fail: before an operation
//! takes effect, in the middle of it, after it and before the reply, or by never replying.

mod server;

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::Notify;

use self::server::Server;
use super::bus::{Appended, Bus, BusError, Held, Joined, Link, Position, Pulse, Stamp};
use super::claims::Changes;
use super::fields::Field;
use super::ids::{Id, NodeId};
use super::lock::lock;
use super::outbox::Batch;
use super::request::{Reply, Request};
use super::settings::Settings;
use super::wtf8;
use crate::registry::info::Info;

/// The server that all nodes connect to.
#[derive(Clone, Default)]
pub struct MemoryBus(Arc<Shared>);

#[derive(Default)]
struct Shared {
    data: Mutex<Data>,
    changed: Notify,
    info: Info,
}

#[derive(Default)]
struct Data {
    server: Server,
    /// The outcomes of the next calls, last call first.
    plans: Vec<Plan>,
    /// Counts disconnections. Connections made in an earlier generation are broken.
    generation: u64,
    is_unreachable: bool,
    is_full: bool,
    /// Nodes that cannot reach the server.
    cut_off: HashSet<NodeId>,
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

/// A copy of the data of a bus.
pub struct Replica(Server);

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
        self.0.changed.notify_waiters();
    }

    /// Breaks the connection of a node, and refuses new ones until it is called again.
    pub fn cut_off(&self, node: &NodeId, is_cut_off: bool) {
        let mut data = self.0.data();
        if is_cut_off {
            data.cut_off.insert(node.clone());
        } else {
            data.cut_off.remove(node);
        }
        drop(data);
        self.0.changed.notify_waiters();
    }

    /// Makes the server refuse what needs memory: entries and claims. Reading, joining and heartbeats still work.
    pub fn fill(&self, is_full: bool) {
        self.0.data().is_full = is_full;
    }

    /// Deletes all data and keeps all connections.
    pub fn delete_everything(&self) {
        self.0.data().server.delete_everything();
    }

    /// Sets the limits of all inboxes, and the time after which a node counts as dead.
    pub fn limit(&self, limits: Settings) {
        self.0.data().server.limits = limits;
    }

    /// Moves the clock of the server by some milliseconds.
    pub fn move_clock(&self, ms: i64) {
        let clock = &mut self.0.data().server.clock;
        *clock = clock.saturating_add_signed(ms);
    }

    /// Removes the oldest entries of an inbox as if its node were dead, until `keep` are left.
    pub fn remove_unread(&self, node: &NodeId, keep: usize) {
        self.0.data().server.remove_unread(node, keep);
    }

    /// Adds arbitrary fields to the inbox of a node.
    pub fn add(&self, node: &NodeId, fields: Vec<Field>) {
        self.0.data().server.add_foreign(node, fields);
        self.0.changed.notify_waiters();
    }

    /// Returns a copy of the data, such as a replica has.
    pub fn replicate(&self) -> Replica {
        Replica(self.0.data().server.clone())
    }

    /// Makes a copy take over: what has changed since is lost, and all connections break.
    pub fn fail_over(&self, Replica(server): Replica) {
        self.0.data().server = server;
        self.disconnect(false);
    }

    /// Returns the number of entries that wait in the inbox of a node.
    pub fn waiting(&self, node: &NodeId) -> usize {
        self.0.data().server.waiting(node)
    }

    /// Returns the node that has a session, according to the directory.
    pub fn owner(&self, id: &[u16]) -> Option<NodeId> {
        self.0.data().server.owner(id)
    }

    /// Returns the sessions that are listed as those of a node.
    pub fn listed(&self, node: &NodeId) -> Vec<Id> {
        self.0.data().server.listed(node)
    }

    /// Returns true when a node is registered.
    pub fn knows(&self, node: &NodeId) -> bool {
        self.0.data().server.knows(node)
    }
}

impl Shared {
    fn data(&self) -> MutexGuard<'_, Data> {
        lock(&self.data)
    }
}

impl Data {
    fn check(&self, link: &MemoryLink) -> Result<(), BusError> {
        if self.generation != link.generation || self.cut_off.contains(&link.node) {
            return Err(BusError::new("ECONNRESET", "disconnected"));
        }
        Ok(())
    }
}

impl Bus for MemoryBus {
    type Link = MemoryLink;

    async fn connect(&self, node: &NodeId) -> Result<MemoryLink, BusError> {
        let data = self.0.data();
        if data.is_unreachable || data.cut_off.contains(node) {
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
    /// Fails when the server has forgotten the node.
    fn check_registered(&self) -> Result<(), BusError> {
        let is_known = self.shared.data().server.knows(&self.node);
        if is_known { Ok(()) } else { Err(BusError::inbox_lost()) }
    }

    /// Like [`Self::perform`], for an operation that a full server refuses.
    async fn grow<T>(
        &self,
        parts: usize,
        change: impl FnMut(&mut Data, usize) -> T,
    ) -> Result<Option<T>, BusError> {
        if self.shared.data().is_full { Err(refused()) } else { self.perform(parts, change).await }
    }

    /// Executes the parts of an operation as far as the next plan allows. Returns the result of the last part.
    async fn perform<T>(
        &self,
        parts: usize,
        mut change: impl FnMut(&mut Data, usize) -> T,
    ) -> Result<Option<T>, BusError> {
        let plan = {
            let mut data = self.shared.data();
            data.check(self)?;
            let plan = data.plans.pop().unwrap_or(Plan::Works);
            let done = match plan {
                Plan::Works | Plan::FailsAfter => parts,
                Plan::FailsHalfway => parts / 2,
                Plan::FailsBefore | Plan::Hangs | Plan::Refuses => 0,
            };
            let result = (0..done).map(|part| change(&mut data, part)).last();
            if plan == Plan::Works {
                drop(data);
                self.shared.changed.notify_waiters();
                return Ok(result);
            }
            plan
        };
        self.shared.changed.notify_waiters();
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
        match self.perform(1, |data, _| data.server.join(&self.node)).await {
            Ok(standing) => Ok(Joined { standing: standing.unwrap_or_default(), refused: None }),
            Err(error) if error.is_refused_write() => {
                let standing = self.shared.data().server.standing(&self.node);
                Ok(Joined { standing, refused: Some(error) })
            }
            Err(error) => Err(error),
        }
    }

    async fn append(&self, batch: &Batch) -> Result<Appended, BusError> {
        let Batch { first, entries, follows_loss } = batch;
        self.check_registered()?;
        let mut appended = None;
        // Entry by entry, so that it can fail halfway.
        self.grow(entries.len(), |data, part| {
            // Otherwise the one before did not fit.
            let number = first + part as u64;
            if appended
                .is_none_or(|appended| matches!(appended, Appended::UpTo { last } if last + 1 >= number))
            {
                let entry = std::slice::from_ref(&entries[part]);
                let follows_loss = *follows_loss && part == 0;
                appended = Some(data.server.append(&self.node, number, entry, follows_loss));
            }
        })
        .await?;
        appended.ok_or_else(|| BusError::protocol("an empty batch"))
    }

    async fn change(&self, changes: &Changes) -> Result<Vec<Held>, BusError> {
        self.check_registered()?;
        let changed = self.grow(1, |data, _| data.server.change(&self.node, changes)).await;
        Ok(changed?.unwrap_or_default())
    }

    async fn restore(&self, sessions: &[(Id, Stamp)]) -> Result<Vec<Held>, BusError> {
        self.check_registered()?;
        Ok(self.grow(1, |data, _| data.server.restore(&self.node, sessions)).await?.unwrap_or_default())
    }

    async fn listed(&self, _: u64) -> Result<(u64, Vec<Id>), BusError> {
        let data = self.shared.data();
        data.check(self)?;
        Ok((0, data.server.listed(&self.node)))
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Vec<Field>)>, BusError> {
        loop {
            let changed = self.shared.changed.notified();
            {
                let data = self.shared.data();
                data.check(self)?;
                let found = data.server.read(&self.node, after, limit);
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            changed.await;
        }
    }

    async fn acknowledge(&self, up_to: Position, _: usize) -> Result<u64, BusError> {
        let acknowledged = self.perform(1, |data, _| data.server.acknowledge(&self.node, up_to));
        Ok(acknowledged.await?.unwrap_or_default())
    }

    async fn heartbeat(&self) -> Result<Pulse, BusError> {
        let pulse = self.perform(1, |data, _| data.server.heartbeat(&self.node));
        Ok(pulse.await?.unwrap_or_default())
    }

    async fn sweep(&self, node: &NodeId) -> Result<bool, BusError> {
        Ok(self.perform(1, |data, _| data.server.sweep(node)).await?.unwrap_or_default())
    }

    async fn request(&self, requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        let now = Instant::now();
        let info = &self.shared.info;
        let mut replies = Vec::new();
        let replied = self.perform(requests.len(), |data, part| {
            replies.push(match &requests[part] {
                Request::Has { id } => Reply::Is(data.server.has(&self.node, id)),
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
        self.perform(1, |data, _| while !data.server.sweep(&self.node) {}).await.map(drop)
    }
}
