//! The locks that `mailbox` is built on. The model checker's stand in their place in `tests/model`.

pub use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
