//! The messages that other threads posted to this one, and the requests that this thread works on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Member, bit};
use crate::backplane::Backplane;
use crate::registry::key::Key;
use crate::threads::completion::{Completion, ReplyTo};
use crate::threads::mailbox::{Drained, Limit};
use crate::threads::message::ThreadMessage;
use crate::threads::text::Text;

/// Limits of one drain. A larger message is taken alone. All texts of a drain share one buffer, and a chunk that is not read
/// keeps the whole buffer in memory. The limit keeps that buffer small: `lib/streams/slabs.js` counts with it.
const DRAIN: Limit = Limit { messages: 1_024, bytes: 16 << 10 };

impl Member {
    /// Takes messages that other threads posted to this one. The caller processes them and drains again until there are
    /// none. Only then do posts wake the thread again.
    pub fn drain(&self) -> Drained<ThreadMessage> {
        self.peer.mailbox.drain(DRAIN)
    }

    /// Sets the maximum number of bytes that the mailbox holds.
    pub fn set_max_mailbox_bytes(&self, max_bytes: usize) {
        self.peer.mailbox.set_max_bytes(max_bytes);
    }

    /// Returns the number of bytes that wait for this thread.
    pub fn mailbox_bytes(&self) -> usize {
        self.peer.mailbox.bytes()
    }

    /// Requests a reply when everything that this thread posted is processed, and when the bus has everything that was published
    /// so far. The request fails when that takes longer than `command_timeout` with a backplane. Returns the key of the request,
    /// or `None` if everything is processed already.
    pub fn flush(&self) -> Option<Key> {
        self.flush_within(Backplane::add_deadline)
    }

    /// Like [`flush`](Self::flush), but the request fails only when nothing was sent for `command_timeout`.
    pub fn flush_patiently(&self) -> Option<Key> {
        self.flush_within(Backplane::add_patient_deadline)
    }

    fn flush_within(&self, add_deadline: impl FnOnce(&Backplane, &Completion)) -> Option<Key> {
        let (request, completion) = Completion::new(Arc::clone(&self.peer) as Arc<dyn ReplyTo>);
        let mut is_sent = false;
        let posted_to = self.posted_to.swap(0, Ordering::Relaxed);
        for peer in self.hub.peers().iter().filter(|peer| posted_to & bit(peer) != 0) {
            let flush = ThreadMessage::Flush { completion: completion.clone() };
            if peer.mailbox.post_behind(flush).is_ok() {
                // The next flush has to post to this thread again, because it may not have processed everything by then.
                self.record_post(peer);
                is_sent = true;
            }
        }
        if let Some(backplane) = &self.hub.backplane {
            add_deadline(backplane, &completion);
            if backplane.is_behind() {
                backplane.complete_when_sent(completion.clone());
                is_sent = true;
            }
        }
        if !is_sent {
            completion.withdraw();
        }
        is_sent.then_some(request)
    }

    /// Keeps the completion of a request until this thread has processed the request. Returns the key to pass to
    /// [`Member::settle`].
    pub fn keep(&self, completion: Completion) -> Key {
        let key = Key::next();
        if !self.has_left() {
            self.completions().insert(key, completion);
        }
        key
    }

    /// Settles the request whose completion was kept under this key: as done, or as failed if there is a failure.
    pub fn settle(&self, key: Key, failure: Option<Text>) {
        let completion = self.completions().remove(&key);
        if let (Some(completion), Some(failure)) = (completion, failure) {
            completion.fail(failure);
        }
    }
}
