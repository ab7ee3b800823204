//! The function by which other threads wake a thread.

use std::sync::Arc;

use napi::Result;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;

use crate::threads::mailbox::Waker;

/// Returns a waker that calls a JavaScript function on its thread. It keeps no process alive.
///
/// The caller adds a cleanup hook afterwards that takes the waker away from other threads. Hooks run in reverse order, so
/// that happens before Node.js frees the thread-safe function. The environment cannot end between the two, because this code
/// runs on its thread.
pub(super) fn waker(wake: &Function<'_, (), ()>) -> Result<Waker> {
    let wake = wake.build_threadsafe_function::<()>().weak::<true>().callee_handled::<false>().build()?;
    Ok(Arc::new(move || {
        // The call can only fail when the environment is ending. Nothing has to be delivered then.
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    }))
}
