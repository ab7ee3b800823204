//! Entries of this node that the bus does not have yet: numbered, in order, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use super::lock::lock;
use super::outbox_entry::OutboxEntry;
use super::settings::REMOVED_AFTER;
use super::waiting::Waiting;
use crate::threads::completion::Completion;

/// The error for an entry that does not fit in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Time for which sent entries are kept, so that they can be sent again when a failover of the bus has lost them.
const KEPT: Duration = Duration::from_secs(5);

/// The queue of entries that a node has to send, and the last ones that it has sent.
#[derive(Debug)]
pub struct Outbox {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first. The last one has the number `last_number`, the one before it one less, and so on.
    entries: VecDeque<Arc<OutboxEntry>>,
    /// Weight of `entries`.
    bytes: usize,
    last_number: u64,
    /// The entries that were sent before `entries`, oldest first, each with the time at which it was sent.
    kept: VecDeque<(Instant, Arc<OutboxEntry>)>,
    /// Weight of `kept`.
    kept_bytes: usize,
    /// The highest number that was ever sent.
    highest_sent: u64,
    /// The number of the last entry that was lost and could not be sent again.
    given_up: u64,
    /// True when the entries before the first one of `entries` are lost.
    follows_loss: bool,
    /// Completions that wait until the entry with this number is sent, in the order of the numbers.
    waiting: Waiting<u64>,
}

/// The oldest entries of an outbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first entry.
    pub first: u64,
    /// The entries. There is at least one.
    pub entries: Vec<Arc<OutboxEntry>>,
    /// True when entries before the batch are lost and cannot be sent again. The bus then accepts the batch after a hole.
    pub follows_loss: bool,
}

impl Batch {
    /// Returns the number of the last entry.
    pub fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }
}

impl Outbox {
    /// Returns an empty outbox that holds at most `max_bytes`.
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default() }
    }

    /// Adds an entry and returns its number.
    ///
    /// # Errors
    /// Returns [`Full`] when the entry does not fit. It is dropped then.
    pub fn push(&self, entry: OutboxEntry) -> Result<u64, Full> {
        let mut state = self.state();
        let weight = entry.weight();
        if state.bytes + weight > self.max_bytes {
            return Err(Full);
        }
        state.bytes += weight;
        state.last_number += 1;
        state.entries.push_back(Arc::new(entry));
        Ok(state.last_number)
    }

    /// Returns the oldest entries: at most `max_entries`, and at most `max_bytes` unless the first one is larger. Returns
    /// the same entries again until they are marked as [`sent`](Self::sent).
    pub fn next(&self, max_entries: usize, max_bytes: usize) -> Option<Batch> {
        let state = self.state();
        let mut bytes = 0;
        let entries: Vec<_> = state
            .entries
            .iter()
            .take(max_entries)
            .take_while(|entry| {
                let is_first = bytes == 0;
                bytes += entry.weight();
                is_first || bytes <= max_bytes
            })
            .cloned()
            .collect();
        let (first, follows_loss) = (state.first_number(), state.follows_loss);
        (!entries.is_empty()).then_some(Batch { first, entries, follows_loss })
    }

    /// Records that the bus has all entries up to this number. Returns how many of them it got for the first time, and the
    /// requests that waited for them. These are completed when they are dropped.
    pub fn sent(&self, number: u64, now: Instant) -> (u64, Vec<(u64, Completion)>) {
        let mut guard = self.state();
        let state = &mut *guard;
        while state.first_number() <= number
            && let Some(entry) = state.entries.pop_front()
        {
            state.bytes -= entry.weight();
            state.kept_bytes += entry.weight();
            state.kept.push_back((now, entry));
            state.follows_loss = false;
        }
        let new = number.saturating_sub(state.highest_sent);
        state.highest_sent += new;
        state.forget_old(now, KEPT, self.max_bytes);
        (new, state.waiting.take_while(|waits_for| *waits_for <= number))
    }

    /// Returns the number of the last entry that was sent.
    pub fn last_sent(&self) -> u64 {
        self.state().first_number() - 1
    }

    /// Makes the node send the entries again that come after a number: the bus has lost them. `None` means that it has lost
    /// everything. Returns how many entries it has lost that cannot be sent again. It does not count those of a bus that has
    /// lost everything: the other nodes have read most of them.
    pub fn send_again_after(&self, number: Option<u64>) -> u64 {
        let mut guard = self.state();
        let state = &mut *guard;
        let after = number.unwrap_or(0);
        while state.first_number() > after + 1
            && let Some((_, entry)) = state.kept.pop_back()
        {
            state.kept_bytes -= entry.weight();
            state.bytes += entry.weight();
            state.entries.push_front(entry);
        }
        let first = state.first_number();
        state.follows_loss = first > after + 1;
        // Those that were counted before are not counted again.
        let lost = first.saturating_sub(after.max(state.given_up) + 1);
        if state.follows_loss {
            state.given_up = first - 1;
        }
        if number.is_some() { lost } else { 0 }
    }

    /// Forgets the sent entries that are too old to be sent again.
    pub fn forget_old(&self, now: Instant) {
        self.state().forget_old(now, KEPT, self.max_bytes);
    }

    /// Forgets the sent entries that are so old that the node may have been removed meanwhile. It must not send them again: nodes that
    /// have joined since would not know that they are old.
    pub fn forget_stale(&self, now: Instant) {
        self.state().forget_old(now, REMOVED_AFTER, self.max_bytes);
    }

    /// Drops the completion when all entries that wait now are sent.
    pub fn complete_when_sent(&self, completion: Completion) {
        let mut state = self.state();
        let last = state.last_number;
        if !state.entries.is_empty() {
            state.waiting.push(last, completion);
        }
    }

    /// Returns the number of the entry that was added last.
    pub fn last_number(&self) -> u64 {
        self.state().last_number
    }

    /// Returns the number of entries that wait to be sent.
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Returns true when nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.state().entries.is_empty()
    }

    /// Returns the weight of the entries that wait to be sent.
    pub fn bytes(&self) -> usize {
        self.state().bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    /// Returns the number of the first entry that is not sent.
    fn first_number(&self) -> u64 {
        self.last_number + 1 - self.entries.len() as u64
    }

    fn forget_old(&mut self, now: Instant, age: Duration, max_bytes: usize) {
        while let Some((sent, entry)) = self.kept.front()
            && (self.kept_bytes > max_bytes || now.duration_since(*sent) >= age)
        {
            self.kept_bytes -= entry.weight();
            self.kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::message::Message;
    use crate::threads::text::Text;

    fn entry(text: &str) -> OutboxEntry {
        OutboxEntry::Message(Message::Broadcast { text: Text::from(text.as_bytes()) })
    }

    fn texts(batch: Option<Batch>) -> (u64, Vec<String>) {
        let Some(batch) = batch else { return (0, Vec::new()) };
        let text = |entry: &Arc<OutboxEntry>| match &**entry {
            OutboxEntry::Message(Message::Broadcast { text }) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        (batch.first, batch.entries.iter().map(text).collect())
    }

    #[test]
    fn entries_are_numbered_and_stay_until_they_are_marked_as_sent() {
        let outbox = Outbox::new(1 << 20);
        for (number, text) in (1..).zip(["a", "b", "c"]) {
            assert_eq!(outbox.push(entry(text)), Ok(number));
        }
        assert_eq!(texts(outbox.next(2, 1 << 20)), (1, vec!["a".into(), "b".into()]));
        assert_eq!(texts(outbox.next(2, 1 << 20)), (1, vec!["a".into(), "b".into()]));
        outbox.sent(1, Instant::now());
        assert_eq!(texts(outbox.next(9, 1 << 20)), (2, vec!["b".into(), "c".into()]));
        outbox.sent(3, Instant::now());
        assert_eq!(outbox.next(9, 1 << 20), None);
        assert_eq!(outbox.bytes(), 0);
        assert_eq!(outbox.push(entry("d")), Ok(4));
    }

    #[test]
    fn a_batch_has_at_least_one_entry_and_otherwise_keeps_to_its_limit() {
        let outbox = Outbox::new(1 << 20);
        for text in ["x".repeat(1_000), "y".repeat(1_000), "z".into()] {
            outbox.push(entry(&text)).unwrap();
        }
        assert_eq!(texts(outbox.next(9, 10)).1, ["x".repeat(1_000)]);
        outbox.sent(1, Instant::now());
        assert_eq!(texts(outbox.next(9, 1_500)).1, ["y".repeat(1_000), "z".into()]);
    }

    #[test]
    fn a_full_outbox_refuses_entries_until_some_are_sent() {
        let outbox = Outbox::new(1_000);
        assert_eq!(outbox.push(entry(&"x".repeat(500))), Ok(1));
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Err(Full));
        assert_eq!(outbox.push(entry("small")), Ok(2));
        outbox.sent(1, Instant::now());
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Ok(3));
    }

    #[test]
    fn entries_that_the_bus_has_lost_are_sent_again() {
        let (outbox, now) = (Outbox::new(1 << 20), Instant::now());
        for text in ["a", "b", "c", "d"] {
            outbox.push(entry(text)).unwrap();
        }
        assert_eq!(outbox.sent(3, now).0, 3);
        assert_eq!(outbox.send_again_after(Some(1)), 0);
        assert_eq!(texts(outbox.next(9, 1 << 20)), (2, vec!["b".into(), "c".into(), "d".into()]));
        assert_eq!(outbox.sent(4, now).0, 1, "the others were sent before");
        assert_eq!(outbox.bytes(), 0);
        assert_eq!(outbox.send_again_after(None), 0);
        let batch = outbox.next(9, 1 << 20).unwrap();
        assert_eq!((batch.first, batch.follows_loss), (1, false));
    }

    #[test]
    fn entries_that_were_sent_long_ago_are_not_sent_again_but_counted() {
        let (outbox, now) = (Outbox::new(1 << 20), Instant::now());
        for text in ["a", "b", "c", "d"] {
            outbox.push(entry(text)).unwrap();
        }
        outbox.sent(3, now);
        outbox.sent(4, now + KEPT);
        assert_eq!(outbox.send_again_after(Some(1)), 2);
        assert_eq!(outbox.send_again_after(Some(1)), 0, "each loss counts once");
        let batch = outbox.next(9, 1 << 20).unwrap();
        assert_eq!((batch.first, batch.follows_loss), (4, true));
        outbox.sent(4, now + KEPT);
        outbox.push(entry("e")).unwrap();
        assert!(!outbox.next(9, 1 << 20).unwrap().follows_loss);
        outbox.forget_old(now + KEPT * 2);
        assert_eq!(outbox.send_again_after(None), 0, "the other nodes have read most of them");
        let batch = outbox.next(9, 1 << 20).unwrap();
        assert_eq!((batch.first, batch.follows_loss), (5, true));
    }

    #[test]
    fn entries_that_are_kept_after_they_were_sent_are_limited_in_bytes() {
        let (outbox, now) = (Outbox::new(1_000), Instant::now());
        for _ in 0..20 {
            outbox.push(entry(&"x".repeat(500))).unwrap();
            outbox.sent(outbox.last_number(), now);
        }
        assert!(outbox.state().kept_bytes <= 1_000);
        assert_eq!(outbox.send_again_after(Some(10)), 9);
    }
}
