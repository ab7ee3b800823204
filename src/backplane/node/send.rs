//! Sending: entries, and changes of the list of sessions.

use tokio::time::sleep;

use super::backoff::Backoff;
use super::progress::SharedProgress;
use super::report::Report;
use super::{Never, Node};
use crate::backplane::bus::{Bus, BusError, Link, Sent};
use crate::backplane::health::Writer;
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
            match self.send_some(link, progress).await {
                Ok(true) => {
                    lock(progress).write_backoff = Backoff::default();
                    self.backplane.health.accepted(Writer::Sender);
                }
                Ok(false) => self.backplane.work.notified().await,
                Err(error) => self.pause(error, Writer::Sender, progress).await?,
            }
        }
    }

    /// Sends changed sessions and one batch of entries. Returns true when there was anything to send.
    pub(super) async fn send_some(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<bool, BusError> {
        let has_updated = self.update_presence(link, progress).await?;
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
        // Corrected below when there is a reply. When the connection breaks, this function ends before that.
        lock(progress).halvings = (halvings + 1).min(BATCH.ilog2());
        let appended = link.append(&batch).await;
        if appended.as_ref().is_err_and(BusError::is_refused_write) {
            lock(progress).halvings = halvings;
        }
        let at = appended?;
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

    /// Returns true when a session was created or removed, or the whole list of sessions was sent.
    async fn update_presence(&self, link: &B::Link, progress: &SharedProgress) -> Result<bool, BusError> {
        if !lock(progress).is_listed {
            self.replace_presence(link, progress).await?;
            return Ok(true);
        }
        let changed = self.backplane.presence.take_changes();
        if changed.is_empty() {
            return Ok(false);
        }
        let (created, removed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|id| self.hub.contains(id));
        let updated = link.update_presence(&created, &removed).await;
        if updated.as_ref().is_err_and(BusError::is_refused_write) {
            // The changes are not kept, because there is no limit to them. The whole list is sent later.
            lock(progress).is_listed = false;
            self.backplane.presence.stop_recording();
        }
        updated.map(|()| true)
    }

    /// Sends the whole list of sessions.
    pub(super) async fn replace_presence(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<(), BusError> {
        self.backplane.presence.start_recording();
        let sessions = self.hub.session_ids();
        let mut replaced = Ok(());
        if let Some(first) = sessions.first().filter(|_| lock(progress).has_refused_list) {
            // A server that still refuses writes need not get the whole list.
            replaced = link.update_presence(std::slice::from_ref(first), &[]).await;
        }
        if replaced.is_ok() {
            replaced = link.replace_presence(&sessions).await;
        }
        let is_refused = replaced.as_ref().is_err_and(BusError::is_refused_write);
        if is_refused {
            self.backplane.presence.stop_recording();
        }
        let mut progress = lock(progress);
        progress.has_refused_list = is_refused;
        progress.is_listed = replaced.is_ok();
        replaced
    }

    /// Waits before a refused write is tried again. Meanwhile, the node reads.
    ///
    /// # Errors
    /// Returns the error when a new connection is needed.
    pub(super) async fn pause(
        &self,
        error: BusError,
        writer: Writer,
        progress: &SharedProgress,
    ) -> Result<(), BusError> {
        if !error.is_refused_write() {
            return Err(error);
        }
        self.backplane.health.refused(writer, &error);
        self.report(&Report::RefusedWrite(&error));
        let delay = lock(progress).write_backoff.next();
        sleep(delay).await;
        if error.is_of_replica() { Err(error) } else { Ok(()) }
    }
}
