//! Claiming: the sessions of this process, on their way to the directory.

use tokio::time::timeout;

use super::progress::SharedProgress;
use super::{Never, Node};
use crate::backplane::Backplane;
use crate::backplane::bus::{Bus, BusError, Link};
use crate::backplane::claims::{MAX_WAIT, SETTLED};
use crate::backplane::health::Writer;
use crate::backplane::ids::Id;
use crate::threads::message::CloseReason;

/// Limits of one call. Redis serves no other client meanwhile.
const CHANGES: usize = 32;
const RESTORED: usize = 64;

impl<B: Bus> Node<B> {
    pub(super) async fn keep_claiming(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            match self.claim_some(link).await {
                Ok(true) => self.backplane.health.accepted(Writer::Claims),
                // A change waits for entries to be sent, for a limited time.
                Ok(false) if self.backplane.claims.is_behind() => {
                    let _ = timeout(MAX_WAIT, self.backplane.changed.notified()).await;
                }
                Ok(false) => self.backplane.changed.notified().await,
                Err(error) => self.pause(error, Writer::Claims, progress).await?,
            }
        }
    }

    /// Makes some of the changes that the directory lacks. Returns true when there were any.
    pub(super) async fn claim_some(&self, link: &B::Link) -> Result<bool, BusError> {
        let Backplane { claims, outbox, .. } = &*self.backplane;
        let to_restore = claims.next_to_restore(RESTORED);
        if !to_restore.is_empty() {
            let held = link.restore(&to_restore).await?;
            self.close_lost(claims.restored(&to_restore, &held));
            return Ok(true);
        }
        let Some(changes) = claims.next(CHANGES, outbox.last_sent(), |id| self.hub.contains(id)) else {
            return Ok(false);
        };
        let held = link.change(&changes).await?;
        self.close_lost(claims.confirm(&changes, &held));
        Ok(true)
    }

    /// Closes sessions that this node does not have according to the directory. One that is created again meanwhile stays.
    fn close_lost(&self, sessions: Vec<(Id, CloseReason)>) {
        for (id, reason) in sessions {
            self.hub.close_session(&id, SETTLED, reason);
        }
    }

    /// Brings the directory up to date after it has lost data: puts the node's sessions into it again, and removes those that the
    /// node no longer has.
    pub(super) async fn restore(&self, link: &B::Link) -> Result<(), BusError> {
        self.backplane.claims.restore_all();
        let mut cursor = 0;
        loop {
            let (next, listed) = link.listed(cursor).await?;
            listed.iter().for_each(|id| self.backplane.claims.is_listed(id));
            self.backplane.changed.notify_one();
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}
