//! The boundary to JavaScript: everything that names Node-API, and nothing that decides.
//!
//! What JavaScript gets is objects of plain functions that share a state in Rust. They are closures, not methods of a
//! `#[napi]` class: napi-rs takes a process-wide lock for each method call, at ten times the price. They are called by
//! this package's own `lib/` only, which has checked what the user gave.

pub mod backplane;
mod call;
mod functions;
mod id;
mod info;
mod mail;
pub mod scope;
pub mod streams;
pub mod subscriptions;
mod text;

use napi_derive::napi;

/// The candidate that a word was most likely meant to be; `None` where none is like it.
#[napi]
pub fn nearest(word: String, candidates: Vec<String>) -> Option<String> {
    let like = |candidate: &String| strsim::normalized_damerau_levenshtein(&word, candidate);
    candidates
        .into_iter()
        .filter(|candidate| like(candidate) > 0.5)
        .max_by(|a, b| like(a).total_cmp(&like(b)))
}
