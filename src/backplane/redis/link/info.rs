//! Requests about sessions.

use std::time::Duration;

use ::redis::{Cmd, RedisError, RetryMethod, Value, cmd, pipe};

use super::uris::{PER_CALL, Uris};
use super::{RedisLink, ms, unexpected};
use crate::backplane::bus::BusError;
use crate::backplane::redis::replies::{array, bytes, is_unknown_script};
use crate::backplane::redis::scripts::{CompiledScript, Scripts};
use crate::backplane::request::{Reply, Request};
use crate::backplane::wtf8;
use crate::registry::info::Attribute;

impl RedisLink {
    pub(super) async fn make_requests(&self, mut requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        let mut replies = Vec::with_capacity(requests.len());
        while !requests.is_empty() {
            let (first, rest) = requests.split_at(count_together(requests));
            replies.extend(self.make_together(first).await?);
            requests = rest;
        }
        Ok(replies)
    }

    async fn make_together(&self, requests: &[Request]) -> Result<Vec<Reply>, BusError> {
        // The keys of sessions that were forgotten get new names.
        let (mut pipe, mut forgotten) = (pipe(), Vec::with_capacity(requests.len()));
        for request in requests {
            let (command, renamed) = self.command(request);
            pipe.add_command(command);
            forgotten.push(renamed);
        }
        pipe.ignore_errors();
        let replies: Vec<Result<Value, RedisError>> = self.run(&pipe).await?;
        let replies = requests.iter().zip(forgotten).zip(replies);
        let mut replies = replies
            .map(|((request, forgotten), reply)| self.reply(request, forgotten, reply))
            .collect::<Result<Vec<_>, _>>()?;
        self.find_watchers(requests, &mut replies).await?;
        Ok(replies)
    }

    /// Returns the command for a request, and the new key of the URIs of a session that is forgotten.
    fn command(&self, request: &Request) -> (Cmd, Option<Vec<u8>>) {
        let Scripts { has, get, set, watch, unwatch, forget, .. } = &*self.scripts;
        let command = match request {
            Request::Has { id } => {
                let mut has = self.call::<Vec<u8>>(has, &[], 0);
                has.arg(wtf8::encode(id));
                has
            }
            Request::Get { id, attribute, ttl } => {
                let mut get = self.touching(get, id, None, *ttl);
                get.arg(field(*attribute));
                get
            }
            Request::Set { id, attribute, value, ttl } => {
                let mut set = self.touching(set, id, None, *ttl);
                set.arg(field(*attribute));
                if let Some(json) = value {
                    set.arg(json.as_bytes());
                }
                set
            }
            Request::Watchers { uri } => {
                let mut zrange = cmd("ZRANGE");
                zrange.arg(self.keys.watchers(&wtf8::encode(uri))).arg(0).arg(-1);
                zrange
            }
            Request::Watch { id, uri, ttl } => {
                let mut watch = self.touching(watch, id, Some(uri), *ttl);
                watch.arg(wtf8::encode(id)).arg(wtf8::encode(uri));
                watch
            }
            Request::Unwatch { id, uri } => {
                let (id, uri) = (wtf8::encode(id), wtf8::encode(uri));
                let mut unwatch = unwatch.call(&[self.keys.watching(&id), self.keys.watchers(&uri)]);
                unwatch.arg(id).arg(uri);
                unwatch
            }
            Request::Forget { id } => {
                let id = wtf8::encode(id);
                let forgotten = self.keys.forgotten(&id);
                let keys = [&self.keys.info(&id), &self.keys.watching(&id), &forgotten];
                return (forget.call(&keys), Some(forgotten));
            }
        };
        (command, None)
    }

    /// Returns a call of a script that begins with `touch.lua`.
    fn touching(&self, script: &CompiledScript, id: &[u16], uri: Option<&[u16]>, ttl: Duration) -> Cmd {
        let id = wtf8::encode(id);
        let mut keys = vec![self.keys.info(&id), self.keys.watching(&id)];
        keys.extend(uri.map(|uri| self.keys.watchers(&wtf8::encode(uri))));
        let mut command = script.call(&keys);
        command.arg(ms(ttl));
        command
    }

    fn reply(
        &self,
        request: &Request,
        forgotten: Option<Vec<u8>>,
        reply: Result<Value, RedisError>,
    ) -> Result<Reply, BusError> {
        Ok(match (request, reply) {
            (Request::Has { .. }, Ok(reply)) => Reply::Is(is_one(&reply)),
            (Request::Get { id, ttl, .. }, Ok(reply)) => {
                let reply = array(reply).and_then(|reply| <[Value; 2]>::try_from(reply).ok());
                let [value, is_due] = reply.ok_or_else(|| unexpected("get"))?;
                self.extend_if(&is_due, id, *ttl);
                Reply::Value(bytes(value))
            }
            (Request::Set { id, ttl, .. } | Request::Watch { id, ttl, .. }, Ok(is_due)) => {
                self.extend_if(&is_due, id, *ttl);
                Reply::Done
            }
            (Request::Forget { id }, Ok(has_watched)) => {
                if let Some(forgotten) = forgotten.filter(|_| is_one(&has_watched)) {
                    tokio::spawn(self.uris(id).forget(forgotten));
                }
                Reply::Done
            }
            (Request::Watchers { .. }, Ok(ids)) => {
                Reply::Ids(array(ids).unwrap_or_default().into_iter().filter_map(bytes).collect())
            }
            (Request::Unwatch { .. }, Ok(_)) => Reply::Done,
            (_, Err(error)) => Reply::Refused(self.of_one_request(&error)?),
        })
    }

    /// Returns an error that concerns only one request: another program may have written values of other types, or the server
    /// refuses writes.
    ///
    /// # Errors
    /// Returns any other error.
    fn of_one_request(&self, error: &RedisError) -> Result<BusError, BusError> {
        let why = self.commands.error(error);
        let is_permanent = matches!(error.retry_method(), RetryMethod::NoRetry) && !is_unknown_script(error);
        if is_permanent || why.is_refused_write() { Ok(why) } else { Err(why) }
    }

    /// Keeps those of the replies' watchers that still watch their URI.
    async fn find_watchers(&self, requests: &[Request], replies: &mut [Reply]) -> Result<(), BusError> {
        let mut pipe = pipe();
        let mut calls = Vec::new();
        for (index, (request, reply)) in requests.iter().zip(&*replies).enumerate() {
            let (Request::Watchers { uri }, Reply::Ids(ids)) = (request, reply) else { continue };
            let uri = wtf8::encode(uri);
            for some in ids.chunks(PER_CALL) {
                let sessions = some.iter().map(|id| self.keys.watching(id));
                let keys: Vec<_> = std::iter::once(self.keys.watchers(&uri)).chain(sessions).collect();
                let mut watchers = self.scripts.watchers.call(&keys);
                watchers.arg(&uri).arg(some);
                pipe.add_command(watchers);
                calls.push(index);
            }
        }
        if calls.is_empty() {
            return Ok(());
        }
        pipe.ignore_errors();
        for index in &calls {
            replies[*index] = Reply::Ids(Vec::new());
        }
        let found: Vec<Result<Value, RedisError>> = self.run(&pipe).await?;
        for (index, found) in calls.into_iter().zip(found) {
            match (&mut replies[index], found) {
                (Reply::Ids(ids), Ok(found)) => {
                    ids.extend(array(found).unwrap_or_default().into_iter().filter_map(bytes));
                }
                (Reply::Ids(_), Err(error)) => replies[index] = Reply::Refused(self.of_one_request(&error)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Extends the time to live of what a session watches, if `touch` has returned that it is due.
    fn extend_if(&self, is_due: &Value, id: &[u16], ttl: Duration) {
        if is_one(is_due) {
            tokio::spawn(self.uris(id).extend(ttl));
        }
    }

    fn uris(&self, id: &[u16]) -> Uris {
        Uris::new(self.commands.handle(), self.keys.clone(), &self.scripts, wtf8::encode(id))
    }
}

/// Returns the number of requests that can be made together: up to a change of what a session watches that follows a question for
/// watchers, because the latter takes two calls.
fn count_together(requests: &[Request]) -> usize {
    let is_change = |request: &Request| {
        matches!(request, Request::Watch { .. } | Request::Unwatch { .. } | Request::Forget { .. })
    };
    let question = requests.iter().position(|request| matches!(request, Request::Watchers { .. }));
    let question = question.unwrap_or(requests.len());
    requests[question..].iter().position(is_change).map_or(requests.len(), |change| question + change)
}

fn is_one(reply: &Value) -> bool {
    *reply == Value::Int(1)
}

/// Returns the field of an attribute in `{p}:info:<id>`.
fn field(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::ClientInfo => "clientInfo",
        Attribute::ClientCapabilities => "clientCapabilities",
        Attribute::LogLevel => "logLevel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::ids::Id;

    #[test]
    fn a_change_of_what_is_watched_is_not_made_together_with_an_earlier_question_for_watchers() {
        let [id, uri]: [Id; 2] = [[1], [2]].map(Id::from);
        let has = || Request::Has { id: id.clone() };
        let watchers = || Request::Watchers { uri: uri.clone() };
        let unwatch = || Request::Unwatch { id: id.clone(), uri: uri.clone() };
        for (requests, count) in [
            (vec![has(), unwatch(), has()], 3),
            (vec![unwatch(), watchers(), watchers(), has()], 4),
            (vec![unwatch(), watchers(), has(), unwatch(), unwatch()], 3),
            (vec![watchers(), unwatch()], 1),
        ] {
            assert_eq!(count_together(&requests), count);
        }
    }
}
