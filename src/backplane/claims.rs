//! Claims: which sessions of this node are in the directory, and which changes the directory lacks.
//!
//! When two nodes create a session with the same id, the order in which the directory gets their claims decides which one keeps
//! it. The other one is told to close its session, with the stamp of the later claim. A node ignores this while a claim of its
//! own is on its way, or when its own claim has a higher stamp.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use foldhash::fast::RandomState;

use super::bus::{Held, Stamp};
use super::entry::Id;
use super::lock::lock;
use super::waiting::Waiting;
use crate::threads::completion::Completion;

/// Changes of the directory that are made together, and once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Counts the changes of this node.
    pub number: u64,
    /// At least one. Each session is there once.
    pub list: Vec<Change>,
}

/// A change of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The session.
    pub id: Id,
    /// What changes.
    pub kind: ChangeKind,
}

/// What changes for a session in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The node has created it. Another node that has it closes it.
    Claim,
    /// The node does not have it any more. Has no effect when another node has claimed it.
    Release,
}

/// The claims of this node.
///
/// No session is looked up while this lock is held. A thread that looks up a session holds a lock of the registry and may
/// call methods of this type, so the opposite order could deadlock.
#[derive(Debug, Default)]
pub struct Claims(Mutex<State>);

type SharedId = Arc<[u16]>;

#[derive(Debug, Default)]
struct State {
    claims: HashMap<SharedId, Claim, RandomState>,
    /// The sessions that were created or removed, oldest change first, each with the ticket of the change.
    queue: VecDeque<(u64, SharedId)>,
    last_ticket: u64,
    /// The ticket of the last change that was taken from the queue.
    taken: u64,
    /// The changes that were taken from the queue, until the bus has made them.
    unconfirmed: Option<Changes>,
    /// The number of the last changes.
    last_number: u64,
    /// The sessions that have to be restored.
    to_restore: VecDeque<SharedId>,
    /// Length of the queue after the last purge.
    left_by_purge: usize,
    /// Completions that wait until the directory has the change with this ticket.
    waiting: Waiting<u64>,
}

#[derive(Debug, Default)]
struct Claim {
    /// Number of threads that are about to put a session with this id into the registry.
    creating: u32,
    /// True when a session was created and no claim of it was taken since.
    is_wanted: bool,
    is_queued: bool,
    /// The change that was taken and is not confirmed.
    in_flight: Option<ChangeKind>,
    /// The stamp of the last confirmed claim. `None` when the directory does not have the session.
    stamp: Option<Stamp>,
    /// Counts the changes of the session.
    version: u64,
}

/// The stamp of a session that belongs to another node, and is still listed as one of this node.
const SUPERSEDED: Stamp = 0;

/// Maximum number of sessions that are looked up at once.
const CHUNK: usize = 256;

/// Length of the queue below which it is not purged.
const MIN_PURGE: usize = 10_000;

impl Claims {
    /// Records that a session is about to be put into the registry. From now on, it is not closed by an older claim of another
    /// node.
    pub fn creating(&self, id: &[u16]) {
        self.state().claim_of(id).1.creating += 1;
    }

    /// Records that a session was put into the registry, after [`creating`](Self::creating). Returns true when
    /// [`purge`](Self::purge) is due.
    pub fn created(&self, id: &[u16]) -> bool {
        let mut state = self.state();
        let (_, claim) = state.claim_of(id);
        claim.creating = claim.creating.saturating_sub(1);
        claim.is_wanted = true;
        state.enqueue(id)
    }

    /// Records that a session was removed from the registry. Returns true when [`purge`](Self::purge) is due.
    pub fn removed(&self, id: &[u16]) -> bool {
        let mut state = self.state();
        state.claims.contains_key(id) && state.enqueue(id)
    }

    /// Returns true when this node keeps its session although it has to close sessions older than a stamp.
    pub fn keeps(&self, id: &[u16], stamp: Stamp) -> bool {
        let state = self.state();
        state.claims.get(id).is_some_and(|claim| {
            claim.is_claiming() || claim.stamp.is_some_and(|own| own > stamp)
        })
    }

    /// Returns the changes that the bus has to make: those that were returned before and are not confirmed, or at most `limit`
    /// new ones. `exists` returns true for the sessions in the registry. Returns `None` when there are none.
    pub fn next(&self, limit: usize, exists: impl Fn(&[u16]) -> bool) -> Option<Changes> {
        loop {
            let (taken, last) = {
                let mut state = self.state();
                if state.unconfirmed.is_some() {
                    return state.unconfirmed.clone();
                }
                let count = state.queue.len().min(limit);
                let mut last = state.taken;
                let mut taken = Vec::with_capacity(count);
                for (ticket, id) in state.queue.drain(..count).collect::<Vec<_>>() {
                    last = last.max(ticket);
                    if let Some(claim) = state.claims.get_mut(&id) {
                        claim.is_queued = false;
                        taken.push((id, ticket, claim.version));
                    }
                }
                (taken, last)
            };
            let looked_up: Vec<_> = taken.into_iter().map(|taken| (exists(&taken.0), taken)).collect();
            let mut guard = self.state();
            let state = &mut *guard;
            let (mut list, mut again) = (Vec::new(), Vec::new());
            for (exists, (id, ticket, version)) in looked_up {
                let Some(claim) = state.claims.get_mut(&id) else { continue };
                if claim.version != version {
                    // It was changed while it was looked up.
                    if !mem::replace(&mut claim.is_queued, true) {
                        again.push((ticket, id));
                    }
                    continue;
                }
                claim.in_flight = claim.change(exists);
                match claim.in_flight {
                    Some(kind) => list.push(Change { id: (&*id).into(), kind }),
                    None => state.remove_if_unused(&id),
                }
            }
            let is_incomplete = !again.is_empty();
            again.into_iter().rev().for_each(|item| state.queue.push_front(item));
            if !list.is_empty() {
                state.last_number += 1;
                state.unconfirmed = Some(Changes { number: state.last_number, list });
            }
            if !is_incomplete {
                state.taken = last;
            }
            if state.unconfirmed.is_some() {
                return state.unconfirmed.clone();
            }
            let (is_empty, settled) = (state.queue.is_empty(), state.settled());
            drop(guard);
            // Dropped without the lock, because that completes requests.
            drop(settled);
            if is_empty {
                return None;
            }
        }
    }

    /// Records that the bus has made changes, and what holds now. Returns the sessions that this node has to close, because the
    /// directory says that it does not have them.
    pub fn confirm(&self, changes: &Changes, held: &[Held]) -> Vec<Id> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.unconfirmed.as_ref().is_none_or(|unconfirmed| unconfirmed.number != changes.number) {
            return Vec::new();
        }
        state.unconfirmed = None;
        let mut lost = Vec::new();
        for (Change { id, kind }, held) in changes.list.iter().zip(held) {
            let Some(claim) = state.claims.get_mut(&**id) else { continue };
            claim.in_flight = None;
            claim.stamp = None;
            if *kind == ChangeKind::Claim && claim.settle(*held) {
                lost.push(id.clone());
            }
            state.remove_if_unused(id);
        }
        let settled = state.settled();
        drop(guard);
        // Dropped without the lock, because that completes requests.
        drop(settled);
        lost
    }

    /// Returns the number of the last changes that the bus has made.
    pub fn confirmed(&self) -> u64 {
        let state = self.state();
        state.last_number - u64::from(state.unconfirmed.is_some())
    }

    /// Makes the node restore all its sessions: the directory has lost some of them.
    pub fn restore_all(&self) {
        let mut state = self.state();
        let ids = state.claims.iter().filter(|(_, claim)| claim.stamp.is_some());
        state.to_restore = ids.map(|(id, _)| Arc::clone(id)).collect();
    }

    /// Makes the node restore some of its sessions, if it has them.
    pub fn restore(&self, ids: &[Id]) {
        let mut guard = self.state();
        let State { claims, to_restore, .. } = &mut *guard;
        to_restore.extend(ids.iter().filter_map(|id| Some(Arc::clone(claims.get_key_value(&**id)?.0))));
    }

    /// Returns at most `limit` sessions that have to be restored.
    pub fn next_to_restore(&self, limit: usize) -> Vec<(Id, Stamp)> {
        let state = self.state();
        let sessions = state.to_restore.iter();
        sessions.filter_map(|id| Some(((&**id).into(), state.claims.get(id)?.stamp?))).take(limit).collect()
    }

    /// Records that sessions were restored, and what holds now. Returns the sessions that this node has to close.
    pub fn restored(&self, sessions: &[(Id, Stamp)], held: &[Held]) -> Vec<Id> {
        let mut guard = self.state();
        let state = &mut *guard;
        let done: HashSet<&[u16]> = sessions.iter().map(|(id, _)| &**id).collect();
        while let Some(id) = state.to_restore.front()
            && (done.contains(&**id) || state.claims.get(id).is_none_or(|claim| claim.stamp.is_none()))
        {
            state.to_restore.pop_front();
        }
        let mut lost = Vec::new();
        for ((id, _), held) in sessions.iter().zip(held) {
            let Some(claim) = state.claims.get_mut(&**id) else { continue };
            if claim.settle(*held) {
                lost.push(id.clone());
            }
        }
        let settled = state.settled();
        drop(guard);
        // Dropped without the lock, because that completes requests.
        drop(settled);
        lost
    }

    /// Records that a session is listed as one of this node. If the node does not have it, it is going to be released.
    pub fn is_listed(&self, id: &[u16]) {
        let mut state = self.state();
        let (_, claim) = state.claim_of(id);
        if !claim.is_claiming() && claim.stamp.is_none() {
            claim.stamp = Some(SUPERSEDED);
            state.enqueue(id);
        }
    }

    /// Forgets the sessions that were created and removed before the bus got their claims. `exists` returns true for the sessions
    /// in the registry. Otherwise they would accumulate while the bus is away.
    pub fn purge(&self, exists: impl Fn(&[u16]) -> bool) {
        let mut from = 0;
        loop {
            let chunk: Vec<_> = {
                let state = self.state();
                let chunk = state.queue.iter().skip(from).take(CHUNK);
                chunk.filter_map(|(_, id)| Some((Arc::clone(id), state.claims.get(id)?.version))).collect()
            };
            if chunk.is_empty() {
                break;
            }
            from += CHUNK;
            let missing: Vec<_> = chunk.into_iter().filter(|(id, _)| !exists(id)).collect();
            let mut state = self.state();
            for (id, version) in missing {
                let is_unknown = |claim: &Claim| {
                    claim.version == version
                        && claim.creating == 0
                        && claim.in_flight.is_none()
                        && claim.stamp.is_none()
                };
                if state.claims.get(&id).is_some_and(is_unknown) {
                    state.claims.remove(&id);
                }
            }
        }
        let mut guard = self.state();
        let State { queue, claims, left_by_purge, .. } = &mut *guard;
        queue.retain(|(_, id)| claims.contains_key(id));
        *left_by_purge = queue.len();
    }

    /// Returns true when the directory lacks a change.
    pub fn is_behind(&self) -> bool {
        self.state().is_behind()
    }

    /// Drops the completion when the directory has all changes made so far.
    pub fn complete_when_current(&self, completion: Completion) {
        let mut state = self.state();
        if state.is_behind() {
            let ticket = state.last_ticket;
            state.waiting.push(ticket, completion);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Claim {
    /// Returns true when the node has a session that the directory is about to get.
    fn is_claiming(&self) -> bool {
        self.creating > 0 || self.is_wanted || self.in_flight == Some(ChangeKind::Claim)
    }

    /// Returns the change that the directory lacks, and records that it is made.
    fn change(&mut self, exists: bool) -> Option<ChangeKind> {
        if exists {
            return mem::take(&mut self.is_wanted).then_some(ChangeKind::Claim);
        }
        // A thread that is about to create it will claim it then.
        if self.creating > 0 {
            return None;
        }
        self.is_wanted = false;
        self.stamp.map(|_| ChangeKind::Release)
    }

    /// Records what the directory says of the session. Returns true when this node has to close it.
    fn settle(&mut self, held: Held) -> bool {
        match held {
            Held::Here(stamp) => self.stamp = Some(stamp),
            Held::Elsewhere => self.stamp = Some(SUPERSEDED),
        }
        held == Held::Elsewhere && !self.is_claiming()
    }

    fn is_unused(&self) -> bool {
        !self.is_claiming() && !self.is_queued && self.in_flight.is_none() && self.stamp.is_none()
    }
}

impl State {
    fn claim_of(&mut self, id: &[u16]) -> (SharedId, &mut Claim) {
        let shared = self.claims.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id));
        let claim = self.claims.entry(Arc::clone(&shared)).or_default();
        claim.version += 1;
        (shared, claim)
    }

    /// Returns true when a purge is due: when the number has doubled, so that the work for each change does not depend on how
    /// many there are.
    fn enqueue(&mut self, id: &[u16]) -> bool {
        let (id, claim) = self.claim_of(id);
        if mem::replace(&mut claim.is_queued, true) {
            return false;
        }
        self.last_ticket += 1;
        self.queue.push_back((self.last_ticket, id));
        self.queue.len() >= MIN_PURGE.max(2 * self.left_by_purge)
    }

    fn remove_if_unused(&mut self, id: &[u16]) {
        if self.claims.get(id).is_some_and(Claim::is_unused) {
            self.claims.remove(id);
        }
    }

    fn is_behind(&self) -> bool {
        !(self.queue.is_empty() && self.unconfirmed.is_none() && self.to_restore.is_empty())
    }

    /// Takes the completions out whose changes the directory has.
    fn settled(&mut self) -> Vec<(u64, Completion)> {
        if self.unconfirmed.is_some() || !self.to_restore.is_empty() {
            return Vec::new();
        }
        let taken = self.taken;
        self.waiting.take_while(|ticket| *ticket <= taken)
    }
}
