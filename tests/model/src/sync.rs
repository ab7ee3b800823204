//! Replaces `src/threads/sync.rs` of the main crate.

pub use loom::sync::{Mutex, MutexGuard, RwLock};
pub use std::sync::PoisonError;
