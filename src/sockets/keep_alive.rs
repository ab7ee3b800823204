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

    /// Forgets the checks so far: the writer may not write now.
    pub fn skip(&mut self) {
        self.had_bytes = false;
        self.stalled_checks = 0;
    }

    /// Returns the time of the next alarm after a check at `now`. Returns `None` when it is too far for the clock of the
    /// operating system.
    pub fn next_alarm(&self, now: Instant) -> Option<Instant> {
        let at = self.last_message.checked_add(self.settings.every)?;
        // While bytes wait, an interval between checks is never shorter. Otherwise a client would be dead too early.
        if self.had_bytes || at <= now { now.checked_add(self.settings.every) } else { Some(at) }
    }
}
