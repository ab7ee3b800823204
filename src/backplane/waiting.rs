//! A list of completions that wait for an event.

use std::collections::VecDeque;

use crate::threads::completion::Completion;

/// Minimum number of completions at which settled ones are removed.
const MIN_PURGE: usize = 64;

/// Completions in the order in which they were added. Each has a value, such as the number of the entry that it waits for.
///
/// A request whose deadline has passed is settled and still in the list. Settled ones are removed whenever the list has twice
/// the length that it had after the last removal. So the list has at most twice as many as are open, and `push` looks at a
/// constant number of completions on average.
#[derive(Debug)]
pub struct Waiting<T = ()> {
    list: VecDeque<(T, Completion)>,
    purge_at: usize,
    /// Number of completions that all calls of `push` have looked at.
    #[cfg(test)]
    looked_at: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            list: VecDeque::new(),
            purge_at: MIN_PURGE,
            #[cfg(test)]
            looked_at: 0,
        }
    }
}

impl<T> Waiting<T> {
    /// Adds a completion.
    pub fn push(&mut self, value: T, completion: Completion) {
        if self.list.len() >= self.purge_at {
            #[cfg(test)]
            {
                self.looked_at += self.list.len();
            }
            self.list.retain(|(_, completion)| !completion.is_settled());
            self.purge_at = (self.list.len() * 2).max(MIN_PURGE);
        }
        self.list.push_back((value, completion));
    }

    /// Removes and returns the first completions, up to one for whose value `is_taken` returns false.
    pub fn take_while(&mut self, is_taken: impl Fn(&T) -> bool) -> Vec<(T, Completion)> {
        let count = self.list.partition_point(|(value, _)| is_taken(value));
        self.list.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::registry::key::Key;
    use crate::threads::completion::{Outcome, ReplyTo};

    #[derive(Debug, Default)]
    struct Replies(AtomicUsize);

    impl ReplyTo for Replies {
        fn reply(&self, _: Key, _: Outcome) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn settled_completions_are_removed_when_the_list_has_doubled() {
        let replies = Arc::new(Replies::default());
        let mut waiting = Waiting::default();
        for _ in 0..10_000 {
            let (_, completion) = Completion::new(Arc::clone(&replies) as Arc<dyn ReplyTo>);
            waiting.push((), completion.clone());
            completion.done();
            assert!(waiting.list.len() <= MIN_PURGE);
        }
        assert_eq!(replies.0.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn adding_completions_that_stay_open_looks_at_a_constant_number_of_them_on_average() {
        for count in [1_000, 100_000] {
            let mut waiting = Waiting::default();
            (0..count).for_each(|_| waiting.push((), Completion::without_requester()));
            assert_eq!(waiting.list.len(), count);
            assert!(waiting.looked_at <= count * 2, "{} for {count}", waiting.looked_at);
        }
    }

    #[test]
    fn the_first_completions_are_taken_out_in_order() {
        let mut waiting = Waiting::default();
        (1..=5).for_each(|number| waiting.push(number, Completion::without_requester()));
        let numbers =
            |taken: Vec<(i32, Completion)>| taken.into_iter().map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(numbers(waiting.take_while(|number| *number <= 3)), [1, 2, 3]);
        assert_eq!(numbers(waiting.take_while(|_| true)), [4, 5]);
    }
}
