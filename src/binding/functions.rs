//! Objects of native functions, and the keys that these functions take and return.

use std::rc::Rc;

use napi::bindgen_prelude::{Float64ArraySlice, JsObjectValue, Object, ToNapiValue};
use napi::{Env, Result};

use super::call::{Call, function};
use crate::registry::key::Key;

/// The number that means "no key" in JavaScript. Keys are positive.
const NO_KEY: f64 = 0.0;

/// Builds an object whose functions share a state.
pub(super) struct Functions<'env, State> {
    env: &'env Env,
    object: Object<'env>,
    state: Rc<State>,
}

impl<'env, State: 'static> Functions<'env, State> {
    /// Returns a builder for an empty object.
    pub fn of(state: &Rc<State>, env: &'env Env) -> Result<Self> {
        Ok(Self { env, object: Object::new(env)?, state: Rc::clone(state) })
    }

    /// Adds a function.
    pub fn add<Return: ToNapiValue + 'static>(
        &mut self,
        name: &str,
        body: impl Fn(&State, Call<'_>) -> Result<Return> + 'static,
    ) -> Result<()> {
        let state = Rc::clone(&self.state);
        let function = function(self.env, name, move |call| body(&state, call))?;
        self.object.set_named_property(name, function)
    }

    /// Returns the object.
    pub fn into_object(self) -> Object<'env> {
        self.object
    }
}

/// Returns a key as a number for JavaScript.
pub(super) fn number(key: Option<Key>) -> f64 {
    key.map_or(NO_KEY, Key::as_f64)
}

/// Writes keys to a Float64Array of `lib/`, as many as it has room for. Returns the number of all keys.
pub(super) fn write(keys: &[Key], mut to: Float64ArraySlice<'_>) -> u32 {
    // SAFETY: the array is an argument of the call in progress, so its memory is alive. It belongs to lib/, which does not
    // share it with other threads, and no JavaScript runs while the slice is borrowed.
    let slots = unsafe { to.as_mut() };
    for (slot, key) in slots.iter_mut().zip(keys) {
        *slot = key.as_f64();
    }
    keys.len() as u32
}
