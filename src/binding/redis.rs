//! Joining the hub of a Redis server and a prefix.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Function, Object};
use napi::{Env, Error, Result, Status, Unknown};
use napi_derive::napi;

use super::id::IdBuffer;
use super::membership::membership;
use crate::backplane::Backplane;
use crate::backplane::node::Node;
use crate::backplane::redis::Redis;
use crate::backplane::redis::tls::{BadTls, TlsOptions};
use crate::backplane::runtime::RuntimeGuard;
use crate::backplane::settings::Settings;
use crate::hub::scopes::Scope;

/// Returns true if a text is the URL of a Redis server. Does not connect.
#[napi]
pub fn is_redis_url(url: String) -> bool {
    Redis::open(&url, &[], Settings::default(), TlsOptions::default()).is_ok()
}

/// Returns the name of the first option of `tls` that cannot be used and what it must be, or null. `tls` has the texts of ca,
/// cert, key and servername.
#[napi(ts_return_type = "[string, string] | null")]
pub fn check_tls(tls: Vec<Option<String>>) -> Option<Vec<&'static str>> {
    let BadTls { option, expected } = tls_options(tls).check().err()?;
    Some(vec![option, expected])
}

/// Makes this thread a member of the hub of a Redis server and a prefix, and returns its functions. `settings` has a number
/// for each field of [`Settings`], or NaN for the default. `tls` is the argument of `checkTls`. The settings and `tls` of the
/// first thread that joins in this process apply. The other arguments are those of `joinScope`.
#[napi(ts_return_type = "import('../lib/native/binding.js').NativeMembership")]
pub fn join_redis<'env>(
    env: &'env Env,
    url: String,
    prefix: Unknown<'env>,
    settings: Vec<f64>,
    tls: Vec<Option<String>>,
    max_mailbox_bytes: f64,
    wake: Function<'env, (), ()>,
) -> Result<Object<'env>> {
    let mut buffer = IdBuffer::new();
    let prefix = buffer.read_value(&prefix)?.unwrap_or_default();
    let settings = with_defaults(&settings);
    let tls = tls_options(tls);
    let redis = Redis::open(&url, prefix, settings, tls.clone())
        .map_err(|_| Error::new(Status::InvalidArg, "url"))?;
    let scope = Scope::Redis { url: url.into(), prefix: prefix.into() };
    // Its cleanup hook is added before that of the membership. Hooks run in reverse order, so the membership leaves first.
    let runtime = runtime_of(env)?;
    let run = |hub, backplane: Arc<Backplane>| {
        // The backplane is new, so this is the first time.
        let _ = backplane.tls.set(tls);
        runtime.spawn(Node::new(hub, backplane, redis).run());
    };
    membership(env, &wake, |waker| {
        scope.join_with_backplane(settings, max_mailbox_bytes as usize, Some(waker), run)
    })
}

/// Returns the runtime guard of an environment. It is held until the environment ends.
fn runtime_of(env: &Env) -> Result<Rc<RuntimeGuard>> {
    thread_local! {
        // By environment, because a thread can have several. Weak, because the cleanup hooks hold the guards:
        // `process.exit()` on the main thread runs no hooks, but drops thread-locals, at a time when the runtime can no
        // longer be used.
        static GUARDS: RefCell<HashMap<usize, Weak<RuntimeGuard>>> = RefCell::default();
    }
    let address = env.raw() as usize;
    if let Some(guard) = GUARDS.with_borrow(|guards| guards.get(&address).and_then(Weak::upgrade)) {
        return Ok(guard);
    }
    let guard =
        RuntimeGuard::acquire().map_err(|error| Error::new(Status::GenericFailure, error.to_string()))?;
    let guard = Rc::new(guard);
    GUARDS.with_borrow_mut(|guards| guards.insert(address, Rc::downgrade(&guard)));
    env.add_env_cleanup_hook(Rc::clone(&guard), move |guard| {
        GUARDS.with_borrow_mut(|guards| guards.remove(&address));
        drop(guard);
    })?;
    Ok(guard)
}

/// Returns the options of the texts of ca, cert, key and servername.
pub(super) fn tls_options(texts: Vec<Option<String>>) -> TlsOptions {
    let mut texts = texts.into_iter();
    let mut next = || texts.next().flatten();
    let pem = |text: Option<String>| text.map(|text| text.into_bytes().into_boxed_slice());
    TlsOptions {
        ca: pem(next()),
        cert: pem(next()),
        key: pem(next()),
        server_name: next().map(String::into_boxed_str),
    }
}

fn with_defaults(given: &[f64]) -> Settings {
    let mut settings = Settings::default();
    let Settings { max_len, max_pending_bytes, command_timeout, heartbeat, node_ttl, max_inbox_bytes } =
        &mut settings;
    for (index, value) in given.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let duration = Duration::from_millis(*value as u64);
        match index {
            0 => *max_len = *value as u64,
            1 => *max_pending_bytes = *value as usize,
            2 => *command_timeout = duration,
            3 => *heartbeat = duration,
            4 => *node_ttl = duration,
            _ => *max_inbox_bytes = *value as u64,
        }
    }
    settings
}
