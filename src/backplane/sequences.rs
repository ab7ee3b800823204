//! Sequences: the numbers of the last entries of other nodes.
//!
//! Each node numbers its entries, and a node gets those that concern it, in order. So a number that is not higher than the last
//! one shows that an entry arrives twice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::ids::NodeId;

/// The last number of each other node.
#[derive(Debug, Default)]
pub struct Sequences {
    by_node: HashMap<NodeId, Sequence>,
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
    /// It is a new entry.
    Next,
    /// It arrived before. Its node sent it again, because it could not know that the first attempt succeeded.
    Duplicate,
    /// Its node cannot have reached this number. Another program wrote it.
    Forged,
}

/// Time after which the sequence of a silent node may be removed. No node keeps sent entries for that time.
const MAX_SILENCE: Duration = Duration::from_secs(60 * 60);

/// Maximum distance between two numbers of a node that arrive one after the other, or of the first one from 0. A node gets only
/// those entries that concern it, and no node sends as many in its life. A number that is further ahead is forged. When a number
/// is further behind, the last one was forged.
const MAX_DISTANCE: u64 = 1 << 48;

/// Maximum number of sequences, so that forged node names cannot fill the memory.
const MAX_NODES: usize = 10_000;

impl Sequences {
    /// Records that an entry arrived, and returns the conclusion from its number.
    pub fn arrival(&mut self, node: &NodeId, number: u64, now: Instant) -> Arrival {
        let Some(sequence) = self.by_node.get_mut(node) else {
            if number > MAX_DISTANCE {
                return Arrival::Forged;
            }
            self.make_room(now);
            self.by_node.insert(node.clone(), Sequence { last: number, updated: now });
            return Arrival::Next;
        };
        let was_forged = sequence.last.saturating_sub(number) > MAX_DISTANCE;
        if number <= sequence.last && !was_forged {
            return Arrival::Duplicate;
        }
        if number.saturating_sub(sequence.last) > MAX_DISTANCE {
            return Arrival::Forged;
        }
        *sequence = Sequence { last: number, updated: now };
        Arrival::Next
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
    use crate::backplane::bus::LAST_NUMBER;

    #[test]
    fn duplicates_are_recognized_and_numbers_may_be_left_out() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::default();
        let mut arrival = |number| sequences.arrival(&node, number, now);
        assert_eq!(arrival(7), Arrival::Next);
        assert_eq!(arrival(8), Arrival::Next);
        assert_eq!(arrival(7), Arrival::Duplicate);
        assert_eq!(arrival(8), Arrival::Duplicate);
        assert_eq!(arrival(12), Arrival::Next);
        assert_eq!(arrival(11), Arrival::Duplicate);
        assert_eq!(arrival(13), Arrival::Next);
    }

    #[test]
    fn a_node_that_has_sent_very_much_to_others_is_heard() {
        let ([known, unknown], now) = ([(); 2].map(|()| NodeId::random()), Instant::now());
        let mut sequences = Sequences::default();
        assert_eq!(sequences.arrival(&known, 1, now), Arrival::Next);
        for node in [&known, &unknown] {
            assert_eq!(sequences.arrival(node, 1 << 40, now), Arrival::Next);
        }
    }

    #[test]
    fn a_forged_number_changes_nothing_for_the_entries_of_its_node() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut sequences = Sequences::default();
        assert_eq!(sequences.arrival(&node, LAST_NUMBER, now), Arrival::Forged, "an unknown node");
        assert_eq!(sequences.arrival(&node, 1, now), Arrival::Next);
        for forged in [LAST_NUMBER, LAST_NUMBER - 1, 1 << 52, u64::MAX] {
            assert_eq!(sequences.arrival(&node, forged, now), Arrival::Forged);
        }
        assert_eq!(sequences.arrival(&node, 2, now), Arrival::Next);
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
