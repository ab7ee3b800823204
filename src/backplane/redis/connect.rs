//! Opens connections: name lookup, TCP or a Unix socket, TLS, and login. Each step has errors of its own.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisConnectionInfo, cmd,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::replies::{bus_error, io_code};
use super::tls::{Tls, TlsOptions};
use crate::backplane::bus::BusError;

/// A server, and what a node needs to use it.
pub(super) struct Server {
    info: ConnectionInfo,
    tls: TlsOptions,
}

/// A connection. It is closed when this is dropped.
pub(super) struct Connection {
    commands: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Returns a handle that sends commands over this connection.
    pub fn handle(&self) -> MultiplexedConnection {
        self.commands.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Otherwise the connection would stay open until the last reply arrives.
        self.driver.abort();
    }
}

impl Server {
    pub fn new(info: ConnectionInfo, tls: TlsOptions) -> Self {
        Self { info, tls }
    }

    /// Returns true when the server is a node of a cluster.
    pub fn is_cluster(&self) -> bool {
        false
    }

    /// Returns the password, which must not appear in errors.
    pub fn secret(&self) -> Option<&str> {
        self.info.redis_settings().password()
    }

    /// Returns the TLS configuration for the next connections, or `None` without TLS.
    pub fn tls(&self) -> Result<Option<Tls>, BusError> {
        match self.info.addr() {
            ConnectionAddr::TcpTls { host, .. } => Tls::new(&self.tls, host).map(Some),
            _ => Ok(None),
        }
    }

    /// Opens a connection within `limit`. Its commands fail without a reply within `reply_limit`.
    pub async fn connect(
        &self,
        tls: Option<&Tls>,
        limit: Duration,
        reply_limit: Duration,
    ) -> Result<Connection, BusError> {
        let connected = timeout(limit, self.connect_in_steps(tls, limit, reply_limit)).await;
        connected.unwrap_or_else(|_| {
            let message = format!(
                "connect ETIMEDOUT {}: not connected within {} ms",
                self.info.addr(),
                limit.as_millis()
            );
            Err(BusError::new("ETIMEDOUT", message))
        })
    }

    async fn connect_in_steps(
        &self,
        tls: Option<&Tls>,
        limit: Duration,
        reply_limit: Duration,
    ) -> Result<Connection, BusError> {
        let connection = match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => self.over(tcp(host, *port).await?, reply_limit).await?,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let Some(tls) = tls else { return Err(unsupported()) };
                self.over(tls.handshake(tcp(host, *port).await?, limit * 3 / 4).await?, reply_limit).await?
            }
            ConnectionAddr::Unix(path) => self.over(unix(path).await?, reply_limit).await?,
            _ => return Err(unsupported()),
        };
        self.log_in(&connection).await?;
        Ok(connection)
    }

    async fn over<S>(&self, stream: S, reply_limit: Duration) -> Result<Connection, BusError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // RESP2 on every server, because RESP3 has other types for the same replies. The name of the library is not sent: it
        // would need one more permission.
        let setup =
            RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(reply_limit));
        let (commands, driver) = MultiplexedConnection::new_with_config(&setup, stream, config)
            .await
            .map_err(|error| bus_error(&error, reply_limit, self.secret()))?;
        Ok(Connection { commands, driver: tokio::spawn(driver) })
    }

    /// Logs in, and selects the database.
    async fn log_in(&self, connection: &Connection) -> Result<(), BusError> {
        let login = self.info.redis_settings();
        let mut commands = connection.handle();
        let error = |error| bus_error(&error, Duration::ZERO, self.secret());
        if let Some(password) = login.password() {
            let mut auth = cmd("AUTH");
            if let Some(user) = login.username() {
                auth.arg(user);
            }
            auth.arg(password).exec_async(&mut commands).await.map_err(error)?;
        }
        if login.db() != 0 {
            cmd("SELECT").arg(login.db()).exec_async(&mut commands).await.map_err(error)?;
        }
        Ok(())
    }
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
        Ok(stream)
    };
    connecting.await.map_err(|error: io::Error| {
        let code = io_code(&error);
        BusError::new(code, format!("connect {code} {address}"))
    })
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
    Err(unsupported())
}

fn unsupported() -> BusError {
    BusError::new("ENOTSUP", "this kind of address is not supported")
}
