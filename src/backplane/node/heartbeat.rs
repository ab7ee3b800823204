//! Heartbeats: they keep the node alive and find entries that were lost.

use std::time::Instant;

use tokio::time::sleep;

use super::progress::{Progress, SharedProgress};
use super::{Never, Node};
use crate::backplane::bus::{Bus, BusError, Link, Pulse, Sent};
use crate::backplane::entry::NodeId;
use crate::backplane::health::Writer;
use crate::backplane::lock::lock;

impl<B: Bus> Node<B> {
    pub(super) async fn keep_alive(
        &self,
        link: &B::Link,
        progress: &SharedProgress,
    ) -> Result<Never, BusError> {
        loop {
            let (sent, read) = {
                let progress = lock(progress);
                (progress.sent, progress.read)
            };
            let Pulse { has_presence, sent, end } = match link.heartbeat(sent).await {
                Ok(pulse) => pulse,
                Err(error) => {
                    self.pause(error, Writer::Heartbeat, progress).await?;
                    continue;
                }
            };
            self.backplane.health.accepted(Writer::Heartbeat);
            self.backplane.set_away(false);
            if end < read {
                // New entries would get positions before the one that was read, and this node would never read them. When it
                // joins again, it decides where to continue.
                return Err(BusError::new(
                    "ERR_STREAM_LOST",
                    "the stream ends before the last entry that was read: all or part of it was lost",
                ));
            }
            if !has_presence && self.hub.has_sessions() && lock(progress).is_listed {
                // The list was lost, or its first sessions are about to be sent.
                let ids = self.hub.session_ids();
                if let Err(error) = link.update_presence(&ids, &[]).await
                    && !error.is_refused_write()
                {
                    return Err(error);
                }
            }
            self.find_gaps(&mut lock(progress), sent);
            sleep(self.backplane.settings.heartbeat).await;
        }
    }

    /// Compares the last entries that the other nodes have sent with those that arrived, as far as this node has read.
    fn find_gaps(&self, progress: &mut Progress, sent: Vec<(NodeId, Sent)>) {
        for (node, Sent { number, at }) in sent {
            if node != self.backplane.node && at <= progress.read {
                let is_before_start = progress.start.is_none_or(|start| at <= start);
                let missed = progress.sequences.has_sent(&node, number, is_before_start, Instant::now());
                if missed > 0 {
                    self.gap(&node, missed);
                }
            }
        }
    }
}
