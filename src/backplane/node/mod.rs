//! A node: the task that keeps a process connected.
//!
//! It connects, and then runs several loops until the connection fails: it sends entries (`send`), claims sessions (`claim`),
//! reads and acknowledges entries of others (`read`), keeps itself alive (`heartbeat`) and makes requests (`request`). After a
//! failure it waits and connects again.
//! It ends after [`Backplane::leave`] was called.

mod backoff;
mod claim;
mod heartbeat;
mod progress;
mod read;
mod report;
mod request;
mod send;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use self::backoff::Backoff;
use self::progress::{SharedProgress, Unacknowledged};
use self::report::Report;
use self::send::{MAX_FULL_WAIT, Sending};
use super::bus::{Bus, BusError, Joined, Link, Position};
use super::health::Writer;
use super::ids::NodeId;
use super::local_hub::LocalHub;
use super::lock::lock;
use super::losses::Losses;
use super::unavailable::unavailable;
use super::{Backplane, Counters};

/// A node that is not running yet.
pub struct Node<B: Bus> {
    hub: Arc<dyn LocalHub>,
    backplane: Arc<Backplane>,
    bus: B,
    /// Notified when the first entry was read that is not acknowledged.
    has_read: Notify,
    /// Notified when many entries were read that are not acknowledged.
    has_read_many: Notify,
}

/// The value of a loop that only ends with an error.
enum Never {}

impl<B: Bus> Node<B> {
    /// Returns a node that connects a hub to a bus.
    pub fn new(hub: Arc<dyn LocalHub>, backplane: Arc<Backplane>, bus: B) -> Self {
        Self { hub, backplane, bus, has_read: Notify::new(), has_read_many: Notify::new() }
    }

    /// Runs the node until [`Backplane::leave`] is called and the node has left.
    pub async fn run(self) {
        let progress = SharedProgress::default();
        select! {
            () = self.watch_deadlines() => {}
            () = self.stay_connected(&progress) => {}
        }
        self.backplane.counters.is_connected.store(false, Ordering::Relaxed);
        self.report_unsent();
        let problem = self.backplane.health.problem();
        let failure = || unavailable("closed before Redis replied", problem.as_ref());
        let Backplane { request_deadlines, patient_deadlines, deadlines, .. } = &*self.backplane;
        for deadlines in [request_deadlines, patient_deadlines, deadlines] {
            deadlines.fail_all(failure);
        }
        let left = std::mem::take(&mut *lock(&self.backplane.left));
        // Dropped without the lock, because that completes requests.
        drop(left);
    }

    async fn stay_connected(&self, progress: &SharedProgress) {
        let mut backoff = Backoff::default();
        let mut end = None;
        while !*self.backplane.leaving.borrow() {
            let error = select! {
                link = self.bus.connect(&self.backplane.node) => match link {
                    Err(error) => error,
                    Ok(link) => {
                        let error = select! {
                            error = self.use_link(&link, progress, &mut backoff) => error,
                            () = self.leave_requested() => {
                                let mut until = self.end_of_leaving();
                                if self.leave_by(&link, progress, &mut until).await.is_ok() {
                                    return;
                                }
                                end = Some(until);
                                break;
                            }
                        };
                        self.disconnected();
                        error
                    }
                },
                () = self.leave_requested() => break,
            };
            self.backplane.set_away(true);
            self.backplane.health.disconnected(&error);
            self.report(&Report::Disconnected(&error));
            if error.is_refused_write() {
                // The node has waited already, while it was still reading.
                continue;
            }
            select! {
                () = sleep(backoff.next()) => {}
                () = self.leave_requested() => {}
            }
        }
        // The node leaves while it is not connected. It connects once more to send what is left, and to remove its sessions,
        // so that the other nodes need not wait until it counts as dead.
        let Backplane { outbox, claims, requests, .. } = &*self.backplane;
        let mut end = end.unwrap_or_else(|| self.end_of_leaving());
        if !lock(progress).has_joined && outbox.is_empty() && !claims.is_behind() && requests.is_empty() {
            return;
        }
        // After `command_timeout` without progress, the node ends without that.
        while let Ok(link) = timeout_at(end, self.join_again(progress, &mut backoff)).await {
            if self.leave_by(&link, progress, &mut end).await.is_ok()
                || timeout_at(end, sleep(backoff.next())).await.is_err()
            {
                return;
            }
        }
    }

    /// Connects and registers the node, however often that fails. Only a registered node may send.
    async fn join_again(&self, progress: &SharedProgress, backoff: &mut Backoff) -> B::Link {
        loop {
            if let Ok(link) = self.bus.connect(&self.backplane.node).await
                && self.join(&link, progress).await.is_ok()
            {
                return link;
            }
            sleep(backoff.next()).await;
        }
    }

    /// Waits until [`Backplane::leave`] is called.
    async fn leave_requested(&self) {
        let mut leaving = self.backplane.leaving.subscribe();
        // This can only fail when the backplane is dropped, and `self` holds it.
        let _ = leaving.wait_for(|leaving| *leaving).await;
    }

    /// Uses a connection until it fails, and returns the error.
    async fn use_link(&self, link: &B::Link, progress: &SharedProgress, backoff: &mut Backoff) -> BusError {
        let refused = match self.join(link, progress).await {
            Ok(refused) => refused,
            Err(error) => return error,
        };
        let since = Instant::now();
        self.backplane.health.connected();
        self.backplane.counters.is_connected.store(true, Ordering::Relaxed);
        self.backplane.set_away(false);
        // Other nodes will not learn of a node that connects to a replica. That is probably the wrong server.
        if refused.as_ref().is_none_or(BusError::is_out_of_memory) {
            let unready = lock(&self.backplane.unready).take();
            // Dropped without the lock, because that completes requests.
            drop(unready);
        }
        let writing = async {
            if let Some(error) = refused {
                // A node that is not registered does not write: nodes that join later would miss its first entries.
                self.pause(error.clone(), Writer::Sender, progress).await?;
                return Err(error);
            }
            select! {
                failed = self.keep_sending(link, progress) => failed,
                failed = self.keep_claiming(link, progress) => failed,
                failed = self.keep_acknowledging(link, progress) => failed,
                failed = self.keep_alive(link, progress) => failed,
            }
        };
        let failed = select! {
            failed = writing => failed,
            failed = self.keep_reading(link, progress) => failed,
            failed = self.keep_requesting(link) => failed,
        };
        if since.elapsed() >= Backoff::RESET_AFTER {
            *backoff = Backoff::default();
        }
        let Err(error) = failed;
        error
    }

    fn disconnected(&self) {
        self.backplane.set_away(true);
        if self.backplane.counters.is_connected.swap(false, Ordering::Relaxed) {
            Counters::add(&self.backplane.counters.reconnects, 1);
        }
    }

    /// Registers the node, and repairs what the bus has lost. Returns the error of a server that refuses to register it.
    async fn join(&self, link: &B::Link, progress: &SharedProgress) -> Result<Option<BusError>, BusError> {
        let known = self.known();
        let Joined { standing, refused } = link.join().await?;
        let is_again = {
            let mut progress = lock(progress);
            // The new connection reads the inbox from its start, which has the entries that were not acknowledged.
            progress.read = Position::default();
            progress.unacknowledged = Unacknowledged::default();
            let is_again = progress.has_joined;
            progress.has_joined |= refused.is_none();
            is_again
        };
        if refused.is_none() && is_again {
            if !standing.was_known {
                self.report(&Report::Lost(&BusError::inbox_lost()));
                lock(progress).losses = Losses::default();
            }
            self.compare(link, progress, &known, standing).await?;
        }
        Ok(refused)
    }

    /// Fails requests that have no reply after `command_timeout`.
    async fn watch_deadlines(&self) {
        let Backplane { request_deadlines, patient_deadlines, deadlines, .. } = &*self.backplane;
        let Backplane { requests, counters, .. } = &*self.backplane;
        let failure = || unavailable("Redis is unavailable", Some(&self.problem()));
        let of_requests = async {
            loop {
                let no_reply = || {
                    // The caller may ask again at once. That question must not wait for the bus, too.
                    self.backplane.set_away(true);
                    failure()
                };
                request_deadlines.fail_expired(no_reply).await;
                requests.remove_settled();
            }
        };
        let of_others = async {
            loop {
                deadlines.fail_expired(failure).await;
            }
        };
        let of_patient = async {
            let sent = || counters.sent.load(Ordering::Relaxed);
            loop {
                patient_deadlines.fail_without_progress(sent, failure).await;
            }
        };
        select! {
            () = of_requests => {}
            () = of_patient => {}
            () = of_others => {}
        }
    }

    /// Returns the time at which a node that leaves ends without having sent everything, unless it sends something before.
    fn end_of_leaving(&self) -> Instant {
        Instant::now() + self.backplane.settings.command_timeout
    }

    /// Sends what is left, makes the requests that wait, and leaves. Gives up at `end`, and moves it whenever something was sent.
    ///
    /// # Errors
    /// Returns an error when the node has not left, and may do so over a new connection.
    async fn leave_by(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
        end: &mut Instant,
    ) -> Result<(), BusError> {
        let sent = self.send_rest(link, progress, end).await;
        let requesting = async {
            sent?;
            while self.request_some(link).await? {}
            Ok(())
        };
        let leaving = async {
            match requesting.await {
                Err::<(), BusError>(error) if error.is_of_other_server() => Err(error),
                // The node leaves even if the server has refused a command.
                _ => link.leave().await,
            }
        };
        // The node ends in any case. Keys that it could not remove from Redis expire with their time to live.
        match timeout_at(*end, leaving).await {
            Ok(Err(error)) if error.is_of_other_server() || !error.is_refused_write() => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends what is left. Moves `end` whenever it has sent something. Gives up before `end` when the server refuses writes, so that
    /// the node can still leave.
    async fn send_rest(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
        end: &mut Instant,
    ) -> Result<(), BusError> {
        loop {
            // The connection fails without progress. A large message over a slow line may take longer.
            let delay = match self.send_some(link, progress).await {
                Ok(Sending::Nothing) => return Ok(()),
                Ok(Sending::Some) => {
                    *end = self.end_of_leaving();
                    continue;
                }
                Ok(Sending::Full) => MAX_FULL_WAIT,
                Err(error) if error.is_refused_write() && !error.is_of_other_server() => {
                    self.backplane.health.refused(Writer::Sender, &error);
                    lock(progress).write_backoff.next()
                }
                Err(error) => return Err(error),
            };
            // The node needs some of the time to leave.
            if Instant::now() + (delay * 2).max(self.backplane.settings.command_timeout / 4) >= *end {
                return Ok(());
            }
            sleep(delay).await;
        }
    }

    /// Counts and reports the entries that the node could not send before it ended.
    fn report_unsent(&self) {
        let Backplane { outbox, counters, .. } = &*self.backplane;
        let unsent = outbox.len();
        if unsent > 0 {
            Counters::add(&counters.dropped, unsent as u64);
            self.report(&Report::Unsent(&self.problem()));
        }
    }

    /// Returns why the bus does not do what it should: the known problem, or that it takes too long.
    fn problem(&self) -> BusError {
        let Backplane { health, settings, .. } = &*self.backplane;
        health.problem().unwrap_or_else(|| BusError::timed_out(settings.command_timeout))
    }

    /// Counts and reports lost entries of a node.
    fn gap(&self, node: &NodeId, missed: u64) {
        Counters::add(&self.backplane.counters.gaps, 1);
        Counters::add(&self.backplane.counters.missed, missed);
        self.report(&Report::Gap { node: node.as_str(), missed });
    }

    fn report(&self, report: &Report<'_>) {
        self.hub.report(&report.json());
    }
}
