//! Reading: entries of the inbox, on their way to the hub.

use std::time::{Duration, Instant};

use tokio::select;
use tokio::task::consume_budget;
use tokio::time::{sleep, timeout};

use super::progress::{Progress, SharedProgress};
use super::{Never, Node};
use crate::backplane::Counters;
use crate::backplane::bus::{Bus, BusError, Link, Position};
use crate::backplane::fields::{self, Field};
use crate::backplane::ids::NodeId;
use crate::backplane::inbox_entry::{Close, Contents, InboxEntry};
use crate::backplane::lock::lock;
use crate::backplane::sequences::Arrival;

/// Number of entries in the first read of a connection, and limit of the number in any read.
const FIRST_ENTRIES: usize = 16;
const MAX_ENTRIES: usize = 2_048;
/// Number of bytes that one read should return, if the next entries are as large as the last ones.
const READ_BYTES: usize = 1 << 20;
/// Interval at which a node that waits for room in a mailbox checks again.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(2);
/// Entries that were read are acknowledged when there are `ACKNOWLEDGED_ENTRIES`, or after `ACKNOWLEDGED_AFTER`.
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
                // The nodes of all backplanes of a process share a thread, and a read may return thousands of entries and messages.
                // Each of them takes a unit of the budget that Tokio gives a task, so that other tasks run after at most 128.
                consume_budget().await;
                let bytes = fields::size(&fields);
                let entry = self.parse(fields);
                let messages = entry.as_ref().map(|entry| (entry.node.clone(), entry.count()));
                if let Some(entry) = entry {
                    self.process(entry, progress).await;
                }
                // Not before, because the connection may break while the node waits.
                self.has_read_entry(&mut lock(progress), position, bytes, messages);
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

    /// Reads the fields of an entry. Returns `None` when no other node wrote it.
    fn parse(&self, fields: Vec<Field>) -> Option<InboxEntry> {
        // The bus puts nothing into the inbox of its sender.
        let entry = fields::parse(fields).ok().filter(|entry| entry.node != self.backplane.node);
        if entry.is_none() {
            Counters::add(&self.backplane.counters.malformed, 1);
        }
        entry
    }

    fn has_read_entry(
        &self,
        progress: &mut Progress,
        position: Position,
        bytes: usize,
        messages: Option<(NodeId, u64)>,
    ) {
        let Progress { read, unacknowledged, .. } = progress;
        *read = position;
        unacknowledged.bytes += bytes;
        unacknowledged.entries.push_back(messages);
        match unacknowledged.entries.len() {
            1 => self.has_read.notify_one(),
            ACKNOWLEDGED_ENTRIES => self.has_read_many.notify_one(),
            _ => {}
        }
    }

    /// Delivers the messages of an entry, or closes its sessions.
    async fn process(&self, InboxEntry { node, contents }: InboxEntry, progress: &SharedProgress) {
        match contents {
            Contents::Messages(messages) => {
                for (number, message) in messages {
                    consume_budget().await;
                    self.wait_for_room(progress).await;
                    if self.arrival(&node, Some(number), progress) == Arrival::Next {
                        self.hub.deliver(message);
                    }
                }
            }
            Contents::Close(close) => {
                self.wait_for_room(progress).await;
                self.close(&node, &close, progress);
            }
        }
    }

    fn close(&self, node: &NodeId, close: &Close, progress: &SharedProgress) {
        match self.arrival(node, close.deletion, progress) {
            Arrival::Next => {
                close.ids.iter().for_each(|id| self.hub.close_session(id, close.stamp, close.reason()));
            }
            Arrival::Duplicate => {
                // A failover took the deletion back, and now it has removed later claims from the directory.
                self.backplane.claims.restore(&close.ids);
                self.backplane.changed.notify_one();
            }
            Arrival::Forged => {}
        }
    }

    /// Records and counts that a message or an order to close has arrived. Returns the conclusion from its number. An order that
    /// comes from a claim has no number: its stamp shows if it is out of date.
    fn arrival(&self, node: &NodeId, number: Option<u64>, progress: &SharedProgress) -> Arrival {
        let by_number = |number| lock(progress).sequences.arrival(node, number, Instant::now());
        let arrival = number.map_or(Arrival::Next, by_number);
        let Counters { received, duplicates, malformed, .. } = &self.backplane.counters;
        let counter = match arrival {
            Arrival::Next => received,
            Arrival::Duplicate => duplicates,
            Arrival::Forged => malformed,
        };
        Counters::add(counter, 1);
        arrival
    }

    pub(super) async fn keep_acknowledging(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            if lock(progress).unacknowledged.entries.is_empty() {
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
            (progress.read, progress.unacknowledged.bytes, progress.unacknowledged.entries.len())
        };
        if count == 0 {
            return Ok(());
        }
        let removed = link.acknowledge(up_to, bytes).await?;
        let mut guard = lock(progress);
        let Progress { unacknowledged, losses, .. } = &mut *guard;
        unacknowledged.bytes -= bytes;
        // The others have removed the oldest ones, and have counted them as lost.
        let removed_by_others = count.saturating_sub(removed as usize);
        for (sender, messages) in unacknowledged.entries.drain(..count).take(removed_by_others).flatten() {
            losses.was_read(&sender, messages);
        }
        Ok(())
    }
}
