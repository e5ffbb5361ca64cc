//! What is one connection to one server, and what is known when it fails?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, ProtocolVersion, RedisConnectionInfo, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::fault::{explain, verbatim};
use super::info::{Info, Version};
use super::script::Script;
use super::tls;
use super::url::{Address, Credentials};

/// One multiplexed connection: answers come in the order of the questions, so a slow one delays those behind it.
pub(crate) struct Connection {
    requests: MultiplexedConnection,
    /// Set when the task that reads and writes has ended: from then on nothing can be sent.
    closed: Arc<AtomicBool>,
    driver: AbortHandle,
    pub(crate) version: Version,
}

/// What it takes to reach the servers of one store.
pub(crate) struct Door {
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) db: i64,
    pub(crate) credentials: Credentials,
    /// Loaded into every server that is met anew; `None` where the door is that of a Sentinel, which runs none.
    pub(crate) scripts: Option<&'static [&'static Script]>,
    pub(crate) connect_timeout: Duration,
}

/// Why there is no answer.
pub(crate) enum Lost {
    /// The connection was known to be closed: nothing was sent.
    Unsent,
    /// It broke with the question on its way.
    Broken(String),
    /// No answer in time.
    Silent,
}

impl Door {
    /// Connects, and says who is there. The text of a failure names the server.
    pub(crate) async fn enter(&self, address: &Address) -> Result<Connection, String> {
        let connecting = async {
            let connection = self.greet(address).await?;
            self.load_scripts(connection).await
        };
        match timeout(self.connect_timeout, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(why)) => Err(format!("`{address}`: {why}")),
            Err(_) => Err(format!("`{address}`: no connection within {} ms", self.connect_timeout.as_millis())),
        }
    }

    async fn greet(&self, address: &Address) -> Result<Connection, String> {
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        match &self.tls {
            Some(tls) => self.log_in(tls::shake_hands(tls, &address.host, stream).await?).await,
            None => self.log_in(stream).await,
        }
    }

    async fn log_in<S>(&self, stream: S) -> Result<Connection, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut info = RedisConnectionInfo::default().set_db(self.db).set_protocol(ProtocolVersion::RESP2);
        if let Some(user) = &self.credentials.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.credentials.password {
            info = info.set_password(password);
        }
        // Timeouts are set by each call, which knows what it asked for.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (requests, driving) =
            MultiplexedConnection::new_with_config(&info, stream, config).await.map_err(|error| refusal(&error))?;
        let closed = Arc::new(AtomicBool::new(false));
        let noticed = Arc::clone(&closed);
        let driver = tokio::spawn(async move {
            driving.await;
            noticed.store(true, Ordering::Release);
        });
        Ok(Connection { requests, closed, driver: driver.abort_handle(), version: Version::default() })
    }

    /// A server may have been replaced by an older or newer one since the last connection, so it is asked each time.
    async fn load_scripts(&self, mut connection: Connection) -> Result<Connection, String> {
        let Some(scripts) = self.scripts else { return Ok(connection) };
        let mut ask = redis::cmd("INFO");
        ask.arg("server");
        let deadline = Instant::now() + self.connect_timeout;
        match connection.ask(&ask, deadline).await {
            Ok(Value::ServerError(error)) => return Err(explain(&verbatim(&error))),
            Ok(answer) => connection.version = Info::read(&answer).version().unwrap_or_default(),
            Err(lost) => return Err(lost.to_string()),
        }
        if scripts.is_empty() {
            return Ok(connection);
        }
        let mut loading = redis::Pipeline::with_capacity(scripts.len());
        for script in scripts {
            loading.cmd("SCRIPT").arg("LOAD").arg(script.form(connection.version.knows_flags()).source);
        }
        // An error answer is not looked at: a script that is not there is loaded by the call that misses it.
        connection.ask_all(&loading, deadline).await.map_err(|lost| lost.to_string())?;
        Ok(connection)
    }
}

impl Connection {
    /// Once true, it stays so, and nothing that is asked from now on can reach the server.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// An error answer is a value here.
    pub(crate) async fn ask(&self, command: &Cmd, deadline: Instant) -> Result<Value, Lost> {
        if self.is_closed() {
            return Err(Lost::Unsent);
        }
        let mut requests = self.requests.clone();
        match timeout_at(deadline, requests.send_packed_command(command)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Lost::Broken(error.to_string())),
            Err(_) => Err(Lost::Silent),
        }
    }

    /// All commands in one write; one answer each.
    pub(crate) async fn ask_all(&self, commands: &redis::Pipeline, deadline: Instant) -> Result<Vec<Value>, Lost> {
        if self.is_closed() {
            return Err(Lost::Unsent);
        }
        let mut requests = self.requests.clone();
        match timeout_at(deadline, requests.send_packed_commands(commands, 0, commands.len())).await {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error)) => Err(Lost::Broken(error.to_string())),
            Err(_) => Err(Lost::Silent),
        }
    }
}

impl Drop for Connection {
    /// Its task ends at once: without this it would live for as long as a server does not answer.
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lost::Unsent => f.write_str("the connection is closed"),
            Lost::Broken(why) => write!(f, "the connection broke: {why}"),
            Lost::Silent => f.write_str("no answer in time"),
        }
    }
}

/// Why a server did not let us in, as it said it.
fn refusal(error: &redis::RedisError) -> String {
    let said = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ if error.kind() == ErrorKind::AuthenticationFailed => {
            format!("WRONGPASS {}", error.detail().unwrap_or("the server says no more"))
        }
        _ => return error.to_string(),
    };
    explain(&said)
}
