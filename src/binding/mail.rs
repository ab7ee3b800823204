//! A drained mailbox on its way to JavaScript: the texts one behind the other in a buffer of `lib/`'s, and a table of
//! numbers that says what they are. `lib/inbox.js` reads it.

use std::collections::VecDeque;

use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi::{Error, Result, Status};

use super::call::Call;
use crate::member::Member;
use crate::post::{CloseReason, EndReason, Outcome, Post, Text};
use crate::sessions::Key;

/// What stands first in each row of the table, and what follows it.
mod row {
    /// length, key
    pub const MESSAGE: f64 = 0.0;
    /// length, how many keys, keys
    pub const MULTICAST: f64 = 1.0;
    /// length, until
    pub const BROADCAST: f64 = 2.0;
    /// replaced (1) or deleted (0), key
    pub const CLOSE: f64 = 3.0;
    /// receipt
    pub const FLUSH: f64 = 4.0;
    /// receipt, how many keys, keys; its text is asked for
    pub const NOTIFY: f64 = 5.0;
    /// cancelled (1) or closed (0), receipt, how many keys, keys
    pub const END: f64 = 6.0;
    /// question, outcome: of these, all but DONE have a text to ask for
    pub const ANSWER: f64 = 7.0;
    /// its text is asked for
    pub const REPORT: f64 = 8.0;

    pub mod outcome {
        pub const DONE: f64 = 0.0;
        pub const FAILED: f64 = 1.0;
        pub const IS: f64 = 2.0;
    }
}

/// What is taken from a mailbox, until JavaScript has room for it.
#[derive(Debug, Default)]
pub struct Mail {
    posts: Vec<Post>,
    /// To be told behind them: more came than the mailbox holds.
    overflow: Option<Overflow>,
    /// Those that go into no stream. They do not lie beside those that do, since what is behind a stream may take the
    /// memory away.
    asked_for: VecDeque<Text>,
}

#[derive(Debug)]
struct Overflow {
    /// The sessions with this key or an earlier one are to be closed.
    until: Key,
    /// What came after that.
    posts: Vec<Post>,
}

/// What `drain` returns in place of a number of rows.
const NO_ROOM: i32 = -1;
const OVERFLOWED: i32 = -2;

impl Mail {
    /// drain(bytes, offset, table) → how many rows there are in `table`, with their texts in `bytes` from `offset` on.
    /// 0: there is nothing. NO_ROOM: table[0] says how many bytes are needed, and table[1] how many numbers. OVERFLOWED:
    /// what there was is lost, and the sessions with table[0] or an earlier key are to be closed for it.
    pub fn drain(&mut self, member: &Member, call: &Call) -> Result<i32> {
        if self.posts.is_empty() && self.overflow.is_none() {
            // Should the rows before not have been read to their end.
            self.asked_for.clear();
            let drained = member.drain();
            self.posts = drained.posts;
            if drained.overflowed {
                // That others have ended these sessions was dropped with the rest. They are not among those that overflow.
                let posts = std::mem::replace(&mut self.posts, member.ends());
                member.forget_all();
                self.overflow = Some(Overflow { until: Key::latest(), posts });
            }
        }
        let (mut bytes, offset) = (call.get::<Uint8ArraySlice>(0)?, call.get::<u32>(1)?);
        let mut table: Float64ArraySlice = call.get(2)?;
        // SAFETY: the arrays are arguments of the call under way, so their memory is alive; they belong to lib/, which
        // shares them with no other thread, and no JavaScript runs while the slices are borrowed.
        let (bytes, table) = unsafe { (bytes.as_mut(), table.as_mut()) };
        if self.posts.is_empty() {
            let Some(Overflow { until, posts }) = self.overflow.take() else { return Ok(0) };
            self.posts = posts;
            table.iter_mut().take(1).for_each(|first| *first = until.as_f64());
            return Ok(OVERFLOWED);
        }
        let room = bytes.get_mut(offset as usize..).unwrap_or_default();
        let needed: usize = self.posts.iter().filter_map(text).map(|text| text.len()).sum();
        let numbers: usize = self.posts.iter().map(numbers).sum();
        if room.len() < needed || table.len() < numbers {
            let [first, second, ..] = table else { return Err(Error::new(Status::InvalidArg, "table")) };
            (*first, *second) = (needed as f64, numbers as f64);
            return Ok(NO_ROOM);
        }
        let rows = self.posts.len();
        let mut writer = Writer { bytes: room, table, asked_for: &mut self.asked_for };
        for post in self.posts.drain(..) {
            writer.write(member, post);
        }
        Ok(rows as i32)
    }

    /// text() → the text of the next row that has one to ask for
    pub fn text(&mut self) -> String {
        let text = self.asked_for.pop_front().unwrap_or_default();
        // It came from `text::text`, or from a literal.
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What is for streams.
fn text(post: &Post) -> Option<&Text> {
    match post {
        Post::Message { text, .. } | Post::Multicast { text, .. } | Post::Broadcast { text, .. } => {
            Some(text)
        }
        Post::Close { .. }
        | Post::Flush { .. }
        | Post::Notify { .. }
        | Post::End { .. }
        | Post::Answer { .. }
        | Post::Report { .. } => None,
    }
}

fn numbers(post: &Post) -> usize {
    match post {
        Post::Multicast { keys, .. } | Post::Notify { keys, .. } => 3 + keys.len(),
        Post::End { keys, .. } => 4 + keys.len(),
        Post::Message { .. } | Post::Broadcast { .. } | Post::Answer { .. } | Post::Close { .. } => 3,
        Post::Flush { .. } => 2,
        Post::Report { .. } => 1,
    }
}

/// Writes where there is room; that has been seen to.
struct Writer<'js> {
    bytes: &'js mut [u8],
    table: &'js mut [f64],
    asked_for: &'js mut VecDeque<Text>,
}

impl Writer<'_> {
    fn write(&mut self, member: &Member, post: Post) {
        match post {
            Post::Message { key, text } => {
                self.row(&[row::MESSAGE, self.length(&text), key.as_f64()]);
                self.text(&text);
            }
            Post::Multicast { keys, text } => {
                self.row(&[row::MULTICAST, self.length(&text)]);
                self.keys(&keys);
                self.text(&text);
            }
            Post::Broadcast { until, text } => {
                self.row(&[row::BROADCAST, self.length(&text), until.as_f64()]);
                self.text(&text);
            }
            Post::Close { key, reason } => {
                let replaced = f64::from(u8::from(reason == CloseReason::Replaced));
                self.row(&[row::CLOSE, replaced, key.as_f64()]);
            }
            Post::Flush { receipt } => self.row(&[row::FLUSH, member.keep(receipt).as_f64()]),
            Post::Notify { keys, notification, receipt } => {
                self.row(&[row::NOTIFY, member.keep(receipt).as_f64()]);
                self.keys(&keys);
                self.asked_for.push_back(notification);
            }
            Post::End { keys, reason, receipt } => {
                let cancelled = f64::from(u8::from(reason == EndReason::Cancelled));
                self.row(&[row::END, cancelled, member.keep(receipt).as_f64()]);
                self.keys(&keys);
            }
            Post::Answer { question, outcome } => {
                let (outcome, text) = match outcome {
                    Outcome::Done => (row::outcome::DONE, None),
                    Outcome::Failed(failure) => (row::outcome::FAILED, Some(failure)),
                    Outcome::Is(json) => (row::outcome::IS, Some(json)),
                };
                self.row(&[row::ANSWER, question.as_f64(), outcome]);
                self.asked_for.extend(text);
            }
            Post::Report { report } => {
                self.row(&[row::REPORT]);
                self.asked_for.push_back(report);
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
        let (place, rest) = std::mem::take(&mut self.bytes).split_at_mut(text.len());
        place.copy_from_slice(text);
        self.bytes = rest;
    }
}
