//! The Lua scripts.
//!
//! They are loaded with each connection and called by their hashes. Two files are not scripts; their code is put before that
//! of others. `stream_end.lua` defines `streamEnd` for scripts that need the end of the stream. `touch.lua` reads the
//! arguments of scripts about one session.

use ::redis::{Cmd, Pipeline, Script, cmd, pipe};

/// All scripts.
pub(super) struct Scripts {
    pub join: CompiledScript,
    pub heartbeat: CompiledScript,
    pub has: CompiledScript,
    pub get: CompiledScript,
    pub set: CompiledScript,
    pub watchers: CompiledScript,
    pub watch: CompiledScript,
    pub unwatch: CompiledScript,
    pub forget: CompiledScript,
    pub forget_rest: CompiledScript,
    pub extend: CompiledScript,
}

/// A script and its hash, by which Redis knows it.
pub(super) struct CompiledScript {
    code: String,
    hash: String,
}

impl CompiledScript {
    fn new(code: &str) -> Self {
        Self { code: code.into(), hash: Script::new(code).get_hash().into() }
    }

    /// Returns a call of the script with keys. The caller appends the arguments.
    pub fn call(&self, keys: &[&Vec<u8>]) -> Cmd {
        let mut evalsha = cmd("EVALSHA");
        evalsha.arg(&self.hash).arg(keys.len());
        for key in keys {
            evalsha.arg(key.as_slice());
        }
        evalsha
    }
}

impl Default for Scripts {
    fn default() -> Self {
        let with_stream_end =
            |code: &str| CompiledScript::new(&[include_str!("scripts/stream_end.lua"), code].concat());
        let with_touch =
            |code: &str| CompiledScript::new(&[include_str!("scripts/touch.lua"), code].concat());
        Self {
            join: with_stream_end(include_str!("scripts/join.lua")),
            heartbeat: with_stream_end(include_str!("scripts/heartbeat.lua")),
            has: CompiledScript::new(include_str!("scripts/has.lua")),
            get: with_touch(include_str!("scripts/get.lua")),
            set: with_touch(include_str!("scripts/set.lua")),
            watchers: CompiledScript::new(include_str!("scripts/watchers.lua")),
            watch: with_touch(include_str!("scripts/watch.lua")),
            unwatch: with_touch(include_str!("scripts/unwatch.lua")),
            forget: with_touch(include_str!("scripts/forget.lua")),
            forget_rest: with_touch(include_str!("scripts/forget_rest.lua")),
            extend: with_touch(include_str!("scripts/extend.lua")),
        }
    }
}

impl Scripts {
    /// Returns the commands that load all scripts: the first one, and the rest.
    ///
    /// The first one is sent alone, because the `redis` crate loses the error of a connection that fails while a pipeline
    /// runs.
    pub fn load(&self) -> (Cmd, Pipeline) {
        let Self { join, heartbeat, has, get, set, watchers, watch, unwatch, forget, forget_rest, extend } =
            self;
        let load = |script: &CompiledScript| {
            let mut load = cmd("SCRIPT");
            load.arg("LOAD").arg(&script.code);
            load
        };
        let mut rest = pipe();
        for script in [heartbeat, has, get, set, watchers, watch, unwatch, forget, forget_rest, extend] {
            rest.add_command(load(script)).ignore();
        }
        (load(join), rest)
    }
}
