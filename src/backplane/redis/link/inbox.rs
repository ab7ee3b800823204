//! Adds entries to the inboxes of other nodes, and reads those of this node.

use ::redis::{Cmd, cmd};

use super::inboxes::Inboxes;
use super::{BLOCK, KEYS_TTL, RedisLink, ms, unexpected};
use crate::backplane::bus::{Appended, BusError, Position};
use crate::backplane::fields::Field;
use crate::backplane::frame;
use crate::backplane::ids::NodeId;
use crate::backplane::lock::lock;
use crate::backplane::message::Message;
use crate::backplane::outbox::Batch;
use crate::backplane::outbox_entry::OutboxEntry;
use crate::backplane::redis::replies::{entries, node_id, number, text};
use crate::backplane::redis::scripts::CompiledScript;
use crate::backplane::settings::Settings;
use crate::backplane::wtf8;

/// An entry for which an inbox has no room.
#[derive(Clone, Debug)]
pub(super) struct BlockedEntry {
    /// The number of the entry.
    number: u64,
    /// The node of the inbox.
    node: NodeId,
    /// The size of the entry in this inbox.
    size: u64,
}

impl RedisLink {
    pub(super) async fn append_entries(&self, batch: &Batch) -> Result<Appended, BusError> {
        let blocked = lock(&self.blocked).clone().filter(|blocked| blocked.number == batch.first);
        if let Some(blocked) = blocked
            && !self.has_room(&blocked).await?
        {
            return Ok(Appended::UpTo { last: batch.first - 1 });
        }
        loop {
            let reply = self.call_on_inboxes(|inboxes| self.append_call(batch, inboxes)).await?;
            let Some((kind, rest)) = reply.split_first() else { return Err(unexpected("append")) };
            match (text(kind), rest) {
                (Some("hole"), [appended]) => return Ok(Appended::Hole { appended: number(appended) }),
                (Some("upto"), [last]) => {
                    let last = number(last).ok_or_else(|| unexpected("append"))?;
                    return Ok(Appended::UpTo { last });
                }
                (Some("upto"), [last, node, size, is_dead]) => {
                    let full = (number(last), node_id(node), number(size));
                    let (Some(last), Some(node), Some(size)) = full else { return Err(unexpected("append")) };
                    let blocked = BlockedEntry { number: last + 1, node, size };
                    if number(is_dead) == Some(1) {
                        self.make_room(&blocked).await?;
                        // The next call skips the entries that this one has added.
                        continue;
                    }
                    *lock(&self.blocked) = Some(blocked);
                    return Ok(Appended::UpTo { last });
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
                OutboxEntry::Message(message) => {
                    match message {
                        Message::Multicast { ids, .. } => {
                            append.arg(ids.len());
                            for id in ids {
                                append.arg(wtf8::encode(id));
                            }
                        }
                        Message::Broadcast { .. } | Message::Notify { .. } => {
                            append.arg("a");
                        }
                    }
                    append.arg(frame::encode(number, message));
                }
                OutboxEntry::Delete { id } => {
                    append.arg("d").arg(wtf8::encode(id));
                }
            }
        }
        append
    }

    /// Returns true when an entry no longer has to wait.
    async fn has_room(&self, blocked: &BlockedEntry) -> Result<bool, BusError> {
        let keys = [self.keys.inbox(&blocked.node)];
        Ok(self.query::<u8>(&self.room_call(&self.scripts.has_room, &keys, blocked)).await? == 1)
    }

    /// Makes room in the inbox of a dead node.
    async fn make_room(&self, blocked: &BlockedEntry) -> Result<(), BusError> {
        let keys = [self.keys.inbox(&blocked.node), self.keys.lost(&blocked.node)];
        let mut evict = self.room_call(&self.scripts.evict, &keys, blocked);
        evict.arg(ms(KEYS_TTL));
        while self.query::<u8>(&evict).await? == 0 {}
        Ok(())
    }

    fn room_call(&self, script: &CompiledScript, keys: &[Vec<u8>], blocked: &BlockedEntry) -> Cmd {
        let Settings { max_len, max_inbox_bytes, .. } = self.settings;
        let mut call = self.call(script, keys, 0);
        call.arg(blocked.node.as_str()).arg(max_len).arg(max_inbox_bytes).arg(blocked.size);
        call
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
