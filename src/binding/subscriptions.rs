//! The registrations of one thread's side of a hub, for JavaScript.

use std::rc::Rc;

use napi::bindgen_prelude::{Float64ArraySlice, JsObjectValue, Object, Unknown};
use napi::{Env, Error, Result, Status, ValueType};
use napi_derive::napi;

use super::call::Call;
use super::functions::{Functions, number, write};
use super::id::IdBuffer;
use super::text::text;
use crate::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub};
use crate::member::Member;
use crate::post::EndReason;
use crate::sessions::Key;
use crate::subscriptions::{Filters, ListChange, RequestId, Subject};

/// The functions of one subscription manager, whose registrations are seen by that manager alone.
#[napi(ts_return_type = "import('../lib/native.js').NativeSubscriptions")]
pub fn open_subscriptions(env: &Env) -> Result<Object<'_>> {
    subscriptions(&Rc::new(Hub::for_one_thread().join(DEFAULT_MAX_MAILBOX_BYTES, None)), env)
}

pub fn subscriptions<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // create(origin, id, lists, uris) → the new key, or NO_KEY where (origin, id) is there already; `lists` has a bit
    // for each of ListChange
    functions.add("create", |member, call| {
        let id = request_id(&call, 1)?.ok_or_else(|| Error::new(Status::InvalidArg, "id"))?;
        let lists: u32 = call.get(2)?;
        let filters = Filters {
            lists: ListChange::ALL.map(|list| lists & (1 << list as u32) != 0),
            uris: texts(&call.get(3)?)?,
        };
        let mut buffer = IdBuffer::new();
        let origin = buffer.read(&call, 0)?.ok_or_else(|| Error::new(Status::StringExpected, "origin"))?;
        Ok(number(member.register(origin, id, filters)))
    })?;

    // find(origin, id) → its key, or NO_KEY where this thread has none of that name
    functions.add("find", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match (buffer.read(&call, 0)?, request_id(&call, 1)?) {
            (Some(origin), Some(id)) => member.registration(origin, &id),
            _ => None,
        }))
    })?;

    // remove(key)
    functions.add("remove", |member, call| {
        if let Some(key) = Key::from_f64(call.get(0)?) {
            member.unregister(key);
        }
        Ok(())
    })?;

    // interested(list, uri, keys) → how many of this thread's registrations a notification is for; as many as there is room
    // for are written to `keys`. It is about a list, or about the resource `uri` where `list` is negative
    functions.add("interested", |member, call| {
        let mut buffer = IdBuffer::new();
        let keys = subject(&call, &mut buffer)?.map(|subject| member.interested(subject));
        Ok(write(&keys.unwrap_or_default(), call.get::<Float64ArraySlice>(2)?))
    })?;

    // of(origin, keys) → likewise; `undefined` for every origin
    functions.add("of", |member, call| {
        let mut buffer = IdBuffer::new();
        let keys = origins(&call, &mut buffer)?.map(|origin| member.registrations(origin));
        Ok(write(&keys.unwrap_or_default(), call.get::<Float64ArraySlice>(1)?))
    })?;

    // notifyElsewhere(list, uri, notification) → the name of the answer, or NO_KEY where no other thread is interested
    functions.add("notifyElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match subject(&call, &mut buffer)? {
            Some(subject) => member.notify_elsewhere(subject, || text(&call, 2))?,
            None => None,
        }))
    })?;

    // endElsewhere(origin, id, cancelled) → the name of the answer, or NO_KEY where no other thread has it
    functions.add("endElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match (buffer.read(&call, 0)?, request_id(&call, 1)?) {
            (Some(origin), Some(id)) => member.end_elsewhere(origin, &id, reason(&call, 2)?),
            _ => None,
        }))
    })?;

    // endAllElsewhere(origin, cancelled) → likewise; `undefined` for every origin
    functions.add("endAllElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match origins(&call, &mut buffer)? {
            Some(origin) => member.end_all_elsewhere(origin, reason(&call, 1)?),
            None => None,
        }))
    })?;

    // leave(): the manager is gone
    functions.add("leave", |member, _| {
        member.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// From the first two arguments. `None` where they are about nothing that can be listened to.
fn subject<'buffer>(call: &Call, buffer: &'buffer mut IdBuffer) -> Result<Option<Subject<'buffer>>> {
    Ok(match usize::try_from(call.get::<i32>(0)?) {
        Ok(list) => ListChange::ALL.get(list).copied().map(Subject::List),
        Err(_) => buffer.read(call, 1)?.map(Subject::Resource),
    })
}

/// From the first argument: one origin, or all where it is `undefined`; `None` for what is the name of none.
#[expect(clippy::option_option, reason = "three cases")]
fn origins<'buffer>(call: &Call, buffer: &'buffer mut IdBuffer) -> Result<Option<Option<&'buffer [u16]>>> {
    let origin: Unknown = call.get(0)?;
    Ok(match origin.get_type()? {
        ValueType::Undefined => Some(None),
        _ => buffer.read_value(&origin)?.map(Some),
    })
}

fn reason(call: &Call, index: usize) -> Result<EndReason> {
    Ok(if call.get(index)? { EndReason::Cancelled } else { EndReason::Closed })
}

/// A string or a number; `None` for anything else, which is the id of no registration.
fn request_id(call: &Call, index: usize) -> Result<Option<RequestId>> {
    let value: Unknown = call.get(index)?;
    if value.get_type()? == ValueType::Number {
        return Ok(Some(RequestId::number(call.get(index)?)));
    }
    let mut buffer = IdBuffer::new();
    Ok(buffer.read_value(&value)?.map(|text| RequestId::Text(text.into())))
}

/// The strings of an array; anything else in it is passed over, as it is equal to no URI.
fn texts(array: &Object) -> Result<Vec<Box<[u16]>>> {
    let mut buffer = IdBuffer::new();
    let mut texts = Vec::new();
    for index in 0..array.get_array_length()? {
        if let Some(text) = buffer.read_value(&array.get_element(index)?)? {
            texts.push(text.into());
        }
    }
    Ok(texts)
}
