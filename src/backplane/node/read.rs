//! Reading: entries of the stream, on their way to the hub.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::progress::{Progress, SharedProgress};
use super::{Never, Node};
use crate::backplane::Counters;
use crate::backplane::bus::{Bus, BusError, Link, Position};
use crate::backplane::entry::NumberedEntry;
use crate::backplane::fields::{self, Field};
use crate::backplane::lock::lock;
use crate::backplane::sequences::Arrival;

/// Limits of the number of entries in one read. It doubles with each read, up to the maximum, while entries are small.
const MIN_ENTRIES: usize = 4;
const MAX_ENTRIES: usize = 64;
/// When one read returns more bytes than this, the next one reads half as many entries.
const MAX_BYTES: usize = 1 << 20;
/// Interval at which a node that waits for room in a mailbox checks again.
const ROOM_CHECK_INTERVAL: Duration = Duration::from_millis(2);

impl<B: Bus> Node<B> {
    pub(super) async fn keep_reading(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        let mut max_entries = MIN_ENTRIES;
        loop {
            let after = lock(progress).read;
            let entries = link.read(after, max_entries).await?;
            self.backplane.set_away(false);
            let bytes: usize =
                entries.iter().flat_map(|(_, fields)| fields).map(|(_, value)| value.len()).sum();
            let next = if bytes > MAX_BYTES { max_entries / 2 } else { max_entries * 2 };
            max_entries = next.clamp(MIN_ENTRIES, MAX_ENTRIES);
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
        let counters = &self.backplane.counters;
        progress.read = position;
        let Ok(NumberedEntry { node, number, entry }) = fields::parse(fields) else {
            return Counters::add(&counters.malformed, 1);
        };
        if node == self.backplane.node {
            if number > self.backplane.outbox.last_number() {
                // Another program wrote it in the name of this node.
                return Counters::add(&counters.malformed, 1);
            }
            return self.backplane.ownership.read_back(number, &entry);
        }
        match progress.sequences.arrival(&node, number, Instant::now()) {
            Arrival::Duplicate => return Counters::add(&counters.duplicates, 1),
            Arrival::Forged => return Counters::add(&counters.malformed, 1),
            Arrival::Gap { missed } => self.gap(&node, missed),
            Arrival::Next => {}
        }
        Counters::add(&counters.received, 1);
        self.hub.deliver(entry);
    }
}
