//! Converts session ids between JavaScript strings and UTF-16. Ids of common length are read without an allocation.

use std::mem::MaybeUninit;
use std::{ptr, slice};

use napi::bindgen_prelude::{JsValue, ToNapiValue, Unknown};
use napi::{Env, Error, Result, Status, sys};

use super::call::Call;

/// Size of the buffer for ids of up to 95 UTF-16 code units. A UUID has 36, and the longest default of an MCP SDK has 64.
/// Longer ids are read into heap memory.
const INLINE_UNITS: usize = 96;

/// A buffer that an id is read into. It can be used again for the next id.
pub(super) struct IdBuffer {
    inline: [MaybeUninit<u16>; INLINE_UNITS],
    heap: Vec<u16>,
}

impl IdBuffer {
    /// Returns an empty buffer.
    pub fn new() -> Self {
        Self { inline: [const { MaybeUninit::uninit() }; INLINE_UNITS], heap: Vec::new() }
    }

    /// Reads the id in an argument. Returns `None` when it is not a string, and therefore not the id of any session.
    pub fn read(&mut self, call: &Call<'_>, index: usize) -> Result<Option<&[u16]>> {
        self.read_value(&call.get(index)?)
    }

    /// Reads the id in a value. Returns `None` when it is not a string.
    pub fn read_value(&mut self, value: &Unknown<'_>) -> Result<Option<&[u16]>> {
        let (env, value) = (value.value().env, value.raw());
        // SAFETY: `value` is a handle of the call in progress in `env`. `inline` has room for INLINE_UNITS units, which
        // include the terminating NUL that Node-API writes.
        let status = unsafe { read_units(env, value, self.inline.as_mut_ptr().cast(), INLINE_UNITS) };
        let units = match status {
            Err(sys::Status::napi_string_expected) => return Ok(None),
            status => status.map_err(unreadable)?,
        };
        if units < INLINE_UNITS - 1 {
            // SAFETY: Node-API has written `units` units, which is less than the size of `inline`. The slice borrows
            // `self`, so nothing overwrites them.
            return Ok(Some(unsafe { slice::from_raw_parts(self.inline.as_ptr().cast(), units) }));
        }
        // The buffer is full, so the id may be longer.
        // SAFETY: `value` is a handle of the call in progress in `env`. Without a buffer, Node-API returns the length of the
        // string and writes nothing.
        let units = unsafe { read_units(env, value, ptr::null_mut(), 0) }.map_err(unreadable)?;
        self.heap.resize(units + 1, 0);
        // SAFETY: `value` is a handle of the call in progress in `env`, and `heap` has room for `units + 1` units.
        let units =
            unsafe { read_units(env, value, self.heap.as_mut_ptr(), units + 1) }.map_err(unreadable)?;
        Ok(Some(&self.heap[..units]))
    }
}

/// # Safety
/// `value` must be a live handle in `env`. `buffer` must be null or have room for `size` units.
unsafe fn read_units(
    env: sys::napi_env,
    value: sys::napi_value,
    buffer: *mut u16,
    size: usize,
) -> std::result::Result<usize, sys::napi_status> {
    let mut units = 0;
    // SAFETY: the caller guarantees what this function requires, which is what Node-API requires.
    match unsafe { sys::napi_get_value_string_utf16(env, value, buffer, size, &mut units) } {
        sys::Status::napi_ok => Ok(units),
        status => Err(status),
    }
}

fn unreadable(status: sys::napi_status) -> Error {
    Error::new(Status::from(status), "a session id could not be read")
}

/// An id that converts to a JavaScript string.
pub(super) struct IdValue<Units = Box<[u16]>>(pub Units);

impl<Units: AsRef<[u16]>> ToNapiValue for IdValue<Units> {
    unsafe fn to_napi_value(env: sys::napi_env, id: Self) -> Result<sys::napi_value> {
        Ok(Env::from_raw(env).create_string_utf16(id.0)?.raw())
    }
}
