//! The hubs that the threads of a process share, by the name they are asked for.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::backplane::{Backplane, Settings};
use crate::hub::{Hub, Seat};
use crate::mailbox::Waker;
use crate::member::Member;

/// The name of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// What the user calls it.
    Named(Box<[u16]>),
    /// It is joined to those of other machines.
    Redis { url: Box<str>, prefix: Box<[u16]> },
}

/// A hub is here as long as somebody has a seat in it.
static HUBS: LazyLock<Mutex<HashMap<Scope, Arc<Hub>>>> = LazyLock::new(Mutex::default);

impl Scope {
    /// Takes a seat in the hub of that name, which is made if there is none.
    pub fn join(&self, max_mailbox_bytes: usize, waker: Option<Waker>) -> Member {
        self.join_made_by(|| Hub::of_scope(self.clone(), None), max_mailbox_bytes, waker)
    }

    /// Likewise in a hub that is joined to those of other machines. If there is none, `run` gets the node that is to do so.
    pub fn join_machines(
        &self,
        settings: Settings,
        max_mailbox_bytes: usize,
        waker: Option<Waker>,
        run: impl FnOnce(Arc<Hub>, Arc<Backplane>),
    ) -> Member {
        let make = || {
            let backplane = Arc::new(Backplane::new(settings));
            let hub = Hub::of_scope(self.clone(), Some(Arc::clone(&backplane)));
            run(Arc::clone(&hub), backplane);
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
        let mut hubs = hubs();
        let hub = hubs.entry(self.clone()).or_insert_with(make);
        // Under the lock, so that nobody finds the hub empty and takes it away in between.
        hub.join(max_mailbox_bytes, waker)
    }
}

/// Gives up a seat by `unseat`, which tells whether it was the last: the hub is then not to be found any more.
pub(crate) fn leave(scope: &Scope, hub: &Hub, unseat: impl FnOnce() -> bool) -> bool {
    let mut hubs = hubs();
    let last = unseat();
    let ours = hubs.get(scope).is_some_and(|found| std::ptr::eq(Arc::as_ptr(found), hub));
    // Dropped with no lock held.
    let gone = if last && ours { hubs.remove(scope) } else { None };
    drop(hubs);
    drop(gone);
    last
}

/// Notes that a seat of a hub is about to be given up, and makes the hub not to be found any more if no other is there to
/// stay. Whether that is so.
pub(crate) fn retire(scope: &Scope, hub: &Hub, seat: &Seat) -> bool {
    let mut hubs = hubs();
    // Relaxed: the lock is held by all who come here.
    seat.retires.store(true, Ordering::Relaxed);
    let is_left_alone = hub.seats().iter().all(|seat| seat.retires.load(Ordering::Relaxed));
    let ours = hubs.get(scope).is_some_and(|found| std::ptr::eq(Arc::as_ptr(found), hub));
    let retired = if is_left_alone && ours { hubs.remove(scope) } else { None };
    drop(hubs);
    drop(retired);
    is_left_alone
}

// Nothing that can panic runs under the lock, but for lack of memory, which ends the process.
fn hubs() -> MutexGuard<'static, HashMap<Scope, Arc<Hub>>> {
    HUBS.lock().unwrap_or_else(PoisonError::into_inner)
}
