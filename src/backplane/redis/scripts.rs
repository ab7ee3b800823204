//! The Lua scripts.
//!
//! They are loaded with each connection and called by their hashes. Some files are not scripts; their code is put before that of
//! others: `clock.lua` (numbers, and which nodes are dead), `inbox.lua` (adds entries to inboxes), `single.lua` (the usual case of
//! `append.lua`), `membership.lua` (what Redis knows of a node) and `touch.lua` (the time to live of the information about a
//! session).

use ::redis::{Cmd, Pipeline, Script, cmd, pipe};

/// A script and its hash, by which Redis knows it.
pub(super) struct CompiledScript {
    code: String,
    hash: String,
}

impl CompiledScript {
    fn new(parts: &[&str]) -> Self {
        let code = parts.concat();
        Self { hash: Script::new(&code).get_hash().into(), code }
    }

    /// Returns a call of the script with keys. The caller appends the arguments.
    pub fn call<K: AsRef<[u8]>>(&self, keys: &[K]) -> Cmd {
        self.call_with_capacity(keys, 0)
    }

    /// Like [`call`](Self::call), with room for arguments of this size.
    pub fn call_with_capacity<K: AsRef<[u8]>>(&self, keys: &[K], bytes: usize) -> Cmd {
        let keys_bytes: usize = keys.iter().map(|key| key.as_ref().len()).sum();
        let mut evalsha = Cmd::with_capacity(keys.len() + 16, keys_bytes + bytes + 256);
        evalsha.arg("EVALSHA").arg(&self.hash).arg(keys.len());
        for key in keys {
            evalsha.arg(key.as_ref());
        }
        evalsha
    }

    fn load(&self) -> Cmd {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(&self.code);
        load
    }
}

macro_rules! scripts {
    ($($name:ident: $($part:ident)*;)*) => {
        /// All scripts.
        pub(super) struct Scripts {
            $(pub $name: CompiledScript,)*
        }

        impl Default for Scripts {
            fn default() -> Self {
                Self {
                    $($name: CompiledScript::new(&[
                        $(include_str!(concat!("scripts/", stringify!($part), ".lua")),)*
                        include_str!(concat!("scripts/", stringify!($name), ".lua")),
                    ]),)*
                }
            }
        }

        impl Scripts {
            fn all(&self) -> Vec<&CompiledScript> {
                vec![$(&self.$name),*]
            }
        }
    };
}

// The name of each script, and the files that are put before it.
scripts! {
    join: clock membership;
    heartbeat: clock membership;
    append: single clock inbox;
    has_room: clock;
    evict: clock;
    acknowledge: ;
    change: clock inbox;
    restore: clock inbox;
    leave: clock;
    sweep: clock;
    old_layout: ;
    has: clock;
    get: touch;
    set: touch;
    watchers: ;
    watch: touch;
    unwatch: ;
    extend: ;
    forget: ;
    forget_some: ;
}

impl Scripts {
    /// Returns the commands that load all scripts: the first one, and the rest.
    ///
    /// The first one is sent alone, because the `redis` crate loses the error of a connection that fails while a pipeline
    /// runs.
    pub fn load(&self) -> (Cmd, Pipeline) {
        let mut rest = pipe();
        for script in self.all().into_iter().skip(1) {
            rest.add_command(script.load()).ignore();
        }
        (self.join.load(), rest)
    }
}
