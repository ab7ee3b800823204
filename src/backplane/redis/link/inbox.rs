//! Adds entries to the inboxes of other nodes, and reads those of this node.

use ::redis::{Cmd, cmd};

use super::inboxes::Inboxes;
use super::{BLOCK, KEYS_TTL, RedisLink, ms, unexpected};
use crate::backplane::bus::{Appended, BusError, Position};
use crate::backplane::entry::{Entry, NodeId};
use crate::backplane::fields::Field;
use crate::backplane::frame;
use crate::backplane::outbox::Batch;
use crate::backplane::redis::replies::{entries, node_id, number, text};
use crate::backplane::wtf8;

impl RedisLink {
    pub(super) async fn append_entries(&self, batch: &Batch) -> Result<Appended, BusError> {
        loop {
            let reply = self.call_on_inboxes(|inboxes| self.append_call(batch, inboxes)).await?;
            match (reply.first().and_then(text), &reply[1..]) {
                (Some("hole"), [appended]) => return Ok(Appended::Hole { appended: number(appended) }),
                (Some("upto"), [last, rest @ ..]) => {
                    let last = number(last).ok_or_else(|| unexpected("append"))?;
                    if let [full, size] = rest {
                        let full = node_id(full).ok_or_else(|| unexpected("append"))?;
                        self.make_room(&full, number(size).unwrap_or_default()).await?;
                        // What the script has added is skipped by the next call.
                        continue;
                    }
                    return Ok(Appended::UpTo { last, is_full: !rest.is_empty() });
                }
                _ => return Err(unexpected("append")),
            }
        }
    }

    fn append_call(&self, batch: &Batch, inboxes: &Inboxes) -> Cmd {
        let bytes = batch.entries.iter().map(|entry| entry.weight()).sum();
        let mut append = self.call(&self.scripts.append, &inboxes.keys, bytes);
        append.arg(&inboxes.version).arg(batch.first).arg(u8::from(batch.follows_loss));
        append.arg(self.settings.max_len).arg(self.settings.max_inbox_bytes);
        for (number, entry) in (batch.first..).zip(&batch.entries) {
            match &**entry {
                Entry::Message { ids, .. } => {
                    append.arg(ids.len());
                    for id in ids {
                        append.arg(wtf8::encode(id));
                    }
                    append.arg(frame::encode(number, entry));
                }
                Entry::Broadcast { .. } | Entry::Notify { .. } => {
                    append.arg("a").arg(frame::encode(number, entry));
                }
                Entry::Delete { id } => {
                    append.arg("d").arg(wtf8::encode(id));
                }
                // No node publishes it. It keeps its number, as a message to no session.
                Entry::Close { .. } => {
                    append.arg(0).arg("");
                }
            }
        }
        append
    }

    /// Makes room in the inbox of a dead node.
    async fn make_room(&self, node: &NodeId, size: u64) -> Result<(), BusError> {
        let keys = [self.keys.inbox(node), self.keys.lost(node)];
        let mut evict = self.call(&self.scripts.evict, &keys, 0);
        evict.arg(node.as_str()).arg(self.settings.max_len).arg(self.settings.max_inbox_bytes);
        evict.arg(size).arg(ms(KEYS_TTL));
        while self.query::<u8>(&evict).await? == 0 {}
        Ok(())
    }

    pub(super) async fn read_inbox(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Vec<Field>)>, BusError> {
        let mut xread = cmd("XREAD");
        xread.arg("COUNT").arg(limit).arg("BLOCK").arg(ms(BLOCK)).arg("STREAMS");
        xread.arg(self.keys.inbox(&self.node)).arg(after.to_string());
        let read = self.reads.query_that_waits(BLOCK, &xread).await?;
        entries(read).ok_or_else(|| BusError::protocol("XREAD returned something other than entries"))
    }

    pub(super) async fn remove_read(&self, up_to: Position, bytes: usize) -> Result<u64, BusError> {
        let keys = [self.keys.state(), self.keys.inbox(&self.node)];
        let mut acknowledge = self.scripts.acknowledge.call(&keys);
        let Position { number, seq } = up_to;
        acknowledge.arg(self.node.as_str()).arg(format!("{number}-{}", seq.saturating_add(1))).arg(bytes);
        self.query(&acknowledge).await
    }
}
