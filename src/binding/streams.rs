//! The streams of one thread's side of a hub, for JavaScript.

use std::rc::Rc;

use napi::bindgen_prelude::{Either, Float64ArraySlice, JsObjectValue, Object, Unknown};
use napi::{Env, Error, Result, Status, ValueType};
use napi_derive::napi;

use super::functions::{Functions, number, write};
use super::id::{IdBuffer, IdValue};
use super::text::text;
use crate::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use crate::member::Member;
use crate::sessions::Key;

/// The functions of one stream manager, whose sessions are seen by that manager alone.
#[napi(ts_return_type = "import('../lib/native.js').NativeStreams")]
pub fn open_streams(env: &Env) -> Result<Object<'_>> {
    streams(&Rc::new(Hub::for_one_thread().join(DEFAULT_MAX_MAILBOX_BYTES, None)), env)
}

pub fn streams<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // create(id, maxSessions) → the new key, or [the new key, the key of the session it replaces]; NO_KEY where there are as
    // many as `maxSessions`, if that is given
    functions.add("create", |member, call| {
        let mut buffer = IdBuffer::new();
        let id = buffer.read(&call, 0)?.ok_or_else(|| Error::new(Status::StringExpected, "id"))?;
        let created = match call.length() {
            1 => Some(member.create(id)),
            _ => member.create_within(id, call.get::<f64>(1)? as usize),
        };
        let Some(created) = created else { return Ok(Either::A(number(None))) };
        Ok(match created.replaced {
            None => Either::A(created.key.as_f64()),
            Some(replaced) => Either::B(vec![created.key.as_f64(), replaced.as_f64()]),
        })
    })?;

    // remove(id) → the key to close, or NO_KEY
    functions.add("remove", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(buffer.read(&call, 0)?.and_then(|id| member.remove(id))))
    })?;

    // forget(id, key): removes that session only if it is still that one
    functions.add("forget", |member, call| {
        let mut buffer = IdBuffer::new();
        if let (Some(id), Some(key)) = (buffer.read(&call, 0)?, Key::from_f64(call.get(1)?)) {
            member.forget(id, key);
        }
        Ok(())
    })?;

    // has(id) → boolean
    functions.add("has", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(buffer.read(&call, 0)?.is_some_and(|id| member.has(id)))
    })?;

    // routeOne(id, text) → the key to feed, or NO_KEY
    functions.add("routeOne", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match buffer.read(&call, 0)? {
            Some(id) => member.send_one(id, || text(&call, 1))?,
            None => None,
        }))
    })?;

    // route(ids, text, keys) → how many keys to feed were written to the Float64Array `keys`: each once, oldest session
    // first; of a list longer than `keys`, only so many ids are read. Where `text` is `undefined`, nothing is posted
    functions.add("route", |member, call| {
        let ids: Object = call.get(0)?;
        // A controller that was fed may have made the list longer; what it added came too late.
        let count = length_of(&ids)?.min(call.get::<Float64ArraySlice>(2)?.len() as u32);
        let mut buffer = IdBuffer::new();
        let mut route = member.route();
        for index in 0..count {
            // May run JavaScript (a getter, a proxy): no lock is held here.
            let id: Unknown = ids.get_element(index)?;
            if let Some(id) = buffer.read_value(&id)? {
                route.add(id);
            }
        }
        // Only now: while its slice is borrowed, no JavaScript may run.
        let keys: Float64ArraySlice = call.get(2)?;
        let found = match call.get::<Unknown>(1)?.get_type()? {
            ValueType::Undefined => route.local(),
            _ => route.send(|| text(&call, 1))?,
        };
        Ok(write(&found, keys))
    })?;

    // sendElsewhere(text): to all sessions of other threads
    functions.add("sendElsewhere", |member, call| member.send_elsewhere(|| text(&call, 0)))?;

    // evicted() → the keys of this thread's sessions that others have deleted or replaced, and that are not closed yet
    functions
        .add("evicted", |member, _| Ok(member.evicted().into_iter().map(Key::as_f64).collect::<Vec<_>>()))?;

    // hasClosed(key): it is
    functions.add("hasClosed", |member, call| {
        Key::from_f64(call.get(0)?).into_iter().for_each(|key| member.has_closed(key));
        Ok(())
    })?;

    // size() → how many sessions there are
    functions.add("size", |member, _| Ok(member.len() as f64))?;

    // ids() → the ids of all sessions, oldest first
    functions.add("ids", |member, _| Ok(member.ids().into_iter().map(IdValue).collect::<Vec<_>>()))?;

    // leave(): the manager is gone
    functions.add("leave", |member, _| {
        member.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// Of an array, or of a proxy for one, which `Array.isArray` lets pass and Node-API does not.
fn length_of(ids: &Object) -> Result<u32> {
    ids.get_array_length_unchecked().or_else(|_| ids.get_named_property("length"))
}
