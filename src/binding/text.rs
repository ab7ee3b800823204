//! Text on its way to another thread: from a JavaScript string to UTF-8.

use std::cell::RefCell;
use std::ptr;

use napi::bindgen_prelude::{JsValue, Unknown};
use napi::{Result, sys};

use super::call::{Call, check};
use crate::post::Text;

/// Messages up to this length are read into memory that is kept.
const KEPT_UNITS: usize = 64 << 10;
const UNREADABLE: &str = "a text could not be read";

/// The text in a function's argument; a lone surrogate becomes U+FFFD.
///
/// It is read as UTF-16 and transcoded here, in half the time of Node-API's way to UTF-8.
pub fn text(call: &Call, index: usize) -> Result<Text> {
    thread_local! {
        static UNITS: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
    }
    let value: Unknown = call.get(index)?;
    UNITS.with_borrow_mut(|units| {
        read(&value, units)?;
        let text = utf8(units);
        if units.capacity() > KEPT_UNITS {
            *units = Vec::new();
        }
        Ok(text)
    })
}

fn utf8(units: &[u16]) -> Text {
    // In this form both passes are vectorized: `all`, and to collect into an `Arc`, take six times as long.
    if units.iter().fold(0, |all, unit| all | unit) < 0x80 {
        return units.iter().map(|unit| *unit as u8).collect::<Vec<_>>().into();
    }
    String::from_utf16_lossy(units).into_bytes().into()
}

fn read(value: &Unknown, units: &mut Vec<u16>) -> Result<()> {
    let (env, value) = (value.value().env, value.raw());
    let mut length = 0;
    // SAFETY: `value` is a live handle of the call under way in `env`; without a buffer, only the length is written.
    let status = unsafe { sys::napi_get_value_string_utf16(env, value, ptr::null_mut(), 0, &mut length) };
    check(status, UNREADABLE)?;
    units.clear();
    units.reserve(length + 1);
    // SAFETY: as above, and there is room for `length` units and the NUL behind them.
    let status =
        unsafe { sys::napi_get_value_string_utf16(env, value, units.as_mut_ptr(), length + 1, &mut length) };
    check(status, UNREADABLE)?;
    // SAFETY: Node-API has written that many.
    unsafe { units.set_len(length) };
    Ok(())
}
