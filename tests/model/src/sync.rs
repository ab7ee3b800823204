//! What stands in the place of the main crate's `src/sync.rs`.

pub use loom::sync::{Mutex, MutexGuard, RwLock};
pub use std::sync::PoisonError;
