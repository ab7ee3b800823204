//! Reading: entries of the inbox, on their way to the hub.

use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{sleep, timeout};

use super::progress::{Progress, SharedProgress};
use super::{Never, Node};
use crate::backplane::Counters;
use crate::backplane::bus::{Bus, BusError, Link, Position};
use crate::backplane::entry::{Entry, NumberedEntry};
use crate::backplane::fields::{self, Field};
use crate::backplane::lock::lock;
use crate::backplane::sequences::Arrival;

/// Number of entries in the first read of a connection, and limit of the number in any read.
const FIRST_ENTRIES: usize = 16;
const MAX_ENTRIES: usize = 2_048;
/// Size of one read at which the node aims, if entries go on to have the size of the last ones.
const READ_BYTES: usize = 1 << 20;
/// Interval at which a node that waits for room in a mailbox checks again.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(2);
/// The entries that were read are acknowledged when there are as many, or after this time.
const ACKNOWLEDGED_ENTRIES: usize = 64;
const ACKNOWLEDGED_AFTER: Duration = Duration::from_millis(250);
/// Time until an acknowledgement is tried again that the server has refused.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl<B: Bus> Node<B> {
    pub(super) async fn keep_reading(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        let mut max_entries = FIRST_ENTRIES;
        loop {
            let after = lock(progress).read;
            let entries = link.read(after, max_entries).await?;
            self.backplane.set_away(false);
            let bytes: usize = entries.iter().map(|(_, fields)| fields::size(fields)).sum();
            if let Some(average) = bytes.checked_div(entries.len()) {
                max_entries = (READ_BYTES / average.max(1)).clamp(1, MAX_ENTRIES);
            }
            for (position, fields) in entries {
                self.wait_for_room(progress).await;
                self.arrived(&mut lock(progress), position, fields);
            }
        }
    }

    /// Waits until the mailbox of every thread has room, for at most `command_timeout`. A thread that is blocked longer must
    /// not delay the others: its mailbox overflows, and its streams are closed when it runs again.
    async fn wait_for_room(&self, progress: &SharedProgress) {
        if self.hub.has_room() {
            lock(progress).has_waited = false;
            return;
        }
        if lock(progress).has_waited {
            return;
        }
        let waiting = async {
            while !self.hub.has_room() {
                sleep(ROOM_CHECK_INTERVAL).await;
            }
        };
        let waited = timeout(self.backplane.settings.command_timeout, waiting).await;
        lock(progress).has_waited = waited.is_err();
    }

    fn arrived(&self, progress: &mut Progress, position: Position, fields: Vec<Field>) {
        progress.read = position;
        let unacknowledged = &mut progress.unacknowledged;
        unacknowledged.bytes += fields::size(&fields);
        let entry = fields::parse(fields).ok();
        unacknowledged.senders.push_back(entry.as_ref().map(|entry| entry.node.clone()));
        match unacknowledged.senders.len() {
            1 => self.has_read.notify_one(),
            ACKNOWLEDGED_ENTRIES => self.has_read_many.notify_one(),
            _ => {}
        }
        let counters = &self.backplane.counters;
        // The bus puts nothing into the inbox of its sender.
        let Some(NumberedEntry { node, number, entry }) =
            entry.filter(|entry| entry.node != self.backplane.node)
        else {
            return Counters::add(&counters.malformed, 1);
        };
        if let Some(number) = number {
            match progress.sequences.arrival(&node, number, Instant::now()) {
                Arrival::Duplicate => {
                    if let Entry::Close { ids, .. } = entry {
                        // A failover took the deletion back, and now it has removed later claims from the directory.
                        self.backplane.claims.restore(&ids);
                        self.backplane.changed.notify_one();
                    }
                    return Counters::add(&counters.duplicates, 1);
                }
                Arrival::Forged => return Counters::add(&counters.malformed, 1),
                Arrival::Next => {}
            }
        }
        Counters::add(&counters.received, 1);
        self.hub.deliver(entry);
    }

    pub(super) async fn keep_acknowledging(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            if lock(progress).unacknowledged.senders.is_empty() {
                self.has_read.notified().await;
            }
            select! {
                () = self.has_read_many.notified() => {}
                () = sleep(ACKNOWLEDGED_AFTER) => {}
            }
            match self.acknowledge(link, progress).await {
                Ok(()) => {}
                // A replica can be read.
                Err(error) if error.is_refused_write() => sleep(RETRY_AFTER).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Acknowledges everything that was read.
    pub(super) async fn acknowledge(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<(), BusError> {
        let (up_to, bytes, count) = {
            let progress = lock(progress);
            (progress.read, progress.unacknowledged.bytes, progress.unacknowledged.senders.len())
        };
        if count == 0 {
            return Ok(());
        }
        let removed = link.acknowledge(up_to, bytes).await?;
        let mut guard = lock(progress);
        let Progress { unacknowledged, losses, .. } = &mut *guard;
        unacknowledged.bytes -= bytes;
        for (index, sender) in unacknowledged.senders.drain(..count).enumerate() {
            // The others have removed the oldest ones, and have counted them as lost.
            if (index as u64) < (count as u64).saturating_sub(removed) {
                sender.iter().for_each(|sender| losses.was_read(sender));
            }
        }
        Ok(())
    }
}
