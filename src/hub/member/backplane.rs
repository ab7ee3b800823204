//! A member's use of the backplane: requests, and entries for other processes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Member;
use crate::backplane::Backplane;
use crate::backplane::entry::Entry;
use crate::registry::key::Key;
use crate::threads::completion::{Completion, ReplyTo};

impl Member {
    /// Returns the connection to other processes, if the hub has one.
    pub fn backplane(&self) -> Option<&Arc<Backplane>> {
        self.hub.backplane.as_ref()
    }

    /// Returns true when the backplane refused a message of this thread since the last call, because `maxPendingBytes` was
    /// reached.
    pub fn was_refused(&self) -> bool {
        // Relaxed: only this thread reads and writes it.
        self.refused.swap(false, Ordering::Relaxed)
    }

    /// Makes a request to the backplane. Returns its key, or `None` if the hub has no backplane.
    pub fn request(&self, send: impl FnOnce(&Backplane, Completion)) -> Option<Key> {
        let backplane = self.hub.backplane.as_ref()?;
        let (request, completion) = Completion::new(Arc::clone(&self.peer) as Arc<dyn ReplyTo>);
        send(backplane, completion);
        Some(request)
    }

    /// Makes this process leave the backplane, unless another of its threads stays in the hub. Returns the key of the
    /// request that is completed when the process has left, or `None` if another thread stays.
    pub fn leave_backplane(&self) -> Option<Key> {
        if !self.hub.retire(&self.peer) {
            return None;
        }
        self.request(|backplane, completion| backplane.leave(Some(completion)))
    }

    pub(super) fn has_no_backplane(&self) -> bool {
        self.hub.backplane.is_none()
    }

    /// Publishes an entry to other processes, if there is a backplane. Records a refusal for [`Member::was_refused`].
    pub(super) fn publish(&self, entry: impl FnOnce() -> Entry) {
        if let Some(backplane) = &self.hub.backplane
            && backplane.publish(entry()).is_err()
        {
            self.refused.store(true, Ordering::Relaxed);
        }
    }
}
