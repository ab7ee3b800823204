//! The sessions of a member, for JavaScript.

use std::rc::Rc;

use napi::bindgen_prelude::{Either, Float64ArraySlice, JsObjectValue, Object, Unknown};
use napi::{Env, Error, Result, Status, ValueType};
use napi_derive::napi;

use super::functions::{Functions, number, write};
use super::id::{IdBuffer, IdValue};
use super::text::text;
use crate::hub::member::Member;
use crate::hub::member::route::Route;
use crate::registry::key::Key;

/// Returns the functions of one stream manager that shares nothing with other managers.
#[napi(ts_return_type = "import('../lib/native/binding.js').NativeStreams")]
pub fn open_streams(env: &Env) -> Result<Object<'_>> {
    streams(&Rc::new(Member::alone()), env)
}

/// Returns the functions of sessions and of messages to them.
pub(super) fn streams<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // create(id, maxSessions): returns the new key, or [the new key, the key of the replaced session]. Returns NO_KEY if
    // `maxSessions` is given and there are that many sessions already.
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

    // remove(id): removes a session. Returns the key of the stream to close, or NO_KEY.
    functions.add("remove", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(buffer.read(&call, 0)?.and_then(|id| member.remove(id))))
    })?;

    // forget(id, key): removes a session of this thread if the id still belongs to `key`.
    functions.add("forget", |member, call| {
        let mut buffer = IdBuffer::new();
        if let (Some(id), Some(key)) = (buffer.read(&call, 0)?, Key::from_f64(call.get(1)?)) {
            member.forget(id, key);
        }
        Ok(())
    })?;

    // has(id): returns true if any thread has a session with this id.
    functions.add("has", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(buffer.read(&call, 0)?.is_some_and(|id| member.has(id)))
    })?;

    // routeOne(id, text): sends to one session. Returns the key of the stream to deliver to, or NO_KEY. A direct session has no
    // stream to deliver to, here and below.
    functions.add("routeOne", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match buffer.read(&call, 0)? {
            Some(id) => member.send_one(id, || text(&call, 1))?,
            None => None,
        }))
    })?;

    // route(ids, text, keys): sends to several sessions. Writes the keys of the streams to deliver to into the Float64Array
    // `keys`, each once, oldest session first, and returns their number. Reads at most as many ids as `keys` has room for.
    // Posts nothing if `text` is undefined.
    functions.add("route", |member, call| {
        let ids: Object<'_> = call.get(0)?;
        // A controller may have made the list longer since `lib/` allocated `keys`. The ids that it added are not read.
        let count = length_of(&ids)?.min(call.get::<Float64ArraySlice<'_>>(2)?.len() as u32);
        let mut buffer = IdBuffer::new();
        let mut route = Route::new(member);
        for index in 0..count {
            // This may run JavaScript (a getter, a proxy), so no lock is held here.
            let id: Unknown<'_> = ids.get_element(index)?;
            if let Some(id) = buffer.read_value(&id)? {
                route.add(id);
            }
        }
        // Borrowed only now, because no JavaScript may run while the slice is borrowed.
        let keys: Float64ArraySlice<'_> = call.get(2)?;
        let found = match call.get::<Unknown<'_>>(1)?.get_type()? {
            ValueType::Undefined => route.local(),
            _ => route.send(|| text(&call, 1))?,
        };
        Ok(write(&found, keys))
    })?;

    // sendElsewhere(text): sends to all sessions of other threads and processes, and to all direct sessions.
    functions.add("sendElsewhere", |member, call| member.send_elsewhere(|| text(&call, 0)))?;

    // evicted(): returns the keys of this thread's sessions that other threads deleted or replaced, and whose streams are
    // not closed yet.
    functions
        .add("evicted", |member, _| Ok(member.evicted().into_iter().map(Key::as_f64).collect::<Vec<_>>()))?;

    // evictedOf(id): returns those of the evicted sessions that have this id, oldest first.
    functions.add("evictedOf", |member, call| {
        let mut buffer = IdBuffer::new();
        let keys = buffer.read(&call, 0)?.map_or_else(Vec::new, |id| member.evicted_of(id));
        Ok(keys.into_iter().map(Key::as_f64).collect::<Vec<_>>())
    })?;

    // markClosed(key): records that the stream of an evicted session is closed.
    functions.add("markClosed", |member, call| {
        Key::from_f64(call.get(0)?).into_iter().for_each(|key| member.mark_closed(key));
        Ok(())
    })?;

    // size(): returns the number of sessions.
    functions.add("size", |member, _| Ok(member.len() as f64))?;

    // ids(): returns the ids of all sessions, oldest session first.
    functions.add("ids", |member, _| Ok(member.ids().into_iter().map(IdValue).collect::<Vec<_>>()))?;

    #[cfg(unix)]
    super::sockets::add_to_streams(&mut functions)?;

    // leave(): leaves the hub.
    functions.add("leave", |member, _| {
        member.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// Returns the length of an array, or of a proxy for one, which `Array.isArray` accepts and Node-API does not.
fn length_of(ids: &Object<'_>) -> Result<u32> {
    ids.get_array_length_unchecked().or_else(|_| ids.get_named_property("length"))
}
