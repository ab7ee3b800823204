//! Who keeps an id that two nodes have created: the one whose claim stands later in the stream. So a node passes over what
//! others claim or delete before its own claim, which is still on its way.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::{Entry, Id};
use super::outbox::Outbox;

/// No session is looked up under its lock: who looks one up may hold a lock of the registry's, and ask here.
#[derive(Debug, Default)]
pub struct Claims(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Claims that this node has not read back, by id: the last of each.
    on_their_way: HashMap<Id, Claim>,
    /// There was no room for these in the outbox.
    owed: VecDeque<Owed>,
    last_ticket: u64,
    /// The number of the last entry of its own that this node has read back.
    read_back: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// The entry of that number says it.
    Said(u64),
    Owed {
        ticket: u64,
    },
}

#[derive(Debug)]
struct Owed {
    id: Id,
    ticket: u64,
    /// Its session was not there when it was looked for: gone, or about to be created.
    is_doubted: bool,
}

/// How many are looked for at once.
const AT_ONCE: usize = 256;

impl Claims {
    /// To be called before the session can be found, so that nobody closes it for an older claim.
    pub fn claim(&self, id: &[u16], outbox: &Outbox) {
        let mut state = self.state();
        let claim = match outbox.push(Entry::Claim { id: id.into() }) {
            Ok(number) => Claim::Said(number),
            Err(_) => {
                state.last_ticket += 1;
                let ticket = state.last_ticket;
                state.owed.push_back(Owed { id: id.into(), ticket, is_doubted: false });
                Claim::Owed { ticket }
            }
        };
        state.on_their_way.insert(id.into(), claim);
    }

    /// How many are owed.
    pub fn owed(&self) -> usize {
        self.state().owed.len()
    }

    /// Claims what is owed, as far as there is room, of the sessions that live, and forgets the others.
    pub fn claim_owed(&self, outbox: &Outbox, lives: impl Fn(&[u16]) -> bool) {
        for _ in 0..self.owed().div_ceil(AT_ONCE) {
            let some: Vec<_> = {
                let owed = &mut self.state().owed;
                let count = owed.len().min(AT_ONCE);
                owed.drain(..count).collect()
            };
            let looked_for: Vec<_> = some.into_iter().map(|owed| (lives(&owed.id), owed)).collect();
            self.state().take_back(outbox, looked_for);
        }
    }

    /// Whether what others have said of that id until now was said before our own claim.
    pub fn outlast(&self, id: &[u16]) -> bool {
        let state = self.state();
        state.on_their_way.get(id).is_some_and(|claim| claim.is_after(state.read_back))
    }

    /// This node has read an entry of its own in the stream.
    pub fn read_back(&self, number: u64, entry: &Entry) {
        let mut guard = self.state();
        let state = &mut *guard;
        if number > state.read_back + 1 {
            // Some were trimmed away before they could be read.
            state.on_their_way.retain(|_, claim| claim.is_after(number - 1));
        }
        state.read_back = state.read_back.max(number);
        if let Entry::Claim { id } = entry
            && state.on_their_way.get(id) == Some(&Claim::Said(number))
        {
            state.on_their_way.remove(id);
        }
    }

    // Each change under the lock is complete by itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    fn is_after(self, number: u64) -> bool {
        match self {
            Self::Said(said) => said > number,
            Self::Owed { .. } => true,
        }
    }
}

impl State {
    fn take_back(&mut self, outbox: &Outbox, looked_for: Vec<(bool, Owed)>) {
        for (lives, mut owed) in looked_for {
            if self.on_their_way.get(&owed.id) != Some(&Claim::Owed { ticket: owed.ticket }) {
                // It was claimed again since.
                continue;
            }
            if lives && let Ok(number) = outbox.push(Entry::Claim { id: owed.id.clone() }) {
                self.on_their_way.insert(owed.id, Claim::Said(number));
            } else if lives || !owed.is_doubted {
                owed.is_doubted = !lives;
                self.owed.push_back(owed);
            } else {
                self.on_their_way.remove(&owed.id);
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
    fn a_claim_outlasts_what_others_say_until_it_is_read_back() {
        let (claims, outbox, a) = (Claims::default(), Outbox::new(1 << 20), id("a"));
        assert!(!claims.outlast(&a));
        claims.claim(&a, &outbox);
        assert!(claims.outlast(&a));
        claims.claim(&a, &outbox);
        claims.read_back(1, &Entry::Claim { id: a.clone() });
        assert!(claims.outlast(&a), "the second claim is later");
        claims.read_back(2, &Entry::Claim { id: a.clone() });
        assert!(!claims.outlast(&a));
        claims.claim(&a, &outbox);
        claims.read_back(4, &Entry::Claim { id: id("b") });
        assert!(!claims.outlast(&a), "it was trimmed away, and what follows it was read");
    }

    #[test]
    fn a_claim_that_finds_no_room_is_made_up_for_unless_its_session_is_gone() {
        let (claims, outbox) = (Claims::default(), Outbox::new(300));
        claims.claim(&id("fits"), &outbox);
        claims.claim(&id("fits, too"), &outbox);
        claims.claim(&id("gone"), &outbox);
        claims.claim(&id("lives"), &outbox);
        claims.claim_owed(&outbox, |_| true);
        assert!(claims.outlast(&id("lives")));
        outbox.sent(2);
        claims.claim_owed(&outbox, |lives| *lives == *id("lives"));
        assert!(claims.outlast(&id("gone")), "perhaps it is about to be created");
        claims.claim_owed(&outbox, |lives| *lives == *id("lives"));
        assert!(!claims.outlast(&id("gone")));
        let batch = outbox.next(9, 1 << 20).unwrap();
        assert_eq!((batch.first, &*batch.entries[0]), (3, &Entry::Claim { id: id("lives") }));
        claims.read_back(3, &batch.entries[0]);
        assert!(!claims.outlast(&id("lives")));
    }
}
