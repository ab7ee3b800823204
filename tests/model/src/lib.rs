//! The mailbox as it is shipped, built on the locks of the model checker loom instead of those of std. The models are in
//! `tests/`.

#[path = "../../../src/threads/mailbox.rs"]
pub mod mailbox;
mod sync;
