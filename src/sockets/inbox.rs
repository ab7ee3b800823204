//! The commands for one writer.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use foldhash::fast::RandomState;
use polling::Poller;

use super::barrier::Arrival;
use super::client::{Client, GroupId};
use super::frame::Frame;
use crate::registry::key::Key;

/// Number of bytes of the frames of one thread that wait in one inbox, and of their commands, from which on the thread waits
/// until the writer has taken its commands. A writer never waits for a client, so this takes milliseconds. Each thread has
/// limits of its own, so that a thread that sends all the time slows down no other.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
const MAX_WAITING_COMMANDS: usize = 512;

/// Bytes that a command counts besides its frame.
const COMMAND_BYTES: usize = size_of::<Command>() + size_of::<Frame>();

/// Number of commands for which an empty inbox keeps its memory.
const KEPT_CAPACITY: usize = 1_024;

/// A command for a writer. Commands for a client that the writer does not have are ignored.
#[derive(Debug)]
pub enum Command {
    Add(Box<Client>),
    Broadcast(GroupId, Frame),
    Send(Key, Frame),
    SendToMany(Box<[Key]>, Frame),
    /// A chunk of other code, which is no message of the session.
    Write(Key, Frame),
    Mute(Key),
    Pause(Key),
    Hold(Key),
    Resume(Key),
    Release(Key),
    Discard(Key),
    Close(Key),
    /// Dropped when it is processed.
    Arrive(Arrival),
}

impl Command {
    /// Returns the bytes that count against the limit. Commands without a frame do not count: there are a few for each
    /// client, and they must not wait.
    fn weight(&self) -> usize {
        match self {
            Self::Broadcast(_, frame) | Self::Send(_, frame) | Self::Write(_, frame) => {
                COMMAND_BYTES + frame.payload_len()
            }
            Self::SendToMany(keys, frame) => COMMAND_BYTES + frame.payload_len() + size_of_val(&**keys),
            _ => 0,
        }
    }
}

/// The queue of commands for one writer.
#[derive(Debug)]
pub struct Inbox {
    queue: Mutex<Queue>,
    /// Notified when the writer has taken the commands.
    taken: Condvar,
    /// Wakes the writer.
    poller: Arc<Poller>,
}

#[derive(Debug, Default)]
struct Queue {
    commands: VecDeque<Command>,
    /// What waits of each thread.
    waiting: HashMap<ThreadId, Waiting, RandomState>,
    /// Number of senders that wait until the writer has taken the commands.
    waiting_senders: usize,
    /// True while the writer sleeps or is about to. The first command wakes it.
    is_asleep: bool,
    /// Number of commands that were ever added, that the writer has taken, and that it has applied.
    pushed: u64,
    taken: u64,
    applied: u64,
}

/// The commands with a frame that wait of one thread.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    commands: usize,
    /// Their weight.
    bytes: usize,
}

impl Waiting {
    fn is_full(self) -> bool {
        self.commands >= MAX_WAITING_COMMANDS || self.bytes >= MAX_WAITING_BYTES
    }
}

/// How far a writer has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of commands that were added.
    pub pushed: u64,
    /// Number of these that are applied. Commands are applied in the order in which they are added.
    pub applied: u64,
}

impl Inbox {
    /// Returns an empty inbox. The poller is that of the writer.
    pub fn new(poller: Arc<Poller>) -> Self {
        Self { queue: Mutex::default(), taken: Condvar::new(), poller }
    }

    /// Adds a command.
    pub fn push(&self, command: Command) {
        let weight = command.weight();
        let mut queue = self.lock();
        if weight > 0 {
            let waiting = queue.waiting.entry(thread::current().id()).or_default();
            waiting.commands += 1;
            waiting.bytes += weight;
        }
        queue.pushed += 1;
        queue.commands.push_back(command);
        let must_wake = mem::take(&mut queue.is_asleep);
        drop(queue);
        if must_wake {
            // It fails when the poller is broken. The writer then does not sleep.
            let _ = self.poller.notify();
        }
    }

    /// Moves all commands into `commands`, which is empty. The writer has applied all that it took before.
    pub fn take(&self, commands: &mut VecDeque<Command>) {
        if commands.capacity() > KEPT_CAPACITY {
            *commands = VecDeque::new();
        }
        let mut queue = self.lock();
        mem::swap(&mut queue.commands, commands);
        queue.waiting.clear();
        queue.applied = queue.taken;
        queue.taken = queue.pushed;
        let must_notify = queue.waiting_senders > 0;
        drop(queue);
        if must_notify {
            self.taken.notify_all();
        }
    }

    /// Announces that the writer has applied all that it took and is going to wait at the poller. Returns false when commands
    /// wait, so that it must not.
    pub fn fall_asleep(&self) -> bool {
        let mut queue = self.lock();
        queue.applied = queue.taken;
        queue.is_asleep = queue.commands.is_empty();
        queue.is_asleep
    }

    /// Ends what [`Inbox::fall_asleep`] began.
    pub fn wake_up(&self) {
        self.lock().is_asleep = false;
    }

    /// Returns how many commands were added and applied.
    pub fn progress(&self) -> Progress {
        let Queue { pushed, applied, .. } = *self.lock();
        Progress { pushed, applied }
    }

    /// Waits until the calling thread may add a command with a frame. Called without a lock, because other threads would wait
    /// for that.
    pub fn wait_for_room(&self) {
        let sender = thread::current().id();
        let mut queue = self.lock();
        while queue.waiting.get(&sender).is_some_and(|waiting| waiting.is_full()) {
            queue.waiting_senders += 1;
            queue = self.taken.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.waiting_senders -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No change under the lock can panic half way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn inbox() -> Inbox {
        Inbox::new(Arc::new(Poller::new().unwrap()))
    }

    fn broadcast(len: usize) -> Command {
        Command::Broadcast(GroupId::next(), Frame::new(&vec![0; len]).unwrap())
    }

    #[test]
    fn a_sender_waits_for_room_until_the_writer_has_taken_the_commands() {
        let inbox = inbox();
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                inbox.wait_for_room();
                inbox.push(broadcast(MAX_WAITING_BYTES));
                inbox.wait_for_room();
                inbox.push(broadcast(1));
            });
            while inbox.lock().waiting_senders == 0 {
                assert!(!sender.is_finished(), "the first frame reaches the limit");
                thread::yield_now();
            }
            // Commands without a frame do not wait.
            inbox.push(Command::Close(Key::next()));
            let mut commands = VecDeque::new();
            inbox.take(&mut commands);
            assert!(matches!(commands.make_contiguous(), [Command::Broadcast(..), Command::Close(_)]));
            sender.join().unwrap();
        });
        assert_eq!(inbox.lock().commands.len(), 1);
    }

    #[test]
    fn a_thread_that_sends_all_the_time_makes_no_other_wait() {
        let inbox = inbox();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..=MAX_WAITING_COMMANDS {
                    inbox.wait_for_room();
                    inbox.push(broadcast(1));
                }
            });
            while inbox.lock().waiting_senders == 0 {
                thread::yield_now();
            }
            inbox.wait_for_room();
            inbox.push(broadcast(1));
            assert_eq!(inbox.lock().commands.len(), MAX_WAITING_COMMANDS + 1);
            inbox.take(&mut VecDeque::new());
        });
        assert_eq!(inbox.lock().commands.len(), 1);
    }

    #[test]
    fn a_writer_does_not_fall_asleep_while_commands_wait() {
        let inbox = inbox();
        assert!(inbox.fall_asleep());
        inbox.push(Command::Mute(Key::next()));
        assert!(!inbox.fall_asleep());
        inbox.take(&mut VecDeque::new());
        assert_eq!(inbox.progress(), Progress { pushed: 1, applied: 0 });
        assert!(inbox.fall_asleep());
        assert_eq!(inbox.progress(), Progress { pushed: 1, applied: 1 });
    }
}
