//! Ownership: which node keeps a session that two nodes created with the same id.
//!
//! The node whose claim comes later in the stream keeps it. A node therefore ignores claims and deletions of others that
//! come before its own claim, which it has sent but not yet read back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use super::entry::{Entry, Id};
use super::lock::lock;
use super::outbox::Outbox;

/// The claims of this node.
///
/// No session is looked up while this lock is held. A thread that looks up a session holds a lock of the registry and may
/// call methods of this type, so the opposite order could deadlock.
#[derive(Debug, Default)]
pub struct Ownership(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last claim of each id that this node has not read back yet.
    unconfirmed: HashMap<Id, Claim>,
    /// Claims that did not fit in the outbox.
    deferred: VecDeque<DeferredClaim>,
    /// How many of them were left when those of removed sessions were last discarded.
    left_by_discard: usize,
    last_ticket: u64,
    /// The number of the last own entry that this node has read back from the stream.
    read_back: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is the entry with this number.
    Published(u64),
    /// It waits for room in the outbox.
    Deferred { ticket: u64 },
}

#[derive(Debug)]
struct DeferredClaim {
    id: Id,
    /// Distinguishes it from later claims of the same id.
    ticket: u64,
    /// True when its session was looked up and did not exist: it was removed, or is about to be created.
    was_missing: bool,
}

/// Maximum number of deferred claims that are taken out under one lock.
const CHUNK: usize = 256;

/// Number of deferred claims below which those of removed sessions are not discarded.
const MIN_DISCARD: usize = 10_000;

impl Ownership {
    /// Claims an id. Called before other threads can find the session, so that an older claim of another node does not close
    /// it. The claim is deferred when the outbox is full. Returns true when [`discard_removed`](Self::discard_removed) is due.
    pub fn claim(&self, id: &[u16], outbox: &Outbox) -> bool {
        let mut guard = self.state();
        let state = &mut *guard;
        let claim = match outbox.push(Entry::Claim { id: id.into() }) {
            Ok(number) => Claim::Published(number),
            Err(_) => {
                state.last_ticket += 1;
                let ticket = state.last_ticket;
                state.deferred.push_back(DeferredClaim { id: id.into(), ticket, was_missing: false });
                Claim::Deferred { ticket }
            }
        };
        state.unconfirmed.insert(id.into(), claim);
        // When the number has doubled, so that the work for each claim does not depend on how many there are.
        state.deferred.len() >= MIN_DISCARD.max(2 * state.left_by_discard)
    }

    /// Publishes deferred claims while the outbox has room, and looks at few others. Discards those whose sessions no longer
    /// exist, for which `exists` returns false.
    pub fn claim_deferred(&self, outbox: &Outbox, exists: impl Fn(&[u16]) -> bool) {
        self.walk(exists, |state, looked_up| state.publish(outbox, looked_up));
    }

    /// Discards deferred claims whose sessions no longer exist, for which `exists` returns false. Otherwise they would
    /// accumulate while the outbox is full.
    pub fn discard_removed(&self, exists: impl Fn(&[u16]) -> bool) {
        self.walk(exists, |state, (exists, claim)| {
            if exists {
                state.deferred.push_back(claim);
            } else {
                state.discard(claim);
            }
            None
        });
        let mut state = self.state();
        state.left_by_discard = state.deferred.len();
    }

    /// Looks up the sessions of the deferred claims, and processes each claim that still counts. Stops when `process` gives a
    /// claim back, and defers it again.
    fn walk(
        &self,
        exists: impl Fn(&[u16]) -> bool,
        process: impl Fn(&mut State, (bool, DeferredClaim)) -> Option<DeferredClaim>,
    ) {
        let mut left = self.state().deferred.len();
        while left > 0 {
            let chunk: Vec<_> = {
                let deferred = &mut self.state().deferred;
                let count = deferred.len().min(left).min(CHUNK);
                deferred.drain(..count).collect()
            };
            if chunk.is_empty() {
                return;
            }
            left -= chunk.len();
            let looked_up: Vec<_> = chunk.into_iter().map(|claim| (exists(&claim.id), claim)).collect();
            let mut guard = self.state();
            let state = &mut *guard;
            let mut looked_up = looked_up.into_iter();
            while let Some((exists, claim)) = looked_up.next() {
                // Otherwise the id was claimed again in the meantime.
                if state.unconfirmed.get(&claim.id) == Some(&Claim::Deferred { ticket: claim.ticket })
                    && let Some(claim) = process(state, (exists, claim))
                {
                    let rest = looked_up.rev().map(|(_, claim)| claim).chain([claim]);
                    rest.for_each(|claim| state.deferred.push_front(claim));
                    return;
                }
            }
        }
    }

    /// Returns true when this node has a claim of the id that comes later in the stream than everything it has read so far.
    pub fn has_later_claim(&self, id: &[u16]) -> bool {
        let state = self.state();
        state.unconfirmed.get(id).is_some_and(|claim| claim.is_after(state.read_back))
    }

    /// Records that this node has read one of its own entries from the stream.
    pub fn read_back(&self, number: u64, entry: &Entry) {
        let mut guard = self.state();
        let state = &mut *guard;
        if number > state.read_back + 1 {
            // Entries in between were trimmed from the stream before this node could read them.
            state.unconfirmed.retain(|_, claim| claim.is_after(number - 1));
        }
        state.read_back = state.read_back.max(number);
        if let Entry::Claim { id } = entry
            && state.unconfirmed.get(id) == Some(&Claim::Published(number))
        {
            state.unconfirmed.remove(id);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Claim {
    fn is_after(self, number: u64) -> bool {
        match self {
            Self::Published(published) => published > number,
            Self::Deferred { .. } => true,
        }
    }
}

impl State {
    /// Publishes a claim whose session exists. Gives it back when it does not fit.
    fn publish(&mut self, outbox: &Outbox, (exists, claim): (bool, DeferredClaim)) -> Option<DeferredClaim> {
        if !exists {
            self.discard(claim);
            return None;
        }
        let Ok(number) = outbox.push(Entry::Claim { id: claim.id.clone() }) else { return Some(claim) };
        self.unconfirmed.insert(claim.id, Claim::Published(number));
        None
    }

    /// Discards a claim whose session was missing twice: the first time, the session may have been about to be created.
    fn discard(&mut self, mut claim: DeferredClaim) {
        if claim.was_missing {
            self.unconfirmed.remove(&claim.id);
        } else {
            claim.was_missing = true;
            self.deferred.push_back(claim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        text.encode_utf16().collect()
    }

    #[test]
    fn a_claim_is_later_than_those_of_others_until_it_is_read_back() {
        let (ownership, outbox, a) = (Ownership::default(), Outbox::new(1 << 20), id("a"));
        assert!(!ownership.has_later_claim(&a));
        ownership.claim(&a, &outbox);
        assert!(ownership.has_later_claim(&a));
        ownership.claim(&a, &outbox);
        ownership.read_back(1, &Entry::Claim { id: a.clone() });
        assert!(ownership.has_later_claim(&a), "the second claim is later");
        ownership.read_back(2, &Entry::Claim { id: a.clone() });
        assert!(!ownership.has_later_claim(&a));
        ownership.claim(&a, &outbox);
        ownership.read_back(4, &Entry::Claim { id: id("b") });
        assert!(!ownership.has_later_claim(&a), "it was trimmed, and an entry after it was read");
    }

    #[test]
    fn a_deferred_claim_is_published_later_unless_its_session_was_removed() {
        let (ownership, outbox) = (Ownership::default(), Outbox::new(300));
        ownership.claim(&id("fits"), &outbox);
        ownership.claim(&id("fits as well"), &outbox);
        ownership.claim(&id("removed"), &outbox);
        ownership.claim(&id("exists"), &outbox);
        ownership.claim_deferred(&outbox, |_| true);
        assert!(ownership.has_later_claim(&id("exists")));
        outbox.sent(2);
        ownership.claim_deferred(&outbox, |other| *other == *id("exists"));
        assert!(ownership.has_later_claim(&id("removed")), "its session may be about to be created");
        ownership.claim_deferred(&outbox, |other| *other == *id("exists"));
        assert!(!ownership.has_later_claim(&id("removed")));
        let batch = outbox.next(9, 1 << 20).unwrap();
        assert_eq!((batch.first, &*batch.entries[0]), (3, &Entry::Claim { id: id("exists") }));
        ownership.read_back(3, &batch.entries[0]);
        assert!(!ownership.has_later_claim(&id("exists")));
    }

    #[test]
    fn a_batch_looks_up_few_deferred_claims_however_many_there_are() {
        let lookups_for = |count: usize| {
            let (ownership, outbox) = (Ownership::default(), Outbox::new(1_000));
            for number in 0..count {
                ownership.claim(&id(&number.to_string()), &outbox);
            }
            let lookups = std::cell::Cell::new(0);
            let exists = |_: &[u16]| {
                lookups.set(lookups.get() + 1);
                true
            };
            ownership.claim_deferred(&outbox, exists);
            let full = lookups.replace(0);
            let batch = outbox.next(9, 1 << 20).unwrap();
            outbox.sent(batch.last());
            ownership.claim_deferred(&outbox, exists);
            (full, lookups.get())
        };
        assert_eq!(lookups_for(1_000), lookups_for(10_000));
        assert_eq!(lookups_for(1_000), (CHUNK, CHUNK));
    }

    #[test]
    fn claims_that_give_way_to_a_full_outbox_are_published_in_their_order() {
        let (ownership, outbox) = (Ownership::default(), Outbox::new(1_000));
        let ids: Vec<_> = (0..1_000).map(|number| id(&format!("{number:04}"))).collect();
        for id in &ids {
            ownership.claim(id, &outbox);
        }
        let mut published = Vec::new();
        while let Some(batch) = outbox.next(3, 1 << 20) {
            outbox.sent(batch.last());
            ownership.claim_deferred(&outbox, |_| true);
            published.extend(batch.entries);
        }
        let expected: Vec<_> = ids.into_iter().map(|id| Entry::Claim { id }).collect();
        assert!(published.iter().map(|entry| &**entry).eq(&expected));
    }

    #[test]
    fn the_work_to_discard_claims_does_not_grow_with_their_number() {
        let lookups_per_claim = |count: usize, lives: bool| {
            let (ownership, outbox) = (Ownership::default(), Outbox::new(1_000));
            let lookups = std::cell::Cell::new(0);
            let mut most = 0;
            for number in 0..count {
                if ownership.claim(&id(&number.to_string()), &outbox) {
                    ownership.discard_removed(|_| {
                        lookups.set(lookups.get() + 1);
                        lives
                    });
                }
                most = most.max(ownership.state().deferred.len());
            }
            (lookups.get() / count, most)
        };
        for count in [30_000, 90_000] {
            let (of_existing, kept) = lookups_per_claim(count, true);
            assert!(of_existing <= 2 && kept > count - 20, "{of_existing}, {kept}");
            let (of_removed, kept) = lookups_per_claim(count, false);
            assert!(of_removed <= 2 && kept <= 4 * MIN_DISCARD, "{of_removed}, {kept}");
        }
    }
}
