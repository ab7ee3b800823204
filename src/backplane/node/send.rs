//! Sending: entries, and changes of the list of sessions.

use super::progress::SharedProgress;
use super::{Never, Node};
use crate::backplane::bus::{Bus, BusError, Link, Sent};
use crate::backplane::lock::lock;
use crate::backplane::{Backplane, Counters};

/// Limits of a batch. When the connection breaks while a batch is sent, the batch is sent again in halves, because it may
/// have taken longer than `command_timeout`.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1 << 20;

impl<B: Bus> Node<B> {
    pub(super) async fn keep_sending(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            if !self.send_some(link, progress).await? {
                self.backplane.work.notified().await;
            }
        }
    }

    /// Sends changed sessions and one batch of entries. Returns true when there was anything to send.
    pub(super) async fn send_some(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<bool, BusError> {
        let has_updated = self.update_presence(link).await?;
        let has_sent = self.send_batch(link, progress).await?;
        Ok(has_updated || has_sent)
    }

    /// Returns true when there was an entry to send.
    async fn send_batch(&self, link: &B::Link, progress: &SharedProgress) -> Result<bool, BusError> {
        let Backplane { outbox, ownership, counters, .. } = &*self.backplane;
        let halvings = lock(progress).halvings;
        let Some(batch) = outbox.next((BATCH >> halvings).max(1), BATCH_BYTES >> halvings) else {
            return Ok(false);
        };
        // Corrected below when the batch was appended. When the connection breaks, this function ends before that.
        lock(progress).halvings = (halvings + 1).min(BATCH.ilog2());
        let at = link.append(&batch).await?;
        {
            let mut progress = lock(progress);
            progress.halvings = halvings.saturating_sub(1);
            progress.sent = Some(Sent { number: batch.last(), at });
        }
        outbox.sent(batch.last());
        Counters::add(&counters.sent, batch.entries.len() as u64);
        ownership.claim_deferred(outbox, |id| self.hub.contains(id));
        Ok(true)
    }

    /// Returns true when a session was created or removed.
    async fn update_presence(&self, link: &B::Link) -> Result<bool, BusError> {
        let changed = self.backplane.presence.take_changes();
        if changed.is_empty() {
            return Ok(false);
        }
        let (created, removed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|id| self.hub.contains(id));
        link.update_presence(&created, &removed).await?;
        Ok(true)
    }
}
