//! Claims: which sessions of this node are in the directory, and which changes the directory lacks.
//!
//! When two nodes create a session with the same id, the order in which the directory gets their claims decides which one keeps
//! it. The inbox of the other one gets an order to close the session, with the stamp of the later claim. A node ignores this order
//! while a claim of its own is on its way, or when its own claim has a higher stamp.

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::bus::{Held, Stamp};
use super::ids::Id;
use super::lock::lock;
use super::waiting::Waiting;
use crate::threads::completion::Completion;
use crate::threads::message::CloseReason;

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
    /// True while changes that were taken from the queue are looked up.
    is_looking_up: bool,
    /// The changes that were taken from the queue, until the bus has made them.
    unconfirmed: Option<Changes>,
    /// The number of the last changes.
    last_number: u64,
    /// The number of the last changes that the bus has.
    on_bus: u64,
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
    /// The last order to close the session that arrived while a claim was on its way. Its stamp shows if it is older.
    order: Option<(Stamp, CloseReason)>,
    /// Counts the changes of the session.
    version: u64,
    /// The number of the last entry that was published before the last change, and the time of the change.
    after: Option<(u64, Instant)>,
}

/// Maximum time for which a claim waits until entries are sent that were published before it.
pub const MAX_WAIT: Duration = Duration::from_secs(1);

/// The stamp of a session that belongs to another node, and is still listed as one of this node.
const SUPERSEDED: Stamp = 0;

/// The stamp of an order to close that the node gives itself, because the directory says that it does not have the session. It is
/// later than every claim that is confirmed, and has no effect on a claim that is on its way.
pub const SETTLED: Stamp = Stamp::MAX;

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

    /// Records that a session was put into the registry, after [`creating`](Self::creating). `published` is the number of the last
    /// entry that was published before. Returns true when [`purge`](Self::purge) is due.
    pub fn created(&self, id: &[u16], published: u64) -> bool {
        let mut state = self.state();
        let (_, claim) = state.claim_of(id);
        claim.creating = claim.creating.saturating_sub(1);
        claim.is_wanted = true;
        claim.after = Some((published, Instant::now()));
        state.enqueue(id)
    }

    /// Records that a session was removed from the registry. Returns true when [`purge`](Self::purge) is due.
    pub fn removed(&self, id: &[u16]) -> bool {
        let mut state = self.state();
        state.claims.contains_key(id) && state.enqueue(id)
    }

    /// Returns true when this node keeps its session although it has to close sessions that are older than a stamp. While a claim
    /// is on its way, this is decided when its stamp is known.
    pub fn keeps(&self, id: &[u16], stamp: Stamp, reason: CloseReason) -> bool {
        let mut state = self.state();
        let Some(claim) = state.claims.get_mut(id) else { return false };
        let is_claiming = claim.is_claiming();
        if is_claiming && stamp != SETTLED && claim.order.is_none_or(|(last, _)| last < stamp) {
            claim.order = Some((stamp, reason));
        }
        is_claiming || claim.stamp.is_some_and(|own| own > stamp)
    }

    /// Returns the changes that the bus has to make: those that were returned before and are not confirmed, or at most `limit`
    /// new ones. `sent` is the number of the last entry that was sent: a claim does not overtake the entries that were published
    /// before it, because the older session has to get them. It waits for them for a limited time, because an inbox may be full.
    /// `exists` returns true for the sessions in the registry. Returns `None` when there are none.
    pub fn next(&self, limit: usize, sent: u64, exists: impl Fn(&[u16]) -> bool) -> Option<Changes> {
        loop {
            let taken = {
                let mut state = self.state();
                if state.unconfirmed.is_some() {
                    return state.unconfirmed.clone();
                }
                let count = state.ready(limit, sent);
                if count == 0 {
                    let settled = state.settled();
                    drop(state);
                    // Dropped without the lock, because that completes requests.
                    drop(settled);
                    return None;
                }
                let mut taken = Vec::with_capacity(count);
                for (ticket, id) in state.queue.drain(..count).collect::<Vec<_>>() {
                    if let Some(claim) = state.claims.get_mut(&id) {
                        claim.is_queued = false;
                        taken.push((id, ticket, claim.version));
                    }
                }
                state.is_looking_up = true;
                taken
            };
            let looked_up: Vec<_> = taken.into_iter().map(|taken| (exists(&taken.0), taken)).collect();
            let mut guard = self.state();
            let state = &mut *guard;
            state.is_looking_up = false;
            let (mut list, mut again) = (Vec::new(), Vec::new());
            for (exists, (id, ticket, version)) in looked_up {
                let Some(claim) = state.claims.get_mut(&id) else { continue };
                // It is in the queue twice when another thread created it during a purge.
                if claim.in_flight.is_some() {
                    continue;
                }
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
            again.into_iter().rev().for_each(|item| state.queue.push_front(item));
            if !list.is_empty() {
                state.last_number += 1;
                state.unconfirmed = Some(Changes { number: state.last_number, list });
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
    pub fn confirm(&self, changes: &Changes, held: &[Held]) -> Vec<(Id, CloseReason)> {
        let mut guard = self.state();
        let state = &mut *guard;
        if state.unconfirmed.as_ref().is_none_or(|unconfirmed| unconfirmed.number != changes.number) {
            return Vec::new();
        }
        state.unconfirmed = None;
        state.on_bus = changes.number;
        let mut lost = Vec::new();
        for (Change { id, kind }, held) in changes.list.iter().zip(held) {
            let Some(claim) = state.claims.get_mut(&**id) else { continue };
            claim.in_flight = None;
            claim.stamp = None;
            if *kind == ChangeKind::Claim {
                lost.extend(claim.settle(*held).map(|reason| (id.clone(), reason)));
            }
            state.remove_if_unused(id);
        }
        let settled = state.settled();
        drop(guard);
        // Dropped without the lock, because that completes requests.
        drop(settled);
        lost
    }

    /// Returns the number of the last changes that the bus has.
    pub fn confirmed(&self) -> u64 {
        self.state().on_bus
    }

    /// Records that the bus has lost changes, and that the node restores its sessions because of that. `known` is the number that
    /// the bus had before.
    pub fn has_lost(&self, known: u64, number: u64) {
        let mut state = self.state();
        // Otherwise the bus has made other changes meanwhile.
        if state.on_bus == known {
            state.on_bus = number;
        }
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

    /// Returns at most `limit` sessions that have to be restored. Returns none while changes are not confirmed: one of them may be
    /// the release of a session, which would be restored.
    pub fn next_to_restore(&self, limit: usize) -> Vec<(Id, Stamp)> {
        let state = self.state();
        if state.unconfirmed.is_some() {
            return Vec::new();
        }
        let sessions = state.to_restore.iter();
        sessions.filter_map(|id| Some(((&**id).into(), state.claims.get(id)?.stamp?))).take(limit).collect()
    }

    /// Records that sessions were restored, and what holds now. Returns the sessions that this node has to close.
    pub fn restored(&self, sessions: &[(Id, Stamp)], held: &[Held]) -> Vec<(Id, CloseReason)> {
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
            lost.extend(claim.settle(*held).map(|reason| (id.clone(), reason)));
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

    /// Records what the directory says of the session. Returns why this node has to close it, if it has to.
    fn settle(&mut self, held: Held) -> Option<CloseReason> {
        let own = match held {
            Held::Here(stamp) => stamp,
            Held::Elsewhere => SUPERSEDED,
        };
        self.stamp = Some(own);
        if self.is_claiming() {
            return None;
        }
        let order = self.order.take().filter(|(stamp, _)| *stamp > own).map(|(_, reason)| reason);
        order.or_else(|| (held == Held::Elsewhere).then_some(CloseReason::Replaced))
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

    /// Returns how many of the first changes in the queue need not wait for entries that were published before them.
    fn ready(&self, limit: usize, sent: u64) -> usize {
        let waits = |claim: &Claim| {
            claim.after.is_some_and(|(number, since)| number > sent && since.elapsed() < MAX_WAIT)
        };
        let first = self.queue.iter().take(limit);
        first.take_while(|(_, id)| !self.claims.get(id).is_some_and(waits)).count()
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
        !(self.queue.is_empty()
            && !self.is_looking_up
            && self.unconfirmed.is_none()
            && self.to_restore.is_empty())
    }

    /// Removes and returns the completions whose changes the directory has.
    fn settled(&mut self) -> Vec<(u64, Completion)> {
        // Sessions that were released meanwhile are not restored.
        while let Some(id) = self.to_restore.front()
            && !self.claims.contains_key(id)
        {
            self.to_restore.pop_front();
        }
        if self.is_looking_up || self.unconfirmed.is_some() || !self.to_restore.is_empty() {
            return Vec::new();
        }
        let first = self.queue.front().map_or(u64::MAX, |(ticket, _)| *ticket);
        self.waiting.take_while(|ticket| *ticket < first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        text.encode_utf16().collect()
    }

    fn create(claims: &Claims, id: &[u16]) {
        claims.creating(id);
        claims.created(id, 0);
    }

    fn claim(claims: &Claims, held: Held) -> Vec<(Id, CloseReason)> {
        let changes = claims.next(9, 0, |_| true).expect("changes");
        claims.confirm(&changes, &[held])
    }

    #[test]
    fn a_session_is_kept_until_its_own_claim_is_older() {
        let (claims, a) = (Claims::default(), id("a"));
        assert!(!claims.keeps(&a, 1, CloseReason::Replaced));
        claims.creating(&a);
        assert!(claims.keeps(&a, 1, CloseReason::Replaced), "it is about to be created");
        claims.created(&a, 0);
        assert_eq!(claim(&claims, Held::Here(10)), []);
        assert!(claims.keeps(&a, 9, CloseReason::Replaced));
        assert!(!claims.keeps(&a, 11, CloseReason::Replaced));
    }

    #[test]
    fn an_order_to_close_that_overtakes_the_reply_to_a_claim_is_obeyed_if_it_is_later() {
        for (stamp, lost) in [(9, vec![]), (11, vec![(id("a"), CloseReason::Deleted)])] {
            let (claims, a) = (Claims::default(), id("a"));
            create(&claims, &a);
            let changes = claims.next(9, 0, |_| true).expect("changes");
            assert!(claims.keeps(&a, stamp, CloseReason::Deleted), "its claim is on its way");
            assert_eq!(claims.confirm(&changes, &[Held::Here(10)]), lost);
        }
    }

    #[test]
    fn a_session_that_another_node_has_claimed_is_closed_unless_it_is_created_again() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        assert_eq!(claim(&claims, Held::Elsewhere), [(a.clone(), CloseReason::Replaced)]);
        create(&claims, &a);
        let changes = claims.next(9, 0, |_| true).expect("changes");
        create(&claims, &a);
        assert_eq!(claims.confirm(&changes, &[Held::Elsewhere]), []);
        assert_eq!(claim(&claims, Held::Here(12)), []);
    }

    #[test]
    fn a_session_that_is_created_while_the_older_one_is_closed_stays_open() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        assert_eq!(claim(&claims, Held::Elsewhere), [(a.clone(), CloseReason::Replaced)]);
        claims.creating(&a);
        assert!(claims.keeps(&a, SETTLED, CloseReason::Replaced), "the node is about to close the older one");
        claims.created(&a, 0);
        assert_eq!(claim(&claims, Held::Here(12)), []);
    }

    #[test]
    fn a_claim_does_not_overtake_what_was_published_before_it_for_some_time() {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        clock.expect("a runtime").block_on(async {
            let (claims, a, b) = (Claims::default(), id("a"), id("b"));
            create(&claims, &a);
            claims.creating(&b);
            claims.created(&b, 7);
            let changes = claims.next(9, 6, |_| true).expect("changes");
            assert_eq!(changes.list.len(), 1);
            claims.confirm(&changes, &[Held::Here(1)]);
            assert_eq!(claims.next(9, 6, |_| true), None);
            assert!(claims.is_behind());
            tokio::time::sleep(MAX_WAIT).await;
            assert_eq!(claims.next(9, 6, |_| true).expect("changes").list[0].id, b);
        });
    }

    #[test]
    fn changes_stay_the_same_until_they_are_confirmed() {
        let (claims, a, b) = (Claims::default(), id("a"), id("b"));
        create(&claims, &a);
        let changes = claims.next(9, 0, |_| true).expect("changes");
        create(&claims, &b);
        claims.removed(&a);
        assert_eq!(claims.next(9, 0, |_| true), Some(changes.clone()));
        assert_eq!(claims.confirmed(), 0);
        claims.confirm(&changes, &[Held::Here(1)]);
        assert_eq!(claims.confirmed(), 1);
        let kinds: Vec<_> = claims.next(9, 0, |id| *id == *b).expect("changes").list;
        assert_eq!(
            kinds,
            [Change { id: b, kind: ChangeKind::Claim }, Change { id: a, kind: ChangeKind::Release }]
        );
    }

    #[test]
    fn the_directory_is_behind_while_changes_are_looked_up() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        let changes = claims.next(9, 0, |_| claims.is_behind()).expect("a claim of a session that exists");
        claims.confirm(&changes, &[Held::Here(1)]);
        assert!(!claims.is_behind());
    }

    #[test]
    fn a_session_that_is_released_while_it_waits_to_be_restored_is_not_restored() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        assert_eq!(claim(&claims, Held::Here(10)), []);
        claims.removed(&a);
        let release = claims.next(9, 0, |_| false).expect("a release");
        claims.restore_all();
        assert_eq!(claims.next_to_restore(9), []);
        claims.confirm(&release, &[Held::Elsewhere]);
        assert_eq!(claims.next_to_restore(9), []);
        assert!(!claims.is_behind());
    }

    #[test]
    fn the_bus_has_the_last_confirmed_changes_until_it_loses_them() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        claim(&claims, Held::Here(10));
        assert_eq!(claims.confirmed(), 1);
        claims.has_lost(1, 0);
        assert_eq!(claims.confirmed(), 0);
        create(&claims, &a);
        claim(&claims, Held::Here(11));
        claims.has_lost(1, 0);
        assert_eq!(claims.confirmed(), 2, "it has made other changes meanwhile");
    }

    #[test]
    fn a_session_that_was_removed_before_it_was_claimed_needs_no_change() {
        let (claims, a) = (Claims::default(), id("a"));
        create(&claims, &a);
        claims.removed(&a);
        assert!(claims.is_behind());
        assert_eq!(claims.next(9, 0, |_| false), None);
        assert!(!claims.is_behind());
        assert!(claims.state().claims.is_empty());
    }

    #[test]
    fn removed_sessions_do_not_accumulate_and_the_work_for_each_does_not_grow() {
        for count in [30_000, 90_000] {
            let claims = Claims::default();
            let looked_up = std::cell::Cell::new(0);
            let mut most = 0;
            for number in 0..count {
                let id = id(&number.to_string());
                claims.creating(&id);
                let is_due = claims.created(&id, 0);
                if claims.removed(&id) || is_due {
                    claims.purge(|_| {
                        looked_up.set(looked_up.get() + 1);
                        false
                    });
                }
                most = most.max(claims.state().queue.len());
            }
            assert!(looked_up.get() <= 2 * count && most <= 2 * MIN_PURGE, "{looked_up:?}, {most}");
        }
    }
}
