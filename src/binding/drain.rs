//! The drain: messages of a mailbox on their way to JavaScript.
//!
//! The texts for streams are written one after another into a buffer of `lib/`, and one row of numbers for each message into
//! a table. `lib/threads/drained-messages.js` reads both.

use std::collections::VecDeque;

use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi::{Error, Result, Status};

use super::call::Call;
use crate::hub::member::Member;
use crate::registry::key::Key;
use crate::threads::completion::Outcome;
use crate::threads::message::{CloseReason, RegistrationCloseReason, ThreadMessage};
use crate::threads::text::Text;

/// The first number of each row of the table. The comments list the numbers that follow.
mod row {
    /// length of the text, key
    pub const UNICAST: f64 = 0.0;
    /// length of the text or `LOST`, number of keys, keys
    pub const MULTICAST: f64 = 1.0;
    /// length of the text or `LOST`, last key
    pub const BROADCAST: f64 = 2.0;
    /// 1 if replaced or 0 if deleted, key
    pub const CLOSE: f64 = 3.0;
    /// completion
    pub const FLUSH: f64 = 4.0;
    /// completion, number of keys, keys; the text is returned by `text()`
    pub const NOTIFY: f64 = 5.0;
    /// 1 if cancelled or 0 if closed, completion, number of keys, keys
    pub const CLOSE_REGISTRATIONS: f64 = 6.0;
    /// key of the request, outcome; the text of an outcome other than DONE is returned by `text()`
    pub const REPLY: f64 = 7.0;
    /// nothing; the text is returned by `text()`
    pub const REPORT: f64 = 8.0;
    /// key
    pub const CAUGHT_UP: f64 = 9.0;

    /// In place of the length of a text: the message was larger than the mailbox, and its receivers have lost it.
    pub const LOST: f64 = -1.0;

    /// The outcomes in a row of type REPLY.
    pub mod outcome {
        pub const DONE: f64 = 0.0;
        pub const FAILED: f64 = 1.0;
        pub const VALUE: f64 = 2.0;
    }
}

/// Messages that were taken from a mailbox, until JavaScript has room for them.
#[derive(Debug, Default)]
pub(super) struct Drain {
    messages: Vec<ThreadMessage>,
    /// An overflow to report after `messages`.
    overflow: Option<Overflow>,
    /// Texts that `text()` returns. They are not written into the buffer of the texts for streams, because the consumer of a
    /// stream may detach that memory.
    texts: VecDeque<Text>,
}

#[derive(Debug)]
struct Overflow {
    /// Sessions with this key or a lower one have to be closed.
    until: Key,
    /// The messages after the overflow.
    messages: Vec<ThreadMessage>,
}

/// Results of `drain` other than a number of rows.
const NO_ROOM: i32 = -1;
const OVERFLOWED: i32 = -2;

impl Drain {
    /// Implements `drain(bytes, offset, table)`. Writes rows to `table` and their texts to `bytes` from `offset` on, and
    /// returns the number of rows.
    ///
    /// * 0: the mailbox is empty.
    /// * `NO_ROOM`: nothing was written. `table[0]` is the number of bytes needed, `table[1]` the number of numbers.
    /// * `OVERFLOWED`: messages were dropped. Sessions with the key `table[0]` or a lower one have to be closed.
    pub fn drain(&mut self, member: &Member, call: &Call<'_>) -> Result<i32> {
        if self.messages.is_empty() && self.overflow.is_none() {
            // Not empty when JavaScript has not read all texts of the last rows.
            self.texts.clear();
            let drained = member.drain();
            self.messages = drained.messages;
            if drained.overflowed {
                // The overflow also dropped the close messages of evicted sessions. They are delivered first, so that these
                // sessions are closed as deleted or replaced. Then the overflow closes all others.
                let messages = std::mem::replace(&mut self.messages, member.close_messages());
                member.forget_all();
                self.overflow = Some(Overflow { until: Key::latest(), messages });
            }
        }
        let (mut bytes, offset) = (call.get::<Uint8ArraySlice<'_>>(0)?, call.get::<u32>(1)?);
        let mut table: Float64ArraySlice<'_> = call.get(2)?;
        // SAFETY: the arrays are arguments of the call in progress, so their memory is alive. They belong to lib/, which does
        // not share them with other threads, and no JavaScript runs while the slices are borrowed.
        let (bytes, table) = unsafe { (bytes.as_mut(), table.as_mut()) };
        if self.messages.is_empty() {
            let Some(Overflow { until, messages }) = self.overflow.take() else { return Ok(0) };
            self.messages = messages;
            table.iter_mut().take(1).for_each(|first| *first = until.as_f64());
            return Ok(OVERFLOWED);
        }
        let room = bytes.get_mut(offset as usize..).unwrap_or_default();
        let needed: usize = self.messages.iter().filter_map(text).map(|text| text.len()).sum();
        let numbers: usize = self.messages.iter().map(row_length).sum();
        if room.len() < needed || table.len() < numbers {
            let [first, second, ..] = table else { return Err(Error::new(Status::InvalidArg, "table")) };
            (*first, *second) = (needed as f64, numbers as f64);
            return Ok(NO_ROOM);
        }
        let rows = self.messages.len();
        let mut writer = Writer { bytes: room, table, texts: &mut self.texts };
        for message in self.messages.drain(..) {
            writer.write(member, message);
        }
        Ok(rows as i32)
    }

    /// Implements `text()`. Returns the text of the next row that has one.
    pub fn text(&mut self) -> String {
        let text = self.texts.pop_front().unwrap_or_default();
        // Nothing is lost: the text comes from `text::text` or from a literal, so it is valid UTF-8.
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Returns the text that is written into the buffer.
fn text(message: &ThreadMessage) -> Option<&Text> {
    match message {
        ThreadMessage::Unicast { text, .. }
        | ThreadMessage::Multicast { text, .. }
        | ThreadMessage::Broadcast { text, .. } => Some(text),
        ThreadMessage::Lost { .. }
        | ThreadMessage::LostBroadcast { .. }
        | ThreadMessage::Close { .. }
        | ThreadMessage::CaughtUp { .. }
        | ThreadMessage::Flush { .. }
        | ThreadMessage::Notify { .. }
        | ThreadMessage::CloseRegistrations { .. }
        | ThreadMessage::Reply { .. }
        | ThreadMessage::Report { .. } => None,
    }
}

/// Returns the length of the row of a message.
fn row_length(message: &ThreadMessage) -> usize {
    match message {
        ThreadMessage::Multicast { keys, .. }
        | ThreadMessage::Lost { keys }
        | ThreadMessage::Notify { keys, .. } => 3 + keys.len(),
        ThreadMessage::CloseRegistrations { keys, .. } => 4 + keys.len(),
        ThreadMessage::Unicast { .. }
        | ThreadMessage::Broadcast { .. }
        | ThreadMessage::LostBroadcast { .. }
        | ThreadMessage::Reply { .. }
        | ThreadMessage::Close { .. } => 3,
        ThreadMessage::CaughtUp { .. } | ThreadMessage::Flush { .. } => 2,
        ThreadMessage::Report { .. } => 1,
    }
}

/// Writes rows and texts. The caller has checked that there is room.
struct Writer<'js> {
    bytes: &'js mut [u8],
    table: &'js mut [f64],
    texts: &'js mut VecDeque<Text>,
}

impl Writer<'_> {
    fn write(&mut self, member: &Member, message: ThreadMessage) {
        match message {
            ThreadMessage::Unicast { key, text } => {
                self.row(&[row::UNICAST, self.length(&text), key.as_f64()]);
                self.text(&text);
            }
            ThreadMessage::Multicast { keys, text } => {
                self.row(&[row::MULTICAST, self.length(&text)]);
                self.keys(&keys);
                self.text(&text);
            }
            ThreadMessage::Broadcast { until, text } => {
                self.row(&[row::BROADCAST, self.length(&text), until.as_f64()]);
                self.text(&text);
            }
            ThreadMessage::Lost { keys } => {
                self.row(&[row::MULTICAST, row::LOST]);
                self.keys(&keys);
            }
            ThreadMessage::LostBroadcast { until } => {
                self.row(&[row::BROADCAST, row::LOST, until.as_f64()]);
            }
            ThreadMessage::Close { key, reason } => {
                let replaced = f64::from(u8::from(reason == CloseReason::Replaced));
                self.row(&[row::CLOSE, replaced, key.as_f64()]);
            }
            ThreadMessage::CaughtUp { key } => self.row(&[row::CAUGHT_UP, key.as_f64()]),
            ThreadMessage::Flush { completion } => self.row(&[row::FLUSH, member.keep(completion).as_f64()]),
            ThreadMessage::Notify { keys, notification, completion } => {
                self.row(&[row::NOTIFY, member.keep(completion).as_f64()]);
                self.keys(&keys);
                self.texts.push_back(notification);
            }
            ThreadMessage::CloseRegistrations { keys, reason, completion } => {
                let cancelled = f64::from(u8::from(reason == RegistrationCloseReason::Cancelled));
                self.row(&[row::CLOSE_REGISTRATIONS, cancelled, member.keep(completion).as_f64()]);
                self.keys(&keys);
            }
            ThreadMessage::Reply { request, outcome } => {
                let (outcome, text) = match outcome {
                    Outcome::Done => (row::outcome::DONE, None),
                    Outcome::Failed(failure) => (row::outcome::FAILED, Some(failure)),
                    Outcome::Value(json) => (row::outcome::VALUE, Some(json)),
                };
                self.row(&[row::REPLY, request.as_f64(), outcome]);
                self.texts.extend(text);
            }
            ThreadMessage::Report { report } => {
                self.row(&[row::REPORT]);
                self.texts.push_back(report);
            }
        }
    }

    fn length(&self, text: &[u8]) -> f64 {
        text.len() as f64
    }

    fn row(&mut self, numbers: &[f64]) {
        let (row, rest) = std::mem::take(&mut self.table).split_at_mut(numbers.len());
        row.copy_from_slice(numbers);
        self.table = rest;
    }

    fn keys(&mut self, keys: &[Key]) {
        self.row(&[keys.len() as f64]);
        let (row, rest) = std::mem::take(&mut self.table).split_at_mut(keys.len());
        row.iter_mut().zip(keys).for_each(|(slot, key)| *slot = key.as_f64());
        self.table = rest;
    }

    fn text(&mut self, text: &[u8]) {
        let (target, rest) = std::mem::take(&mut self.bytes).split_at_mut(text.len());
        target.copy_from_slice(text);
        self.bytes = rest;
    }
}
