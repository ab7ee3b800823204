//! The writer threads of the process.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::thread;
use std::time::Duration;

use polling::Poller;

use super::barrier::Barrier;
use super::client::{Client, GroupId};
use super::frame::Frame;
use super::inbox::{Command, Inbox, Progress};
use super::owner::Event;
use super::socket::errno;
use super::writer::{Writer, report};
use crate::registry::key::Key;

/// Writer threads. The first client starts them. They never end, so the caller must keep the code in memory: napi-rs keeps an
/// addon loaded once it has a thread-safe function.
///
/// Each method adds a command for one thread or for all, and returns before it is processed. All commands for one client are
/// processed in the order in which they were added. A command for an unknown client is ignored. An [`Owner`](super::owner::Owner) must not call these methods when it
/// gets an event, because the writer waits for it.
#[derive(Debug)]
pub struct Writers {
    /// Number of threads that the next client needs.
    count: AtomicUsize,
    threads: RwLock<Threads>,
}

/// Returns the writers of the process.
pub fn writers() -> &'static Writers {
    static WRITERS: OnceLock<Writers> = OnceLock::new();
    WRITERS.get_or_init(Writers::default)
}

impl Default for Writers {
    fn default() -> Self {
        Self { count: AtomicUsize::new(1), threads: RwLock::default() }
    }
}

impl Writers {
    /// Sets the number of writer threads. A number lower than before changes nothing. Clients stay with their thread.
    pub fn set_count(&self, count: usize) {
        // Relaxed: the lock of `threads` orders everything else.
        self.count.fetch_max(count, Ordering::Relaxed);
    }

    /// Starts the threads, so that [`Writers::add`] cannot fail.
    ///
    /// # Errors
    /// Returns the error of the operating system when it has no thread or descriptor left for a writer.
    pub fn start(&self) -> io::Result<()> {
        self.started().map(drop)
    }

    /// Takes a client over. When the operating system has no thread or descriptor left for a writer, the owner gets
    /// [`Event::Failed`].
    pub fn add(&self, client: Client) {
        match self.started() {
            Ok(threads) => threads.push(client.key, Command::Add(Box::new(client))),
            Err(error) => {
                let Client { key, owner, fd, .. } = client;
                drop(fd);
                report(&*owner, Event::Failed { key, errno: errno(error).raw_os_error() });
            }
        }
    }

    /// Waits until the calling thread may send: while too many of its frames wait in a queue of commands. Called before each
    /// frame, without a lock.
    pub fn wait_for_room(&self) {
        for inbox in &self.read().inboxes {
            inbox.wait_for_room();
        }
    }

    /// Sends a frame to all clients of a group that are not muted.
    pub fn broadcast(&self, group: GroupId, frame: &Frame) {
        for inbox in &self.read().inboxes {
            inbox.push(Command::Broadcast(group, frame.clone()));
        }
    }

    /// Sends a frame to the clients that are not muted.
    pub fn send(&self, keys: &[Key], frame: &Frame) {
        let threads = self.read();
        if let [key] = keys {
            threads.push(*key, Command::Send(*key, frame.clone()));
            return;
        }
        for (index, inbox) in threads.inboxes.iter().enumerate() {
            let keys: Box<[_]> = keys.iter().copied().filter(|key| threads.index_of(*key) == index).collect();
            if !keys.is_empty() {
                inbox.push(Command::SendToMany(keys, frame.clone()));
            }
        }
    }

    /// Sends a frame that is no message of the session, in its place among the messages: it is not counted, and neither the
    /// limits nor [`Writers::mute`] apply.
    pub fn write(&self, key: Key, frame: &Frame) {
        self.push(key, Command::Write(key, frame.clone()));
    }

    /// Sends no later message to a client, because its session left the registry. What is queued is sent.
    pub fn mute(&self, key: Key) {
        self.push(key, Command::Mute(key));
    }

    /// Sends what was queued before, then reports [`Event::Paused`], and holds later messages until [`Writers::resume`].
    /// During a pause, messages that are held stay held.
    pub fn pause(&self, key: Key) {
        self.push(key, Command::Pause(key));
    }

    /// Like [`Writers::pause`], for a client that is not slow: the owner has other work before it calls [`Writers::resume`]. Until
    /// then, a limit below 64 MiB does not apply.
    pub fn hold(&self, key: Key) {
        self.push(key, Command::Hold(key));
    }

    /// Ends all pauses of a client. A pause that is not answered yet is answered now.
    pub fn resume(&self, key: Key) {
        self.push(key, Command::Resume(key));
    }

    /// Mutes a client, sends everything that is queued, including messages that are held, closes the socket, and reports
    /// [`Event::Released`].
    pub fn release(&self, key: Key) {
        self.push(key, Command::Release(key));
    }

    /// Drops the queued frames, including those that are held, except one that is partly sent.
    pub fn discard(&self, key: Key) {
        self.push(key, Command::Discard(key));
    }

    /// Sends what the kernel takes at once, without messages that are held, and closes the socket. Reports
    /// nothing.
    pub fn close(&self, key: Key) {
        self.push(key, Command::Close(key));
    }

    /// Waits until all commands so far are processed. Returns false after `timeout`.
    pub fn barrier(&self, timeout: Duration) -> bool {
        let barrier = Arc::new(Barrier::default());
        for inbox in &self.read().inboxes {
            inbox.push(Command::Arrive(barrier.expect()));
        }
        barrier.wait(timeout)
    }

    /// Waits until all commands for a client so far are processed. Returns false after `timeout`.
    pub fn barrier_of(&self, key: Key, timeout: Duration) -> bool {
        let barrier = Arc::new(Barrier::default());
        self.push(key, Command::Arrive(barrier.expect()));
        barrier.wait(timeout)
    }

    /// Returns how many commands were added and applied by the writer of a client.
    pub fn progress(&self, key: Key) -> Progress {
        let threads = self.read();
        let inbox = threads.inboxes.get(threads.index_of(key));
        inbox.map_or_else(Progress::default, |inbox| inbox.progress())
    }

    fn push(&self, key: Key, command: Command) {
        self.read().push(key, command);
    }

    fn read(&self) -> RwLockReadGuard<'_, Threads> {
        self.threads.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the threads that are missing.
    fn started(&self) -> io::Result<RwLockReadGuard<'_, Threads>> {
        let count = self.count.load(Ordering::Relaxed);
        if self.read().inboxes.len() < count {
            self.threads.write().unwrap_or_else(PoisonError::into_inner).grow(count)?;
        }
        Ok(self.read())
    }
}

/// The threads, and which clients each of them has.
#[derive(Debug, Default)]
struct Threads {
    inboxes: Vec<Arc<Inbox>>,
    /// The numbers of threads so far, each with the last key before it. A client stays with its thread because the number
    /// that applies to a key never changes.
    counts: Vec<(Key, usize)>,
}

impl Threads {
    /// Starts threads until there are `count`.
    fn grow(&mut self, count: usize) -> io::Result<()> {
        if self.inboxes.len() >= count {
            return Ok(());
        }
        let started = (self.inboxes.len()..count).try_for_each(|index| {
            self.inboxes.push(start(index)?);
            Ok(())
        });
        let (before, now) = (self.counts.last().map_or(0, |(_, count)| *count), self.inboxes.len());
        if now > before {
            // No thread adds a client under this lock. So the clients that were added before have lower keys.
            self.counts.push((Key::latest(), now));
        }
        // A thread less is better than no client. The next client tries again.
        if now > 0 { Ok(()) } else { started }
    }

    fn push(&self, key: Key, command: Command) {
        if let Some(inbox) = self.inboxes.get(self.index_of(key)) {
            inbox.push(command);
        }
    }

    fn index_of(&self, key: Key) -> usize {
        let newest = self.counts.iter().rev().find(|(last_before, _)| key > *last_before);
        let count = newest.or(self.counts.first()).map_or(1, |(_, count)| *count);
        key.shard(count)
    }
}

/// Starts a writer thread.
fn start(index: usize) -> io::Result<Arc<Inbox>> {
    let poller = Arc::new(Poller::new()?);
    let inbox = Arc::new(Inbox::new(Arc::clone(&poller)));
    let writer = Writer::new(Arc::clone(&inbox), poller);
    thread::Builder::new().name(format!("socket-writer-{index}")).spawn(|| writer.run())?;
    Ok(inbox)
}
