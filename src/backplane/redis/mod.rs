//! The bus over Redis 6.2 or later, and over servers with the same protocol, such as Valkey.
//!
//! `{p}` is the prefix, in braces: the hash tag puts all keys into one slot of a cluster. Every key has a time to live. The keys of
//! nodes expire an hour after the last heartbeat, those about a session `ttlMs` after the last access.
//!
//! | key | contents |
//! | --- | --- |
//! | `{p}:st` | what all nodes share, see below |
//! | `{p}:dir` | the directory: session → `<node>\|<stamp>` |
//! | `{p}:nodes` | the nodes; the score is the time in ms at which a node counts as dead, 0 for a node that has left |
//! | `{p}:in:<node>` | the inbox of a node: a stream of entries ([`fields`](super::fields)) with ids `<number>-0` |
//! | `{p}:own:<node>` | the sessions of a node, to find them after its death |
//! | `{p}:lost:<node>` | sending node → number of its messages that were removed from this inbox before they were read |
//! | `{p}:info:<id>` | the attributes of a session |
//! | `{p}:watching:<id>` | the URIs that a session watches |
//! | `{p}:forgotten:<id>:<random>` | the URIs that a session watched before it was forgotten |
//! | `{p}:watchers:<uri>` | the sessions that watch a URI, in the order in which they began |
//!
//! | field of `{p}:st` | contents |
//! | --- | --- |
//! | `v` | version of this layout |
//! | `last` | the last number that was given to an entry or a claim |
//! | `nv` | version of the list of nodes: another one when a node is added or removed |
//! | `l:<node>` | number of the node's last entry |
//! | `c:<node>` | number of the node's last changes of the directory |
//! | `b:<node>` | size in bytes of the node's inbox |
//! | `beat` | time in ms of the last heartbeat of any node |
//! | `since` | time in ms from which on nodes could send heartbeats without a break |
//!
//! All keys of a script are in its `KEYS`, because clusters and some other servers require it. So a script that may add to any
//! inbox gets all of them, and a node knows the list of nodes. The script compares its version.
//!
//! A node has two connections. One waits for entries; the other does everything else.
//!
//! | module | contents |
//! | --- | --- |
//! | [`link`] | the connections of a node |
//! | `address` | the URL |
//! | `locate` | finds the server |
//! | `routes` | remembers where the server was |
//! | `slots` | the slots of a cluster |
//! | `sentinel` | asks Sentinels for the primary |
//! | `connect` | opens a connection |
//! | `commands` | commands over a connection |
//! | `activity` | tells a slow connection from a dead one |
//! | [`tls`] | the certificates of TLS |
//! | `keys` | the names of the keys |
//! | `scripts` | the Lua scripts in `scripts/` |
//! | `replies` | reads replies and errors |

mod activity;
mod address;
mod commands;
mod connect;
mod keys;
pub mod link;
mod locate;
mod replies;
mod routes;
mod scripts;
mod sentinel;
mod slots;
pub mod tls;

use self::address::Address;
use self::keys::Keys;
use self::link::RedisLink;
use self::locate::Server;
use self::slots::slot_of;
use self::tls::TlsOptions;
use super::bus::{Bus, BusError};
use super::ids::NodeId;
use super::settings::Settings;
use super::wtf8;

/// A Redis server and a prefix.
pub struct Redis {
    server: Server,
    keys: Keys,
    settings: Settings,
}

/// The error for a text that is not the URL of a Redis server, of a cluster, or of Sentinels.
#[derive(Debug)]
pub struct BadUrl;

impl Redis {
    /// Parses a URL: `redis://[user[:password]@]host[:port][,host[:port]…][/database]`, or
    /// `redis-sentinel://[user[:password]@]host[:port][,host[:port]…][/database]#name`. `rediss` is for TLS, and `valkey` means
    /// the same as `redis`. Does not connect.
    ///
    /// # Errors
    /// Returns [`BadUrl`] when the URL cannot be used.
    pub fn open(url: &str, prefix: &[u16], settings: Settings, tls: TlsOptions) -> Result<Self, BadUrl> {
        let address = Address::parse(url)?;
        let keys = Keys::new(&wtf8::encode(prefix));
        // All keys have the same slot.
        let slot = slot_of(&keys.state());
        Ok(Self { server: Server::new(address, tls, slot), keys, settings })
    }
}

impl Bus for Redis {
    type Link = RedisLink;

    async fn connect(&self, node: &NodeId) -> Result<RedisLink, BusError> {
        RedisLink::connect(&self.server, node.clone(), self.keys.clone(), self.settings).await
    }
}
