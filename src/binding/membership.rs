//! A thread's membership in a hub, for JavaScript: the functions that the thread gets, and how other threads wake it.

use std::rc::Rc;
use std::sync::Arc;

use napi::bindgen_prelude::{ArrayBuffer, Function, JsObjectValue, Object};
use napi::{Env, Result};

use super::backplane::backplane;
use super::info::info;
use super::mailbox::{ThreadMailbox, mailbox};
use super::streams::streams;
use super::subscriptions::subscriptions;
use super::waker::waker;
use crate::hub::member::Member;
use crate::hub::peer::Flags;
use crate::threads::mailbox::Waker;

/// Calls `join` to join a hub, and returns the functions of the member. The member leaves when `lib/` calls `leave`, or when
/// the environment ends.
pub(super) fn membership<'env>(
    env: &'env Env,
    wake: &Function<'env, (), ()>,
    join: impl FnOnce(Waker) -> Member,
) -> Result<Object<'env>> {
    // The hook of the mailbox takes the waker away, so it is added after the waker is made.
    let member = Rc::new(join(waker(wake)?));
    let thread_mailbox = ThreadMailbox::new(Rc::clone(&member), env)?;

    let mut object = Object::new(env)?;
    object.set_named_property("flags", flags(&member, env)?)?;
    object.set_named_property("streams", streams(&member, env)?)?;
    object.set_named_property("info", info(&member, env)?)?;
    object.set_named_property("subscriptions", subscriptions(&member, env)?)?;
    object.set_named_property("mailbox", mailbox(&thread_mailbox, env)?)?;
    if member.backplane().is_some() {
        object.set_named_property("backplane", backplane(&member, env)?)?;
    }
    Ok(object)
}

/// Returns the memory of [`Flags`], which JavaScript reads without a call. Returns `None` if the runtime does not support
/// buffers over memory that it has not allocated.
fn flags<'env>(member: &Member, env: &'env Env) -> Result<Option<ArrayBuffer<'env>>> {
    let flags = member.flags();
    let memory = Arc::as_ptr(&flags).cast::<u8>().cast_mut();
    // SAFETY: the finalizer holds an Arc of the flags, so the memory outlives the buffer. Only lib/ gets the buffer, and it
    // only reads it, as aligned 32-bit integers. Other threads write it as atomics, which allow writes through a shared
    // pointer.
    let buffer = unsafe {
        ArrayBuffer::from_external(env, memory, size_of::<Flags>(), flags, |_, flags| drop(flags))?
    };
    // Where external buffers are not supported, napi-rs returns a copy, which would never change.
    Ok((buffer.as_ptr() == memory).then_some(buffer))
}
