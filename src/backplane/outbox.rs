//! What this node has to say, until it stands in the stream: numbered, in order, and bounded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::Entry;
use crate::post::Receipt;

/// It holds as much as it may already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Debug)]
pub struct Outbox {
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first. The last has the number `last_number`, the one before it one less, and so on.
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    last_number: u64,
    /// Who waits until the entry of that number is sent, in the order of the numbers.
    waiting: VecDeque<(u64, Receipt)>,
}

/// Some of the oldest entries, and the number of the first.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    pub first: u64,
    pub entries: Vec<Arc<Entry>>,
}

impl Batch {
    pub fn last(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }
}

impl Outbox {
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, state: Mutex::default() }
    }

    /// Takes an entry to be sent, and returns its number.
    pub fn push(&self, entry: Entry) -> Result<u64, Full> {
        let mut state = self.state();
        let weight = entry.weight();
        // A claim has to find room sometime, however long its id.
        let is_urgent = matches!(entry, Entry::Claim { .. }) && state.entries.is_empty();
        if state.bytes + weight > self.max_bytes && !is_urgent {
            return Err(Full);
        }
        state.bytes += weight;
        state.last_number += 1;
        state.entries.push_back(Arc::new(entry));
        Ok(state.last_number)
    }

    /// What is to be sent next: the same again, until it is said to be [`sent`](Self::sent).
    pub fn next(&self, most: usize, most_bytes: usize) -> Option<Batch> {
        let state = self.state();
        let mut bytes = 0;
        let entries: Vec<_> = state
            .entries
            .iter()
            .take(most)
            .take_while(|entry| {
                let is_first = bytes == 0;
                bytes += entry.weight();
                is_first || bytes <= most_bytes
            })
            .cloned()
            .collect();
        let first = state.last_number + 1 - state.entries.len() as u64;
        (!entries.is_empty()).then_some(Batch { first, entries })
    }

    /// All up to that number stand in the stream.
    pub fn sent(&self, number: u64) {
        let mut state = self.state();
        let left = state.last_number - number;
        while state.entries.len() as u64 > left {
            let weight = state.entries.pop_front().map_or(0, |entry| entry.weight());
            state.bytes -= weight;
        }
        let until = state.waiting.partition_point(|(waits_for, _)| *waits_for <= number);
        let receipts: Vec<_> = state.waiting.drain(..until).collect();
        drop(state);
        // With no lock held: they answer.
        drop(receipts);
    }

    /// Lets go of the receipt when all that is here now is sent.
    pub fn when_sent(&self, receipt: Receipt) {
        let mut state = self.state();
        let last = state.last_number;
        if !state.entries.is_empty() {
            state.waiting.retain(|(_, receipt)| !receipt.is_answered());
            state.waiting.push_back((last, receipt));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.state().entries.is_empty()
    }

    /// What waits to be sent.
    pub fn bytes(&self) -> usize {
        self.state().bytes
    }

    // Each change under the lock is complete by itself.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::Text;

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
    fn entries_are_numbered_and_stay_until_they_are_sent() {
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
    fn a_batch_has_an_entry_at_least_and_no_more_bytes_than_asked_for_otherwise() {
        let outbox = Outbox::new(1 << 20);
        for text in ["x".repeat(1_000), "y".repeat(1_000), "z".into()] {
            outbox.push(entry(&text)).unwrap();
        }
        assert_eq!(texts(outbox.next(9, 10)).1, ["x".repeat(1_000)]);
        outbox.sent(1);
        assert_eq!(texts(outbox.next(9, 1_500)).1, ["y".repeat(1_000), "z".into()]);
    }

    #[test]
    fn a_full_outbox_refuses_and_takes_more_when_something_was_sent() {
        let outbox = Outbox::new(1_000);
        assert_eq!(outbox.push(entry(&"x".repeat(500))), Ok(1));
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Err(Full));
        assert_eq!(outbox.push(entry("small")), Ok(2));
        outbox.sent(1);
        assert_eq!(outbox.push(entry(&"y".repeat(500))), Ok(3));
    }
}
