//! A thread's seat in a scope, for JavaScript: what it shares with other threads, and the way these wake it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use napi::bindgen_prelude::{ArrayBuffer, Function, JsObjectValue, Object};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{CleanupEnvHook, Env, Result};
use napi_derive::napi;

use super::backplane::backplane;
use super::functions::{Functions, number};
use super::id::IdBuffer;
use super::info::info;
use super::mail::Mail;
use super::streams::streams;
use super::subscriptions::subscriptions;
use super::text::text;
use crate::hub::Signs;
use crate::mailbox::Waker;
use crate::member::Member;
use crate::scopes::Scope;
use crate::sessions::Key;

struct Seat {
    member: Rc<Member>,
    mail: RefCell<Mail>,
    /// Leaves when the environment ends.
    hook: Cell<Option<CleanupEnvHook<Weak<Seat>>>>,
}

impl Seat {
    fn leave(&self) {
        self.member.leave();
        // What was taken from the mailbox and is not dealt with: whoever waits for it need not wait any longer.
        drop(self.mail.take());
    }
}

/// This thread's seat in a scope. `wake` is called on this thread when others have left something for it.
#[napi(ts_return_type = "import('../lib/native.js').NativeSeat")]
pub fn join_scope<'env>(
    env: &'env Env,
    scope: napi::Unknown<'env>,
    max_mailbox_bytes: f64,
    wake: Function<'env, (), ()>,
) -> Result<Object<'env>> {
    let mut buffer = IdBuffer::new();
    let scope = Scope::Named(buffer.read_value(&scope)?.unwrap_or_default().into());
    seat(env, &wake, |waker| scope.join(max_mailbox_bytes as usize, Some(waker)))
}

/// A seat that is taken by `join`, until the environment ends or `lib/` gives it up.
pub fn seat<'env>(
    env: &'env Env,
    wake: &Function<'env, (), ()>,
    join: impl FnOnce(Waker) -> Member,
) -> Result<Object<'env>> {
    // The hook is added behind the function, so that it runs before Node ends the function. (The environment cannot end
    // while this is running.)
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    let member = Rc::new(join(Arc::new(move || {
        // It can only fail when the environment ends, and then nothing more is to be done here.
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    })));
    let seat = Rc::new(Seat { member: Rc::clone(&member), mail: RefCell::default(), hook: Cell::default() });
    // Weak, as napi-rs does not free what a removed hook holds.
    let hook = env.add_env_cleanup_hook(Rc::downgrade(&seat), |seat| {
        if let Some(seat) = seat.upgrade() {
            seat.hook.set(None);
            seat.leave();
        }
    })?;
    seat.hook.set(Some(hook));

    let mut object = Object::new(env)?;
    object.set_named_property("signs", signs(&member, env)?)?;
    object.set_named_property("streams", streams(&member, env)?)?;
    object.set_named_property("info", info(&member, env)?)?;
    object.set_named_property("subscriptions", subscriptions(&member, env)?)?;
    object.set_named_property("mailbox", mailbox(&seat, env)?)?;
    if member.backplane().is_some() {
        object.set_named_property("backplane", backplane(&member, env)?)?;
    }
    Ok(object)
}

/// Numbers that JavaScript reads without a call, and other threads write: [`Signs`]. `None` where the runtime has no memory
/// but its own.
fn signs<'env>(member: &Member, env: &'env Env) -> Result<Option<ArrayBuffer<'env>>> {
    let signs = member.signs();
    let memory = Arc::as_ptr(&signs).cast::<u8>().cast_mut();
    // SAFETY: the memory stays until the finalizer drops the Arc. Nobody but lib/ gets the buffer, which only reads it, as
    // the aligned numbers they are; other threads write them as atomics, which may be written through a shared pointer.
    let buffer = unsafe {
        ArrayBuffer::from_external(env, memory, size_of::<Signs>(), signs, |_, signs| drop(signs))?
    };
    // Otherwise it is a copy.
    Ok((buffer.as_ptr() == memory).then_some(buffer))
}

fn mailbox<'env>(seat: &Rc<Seat>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(seat, env)?;

    // drain(bytes, offset, table): see Mail::drain
    functions.add("drain", |seat, call| seat.mail.borrow_mut().drain(&seat.member, &call))?;

    // text(): see Mail::text
    functions.add("text", |seat, _| Ok(seat.mail.borrow_mut().text()))?;

    // holdAtMost(bytes): from now on
    functions.add("holdAtMost", |seat, call| {
        seat.member.hold_at_most(call.get::<f64>(0)? as usize);
        Ok(())
    })?;

    // bytes() → how many wait
    functions.add("bytes", |seat, _| Ok(seat.member.mailbox_bytes() as f64))?;

    // flush() → the name of the answer that comes when all that was posted is dealt with, or NO_KEY where it is
    functions.add("flush", |seat, _| Ok(number(seat.member.flush())))?;

    // settle(receipt, failure): it is done, or has failed where there is a description of that
    functions.add("settle", |seat, call| {
        let Some(receipt) = Key::from_f64(call.get(0)?) else { return Ok(()) };
        let failure = if call.length() > 1 { Some(text(&call, 1)?) } else { None };
        seat.member.settle(receipt, failure);
        Ok(())
    })?;

    // leave(): nobody here uses the scope any more
    functions.add("leave", |seat, call| {
        if let Some(hook) = seat.hook.take() {
            call.env.remove_env_cleanup_hook(hook)?;
        }
        seat.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}
