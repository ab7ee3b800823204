//! Scopes: the names by which the threads of a process find the hub that they share.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

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

/// The hubs of all scopes.
///
/// The references are weak: only its members keep a hub alive. It is removed from the map when it closes.
static HUBS: LazyLock<Mutex<HashMap<Scope, Weak<Hub>>>> = LazyLock::new(Mutex::default);

impl Scope {
    /// Makes the calling thread a member of the scope's hub. Makes the hub if there is none.
    pub fn join(&self, max_mailbox_bytes: usize, waker: Option<Waker>) -> Member {
        self.join_or_make(|| self.new_hub(None), max_mailbox_bytes, waker)
    }

    /// Like [`Scope::join`], for a hub with a backplane. `run` is called when the hub is made. It has to start the node that
    /// connects the hub to other processes.
    pub fn join_with_backplane(
        &self,
        settings: Settings,
        max_mailbox_bytes: usize,
        waker: Option<Waker>,
        run: impl FnOnce(Arc<dyn LocalHub>, Arc<Backplane>),
    ) -> Member {
        let make = || {
            let backplane = Arc::new(Backplane::new(settings));
            let hub = self.new_hub(Some(Arc::clone(&backplane)));
            run(Arc::clone(&hub) as Arc<dyn LocalHub>, backplane);
            hub
        };
        self.join_or_make(make, max_mailbox_bytes, waker)
    }

    /// Makes a hub that removes itself from the map when it closes. The URL of a Redis scope may contain a password, so the
    /// map must not keep the scope any longer.
    fn new_hub(&self, backplane: Option<Arc<Backplane>>) -> Arc<Hub> {
        let scope = self.clone();
        Hub::for_scope(backplane, move |hub| scope.forget(hub))
    }

    /// Removes a hub from the map, unless a newer hub has replaced it there.
    fn forget(&self, hub: &Hub) {
        let mut hubs = hubs();
        let is_listed = hubs.get(self).is_some_and(|listed| std::ptr::eq(listed.as_ptr(), hub));
        let removed = if is_listed { hubs.remove_entry(self) } else { None };
        drop(hubs);
        drop(removed);
    }

    fn join_or_make(
        &self,
        make: impl FnOnce() -> Arc<Hub>,
        max_mailbox_bytes: usize,
        waker: Option<Waker>,
    ) -> Member {
        // Held until this thread has joined, so that two threads cannot both make a hub for the scope.
        let mut hubs = hubs();
        let found = hubs.get(self).and_then(Weak::upgrade);
        let joined = found.as_ref().and_then(|hub| Member::join(hub, max_mailbox_bytes, waker.clone()));
        let member = joined.unwrap_or_else(|| {
            let hub = make();
            hubs.insert(self.clone(), Arc::downgrade(&hub));
            Member::join_new(&hub, max_mailbox_bytes, waker)
        });
        drop(hubs);
        // This may free a closed hub and its tables. That takes time, so it happens without the lock.
        drop(found);
        member
    }
}

/// Locks the map. A poisoned lock is used as it is: no code under it panics, except when memory runs out, which ends the
/// process.
fn hubs() -> MutexGuard<'static, HashMap<Scope, Weak<Hub>>> {
    HUBS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str) -> Scope {
        Scope::Named(name.encode_utf16().collect())
    }

    fn is_listed(scope: &Scope) -> bool {
        hubs().contains_key(scope)
    }

    #[test]
    fn a_scope_is_forgotten_when_its_last_member_leaves() {
        let scope = scope("last member");
        let (one, two) = (scope.join(1_000, None), scope.join(1_000, None));
        one.leave();
        assert!(is_listed(&scope));
        two.leave();
        assert!(!is_listed(&scope));
    }

    #[test]
    fn the_end_of_a_hub_leaves_the_newer_hub_of_its_scope_listed() {
        let scope = scope("newer hub");
        let older = scope.join(1_000, None);
        // Simulates another thread that has made a new hub before the older one was removed from the map.
        let newer = Hub::for_scope(None, |_| {});
        hubs().insert(scope.clone(), Arc::downgrade(&newer));
        older.leave();
        assert!(is_listed(&scope));
    }
}
