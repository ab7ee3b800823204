//! Heartbeats: they keep the node alive, and find out what the bus has lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::progress::SharedProgress;
use super::{Never, Node, backoff};
use crate::backplane::bus::{Bus, BusError, Link, Pulse, Standing};
use crate::backplane::health::Writer;
use crate::backplane::lock::lock;

/// Time for a reply that has arrived to be processed.
const SETTLING: Duration = Duration::from_millis(300);

/// What the bus is known to have of the node.
pub(super) struct Known {
    /// The number of its last entry.
    appended: u64,
    /// The number of its last changes of the directory.
    changed: u64,
}

impl<B: Bus> Node<B> {
    /// Returns what the bus is known to have. Called before it is asked.
    pub(super) fn known(&self) -> Known {
        Known { appended: self.backplane.outbox.last_sent(), changed: self.backplane.claims.confirmed() }
    }

    pub(super) async fn keep_alive(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            let (known, read) = (self.known(), lock(progress).read);
            let Pulse { standing, to_sweep } = match link.heartbeat().await {
                Ok(pulse) => pulse,
                Err(error) => {
                    self.pause(error, Writer::Heartbeat, progress).await?;
                    continue;
                }
            };
            self.backplane.health.accepted(Writer::Heartbeat);
            self.backplane.set_away(false);
            if !standing.was_known || standing.end < read {
                // A node that the bus has forgotten has to join again. When the inbox ends before the position that was read, new
                // entries may get positions before it, and a new connection reads from the start.
                return Err(BusError::inbox_lost());
            }
            self.compare(link, progress, &known, standing).await?;
            // The next heartbeat must not be late.
            let end = Instant::now() + self.backplane.settings.heartbeat / 2;
            for node in &to_sweep {
                while Instant::now() < end && !link.sweep(node).await? {}
            }
            self.backplane.outbox.forget_old(Instant::now());
            sleep(self.backplane.settings.heartbeat).await;
        }
    }

    /// Compares what the bus has with what it had before, and repairs the difference.
    pub(super) async fn compare(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
        known: &Known,
        standing: Standing,
    ) -> Result<(), BusError> {
        let Standing { was_known, appended, changed, lost, .. } = standing;
        if known.appended > 0 && appended.is_none_or(|appended| appended < known.appended) {
            self.backplane.outbox.forget_stale(Instant::now());
            self.send_again_after(appended);
            if appended.is_none() {
                // The bus may have lost everything. Then it knows the other nodes only after their next heartbeats, or when they
                // have connected again.
                let heartbeat = self.backplane.settings.heartbeat;
                lock(progress).sends_after = Some(Instant::now() + heartbeat * 2 + backoff::MAX);
            }
        }
        if lock(progress).losses.has_more(&lost) {
            // Some of the entries may have been read before they were removed, or their reply is still on its way to the reader.
            sleep(SETTLING).await;
            match self.acknowledge(link, progress).await {
                Err(error) if !error.is_refused_write() => return Err(error),
                _ => {}
            }
        }
        let lost = lock(progress).losses.counted(lost);
        for (sender, missed) in &lost {
            self.gap(sender, *missed);
        }
        // Lost entries may have been about sessions that other nodes have claimed.
        if !was_known || changed < known.changed || !lost.is_empty() {
            match self.restore(link).await {
                Ok(()) => self.backplane.claims.has_lost(known.changed, changed),
                // It is restored after the next heartbeat.
                Err(error) if error.is_refused_write() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
