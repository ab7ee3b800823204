//! A node: the task that keeps a process connected.
//!
//! It connects, and then runs four loops until the connection fails: it sends entries (`send`), reads those of others
//! (`read`), keeps itself alive (`heartbeat`) and makes requests (`request`). After a failure it waits and connects again.
//! It ends after [`Backplane::leave`] was called.

mod backoff;
mod heartbeat;
mod progress;
mod read;
mod report;
mod request;
mod send;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::select;
use tokio::time::{sleep, timeout};

use self::backoff::Backoff;
use self::progress::{Progress, SharedProgress, has_started};
use self::report::Report;
use super::bus::{Bus, BusError, Joined, Link, Position};
use super::entry::NodeId;
use super::local_hub::LocalHub;
use super::lock::lock;
use super::requests::unavailable;
use super::sequences::Sequences;
use super::{Backplane, Counters};

/// A node that is not running yet.
pub struct Node<B: Bus> {
    hub: Arc<dyn LocalHub>,
    backplane: Arc<Backplane>,
    bus: B,
}

/// The value of a loop that only ends with an error.
enum Never {}

impl<B: Bus> Node<B> {
    /// Returns a node that connects a hub to a bus.
    pub fn new(hub: Arc<dyn LocalHub>, backplane: Arc<Backplane>, bus: B) -> Self {
        Self { hub, backplane, bus }
    }

    /// Runs the node until [`Backplane::leave`] is called and the node has left.
    pub async fn run(self) {
        let progress = SharedProgress::default();
        select! {
            () = self.watch_deadlines() => {}
            () = self.stay_connected(&progress) => {}
        }
        self.backplane.counters.is_connected.store(false, Ordering::Relaxed);
        for deadlines in [&self.backplane.request_deadlines, &self.backplane.deadlines] {
            deadlines.fail_all(|| unavailable("closed before Redis replied"));
        }
        let left = std::mem::take(&mut *lock(&self.backplane.left));
        // Dropped without the lock, because that completes requests.
        drop(left);
    }

    async fn stay_connected(&self, progress: &SharedProgress) {
        let mut backoff = Backoff::default();
        while !*self.backplane.leaving.borrow() {
            let error = select! {
                link = self.bus.connect(&self.backplane.node) => match link {
                    Err(error) => error,
                    Ok(link) => {
                        let error = select! {
                            error = self.use_link(&link, progress, &mut backoff) => error,
                            () = self.leave_requested() => {
                                return self.leave_by(&link, progress).await;
                            }
                        };
                        self.disconnected();
                        error
                    }
                },
                () = self.leave_requested() => break,
            };
            self.backplane.set_away(true);
            self.report(&Report::Error { message: &error.0 });
            select! {
                () = sleep(backoff.next()) => {}
                () = self.leave_requested() => {}
            }
        }
        // The node leaves while it is not connected. It connects once more to send what is left, and to remove its sessions,
        // so that the other nodes need not wait until it counts as dead.
        let Backplane { outbox, requests, .. } = &*self.backplane;
        if has_started(progress) || !outbox.is_empty() || !requests.is_empty() {
            let connecting = async {
                loop {
                    if let Ok(link) = self.bus.connect(&self.backplane.node).await {
                        return self.leave_by(&link, progress).await;
                    }
                    sleep(backoff.next()).await;
                }
            };
            // After `command_timeout`, the node ends without that.
            let _ = timeout(self.backplane.settings.command_timeout, connecting).await;
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
        if let Err(error) = self.join(link, progress).await {
            return error;
        }
        let since = Instant::now();
        self.backplane.counters.is_connected.store(true, Ordering::Relaxed);
        self.backplane.set_away(false);
        let unready = lock(&self.backplane.unready).take();
        // Dropped without the lock, because that completes requests.
        drop(unready);
        let failed = select! {
            failed = self.keep_sending(link, progress) => failed,
            failed = self.keep_reading(link, progress) => failed,
            failed = self.keep_alive(link, progress) => failed,
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
        self.backplane.presence.stop_recording();
        if self.backplane.counters.is_connected.swap(false, Ordering::Relaxed) {
            Counters::add(&self.backplane.counters.reconnects, 1);
        }
    }

    /// Registers the node, and decides at which position it continues to read.
    async fn join(&self, link: &B::Link, progress: &SharedProgress) -> Result<(), BusError> {
        self.backplane.presence.start_recording();
        let Joined { end, nodes } = link.join(&self.hub.session_ids()).await?;
        let mut progress = lock(progress);
        match progress.start {
            None => {
                *progress = Progress { start: Some(end), read: end, ..Progress::default() };
                progress.sequences = Sequences::after(nodes);
            }
            // The server has a new stream, and its clock is behind that of the old one. All entries of the stream are new.
            Some(start) if end < start => {
                progress.start = Some(Position::default());
                progress.read = Position::default();
            }
            // The stream has lost its last entries. The node reads again from the position at which it began; duplicates are
            // dropped.
            Some(start) if end < progress.read => progress.read = start,
            Some(_) => {}
        }
        Ok(())
    }

    /// Fails requests that have no reply after `command_timeout`.
    async fn watch_deadlines(&self) {
        let Backplane { settings, request_deadlines, deadlines, requests, .. } = &*self.backplane;
        let failure = || {
            unavailable(&format!("Redis did not reply within {} ms", settings.command_timeout.as_millis()))
        };
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
        select! {
            () = of_requests => {}
            () = of_others => {}
        }
    }

    /// Sends what is left, makes the requests that wait, and leaves, as far as `command_timeout` allows.
    async fn leave_by(&self, link: &B::Link, progress: &SharedProgress) {
        let leaving = async {
            while self.send_some(link, progress).await? {}
            while self.request_some(link).await? {}
            link.leave().await
        };
        // The node ends in any case. Keys that it could not remove from Redis expire with their time to live.
        let _ = timeout(self.backplane.settings.command_timeout, leaving).await;
    }

    /// Counts and reports lost entries of another node.
    fn gap(&self, node: &NodeId, missed: u64) {
        Counters::add(&self.backplane.counters.gaps, 1);
        Counters::add(&self.backplane.counters.missed, missed);
        self.report(&Report::Gap { node: node.as_str(), missed });
    }

    fn report(&self, report: &Report<'_>) {
        self.hub.report(&report.json());
    }
}
