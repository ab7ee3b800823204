//! The lock between senders and a receiver that begins to get its messages another way than through a mailbox.
//!
//! A sender looks a receiver up, and posts to its mailbox or sends the other way. A receiver may switch only when no
//! message for it is in the mailbox or on its way there; otherwise a later message could overtake an earlier one. So a
//! sender holds the read lock from its decision to its post, and the switch happens under the write lock.
//!
//! The model checker loom runs this file together with the mailbox: see `tests/model`.

use super::mailbox::{Mailbox, Postable};
use super::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The receivers that have switched, in a table that the owner of the switch chooses.
#[derive(Debug, Default)]
pub struct Switch<Table> {
    table: RwLock<Table>,
}

impl<Table> Switch<Table> {
    /// Locks the table for a sender. No receiver switches until the sender drops the guard, which it does after its post.
    pub fn lock(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `change` and returns true if the thread of the receiver has processed everything that was posted to its mailbox.
    /// Called on that thread. Senders that lock the table before `change` have posted, and senders that lock it afterwards
    /// see the changed table.
    pub fn switch<T: Postable>(&self, mailbox: &Mailbox<T>, change: impl FnOnce(&mut Table)) -> bool {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let may_switch = mailbox.is_idle();
        if may_switch {
            change(&mut table);
        }
        may_switch
    }

    /// Changes the table at any time: a receiver that has switched ends.
    pub fn change(&self, change: impl FnOnce(&mut Table)) {
        change(&mut self.table.write().unwrap_or_else(PoisonError::into_inner));
    }
}
