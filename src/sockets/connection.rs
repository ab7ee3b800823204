//! One client of a writer: its queue, its pauses, its limits.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use polling::Poller;
use rustix::io::Errno;

use super::client::{Client, GroupId};
use super::counters::{Counters, Meter};
use super::frame::Frame;
use super::keep_alive::{Clock, Verdict};
use super::owner::{DroppedBytes, Event, Owner};
use super::queue::{MAX_SLICES, SendQueue};
use super::settings::WhenSlow;
use super::socket::Socket;
use crate::registry::key::Key;

/// Number of bytes that [`Connection::hold`] allows at least. As many as `lib/streams/policy/monitored-session.js` allows in one
/// turn of the event loop.
const MAX_HELD_BYTES: usize = 64 << 20;

/// One client of a writer.
#[derive(Debug)]
pub struct Connection {
    pub key: Key,
    pub group: GroupId,
    pub owner: Arc<dyn Owner>,
    /// The place of the client in its group, unless it is muted.
    pub position: Option<usize>,
    /// True when the client is in the writer's list of clients to flush.
    pub is_listed: bool,
    max_queued_bytes: usize,
    is_on_hold: bool,
    when_slow: WhenSlow,
    counters: Arc<Counters>,
    meter: Arc<Meter>,
    dropped: DroppedBytes,
    clock: Option<Clock>,
    socket: Socket,
    queue: SendQueue,
    phase: Phase,
    /// The turn of the writer in which the kernel last took less than it was given. `None` when the socket may be writable.
    blocked_in: Option<Turn>,
}

/// The number of a turn of a writer's loop.
pub type Turn = u64;

#[derive(Debug)]
enum Phase {
    Writing,
    /// The queue has a fence. The frames before it are not sent yet.
    Pausing {
        /// Number of pauses to answer.
        answers: u32,
    },
    /// The queue has a fence. The frames before it are sent.
    Paused,
    /// The client ends when the queue is empty.
    Releasing,
}

/// The result of a message to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The message is queued, or it was dropped.
    Accepted,
    /// The client was too slow for it, and takes no more messages.
    Refused,
}

/// What a client needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to send.
    Idle,
    /// The poller reports when the socket is writable.
    Blocked,
    /// There is more to send.
    More,
    /// A client that was to be released has sent everything.
    Finished,
}

impl Connection {
    pub fn new(client: Client, poller: Arc<Poller>, now: Instant) -> Self {
        let Client { key, group, fd, settings, owner, counters, meter } = client;
        Self {
            key,
            group,
            owner,
            position: None,
            is_listed: false,
            max_queued_bytes: settings.max_queued_bytes,
            is_on_hold: false,
            when_slow: settings.when_slow,
            counters,
            meter,
            dropped: DroppedBytes::default(),
            clock: settings.keep_alive.map(|settings| Clock::new(settings, now)),
            socket: Socket::new(fd, poller),
            queue: SendQueue::new(settings.framing),
            phase: Phase::Writing,
            blocked_in: None,
        }
    }

    /// Returns true when a flush would call the operating system.
    pub fn can_flush(&self) -> bool {
        self.blocked_in.is_none() && self.queue.can_send()
    }

    /// Queues a message. `event_key` and `turn` are as in [`Connection::flush`].
    pub fn deliver(
        &mut self,
        frame: &Frame,
        event_key: usize,
        turn: Turn,
        now: Instant,
    ) -> Result<Delivered, Errno> {
        let len = self.queue.len_of(frame);
        if !self.has_room_for(len) {
            // Once a turn, because the poller may not have reported yet that the socket is writable.
            if self.blocked_in != Some(turn) {
                self.flush_all(event_key, turn)?;
            }
            if !self.has_room_for(len) {
                return Ok(self.refuse(frame));
            }
        }
        self.counters.add(frame.payload_len());
        self.push(frame, now);
        Ok(Delivered::Accepted)
    }

    /// Sends what one system call takes. When the kernel takes less, the poller reports with `event_key` when it takes more.
    /// `turn` is the present turn of the writer.
    pub fn flush(&mut self, event_key: usize, turn: Turn) -> Result<Progress, Errno> {
        if !self.queue.can_send() {
            return Ok(self.after_last_frame());
        }
        if self.blocked_in.is_some() {
            return Ok(Progress::Blocked);
        }
        if !self.send()? {
            self.blocked_in = Some(turn);
            self.socket.arm(event_key)?;
            return Ok(Progress::Blocked);
        }
        Ok(if self.queue.can_send() { Progress::More } else { self.after_last_frame() })
    }

    /// Sends as much as the kernel takes now, even if it took nothing before.
    pub fn flush_all(&mut self, event_key: usize, turn: Turn) -> Result<Progress, Errno> {
        self.blocked_in = None;
        loop {
            let progress = self.flush(event_key, turn)?;
            if progress != Progress::More {
                return Ok(progress);
            }
        }
    }

    /// Records that the poller has reported the socket.
    pub fn unblock(&mut self) {
        self.socket.disarm();
        self.blocked_in = None;
    }

    /// Holds later messages. A flush answers the pause when everything before it is sent.
    pub fn pause(&mut self) {
        match &mut self.phase {
            Phase::Writing => {
                self.queue.set_fence();
                self.phase = Phase::Pausing { answers: 1 };
            }
            Phase::Pausing { answers } => *answers += 1,
            Phase::Paused => self.answer_pauses(1),
            Phase::Releasing => {}
        }
    }

    /// Like [`Connection::pause`], with room for [`MAX_HELD_BYTES`] until the pause ends.
    pub fn hold(&mut self) {
        self.is_on_hold = true;
        self.pause();
    }

    /// Ends a pause, or several.
    pub fn resume(&mut self) {
        self.is_on_hold = false;
        let unanswered = match self.phase {
            Phase::Writing | Phase::Releasing => return,
            Phase::Pausing { answers } => answers,
            Phase::Paused => 0,
        };
        self.queue.lift_fence();
        self.phase = Phase::Writing;
        self.meter.set_paused(false);
        self.answer_pauses(unanswered);
    }

    /// Ends a pause, and makes the flush of the last byte return [`Progress::Finished`].
    pub fn release(&mut self) {
        self.queue.lift_fence();
        self.phase = Phase::Releasing;
        self.meter.set_paused(false);
    }

    /// Drops the queued frames, except one that is partly sent.
    pub fn discard(&mut self) {
        self.queue.drop_unstarted();
        self.meter.set_queued(self.queue.len());
    }

    /// Checks the client at its alarm. Queues a comment if it is idle.
    pub fn check(&mut self, now: Instant, comment: &Frame) -> Verdict {
        let Some(clock) = &mut self.clock else { return Verdict::Wait };
        if matches!(self.phase, Phase::Paused) {
            // Node is writing, so a comment has to wait, and the client is not to blame for what is held.
            return Verdict::Wait;
        }
        let verdict = clock.check(now, self.queue.len(), self.meter.sent());
        match verdict {
            Verdict::Wait => {}
            Verdict::Comment => self.push(comment, now),
            Verdict::Dead => self.owner.report(Event::Dead { key: self.key }),
        }
        verdict
    }

    /// Returns the time at which the client is to be checked next, if ever.
    pub fn next_alarm(&self, now: Instant) -> Option<Instant> {
        self.clock.as_ref()?.next_alarm(now)
    }

    /// Queues a frame without a check of the limits.
    pub fn push(&mut self, frame: &Frame, now: Instant) {
        self.queue.push(frame.clone());
        self.meter.set_queued(self.queue.len());
        if let Some(clock) = &mut self.clock {
            clock.message(now);
        }
    }

    fn has_room_for(&self, len: usize) -> bool {
        let least = if self.is_on_hold { MAX_HELD_BYTES } else { 0 };
        self.queue.is_empty() || self.queue.len().saturating_add(len) <= self.max_queued_bytes.max(least)
    }

    /// Handles a message for which there is no room.
    fn refuse(&mut self, frame: &Frame) -> Delivered {
        match self.when_slow {
            WhenSlow::Close => {
                self.owner.report(Event::Slow { key: self.key });
                Delivered::Refused
            }
            WhenSlow::Drop => {
                self.counters.add_dropped();
                if self.dropped.add(frame.payload_len()) {
                    self.owner.report(Event::Dropped { key: self.key, bytes: self.dropped.clone() });
                }
                Delivered::Accepted
            }
        }
    }

    /// Makes one system call. Returns true when the kernel took everything that it was given.
    fn send(&mut self) -> Result<bool, Errno> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = self.queue.fill(&mut slices);
        let slices = &slices[..count];
        let given: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = self.socket.send(slices)?.unwrap_or(0);
        self.queue.advance(taken);
        self.meter.sent_bytes(taken, self.queue.len());
        Ok(taken == given)
    }

    /// Does what had to wait until the frames before the fence, or all frames, were sent.
    fn after_last_frame(&mut self) -> Progress {
        match self.phase {
            Phase::Writing | Phase::Paused => Progress::Idle,
            Phase::Pausing { answers } => {
                self.phase = Phase::Paused;
                self.meter.set_paused(true);
                self.answer_pauses(answers);
                Progress::Idle
            }
            Phase::Releasing => Progress::Finished,
        }
    }

    fn answer_pauses(&self, count: u32) {
        for _ in 0..count {
            self.owner.report(Event::Paused { key: self.key });
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.meter.set_queued(0);
    }
}
