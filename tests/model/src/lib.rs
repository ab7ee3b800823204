//! The mailbox as it is shipped, built on loom's locks in place of std's. What loom finds out about it is in `tests/`.

#[path = "../../../src/mailbox.rs"]
pub mod mailbox;
mod sync;
