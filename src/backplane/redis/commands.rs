//! Commands over one connection. They fail when there is no progress for some time.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Value};
use tokio::task::JoinHandle;

use super::activity::Activity;
use super::address::Endpoint;
use super::replies::bus_error;
use super::routes::Routes;
use super::sentinel::Watch;
use crate::backplane::bus::BusError;

/// A connection. It is closed when this is dropped.
pub(super) struct Connection {
    commands: Commands,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Returns a connection that `driver` drives.
    pub fn new(commands: Commands, driver: JoinHandle<()>) -> Self {
        Self { commands, driver }
    }

    /// Returns a handle that sends commands over this connection.
    pub fn handle(&self) -> Commands {
        self.commands.clone()
    }
}

impl Deref for Connection {
    type Target = Commands;

    fn deref(&self) -> &Commands {
        &self.commands
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Otherwise the connection would stay open until the last reply arrives.
        self.driver.abort();
    }
}

/// A handle that sends commands.
#[derive(Clone)]
pub(super) struct Commands {
    sender: MultiplexedConnection,
    context: Arc<Context>,
}

/// What is known about a connection.
pub(super) struct Context {
    pub activity: Arc<Activity>,
    /// Time without progress after which a command fails.
    pub limit: Duration,
    pub endpoint: Endpoint,
    /// The password, which must not appear in errors.
    pub secret: Option<String>,
    pub routes: Arc<Routes>,
    pub watch: Option<Arc<Watch>>,
}

impl Context {
    /// Returns an error of the bus, and remembers what it says about where the server is.
    pub fn error(&self, error: &RedisError) -> BusError {
        let error = bus_error(error, self.limit, self.secret.as_deref());
        self.routes.failed(&self.endpoint, &error);
        error
    }

    async fn within<T>(
        &self,
        wait: Duration,
        reply: impl Future<Output = RedisResult<T>>,
    ) -> Result<RedisResult<T>, BusError> {
        let reply = self.activity.within(wait, self.limit, reply);
        let reply = match &self.watch {
            Some(watch) => watch.guard(reply).await?,
            None => reply.await,
        };
        reply.ok_or_else(|| {
            let error = BusError::timed_out(self.limit);
            self.routes.failed(&self.endpoint, &error);
            error
        })
    }
}

impl Commands {
    pub fn new(sender: MultiplexedConnection, context: Context) -> Self {
        Self { sender, context: Arc::new(context) }
    }

    /// Returns the address of the server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.context.endpoint
    }

    /// Returns what is known about other addresses.
    pub fn routes(&self) -> &Routes {
        &self.context.routes
    }

    /// Sends a command, and returns its reply.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BusError> {
        self.query_that_waits(Duration::ZERO, command).await
    }

    /// Sends a command to which the server may reply `wait` later.
    pub async fn query_that_waits<T: FromRedisValue>(
        &self,
        wait: Duration,
        command: &Cmd,
    ) -> Result<T, BusError> {
        let reply = self.context.within(wait, command.query_async(&mut self.sender.clone())).await?;
        reply.map_err(|error| self.error(&error))
    }

    /// Sends a command. The inner error is that of the server.
    pub async fn query_value(&self, command: &Cmd) -> Result<Result<Value, BusError>, BusError> {
        let reply: RedisResult<Value> =
            self.context.within(Duration::ZERO, command.query_async(&mut self.sender.clone())).await?;
        match reply {
            Ok(value) => Ok(Ok(value)),
            Err(error) if error.code().is_some() => Ok(Err(self.error(&error))),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Sends several commands together.
    pub async fn run<T: FromRedisValue>(&self, pipe: &Pipeline) -> Result<T, BusError> {
        let reply = self.context.within(Duration::ZERO, pipe.query_async(&mut self.sender.clone())).await?;
        reply.map_err(|error| self.error(&error))
    }

    /// Returns the error of a command.
    pub fn error(&self, error: &RedisError) -> BusError {
        self.context.error(error)
    }
}
