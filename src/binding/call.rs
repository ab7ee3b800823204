//! A call of a native function from JavaScript: its arguments, and what it returns or throws.
//!
//! napi's `create_function_from_closure` does the same, with an allocation for the arguments of each call: a twelfth of what
//! `has` takes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ffi::c_void, ptr};

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, panic_to_error};
use napi::{Env, Error, JsError, Result, Status, sys};

/// No function takes more arguments.
const MOST_ARGUMENTS: usize = 4;
const UNCALLABLE: &str = "a native function could not be called";

/// The call that is under way.
pub struct Call<'call> {
    pub env: &'call Env,
    arguments: &'call [sys::napi_value],
}

impl Call<'_> {
    /// How many arguments there are.
    pub fn length(&self) -> usize {
        self.arguments.len()
    }

    pub fn get<Argument: FromNapiValue>(&self, index: usize) -> Result<Argument> {
        let value = self
            .arguments
            .get(index)
            .ok_or_else(|| Error::new(Status::InvalidArg, "an argument is missing"))?;
        // SAFETY: it is a live handle of the call under way in `env`.
        unsafe { Argument::from_napi_value(self.env.raw(), *value) }
    }
}

/// A JavaScript function that calls `body`, and drops it when it is collected.
pub fn function<Return: ToNapiValue, Body: Fn(Call) -> Result<Return> + 'static>(
    env: &Env,
    name: &str,
    body: Body,
) -> Result<sys::napi_value> {
    let body = Box::into_raw(Box::new(body));
    let mut function = ptr::null_mut();
    // SAFETY: the name is alive for the call; `body` lives until the finalizer has run, which is after the last call.
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
    // SAFETY: `function` is the live handle just made.
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
/// Node-API calls it, with what [`function`] has given it.
unsafe extern "C" fn invoke<Return: ToNapiValue, Body: Fn(Call) -> Result<Return>>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); MOST_ARGUMENTS];
    let mut count = MOST_ARGUMENTS;
    let mut body = ptr::null_mut();
    // SAFETY: there is room for as many as `count` says.
    let status = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut body)
    };
    let result = check(status, UNCALLABLE).and_then(|()| {
        // A panic must not go through JavaScript's frames.
        let called = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: what `function` has given it is alive as long as the function is.
            let body = unsafe { &*body.cast::<Body>() };
            let scope = Env::from_raw(env);
            let returned = body(Call { env: &scope, arguments: &arguments[..count.min(MOST_ARGUMENTS)] })?;
            // SAFETY: `env` is the one of this call.
            unsafe { Return::to_napi_value(env, returned) }
        }));
        called.unwrap_or_else(|panic| Err(panic_to_error(panic)))
    });
    result.unwrap_or_else(|error| {
        // SAFETY: as above.
        unsafe { JsError::from(error).throw_into(env) };
        ptr::null_mut()
    })
}

/// # Safety
/// As of [`invoke`]; the function is no more.
unsafe extern "C" fn drop_body<Body>(_: sys::napi_env, body: *mut c_void, _: *mut c_void) {
    // SAFETY: it comes from `Box::into_raw` in `function`, and this is called once.
    let body = unsafe { Box::<Body>::from_raw(body.cast()) };
    // Nobody is there to throw to.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(body)));
}

/// What came of a call of Node-API; `failure` says what has failed.
pub fn check(status: sys::napi_status, failure: &str) -> Result<()> {
    match status {
        sys::Status::napi_ok => Ok(()),
        status => Err(Error::new(Status::from(status), failure)),
    }
}
