//! The backplane: it connects the hubs of several processes.
//!
//! Every connected process is a *node*. Each node has an *inbox*: everything that concerns it, in one order. The *directory* says
//! which node has a session. The bus puts what a node publishes into the inboxes of the nodes that it concerns, so a node reads
//! nothing that is for others.
//!
//! * Entries of a node are numbered and wait in its [`outbox`] until the bus has them. After a broken connection the node sends
//!   them again, because it cannot know whether they arrived. The bus skips those that it has, and the readers drop those that
//!   they have read ([`sequences`]).
//! * A node that is alive loses nothing: when an inbox is full, the senders wait. The oldest entries of a node that counts as
//!   dead are removed, and counted for the time when it comes back ([`losses`]).
//! * Delivery to a session of the same process never waits for the backplane.
//! * When two nodes create a session with the same id, the order of their claims in the directory decides which one keeps it
//!   ([`claims`]).
//!
//! | module | contents |
//! | --- | --- |
//! | [`message`], [`topic`] | the messages between nodes |
//! | [`outbox_entry`], [`inbox_entry`] | what a node publishes, and what it receives |
//! | [`fields`], [`frame`] | how the entries of inboxes are written and checked |
//! | [`ids`] | the ids of sessions and of nodes |
//! | [`node`] | the task that stays connected, sends, reads, and keeps the node alive |
//! | [`local_hub`] | the interface to the hub of the node's process |
//! | [`health`] | what is wrong with the node's connection |
//! | [`request`], [`request_queue`], [`deadlines`] | requests to Redis that wait for a reply, and for how long |
//! | [`mod@unavailable`] | the error for a call that needs Redis while it is away |
//! | [`waiting`] | a list of completions that wait for an event |
//! | [`bus`] | the interface to the medium that connects the nodes |
//! | [`redis`], [`memory`] | the two media: Redis, and memory for tests |
//! | [`runtime`] | the thread that nodes run on |
//! | [`outbox`], [`claims`], [`sequences`], [`losses`] | the state of a node, as listed above |
//! | [`settings`] | the settings that all managers of a node share |
//! | [`wtf8`] | ids and URIs as bytes |
//! | [`json`] | checks JSON |
//! | `lock` | locks a mutex, even a poisoned one |

pub mod bus;
pub mod claims;
pub mod deadlines;
pub mod fields;
pub mod frame;
pub mod health;
pub mod ids;
pub mod inbox_entry;
pub mod json;
pub mod local_hub;
mod lock;
pub mod losses;
pub mod memory;
pub mod message;
pub mod node;
pub mod outbox;
pub mod outbox_entry;
pub mod redis;
pub mod request;
pub mod request_queue;
pub mod runtime;
pub mod sequences;
pub mod settings;
pub mod topic;
pub mod unavailable;
pub mod waiting;
pub mod wtf8;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use tokio::sync::{Notify, watch};

use self::bus::Stamp;
use self::claims::Claims;
use self::deadlines::Deadlines;
use self::health::Health;
use self::ids::NodeId;
use self::lock::lock;
use self::outbox::{Full, Outbox};
use self::outbox_entry::OutboxEntry;
use self::redis::tls::TlsOptions;
use self::request::Request;
use self::request_queue::RequestQueue;
use self::settings::Settings;
use self::unavailable::unavailable;
use self::waiting::Waiting;
use crate::registry::sessions::Sessions;
use crate::threads::completion::Completion;
use crate::threads::message::CloseReason;

/// One hub's side of the backplane. The threads of the hub put their entries and requests here; the [`node`] takes them.
#[derive(Debug)]
pub struct Backplane {
    /// The name of this process among the nodes.
    pub node: NodeId,
    /// The settings of the first manager that joined.
    pub settings: Settings,
    /// The TLS options of the first manager that joined. Not set by tests, which use another bus.
    pub tls: OnceLock<TlsOptions>,
    outbox: Outbox,
    claims: Claims,
    requests: RequestQueue,
    /// Deadlines of `requests`.
    request_deadlines: Deadlines,
    /// Deadlines of requests that may take any time while entries are sent.
    patient_deadlines: Deadlines,
    /// Deadlines of everything else.
    deadlines: Deadlines,
    /// True when the bus is known not to answer: the connection is lost or cannot be made, or a request had no reply in time.
    /// False from the next answer on.
    is_away: AtomicBool,
    /// Completions that wait for the first connection. `None` after the node has connected for the first time.
    unready: Mutex<Option<Waiting>>,
    /// Notified when there is an entry to send.
    work: Notify,
    /// Notified when there is a change of the directory to make.
    changed: Notify,
    /// True when the node has to leave.
    leaving: watch::Sender<bool>,
    /// Completions that wait until the node has left.
    left: Mutex<Vec<Completion>>,
    /// Numbers for statistics.
    pub counters: Counters,
    /// What is wrong with the connection.
    pub health: Health,
}

/// Statistics of a node. All but the first count from the time the process joined.
#[derive(Debug, Default)]
pub struct Counters {
    /// True while the node is connected.
    pub is_connected: AtomicBool,
    /// Entries of this node that the bus has.
    pub sent: AtomicU64,
    /// Entries and changes that were dropped because too much was waiting, or because the bus refused them.
    pub dropped: AtomicU64,
    /// Entries of other nodes that this node delivered.
    pub received: AtomicU64,
    /// Entries that arrived a second time and were dropped.
    pub duplicates: AtomicU64,
    /// Times that entries of a node were found to be lost.
    pub gaps: AtomicU64,
    /// Entries that were lost.
    pub missed: AtomicU64,
    /// Entries and values that had a wrong format.
    pub malformed: AtomicU64,
    /// Times that the connection was lost.
    pub reconnects: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64, more: u64) {
        // Relaxed: the numbers are only displayed.
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

impl Backplane {
    /// Returns the backplane of a new hub, under a node name of its own.
    pub fn new(settings: Settings) -> Self {
        Self {
            node: NodeId::random(),
            settings,
            tls: OnceLock::new(),
            outbox: Outbox::new(settings.max_pending_bytes),
            claims: Claims::default(),
            requests: RequestQueue::new(settings.max_pending_bytes),
            request_deadlines: Deadlines::default(),
            patient_deadlines: Deadlines::default(),
            deadlines: Deadlines::default(),
            is_away: AtomicBool::new(false),
            unready: Mutex::new(Some(Waiting::default())),
            work: Notify::new(),
            changed: Notify::new(),
            leaving: watch::Sender::new(false),
            left: Mutex::default(),
            counters: Counters::default(),
            health: Health::default(),
        }
    }

    /// Publishes an entry to the other nodes that it concerns.
    ///
    /// # Errors
    /// Returns [`Full`] when `max_pending_bytes` are waiting already. The entry is dropped then.
    pub fn publish(&self, entry: OutboxEntry) -> Result<(), Full> {
        self.outbox.push(entry).inspect_err(|_| Counters::add(&self.counters.dropped, 1))?;
        self.work.notify_one();
        Ok(())
    }

    /// Records that a session is about to be put into the registry. Called before other threads can find the session.
    pub fn creating(&self, id: &[u16]) {
        self.claims.creating(id);
    }

    /// Claims the id of a session that was put into the registry.
    pub fn created(&self, id: &[u16], sessions: &Sessions) {
        let is_purge_due = self.claims.created(id, self.outbox.last_number());
        self.wake_claims(is_purge_due, sessions);
    }

    /// Releases the id of a session that was removed from the registry.
    pub fn removed(&self, id: &[u16], sessions: &Sessions) {
        let is_purge_due = self.claims.removed(id);
        self.wake_claims(is_purge_due, sessions);
    }

    fn wake_claims(&self, is_purge_due: bool, sessions: &Sessions) {
        if is_purge_due {
            self.claims.purge(|id| sessions.contains(id));
        }
        self.changed.notify_one();
    }

    /// Returns true when this node keeps its session although it has to close sessions that are older than a stamp: its claim is
    /// later.
    pub fn keeps(&self, id: &[u16], stamp: Stamp, reason: CloseReason) -> bool {
        self.claims.keeps(id, stamp, reason)
    }

    /// Queues a request to the bus. The completion receives the reply.
    pub fn request(&self, request: Request, completion: Completion) {
        self.request_deadlines.add(&completion, self.settings.command_timeout);
        if let Err(refused) = self.requests.add(request, completion) {
            let message = "too many calls are waiting for Redis: maxPendingBytes is reached";
            refused.fail(unavailable(message, self.health.problem().as_ref()));
        }
    }

    /// Queues a change of client information. It reaches the bus even if the completion fails at its deadline.
    ///
    /// # Errors
    /// Returns [`Full`] when `max_pending_bytes` of requests are waiting already. The change is dropped then.
    pub fn change(&self, change: Request, completion: Completion) -> Result<(), Full> {
        if completion.has_requester() {
            self.request_deadlines.add(&completion, self.settings.command_timeout);
        }
        let kept = self.requests.keep(change, completion, self.delays_changes());
        kept.inspect_err(|_| Counters::add(&self.counters.dropped, 1))
    }

    /// Returns true when the bus is known not to answer.
    pub fn is_away(&self) -> bool {
        // Relaxed: a thread that gets the failure of a request through its mailbox sees what was stored before it.
        self.is_away.load(Ordering::Relaxed)
    }

    /// Returns true when changes wait because the bus refused one of them: it is full or read-only.
    pub fn refuses_changes(&self) -> bool {
        self.requests.is_refused()
    }

    /// Returns true when a change of client information does not reach the bus soon.
    pub fn delays_changes(&self) -> bool {
        self.is_away() || self.refuses_changes()
    }

    fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Makes the request of this completion fail unless it is completed within `command_timeout`.
    pub fn add_deadline(&self, completion: &Completion) {
        self.deadlines.add(completion, self.settings.command_timeout);
    }

    /// Makes the request of this completion fail when no entry was sent for `command_timeout`, and it is not completed.
    pub fn add_patient_deadline(&self, completion: &Completion) {
        let sent = self.counters.sent.load(Ordering::Relaxed);
        self.patient_deadlines.add_with_progress(completion, self.settings.command_timeout, sent);
    }

    /// Returns true when the bus lacks entries of this node, or the directory lacks changes.
    pub fn is_behind(&self) -> bool {
        !self.outbox.is_empty() || self.claims.is_behind()
    }

    /// Returns true when the bus can be used, and does not have all entries that were published.
    pub fn is_publishing(&self) -> bool {
        !self.outbox.is_empty() && !self.is_away() && self.health.problem().is_none()
    }

    /// Drops the completion when the bus has all entries that were published so far. Its request fails when that takes longer
    /// than `command_timeout`.
    pub fn complete_when_published(&self, completion: Completion) {
        self.add_deadline(&completion);
        self.outbox.complete_when_sent(completion);
    }

    /// Drops the completion when the bus has all entries that were published so far, and the directory all changes.
    pub fn complete_when_sent(&self, completion: Completion) {
        self.outbox.complete_when_sent(completion.clone());
        self.claims.complete_when_current(completion);
    }

    /// Drops the completion when this node receives what other nodes publish.
    pub fn complete_when_ready(&self, completion: Completion) {
        self.add_deadline(&completion);
        let mut unready = lock(&self.unready);
        if let Some(waiting) = &mut *unready {
            waiting.push((), completion);
        } else {
            // Dropped without the lock, because that completes the request.
            drop(unready);
            drop(completion);
        }
    }

    /// Makes the node leave. The completion is dropped when it has left.
    pub fn leave(&self, completion: Option<Completion>) {
        lock(&self.left).extend(completion);
        self.leaving.send_replace(true);
    }

    /// Returns the number of bytes that wait to be sent.
    pub fn pending_bytes(&self) -> usize {
        self.outbox.bytes() + self.requests.bytes()
    }
}
