//! The locks that the mailbox uses. In `tests/model`, the locks of the model checker loom replace them.

pub use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
