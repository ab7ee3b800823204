//! Messages to several sessions.

use std::collections::BTreeMap;

use super::Member;
use crate::backplane::ids::Id;
use crate::backplane::message::Message;
use crate::hub::delivery::sorted_without_duplicates;
use crate::hub::peer::Peer;
use crate::registry::key::{Key, ThreadId};
use crate::threads::text::Text;

/// The receivers of one message to several sessions. The caller adds the ids one by one; unknown ids are skipped.
#[derive(Debug)]
pub struct Route<'member> {
    member: &'member Member,
    local: Vec<Key>,
    /// Direct sessions of this thread.
    direct: Vec<Key>,
    elsewhere: BTreeMap<ThreadId, Vec<Key>>,
    /// Ids that no thread of this process has, but perhaps another process.
    unknown: Vec<Id>,
}

impl<'member> Route<'member> {
    /// Returns a route without receivers.
    pub fn new(member: &'member Member) -> Self {
        Self {
            member,
            local: Vec::new(),
            direct: Vec::new(),
            elsewhere: BTreeMap::new(),
            unknown: Vec::new(),
        }
    }

    /// Adds the session with this id. Has no effect when there is none.
    pub fn add(&mut self, id: &[u16]) {
        let Some(session) = self.member.hub.sessions.get(id) else {
            if !self.member.has_no_backplane() {
                self.unknown.push(id.into());
            }
            return;
        };
        if self.member.is_local(session.owner) {
            let keys = if session.is_direct { &mut self.direct } else { &mut self.local };
            keys.push(session.key);
        } else {
            self.elsewhere.entry(session.owner).or_default().push(session.key);
        }
    }

    /// Sends the message to other threads and processes, and to direct sessions. Returns the keys of this thread's other
    /// sessions: each once, oldest session first, which is the order in which `@tmcp/session-manager` delivers. `text` is
    /// called only if there are other receivers.
    ///
    /// # Errors
    /// Returns the error of `text`. Nothing is posted then.
    pub fn send<E>(self, text: impl FnOnce() -> Result<Text, E>) -> Result<Vec<Key>, E> {
        if !(self.direct.is_empty() && self.elsewhere.is_empty() && self.unknown.is_empty()) {
            let text = text()?;
            let before_post = |peer: &Peer| self.member.record_post(peer);
            self.member.hub.send_to_keys(self.elsewhere, self.direct, &text, before_post);
            if !self.unknown.is_empty() {
                self.member.publish_message(|| Message::Multicast { ids: self.unknown, text });
            }
        }
        Ok(sorted_without_duplicates(self.local))
    }

    /// Returns the keys that [`Route::send`] returns, and sends nothing.
    pub fn local(self) -> Vec<Key> {
        sorted_without_duplicates(self.local)
    }
}
