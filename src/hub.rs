//! A hub: the registry of one group of managers, and the routing of messages between the threads they live on.
//!
//! A [`Member`] is one thread's seat in a hub. It registers that thread's sessions, finds any thread's, and sends to
//! all of them: it hands back the keys of its own thread's sessions, to be fed on the spot, and puts the rest into the
//! mailboxes of the threads they belong to.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::mailbox::{Mailbox, Post, Waker};
use crate::sessions::{Key, Session, Sessions, ThreadId};

/// How much one thread's mailbox holds unless told otherwise: 64 MiB.
pub const DEFAULT_MAX_MAILBOX_BYTES: usize = 64 << 20;

#[derive(Debug)]
pub struct Hub {
    sessions: Sessions,
    mailboxes: RwLock<HashMap<ThreadId, Arc<Mailbox>>>,
    joined: AtomicU32,
}

impl Hub {
    /// A hub for the managers of one thread.
    pub fn for_one_thread() -> Arc<Self> {
        Arc::new(Self {
            sessions: Sessions::for_one_thread(),
            mailboxes: RwLock::default(),
            joined: AtomicU32::new(0),
        })
    }

    /// Takes a seat. `waker` is called, by any thread, when something has come for this one.
    pub fn join(self: &Arc<Self>, max_mailbox_bytes: usize, waker: Option<Waker>) -> Member {
        // Relaxed: only uniqueness matters.
        let thread = ThreadId(self.joined.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(max_mailbox_bytes, waker));
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).insert(thread, Arc::clone(&mailbox));
        Member { hub: Arc::clone(self), thread, mailbox }
    }

    fn post(&self, thread: ThreadId, post: Post) {
        let mailboxes = self.mailboxes.read().unwrap_or_else(PoisonError::into_inner);
        let mailbox = mailboxes.get(&thread).cloned();
        drop(mailboxes);
        if let Some(mailbox) = mailbox {
            // An overflow is told to the thread that owns the streams, and a thread that has left needs nothing.
            mailbox.post(post);
        }
    }
}

/// What [`Member::create`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    pub key: Key,
    /// The session of this thread that had the id until now; its stream is to be closed.
    pub replaced: Option<Key>,
}

/// One thread's seat in a hub. Leaves when dropped.
#[derive(Debug)]
pub struct Member {
    hub: Arc<Hub>,
    thread: ThreadId,
    mailbox: Arc<Mailbox>,
}

impl Member {
    /// Registers a session of this thread. The newer stream of an id wins: an older one of another thread is closed
    /// there, one of this thread is for the caller to close.
    pub fn create(&self, id: &[u16]) -> Created {
        let key = Key::next();
        let older = self.hub.sessions.insert(id, Session { owner: self.thread, key });
        Created { key, replaced: older.and_then(|older| self.mine_or_close(older)) }
    }

    /// Forgets a session, wherever it lives. The key of one of this thread is returned, for the caller to close; one
    /// of another thread is closed there.
    pub fn remove(&self, id: &[u16]) -> Option<Key> {
        let session = self.hub.sessions.remove(id)?;
        self.mine_or_close(session)
    }

    /// Forgets a session only if it is still the one with that key.
    pub fn forget(&self, id: &[u16], key: Key) -> bool {
        self.hub.sessions.remove_key(id, key)
    }

    /// Whether any thread has a session of that id.
    pub fn has(&self, id: &[u16]) -> bool {
        self.hub.sessions.contains(id)
    }

    /// How many sessions all threads have.
    pub fn len(&self) -> usize {
        self.hub.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hub.sessions.is_empty()
    }

    /// The ids of all threads' sessions, oldest first.
    pub fn ids(&self) -> Vec<Box<[u16]>> {
        self.hub.sessions.ids()
    }

    /// A message to one session. Its key, if it is this thread's; otherwise the message is posted.
    /// `text` is asked for only in that case, and what it fails with is returned before anything is posted.
    pub fn send_one<E>(
        &self,
        id: &[u16],
        text: impl FnOnce() -> Result<Arc<[u8]>, E>,
    ) -> Result<Option<Key>, E> {
        match self.hub.sessions.get(id) {
            Some(session) if session.owner == self.thread => Ok(Some(session.key)),
            Some(session) => {
                self.hub.post(session.owner, Post::Message { keys: vec![session.key], text: text()? });
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Starts the route of a message to several sessions.
    pub fn route(&self) -> Route<'_> {
        Route { member: self, local: Vec::new(), elsewhere: HashMap::new() }
    }

    /// What other threads have for this one.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Gives up the seat: the thread's sessions are gone from the registry, and nothing more is posted to it.
    pub fn leave(&self) {
        self.hub.mailboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&self.thread);
        self.hub.sessions.remove_owner(self.thread);
        self.mailbox.close();
    }

    fn mine_or_close(&self, session: Session) -> Option<Key> {
        if session.owner == self.thread {
            return Some(session.key);
        }
        self.hub.post(session.owner, Post::Close { key: session.key });
        None
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The way of one message to several sessions: ids are added one by one, unknown ones passed over.
#[derive(Debug)]
pub struct Route<'member> {
    member: &'member Member,
    local: Vec<Key>,
    elsewhere: HashMap<ThreadId, Vec<Key>>,
}

impl Route<'_> {
    pub fn add(&mut self, id: &[u16]) {
        let Some(session) = self.member.hub.sessions.get(id) else { return };
        if session.owner == self.member.thread {
            self.local.push(session.key);
        } else {
            self.elsewhere.entry(session.owner).or_default().push(session.key);
        }
    }

    /// Posts to the other threads, and returns the keys of this thread's sessions: each once, oldest session first,
    /// which is the order upstream feeds them in. `text` is asked for as in [`Member::send_one`].
    pub fn send<E>(self, text: impl FnOnce() -> Result<Arc<[u8]>, E>) -> Result<Vec<Key>, E> {
        if !self.elsewhere.is_empty() {
            let text = text()?;
            for (thread, keys) in self.elsewhere {
                self.member
                    .hub
                    .post(thread, Post::Message { keys: once_each(keys), text: Arc::clone(&text) });
            }
        }
        Ok(once_each(self.local))
    }
}

fn once_each(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}
