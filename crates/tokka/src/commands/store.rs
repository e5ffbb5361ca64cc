//! Is there a store on Redis, and how is it? An operator makes it once, looks at it, and brings it back where it was lost.

use clap::{Args, Subcommand};
use tokka_ledger::redis::{InitError, Inspection, SHARDS_MAX, ServerFacts, ShardState, init, inspect};

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;
use crate::store_at::{StorePassword, Unread, not_opened};

mod restore;

/// What is done with a store.
#[derive(Debug, Args)]
pub(crate) struct Store {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Makes a store on Redis, once
    Init(Init),
    /// Shows a store on Redis: its servers, its shards, and who uses it
    Check(Check),
    /// Brings a store back that was lost, from its archive and from receipts
    Restore(restore::Restore),
}

/// How a store is made.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka store init --store redis://127.0.0.1
  tokka store init --store redis+cluster://tokka@node-1,node-2 --store-password-file /run/secrets/redis --shards 6

It prints the id of the store. One that is there already, divided as it is said here, stays as it is; so it may be called \
again where it was interrupted. A store that was lost is not made anew by this: everything would be for sale once more. \
docs/redis.md says how many shards a store needs, and what its servers must be set to.

Exit codes: 0 there is a store, 1 there is one that is divided otherwise, 2 called wrongly, no answer, or servers that are \
not fit for it.")]
struct Init {
    /// The servers: `redis://[USER[:PASSWORD]@]HOST[:PORT]`, `rediss://…` over TLS, `redis+sentinel://HOST,…/SERVICE`,
    /// `redis+cluster://HOST,…`
    #[arg(long, value_name = "URL", env = "TOKKA_STORE", hide_env_values = true)]
    store: Unread,
    #[command(flatten)]
    password: StorePassword,
    /// How many parts customers are divided into, for good: one is exact in the order of arrival, several may lie on several
    /// servers
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(SHARDS_MAX)))]
    shards: u16,
}

/// Which store is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka store check --store redis://127.0.0.1
  TOKKA_STORE=rediss://tokka@redis.example TOKKA_STORE_PASSWORD=… tokka store check

It changes nothing. `tokka verify --store` counts whether it all adds up.

Exit codes: 0 every shard takes orders, 1 some do not, 2 called wrongly, no answer, no store, or servers that are not fit \
for it.")]
struct Check {
    /// The servers, as for `tokka store init`
    #[arg(long, value_name = "URL", env = "TOKKA_STORE", hide_env_values = true)]
    store: Unread,
    #[command(flatten)]
    password: StorePassword,
}

/// Does it.
pub(crate) fn run(arguments: &Store) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::because)?;
    match &arguments.what {
        What::Init(init) => runtime.block_on(make(init)),
        What::Check(check) => runtime.block_on(show(check)),
        What::Restore(restore) => runtime.block_on(restore::run(restore)),
    }
}

async fn make(arguments: &Init) -> Result<(), Failure> {
    let url = arguments.password.of(&arguments.store)?;
    let id = init(&url, arguments.shards).await.map_err(|error| match error {
        InitError::Another { .. } | InitError::Layout { .. } | InitError::Lost { .. } => Failure::because(error),
        InitError::Shards(_) => Failure::Usage(error.to_string()),
        InitError::Link(_) | InitError::Store(_) => Failure::Unreadable(vec![error.to_string()]),
    })?;
    output::print(&format!("store {id}, {}, at {url}\n", count(i64::from(arguments.shards), "shard")))
}

async fn show(arguments: &Check) -> Result<(), Failure> {
    let url = arguments.password.of(&arguments.store)?;
    let found = inspect(&url).await.map_err(|error| not_opened(&error))?;
    output::print(&format!("store {} at {url}\n\n{}", found.id, tables(&found)))?;
    let closed = found.shards.iter().filter(|shard| shard.state != ShardState::Open).count();
    if closed == 0 {
        return Ok(());
    }
    let closed = count(i64::try_from(closed).unwrap_or(i64::MAX), "shard");
    Err(Failure::because(format!("not every shard takes orders: {closed} of {} do not", found.shards.len())))
}

fn tables(found: &Inspection) -> String {
    let mut servers = Grid::new([
        ("server", Side::Left),
        ("version", Side::Left),
        ("mode", Side::Left),
        ("replicas", Side::Right),
        ("memory, MiB", Side::Right),
        ("at most", Side::Right),
        ("beyond it", Side::Left),
        ("clock ahead\nof ours, ms", Side::Right),
    ]);
    for server in &found.servers {
        servers.row(row(server));
    }
    let mut shards = Grid::new([
        ("shard", Side::Right),
        ("server", Side::Left),
        ("slot", Side::Right),
        ("state", Side::Left),
        ("epoch", Side::Right),
        ("log entries,\never", Side::Right),
        ("instances", Side::Right),
    ]);
    for (number, shard) in found.shards.iter().enumerate() {
        let state = match &shard.state {
            ShardState::Open => "open",
            ShardState::Recovering => "RECOVERING",
            ShardState::Restoring => "RESTORING",
            ShardState::Empty => "EMPTY: it has no head",
            ShardState::Silent(_) => "SILENT",
        };
        let server = found.servers.iter().find(|server| server.run_id == shard.server).map_or_else(String::new, name);
        let numbers = [shard.epoch, shard.end, u64::try_from(shard.instances).unwrap_or(u64::MAX)];
        let [epoch, end, instances] = numbers.map(unsigned);
        let (slot, state) = (shard.slot.to_string(), state.to_owned());
        shards.row([number.to_string(), server, slot, state, epoch, end, instances]);
    }
    format!("{}\n{}", servers.text(), shards.text())
}

fn row(server: &ServerFacts) -> [String; 8] {
    let mib = |bytes: u64| unsigned(bytes >> 20);
    let most = if server.memory_max == 0 { "no bound".to_owned() } else { mib(server.memory_max) };
    let (policy, apart) = (server.memory_policy.clone(), grouped(server.clock_apart_ms));
    let (version, mode) = (server.version.clone(), server.mode.clone());
    [name(server), version, mode, unsigned(server.replicas), mib(server.memory_used), most, policy, apart]
}

/// Enough of what it is called to tell it from the others.
fn name(server: &ServerFacts) -> String {
    format!("{} :{}", server.run_id.get(..8).unwrap_or_default(), server.port)
}

fn unsigned(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}
