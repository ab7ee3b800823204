//! Presence: changes of this node's sessions that are not in its shared list yet.

use std::collections::HashSet;
use std::mem;
use std::sync::Mutex;

use super::entry::Id;
use super::lock::lock;
use super::waiting::Waiting;
use crate::threads::completion::Completion;

/// The sessions of this node that were created or removed since the shared list was last updated.
///
/// Nothing is recorded while the node is disconnected: when it connects again, it replaces the whole list.
#[derive(Debug, Default)]
pub struct Presence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// `None` while the node is disconnected.
    changed: Option<HashSet<Id>>,
    /// True when the shared list lacks a change.
    is_behind: bool,
    /// Completions that wait until the shared list has all changes.
    waiting: Waiting,
}

impl Presence {
    /// Starts to record changes. Called before the whole list is read and sent.
    pub fn start_recording(&self) {
        lock(&self.0).changed = Some(HashSet::new());
    }

    /// Stops recording. Called when the connection is lost.
    pub fn stop_recording(&self) {
        lock(&self.0).changed = None;
    }

    /// Records that a session was created or removed. Returns true when the node has to send the change.
    pub fn record_change(&self, id: &[u16]) -> bool {
        let mut state = lock(&self.0);
        state.is_behind = true;
        match &mut state.changed {
            Some(changed) => {
                changed.insert(id.into());
                true
            }
            None => false,
        }
    }

    /// Returns the ids that changed since the last call. Called when the ids of the last call have been sent: if there are
    /// no new ones, the shared list is current.
    pub fn take_changes(&self) -> Vec<Id> {
        let mut state = lock(&self.0);
        let Some(changed) = &mut state.changed else { return Vec::new() };
        let ids: Vec<_> = changed.drain().collect();
        if ids.is_empty() && state.is_behind {
            state.is_behind = false;
            let waiting = mem::take(&mut state.waiting);
            drop(state);
            // Dropped without the lock, because that completes requests.
            drop(waiting);
        }
        ids
    }

    /// Returns true when the shared list lacks a change.
    pub fn is_behind(&self) -> bool {
        lock(&self.0).is_behind
    }

    /// Drops the completion when the shared list has all changes made so far.
    pub fn complete_when_current(&self, completion: Completion) {
        let mut state = lock(&self.0);
        if state.is_behind {
            state.waiting.push((), completion);
        }
    }
}
