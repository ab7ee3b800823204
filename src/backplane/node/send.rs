//! Sending: entries of the outbox, on their way to the inboxes of other nodes.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
use super::progress::SharedProgress;
use super::report::Report;
use super::{Never, Node};
use crate::backplane::bus::{Appended, Bus, BusError, Link};
use crate::backplane::health::Writer;
use crate::backplane::lock::lock;
use crate::backplane::outbox::Batch;
use crate::backplane::{Backplane, Counters};

/// Limits of a batch. Redis serves no other client while it appends one, so more entries would delay other nodes. When the
/// connection breaks while a batch is sent, the batch is sent again in halves, because it may have taken longer than
/// `command_timeout`.
const BATCH: usize = 128;
const BATCH_BYTES: usize = 1 << 20;
/// Limits of the time until the node tries again to add to a full inbox. It doubles with each try.
const MIN_FULL_WAIT: Duration = Duration::from_millis(1);
pub(super) const MAX_FULL_WAIT: Duration = Duration::from_millis(50);

/// What a try to send has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// There was nothing to send.
    Nothing,
    /// The bus has more entries than before, or has lost some.
    Some,
    /// The next entry does not fit in an inbox.
    Full,
}

impl<B: Bus> Node<B> {
    pub(super) async fn keep_sending(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        let mut full_wait = MIN_FULL_WAIT;
        loop {
            let sends_after = lock(progress).sends_after;
            if let Some(time) = sends_after {
                sleep_until(time).await;
                // Not before, because the connection may break meanwhile.
                lock(progress).sends_after = None;
            }
            match self.send_some(link, progress).await {
                Ok(Sending::Some) => {
                    full_wait = MIN_FULL_WAIT;
                    self.accepted(progress);
                }
                Ok(Sending::Full) => {
                    self.accepted(progress);
                    sleep(full_wait).await;
                    full_wait = (full_wait * 2).min(MAX_FULL_WAIT);
                }
                Ok(Sending::Nothing) => self.backplane.work.notified().await,
                Err(error) => self.pause(error, Writer::Sender, progress).await?,
            }
        }
    }

    fn accepted(&self, progress: &SharedProgress) {
        lock(progress).write_backoff = Backoff::default();
        self.backplane.health.accepted(Writer::Sender);
    }

    /// Sends one batch of entries.
    pub(super) async fn send_some(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Sending, BusError> {
        let Backplane { outbox, counters, .. } = &*self.backplane;
        let halvings = lock(progress).halvings;
        let Some(batch) = outbox.next((BATCH >> halvings).max(1), BATCH_BYTES >> halvings) else {
            return Ok(Sending::Nothing);
        };
        // Corrected below when there is a reply. When the connection breaks, this function ends before that.
        lock(progress).halvings = (halvings + 1).min(BATCH.ilog2());
        let appended = link.append(&batch).await;
        if appended.as_ref().is_err_and(BusError::is_refused_write) {
            lock(progress).halvings = halvings;
        }
        let appended = appended?;
        lock(progress).halvings = halvings.saturating_sub(1);
        let Batch { first, .. } = batch;
        match appended {
            Appended::UpTo { last } if last >= first => {
                let (new, completions) = outbox.sent(last, Instant::now());
                Counters::add(&counters.sent, new);
                // Not before, so that a `flush()` that has ended finds its messages in the statistics.
                drop(completions);
                // A claim may have waited for this.
                self.backplane.changed.notify_one();
                Ok(Sending::Some)
            }
            Appended::UpTo { .. } => Ok(Sending::Full),
            Appended::Hole { appended } => {
                self.send_again_after(appended);
                Ok(Sending::Some)
            }
        }
    }

    /// Sends the entries again that the bus has lost, and reports those that the node no longer has.
    pub(super) fn send_again_after(&self, appended: Option<u64>) {
        let lost = self.backplane.outbox.send_again_after(appended);
        if lost > 0 {
            self.gap(&self.backplane.node, lost);
        }
        self.backplane.work.notify_one();
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
