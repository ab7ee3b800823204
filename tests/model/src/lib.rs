//! The mailbox and the switch as they are shipped, built on the locks of the model checker loom instead of those of std. The
//! models are in `tests/`.

#[path = "../../../src/threads/mailbox.rs"]
pub mod mailbox;
#[path = "../../../src/threads/switch.rs"]
pub mod switch;
mod sync;
