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
//! | `connect` | opens a connection |
//! | [`tls`] | the certificates of TLS |
//! | `keys` | the names of the keys |
//! | `scripts` | the Lua scripts in `scripts/` |
//! | `replies` | reads replies and errors |

mod connect;
mod keys;
pub mod link;
mod replies;
mod scripts;
pub mod tls;

use ::redis::{ConnectionAddr, IntoConnectionInfo};

use self::connect::Server;
use self::keys::Keys;
use self::link::RedisLink;
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

/// The error for a text that is not the URL of a Redis server.
#[derive(Debug)]
pub struct BadUrl;

impl Redis {
    /// Parses a URL: `redis://[user][:password]@host[:port][/database]`, or `rediss://` for TLS. `valkey://` and
    /// `valkeys://` mean the same. Does not connect.
    ///
    /// # Errors
    /// Returns [`BadUrl`] when the URL cannot be used.
    pub fn open(url: &str, prefix: &[u16], settings: Settings, tls: TlsOptions) -> Result<Self, BadUrl> {
        let info = url.into_connection_info().map_err(|_| BadUrl)?;
        // Certificates are always checked.
        let is_insecure = matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. });
        if is_insecure || info.redis_settings().db() < 0 {
            return Err(BadUrl);
        }
        Ok(Self { server: Server::new(info, tls), keys: Keys::new(wtf8::encode(prefix)), settings })
    }
}

impl Bus for Redis {
    type Link = RedisLink;

    async fn connect(&self, node: &NodeId) -> Result<RedisLink, BusError> {
        RedisLink::connect(&self.server, node.clone(), self.keys.clone(), self.settings).await
    }
}
