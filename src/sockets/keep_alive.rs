//! Decides when an idle client gets a comment, and when a client is dead.

use std::time::Instant;

use super::settings::KeepAlive;

/// The keep-alive of one client. Its writer asks for a [`Verdict`] at each alarm.
#[derive(Debug)]
pub struct Clock {
    settings: KeepAlive,
    /// Time of the last message or comment.
    last_message: Instant,
    /// True when bytes waited at the last check.
    had_bytes: bool,
    /// Number of bytes that had left the queue at the last check.
    last_sent: u64,
    /// Number of checks in a row at which bytes had waited and none had left.
    stalled_checks: u32,
}

/// What a writer does at an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Wait,
    /// The client gets a comment.
    Comment,
    /// The client is dead.
    Dead,
}

impl Clock {
    /// Returns the clock of a client that has got a message just now.
    pub fn new(settings: KeepAlive, now: Instant) -> Self {
        Self { settings, last_message: now, had_bytes: false, last_sent: 0, stalled_checks: 0 }
    }

    /// Records a message.
    pub fn message(&mut self, now: Instant) {
        self.last_message = now;
    }

    /// Checks the client. `queued` bytes wait, and `sent` bytes have left since the client was added.
    pub fn check(&mut self, now: Instant, queued: usize, sent: u64) -> Verdict {
        let has_bytes = queued > 0;
        let has_stalled = has_bytes && self.had_bytes && sent == self.last_sent;
        self.stalled_checks = if has_stalled { self.stalled_checks.saturating_add(1) } else { 0 };
        self.had_bytes = has_bytes;
        self.last_sent = sent;
        if has_stalled && self.stalled_checks >= self.settings.dead_after {
            Verdict::Dead
        } else if !has_bytes && now.saturating_duration_since(self.last_message) >= self.settings.every {
            self.last_message = now;
            Verdict::Comment
        } else {
            Verdict::Wait
        }
    }

    /// Returns the time of the next alarm after a check at `now`. Returns `None` when it is too far for the clock of the
    /// operating system.
    pub fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let at = self.last_message.checked_add(self.settings.every)?;
        // While bytes wait, an interval between checks is never shorter. Otherwise a client would be dead too early.
        if self.had_bytes || at <= now { now.checked_add(self.settings.every) } else { Some(at) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    /// A clock, and the time of its next alarm.
    fn clock(dead_after: u32) -> (Clock, Instant) {
        let now = Instant::now();
        let clock = Clock::new(KeepAlive { every: EVERY, dead_after }, now);
        let alarm = clock.next_alarm(now).unwrap();
        assert_eq!(alarm, now + EVERY);
        (clock, alarm)
    }

    #[test]
    fn an_idle_client_gets_a_comment_at_each_interval() {
        let (mut clock, mut now) = clock(2);
        for _ in 0..5 {
            assert_eq!(clock.check(now, 0, 0), Verdict::Comment);
            let next = clock.next_alarm(now).unwrap();
            assert_eq!(next, now + EVERY);
            now = next;
        }
    }

    #[test]
    fn a_message_postpones_the_comment() {
        let (mut clock, now) = clock(2);
        let message = now - EVERY / 4;
        clock.message(message);
        assert_eq!(clock.check(now, 0, 100), Verdict::Wait);
        let next = clock.next_alarm(now).unwrap();
        assert_eq!(next, message + EVERY);
        assert_eq!(clock.check(next, 0, 100), Verdict::Comment);
    }

    #[test]
    fn a_client_is_dead_after_the_checks_in_a_row_at_which_no_byte_had_left() {
        let (mut clock, mut now) = clock(3);
        // The first check only sees that bytes wait.
        let verdicts: Vec<_> = [1, 1, 1, 2, 2, 2, 2]
            .map(|sent| {
                let verdict = clock.check(now, 50, sent);
                assert_eq!(clock.next_alarm(now).unwrap(), now + EVERY);
                now += EVERY;
                verdict
            })
            .into();
        assert_eq!(verdicts[..6], [Verdict::Wait; 6]);
        assert_eq!(verdicts[6], Verdict::Dead);
    }

    #[test]
    fn an_interval_that_the_operating_system_cannot_express_has_no_alarm() {
        let now = Instant::now();
        let clock = Clock::new(KeepAlive { every: Duration::MAX, dead_after: 1 }, now);
        assert_eq!(clock.next_alarm(now), None);
    }
}
