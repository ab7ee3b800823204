//! Losses: entries that were removed from this node's inbox before it read them, while it counted as dead.

use std::collections::HashMap;

use super::ids::NodeId;

/// The losses that are known, by sender.
#[derive(Debug, Default)]
pub struct Losses {
    by_sender: HashMap<NodeId, Loss>,
}

#[derive(Debug, Default)]
struct Loss {
    /// Entries that the bus has counted.
    counted: u64,
    /// Those of them that this node had read. It had not acknowledged them in time.
    read: u64,
    /// Entries that were reported.
    reported: u64,
}

impl Losses {
    /// Records that messages of this sender, which this node had read, were removed by others.
    pub fn was_read(&mut self, sender: &NodeId, messages: u64) {
        self.by_sender.entry(sender.clone()).or_default().read += messages;
    }

    /// Returns true when the bus has counted more than before.
    pub fn has_more(&self, lost: &[(NodeId, u64)]) -> bool {
        lost.iter()
            .any(|(sender, counted)| self.by_sender.get(sender).is_none_or(|loss| *counted != loss.counted))
    }

    /// Records what the bus has counted since the inbox was made. Returns how many entries of each sender are lost and were not
    /// returned before.
    pub fn counted(&mut self, lost: Vec<(NodeId, u64)>) -> Vec<(NodeId, u64)> {
        let mut new = Vec::new();
        for (sender, counted) in lost {
            let loss = self.by_sender.entry(sender.clone()).or_default();
            if counted < loss.counted {
                // The inbox is a new one.
                *loss = Loss::default();
            }
            loss.counted = counted;
            let missed = counted.saturating_sub(loss.read + loss.reported);
            if missed > 0 {
                loss.reported += missed;
                new.push((sender, missed));
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_returned_once_without_the_entries_that_were_read() {
        let (mut losses, [a, b]) = (Losses::default(), [(); 2].map(|()| NodeId::random()));
        assert_eq!(losses.counted(vec![(a.clone(), 3)]), [(a.clone(), 3)]);
        assert_eq!(losses.counted(vec![(a.clone(), 3)]), []);
        losses.was_read(&a, 1);
        losses.was_read(&b, 1);
        assert_eq!(losses.counted(vec![(a.clone(), 6), (b.clone(), 1)]), [(a.clone(), 2)]);
        assert_eq!(losses.counted(vec![(a.clone(), 2)]), [(a, 2)], "of a new inbox");
    }
}
