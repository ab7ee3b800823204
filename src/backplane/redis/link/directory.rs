//! The directory: which node has a session.

use ::redis::{Cmd, Value, cmd};

use super::inboxes::Inboxes;
use super::{KEYS_TTL, RedisLink, ms, unexpected};
use crate::backplane::bus::{BusError, Held, Stamp};
use crate::backplane::claims::{Change, ChangeKind, Changes};
use crate::backplane::ids::Id;
use crate::backplane::redis::replies::{number, text};
use crate::backplane::redis::scripts::CompiledScript;
use crate::backplane::wtf8;

/// Number of sessions that one call lists, more or less.
const LISTED_PER_CALL: usize = 500;

impl RedisLink {
    pub(super) async fn change_directory(&self, changes: &Changes) -> Result<Vec<Held>, BusError> {
        let call = |inboxes: &Inboxes| {
            let mut change = self.directory_call(&self.scripts.change, inboxes);
            change.arg(changes.number).arg(ms(KEYS_TTL));
            for Change { id, kind } in &changes.list {
                let kind = match kind {
                    ChangeKind::Claim => "c",
                    ChangeKind::Release => "r",
                };
                change.arg(kind).arg(wtf8::encode(id));
            }
            change
        };
        held(&self.call_on_inboxes(call).await?, changes.list.len()).ok_or_else(|| unexpected("change"))
    }

    pub(super) async fn restore_sessions(&self, sessions: &[(Id, Stamp)]) -> Result<Vec<Held>, BusError> {
        let call = |inboxes: &Inboxes| {
            let mut restore = self.directory_call(&self.scripts.restore, inboxes);
            restore.arg(ms(KEYS_TTL));
            for (id, stamp) in sessions {
                restore.arg(wtf8::encode(id)).arg(*stamp);
            }
            restore
        };
        held(&self.call_on_inboxes(call).await?, sessions.len()).ok_or_else(|| unexpected("restore"))
    }

    /// Returns a call of a script that changes the directory.
    fn directory_call(&self, script: &CompiledScript, inboxes: &Inboxes) -> Cmd {
        let own = self.keys.own(&self.node);
        let keys: Vec<_> = std::iter::once(&own).chain(&inboxes.keys).collect();
        let mut call = self.call(script, &keys, 0);
        call.arg(&inboxes.version);
        call
    }

    pub(super) async fn listed_sessions(&self, cursor: u64) -> Result<(u64, Vec<Id>), BusError> {
        let mut sscan = cmd("SSCAN");
        sscan.arg(self.keys.own(&self.node)).arg(cursor).arg("COUNT").arg(LISTED_PER_CALL);
        let (cursor, ids): (u64, Vec<Vec<u8>>) = self.query(&sscan).await?;
        Ok((cursor, ids.iter().filter_map(|id| wtf8::decode(id)).collect()))
    }
}

/// Reads the reply `held`, stamps.
fn held(reply: &[Value], count: usize) -> Option<Vec<Held>> {
    let (first, stamps) = reply.split_first()?;
    if text(first) != Some("held") || stamps.len() != count {
        return None;
    }
    let held = |stamp| if stamp == 0 { Held::Elsewhere } else { Held::Here(stamp) };
    stamps.iter().map(|stamp| number(stamp).map(held)).collect()
}
