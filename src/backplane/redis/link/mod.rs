//! The connections of a node to Redis.
//!
//! | module | contents |
//! | --- | --- |
//! | `membership` | joining, heartbeats, leaving, and the removal of dead nodes |
//! | `inbox` | adding entries to inboxes, and reading them |
//! | `directory` | which node has a session |
//! | `inboxes` | the inboxes that a script may add to |
//! | `info` | requests about sessions |
//! | `uris` | work on all URIs of a session, a slice at a time |

mod directory;
mod inbox;
mod inboxes;
mod info;
mod membership;
mod uris;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::redis::{Cmd, FromRedisValue, Pipeline};

use self::inbox::BlockedEntry;
use self::inboxes::Inboxes;
use super::commands::Connection;
use super::keys::Keys;
use super::locate::{Connected, Server, learn_nodes};
use super::scripts::{CompiledScript, Scripts};
use crate::backplane::bus::{Appended, BusError, Held, Joined, Link, Position, Pulse, Stamp};
use crate::backplane::claims::Changes;
use crate::backplane::fields::Field;
use crate::backplane::ids::{Id, NodeId};
use crate::backplane::outbox::Batch;
use crate::backplane::request::{Reply, Request};
use crate::backplane::settings::Settings;

/// Maximum time that a read waits for entries.
const BLOCK: Duration = Duration::from_secs(5);
/// Time to live of the keys of nodes after the last heartbeat.
const KEYS_TTL: Duration = Duration::from_secs(60 * 60);
/// Number of heartbeats after which the nodes of a cluster are asked for again.
const BEATS_PER_LIST: u32 = 10;

/// A node's connections to Redis: one for blocking reads, one for all other commands.
pub struct RedisLink {
    commands: Connection,
    reads: Connection,
    node: NodeId,
    keys: Keys,
    settings: Settings,
    scripts: Arc<Scripts>,
    inboxes: Mutex<Arc<Inboxes>>,
    /// The entry that has to wait.
    blocked: Mutex<Option<BlockedEntry>>,
    /// True when the keys of the layout before version 2 cannot exist, or when the user may not use them.
    ignores_old_layout: AtomicBool,
    /// True when the server is a node of a cluster, and the user may ask for the other ones.
    lists_nodes: bool,
    /// Number of heartbeats over this connection.
    beats: AtomicU32,
}

impl RedisLink {
    /// Connects a node, and loads the scripts.
    pub(super) async fn connect(
        server: &Server,
        node: NodeId,
        keys: Keys,
        settings: Settings,
    ) -> Result<Self, BusError> {
        let Connected { commands, reads, is_in_cluster, lists_nodes } =
            server.connect(settings.command_timeout).await?;
        let link = Self {
            commands,
            reads,
            node,
            keys,
            settings,
            scripts: Arc::default(),
            inboxes: Mutex::default(),
            blocked: Mutex::default(),
            // That layout did not work on a cluster.
            ignores_old_layout: AtomicBool::new(is_in_cluster),
            lists_nodes,
            beats: AtomicU32::new(0),
        };
        let (first, rest) = link.scripts.load();
        link.query::<()>(&first).await?;
        link.run::<()>(&rest).await?;
        Ok(link)
    }

    async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BusError> {
        self.commands.query(command).await
    }

    async fn run<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, BusError> {
        self.commands.run(pipe).await
    }

    /// Returns a call of a script that begins with `clock.lua`. `more` are the keys after those that all of them have, and
    /// `bytes` is the size of the arguments that follow.
    fn call<K: AsRef<[u8]>>(&self, script: &CompiledScript, more: &[K], bytes: usize) -> Cmd {
        let shared = [self.keys.state(), self.keys.directory(), self.keys.nodes()];
        let keys: Vec<_> = shared.iter().map(Vec::as_slice).chain(more.iter().map(AsRef::as_ref)).collect();
        let mut call = script.call_with_capacity(&keys, bytes);
        call.arg(self.node.as_str()).arg(ms(self.settings.node_ttl)).arg(ms(self.settings.beat_pause()));
        call
    }

    /// Returns the keys of one node.
    fn keys_of(&self, node: &NodeId) -> [Vec<u8>; 3] {
        [self.keys.inbox(node), self.keys.own(node), self.keys.lost(node)]
    }
}

impl Link for RedisLink {
    async fn join(&self) -> Result<Joined, BusError> {
        self.refuse_old_layout().await?;
        self.register().await
    }

    async fn append(&self, batch: &Batch) -> Result<Appended, BusError> {
        self.append_entries(batch).await
    }

    async fn change(&self, changes: &Changes) -> Result<Vec<Held>, BusError> {
        self.change_directory(changes).await
    }

    async fn restore(&self, sessions: &[(Id, Stamp)]) -> Result<Vec<Held>, BusError> {
        self.restore_sessions(sessions).await
    }

    async fn listed(&self, cursor: u64) -> Result<(u64, Vec<Id>), BusError> {
        self.listed_sessions(cursor).await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Vec<Field>)>, BusError> {
        self.read_inbox(after, limit).await
    }

    async fn acknowledge(&self, up_to: Position, bytes: usize) -> Result<u64, BusError> {
        self.remove_read(up_to, bytes).await
    }

    async fn heartbeat(&self) -> Result<Pulse, BusError> {
        self.refuse_old_layout().await?;
        let pulse = self.beat().await?;
        // Relaxed: it is a number, and no other memory depends on it.
        let beats = self.beats.fetch_add(1, Ordering::Relaxed);
        // While the connection lasts, all nodes of the cluster may be replaced, one after another.
        if self.lists_nodes && beats % BEATS_PER_LIST == BEATS_PER_LIST - 1 {
            learn_nodes(&self.commands).await?;
        }
        Ok(pulse)
    }

    async fn sweep(&self, node: &NodeId) -> Result<bool, BusError> {
        self.sweep_dead(node).await
    }

    async fn request(&self, requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        self.make_requests(requests).await
    }

    async fn leave(&self) -> Result<(), BusError> {
        self.unregister().await
    }
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Returns the error for a reply of a script that is not what the script returns.
fn unexpected(script: &str) -> BusError {
    BusError::protocol(format!("{script}.lua returned something unexpected"))
}
