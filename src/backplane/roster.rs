//! Which of this node's sessions have come or gone since Redis was told. While it cannot be told, nothing is kept: it gets
//! the whole list when it is there again.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::entry::Id;
use crate::post::Receipt;

#[derive(Debug, Default)]
pub struct Roster(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// `None` while Redis cannot be told.
    changed: Option<HashSet<Id>>,
    /// Redis does not know all yet.
    is_behind: bool,
    /// Who waits until it does.
    waiting: Vec<Receipt>,
}

impl Roster {
    /// From now on changes are kept. The whole list is to be taken after this.
    pub fn follow(&self) {
        self.state().changed = Some(HashSet::new());
    }

    pub fn stop(&self) {
        self.state().changed = None;
    }

    /// The session of that id has come or gone. Whether somebody wants to know.
    pub fn change(&self, id: &[u16]) -> bool {
        let mut state = self.state();
        state.is_behind = true;
        match &mut state.changed {
            Some(changed) => {
                changed.insert(id.into());
                true
            }
            None => false,
        }
    }

    /// The ids that have changed since this was last asked. To be asked when Redis knows of those: if there are no more, it
    /// knows all.
    pub fn take(&self) -> Vec<Id> {
        let mut state = self.state();
        let Some(changed) = &mut state.changed else { return Vec::new() };
        let ids: Vec<_> = changed.drain().collect();
        if ids.is_empty() && state.is_behind {
            state.is_behind = false;
            let waiting = mem::take(&mut state.waiting);
            drop(state);
            // With no lock held: they answer.
            drop(waiting);
        }
        ids
    }

    pub fn is_behind(&self) -> bool {
        self.state().is_behind
    }

    /// Lets go of the receipt when Redis knows of all sessions there are now.
    pub fn when_told(&self, receipt: Receipt) {
        let mut state = self.state();
        if state.is_behind {
            state.waiting.retain(|receipt| !receipt.is_answered());
            state.waiting.push(receipt);
        }
    }

    // Each change under the lock is complete by itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
