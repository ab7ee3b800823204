//! Native functions that JavaScript calls: their arguments, and what they return or throw.
//!
//! napi's `create_function_from_closure` does the same, but allocates memory for the arguments of each call. That is a
//! twelfth of the time that `has` takes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ffi::c_void, ptr};

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, panic_to_error};
use napi::{Env, Error, JsError, Result, Status, sys};

/// Maximum number of arguments of a native function.
const MAX_ARGUMENTS: usize = 5;
const UNCALLABLE: &str = "a native function could not be called";

/// The call in progress.
pub(super) struct Call<'call> {
    /// The environment of the caller.
    pub env: &'call Env,
    arguments: &'call [sys::napi_value],
}

impl Call<'_> {
    /// Returns the number of arguments.
    pub fn length(&self) -> usize {
        self.arguments.len()
    }

    /// Returns an argument.
    pub fn get<Argument: FromNapiValue>(&self, index: usize) -> Result<Argument> {
        let value = self.value(index)?;
        // SAFETY: `value` is a handle of the call in progress in `env`, and handles live until the call returns.
        unsafe { Argument::from_napi_value(self.env.raw(), value) }
    }

    /// Returns a reference to what an argument holds.
    #[cfg(unix)]
    pub fn get_ref<Argument: napi::bindgen_prelude::FromNapiRef + 'static>(
        &self,
        index: usize,
    ) -> Result<&Argument> {
        let value = self.value(index)?;
        // SAFETY: `value` is a handle of the call in progress in `env`. It keeps its object alive until the call returns, and
        // the reference does not outlive the call.
        unsafe { Argument::from_napi_ref(self.env.raw(), value) }
    }

    fn value(&self, index: usize) -> Result<sys::napi_value> {
        let value = self.arguments.get(index).copied();
        value.ok_or_else(|| Error::new(Status::InvalidArg, "an argument is missing"))
    }
}

/// Returns a JavaScript function that calls `body`, and drops `body` when the function is garbage collected.
pub(super) fn function<Return: ToNapiValue, Body: Fn(Call<'_>) -> Result<Return> + 'static>(
    env: &Env,
    name: &str,
    body: Body,
) -> Result<sys::napi_value> {
    let body = Box::into_raw(Box::new(body));
    let mut function = ptr::null_mut();
    // SAFETY: `name` outlives this call and its length is passed. `body` lives until `drop_body` runs, and Node-API runs
    // that finalizer after the last call of the function.
    let status = unsafe {
        sys::napi_create_function(
            env.raw(),
            name.as_ptr().cast(),
            name.len() as isize,
            Some(invoke::<Return, Body>),
            body.cast(),
            &mut function,
        )
    };
    check(status, UNCALLABLE)?;
    // SAFETY: `function` is the handle that the call above has just made. `body` matches the type of `drop_body`.
    let status = unsafe {
        sys::napi_add_finalizer(
            env.raw(),
            function,
            body.cast(),
            Some(drop_body::<Body>),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, UNCALLABLE)?;
    Ok(function)
}

/// # Safety
/// Only Node-API may call it, as the callback that [`function`] registered with a `body` of this type.
unsafe extern "C" fn invoke<Return: ToNapiValue, Body: Fn(Call<'_>) -> Result<Return>>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); MAX_ARGUMENTS];
    let mut count = MAX_ARGUMENTS;
    let mut body = ptr::null_mut();
    // SAFETY: `env` and `info` come from Node-API, and `arguments` has room for `count` values.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut body)
    };
    let result = check(status, UNCALLABLE).and_then(|()| {
        // A panic must not unwind through JavaScript frames.
        let called = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: Node-API returns the pointer that `function` registered. It points to a `Body` that lives as long as
            // the function.
            let body = unsafe { &*body.cast::<Body>() };
            let scope = Env::from_raw(env);
            let returned = body(Call { env: &scope, arguments: &arguments[..count.min(MAX_ARGUMENTS)] })?;
            // SAFETY: `env` is the environment of this call.
            unsafe { Return::to_napi_value(env, returned) }
        }));
        called.unwrap_or_else(|panic| Err(panic_to_error(panic)))
    });
    result.unwrap_or_else(|error| {
        // SAFETY: `env` is the environment of this call.
        unsafe { JsError::from(error).throw_into(env) };
        ptr::null_mut()
    })
}

/// # Safety
/// Only Node-API may call it, once, as the finalizer that [`function`] registered with a `body` of this type.
unsafe extern "C" fn drop_body<Body>(_: sys::napi_env, body: *mut c_void, _: *mut c_void) {
    // SAFETY: the pointer comes from `Box::into_raw` in `function`, and a finalizer runs once.
    let body = unsafe { Box::<Body>::from_raw(body.cast()) };
    // A finalizer has no caller to throw to.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(body)));
}

/// Returns an error with the text `failure` unless a call of Node-API succeeded.
pub(super) fn check(status: sys::napi_status, failure: &str) -> Result<()> {
    match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(Error::new(Status::from(status), failure)),
    }
}
