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
//! | `keys` | the names of the keys |
//! | `scripts` | the Lua scripts in `scripts/` |
//! | `replies` | reads replies and errors |

mod keys;
pub mod link;
mod replies;
mod scripts;

use ::redis::{Client, IntoConnectionInfo, ProtocolVersion};

use self::keys::Keys;
use self::link::RedisLink;
use self::replies::bus_error;
use super::bus::{Bus, BusError};
use super::entry::NodeId;
use super::settings::Settings;
use super::wtf8;

/// A Redis server and a prefix.
pub struct Redis {
    client: Client,
    keys: Keys,
    settings: Settings,
    /// The password, which must not appear in errors.
    secret: Option<String>,
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
    pub fn open(url: &str, prefix: &[u16], settings: Settings) -> Result<Self, BadUrl> {
        // Fails when another user of rustls in this process has installed a provider already. That one is used then.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let info = url.into_connection_info().map_err(|_| BadUrl)?;
        // RESP2 on every server, because RESP3 has other types for the same replies.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let client = Client::open(info.set_redis_settings(redis)).map_err(|_| BadUrl)?;
        let settings_of_url = client.get_connection_info().redis_settings();
        if settings_of_url.db() < 0 {
            return Err(BadUrl);
        }
        let secret = settings_of_url.password().map(str::to_owned);
        Ok(Self { client, keys: Keys::new(wtf8::encode(prefix)), settings, secret })
    }
}

impl Bus for Redis {
    type Link = RedisLink;

    async fn connect(&self, node: &NodeId) -> Result<RedisLink, BusError> {
        RedisLink::connect(&self.client, node.clone(), self.keys.clone(), self.settings, self.secret.clone())
            .await
            .map_err(|error| bus_error(&error, self.secret.as_deref()))
    }
}
