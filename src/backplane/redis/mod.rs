//! The bus over Redis 6.2 or later, and over servers with the same protocol, such as Valkey.
//!
//! | key | contents | expires |
//! | --- | --- | --- |
//! | `<prefix>:stream` | the entries that nodes publish ([`fields`](super::fields)) | an hour after the last heartbeat |
//! | `<prefix>:nodes` | the nodes; the score is the time at which a node counts as dead | an hour after the last heartbeat |
//! | `<prefix>:sent` | the last entry that each node has sent: `<number>@<stream id>` | an hour after the last heartbeat |
//! | `<prefix>:sessions:<node>` | the ids of a node's sessions | `nodeTtlMs` after the node's last heartbeat |
//! | `<prefix>:info:<id>` | the attributes of a session | `ttlMs` after the last access |
//! | `<prefix>:watching:<id>` | the URIs that a session watches | `ttlMs` after the last access |
//! | `<prefix>:forgotten:<id>:<time>` | the URIs that a session watched before it was forgotten | with the last URI, or as `<prefix>:watching:<id>` |
//! | `<prefix>:watchers:<uri>` | the sessions that watch a URI, in the order in which they began | `ttlMs` after the last access |
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
use super::entry::NodeId;
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
        let keys = Keys::new(wtf8::encode(prefix));
        // All keys have the same slot.
        let slot = slot_of(&keys.nodes());
        Ok(Self { server: Server::new(address, tls, slot), keys, settings })
    }
}

impl Bus for Redis {
    type Link = RedisLink;

    async fn connect(&self, node: &NodeId) -> Result<RedisLink, BusError> {
        RedisLink::connect(&self.server, node.clone(), self.keys.clone(), self.settings).await
    }
}
