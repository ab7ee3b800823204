//! The inboxes that a script may add to. All of them have to be keys of its call, so the node remembers the list of nodes. When
//! the list has changed, the script returns the new one and does nothing else.

use std::sync::Arc;

use ::redis::{Cmd, Value};

use super::{RedisLink, unexpected};
use crate::backplane::bus::BusError;
use crate::backplane::lock::lock;
use crate::backplane::redis::replies::{array, bytes, node_id, text};

/// The inboxes of all other nodes.
#[derive(Debug, Default)]
pub(super) struct Inboxes {
    /// Version of the list of nodes. Empty when it is not known.
    pub version: Vec<u8>,
    /// Keys of the inboxes.
    pub keys: Vec<Vec<u8>>,
}

/// Maximum number of calls of a script while the list of nodes changes.
const TRIES: usize = 10;

impl RedisLink {
    /// Calls a script that may add to any inbox. `call` returns the call of the script. Returns its reply.
    pub(super) async fn call_on_inboxes(
        &self,
        call: impl Fn(&Inboxes) -> Cmd,
    ) -> Result<Vec<Value>, BusError> {
        for _ in 0..TRIES {
            let inboxes = Arc::clone(&lock(&self.inboxes));
            let mut reply: Vec<Value> = self.query(&call(&inboxes)).await?;
            match reply.first().and_then(text) {
                Some("forgotten") => return Err(BusError::inbox_lost()),
                Some("nodes") if reply.len() == 3 => {
                    let nodes = reply.pop().and_then(array);
                    let version = reply.pop().and_then(bytes);
                    let (Some(version), Some(nodes)) = (version, nodes) else {
                        return Err(unexpected("inbox"));
                    };
                    self.set_nodes(version, &nodes);
                }
                _ => return Ok(reply),
            }
        }
        Err(BusError::new("TRYAGAIN", "nodes join and leave too often"))
    }

    /// Records the list of nodes.
    pub(super) fn set_nodes(&self, version: Vec<u8>, nodes: &[Value]) {
        let others = nodes.iter().filter_map(node_id).filter(|node| *node != self.node);
        let keys = others.map(|node| self.keys.inbox(&node)).collect();
        *lock(&self.inboxes) = Arc::new(Inboxes { version, keys });
    }
}
