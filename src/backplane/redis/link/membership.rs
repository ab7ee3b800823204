//! The membership of nodes: joining, heartbeats, leaving, and the removal of dead nodes.

use std::sync::atomic::Ordering;

use ::redis::Value;

use super::{KEYS_TTL, RedisLink, ms, unexpected};
use crate::backplane::bus::{BusError, Joined, Position, Pulse, Standing};
use crate::backplane::ids::NodeId;
use crate::backplane::redis::replies::{array, bytes, node_id, number, script_error, text};
use crate::backplane::settings::REMOVED_AFTER;

impl RedisLink {
    pub(super) async fn register(&self) -> Result<Joined, BusError> {
        let mut join = self.call(&self.scripts.join, &self.keys_of(&self.node), 0);
        join.arg(ms(KEYS_TTL));
        let reply: Value = self.query(&join).await?;
        // The script returns only the version of another layout.
        let Value::Array(reply) = reply else { return Err(BusError::old_layout()) };
        let [known, refused, version, nodes] =
            <[Value; 4]>::try_from(reply).map_err(|_| unexpected("join"))?;
        let standing = standing(known).ok_or_else(|| unexpected("join"))?;
        let refused = text(&refused).filter(|why| !why.is_empty()).map(script_error);
        if let Some(error) = refused.as_ref().filter(|error| !error.is_refused_write()) {
            return Err(error.clone());
        }
        self.set_nodes(bytes(version).unwrap_or_default(), &array(nodes).unwrap_or_default());
        Ok(Joined { standing, refused })
    }

    pub(super) async fn beat(&self) -> Result<Pulse, BusError> {
        let mut heartbeat = self.call(&self.scripts.heartbeat, &self.keys_of(&self.node), 0);
        heartbeat.arg(ms(KEYS_TTL)).arg(ms(REMOVED_AFTER));
        let (known, dead): (Value, Vec<Value>) = self.query(&heartbeat).await?;
        let standing = standing(known).ok_or_else(|| unexpected("heartbeat"))?;
        let dead = dead.iter().filter_map(node_id).filter(|node| *node != self.node);
        Ok(Pulse { standing, to_sweep: dead.collect() })
    }

    pub(super) async fn sweep_dead(&self, node: &NodeId) -> Result<bool, BusError> {
        let mut sweep = self.call(&self.scripts.sweep, &self.keys_of(node), 0);
        sweep.arg(node.as_str()).arg(ms(REMOVED_AFTER));
        Ok(self.query::<u8>(&sweep).await? == 1)
    }

    /// Makes the node count as dead, and removes its sessions and its keys. If this fails in the middle, the other nodes continue.
    pub(super) async fn unregister(&self) -> Result<(), BusError> {
        let mut leave = self.call::<Vec<u8>>(&self.scripts.leave, &[], 0);
        leave.arg(ms(KEYS_TTL));
        self.query::<()>(&leave).await?;
        while !self.sweep_dead(&self.node).await? {}
        Ok(())
    }

    /// Keeps nodes of the layout before version 2 away.
    ///
    /// # Errors
    /// Returns an error when one of them is alive.
    pub(super) async fn refuse_old_layout(&self) -> Result<(), BusError> {
        // Relaxed: the flag guards no other data.
        if self.ignores_old_layout.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut guard = self.scripts.old_layout.call(&self.keys.of_old_layout());
        guard.arg(ms(self.settings.node_ttl));
        match self.query::<u8>(&guard).await {
            Ok(0) => Ok(()),
            Ok(_) => Err(BusError::old_layout()),
            // The user may not use these keys, another program uses them, or the server is a node of a cluster.
            Err(error) if matches!(&*error.code, "NOPERM" | "WRONGTYPE" | "CROSSSLOT" | "MOVED") => {
                self.ignores_old_layout.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Reads what `standing` in `membership.lua` returns.
fn standing(value: Value) -> Option<Standing> {
    let [known, appended, changed, end, lost] = <[Value; 5]>::try_from(array(value)?).ok()?;
    let lost = array(lost)?;
    let lost = lost.chunks_exact(2).filter_map(|pair| Some((node_id(&pair[0])?, number(&pair[1])?)));
    Some(Standing {
        was_known: number(&known)? == 1,
        appended: number(&appended),
        changed: number(&changed).unwrap_or_default(),
        end: Position::parse(text(&end)?)?,
        lost: lost.collect(),
    })
}
