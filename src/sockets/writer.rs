//! One writer thread: applies commands, flushes clients, keeps clients alive.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use polling::{Events, Poller};
use rustix::io::Errno;

use super::alarms::Alarms;
use super::client::{Client, GroupId};
use super::connection::{Connection, Delivered, Progress, Turn};
use super::frame::Frame;
use super::inbox::{Command, Inbox};
use super::keep_alive::Verdict;
use super::owner::{Event, Owner};
use super::table::Table;
use crate::registry::key::Key;

/// Number of clients that are flushed before the writer takes new commands. Messages that arrive meanwhile join those of the
/// clients that are not flushed yet, so a burst needs one system call for each of them.
const FLUSHES_PER_TURN: usize = 32;

/// Number of messages that are queued before the writer flushes clients.
const DELIVERIES_PER_TURN: usize = 65_536;

/// Time between two looks at the poller while there is other work.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Time that a writer sleeps when its poller is broken.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(1);

/// An SSE comment, which clients ignore (WHATWG HTML, "Server-sent events"). The same as in `lib/streams/policy/policy.js`.
const KEEP_ALIVE: &[u8] = b": keepalive\n\n";

/// One writer thread.
pub struct Writer {
    inbox: Arc<Inbox>,
    poller: Arc<Poller>,
    events: Events,
    polled_at: Instant,
    table: Table,
    /// Commands that are taken but not applied. A field, so that a panic does not lose them.
    commands: VecDeque<Command>,
    /// The slots of the clients to flush. A slot can be empty or can have another client by now, which does no harm.
    to_flush: VecDeque<usize>,
    alarms: Alarms,
    comment: Option<Frame>,
    turn: Turn,
    /// The time at the begin of the turn.
    now: Instant,
}

impl Writer {
    pub fn new(inbox: Arc<Inbox>, poller: Arc<Poller>) -> Self {
        let now = Instant::now();
        Self {
            inbox,
            poller,
            events: Events::new(),
            polled_at: now,
            table: Table::default(),
            commands: VecDeque::new(),
            to_flush: VecDeque::new(),
            alarms: Alarms::default(),
            comment: Frame::new(KEEP_ALIVE),
            turn: 0,
            now,
        }
    }

    /// Writes until the process ends.
    pub fn run(mut self) -> ! {
        loop {
            // A panic is a defect. The clients must not be left with open sockets to which nothing is written. The panic
            // hook has printed the message.
            let _ = catch_unwind(AssertUnwindSafe(|| self.run_turns()));
        }
    }

    fn run_turns(&mut self) -> ! {
        loop {
            self.turn += 1;
            self.now = Instant::now();
            self.apply_commands();
            self.ring_alarms();
            self.flush_some();
            if self.commands.is_empty() && self.to_flush.is_empty() {
                self.sleep();
            } else if self.now >= self.polled_at + POLL_INTERVAL {
                self.poll(Some(Duration::ZERO));
            }
        }
    }

    fn apply_commands(&mut self) {
        if self.commands.is_empty() {
            self.inbox.take(&mut self.commands);
        }
        let mut delivered = 0;
        while delivered < DELIVERIES_PER_TURN {
            let Some(command) = self.commands.pop_front() else { return };
            delivered += self.apply(command);
        }
    }

    /// Applies a command and returns the number of messages that it delivered.
    fn apply(&mut self, command: Command) -> usize {
        match command {
            Command::Broadcast(group, frame) => return self.broadcast(group, &frame),
            Command::Send(key, frame) => return self.deliver_to(&[key], &frame),
            Command::SendToMany(keys, frame) => return self.deliver_to(&keys, &frame),
            Command::Write(key, frame) => self.with(key, |writer, slot| writer.write(slot, &frame)),
            Command::Add(client) => self.add(*client),
            Command::Mute(key) => self.with(key, |writer, slot| writer.table.mute(slot)),
            Command::Pause(key) => self.change(key, Connection::pause),
            Command::Hold(key) => self.change(key, Connection::hold),
            Command::Resume(key) => self.change(key, Connection::resume),
            Command::Release(key) => self.with(key, |writer, slot| {
                writer.table.mute(slot);
                writer.change_in(slot, Connection::release);
            }),
            Command::Discard(key) => self.change(key, Connection::discard),
            Command::Close(key) => self.with(key, Self::close),
            Command::Arrive(arrival) => drop(arrival),
        }
        0
    }

    fn add(&mut self, client: Client) {
        let key = client.key;
        // A key has one client. If it is added twice, the first socket must not stay open.
        self.with(key, Self::close);
        let connection = Connection::new(client, Arc::clone(&self.poller), self.now);
        let alarm = connection.next_alarm(self.now);
        self.table.insert(connection);
        if let Some(at) = alarm {
            self.alarms.set(at, key);
            self.alarms.tidy(self.table.len(), |key| self.table.slot_of(key).is_some());
        }
    }

    fn broadcast(&mut self, group: GroupId, frame: &Frame) -> usize {
        let count = self.table.group_len(group);
        // From the end: a client that leaves the group is replaced by one that already has the message.
        for position in (0..count).rev() {
            if let Some(slot) = self.table.member(group, position) {
                self.deliver(slot, frame);
            }
        }
        count
    }

    fn deliver_to(&mut self, keys: &[Key], frame: &Frame) -> usize {
        for key in keys {
            if let Some(slot) = self.table.slot_of(*key) {
                self.deliver(slot, frame);
            }
        }
        keys.len()
    }

    /// Queues a message for a client, unless it is muted.
    fn deliver(&mut self, slot: usize, frame: &Frame) {
        let (turn, now) = (self.turn, self.now);
        let delivered = self.guard(slot, |connection| match connection.position {
            Some(_) => connection.deliver(frame, slot, turn, now),
            None => Ok(Delivered::Accepted),
        });
        match delivered {
            Some(Delivered::Accepted) => self.list(slot),
            Some(Delivered::Refused) => self.table.mute(slot),
            None => {}
        }
    }

    fn write(&mut self, slot: usize, frame: &Frame) {
        let now = self.now;
        let written = self.guard(slot, |connection| {
            connection.push(frame, now);
            Ok(())
        });
        if written.is_some() {
            self.list(slot);
        }
    }

    /// Makes a change that can be followed by a flush, and flushes at once: an owner waits for the end of a pause or release.
    fn change(&mut self, key: Key, change: fn(&mut Connection)) {
        self.with(key, |writer, slot| writer.change_in(slot, change));
    }

    fn change_in(&mut self, slot: usize, change: fn(&mut Connection)) {
        let changed = self.guard(slot, |connection| {
            change(connection);
            Ok(())
        });
        if changed.is_some() {
            self.flush(slot);
        }
    }

    fn close(&mut self, slot: usize) {
        let turn = self.turn;
        if let Some(mut connection) = self.table.remove(slot) {
            // The owner wants no report, so an error or a panic changes nothing.
            let _ = catch_unwind(AssertUnwindSafe(|| connection.flush_all(slot, turn)));
        }
    }

    fn flush_some(&mut self) {
        for _ in 0..FLUSHES_PER_TURN {
            let Some(slot) = self.to_flush.pop_front() else { return };
            if let Some(connection) = self.table.get_mut(slot) {
                connection.is_listed = false;
                self.flush(slot);
            }
        }
    }

    fn flush(&mut self, slot: usize) {
        let turn = self.turn;
        match self.guard(slot, |connection| connection.flush(slot, turn)) {
            Some(Progress::More) => self.list(slot),
            Some(Progress::Finished) => self.end(slot, |key| Event::Released { key }),
            Some(Progress::Idle | Progress::Blocked) | None => {}
        }
    }

    /// Puts a client on the list of those to flush, if there is something to do.
    fn list(&mut self, slot: usize) {
        let Some(connection) = self.table.get_mut(slot) else { return };
        if !connection.is_listed && connection.can_flush() {
            connection.is_listed = true;
            self.to_flush.push_back(slot);
        }
    }

    /// Waits for a command, a writable socket, or an alarm.
    fn sleep(&mut self) {
        if !self.inbox.fall_asleep() {
            return;
        }
        let timeout = self.alarms.next().map(|at| at.saturating_duration_since(Instant::now()));
        self.poll(timeout);
        self.inbox.wake_up();
    }

    /// Waits at the poller. Without a timeout, only an event or a command ends the wait.
    fn poll(&mut self, timeout: Option<Duration>) {
        self.events.clear();
        if self.poller.wait(&mut self.events, timeout).is_err() {
            thread::sleep(PAUSE_AFTER_ERROR);
        }
        self.polled_at = Instant::now();
        let slots: Vec<_> = self.events.iter().map(|event| event.key).collect();
        for slot in slots {
            if let Some(connection) = self.table.get_mut(slot) {
                connection.unblock();
                self.list(slot);
            }
        }
    }

    fn ring_alarms(&mut self) {
        while let Some(key) = self.alarms.pop(self.now) {
            self.with(key, |writer, slot| writer.check(key, slot));
        }
    }

    fn check(&mut self, key: Key, slot: usize) {
        let now = self.now;
        let Some(comment) = self.comment.clone() else { return };
        let checked = self.guard(slot, |connection| match connection.position {
            Some(_) => {
                let verdict = connection.check(now, &comment);
                Ok((verdict, connection.next_alarm(now)))
            }
            // It gets no messages, so it needs no comments either.
            None => Ok((Verdict::Wait, None)),
        });
        let Some((verdict, next)) = checked else { return };
        if verdict == Verdict::Dead {
            self.table.mute(slot);
        } else if let Some(at) = next {
            self.alarms.set(at, key);
            self.list(slot);
        }
    }

    fn with(&mut self, key: Key, action: impl FnOnce(&mut Self, usize)) {
        if let Some(slot) = self.table.slot_of(key) {
            action(self, slot);
        }
    }

    /// Runs an action on a client. When it fails or panics, the client ends, and no other client is affected.
    fn guard<T>(
        &mut self,
        slot: usize,
        action: impl FnOnce(&mut Connection) -> Result<T, Errno>,
    ) -> Option<T> {
        let connection = self.table.get_mut(slot)?;
        let result = catch_unwind(AssertUnwindSafe(|| action(connection))).unwrap_or(Err(Errno::IO));
        match result {
            Ok(value) => Some(value),
            Err(errno) => {
                self.end(slot, |key| Event::Failed { key, errno: errno.raw_os_error() });
                None
            }
        }
    }

    /// Closes the socket of a client, then reports it.
    fn end(&mut self, slot: usize, event: impl FnOnce(Key) -> Event) {
        let Some(connection) = self.table.remove(slot) else { return };
        let (key, owner) = (connection.key, Arc::clone(&connection.owner));
        drop(connection);
        report(&*owner, event(key));
    }
}

/// Reports an event of a client that has ended. A panic of the owner affects no other client.
pub fn report(owner: &dyn Owner, event: Event) {
    let _ = catch_unwind(AssertUnwindSafe(|| owner.report(event)));
}
