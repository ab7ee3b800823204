//! A member's use of the backplane: requests, and entries for other processes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Member;
use crate::backplane::Backplane;
use crate::backplane::message::Message;
use crate::backplane::outbox_entry::OutboxEntry;
use crate::backplane::request::Request;
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

    /// Makes a request that is completed when the bus has every entry that was published so far, and fails when that takes
    /// longer than `command_timeout`. Returns its key, or `None` when there is nothing to wait for: the bus has them, cannot be
    /// used now, or does not exist. Entries that the bus does not have are sent later.
    pub fn request_published(&self) -> Option<Key> {
        let backplane = self.hub.backplane.as_ref()?;
        backplane.is_publishing().then(|| self.request(Backplane::complete_when_published))?
    }

    /// Changes client information: at once in the copy of this process, and on the bus when it is available. Returns the key of
    /// the request that is completed when the bus has the change, or `None` if the bus is away, it refuses changes, or the hub
    /// has no backplane.
    /// Records a refusal for [`Member::was_refused`].
    pub fn change(&self, change: Request) -> Option<Key> {
        let backplane = self.hub.backplane.as_ref()?;
        self.change_copy(&change);
        let (request, completion) = if backplane.delays_changes() {
            (None, Completion::without_requester())
        } else {
            let (request, completion) = Completion::new(Arc::clone(&self.peer) as Arc<dyn ReplyTo>);
            (Some(request), completion)
        };
        if backplane.change(change, completion.clone()).is_err() {
            self.refused.store(true, Ordering::Relaxed);
            completion.withdraw();
            return None;
        }
        request
    }

    fn change_copy(&self, change: &Request) {
        let (info, now) = (&self.hub.info, Instant::now());
        // Without a limit of the number of sessions, both are always accepted.
        let _ = match change {
            Request::Set { id, attribute, value, .. } => {
                info.set(id, *attribute, value.clone(), usize::MAX, now)
            }
            Request::Watch { id, uri, .. } => info.watch(id, uri, usize::MAX, now),
            Request::Unwatch { id, uri } => {
                info.unwatch(id, uri, now);
                true
            }
            Request::Forget { id } => info.remove(id),
            Request::Has { .. } | Request::Get { .. } | Request::Watchers { .. } => true,
        };
        let max_bytes = self.backplane().map_or(usize::MAX, |backplane| backplane.settings.max_pending_bytes);
        info.trim(max_bytes);
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
    pub(super) fn publish(&self, entry: impl FnOnce() -> OutboxEntry) {
        if let Some(backplane) = &self.hub.backplane
            && backplane.publish(entry()).is_err()
        {
            self.refused.store(true, Ordering::Relaxed);
        }
    }

    /// Publishes a message, like [`publish`](Self::publish).
    pub(super) fn publish_message(&self, message: impl FnOnce() -> Message) {
        self.publish(|| OutboxEntry::Message(message()));
    }
}
