//! How is the server started? With a folder as its catalogue, until it is told to stop.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

use clap::{Args, ValueEnum};
use tokka_server::{Config, ServeError, Started, StoreAt, serve, shutdown_signal};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::output;
use crate::store_at::{StorePassword, Unread};

/// How the server is started.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka serve --catalogue examples/marketplace
  tokka serve --catalogue examples/marketplace --admin 127.0.0.1:7071
  tokka serve --catalogue shop --data /var/lib/tokka --listen 0.0.0.0:7070 --log tokka_server=debug,info
  tokka serve --catalogue shop --store redis://127.0.0.1 --receipt-key receipt.key --archive archive

One line on standard output says when calls are taken; the log goes to standard error. A changed folder is a new \
revision; with an error in it, the server stays with the old one and the log says why. SIGTERM or Ctrl-C ends it: \
open calls are answered first. What was answered is kept in `--data`, also through `kill -9` and a power cut.

With `--store`, reservations are kept on Redis (`tokka store init` makes the store), and any number of servers use it. \
docs/redis.md says what each fault can and cannot lose there.

Exit codes: 0 stopped as told, 1 the catalogue has problems, the address or the data is taken, or the store fails, 2 \
called wrongly, the catalogue cannot be read, or there is no store on Redis.")]
pub(crate) struct Serve {
    /// The folder whose files are the catalogue
    #[arg(long, value_name = "DIR")]
    catalogue: PathBuf,
    /// The folder that reservations are kept in, made if there is none; one server at a time has it
    #[arg(long, visible_alias = "data-dir", value_name = "DIR", env = "TOKKA_DATA", default_value = tokka_server::DATA_DIR)]
    data: PathBuf,
    /// Keeps reservations on Redis instead: `redis://[USER[:PASSWORD]@]HOST[:PORT]`, `rediss://…` over TLS,
    /// `redis+sentinel://HOST,…/SERVICE`, `redis+cluster://HOST,…`
    #[arg(long, value_name = "URL", env = "TOKKA_STORE", hide_env_values = true)]
    store: Option<Unread>,
    #[command(flatten)]
    password: StorePassword,
    /// The key that signs receipts, 36 random bytes in a file, the same for all servers of a store; without it, each server
    /// makes one of its own in its data folder
    #[arg(long, value_name = "FILE", env = "TOKKA_RECEIPT_KEY")]
    receipt_key: Option<PathBuf>,
    /// The folder that this server writes the archive of the log to, one server a folder [default: `archive` in the data
    /// folder; with `--store`, none]
    #[arg(long, value_name = "DIR", env = "TOKKA_ARCHIVE")]
    archive: Option<PathBuf>,
    /// Where calls come in; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Where operators come in (`tokka verify`, `tokka events`), and health probes besides. Anybody who reaches it is let
    /// in: keep it away from callers
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// What is logged: `info`, or levels by module, `tokka_server=debug,info`
    #[arg(long, value_name = "FILTER", env = "TOKKA_LOG", default_value = "info")]
    log: String,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Runs the server until it is told to stop.
pub(crate) fn run(arguments: Serve) -> Result<(), Failure> {
    start_log(&arguments.log, arguments.log_format)?;
    let mut config = Config::new(arguments.listen, arguments.catalogue);
    config.admin = arguments.admin;
    config.data_dir = arguments.data;
    config.receipt_key = arguments.receipt_key;
    config.archive = arguments.archive;
    if let Some(url) = &arguments.store {
        config.store = StoreAt::Redis(arguments.password.of(url)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::because)?;
    runtime.block_on(async {
        let mut stop = pin!(shutdown_signal());
        // Signals are listened for before the announcement: who reads it may send one at once.
        let early = poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_ready())).await;
        if early {
            return Ok(());
        }
        serve(config, stop, announce).await.map_err(|error| match error {
            ServeError::Catalogue(problems) => Failure::of_files(&problems),
            remote @ ServeError::Remote { .. } => Failure::Unreadable(vec![remote.to_string()]),
            other => Failure::because(other),
        })
    })
}

/// The one line that scripts wait for.
fn announce(started: Started) {
    let state = started.catalogue.borrow().clone();
    let admin = started.admin.map(|address| format!(", operators and probes on {address}")).unwrap_or_default();
    let line =
        format!("tokka is ready on {}{admin}: {} promotions, revision {}\n", started.address, state.promotions, state.revision);
    if let Err(failure) = output::print(&line) {
        failure.report();
    }
}

/// The log goes to standard error, so that standard output is the announcement alone.
fn start_log(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let parsed = EnvFilter::try_new(filter)
        .map_err(|error| Failure::Usage(format!("`{filter}` is not a log filter such as `info`: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::because(format!("the log cannot be started: {error}")))
}
