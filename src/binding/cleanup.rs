//! Functions that run when an environment ends.
//!
//! napi-rs has the same, but does not free a hook that is removed. A thread adds and removes a hook for each scope that it
//! joins and leaves, so its memory would grow with each.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use napi::{Env, Result, sys};

use super::call::check;

type Function = Cell<Option<Box<dyn FnOnce()>>>;

/// A function that Node.js calls when the environment ends, unless it is removed before.
pub(super) struct CleanupHook {
    env: sys::napi_env,
    /// Empty when the function was called. Node.js owns the other reference until then.
    function: Rc<Function>,
}

impl CleanupHook {
    pub fn add(env: &Env, function: impl FnOnce() + 'static) -> Result<Self> {
        let function: Rc<Function> = Rc::new(Cell::new(Some(Box::new(function))));
        let data = Rc::into_raw(Rc::clone(&function));
        // SAFETY: the environment is in use, and `run` gets the reference that was leaked for it.
        let status = unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(run), data.cast_mut().cast()) };
        if status != sys::Status::napi_ok {
            // SAFETY: Node.js did not keep the reference.
            drop(unsafe { Rc::from_raw(data) });
        }
        check(status, "cannot add a cleanup hook")?;
        Ok(Self { env: env.raw(), function })
    }

    /// Frees the function without a call. Does nothing when it was called.
    pub fn remove(self) -> Result<()> {
        let Some(function) = self.function.take() else { return Ok(()) };
        let data = Rc::as_ptr(&self.function);
        // SAFETY: the environment has not ended, because it calls the function first. This is the pair that `add` passed.
        let status =
            unsafe { sys::napi_remove_env_cleanup_hook(self.env, Some(run), data.cast_mut().cast()) };
        check(status, "cannot remove a cleanup hook")?;
        // SAFETY: Node.js has dropped the reference that `add` leaked.
        drop(unsafe { Rc::from_raw(data) });
        drop(function);
        Ok(())
    }
}

/// Calls the function of a hook.
///
/// # Safety
///
/// `data` must be a leaked reference, which this function takes.
unsafe extern "C" fn run(data: *mut c_void) {
    // SAFETY: the caller promises it.
    let function = unsafe { Rc::from_raw(data.cast::<Function>()) };
    if let Some(function) = function.take() {
        function();
    }
}
