//! Opens connections: name lookup, TCP or a Unix socket, TLS, and login. Each step has errors of its own.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo, Value, cmd};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::activity::{Activity, Recorded};
use super::address::{Endpoint, Login};
use super::commands::{Commands, Connection, Context};
use super::replies::{io_code, named};
use super::routes::Routes;
use super::sentinel::Watch;
use super::tls::Tls;
use crate::backplane::bus::BusError;

/// Maximum number of bytes that the operating system keeps for a slow server. A larger buffer would hide for a while whether
/// the server takes them.
const SEND_BUFFER: u32 = 128 << 10;

/// Opens the connections of one attempt to connect.
pub(super) struct Dialer {
    pub login: Login,
    pub tls: Option<Tls>,
    /// Time limit of opening a connection, and of its commands.
    pub limit: Duration,
    pub routes: Arc<Routes>,
    pub watch: Option<Arc<Watch>>,
}

/// What a server says about itself. A server that does not know `HELLO` says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hello {
    /// True when the server is a node of a cluster.
    pub is_in_cluster: bool,
    pub is_replica: bool,
    pub is_sentinel: bool,
}

impl Dialer {
    /// Opens a connection, and logs in.
    pub async fn dial(&self, endpoint: &Endpoint) -> Result<(Connection, Hello), BusError> {
        let dialing = async {
            let connection = self.open_in_steps(endpoint).await?;
            let logged_in = self.log_in(&connection).await;
            let hello = hello(&connection).await;
            // A Sentinel has other users. So this explains why it refuses the login.
            if hello.as_ref().is_ok_and(|hello| hello.is_sentinel) {
                return Err(is_sentinel(endpoint));
            }
            logged_in?;
            let hello = hello?;
            self.select(&connection).await?;
            Ok((connection, hello))
        };
        self.limited(endpoint, dialing).await
    }

    /// Opens a connection, and does not log in.
    pub async fn open(&self, endpoint: &Endpoint) -> Result<Connection, BusError> {
        self.limited(endpoint, self.open_in_steps(endpoint)).await
    }

    /// Logs in, if there is a password.
    pub async fn log_in(&self, commands: &Commands) -> Result<(), BusError> {
        let Login { user, password: Some(password), .. } = &self.login else { return Ok(()) };
        let mut auth = cmd("AUTH");
        if let Some(user) = user {
            auth.arg(user);
        }
        commands.query(auth.arg(password)).await
    }

    /// Selects the database.
    async fn select(&self, commands: &Commands) -> Result<(), BusError> {
        let db = self.login.db;
        if db == 0 {
            return Ok(());
        }
        commands.query(cmd("SELECT").arg(db)).await.map_err(|error: BusError| {
            if &*error.code != "ERR" {
                return error;
            }
            let message = format!("the server has no database {db}, which the URL names: {}", error.message);
            BusError::new("ERR_INVALID_ARG_VALUE", message)
        })
    }

    async fn limited<T>(
        &self,
        endpoint: &Endpoint,
        connecting: impl Future<Output = Result<T, BusError>>,
    ) -> Result<T, BusError> {
        timeout(self.limit, connecting).await.unwrap_or_else(|_| {
            let message =
                format!("connect ETIMEDOUT {endpoint}: not connected within {} ms", self.limit.as_millis());
            Err(BusError::new("ETIMEDOUT", message))
        })
    }

    async fn open_in_steps(&self, endpoint: &Endpoint) -> Result<Connection, BusError> {
        let activity = Arc::new(Activity::default());
        let recorded = Arc::clone(&activity);
        match (endpoint, &self.tls) {
            (Endpoint::Tcp { host, port }, None) => {
                let stream = Recorded::new(tcp(host, *port).await?, recorded);
                self.over(stream, endpoint, activity).await
            }
            (Endpoint::Tcp { host, port }, Some(tls)) => {
                let stream = Recorded::new(tcp(host, *port).await?, recorded);
                let stream = tls.handshake(host, stream, self.limit * 3 / 4).await?;
                self.over(stream, endpoint, activity).await
            }
            (Endpoint::Unix(path), _) => {
                let stream = Recorded::new(unix(path).await?, recorded);
                self.over(stream, endpoint, activity).await
            }
        }
    }

    async fn over<S>(
        &self,
        stream: S,
        endpoint: &Endpoint,
        activity: Arc<Activity>,
    ) -> Result<Connection, BusError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // RESP2 on every server, because RESP3 has other types for the same replies. The name of the library is not sent: it
        // would need one more permission.
        let setup =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        // `Commands` has a time limit of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let context = Context {
            activity,
            limit: self.limit,
            endpoint: endpoint.clone(),
            secret: self.login.password.clone(),
            routes: Arc::clone(&self.routes),
            watch: self.watch.clone(),
        };
        let (sender, driver) = MultiplexedConnection::new_with_config(&setup, stream, config)
            .await
            .map_err(|error| context.error(&error))?;
        Ok(Connection::new(Commands::new(sender, context), tokio::spawn(driver)))
    }
}

/// Asks a server about itself. Every user may do that.
async fn hello(commands: &Commands) -> Result<Hello, BusError> {
    let reply = commands.query_value(cmd("HELLO").arg(2)).await?;
    // An error of the server means that it does not know the command, or that the next command fails for the same reason.
    let Ok(Value::Array(reply)) = reply else { return Ok(Hello::default()) };
    let says = |name, value| named(&reply, name) == Some(value);
    Ok(Hello {
        is_in_cluster: says("mode", "cluster"),
        is_replica: says("role", "replica"),
        is_sentinel: says("mode", "sentinel"),
    })
}

/// Returns the error for a Sentinel in the place of a Redis server.
fn is_sentinel(endpoint: &Endpoint) -> BusError {
    let message = format!(
        "{endpoint} is a Sentinel: the URL must begin with redis-sentinel:// or rediss-sentinel://, and end with # and the \
         name of the primary"
    );
    BusError::new("ERR_INVALID_ARG_VALUE", message)
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, BusError> {
    let addresses: Vec<_> =
        lookup_host((host, port)).await.map_err(|error| dns_error(host, &error))?.collect();
    // At the same time, because one address may not answer.
    let mut attempts = JoinSet::new();
    for address in addresses {
        attempts.spawn(async move { connect_to(address).await });
    }
    let mut last = BusError::new("ENOTFOUND", format!("getaddrinfo ENOTFOUND {host}"));
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            // The task was cancelled, because the runtime ends.
            Err(_) => {}
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> Result<TcpStream, BusError> {
    let connecting = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        // Without it, large messages over slow lines may time out. Everything else works.
        let _ = limit_send_buffer(&SockRef::from(&stream));
        Ok(stream)
    };
    connecting.await.map_err(|error: io::Error| {
        let code = io_code(&error);
        BusError::new(code, format!("connect {code} {address}"))
    })
}

/// Limits the bytes that are not sent yet. Those that are on their way have no limit here, so that fast lines stay fast.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_send_buffer(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_tcp_notsent_lowat(SEND_BUFFER)
}

/// Limits the bytes that the other side has not confirmed yet.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_send_buffer(socket: &SockRef<'_>) -> io::Result<()> {
    socket.set_send_buffer_size(2 * SEND_BUFFER as usize)
}

fn dns_error(host: &str, error: &io::Error) -> BusError {
    // The code of `getaddrinfo` is only in the text.
    let code = if error.to_string().contains("emporary failure") { "EAI_AGAIN" } else { "ENOTFOUND" };
    BusError::new(code, format!("getaddrinfo {code} {host}"))
}

#[cfg(unix)]
async fn unix(path: &Path) -> Result<tokio::net::UnixStream, BusError> {
    tokio::net::UnixStream::connect(path).await.map_err(|error| {
        let code = io_code(&error);
        // The path is left out: a URL with a mistake has the password in it.
        BusError::new(code, format!("connect {code}: the Unix socket of the URL"))
    })
}

#[cfg(not(unix))]
async fn unix(_: &Path) -> Result<TcpStream, BusError> {
    Err(BusError::new("ENOTSUP", "this kind of address is not supported"))
}
