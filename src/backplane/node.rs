//! A node: the task that stays connected, sends what its process has to say, reads what the others say, and beats.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::select;
use tokio::time::{sleep, timeout};

use super::bus::{Answer, Beat, Bus, Entered, Fault, Link, Position, Sent};
use super::entry::{Field, NodeId, Stamped, is_json};
use super::senders::{Arrival, Senders};
use super::waiting::{lock, unavailable};
use super::{Backplane, Counters, delivery, wtf8};
use crate::hub::Hub;
use crate::post::Text;

/// What is sent at once: it is sent again as a whole when the connection breaks. Less where that has happened, as perhaps it
/// takes too long.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
/// What is asked at once.
const QUESTIONS: usize = 256;
/// How many entries are read at once: fewer where they are large.
const READ_FEWEST: usize = 4;
const READ_MOST: usize = 64;
const READ_BYTES: usize = 1 << 20;
/// How soon a reader that waits for a thread looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long it waits before it connects again: at least, and doubled each time up to the most.
const BACKOFF_LEAST: Duration = Duration::from_millis(50);
const BACKOFF_MOST: Duration = Duration::from_secs(2);

pub struct Node<B: Bus> {
    hub: Arc<Hub>,
    backplane: Arc<Backplane>,
    bus: B,
}

/// How far it has got.
#[derive(Default)]
struct Progress {
    /// Where it began to read. Nothing before concerns it.
    start: Option<Position>,
    /// What it has read last.
    read: Position,
    /// What it has sent last.
    sent: Option<Sent>,
    senders: Senders,
    /// How often what is sent at once is halved.
    less: u32,
    /// A thread does not move, and has been waited for.
    is_impatient: bool,
}

type Shared<T> = std::sync::Mutex<T>;

impl<B: Bus> Node<B> {
    pub fn new(hub: Arc<Hub>, backplane: Arc<Backplane>, bus: B) -> Self {
        Self { hub, backplane, bus }
    }

    /// Lives until the backplane is told to leave.
    pub async fn live(self) {
        let progress = Shared::default();
        select! {
            () = self.keep_time() => {}
            () = self.stay_connected(&progress) => {}
        }
        self.backplane.counters.is_connected.store(false, Ordering::Relaxed);
        self.backplane.deadlines.end(|| unavailable("closed before Redis has answered"));
        let left = std::mem::take(&mut *lock(&self.backplane.left));
        // To let go of a receipt is to answer.
        drop(left);
    }

    async fn stay_connected(&self, progress: &Shared<Progress>) {
        let mut backoff = Backoff::default();
        while !*self.backplane.leaving.borrow() {
            let fault = select! {
                link = self.bus.connect(&self.backplane.node) => match link {
                    Err(fault) => fault,
                    Ok(link) => {
                        let fault = select! {
                            fault = self.work(&link, progress, &mut backoff) => fault,
                            () = self.told_to_leave() => {
                                return self.depart_by(&link, progress).await;
                            }
                        };
                        self.disconnected();
                        fault
                    }
                },
                () = self.told_to_leave() => break,
            };
            self.report(&Report::Error { message: &fault.0 });
            select! {
                () = sleep(backoff.next()) => {}
                () = self.told_to_leave() => {}
            }
        }
        // What was not sent gets another chance, and the others need not wait until the node is taken for dead.
        let Backplane { outbox, asked, .. } = &*self.backplane;
        if progress_began(progress) || !outbox.is_empty() || !asked.is_empty() {
            let connecting = async {
                loop {
                    if let Ok(link) = self.bus.connect(&self.backplane.node).await {
                        return self.depart_by(&link, progress).await;
                    }
                    sleep(backoff.next()).await;
                }
            };
            // At the end of its time it is gone without.
            let _ = timeout(self.backplane.settings.command_timeout, connecting).await;
        }
    }

    async fn told_to_leave(&self) {
        let mut leaving = self.backplane.leaving.subscribe();
        // It can only fail when there is no backplane any more.
        let _ = leaving.wait_for(|leaving| *leaving).await;
    }

    /// Uses a connection until it fails.
    async fn work(&self, link: &B::Link, progress: &Shared<Progress>, backoff: &mut Backoff) -> Fault {
        if let Err(fault) = self.enter(link, progress).await {
            return fault;
        }
        let since = Instant::now();
        self.backplane.counters.is_connected.store(true, Ordering::Relaxed);
        let unready = lock(&self.backplane.unready).take();
        // To let go of a receipt is to answer.
        drop(unready);
        let failed = select! {
            failed = self.send(link, progress) => failed,
            failed = self.read(link, progress) => failed,
            failed = self.beat(link, progress) => failed,
            failed = self.answer(link) => failed,
        };
        if since.elapsed() >= BACKOFF_MOST {
            // Otherwise what fails at once each time would be tried all the time.
            *backoff = Backoff::default();
        }
        let Err(fault) = failed;
        fault
    }

    fn disconnected(&self) {
        self.backplane.roster.stop();
        if self.backplane.counters.is_connected.swap(false, Ordering::Relaxed) {
            Counters::add(&self.backplane.counters.reconnects, 1);
        }
    }

    async fn enter(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<(), Fault> {
        self.backplane.roster.follow();
        let Entered { end, nodes } = link.enter(&self.hub.sessions.ids()).await?;
        let mut progress = lock(progress);
        match progress.start {
            None => {
                *progress = Progress { start: Some(end), read: end, ..Progress::default() };
                progress.senders = Senders::beside(nodes);
            }
            // The stream is a new one, and its clock behind: all in it is news.
            Some(start) if end < start => {
                progress.start = Some(Position::default());
                progress.read = Position::default();
            }
            // It has lost its last entries. What comes twice is dropped; what was before this node began is not for it.
            Some(start) if end < progress.read => progress.read = start,
            Some(_) => {}
        }
        Ok(())
    }

    async fn send(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<Never, Fault> {
        loop {
            if !self.tell(link, progress).await? {
                self.backplane.work.notified().await;
            }
        }
    }

    /// Whether there was anything to tell.
    async fn tell(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<bool, Fault> {
        let listed = self.list(link).await?;
        let sent = self.send_batch(link, progress).await?;
        Ok(listed || sent)
    }

    /// Whether there was anything to send.
    async fn send_batch(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<bool, Fault> {
        let Backplane { outbox, claims, counters, .. } = &*self.backplane;
        let less = lock(progress).less;
        let Some(batch) = outbox.next((BATCH >> less).max(1), BATCH_BYTES >> less) else { return Ok(false) };
        // Taken back when it has worked: a connection that breaks ends this.
        lock(progress).less = (less + 1).min(BATCH.ilog2());
        let at = link.append(&batch).await?;
        {
            let mut progress = lock(progress);
            progress.less = less.saturating_sub(1);
            progress.sent = Some(Sent { number: batch.last(), at });
        }
        outbox.sent(batch.last());
        Counters::add(&counters.sent, batch.entries.len() as u64);
        claims.claim_owed(outbox, |id| self.hub.sessions.contains(id));
        Ok(true)
    }

    /// Whether any session had come or gone.
    async fn list(&self, link: &B::Link) -> Result<bool, Fault> {
        let changed = self.backplane.roster.take();
        if changed.is_empty() {
            return Ok(false);
        }
        let (come, gone): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|id| self.hub.sessions.contains(id));
        link.list(&come, &gone).await?;
        Ok(true)
    }

    async fn read(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<Never, Fault> {
        let mut most = READ_FEWEST;
        loop {
            let after = lock(progress).read;
            let entries = link.read(after, most).await?;
            let bytes: usize =
                entries.iter().flat_map(|(_, fields)| fields).map(|(_, value)| value.len()).sum();
            most = if bytes > READ_BYTES { most / 2 } else { most * 2 }.clamp(READ_FEWEST, READ_MOST);
            for (position, fields) in entries {
                self.wait_for_room(progress).await;
                self.arrived(&mut lock(progress), position, fields);
            }
        }
    }

    /// Until every thread has room for more. One that does not move for so long must not hold up the others: its mailbox
    /// overflows, and its streams are closed when it comes to itself.
    async fn wait_for_room(&self, progress: &Shared<Progress>) {
        if delivery::has_room(&self.hub) {
            lock(progress).is_impatient = false;
            return;
        }
        if lock(progress).is_impatient {
            return;
        }
        let waiting = async {
            while !delivery::has_room(&self.hub) {
                sleep(LOOK_AGAIN).await;
            }
        };
        let waited = timeout(self.backplane.settings.command_timeout, waiting).await;
        lock(progress).is_impatient = waited.is_err();
    }

    fn arrived(&self, progress: &mut Progress, position: Position, fields: Vec<Field>) {
        let counters = &self.backplane.counters;
        progress.read = position;
        let Ok(Stamped { node, number, entry }) = Stamped::parse(fields) else {
            return Counters::add(&counters.malformed, 1);
        };
        if node == self.backplane.node {
            return self.backplane.claims.read_back(number, &entry);
        }
        match progress.senders.arrival(&node, number, Instant::now()) {
            Arrival::Again => return Counters::add(&counters.duplicates, 1),
            Arrival::After { missed } => self.gap(&node, missed),
            Arrival::Next => {}
        }
        Counters::add(&counters.received, 1);
        delivery::deliver(&self.hub, &self.backplane, entry);
    }

    fn gap(&self, node: &NodeId, missed: u64) {
        Counters::add(&self.backplane.counters.gaps, 1);
        Counters::add(&self.backplane.counters.missed, missed);
        self.report(&Report::Gap { node: node.as_str(), missed });
    }

    async fn beat(&self, link: &B::Link, progress: &Shared<Progress>) -> Result<Never, Fault> {
        loop {
            let (sent, read) = {
                let progress = lock(progress);
                (progress.sent, progress.read)
            };
            let Beat { is_listed, sent, end } = link.beat(sent).await?;
            if end < read {
                // What comes into it is not seen behind what was read. Whoever enters looks where to read on.
                return Err(Fault::new(
                    "the stream ends before what was read of it: it was lost, or some of it",
                ));
            }
            if !is_listed && !self.hub.sessions.is_empty() {
                // Perhaps the first are on their way into it.
                let ids = self.hub.sessions.ids();
                link.list(&ids, &[]).await?;
            }
            self.compare(&mut lock(progress), sent);
            sleep(self.backplane.settings.heartbeat).await;
        }
    }

    /// Looks for what the other nodes have sent and this one has not got, though it has read beyond.
    fn compare(&self, progress: &mut Progress, sent: Vec<(NodeId, Sent)>) {
        for (node, Sent { number, at }) in sent {
            if node != self.backplane.node && at <= progress.read {
                let is_before = progress.start.is_none_or(|start| at <= start);
                let missed = progress.senders.has_sent(&node, number, is_before, Instant::now());
                if missed > 0 {
                    self.gap(&node, missed);
                }
            }
        }
    }

    async fn answer(&self, link: &B::Link) -> Result<Never, Fault> {
        loop {
            if !self.answer_batch(link).await? {
                self.backplane.asked.more().await;
            }
        }
    }

    /// Whether there was anything to answer.
    async fn answer_batch(&self, link: &B::Link) -> Result<bool, Fault> {
        let (questions, receipts) = self.backplane.asked.next(QUESTIONS);
        if questions.is_empty() {
            return Ok(false);
        }
        let answers = link.ask(&questions).await?;
        for (receipt, answer) in receipts.into_iter().zip(answers) {
            match answer {
                Answer::Refused(Fault(why)) => receipt.fail(unavailable(&format!("Redis refuses: {why}"))),
                Answer::Done => receipt.done(),
                Answer::Is(is) => receipt.answer(is.to_string().into_bytes().into()),
                Answer::Value(value) => receipt.answer(self.json(value).into()),
                Answer::Ids(ids) => receipt.answer(self.json_of(&ids).into()),
            }
        }
        Ok(true)
    }

    /// A value for `lib/`, in JSON.
    fn json(&self, value: Option<Vec<u8>>) -> Vec<u8> {
        match value {
            Some(value) if is_json(&value) => value,
            Some(_) => self.malformed(),
            None => b"null".to_vec(),
        }
    }

    fn json_of(&self, ids: &[Vec<u8>]) -> Vec<u8> {
        let ids = ids.iter().map(|id| wtf8::decode(id)).collect::<Option<Vec<_>>>();
        ids.map_or_else(|| self.malformed(), |ids| wtf8::json_array(&ids).into_bytes())
    }

    /// What is there is none of ours: nothing is known.
    fn malformed(&self) -> Vec<u8> {
        Counters::add(&self.backplane.counters.malformed, 1);
        b"null".to_vec()
    }

    /// Tells those who wait too long.
    async fn keep_time(&self) {
        let Backplane { settings, deadlines, asked, .. } = &*self.backplane;
        let why = || {
            unavailable(&format!("Redis has not answered within {} ms", settings.command_timeout.as_millis()))
        };
        loop {
            deadlines.pass(why).await;
            asked.forget_answered();
        }
    }

    /// Sends what is left, answers those who wait, and takes the node away, as far as that is done in time.
    async fn depart_by(&self, link: &B::Link, progress: &Shared<Progress>) {
        let departing = async {
            while self.tell(link, progress).await? {}
            while self.answer_batch(link).await? {}
            link.leave().await
        };
        // It leaves either way; what a broken connection keeps of it dies with its time to live.
        let _ = timeout(self.backplane.settings.command_timeout, departing).await;
    }

    fn report(&self, report: &Report) {
        self.hub.report(&report.json());
    }
}

/// What the threads are told, in JSON for `lib/`.
enum Report<'node> {
    Error { message: &'node str },
    Gap { node: &'node str, missed: u64 },
}

impl Report<'_> {
    fn json(&self) -> Text {
        let json = match self {
            Self::Error { message } => serde_json::json!({ "error": message }),
            Self::Gap { node, missed } => serde_json::json!({ "node": node, "missed": missed }),
        };
        json.to_string().into_bytes().into()
    }
}

/// Of what goes on until it fails.
enum Never {}

/// How long to wait before the next attempt: longer each time, and not the same for all nodes.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(BACKOFF_LEAST)
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(BACKOFF_MOST);
        longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}

fn progress_began(progress: &Shared<Progress>) -> bool {
    lock(progress).start.is_some()
}
