//! The thread that backplanes run on: one for the process, made with the first of them, and gone with the last environment
//! that has used one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What nodes get to say goodbye when the process ends.
const GOODBYE: Duration = Duration::from_millis(100);

struct Shared {
    runtime: Runtime,
    nodes: JoinSet<()>,
    tenants: usize,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// The right to use the runtime. To be held by each environment that does, until its end.
#[derive(Debug)]
pub struct Tenant(());

impl Tenant {
    pub fn enter() -> std::io::Result<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *shared {
            Some(shared) => shared.tenants += 1,
            None => {
                let runtime = Builder::new_multi_thread()
                    .worker_threads(1)
                    .max_blocking_threads(2)
                    .thread_name("tmcp-backplane")
                    .enable_io()
                    .enable_time()
                    .build()?;
                *shared = Some(Shared { runtime, nodes: JoinSet::new(), tenants: 1 });
            }
        }
        Ok(Self(()))
    }

    /// Runs a node until it has left.
    pub fn run(&self, node: impl Future<Output = ()> + Send + 'static) {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Shared { runtime, nodes, .. }) = &mut *shared {
            // Those that have ended.
            while nodes.try_join_next().is_some() {}
            nodes.spawn_on(node, runtime.handle());
        }
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = shared.as_mut().is_none_or(|shared| {
            shared.tenants -= 1;
            shared.tenants == 0
        });
        let last = if is_last { shared.take() } else { None };
        drop(shared);
        // With no lock held: this takes a while, and another environment may begin meanwhile.
        if let Some(Shared { runtime, mut nodes, .. }) = last {
            runtime.block_on(async {
                // Those that are not done by then die with their time to live.
                let _ = timeout(GOODBYE, async { while nodes.join_next().await.is_some() {} }).await;
            });
            runtime.shutdown_timeout(GOODBYE);
        }
    }
}
