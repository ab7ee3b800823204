//! The registrations of a member, for JavaScript.

use std::rc::Rc;

use napi::bindgen_prelude::{Float64ArraySlice, JsObjectValue, Object, Unknown};
use napi::{Env, Error, Result, Status, ValueType};
use napi_derive::napi;

use super::call::Call;
use super::functions::{Functions, number, write};
use super::id::IdBuffer;
use super::text::text;
use crate::hub::member::Member;
use crate::registry::key::Key;
use crate::registry::subscriptions::{Filters, ListChange, RequestId, Subject};
use crate::threads::message::RegistrationCloseReason;

/// Returns the functions of one subscription manager that shares nothing with other managers.
#[napi(ts_return_type = "import('../lib/native/binding.js').NativeSubscriptions")]
pub fn open_subscriptions(env: &Env) -> Result<Object<'_>> {
    subscriptions(&Rc::new(Member::alone()), env)
}

/// Returns the functions of registrations.
pub(super) fn subscriptions<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // create(origin, id, lists, uris): returns the new key, or NO_KEY if (origin, id) exists already. `lists` has a bit for
    // each `ListChange`.
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

    // find(origin, id): returns the key of a registration of this thread, or NO_KEY.
    functions.add("find", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match (buffer.read(&call, 0)?, request_id(&call, 1)?) {
            (Some(origin), Some(id)) => member.registration(origin, &id),
            _ => None,
        }))
    })?;

    // remove(key): removes a registration.
    functions.add("remove", |member, call| {
        if let Some(key) = Key::from_f64(call.get(0)?) {
            member.unregister(key);
        }
        Ok(())
    })?;

    // matching(list, uri, keys): returns the number of this thread's registrations that a notification is for, and writes
    // their keys to `keys`, as many as it has room for. The subject is the list with the number `list`, or the resource `uri`
    // if `list` is negative.
    functions.add("matching", |member, call| {
        let mut buffer = IdBuffer::new();
        let keys = subject(&call, &mut buffer)?.map(|subject| member.matching(subject));
        Ok(write(&keys.unwrap_or_default(), call.get::<Float64ArraySlice<'_>>(2)?))
    })?;

    // of(origin, keys): does the same for the registrations of an origin, or of all origins if it is undefined.
    functions.add("of", |member, call| {
        let mut buffer = IdBuffer::new();
        let keys = origins(&call, &mut buffer)?.map(|origin| member.registrations(origin));
        Ok(write(&keys.unwrap_or_default(), call.get::<Float64ArraySlice<'_>>(1)?))
    })?;

    // notifyElsewhere(list, uri, notification): notifies registrations of other threads and processes. Returns the key of
    // the request that is completed when the other threads have delivered it, or NO_KEY if none has a matching one.
    functions.add("notifyElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match subject(&call, &mut buffer)? {
            Some(subject) => member.notify_elsewhere(subject, || text(&call, 2))?,
            None => None,
        }))
    })?;

    // closeElsewhere(origin, id, cancelled): closes a registration of another thread. Returns the key of the request that is
    // completed when it is closed, or NO_KEY if no other thread has it.
    functions.add("closeElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match (buffer.read(&call, 0)?, request_id(&call, 1)?) {
            (Some(origin), Some(id)) => member.close_elsewhere(origin, &id, reason(&call, 2)?),
            _ => None,
        }))
    })?;

    // closeAllElsewhere(origin, cancelled): does the same for the registrations of an origin, or of all origins if it is
    // undefined.
    functions.add("closeAllElsewhere", |member, call| {
        let mut buffer = IdBuffer::new();
        Ok(number(match origins(&call, &mut buffer)? {
            Some(origin) => member.close_all_elsewhere(origin, reason(&call, 1)?),
            None => None,
        }))
    })?;

    // leave(): leaves the hub.
    functions.add("leave", |member, _| {
        member.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// Reads a subject from the first two arguments. Returns `None` when no registration can match it.
fn subject<'buffer>(call: &Call<'_>, buffer: &'buffer mut IdBuffer) -> Result<Option<Subject<'buffer>>> {
    Ok(match usize::try_from(call.get::<i32>(0)?) {
        Ok(list) => ListChange::ALL.get(list).copied().map(Subject::List),
        Err(_) => buffer.read(call, 1)?.map(Subject::Resource),
    })
}

/// Reads an origin from the first argument: `Some(Some(origin))`, or `Some(None)` for all origins if it is undefined, or
/// `None` if it is not a string, and therefore no origin.
#[expect(clippy::option_option, reason = "three cases")]
fn origins<'buffer>(
    call: &Call<'_>,
    buffer: &'buffer mut IdBuffer,
) -> Result<Option<Option<&'buffer [u16]>>> {
    let origin: Unknown<'_> = call.get(0)?;
    Ok(match origin.get_type()? {
        ValueType::Undefined => Some(None),
        _ => buffer.read_value(&origin)?.map(Some),
    })
}

fn reason(call: &Call<'_>, index: usize) -> Result<RegistrationCloseReason> {
    Ok(if call.get(index)? { RegistrationCloseReason::Cancelled } else { RegistrationCloseReason::Closed })
}

/// Reads a request id. Returns `None` when it is neither a string nor a number, and therefore not the id of any
/// registration.
fn request_id(call: &Call<'_>, index: usize) -> Result<Option<RequestId>> {
    let value: Unknown<'_> = call.get(index)?;
    if value.get_type()? == ValueType::Number {
        return Ok(Some(RequestId::number(call.get(index)?)));
    }
    let mut buffer = IdBuffer::new();
    Ok(buffer.read_value(&value)?.map(|text| RequestId::Text(text.into())))
}

/// Reads the strings of an array. Skips other elements, which equal no URI.
fn texts(array: &Object<'_>) -> Result<Vec<Box<[u16]>>> {
    let mut buffer = IdBuffer::new();
    let mut texts = Vec::new();
    for index in 0..array.get_array_length()? {
        if let Some(text) = buffer.read_value(&array.get_element(index)?)? {
            texts.push(text.into());
        }
    }
    Ok(texts)
}
