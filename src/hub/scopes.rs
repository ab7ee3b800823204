//! Scopes: the names by which the threads of a process find the hub that they share.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::Hub;
use super::member::Member;
use crate::backplane::Backplane;
use crate::backplane::local_hub::LocalHub;
use crate::backplane::settings::Settings;
use crate::threads::mailbox::Waker;

/// The name of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A name that the user chose. Its hub is shared by the threads of this process.
    Named(Box<[u16]>),
    /// A Redis server and a prefix. Its hub is connected to the hubs of other processes.
    Redis {
        /// The URL of the server.
        url: Box<str>,
        /// The prefix of all keys in Redis.
        prefix: Box<[u16]>,
    },
}

static HUBS: LazyLock<Mutex<Hubs>> = LazyLock::new(Mutex::default);

/// The hubs of all scopes.
///
/// A hub does not know its scope and is not removed from this map when it closes. It is only referenced weakly, a closed
/// hub refuses members, and the entries of dropped hubs are removed now and then.
#[derive(Default)]
struct Hubs {
    by_scope: HashMap<Scope, Weak<Hub>>,
    /// The number of entries at which those of dropped hubs are removed.
    purge_at: usize,
}

/// The map is not searched for dropped hubs while it is smaller than this.
const MIN_PURGE: usize = 16;

impl Hubs {
    fn insert(&mut self, scope: Scope, hub: &Arc<Hub>) {
        if self.by_scope.len() >= self.purge_at {
            self.by_scope.retain(|_, hub| hub.strong_count() > 0);
            // Twice what is left: the cost of a purge is spread over as many inserts, and at most half of the map is dead.
            self.purge_at = (2 * self.by_scope.len()).max(MIN_PURGE);
        }
        self.by_scope.insert(scope, Arc::downgrade(hub));
    }
}

impl Scope {
    /// Makes the calling thread a member of the scope's hub. Makes the hub if there is none.
    pub fn join(&self, max_mailbox_bytes: usize, waker: Option<Waker>) -> Member {
        self.join_made_by(|| Hub::for_scope(None), max_mailbox_bytes, waker)
    }

    /// Like [`Scope::join`], for a hub that is connected to other processes. `run` is called when the hub is made. It has
    /// to start the node that connects the hub.
    pub fn join_machines(
        &self,
        settings: Settings,
        max_mailbox_bytes: usize,
        waker: Option<Waker>,
        run: impl FnOnce(Arc<dyn LocalHub>, Arc<Backplane>),
    ) -> Member {
        let make = || {
            let backplane = Arc::new(Backplane::new(settings));
            let hub = Hub::for_scope(Some(Arc::clone(&backplane)));
            run(Arc::clone(&hub) as Arc<dyn LocalHub>, backplane);
            hub
        };
        self.join_made_by(make, max_mailbox_bytes, waker)
    }

    fn join_made_by(
        &self,
        make: impl FnOnce() -> Arc<Hub>,
        max_mailbox_bytes: usize,
        waker: Option<Waker>,
    ) -> Member {
        // Held until this thread has joined, so that two threads cannot both make a hub for the scope. A poisoned lock is
        // used as it is: nothing below panics, except when memory runs out, which ends the process.
        let mut hubs = HUBS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = hubs.by_scope.get(self).and_then(Weak::upgrade);
        let joined = found.as_ref().and_then(|hub| Member::join(hub, max_mailbox_bytes, waker.clone()));
        let member = joined.unwrap_or_else(|| {
            let hub = make();
            hubs.insert(self.clone(), &hub);
            Member::join_new(&hub, max_mailbox_bytes, waker)
        });
        drop(hubs);
        // A closed hub may be dropped here with all that is in it. That takes time, so it happens without the lock.
        drop(found);
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_dropped_hubs_are_removed_and_others_stay() {
        let scope = |number: usize| Scope::Named(number.to_string().encode_utf16().collect());
        let (mut hubs, kept) = (Hubs::default(), Hub::for_scope(None));
        hubs.insert(scope(0), &kept);
        for number in 1..1_000 {
            hubs.insert(scope(number), &Hub::for_scope(None));
            assert!(hubs.by_scope.len() <= MIN_PURGE);
        }
        assert!(hubs.by_scope[&scope(0)].upgrade().is_some());
    }
}
