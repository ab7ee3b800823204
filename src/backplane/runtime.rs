//! The thread that nodes run on. A process has one. It starts with the first node and ends with the last environment that
//! used it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::lock::lock;

/// Time that nodes have to leave when the last environment ends.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(100);

struct Shared {
    runtime: Runtime,
    nodes: JoinSet<()>,
    /// Number of environments that use the runtime.
    users: usize,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// Keeps the runtime alive. Each environment that uses it holds one until the environment ends.
#[derive(Debug)]
pub struct RuntimeGuard(());

impl RuntimeGuard {
    /// Returns a guard. Starts the runtime if it is the first one.
    ///
    /// # Errors
    /// Returns the error of the operating system when it cannot start a thread.
    pub fn acquire() -> std::io::Result<Self> {
        let mut shared = lock(&SHARED);
        match &mut *shared {
            Some(shared) => shared.users += 1,
            None => {
                let runtime = Builder::new_multi_thread()
                    .worker_threads(1)
                    .max_blocking_threads(2)
                    .thread_name("tmcp-backplane")
                    .enable_io()
                    .enable_time()
                    .build()?;
                *shared = Some(Shared { runtime, nodes: JoinSet::new(), users: 1 });
            }
        }
        Ok(Self(()))
    }

    /// Runs a node until it has left.
    pub fn spawn(&self, node: impl Future<Output = ()> + Send + 'static) {
        let mut shared = lock(&SHARED);
        if let Some(Shared { runtime, nodes, .. }) = &mut *shared {
            // Removes the nodes that have ended.
            while nodes.try_join_next().is_some() {}
            nodes.spawn_on(node, runtime.handle());
        }
    }
}

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        let mut shared = lock(&SHARED);
        let is_last = shared.as_mut().is_none_or(|shared| {
            shared.users -= 1;
            shared.users == 0
        });
        let last = if is_last { shared.take() } else { None };
        drop(shared);
        // Done without the lock, because it takes a while and another environment may start meanwhile.
        if let Some(Shared { runtime, mut nodes, .. }) = last {
            runtime.block_on(async {
                // Keys that a slower node leaves in Redis expire with their time to live.
                let _ = timeout(LEAVE_TIMEOUT, async { while nodes.join_next().await.is_some() {} }).await;
            });
            runtime.shutdown_timeout(LEAVE_TIMEOUT);
        }
    }
}
