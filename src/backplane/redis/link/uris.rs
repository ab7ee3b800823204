//! Work on all URIs that a session watches. It takes several calls, so that Redis is not busy with one session for long.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, cmd};

use super::ms;
use crate::backplane::redis::keys::Keys;
use crate::backplane::redis::scripts::Scripts;

/// Number of URIs, or of watchers, in one call, more or less.
pub(super) const PER_CALL: usize = 500;

/// The URIs of a session.
pub(super) struct Uris {
    commands: MultiplexedConnection,
    keys: Keys,
    scripts: Arc<Scripts>,
    id: Vec<u8>,
}

impl Uris {
    pub fn new(commands: MultiplexedConnection, keys: Keys, scripts: &Arc<Scripts>, id: Vec<u8>) -> Self {
        Self { commands, keys, scripts: Arc::clone(scripts), id }
    }

    /// Extends the time to live of the URIs' watchers. If the connection breaks meanwhile, an access after another quarter of the
    /// time to live extends everything.
    pub async fn extend(mut self, ttl: Duration) {
        let watching = self.keys.watching(&self.id);
        let mut cursor = 0;
        while let Ok((next, uris)) = self.some_uris(&watching, cursor).await {
            let keys: Vec<_> = uris.iter().map(|uri| self.keys.watchers(uri)).collect();
            let mut extend = self.scripts.extend.call(&keys);
            extend.arg(ms(ttl));
            let extended = extend.query_async::<()>(&mut self.commands).await;
            cursor = next;
            if extended.is_err() || cursor == 0 {
                return;
            }
        }
    }

    /// Removes the session from the watchers of the URIs that it watched before it was forgotten. `forgotten` is their key. If the
    /// connection breaks meanwhile, the rest expires: the session does not count as a watcher in any case.
    pub async fn forget(mut self, forgotten: Vec<u8>) {
        let watching = self.keys.watching(&self.id);
        let mut cursor = 0;
        while let Ok((next, uris)) = self.some_uris(&forgotten, cursor).await {
            let mut keys = vec![watching.clone(), forgotten.clone()];
            keys.extend(uris.iter().map(|uri| self.keys.watchers(uri)));
            let mut forget = self.scripts.forget_some.call(&keys);
            forget.arg(&self.id).arg(&uris);
            match forget.query_async(&mut self.commands).await {
                Ok(true) => cursor = next,
                Ok(false) | Err(_) => return,
            }
        }
    }

    /// Returns the next cursor, which is 0 at the end, and some URIs.
    async fn some_uris(&mut self, key: &[u8], cursor: u64) -> Result<(u64, Vec<Vec<u8>>), RedisError> {
        let mut sscan = cmd("SSCAN");
        sscan.arg(key).arg(cursor).arg("COUNT").arg(PER_CALL);
        sscan.query_async(&mut self.commands).await
    }
}
