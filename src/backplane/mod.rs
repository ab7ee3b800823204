//! What joins the hubs of several machines.
//!
//! Every process that joins is a *node*. All nodes write to one stream and read it to its end, so that its order is the
//! order of everything that is said between machines: a broadcast is one entry, however many nodes and sessions there are.
//!
//! * What a node has to say waits in its [`outbox`], numbered, until it stands in the stream. After a broken connection it
//!   is sent again, since it may have gone in or not; by the numbers, others see what comes twice, and what never came
//!   ([`senders`]).
//! * Local sessions never wait for any of this.
//! * Who has which session stands beside the stream, in a list of each node's that dies with it ([`roster`]).
//! * The [`claims`] in the stream decide who keeps an id that two nodes have.
//!
//! | module | what |
//! | --- | --- |
//! | [`entry`] | what nodes tell each other, and how it is written and checked |
//! | [`node`] | the task that stays connected, sends, reads and beats |
//! | [`delivery`] | what arrives, on its way into the mailboxes of this process |
//! | [`waiting`] | who waits for an answer, and for how long |
//! | [`bus`] | what a backplane needs of whatever joins the nodes |
//! | [`redis`], [`memory`] | two of these |
//! | [`runtime`] | the thread that all this runs on |

pub mod bus;
pub mod claims;
pub mod delivery;
pub mod entry;
pub mod memory;
pub mod node;
pub mod outbox;
pub mod redis;
pub mod roster;
pub mod runtime;
pub mod senders;
pub mod waiting;
pub mod wtf8;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use bus::Question;
use claims::Claims;
use entry::{Entry, NodeId};
use outbox::{Full, Outbox};
use roster::Roster;
use waiting::{Asked, Deadlines};

use crate::post::Receipt;
use crate::sessions::Sessions;

/// What the managers of a backplane were told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many entries the stream keeps, about.
    pub max_len: u64,
    /// How much waits to be sent, at most.
    pub max_pending_bytes: usize,
    /// After so long without an answer, whoever waits is told that there is none.
    pub command_timeout: Duration,
    pub heartbeat: Duration,
    /// A node that does not beat for so long is taken for dead.
    pub node_ttl: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_len: 10_000,
            max_pending_bytes: 8 << 20,
            command_timeout: Duration::from_secs(2),
            heartbeat: Duration::from_secs(3),
            node_ttl: Duration::from_secs(10),
        }
    }
}

/// After so many claims that found no room, those whose sessions are gone are forgotten.
const FORGET_EACH: usize = 10_000;

/// One hub's side of a backplane: what its threads say to it, for [`node`] to deal with.
#[derive(Debug)]
pub struct Backplane {
    pub node: NodeId,
    pub settings: Settings,
    outbox: Outbox,
    claims: Claims,
    roster: Roster,
    asked: Asked,
    deadlines: Deadlines,
    /// Who waits until the node is connected for the first time. `None` from then on.
    unready: Mutex<Option<Vec<Receipt>>>,
    /// There is something to send.
    work: Notify,
    /// Whether the node is to leave, and who waits for that.
    leaving: watch::Sender<bool>,
    left: Mutex<Vec<Receipt>>,
    pub counters: Counters,
}

/// Since the process joined, but for the first.
#[derive(Debug, Default)]
pub struct Counters {
    pub is_connected: AtomicBool,
    /// Entries.
    pub sent: AtomicU64,
    /// Entries of other nodes.
    pub received: AtomicU64,
    /// Entries that came twice.
    pub duplicates: AtomicU64,
    /// How often entries were missing, and how many.
    pub gaps: AtomicU64,
    pub missed: AtomicU64,
    /// What was read and is not as we write it.
    pub malformed: AtomicU64,
    /// How often the connection was lost.
    pub reconnects: AtomicU64,
}

impl Counters {
    fn add(counter: &AtomicU64, more: u64) {
        // Relaxed: they are numbers to look at.
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

impl Backplane {
    pub fn new(settings: Settings) -> Self {
        Self {
            node: NodeId::random(),
            settings,
            outbox: Outbox::new(settings.max_pending_bytes),
            claims: Claims::default(),
            roster: Roster::default(),
            asked: Asked::new(settings.max_pending_bytes),
            deadlines: Deadlines::default(),
            unready: Mutex::new(Some(Vec::new())),
            work: Notify::new(),
            leaving: watch::Sender::new(false),
            left: Mutex::default(),
            counters: Counters::default(),
        }
    }

    /// Says something to all other nodes.
    pub fn say(&self, entry: Entry) -> Result<(), Full> {
        self.outbox.push(entry)?;
        self.work.notify_one();
        Ok(())
    }

    /// A session is about to be created. To be called before it can be found.
    pub fn claim(&self, id: &[u16], sessions: &Sessions) {
        self.claims.claim(id, &self.outbox);
        let owed = self.claims.owed();
        if owed > 0 && owed.is_multiple_of(FORGET_EACH) {
            // So that those of sessions that are gone do not pile up.
            self.claims.claim_owed(&self.outbox, |id| sessions.contains(id));
        }
        self.work.notify_one();
    }

    /// Whether this node's session of that id stays, whatever others have said of the id until now.
    pub fn keeps(&self, id: &[u16]) -> bool {
        self.claims.outlast(id)
    }

    /// A session of this node has come or gone.
    pub fn changed(&self, id: &[u16]) {
        if self.roster.change(id) {
            self.work.notify_one();
        }
    }

    /// Puts a question to whatever joins the nodes. The receipt gets the answer.
    pub fn ask(&self, question: Question, receipt: Receipt) {
        self.deadlines.add(&receipt, self.settings.command_timeout);
        self.asked.add(question, receipt);
    }

    /// Whoever waits for this is told when it takes too long.
    pub fn limit(&self, receipt: &Receipt) {
        self.deadlines.add(receipt, self.settings.command_timeout);
    }

    /// Whether Redis lacks something that was said, or does not know of all sessions.
    pub fn is_behind(&self) -> bool {
        !self.outbox.is_empty() || self.roster.is_behind()
    }

    /// The receipt is answered when all that was said is in the stream, and all sessions are known.
    pub fn when_sent(&self, receipt: Receipt) {
        self.outbox.when_sent(receipt.clone());
        self.roster.when_told(receipt);
    }

    /// The receipt is answered when what others say reaches this node.
    pub fn when_ready(&self, receipt: Receipt) {
        self.deadlines.add(&receipt, self.settings.command_timeout);
        let mut unready = waiting::lock(&self.unready);
        if let Some(receipts) = &mut *unready {
            receipts.retain(|receipt| !receipt.is_answered());
            receipts.push(receipt);
        } else {
            // With no lock held: to let go of it is to answer.
            drop(unready);
            drop(receipt);
        }
    }

    /// Has the node leave. The receipt is answered when it has.
    pub fn leave(&self, receipt: Option<Receipt>) {
        waiting::lock(&self.left).extend(receipt);
        self.leaving.send_replace(true);
    }

    /// How much waits to be sent.
    pub fn pending_bytes(&self) -> usize {
        self.outbox.bytes()
    }
}
