//! Session ids between JavaScript strings and UTF-16, read without an allocation where they are of common length.

use std::mem::MaybeUninit;
use std::{ptr, slice};

use napi::bindgen_prelude::{JsValue, ToNapiValue, Unknown};
use napi::{Env, Error, Result, Status, sys};

use super::call::Call;

/// Room for ids of up to 95 UTF-16 code units: a UUID has 36, the SDKs' longest default 64. Longer ones are read into the heap.
const INLINE_UNITS: usize = 96;

/// Where an id is read into. May be used again for the next one.
pub struct IdBuffer {
    inline: [MaybeUninit<u16>; INLINE_UNITS],
    heap: Vec<u16>,
}

impl IdBuffer {
    pub fn new() -> Self {
        Self { inline: [const { MaybeUninit::uninit() }; INLINE_UNITS], heap: Vec::new() }
    }

    /// The id in a function's argument; `None` for what is no string, and so the id of no session.
    pub fn read(&mut self, call: &Call, index: usize) -> Result<Option<&[u16]>> {
        self.read_value(&call.get(index)?)
    }

    /// The id in a value; `None` for what is no string.
    pub fn read_value(&mut self, value: &Unknown) -> Result<Option<&[u16]>> {
        let (env, value) = (value.value().env, value.raw());
        // SAFETY: `value` is a live handle of the call under way in `env`, and `inline` has room for the INLINE_UNITS
        // units that Node-API is told of, its closing NUL included.
        let status = unsafe { read_units(env, value, self.inline.as_mut_ptr().cast(), INLINE_UNITS) };
        let units = match status {
            Err(sys::Status::napi_string_expected) => return Ok(None),
            status => status.map_err(unreadable)?,
        };
        if units < INLINE_UNITS - 1 {
            // SAFETY: Node-API has written that many units, fewer than `inline` has, and they are borrowed with `self`.
            return Ok(Some(unsafe { slice::from_raw_parts(self.inline.as_ptr().cast(), units) }));
        }
        // Full: perhaps there is more.
        // SAFETY: as above; without a buffer, Node-API says how long the string is and writes nothing.
        let units = unsafe { read_units(env, value, ptr::null_mut(), 0) }.map_err(unreadable)?;
        self.heap.resize(units + 1, 0);
        // SAFETY: as above, and `heap` has room for `units + 1` units.
        let units =
            unsafe { read_units(env, value, self.heap.as_mut_ptr(), units + 1) }.map_err(unreadable)?;
        Ok(Some(&self.heap[..units]))
    }
}

/// # Safety
/// `value` is a live handle in `env`; `buffer` is null, or has room for `size` units.
unsafe fn read_units(
    env: sys::napi_env,
    value: sys::napi_value,
    buffer: *mut u16,
    size: usize,
) -> std::result::Result<usize, sys::napi_status> {
    let mut units = 0;
    // SAFETY: the caller's promise.
    match unsafe { sys::napi_get_value_string_utf16(env, value, buffer, size, &mut units) } {
        sys::Status::napi_ok => Ok(units),
        status => Err(status),
    }
}

fn unreadable(status: sys::napi_status) -> Error {
    Error::new(Status::from(status), "a session id could not be read")
}

/// An id on its way to JavaScript.
pub struct IdValue<Units = Box<[u16]>>(pub Units);

impl<Units: AsRef<[u16]>> ToNapiValue for IdValue<Units> {
    unsafe fn to_napi_value(env: sys::napi_env, id: Self) -> Result<sys::napi_value> {
        Ok(Env::from_raw(env).create_string_utf16(id.0)?.raw())
    }
}
