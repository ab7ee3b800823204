//! A bus in memory that fails whenever it is told to, in every way a connection can: before something is done, after it is
//! done and before anybody hears of it, or by never answering. For tests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::bus::{Answer, Beat, Bus, Entered, Fault, Link, Position, Question, Sent};
use super::entry::{self, Field, Id, NodeId, Stamped};
use super::outbox::Batch;
use super::wtf8;
use crate::info::Info;

/// What all nodes connect to.
#[derive(Clone, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Default)]
struct Shared {
    world: Mutex<World>,
    appended: Notify,
    info: Info,
}

#[derive(Default)]
struct World {
    stream: Vec<(Position, Vec<Field>)>,
    last: u64,
    nodes: BTreeMap<NodeId, HashSet<Id>>,
    sent: HashMap<NodeId, Sent>,
    /// What becomes of the next calls.
    plans: Vec<Plan>,
    /// Of connections: those that were made before the last cut are dead.
    age: u64,
    is_away: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Works,
    /// Nothing is done.
    FailsBefore,
    /// It is done, and nobody hears of it.
    FailsAfter,
    /// The first half of it is done. As a server that takes commands one by one could leave it.
    FailsHalfway,
    Hangs,
}

pub struct MemoryLink {
    shared: Arc<Shared>,
    node: NodeId,
    age: u64,
}

impl Memory {
    /// What becomes of the next calls that change something, the last of these first.
    pub fn plan(&self, plans: Vec<Plan>) {
        self.0.world().plans = plans;
    }

    /// Breaks all connections; with `away`, none can be made until it is told otherwise.
    pub fn cut(&self, away: bool) {
        let mut world = self.0.world();
        world.age += 1;
        world.is_away = away;
        drop(world);
        self.0.appended.notify_waiters();
    }

    /// Loses everything, and nobody's connection.
    pub fn lose(&self) {
        let age = self.0.world().age;
        *self.0.world() = World { age, ..World::default() };
    }

    /// Drops the oldest entries but so many.
    pub fn trim(&self, keep: usize) {
        let mut world = self.0.world();
        let surplus = world.stream.len().saturating_sub(keep);
        world.stream.drain(..surplus);
    }

    /// Puts anything into the stream.
    pub fn append(&self, fields: Vec<Field>) {
        self.0.world().append(fields);
        self.0.appended.notify_waiters();
    }

    /// All entries that can be read.
    pub fn entries(&self) -> Vec<Stamped> {
        self.0.world().stream.iter().filter_map(|(_, fields)| Stamped::parse(fields.clone()).ok()).collect()
    }

    /// The ids that a node is known to have.
    pub fn listed(&self, node: &NodeId) -> Option<HashSet<Id>> {
        self.0.world().nodes.get(node).cloned()
    }
}

impl Shared {
    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn append(&mut self, fields: Vec<Field>) -> Position {
        self.last += 1;
        let position = Position { ms: self.last, seq: 0 };
        self.stream.push((position, fields));
        position
    }
}

impl Bus for Memory {
    type Link = MemoryLink;

    async fn connect(&self, node: &NodeId) -> Result<MemoryLink, Fault> {
        let world = self.0.world();
        if world.is_away {
            return Err(Fault::new("away"));
        }
        Ok(MemoryLink { shared: Arc::clone(&self.0), node: node.clone(), age: world.age })
    }
}

impl MemoryLink {
    /// Does something that has parts, as far as it is planned.
    async fn change<T>(
        &self,
        parts: usize,
        mut change: impl FnMut(&mut World, usize) -> T,
    ) -> Result<Option<T>, Fault> {
        let plan = {
            let mut world = self.shared.world();
            if world.age != self.age {
                return Err(Fault::new("cut"));
            }
            let plan = world.plans.pop().unwrap_or(Plan::Works);
            let done = match plan {
                Plan::Works | Plan::FailsAfter => parts,
                Plan::FailsHalfway => parts / 2,
                Plan::FailsBefore | Plan::Hangs => 0,
            };
            let result = (0..done).map(|part| change(&mut world, part)).last();
            if plan == Plan::Works {
                drop(world);
                self.shared.appended.notify_waiters();
                return Ok(result);
            }
            plan
        };
        self.shared.appended.notify_waiters();
        if plan == Plan::Hangs {
            pending::<()>().await;
        }
        Err(Fault::new(format!("planned: {plan:?}")))
    }
}

impl Link for MemoryLink {
    async fn enter(&self, sessions: &[Id]) -> Result<Entered, Fault> {
        let entered = self.change(1, |world, _| {
            world.nodes.insert(self.node.clone(), sessions.iter().cloned().collect());
            let end = Position { ms: world.last, seq: 0 };
            let nodes = world.sent.keys().cloned().collect();
            world.sent.entry(self.node.clone()).or_insert(Sent { number: 0, at: end });
            Entered { end, nodes }
        });
        Ok(entered.await?.unwrap_or_default())
    }

    async fn append(&self, batch: &Batch) -> Result<Position, Fault> {
        let appended = self.change(batch.entries.len(), |world, part| {
            let mut fields = Vec::new();
            let number = batch.first + part as u64;
            entry::write(&self.node, number, &batch.entries[part], |name, value| {
                fields.push((name.to_vec(), value.to_vec()));
            });
            world.append(fields)
        });
        Ok(appended.await?.unwrap_or_default())
    }

    async fn read(&self, after: Position, most: usize) -> Result<Vec<(Position, Vec<Field>)>, Fault> {
        loop {
            let appended = self.shared.appended.notified();
            {
                let world = self.shared.world();
                if world.age != self.age {
                    return Err(Fault::new("cut"));
                }
                let from = world.stream.partition_point(|(position, _)| *position <= after);
                let found: Vec<_> = world.stream[from..].iter().take(most).cloned().collect();
                if !found.is_empty() {
                    return Ok(found);
                }
            }
            appended.await;
        }
    }

    async fn list(&self, come: &[Id], gone: &[Id]) -> Result<(), Fault> {
        let listed = self.change(1, |world, _| {
            let sessions = world.nodes.entry(self.node.clone()).or_default();
            sessions.extend(come.iter().cloned());
            sessions.retain(|id| !gone.contains(id));
        });
        listed.await.map(drop)
    }

    async fn beat(&self, sent: Option<Sent>) -> Result<Beat, Fault> {
        let beat = self.change(1, |world, _| {
            world.sent.extend(sent.map(|sent| (self.node.clone(), sent)));
            let sent = world.sent.iter().map(|(node, sent)| (node.clone(), *sent)).collect();
            let end = Position { ms: world.last, seq: 0 };
            Beat {
                end,
                is_listed: world.nodes.get(&self.node).is_some_and(|sessions| !sessions.is_empty()),
                sent,
            }
        });
        Ok(beat.await?.unwrap_or_default())
    }

    async fn ask(&self, questions: &[Question]) -> Result<Vec<Answer>, Fault> {
        let now = Instant::now();
        let info = &self.shared.info;
        let mut answers = Vec::new();
        let answered = self.change(questions.len(), |world, part| {
            answers.push(match &questions[part] {
                Question::Has { id } => {
                    Answer::Is(world.nodes.values().any(|sessions| sessions.contains(id)))
                }
                Question::Get { id, fact, .. } => {
                    Answer::Value(info.get(id, *fact, now).map(|json| json.as_bytes().to_vec()))
                }
                Question::Set { id, fact, value, .. } => {
                    let _ = info.set(id, *fact, value.clone(), usize::MAX, now);
                    Answer::Done
                }
                Question::Watchers { uri } => {
                    Answer::Ids(info.watchers(uri).iter().map(|id| wtf8::encode(id)).collect())
                }
                Question::Watch { id, uri, .. } => {
                    let _ = info.watch(id, uri, usize::MAX, now);
                    Answer::Done
                }
                Question::Unwatch { id, uri } => {
                    info.unwatch(id, uri, now);
                    Answer::Done
                }
                Question::Forget { id } => {
                    info.remove(id);
                    Answer::Done
                }
            });
        });
        answered.await?;
        Ok(answers)
    }

    async fn leave(&self) -> Result<(), Fault> {
        self.change(1, |world, _| drop(world.nodes.remove(&self.node))).await.map(drop)
    }
}
