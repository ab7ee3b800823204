//! Registrations of `subscriptions/listen`, and notifications for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Member;
use crate::backplane::message::Message;
use crate::registry::key::{Key, ThreadId};
use crate::registry::subscriptions::{Filters, Place, RequestId, Subject};
use crate::threads::completion::{Completion, ReplyTo};
use crate::threads::message::{RegistrationCloseReason, ThreadMessage};
use crate::threads::text::Text;

impl Member {
    /// Creates the registration `(origin, id)` for this thread. Returns `None` when any thread has it already.
    pub fn register(&self, origin: &[u16], id: RequestId, filters: Filters) -> Option<Key> {
        if self.has_left() {
            return None;
        }
        self.hub.subscriptions.create(self.peer.thread, origin, id, filters)
    }

    /// Removes a registration and returns true if it existed.
    pub fn unregister(&self, key: Key) -> bool {
        self.hub.subscriptions.remove(key)
    }

    /// Returns the registration `(origin, id)` if it belongs to this thread.
    pub fn registration(&self, origin: &[u16], id: &RequestId) -> Option<Key> {
        self.hub
            .subscriptions
            .find(origin, id)
            .filter(|place| self.is_local(place.owner))
            .map(|place| place.key)
    }

    /// Returns this thread's registrations, all or those of one origin, in the order of delivery.
    pub fn registrations(&self, origin: Option<&[u16]>) -> Vec<Key> {
        self.local(self.hub.subscriptions.of(origin))
    }

    /// Returns this thread's registrations that a notification about `subject` is for, in the order of delivery.
    pub fn matching(&self, subject: Subject<'_>) -> Vec<Key> {
        self.local(self.hub.subscriptions.matching(subject))
    }

    /// Sends a notification to the matching registrations of other threads and processes. Returns the key of the request
    /// that is completed when the other threads have delivered it, or `None` if no other thread has a matching one.
    ///
    /// With a backplane, returns `None`: the sender waits until the bus has the notification, and treats the other threads of
    /// its process as it treats other processes.
    ///
    /// # Errors
    /// Returns the error of `notification`. Nothing is posted then.
    pub fn notify_elsewhere<E>(
        &self,
        subject: Subject<'_>,
        notification: impl FnOnce() -> Result<Text, E>,
    ) -> Result<Option<Key>, E> {
        let elsewhere = self.elsewhere(self.hub.subscriptions.matching(subject));
        if elsewhere.is_empty() && self.has_no_backplane() {
            return Ok(None);
        }
        let notification = notification()?;
        self.publish_message(|| Message::Notify {
            topic: subject.into(),
            notification: Arc::clone(&notification),
        });
        if elsewhere.is_empty() {
            return Ok(None);
        }
        let message = |keys, completion| ThreadMessage::Notify {
            keys,
            notification: Arc::clone(&notification),
            completion,
        };
        if self.has_no_backplane() {
            return Ok(Some(self.request_of_owners(elsewhere, message)));
        }
        for (thread, keys) in elsewhere {
            self.post(thread, message(keys, Completion::without_requester()));
        }
        Ok(None)
    }

    /// Closes the registration `(origin, id)` if another thread has it. Returns the key of the request that is completed
    /// when it is closed, or `None` if no other thread has it.
    pub fn close_elsewhere(
        &self,
        origin: &[u16],
        id: &RequestId,
        reason: RegistrationCloseReason,
    ) -> Option<Key> {
        self.close_places(self.hub.subscriptions.find(origin, id).into_iter().collect(), reason)
    }

    /// Closes all registrations of other threads, or those of one origin. Returns the key of the request that is completed
    /// when they are closed, or `None` if other threads have none.
    pub fn close_all_elsewhere(
        &self,
        origin: Option<&[u16]>,
        reason: RegistrationCloseReason,
    ) -> Option<Key> {
        self.close_places(self.hub.subscriptions.of(origin), reason)
    }

    fn close_places(&self, places: Vec<Place>, reason: RegistrationCloseReason) -> Option<Key> {
        let elsewhere = self.elsewhere(places);
        (!elsewhere.is_empty()).then(|| {
            self.request_of_owners(elsewhere, |keys, completion| ThreadMessage::CloseRegistrations {
                keys,
                reason,
                completion,
            })
        })
    }

    /// Posts one request to several threads. Returns its key. The request is completed when all of them have processed it.
    fn request_of_owners(
        &self,
        keys: BTreeMap<ThreadId, Vec<Key>>,
        message: impl Fn(Vec<Key>, Completion) -> ThreadMessage,
    ) -> Key {
        let (request, completion) = Completion::new(Arc::clone(&self.peer) as Arc<dyn ReplyTo>);
        for (thread, keys) in keys {
            self.post(thread, message(keys, completion.clone()));
        }
        request
    }

    fn local(&self, places: Vec<Place>) -> Vec<Key> {
        places.into_iter().filter(|place| self.is_local(place.owner)).map(|place| place.key).collect()
    }

    fn elsewhere(&self, places: Vec<Place>) -> BTreeMap<ThreadId, Vec<Key>> {
        let mut elsewhere: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for place in places.into_iter().filter(|place| !self.is_local(place.owner)) {
            elsewhere.entry(place.owner).or_default().push(place.key);
        }
        elsewhere
    }
}
