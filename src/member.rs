//! One thread's part in a hub: it registers that thread's sessions, finds any thread's, and sends to all of them.
//!
//! What concerns the thread's own streams is handed back as keys, to be dealt with on the spot; what concerns others goes
//! into the mailboxes of the threads they belong to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backplane::Backplane;
use crate::backplane::entry::{Entry, Id};
use crate::hub::{Hub, Seat, Signs};
use crate::info::Info;
use crate::mailbox::{Drained, Limit};
use crate::post::{CloseReason, EndReason, Post, Receipt, Text};
use crate::sessions::{Key, Room, Session, ThreadId};
use crate::subscriptions::{Filters, Place, RequestId, Subject};

/// What one drain takes at most, but for a post that is larger by itself. It is laid into one buffer, so that a small
/// chunk that nobody reads holds no more than this.
const DRAIN: Limit = Limit { posts: 1_024, bytes: 32 << 10 };

/// What [`Member::create`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    pub key: Key,
    /// The session of this thread that had the id until now; its stream is to be closed.
    pub replaced: Option<Key>,
}

/// A seat in a hub, for the thread that it belongs to. Leaves when dropped.
#[derive(Debug)]
pub struct Member {
    hub: Arc<Hub>,
    seat: Arc<Seat>,
    /// Of questions that this thread is working at, by a number that `lib/` knows them by.
    receipts: Mutex<BTreeMap<Key, Receipt>>,
    /// Whom this thread has posted to since it last saw that they had dealt with it: a bit each, modulo 64.
    posted_to: AtomicU64,
    /// Whether something was not taken that had to go to other machines, since that was last asked.
    refused: AtomicBool,
    left: AtomicBool,
}

impl Member {
    pub(crate) fn new(hub: Arc<Hub>, seat: Arc<Seat>) -> Self {
        Self {
            hub,
            seat,
            receipts: Mutex::default(),
            posted_to: AtomicU64::new(0),
            refused: AtomicBool::new(false),
            left: AtomicBool::new(false),
        }
    }

    /// Gives up the seat: the thread's sessions, what is known of them, and its registrations are gone from the hub, and
    /// nothing more is posted to it. When this returns, no call of its waker is under way.
    pub fn leave(&self) {
        if self.left.swap(true, Ordering::Relaxed) {
            return;
        }
        self.hub.leave(&self.seat);
        // Whoever waits for them need not wait any longer. Dropped with no lock held.
        let receipts = std::mem::take(&mut *self.receipts());
        drop(receipts);
    }

    /// Nobody would take away any more what it brings now.
    fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    fn is_mine(&self, owner: ThreadId) -> bool {
        owner == self.seat.thread
    }

    /// Finds a thread to post to; `None` for one that has left, which needs nothing any more.
    fn post_to(&self, thread: ThreadId, post: impl FnOnce(&Seat)) {
        if let Some(seat) = self.hub.seats().iter().find(|seat| seat.thread == thread) {
            self.posting_to(seat);
            post(seat);
        }
    }

    /// To be called before something is posted. What becomes of it is no concern of this thread's: an overflow is told to
    /// the thread that owns the streams.
    fn posting_to(&self, seat: &Seat) {
        let bit = bit(seat);
        // Relaxed: only this thread writes it. Mostly it is set already.
        if self.posted_to.load(Ordering::Relaxed) & bit == 0 {
            self.posted_to.fetch_or(bit, Ordering::Relaxed);
        }
    }

    fn post(&self, thread: ThreadId, post: Post) {
        self.post_to(thread, |seat| {
            seat.mailbox.post(post);
        });
    }

    fn receipts(&self) -> MutexGuard<'_, BTreeMap<Key, Receipt>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Streams.
impl Member {
    /// Registers a session of this thread. The newer stream of an id wins: an older one of another thread is closed
    /// there, one of this thread is for the caller to close.
    pub fn create(&self, id: &[u16]) -> Created {
        self.insert(id, Room::Unreserved)
    }

    /// Likewise, unless that would make it more than `max_sessions`, of all threads.
    pub fn create_within(&self, id: &[u16], max_sessions: usize) -> Option<Created> {
        // One that takes another's place is not one more. (Should that one go meanwhile, it is let in all the same.)
        let room = if self.has(id) { Room::Unreserved } else { self.hub.sessions.reserve(max_sessions)? };
        Some(self.insert(id, room))
    }

    fn insert(&self, id: &[u16], room: Room) -> Created {
        if self.has_left() {
            self.hub.sessions.give_back(room);
            return Created { key: Key::next(), replaced: None };
        }
        self.hub.count_in(&self.seat);
        let mut replaced = None;
        self.hub.backplane.iter().for_each(|backplane| backplane.claim(id, &self.hub.sessions));
        let key = self.hub.sessions.insert(id, self.seat.thread, room, |older| {
            replaced = self.mine_or_evicted(older, CloseReason::Replaced);
        });
        self.hub.changed(id);
        Created { key, replaced }
    }

    /// Forgets a session, wherever it lives. The key of one of this thread is returned, for the caller to close; one
    /// of another thread or machine is closed there.
    pub fn remove(&self, id: &[u16]) -> Option<Key> {
        let mut mine = None;
        if self.hub.sessions.remove(id, |session| mine = self.mine_or_evicted(session, CloseReason::Deleted))
        {
            self.hub.changed(id);
        } else {
            self.say(|| Entry::Delete { id: id.into() });
        }
        mine
    }

    /// Forgets a session of this thread only if it is still the one with that key.
    pub fn forget(&self, id: &[u16], key: Key) -> bool {
        let forgotten = self.hub.sessions.remove_this(id, Session { owner: self.seat.thread, key });
        if forgotten {
            self.hub.count_out(&self.seat, 1);
            self.hub.changed(id);
        }
        forgotten
    }

    /// Forgets all sessions and registrations of this thread. How many sessions there were.
    pub fn forget_all(&self) -> usize {
        let gone = self.hub.sessions.remove_owner(self.seat.thread);
        self.hub.count_out(&self.seat, gone.len());
        gone.iter().for_each(|id| self.hub.changed(id));
        self.seat.has_closed_all();
        self.hub.subscriptions.remove_owner(self.seat.thread);
        gone.len()
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
    pub fn send_one<E>(&self, id: &[u16], text: impl FnOnce() -> Result<Text, E>) -> Result<Option<Key>, E> {
        match self.hub.sessions.get(id) {
            Some(session) if self.is_mine(session.owner) => Ok(Some(session.key)),
            Some(session) => {
                self.post(session.owner, Post::Message { key: session.key, text: text()? });
                Ok(None)
            }
            None if self.is_alone() => Ok(None),
            None => {
                let text = text()?;
                self.say(|| Entry::Message { ids: vec![id.into()], text });
                Ok(None)
            }
        }
    }

    /// Starts the route of a message to several sessions.
    pub fn route(&self) -> Route<'_> {
        Route { member: self, local: Vec::new(), elsewhere: BTreeMap::new(), unknown: Vec::new() }
    }

    /// What this thread is to see without a call.
    pub fn signs(&self) -> Arc<Signs> {
        Arc::clone(&self.seat.signs)
    }

    /// This thread's sessions that are gone from the hub, and whose end is still in the mailbox.
    pub fn evicted(&self) -> Vec<Key> {
        self.seat.evicted()
    }

    /// What closes them; it is perhaps in the mailbox no more, if that has overflowed.
    pub fn ends(&self) -> Vec<Post> {
        self.seat.ends()
    }

    /// The end of that session was taken from the mailbox, and its stream is closed.
    pub fn has_closed(&self, key: Key) {
        self.seat.has_closed(key);
    }

    /// Sends a message to all sessions of other threads and machines. `text` is asked for as in [`Member::send_one`].
    pub fn send_elsewhere<E>(&self, text: impl FnOnce() -> Result<Text, E>) -> Result<(), E> {
        let seats = self.hub.seats();
        let mut others =
            seats.iter().filter(|seat| !self.is_mine(seat.thread) && seat.has_sessions()).peekable();
        if others.peek().is_some() || !self.is_alone() {
            let (until, text) = (Key::latest(), text()?);
            for seat in others {
                self.posting_to(seat);
                seat.mailbox.post(Post::Broadcast { until, text: Arc::clone(&text) });
            }
            self.say(|| Entry::Broadcast { text });
        }
        Ok(())
    }

    fn mine_or_evicted(&self, session: Session, reason: CloseReason) -> Option<Key> {
        if self.is_mine(session.owner) {
            self.hub.count_out(&self.seat, 1);
            return Some(session.key);
        }
        self.post_to(session.owner, |owner| {
            self.hub.count_out(owner, 1);
            owner.evict(session.key, reason);
        });
        None
    }
}

/// What is known of the sessions.
impl Member {
    /// It is the same whichever thread asks.
    pub fn info(&self) -> &Info {
        &self.hub.info
    }
}

/// Registrations.
impl Member {
    /// Registers `(origin, id)` for this thread, unless some thread has that already.
    pub fn register(&self, origin: &[u16], id: RequestId, filters: Filters) -> Option<Key> {
        if self.has_left() {
            return None;
        }
        self.hub.subscriptions.create(self.seat.thread, origin, id, filters)
    }

    pub fn unregister(&self, key: Key) -> bool {
        self.hub.subscriptions.remove(key)
    }

    /// The registration `(origin, id)`, if it is this thread's.
    pub fn registration(&self, origin: &[u16], id: &RequestId) -> Option<Key> {
        self.hub
            .subscriptions
            .find(origin, id)
            .filter(|place| self.is_mine(place.owner))
            .map(|place| place.key)
    }

    /// This thread's registrations, all or of one origin, in the order of delivery.
    pub fn registrations(&self, origin: Option<&[u16]>) -> Vec<Key> {
        self.mine(self.hub.subscriptions.of(origin))
    }

    /// This thread's registrations that a notification is for, in the order of delivery.
    pub fn interested(&self, subject: Subject) -> Vec<Key> {
        self.mine(self.hub.subscriptions.interested(subject))
    }

    /// Sends a notification to the registrations of other threads and machines that it is for. The name of the answer that will
    /// come when all threads have it; `None` if none has any.
    pub fn notify_elsewhere<E>(
        &self,
        subject: Subject,
        notification: impl FnOnce() -> Result<Text, E>,
    ) -> Result<Option<Key>, E> {
        let elsewhere = self.elsewhere(self.hub.subscriptions.interested(subject));
        if elsewhere.is_empty() && self.is_alone() {
            return Ok(None);
        }
        let notification = notification()?;
        self.say(|| Entry::Notify { topic: subject.into(), notification: Arc::clone(&notification) });
        if elsewhere.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.ask(elsewhere, |keys, receipt| Post::Notify {
            keys,
            notification: Arc::clone(&notification),
            receipt,
        })))
    }

    /// Has the registration `(origin, id)` closed by the thread that has it, if that is another one. The name of the
    /// answer as above.
    pub fn end_elsewhere(&self, origin: &[u16], id: &RequestId, reason: EndReason) -> Option<Key> {
        self.end(self.hub.subscriptions.find(origin, id).into_iter().collect(), reason)
    }

    /// Likewise for all registrations of other threads, or those of one origin.
    pub fn end_all_elsewhere(&self, origin: Option<&[u16]>, reason: EndReason) -> Option<Key> {
        self.end(self.hub.subscriptions.of(origin), reason)
    }

    fn end(&self, places: Vec<Place>, reason: EndReason) -> Option<Key> {
        let elsewhere = self.elsewhere(places);
        (!elsewhere.is_empty())
            .then(|| self.ask(elsewhere, |keys, receipt| Post::End { keys, reason, receipt }))
    }

    fn ask(&self, keys: BTreeMap<ThreadId, Vec<Key>>, post: impl Fn(Vec<Key>, Receipt) -> Post) -> Key {
        let (question, receipt) = Receipt::new(Arc::clone(&self.seat));
        for (thread, keys) in keys {
            self.post(thread, post(keys, receipt.clone()));
        }
        question
    }

    fn mine(&self, places: Vec<Place>) -> Vec<Key> {
        places.into_iter().filter(|place| self.is_mine(place.owner)).map(|place| place.key).collect()
    }

    fn elsewhere(&self, places: Vec<Place>) -> BTreeMap<ThreadId, Vec<Key>> {
        let mut elsewhere: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for place in places.into_iter().filter(|place| !self.is_mine(place.owner)) {
            elsewhere.entry(place.owner).or_default().push(place.key);
        }
        elsewhere
    }
}

/// The mailbox.
impl Member {
    /// Takes what other threads have for this one. To be called again when that is dealt with, until there is nothing: only
    /// then is the thread woken again.
    pub fn drain(&self) -> Drained<Post> {
        self.seat.mailbox.drain(DRAIN)
    }

    /// How much the mailbox holds from now on, in bytes.
    pub fn hold_at_most(&self, max_mailbox_bytes: usize) {
        self.seat.mailbox.hold_at_most(max_mailbox_bytes);
    }

    /// How many bytes wait for this thread.
    pub fn mailbox_bytes(&self) -> usize {
        self.seat.mailbox.bytes()
    }

    /// Asks for an answer when all that this thread has posted is dealt with. The name of that answer; `None` if that
    /// is so already.
    pub fn flush(&self) -> Option<Key> {
        let (question, receipt) = Receipt::new(Arc::clone(&self.seat));
        let mut asked = false;
        let posted_to = self.posted_to.swap(0, Ordering::Relaxed);
        for seat in self.hub.seats().iter().filter(|seat| posted_to & bit(seat) != 0) {
            if seat.mailbox.post_behind(Post::Flush { receipt: receipt.clone() }).is_ok() {
                // Perhaps it is not dealt with by the next time.
                self.posting_to(seat);
                asked = true;
            }
        }
        if let Some(backplane) = &self.hub.backplane {
            backplane.limit(&receipt);
            if backplane.is_behind() {
                backplane.when_sent(receipt.clone());
                asked = true;
            }
        }
        if !asked {
            receipt.withdraw();
        }
        asked.then_some(question)
    }

    /// Keeps a receipt until the question is dealt with: [`Member::settle`].
    pub fn keep(&self, receipt: Receipt) -> Key {
        let key = Key::next();
        if !self.has_left() {
            self.receipts().insert(key, receipt);
        }
        key
    }

    /// What the receipt of that number was kept for is done, or has failed.
    pub fn settle(&self, key: Key, failure: Option<Text>) {
        let receipt = self.receipts().remove(&key);
        if let (Some(receipt), Some(failure)) = (receipt, failure) {
            receipt.fail(failure);
        }
    }
}

/// Other machines.
impl Member {
    /// What joins this hub to theirs.
    pub fn backplane(&self) -> Option<&Arc<Backplane>> {
        self.hub.backplane.as_ref()
    }

    /// Whether something was not taken for them since this was last asked: as much as may be is waiting already.
    pub fn was_refused(&self) -> bool {
        // Relaxed: only this thread asks and says.
        self.refused.swap(false, Ordering::Relaxed)
    }

    /// Puts a question to what joins them. The name of the answer.
    pub fn question(&self, ask: impl FnOnce(&Backplane, Receipt)) -> Option<Key> {
        let backplane = self.hub.backplane.as_ref()?;
        let (question, receipt) = Receipt::new(Arc::clone(&self.seat));
        ask(backplane, receipt);
        Some(question)
    }

    /// Has this process leave them, if no other thread of it is here to stay. The name of the answer that comes when it has.
    pub fn leave_machines(&self) -> Option<Key> {
        if !self.hub.retire(&self.seat) {
            return None;
        }
        self.question(|backplane, receipt| backplane.leave(Some(receipt)))
    }

    fn is_alone(&self) -> bool {
        self.hub.backplane.is_none()
    }

    fn say(&self, entry: impl FnOnce() -> Entry) {
        if let Some(backplane) = &self.hub.backplane
            && backplane.say(entry()).is_err()
        {
            self.refused.store(true, Ordering::Relaxed);
        }
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
    elsewhere: BTreeMap<ThreadId, Vec<Key>>,
    /// Perhaps another machine knows them.
    unknown: Vec<Id>,
}

impl Route<'_> {
    pub fn add(&mut self, id: &[u16]) {
        let Some(session) = self.member.hub.sessions.get(id) else {
            if !self.member.is_alone() {
                self.unknown.push(id.into());
            }
            return;
        };
        if self.member.is_mine(session.owner) {
            self.local.push(session.key);
        } else {
            self.elsewhere.entry(session.owner).or_default().push(session.key);
        }
    }

    /// Sends to the other threads and machines, and returns the keys of this thread's sessions: each once, oldest session first,
    /// which is the order upstream feeds them in. `text` is asked for as in [`Member::send_one`].
    pub fn send<E>(self, text: impl FnOnce() -> Result<Text, E>) -> Result<Vec<Key>, E> {
        if !(self.elsewhere.is_empty() && self.unknown.is_empty()) {
            let text = text()?;
            for (thread, keys) in self.elsewhere {
                self.member.post(thread, Post::Multicast { keys: once_each(keys), text: Arc::clone(&text) });
            }
            if !self.unknown.is_empty() {
                self.member.say(|| Entry::Message { ids: self.unknown, text });
            }
        }
        Ok(once_each(self.local))
    }

    /// Posts nothing, and returns what [`Route::send`] does.
    pub fn local(self) -> Vec<Key> {
        once_each(self.local)
    }
}

fn bit(seat: &Seat) -> u64 {
    1 << (seat.thread.0 % 64)
}

fn once_each(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}
