//! What this node has heard of the others: a node's entries are numbered without a gap, so that one that comes twice, and
//! one that never came, is noticed.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::entry::NodeId;

#[derive(Debug, Default)]
pub struct Senders {
    heard_of: HashMap<NodeId, Sender>,
    /// Nodes that were there before this one, and of which it has not heard yet: how far they were is not known.
    older: HashSet<NodeId>,
}

#[derive(Debug)]
struct Sender {
    last: u64,
    heard: Instant,
}

/// What an entry is, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next of its node, or the first that is heard of it.
    Next,
    /// It came before: its node could not know, and has sent it again.
    Again,
    /// So many of its node's never came, and never will.
    After { missed: u64 },
}

/// A node that said nothing for so long is forgotten: it has ended, and nothing of it is sent again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// So that nobody can fill the memory with names of nodes.
const MOST: usize = 10_000;

impl Senders {
    /// For a node that begins to read when these are there already.
    pub fn beside(older: impl IntoIterator<Item = NodeId>) -> Self {
        Self { heard_of: HashMap::new(), older: older.into_iter().take(MOST).collect() }
    }

    pub fn arrival(&mut self, node: &NodeId, number: u64, now: Instant) -> Arrival {
        match self.advance(node, number, now) {
            None => Arrival::Again,
            Some(1) => Arrival::Next,
            Some(ahead) => Arrival::After { missed: ahead - 1 },
        }
    }

    /// A node has sent all up to that number, and this node has read beyond the last of them. How many never came.
    /// `before` tells that it was sent before this node began to read: then it has perhaps sent more before that.
    pub fn has_sent(&mut self, node: &NodeId, number: u64, before: bool, now: Instant) -> u64 {
        if before { 0 } else { self.advance(node, number, now).unwrap_or(0) }
    }

    /// By how much a number is ahead of the last. The first that is heard of an older node is the next, of any other that
    /// of its number 1.
    fn advance(&mut self, node: &NodeId, number: u64, now: Instant) -> Option<u64> {
        let last = match self.heard_of.get(node) {
            Some(sender) => sender.last,
            None => {
                self.make_room(now);
                if self.older.remove(node) { number.saturating_sub(1) } else { 0 }
            }
        };
        self.heard_of.insert(node.clone(), Sender { last: last.max(number), heard: now });
        number.checked_sub(last).filter(|ahead| *ahead > 0)
    }

    fn make_room(&mut self, now: Instant) {
        if self.heard_of.len() < MOST {
            return;
        }
        self.heard_of.retain(|_, sender| now.duration_since(sender.heard) < FORGOTTEN_AFTER);
        if self.heard_of.len() >= MOST {
            let oldest =
                self.heard_of.iter().min_by_key(|(_, sender)| sender.heard).map(|(node, _)| node.clone());
            if let Some(oldest) = oldest {
                self.heard_of.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_comes_again_and_one_that_never_came_are_noticed() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut senders = Senders::beside([node.clone()]);
        let mut arrival = |number| senders.arrival(&node, number, now);
        assert_eq!(arrival(7), Arrival::Next, "the first that is heard of it");
        assert_eq!(arrival(8), Arrival::Next);
        assert_eq!(arrival(7), Arrival::Again);
        assert_eq!(arrival(8), Arrival::Again);
        assert_eq!(arrival(12), Arrival::After { missed: 3 });
        assert_eq!(arrival(11), Arrival::Again);
        assert_eq!(arrival(13), Arrival::Next);
    }

    #[test]
    fn what_a_node_has_sent_and_nobody_has_read_is_missed_once() {
        let (node, now) = (NodeId::random(), Instant::now());
        let mut senders = Senders::beside([node.clone()]);
        assert_eq!(senders.has_sent(&node, 3, true, now), 0, "before our time");
        assert_eq!(senders.arrival(&node, 6, now), Arrival::Next);
        assert_eq!(senders.has_sent(&node, 6, false, now), 0);
        assert_eq!(senders.has_sent(&node, 9, false, now), 3);
        assert_eq!(senders.has_sent(&node, 9, false, now), 0);
        assert_eq!(senders.arrival(&node, 10, now), Arrival::Next);
    }

    #[test]
    fn of_a_node_that_comes_later_all_is_missed_that_does_not_come() {
        let (mut senders, now) = (Senders::default(), Instant::now());
        let [first, late, silent, quiet] = [(); 4].map(|()| NodeId::random());
        assert_eq!(senders.arrival(&first, 1, now), Arrival::Next);
        assert_eq!(senders.arrival(&late, 5, now), Arrival::After { missed: 4 });
        assert_eq!(senders.arrival(&late, 6, now), Arrival::Next);
        assert_eq!(senders.has_sent(&silent, 3, false, now), 3);
        assert_eq!(senders.has_sent(&quiet, 0, false, now), 0);
        assert_eq!(senders.arrival(&quiet, 1, now), Arrival::Next);
    }

    #[test]
    fn of_an_older_node_one_is_missed_at_least_when_it_has_sent_and_nothing_came() {
        let (older, now) = (NodeId::random(), Instant::now());
        let mut senders = Senders::beside([older.clone()]);
        assert_eq!(senders.has_sent(&older, 9, false, now), 1);
        assert_eq!(senders.arrival(&older, 10, now), Arrival::Next);
    }

    #[test]
    fn so_many_names_are_remembered_and_the_one_not_heard_of_for_longest_is_forgotten_first() {
        let (mut senders, first, start) = (Senders::default(), NodeId::random(), Instant::now());
        senders.arrival(&first, 1, start);
        for n in 1..=MOST as u64 {
            senders.arrival(&NodeId::random(), 1, start + Duration::from_millis(n));
        }
        assert_eq!(senders.heard_of.len(), MOST);
        assert!(!senders.heard_of.contains_key(&first));
        senders.arrival(&NodeId::random(), 1, start + FORGOTTEN_AFTER * 2);
        assert_eq!(senders.heard_of.len(), 1);
    }
}
