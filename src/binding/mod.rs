//! The boundary to JavaScript: all code that uses Node-API, and no logic.
//!
//! JavaScript gets objects of plain functions that share a state in Rust. The functions are closures and not methods of a
//! `#[napi]` class, because napi-rs takes a process-wide lock for each method call and a call then costs ten times as much.
//! Only this package's own `lib/` calls them, and it has checked the user's arguments.
//!
//! | module | contents |
//! | --- | --- |
//! | [`scope`], [`redis`] | the functions by which a thread joins a hub |
//! | [`streams`], [`subscriptions`] | the functions of managers; both can also be opened without a scope |
//! | `membership` | builds the object of a thread that joined a hub |
//! | `info`, `mailbox`, `backplane` | the other functions of that object |
//! | `drain` | writes a drained mailbox into memory of JavaScript |
//! | `cleanup` | functions that run when an environment ends |
//! | `sockets` | native delivery: the sockets of an environment; not on Windows |
//! | `call`, `functions`, `id`, `text` | calls, and the values they pass |
//! | `waker` | the function by which other threads wake a thread |

mod backplane;
mod call;
mod cleanup;
mod drain;
mod functions;
mod id;
mod info;
mod mailbox;
mod membership;
pub mod redis;
pub mod scope;
#[cfg(unix)]
pub mod sockets;
pub mod streams;
pub mod subscriptions;
mod text;
mod waker;

use napi_derive::napi;

/// Returns the candidate that is most similar to a word, or `None` if none is similar. Used for "did you mean" in errors.
#[napi]
pub fn nearest(word: String, candidates: Vec<String>) -> Option<String> {
    let similarity = |candidate: &String| strsim::normalized_damerau_levenshtein(&word, candidate);
    candidates
        .into_iter()
        .filter(|candidate| similarity(candidate) > 0.5)
        .max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
}
