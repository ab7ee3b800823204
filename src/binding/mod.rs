//! The boundary to JavaScript: everything that names Node-API, and nothing that decides.
//!
//! [`open_hub`] hands JavaScript one manager's side of a hub as an object of plain functions. They are closures, not
//! methods of a `#[napi]` class: napi-rs takes a process-wide lock for each method call, at ten times the price. They
//! are called by this package's own `lib/` only, which has checked what the user gave.

mod id;

use std::rc::Rc;
use std::sync::Arc;

use napi::bindgen_prelude::{
    Either, Float64ArraySlice, FunctionCallContext, JsObjectValue, Object, ToNapiValue, Unknown,
};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::hub::{DEFAULT_MAX_MAILBOX_BYTES, Hub, Member};
use crate::sessions::Key;
use id::{IdBuffer, IdValue};

/// What stands for "no key" in JavaScript. Keys are positive.
const NO_KEY: f64 = 0.0;

/// The functions of one manager, whose sessions are seen by that manager alone.
#[napi(ts_return_type = "import('../lib/native.js').NativeHub")]
pub fn open_hub(env: &Env) -> Result<Object<'_>> {
    let member = Rc::new(Hub::for_one_thread().join(DEFAULT_MAX_MAILBOX_BYTES, None));
    let mut functions = Functions { env, object: Object::new(env)?, member };

    // create(id) → the new key, or [the new key, the key of the session it replaces]
    functions.add("create", |member, ctx| {
        let mut buffer = IdBuffer::new();
        let id = buffer.read(&ctx, 0)?.ok_or_else(|| Error::new(Status::StringExpected, "id"))?;
        let created = member.create(id);
        Ok(match created.replaced {
            None => Either::A(created.key.as_f64()),
            Some(replaced) => Either::B(vec![created.key.as_f64(), replaced.as_f64()]),
        })
    })?;

    // remove(id) → the key to close, or NO_KEY
    functions.add("remove", |member, ctx| {
        let mut buffer = IdBuffer::new();
        Ok(number(buffer.read(&ctx, 0)?.and_then(|id| member.remove(id))))
    })?;

    // forget(id, key): removes that session only if it is still that one
    functions.add("forget", |member, ctx| {
        let mut buffer = IdBuffer::new();
        let key = Key::from_f64(ctx.get(1)?);
        Ok(match (buffer.read(&ctx, 0)?, key) {
            (Some(id), Some(key)) => member.forget(id, key),
            _ => false,
        })
    })?;

    // has(id) → boolean
    functions.add("has", |member, ctx| {
        let mut buffer = IdBuffer::new();
        Ok(buffer.read(&ctx, 0)?.is_some_and(|id| member.has(id)))
    })?;

    // routeOne(id, text) → the key to feed, or NO_KEY
    functions.add("routeOne", |member, ctx| {
        let mut buffer = IdBuffer::new();
        Ok(number(match buffer.read(&ctx, 0)? {
            Some(id) => member.send_one(id, || utf8(&ctx, 1))?,
            None => None,
        }))
    })?;

    // route(ids, text, keys) → how many keys to feed were written to the Float64Array `keys`, which is at least as
    // long as `ids`: each once, oldest session first
    functions.add("route", |member, ctx| {
        let ids: Object = ctx.get(0)?;
        let mut keys: Float64ArraySlice = ctx.get(2)?;
        let count = length_of(&ids)?;
        if count as usize > keys.len() {
            return Err(Error::new(Status::InvalidArg, "keys is shorter than ids"));
        }
        let mut buffer = IdBuffer::new();
        let mut route = member.route();
        for index in 0..count {
            // May run JavaScript (a getter, a proxy): no lock is held here.
            let id: Unknown = ids.get_element(index)?;
            if let Some(id) = buffer.read_value(&id)? {
                route.add(id);
            }
        }
        let found = route.send(|| utf8(&ctx, 1))?;
        // SAFETY: `keys` is the argument of a call under way, so its memory is alive; it belongs to lib/, which no
        // other thread shares it with, and no JavaScript runs while the slice is borrowed. Its length is `keys.len()`.
        let slots = unsafe { keys.as_mut() };
        for (slot, key) in slots.iter_mut().zip(&found) {
            *slot = key.as_f64();
        }
        Ok(found.len() as u32)
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

    Ok(functions.object)
}

/// The candidate that a word was most likely meant to be; `None` where none is like it.
#[napi]
pub fn nearest(word: String, candidates: Vec<String>) -> Option<String> {
    let like = |candidate: &String| strsim::normalized_damerau_levenshtein(&word, candidate);
    candidates
        .into_iter()
        .filter(|candidate| like(candidate) > 0.5)
        .max_by(|a, b| like(a).total_cmp(&like(b)))
}

/// Makes functions that share one member.
struct Functions<'env> {
    env: &'env Env,
    object: Object<'env>,
    member: Rc<Member>,
}

impl Functions<'_> {
    fn add<Return: ToNapiValue + 'static>(
        &mut self,
        name: &str,
        body: impl Fn(&Member, FunctionCallContext) -> Result<Return> + 'static,
    ) -> Result<()> {
        let member = Rc::clone(&self.member);
        let function =
            self.env.create_function_from_closure::<(), Return, _>(name, move |ctx| body(&member, ctx))?;
        self.object.set_named_property(name, function)
    }
}

fn number(key: Option<Key>) -> f64 {
    key.map_or(NO_KEY, Key::as_f64)
}

/// The text in a function's argument. Only read when it has to leave the thread: what is fed here, `lib/` encodes.
fn utf8(ctx: &FunctionCallContext, index: usize) -> Result<Arc<[u8]>> {
    Ok(ctx.get::<String>(index)?.into_bytes().into())
}

/// Of an array, or of a proxy for one, which `Array.isArray` lets pass and Node-API does not.
fn length_of(ids: &Object) -> Result<u32> {
    ids.get_array_length_unchecked().or_else(|_| ids.get_named_property("length"))
}
