//! The mailbox of a thread, for JavaScript.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use napi::bindgen_prelude::Object;
use napi::{Env, Result};

use super::cleanup::CleanupHook;
use super::drain::Drain;
use super::functions::{Functions, number};
use super::text::text;
use crate::hub::member::Member;
use crate::registry::key::Key;

/// The mailbox of a thread, from the time the thread joins a hub until it leaves or its environment ends.
pub(super) struct ThreadMailbox {
    member: Rc<Member>,
    drain: RefCell<Drain>,
    /// Leaves the hub when the environment ends.
    cleanup_hook: Cell<Option<CleanupHook>>,
}

impl ThreadMailbox {
    /// Returns the mailbox of a member. The member leaves its hub when the environment ends.
    pub fn new(member: Rc<Member>, env: &Env) -> Result<Rc<Self>> {
        let mailbox = Rc::new(Self { member, drain: RefCell::default(), cleanup_hook: Cell::default() });
        // Weak, so that the mailbox is freed with its functions.
        let weak = Rc::downgrade(&mailbox);
        let hook = CleanupHook::add(env, move || {
            if let Some(mailbox) = weak.upgrade() {
                mailbox.cleanup_hook.set(None);
                mailbox.leave();
            }
        })?;
        mailbox.cleanup_hook.set(Some(hook));
        Ok(mailbox)
    }

    fn leave(&self) {
        self.member.leave();
        // Drops messages that were taken from the mailbox and not processed, which completes the requests in them.
        drop(self.drain.take());
    }
}

/// Returns the functions of a mailbox.
pub(super) fn mailbox<'env>(mailbox: &Rc<ThreadMailbox>, env: &'env Env) -> Result<Object<'env>> {
    let mut functions = Functions::of(mailbox, env)?;

    // drain(bytes, offset, table): see `Drain::drain`.
    functions.add("drain", |mailbox, call| mailbox.drain.borrow_mut().drain(&mailbox.member, &call))?;

    // text(): see `Drain::text`.
    functions.add("text", |mailbox, _| Ok(mailbox.drain.borrow_mut().text()))?;

    // setMaxBytes(bytes): sets the maximum number of bytes that the mailbox holds.
    functions.add("setMaxBytes", |mailbox, call| {
        mailbox.member.set_max_mailbox_bytes(call.get::<f64>(0)? as usize);
        Ok(())
    })?;

    // bytes(): returns the number of bytes that wait in the mailbox.
    functions.add("bytes", |mailbox, _| Ok(mailbox.member.mailbox_bytes() as f64))?;

    // flush(isPatient): makes a request that is completed when everything that this thread posted is processed. With a backplane,
    // it fails after `command_timeout`; if `isPatient` is true, only when nothing was sent during that time. Returns its key, or
    // NO_KEY if everything is processed already.
    functions.add("flush", |mailbox, call| {
        let is_patient = call.get(0)?;
        let flushed = if is_patient { mailbox.member.flush_patiently() } else { mailbox.member.flush() };
        Ok(number(flushed))
    })?;

    // settle(completion, failure): settles a request that this thread worked on, as failed if there is a failure.
    functions.add("settle", |mailbox, call| {
        let Some(completion) = Key::from_f64(call.get(0)?) else { return Ok(()) };
        let failure = if call.length() > 1 { Some(text(&call, 1)?) } else { None };
        mailbox.member.settle(completion, failure);
        Ok(())
    })?;

    // leave(): leaves the hub.
    functions.add("leave", |mailbox, _| {
        if let Some(hook) = mailbox.cleanup_hook.take() {
            hook.remove()?;
        }
        mailbox.leave();
        Ok(())
    })?;

    Ok(functions.into_object())
}
