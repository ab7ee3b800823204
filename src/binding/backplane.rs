//! What joins a seat's hub to other machines, for JavaScript.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use napi::bindgen_prelude::{Function, Object};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use super::call::Call;
use super::functions::{Functions, number};
use super::id::IdBuffer;
use super::info::{fact, ttl};
use super::scope::seat;
use crate::backplane::bus::Question;
use crate::backplane::node::Node;
use crate::backplane::redis::Redis;
use crate::backplane::runtime::Tenant;
use crate::backplane::{Backplane, Counters, Settings};
use crate::member::Member;
use crate::scopes::Scope;

/// Whether it is the URL of a Redis server, as far as can be seen without connecting.
#[napi]
pub fn is_redis_url(url: String) -> bool {
    Redis::open(&url, &[], Settings::default()).is_ok()
}

/// This thread's seat in the hub of a Redis server and a prefix. `settings` has a number for each of [`Settings`], NaN for
/// what is not given: they count for the first that joins in the process. The rest as in `joinScope`.
#[napi(ts_return_type = "import('../lib/native.js').NativeSeat")]
pub fn join_redis<'env>(
    env: &'env Env,
    url: String,
    prefix: napi::Unknown<'env>,
    settings: Vec<f64>,
    max_mailbox_bytes: f64,
    wake: Function<'env, (), ()>,
) -> Result<Object<'env>> {
    let mut buffer = IdBuffer::new();
    let prefix = buffer.read_value(&prefix)?.unwrap_or_default();
    let settings = with_defaults(&settings);
    let redis = Redis::open(&url, prefix, settings).map_err(|_| Error::new(Status::InvalidArg, "url"))?;
    let scope = Scope::Redis { url: url.into(), prefix: prefix.into() };
    // Before the seat's, so that the seat is given up first.
    let tenant = tenant_of(env)?;
    let run = |hub, backplane| tenant.run(Node::new(hub, backplane, redis).live());
    seat(env, &wake, |waker| scope.join_machines(settings, max_mailbox_bytes as usize, Some(waker), run))
}

/// Of an environment, as long as it lives.
fn tenant_of(env: &Env) -> Result<Rc<Tenant>> {
    thread_local! {
        // Weak, the hooks hold them: `process.exit()` on the main thread runs no hooks, but drops what the thread has of its
        // own, when it is too late to use a runtime.
        static TENANTS: RefCell<HashMap<usize, Weak<Tenant>>> = RefCell::default();
    }
    let name = env.raw() as usize;
    if let Some(tenant) = TENANTS.with_borrow(|tenants| tenants.get(&name).and_then(Weak::upgrade)) {
        return Ok(tenant);
    }
    let tenant = Tenant::enter().map_err(|error| Error::new(Status::GenericFailure, error.to_string()))?;
    let tenant = Rc::new(tenant);
    TENANTS.with_borrow_mut(|tenants| tenants.insert(name, Rc::downgrade(&tenant)));
    env.add_env_cleanup_hook(Rc::clone(&tenant), move |tenant| {
        TENANTS.with_borrow_mut(|tenants| tenants.remove(&name));
        drop(tenant);
    })?;
    Ok(tenant)
}

fn with_defaults(given: &[f64]) -> Settings {
    let mut settings = Settings::default();
    let Settings { max_len, max_pending_bytes, command_timeout, heartbeat, node_ttl } = &mut settings;
    for (index, value) in given.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let duration = Duration::from_millis(*value as u64);
        match index {
            0 => *max_len = *value as u64,
            1 => *max_pending_bytes = *value as usize,
            2 => *command_timeout = duration,
            3 => *heartbeat = duration,
            _ => *node_ttl = duration,
        }
    }
    settings
}

pub fn backplane<'env>(member: &Rc<Member>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(member, env)?;

    // settings() → those that count, in the order of joinRedis
    functions.add("settings", |member, _| {
        let Settings { max_len, max_pending_bytes, command_timeout, heartbeat, node_ttl } =
            of(member)?.settings;
        let ms = |duration: Duration| duration.as_millis() as f64;
        Ok(vec![max_len as f64, max_pending_bytes as f64, ms(command_timeout), ms(heartbeat), ms(node_ttl)])
    })?;

    // wasRefused() → whether something was not taken since this was last asked, as too much waits
    functions.add("wasRefused", |member, _| Ok(member.was_refused()))?;

    // ready() → the name of the answer that comes when this process gets what others send
    functions.add("ready", |member, _| Ok(number(member.question(Backplane::when_ready))))?;

    // has(id) → the name of the answer, or NO_KEY for what is the id of no session; so with all below
    functions.add("has", |member, call| ask(member, id(&call, 0)?.map(|id| Question::Has { id })))?;

    // get(id, fact, ttlMs)
    functions.add("get", |member, call| {
        let (fact, ttl) = (fact(&call, 1)?, ttl(&call, 2)?);
        ask(member, id(&call, 0)?.map(|id| Question::Get { id, fact, ttl }))
    })?;

    // set(id, fact, json, ttlMs); `json` is undefined for nothing
    functions.add("set", |member, call| {
        let (fact, value, ttl) =
            (fact(&call, 1)?, call.get::<Option<String>>(2)?.map(Arc::from), ttl(&call, 3)?);
        ask(member, id(&call, 0)?.map(|id| Question::Set { id, fact, value, ttl }))
    })?;

    // watchers(uri)
    functions
        .add("watchers", |member, call| ask(member, id(&call, 0)?.map(|uri| Question::Watchers { uri })))?;

    // watch(id, uri, ttlMs)
    functions.add("watch", |member, call| {
        let ttl = ttl(&call, 2)?;
        ask(member, id(&call, 0)?.zip(id(&call, 1)?).map(|(id, uri)| Question::Watch { id, uri, ttl }))
    })?;

    // unwatch(id, uri)
    functions.add("unwatch", |member, call| {
        ask(member, id(&call, 0)?.zip(id(&call, 1)?).map(|(id, uri)| Question::Unwatch { id, uri }))
    })?;

    // forget(id)
    functions.add("forget", |member, call| ask(member, id(&call, 0)?.map(|id| Question::Forget { id })))?;

    // stats() → connected (1) or not, bytes pending, and the numbers of Counters in their order
    functions.add("stats", |member, _| {
        let backplane = of(member)?;
        let Counters { is_connected, sent, received, duplicates, gaps, missed, malformed, reconnects } =
            &backplane.counters;
        let connected = u64::from(is_connected.load(Ordering::Relaxed));
        let counted = [sent, received, duplicates, gaps, missed, malformed, reconnects];
        let mut numbers = vec![connected as f64, backplane.pending_bytes() as f64];
        numbers.extend(counted.map(|counter| counter.load(Ordering::Relaxed) as f64));
        Ok(numbers)
    })?;

    // close() → the name of the answer that comes when the node has left, or NO_KEY where other threads are still there
    functions.add("close", |member, _| Ok(number(member.leave_machines())))?;

    Ok(functions.into_object())
}

fn of(member: &Member) -> Result<&Backplane> {
    let backplane = member.backplane().ok_or_else(|| Error::new(Status::GenericFailure, "no backplane"))?;
    Ok(backplane)
}

fn ask(member: &Member, question: Option<Question>) -> Result<f64> {
    Ok(number(
        question.and_then(|question| member.question(|backplane, receipt| backplane.ask(question, receipt))),
    ))
}

fn id(call: &Call, index: usize) -> Result<Option<Box<[u16]>>> {
    Ok(IdBuffer::new().read(call, index)?.map(Box::from))
}
