//! Sequences: the numbers of the last entries of other nodes.
//!
//! Each node numbers its entries without a gap, so a number shows when an entry arrives twice and when entries are missing.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::entry::NodeId;

/// The last number of each other node.
#[derive(Debug, Default)]
pub struct Sequences {
    by_node: HashMap<NodeId, Sequence>,
    /// Nodes that joined before this one and sent nothing since. Their last number is not known.
    older: HashSet<NodeId>,
}

#[derive(Debug)]
struct Sequence {
    last: u64,
    /// Time of the last entry.
    updated: Instant,
}

/// The conclusion from the number of an entry that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next entry of its node, or the first one that this node receives from it.
    Next,
    /// It arrived before. Its node sent it again, because it could not know that the first attempt succeeded.
    Duplicate,
    /// Entries before it are lost.
    Gap {
        /// The number of missing entries.
        missed: u64,
    },
    /// Its node cannot have sent as many entries. Another program wrote it.
    Forged,
}

/// The error for a number that its node cannot have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Forged;

/// Time after which the sequence of a silent node may be removed. Heartbeats update the sequences of running nodes, so this
/// node has ended.
const MAX_SILENCE: Duration = Duration::from_secs(60 * 60);

/// Maximum distance between two numbers of a node that arrive one after the other. No node sends as many entries within the
/// time for which others keep its last number. A number that is further ahead is forged. When a number is further behind, the
/// last one was forged.
const MAX_DISTANCE: u64 = 1 << 32;

/// Maximum number of sequences, so that forged node names cannot fill the memory.
const MAX_NODES: usize = 10_000;

impl Sequences {
    /// Returns the sequences for a node that joins after the `older` nodes.
    pub fn after(older: impl IntoIterator<Item = NodeId>) -> Self {
        Self { by_node: HashMap::new(), older: older.into_iter().take(MAX_NODES).collect() }
    }

    /// Records that an entry arrived, and returns the conclusion from its number.
    pub fn arrival(&mut self, node: &NodeId, number: u64, now: Instant) -> Arrival {
        match self.advance(node, number, now) {
            Ok(0) => Arrival::Duplicate,
            Ok(1) => Arrival::Next,
            Ok(ahead) => Arrival::Gap { missed: ahead - 1 },
            Err(Forged) => Arrival::Forged,
        }
    }

    /// Records that a node has sent all entries up to a number, and that this node has read the stream up to them. Returns
    /// the number of entries that are missing.
    ///
    /// `before_start` is true when the entry with this number was sent before this node began to read. Then no entry is
    /// missing, and nothing is recorded: the node may have sent more entries before the start, which are not missing either.
    pub fn has_sent(&mut self, node: &NodeId, number: u64, before_start: bool, now: Instant) -> u64 {
        if before_start { 0 } else { self.advance(node, number, now).unwrap_or(0) }
    }

    /// Returns the difference between a number and the last one of its node, or 0 if it is not higher. Any number of an older
    /// node is accepted as its first; all other nodes begin with 1.
    fn advance(&mut self, node: &NodeId, number: u64, now: Instant) -> Result<u64, Forged> {
        let last = match self.by_node.get(node) {
            Some(sequence) if sequence.last.saturating_sub(number) > MAX_DISTANCE => number.saturating_sub(1),
            Some(sequence) => sequence.last,
            None if self.older.contains(node) => number.saturating_sub(1),
            None => 0,
        };
        if number.saturating_sub(last) > MAX_DISTANCE {
            return Err(Forged);
        }
        if !self.by_node.contains_key(node) {
            self.make_room(now);
            self.older.remove(node);
        }
        self.by_node.insert(node.clone(), Sequence { last: last.max(number), updated: now });
        Ok(number.saturating_sub(last))
    }

    fn make_room(&mut self, now: Instant) {
        if self.by_node.len() < MAX_NODES {
            return;
        }
        self.by_node.retain(|_, sequence| now.duration_since(sequence.updated) < MAX_SILENCE);
        if self.by_node.len() >= MAX_NODES {
            let oldest = self
                .by_node
                .iter()
                .min_by_key(|(_, sequence)| sequence.updated)
                .map(|(node, _)| node.clone());
            if let Some(oldest) = oldest {
                self.by_node.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::fields::LAST_NUMBER;

    #[test]
    fn duplicates_and_gaps_are_recognized() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::after([node.clone()]);
        let mut arrival = |number| sequences.arrival(&node, number, now);
        assert_eq!(arrival(7), Arrival::Next, "the first entry of an older node");
        assert_eq!(arrival(8), Arrival::Next);
        assert_eq!(arrival(7), Arrival::Duplicate);
        assert_eq!(arrival(8), Arrival::Duplicate);
        assert_eq!(arrival(12), Arrival::Gap { missed: 3 });
        assert_eq!(arrival(11), Arrival::Duplicate);
        assert_eq!(arrival(13), Arrival::Next);
    }

    #[test]
    fn entries_that_were_sent_and_never_read_are_missed_once() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::after([node.clone()]);
        assert_eq!(sequences.has_sent(&node, 3, true, now), 0, "before this node began to read");
        assert_eq!(sequences.arrival(&node, 6, now), Arrival::Next);
        assert_eq!(sequences.has_sent(&node, 6, false, now), 0);
        assert_eq!(sequences.has_sent(&node, 9, false, now), 3);
        assert_eq!(sequences.has_sent(&node, 9, false, now), 0);
        assert_eq!(sequences.arrival(&node, 10, now), Arrival::Next);
    }

    #[test]
    fn every_missing_entry_of_a_later_node_counts() {
        let (mut sequences, now) = (Sequences::default(), Instant::now());
        let [first, late, silent, quiet] = [(); 4].map(|()| NodeId::random());
        assert_eq!(sequences.arrival(&first, 1, now), Arrival::Next);
        assert_eq!(sequences.arrival(&late, 5, now), Arrival::Gap { missed: 4 });
        assert_eq!(sequences.arrival(&late, 6, now), Arrival::Next);
        assert_eq!(sequences.has_sent(&silent, 3, false, now), 3);
        assert_eq!(sequences.has_sent(&quiet, 0, false, now), 0);
        assert_eq!(sequences.arrival(&quiet, 1, now), Arrival::Next);
    }

    #[test]
    fn at_least_one_entry_of_an_older_node_counts_when_none_arrived() {
        let (older, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::after([older.clone()]);
        assert_eq!(sequences.has_sent(&older, 9, false, now), 1);
        assert_eq!(sequences.arrival(&older, 10, now), Arrival::Next);
    }

    #[test]
    fn a_forged_number_changes_nothing_for_the_entries_of_its_node() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::default();
        assert_eq!(sequences.arrival(&node, 1, now), Arrival::Next);
        for forged in [LAST_NUMBER, LAST_NUMBER - 1, 1 << 52, u64::MAX] {
            assert_eq!(sequences.arrival(&node, forged, now), Arrival::Forged);
            assert_eq!(sequences.has_sent(&node, forged, false, now), 0);
        }
        assert_eq!(sequences.arrival(&node, 2, now), Arrival::Next);
        assert_eq!(
            sequences.arrival(&NodeId::random(), LAST_NUMBER, now),
            Arrival::Forged,
            "an unknown node"
        );
    }

    #[test]
    fn a_forged_first_number_of_an_older_node_lasts_until_its_next_entry() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::after([node.clone()]);
        assert_eq!(sequences.arrival(&node, LAST_NUMBER, now), Arrival::Next, "it cannot be recognized yet");
        assert_eq!(sequences.arrival(&node, 7, now), Arrival::Next);
        assert_eq!(sequences.arrival(&node, 7, now), Arrival::Duplicate);
        assert_eq!(sequences.arrival(&node, LAST_NUMBER, now), Arrival::Forged);
        assert_eq!(sequences.arrival(&node, 8, now), Arrival::Next);
    }

    #[test]
    fn the_number_of_nodes_is_limited_and_the_longest_silent_one_is_removed_first() {
        let (mut sequences, first, start) = (Sequences::default(), NodeId::random(), Instant::now());
        sequences.arrival(&first, 1, start);
        for n in 1..=MAX_NODES as u64 {
            sequences.arrival(&NodeId::random(), 1, start + Duration::from_millis(n));
        }
        assert_eq!(sequences.by_node.len(), MAX_NODES);
        assert!(!sequences.by_node.contains_key(&first));
        sequences.arrival(&NodeId::random(), 1, start + MAX_SILENCE * 2);
        assert_eq!(sequences.by_node.len(), 1);
    }
}
