//! The client information of a hub, for JavaScript. Values are passed as JSON.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Object;
use napi::{Env, Error, Result, Status};

use super::call::Call;
use super::functions::Functions;
use super::id::{IdBuffer, IdValue};
use crate::hub::member::Member;
use crate::registry::info::{Attribute, Json};

/// Returns the functions of client information.
pub(super) fn info<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // get(id, attribute): returns an attribute as JSON, or null if it is not set. `attribute` is a number of `Attribute`.
    functions.add("get", |member, call| {
        let mut buffer = IdBuffer::new();
        let attribute = attribute(&call, 1)?;
        let json = buffer.read(&call, 0)?.and_then(|id| member.info().get(id, attribute, Instant::now()));
        Ok(json.map(|json| json.to_string()))
    })?;

    // set(id, attribute, json, maxSessions): sets an attribute, or clears it if `json` is undefined. Returns false if there
    // are `maxSessions` sessions already.
    functions.add("set", |member, call| {
        let mut buffer = IdBuffer::new();
        let json: Option<Json> = call.get::<Option<String>>(2)?.map(Arc::from);
        let id = required(buffer.read(&call, 0)?)?;
        Ok(member.info().set(id, attribute(&call, 1)?, json, max_sessions(&call, 3)?, Instant::now()))
    })?;

    // watchers(uri): returns the ids of the sessions that watch a URI, in the order in which they began.
    functions.add("watchers", |member, call| {
        let mut buffer = IdBuffer::new();
        let ids = buffer.read(&call, 0)?.map_or_else(Vec::new, |uri| member.info().watchers(uri));
        Ok(ids.into_iter().map(IdValue).collect::<Vec<_>>())
    })?;

    // watch(id, uri, maxSessions): makes a session watch a URI. Returns false in the same case as `set`.
    functions.add("watch", |member, call| {
        let (mut id, mut uri) = (IdBuffer::new(), IdBuffer::new());
        let (id, uri) = (required(id.read(&call, 0)?)?, required(uri.read(&call, 1)?)?);
        Ok(member.info().watch(id, uri, max_sessions(&call, 2)?, Instant::now()))
    })?;

    // unwatch(id, uri): makes a session stop watching a URI.
    functions.add("unwatch", |member, call| {
        let (mut id, mut uri) = (IdBuffer::new(), IdBuffer::new());
        if let (Some(id), Some(uri)) = (id.read(&call, 0)?, uri.read(&call, 1)?) {
            member.info().unwatch(id, uri, Instant::now());
        }
        Ok(())
    })?;

    // remove(id): removes the information about a session.
    functions.add("remove", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().remove(id);
        }
        Ok(())
    })?;

    // touch(id): records an access to a session.
    functions.add("touch", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().touch(id, Instant::now());
        }
        Ok(())
    })?;

    // idle(ttlMs): returns the ids of the sessions that no thread has accessed for `ttlMs`.
    functions.add("idle", |member, call| {
        let idle = member.info().idle(Instant::now(), ttl(&call, 0)?);
        Ok(idle.into_iter().map(IdValue).collect::<Vec<_>>())
    })?;

    // removeIdle(id, ttlMs): removes the information about a session if no thread has accessed it for `ttlMs`.
    functions.add("removeIdle", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().remove_idle(id, Instant::now(), ttl(&call, 1)?);
        }
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// Returns an id or a URI that must be a string.
fn required(text: Option<&[u16]>) -> Result<&[u16]> {
    text.ok_or_else(|| Error::new(Status::StringExpected, "id or uri"))
}

/// Reads the number of an attribute from an argument.
pub(super) fn attribute(call: &Call<'_>, index: usize) -> Result<Attribute> {
    let number: u32 = call.get(index)?;
    Attribute::ALL.get(number as usize).copied().ok_or_else(|| Error::new(Status::InvalidArg, "attribute"))
}

fn max_sessions(call: &Call<'_>, index: usize) -> Result<usize> {
    // Infinity becomes the largest usize.
    Ok(call.get::<f64>(index)? as usize)
}

/// Reads a time in milliseconds from an argument.
pub(super) fn ttl(call: &Call<'_>, index: usize) -> Result<Duration> {
    Ok(Duration::from_secs_f64(call.get::<f64>(index)? / 1_000.0))
}
