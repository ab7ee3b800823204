//! Objects of native functions, and the values that these take and return.

use std::rc::Rc;

use napi::bindgen_prelude::{Float64ArraySlice, JsObjectValue, Object, ToNapiValue};
use napi::{Env, Result};

use super::call::{Call, function};
use crate::sessions::Key;

/// What stands for "no key" in JavaScript. Keys are positive.
const NO_KEY: f64 = 0.0;

/// Makes functions that share a state.
pub struct Functions<'env, State> {
    env: &'env Env,
    object: Object<'env>,
    state: Rc<State>,
}

impl<'env, State: 'static> Functions<'env, State> {
    pub fn of(state: &Rc<State>, env: &'env Env) -> Result<Self> {
        Ok(Self { env, object: Object::new(env)?, state: Rc::clone(state) })
    }

    pub fn add<Return: ToNapiValue + 'static>(
        &mut self,
        name: &str,
        body: impl Fn(&State, Call) -> Result<Return> + 'static,
    ) -> Result<()> {
        let state = Rc::clone(&self.state);
        let function = function(self.env, name, move |call| body(&state, call))?;
        self.object.set_named_property(name, function)
    }

    pub fn into_object(self) -> Object<'env> {
        self.object
    }
}

/// A key for JavaScript.
pub fn number(key: Option<Key>) -> f64 {
    key.map_or(NO_KEY, Key::as_f64)
}

/// Writes as many keys as there is room for to a Float64Array of `lib/`, and returns how many there are.
pub fn write(keys: &[Key], mut to: Float64ArraySlice) -> u32 {
    // SAFETY: the array is the argument of a call under way, so its memory is alive; it belongs to lib/, which shares it
    // with no other thread, and no JavaScript runs while the slice is borrowed.
    let slots = unsafe { to.as_mut() };
    for (slot, key) in slots.iter_mut().zip(keys) {
        *slot = key.as_f64();
    }
    keys.len() as u32
}
