//! Entries of this node that the stream does not have yet: numbered, in order, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::entry::Entry;
use super::lock::lock;
use super::waiting::Waiting;
use crate::threads::completion::Completion;

/// The error for an entry that does not fit in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The queue of entries that a node has to send.
#[derive(Debug)]
pub struct Outbox {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first. The last one has the number `last_number`, the one before it one less, and so on.
    entries: VecDeque<Arc<Entry>>,
    /// Weight of `entries`.
    bytes: usize,
    last_number: u64,
    /// Completions that wait until the entry with this number is sent, in the order of the numbers.
    waiting: Waiting<u64>,
}

/// The oldest entries of an outbox.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first entry.
    pub first: u64,
    /// The entries. There is at least one.
    pub entries: Vec<Arc<Entry>>,
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
    pub fn push(&self, entry: Entry) -> Result<u64, Full> {
        let mut state = self.state();
        let weight = entry.weight();
        // Otherwise a claim with an id longer than `max_bytes` would never be sent.
        let must_accept = matches!(entry, Entry::Claim { .. }) && state.entries.is_empty();
        if state.bytes + weight > self.max_bytes && !must_accept {
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
        let first = state.last_number + 1 - state.entries.len() as u64;
        (!entries.is_empty()).then_some(Batch { first, entries })
    }

    /// Records that the stream has all entries up to this number.
    pub fn sent(&self, number: u64) {
        let mut state = self.state();
        let left = state.last_number - number;
        while state.entries.len() as u64 > left {
            let weight = state.entries.pop_front().map_or(0, |entry| entry.weight());
            state.bytes -= weight;
        }
        let completions = state.waiting.take_while(|waits_for| *waits_for <= number);
        drop(state);
        // Dropped without the lock, because that completes requests.
        drop(completions);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::text::Text;

    fn entry(text: &str) -> Entry {
        Entry::Broadcast { text: Text::from(text.as_bytes()) }
    }

    fn texts(batch: Option<Batch>) -> (u64, Vec<String>) {
        let Some(batch) = batch else { return (0, Vec::new()) };
        let text = |entry: &Arc<Entry>| match &**entry {
            Entry::Broadcast { text } => String::from_utf8_lossy(text).into_owned(),
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
        outbox.sent(1);
        assert_eq!(texts(outbox.next(9, 1 << 20)), (2, vec!["b".into(), "c".into()]));
        outbox.sent(3);
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
        outbox.sent(1);
        assert_eq!(texts(outbox.next(9, 1_500)).1, ["y".repeat(1_000), "z".into()]);
    }

    #[test]
    fn a_full_outbox_refuses_entries_until_some_are_sent() {
        let outbox = Outbox::new(1_000);
        assert_eq!(outbox.push(entry(&"x".repeat(500))), Ok(1));
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Err(Full));
        assert_eq!(outbox.push(entry("small")), Ok(2));
        outbox.sent(1);
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Ok(3));
    }
}
