//! Joining the hub of a scope.

use napi::bindgen_prelude::{Function, Object};
use napi::{Env, Result, Unknown};
use napi_derive::napi;

use super::id::IdBuffer;
use super::membership::membership;
use crate::hub::scopes::Scope;

/// Makes this thread a member of a scope, and returns its functions. `wake` is called on this thread when another thread
/// has posted something to it.
#[napi(ts_return_type = "import('../lib/native/binding.js').NativeMembership")]
pub fn join_scope<'env>(
    env: &'env Env,
    scope: Unknown<'env>,
    max_mailbox_bytes: f64,
    wake: Function<'env, (), ()>,
) -> Result<Object<'env>> {
    let mut buffer = IdBuffer::new();
    let scope = Scope::Named(buffer.read_value(&scope)?.unwrap_or_default().into());
    membership(env, &wake, |waker| scope.join(max_mailbox_bytes as usize, Some(waker)))
}
