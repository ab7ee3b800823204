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

impl Ownership {
    /// Claims an id. Called before other threads can find the session, so that an older claim of another node does not close
    /// it. The claim is deferred when the outbox is full.
    pub fn claim(&self, id: &[u16], outbox: &Outbox) {
        let mut state = self.state();
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
    }

    /// Returns the number of deferred claims.
    pub fn deferred(&self) -> usize {
        self.state().deferred.len()
    }

    /// Publishes deferred claims while the outbox has room. Discards those whose sessions no longer exist, for which
    /// `exists` returns false.
    pub fn claim_deferred(&self, outbox: &Outbox, exists: impl Fn(&[u16]) -> bool) {
        for _ in 0..self.deferred().div_ceil(CHUNK) {
            let chunk: Vec<_> = {
                let deferred = &mut self.state().deferred;
                let count = deferred.len().min(CHUNK);
                deferred.drain(..count).collect()
            };
            let looked_up: Vec<_> = chunk.into_iter().map(|claim| (exists(&claim.id), claim)).collect();
            self.state().publish(outbox, looked_up);
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
    /// Publishes claims whose sessions exist, defers them again if they do not fit, and discards the others. A claim is
    /// discarded when its session was missing twice: the first time, the session may have been about to be created.
    fn publish(&mut self, outbox: &Outbox, looked_up: Vec<(bool, DeferredClaim)>) {
        for (exists, mut claim) in looked_up {
            if self.unconfirmed.get(&claim.id) != Some(&Claim::Deferred { ticket: claim.ticket }) {
                // The id was claimed again in the meantime.
                continue;
            }
            if exists && let Ok(number) = outbox.push(Entry::Claim { id: claim.id.clone() }) {
                self.unconfirmed.insert(claim.id, Claim::Published(number));
            } else if exists || !claim.was_missing {
                claim.was_missing = !exists;
                self.deferred.push_back(claim);
            } else {
                self.unconfirmed.remove(&claim.id);
            }
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
}
