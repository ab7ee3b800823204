//! The registrations of one subscription manager, for JavaScript.

use napi::bindgen_prelude::{Float64ArraySlice, FunctionCallContext, JsObjectValue, Object, Unknown};
use napi::{Env, Error, Result, Status, ValueType};
use napi_derive::napi;

use super::functions::{Functions, number, write};
use super::id::IdBuffer;
use crate::sessions::Key;
use crate::subscriptions::{Filters, ListChange, RequestId, Subscriptions};

/// The functions of one subscription manager, whose registrations are seen by that manager alone.
#[napi(ts_return_type = "import('../lib/native.js').NativeSubscriptions")]
pub fn open_subscriptions(env: &Env) -> Result<Object<'_>> {
    let mut functions = Functions::of(Subscriptions::default(), env)?;

    // create(origin, id, lists, uris) → the new key, or NO_KEY where (origin, id) is there already; `lists` has a bit
    // for each of ListChange
    functions.add("create", |subscriptions, ctx| {
        let id = request_id(&ctx, 1)?.ok_or_else(|| Error::new(Status::InvalidArg, "id"))?;
        let lists: u32 = ctx.get(2)?;
        let filters = Filters {
            lists: ListChange::ALL.map(|list| lists & (1 << list as u32) != 0),
            uris: texts(&ctx.get(3)?)?,
        };
        let mut buffer = IdBuffer::new();
        let origin = buffer.read(&ctx, 0)?.ok_or_else(|| Error::new(Status::StringExpected, "origin"))?;
        Ok(number(subscriptions.create(origin, id, filters)))
    })?;

    // find(origin, id) → its key, or NO_KEY
    functions.add("find", |subscriptions, ctx| {
        let mut buffer = IdBuffer::new();
        Ok(number(match (buffer.read(&ctx, 0)?, request_id(&ctx, 1)?) {
            (Some(origin), Some(id)) => subscriptions.find(origin, &id),
            _ => None,
        }))
    })?;

    // remove(key)
    functions.add("remove", |subscriptions, ctx| {
        if let Some(key) = Key::from_f64(ctx.get(0)?) {
            subscriptions.remove(key);
        }
        Ok(())
    })?;

    // listeningTo(list, keys) → how many there are; as many as there is room for are written to `keys`
    functions.add("listeningTo", |subscriptions, ctx| {
        let list: u32 = ctx.get(0)?;
        let list =
            ListChange::ALL.get(list as usize).ok_or_else(|| Error::new(Status::InvalidArg, "list"))?;
        Ok(write(&subscriptions.listening_to(*list), ctx.get::<Float64ArraySlice>(1)?))
    })?;

    // subscribedTo(uri, keys) → likewise
    functions.add("subscribedTo", |subscriptions, ctx| {
        let mut buffer = IdBuffer::new();
        let keys = buffer.read(&ctx, 0)?.map(|uri| subscriptions.subscribed_to(uri));
        Ok(write(&keys.unwrap_or_default(), ctx.get::<Float64ArraySlice>(1)?))
    })?;

    // of(origin, keys) → likewise; `undefined` for every origin
    functions.add("of", |subscriptions, ctx| {
        let mut buffer = IdBuffer::new();
        let origin: Unknown = ctx.get(0)?;
        let keys = match origin.get_type()? {
            ValueType::Undefined => subscriptions.of(None),
            _ => buffer.read_value(&origin)?.map(|origin| subscriptions.of(Some(origin))).unwrap_or_default(),
        };
        Ok(write(&keys, ctx.get::<Float64ArraySlice>(1)?))
    })?;

    // leave(): the manager is gone
    functions.add("leave", |subscriptions, _| {
        subscriptions.clear();
        Ok(())
    })?;

    Ok(functions.into_object())
}

/// A string or a number; `None` for anything else, which is the id of no registration.
fn request_id(ctx: &FunctionCallContext, index: usize) -> Result<Option<RequestId>> {
    let value: Unknown = ctx.get(index)?;
    if value.get_type()? == ValueType::Number {
        return Ok(Some(RequestId::number(ctx.get(index)?)));
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
