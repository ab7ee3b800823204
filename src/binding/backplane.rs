//! The backplane of a hub, for JavaScript.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, UNIX_EPOCH};

use napi::bindgen_prelude::Object;
use napi::{Env, Error, Result, Status};

use super::call::Call;
use super::functions::{Functions, number};
use super::id::IdBuffer;
use super::info::{attribute, ttl};
use super::redis::tls_options;
use crate::backplane::bus::BusError;
use crate::backplane::request::Request;
use crate::backplane::settings::Settings;
use crate::backplane::{Backplane, Counters};
use crate::hub::member::Member;

/// Returns the functions of the backplane. Those that make a request return its key, or NO_KEY when an id or a URI is not a
/// string.
pub(super) fn backplane<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // settings(): returns the settings that apply, in the order of `joinRedis`.
    functions.add("settings", |member, _| {
        let Settings { max_len, max_pending_bytes, command_timeout, heartbeat, node_ttl, max_inbox_bytes } =
            of(member)?.settings;
        let ms = |duration: Duration| duration.as_millis() as f64;
        Ok(vec![
            max_len as f64,
            max_pending_bytes as f64,
            ms(command_timeout),
            ms(heartbeat),
            ms(node_ttl),
            max_inbox_bytes as f64,
        ])
    })?;

    // usesTls(tls): returns true if each text of `tls`, which is the argument of `checkTls`, that is set is in use.
    functions.add("usesTls", |member, call| {
        let asked = tls_options(call.get(0)?);
        Ok(of(member)?.tls.get().is_none_or(|used| used.agrees_with(&asked)))
    })?;

    // wasRefused(): returns true if an entry was refused since the last call, because `maxPendingBytes` was reached.
    functions.add("wasRefused", |member, _| Ok(member.was_refused()))?;

    // ready(): makes a request that is completed when this process receives what other nodes publish.
    functions.add("ready", |member, _| Ok(number(member.request(Backplane::complete_when_ready))))?;

    // published(): makes a request that is completed when Redis has what this process has published so far. Returns NO_KEY
    // when Redis has it, and when Redis cannot be used now.
    functions.add("published", |member, _| Ok(number(member.request_published())))?;

    // has(id): asks if another node has a session.
    functions.add("has", |member, call| request(member, id(&call, 0)?.map(|id| Request::Has { id })))?;

    // get(id, attribute, ttlMs): asks for an attribute.
    functions.add("get", |member, call| {
        let (id, attribute, ttl) = (id(&call, 0)?, attribute(&call, 1)?, ttl(&call, 2)?);
        // The copy of this process lives as long as the client makes requests, too.
        id.iter().for_each(|id| member.info().touch(id, Instant::now()));
        request(member, id.map(|id| Request::Get { id, attribute, ttl }))
    })?;

    // isAway(): returns true when Redis is known not to answer.
    functions.add("isAway", |member, _| Ok(of(member)?.is_away()))?;

    // refusesChanges(): returns true when changes wait because Redis refused one of them.
    functions.add("refusesChanges", |member, _| Ok(of(member)?.refuses_changes()))?;

    // set(id, attribute, json, ttlMs, isKept): sets an attribute, or clears it if `json` is undefined.
    functions.add("set", |member, call| {
        let (attribute, value, ttl) =
            (attribute(&call, 1)?, call.get::<Option<String>>(2)?.map(Arc::from), ttl(&call, 3)?);
        change(member, &call, 4, id(&call, 0)?.map(|id| Request::Set { id, attribute, value, ttl }))
    })?;

    // watchers(uri): asks for the sessions that watch a URI.
    functions.add("watchers", |member, call| {
        request(member, id(&call, 0)?.map(|uri| Request::Watchers { uri }))
    })?;

    // watch(id, uri, ttlMs, isKept): makes a session watch a URI.
    functions.add("watch", |member, call| {
        let (ttl, ids) = (ttl(&call, 2)?, id(&call, 0)?.zip(id(&call, 1)?));
        change(member, &call, 3, ids.map(|(id, uri)| Request::Watch { id, uri, ttl }))
    })?;

    // unwatch(id, uri, isKept): makes a session stop watching a URI.
    functions.add("unwatch", |member, call| {
        let ids = id(&call, 0)?.zip(id(&call, 1)?);
        change(member, &call, 2, ids.map(|(id, uri)| Request::Unwatch { id, uri }))
    })?;

    // forget(id, isKept): removes the information about a session.
    functions.add("forget", |member, call| {
        change(member, &call, 1, id(&call, 0)?.map(|id| Request::Forget { id }))
    })?;

    // stats(): returns 1 if connected or 0, the number of bytes that wait, and the other `Counters`.
    functions.add("stats", |member, _| {
        let backplane = of(member)?;
        let Counters {
            is_connected,
            sent,
            dropped,
            received,
            duplicates,
            gaps,
            missed,
            malformed,
            reconnects,
        } = &backplane.counters;
        let connected = u64::from(is_connected.load(Ordering::Relaxed));
        let counted = [sent, received, duplicates, gaps, missed, malformed, reconnects, dropped];
        let mut numbers = vec![connected as f64, backplane.pending_bytes() as f64];
        numbers.extend(counted.map(|counter| counter.load(Ordering::Relaxed) as f64));
        Ok(numbers)
    })?;

    // node(): returns the name of the node.
    functions.add("node", |member, _| Ok(of(member)?.node.as_str().to_owned()))?;

    // lastError(): returns the last error of the connection as JSON, or null.
    functions.add("lastError", |member, _| {
        Ok(of(member)?.health.last_error().map(|(error, at)| {
            let at = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
            serde_json::json!({ "code": *error.code, "message": *error.message, "at": at }).to_string()
        }))
    })?;

    // problem(): returns the error because of which Redis cannot be used fully now as JSON, or null.
    functions.add("problem", |member, _| {
        let problem = of(member)?.health.problem();
        Ok(problem.map(|BusError { code, message }| {
            serde_json::json!({ "code": *code, "message": *message }).to_string()
        }))
    })?;

    // close(): makes a request that is completed when this process has left. Returns NO_KEY if another thread stays.
    functions.add("close", |member, _| Ok(number(member.leave_backplane())))?;

    Ok(functions.into_object())
}

fn of(member: &Member) -> Result<&Backplane> {
    let backplane = member.backplane().ok_or_else(|| Error::new(Status::GenericFailure, "no backplane"))?;
    Ok(backplane)
}

fn request(member: &Member, request: Option<Request>) -> Result<f64> {
    let send = |request| member.request(|backplane, completion| backplane.request(request, completion));
    Ok(number(request.and_then(send)))
}

/// Makes a request that changes client information. The argument `isKept` is true when the change has to reach Redis even if
/// nobody waits for it any more, and takes effect in the copy of this process.
fn change(member: &Member, call: &Call<'_>, is_kept: usize, change: Option<Request>) -> Result<f64> {
    if call.get(is_kept)? {
        return Ok(number(change.and_then(|change| member.change(change))));
    }
    request(member, change)
}

fn id(call: &Call<'_>, index: usize) -> Result<Option<Box<[u16]>>> {
    Ok(IdBuffer::new().read(call, index)?.map(Box::from))
}
