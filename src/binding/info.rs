//! What is known of the sessions of a hub, for JavaScript. Values come and go as JSON.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Object;
use napi::{Env, Error, Result, Status};

use super::call::Call;
use super::functions::Functions;
use super::id::{IdBuffer, IdValue};
use crate::info::{Fact, Json};
use crate::member::Member;

pub fn info<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // get(id, fact) → JSON, or null where it is not known; `fact` is a number of Fact
    functions.add("get", |member, call| {
        let mut buffer = IdBuffer::new();
        let fact = fact(&call, 1)?;
        let json = buffer.read(&call, 0)?.and_then(|id| member.info().get(id, fact, Instant::now()));
        Ok(json.map(|json| json.to_string()))
    })?;

    // set(id, fact, json, maxSessions) → whether there was room for the session; `json` is undefined for nothing
    functions.add("set", |member, call| {
        let mut buffer = IdBuffer::new();
        let json: Option<Json> = call.get::<Option<String>>(2)?.map(Arc::from);
        let id = given(buffer.read(&call, 0)?)?;
        Ok(member.info().set(id, fact(&call, 1)?, json, max_sessions(&call, 3)?, Instant::now()))
    })?;

    // watchers(uri) → the ids of the sessions that watch it, in the order they came
    functions.add("watchers", |member, call| {
        let mut buffer = IdBuffer::new();
        let ids = buffer.read(&call, 0)?.map_or_else(Vec::new, |uri| member.info().watchers(uri));
        Ok(ids.into_iter().map(IdValue).collect::<Vec<_>>())
    })?;

    // watch(id, uri, maxSessions) → as set
    functions.add("watch", |member, call| {
        let (mut id, mut uri) = (IdBuffer::new(), IdBuffer::new());
        let (id, uri) = (given(id.read(&call, 0)?)?, given(uri.read(&call, 1)?)?);
        Ok(member.info().watch(id, uri, max_sessions(&call, 2)?, Instant::now()))
    })?;

    // unwatch(id, uri)
    functions.add("unwatch", |member, call| {
        let (mut id, mut uri) = (IdBuffer::new(), IdBuffer::new());
        if let (Some(id), Some(uri)) = (id.read(&call, 0)?, uri.read(&call, 1)?) {
            member.info().unwatch(id, uri, Instant::now());
        }
        Ok(())
    })?;

    // remove(id)
    functions.add("remove", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().remove(id);
        }
        Ok(())
    })?;

    // touch(id)
    functions.add("touch", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().touch(id, Instant::now());
        }
        Ok(())
    })?;

    // idle(ttlMs) → the ids of the sessions that no thread has touched for so long
    functions.add("idle", |member, call| {
        let idle = member.info().idle(Instant::now(), ttl(&call, 0)?);
        Ok(idle.into_iter().map(IdValue).collect::<Vec<_>>())
    })?;

    // removeIdle(id, ttlMs): if it is still one of them
    functions.add("removeIdle", |member, call| {
        let mut buffer = IdBuffer::new();
        if let Some(id) = buffer.read(&call, 0)? {
            member.info().remove_idle(id, Instant::now(), ttl(&call, 1)?);
        }
        Ok(())
    })?;

    Ok(functions.into_object())
}

fn given(text: Option<&[u16]>) -> Result<&[u16]> {
    text.ok_or_else(|| Error::new(Status::StringExpected, "id or uri"))
}

pub fn fact(call: &Call, index: usize) -> Result<Fact> {
    let number: u32 = call.get(index)?;
    Fact::ALL.get(number as usize).copied().ok_or_else(|| Error::new(Status::InvalidArg, "fact"))
}

fn max_sessions(call: &Call, index: usize) -> Result<usize> {
    // Infinity becomes the largest there is.
    Ok(call.get::<f64>(index)? as usize)
}

pub fn ttl(call: &Call, index: usize) -> Result<Duration> {
    Ok(Duration::from_secs_f64(call.get::<f64>(index)? / 1_000.0))
}
