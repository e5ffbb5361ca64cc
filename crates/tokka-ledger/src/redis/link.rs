//! How does a call reach the primary of its shard, and what is known when it does not?
//!
//! A shard lives in one slot, so a call goes to one server, on the connection of its [`Lane`]. Nothing that may have run is
//! ever sent twice: a call is repeated only where the server's own answer says that nothing was done, and within the time
//! that it has. An operation whose outcome is unknown is asked for again by its id, by those who know it. It may even run
//! later than what is sent after it on a new connection, as long as its server has not read it.
//!
//! | what happens | answer |
//! |---|---|
//! | nobody is reached, user or password are refused | [`Fault::NothingDone`], after the map was asked for once more |
//! | no answer in time, connection broken with the question on its way | [`Fault::Unknown`]; the connection is given up |
//! | `NOSCRIPT` | the script is loaded, then its source is sent, once |
//! | `MOVED` | the map is asked for, first of the node named, and the call goes where it says; at most five times |
//! | `READONLY` | the primary is looked for, and the call goes there; at most five times |
//! | `LOADING`, `CLUSTERDOWN`, `MASTERDOWN` | asked again after pauses of 20 to 200 ms; `NothingDone` when the time is over |
//! | `ASK`, `TRYAGAIN` | `NothingDone`: the slot is being moved, which takes longer than a call |
//! | `BUSY`, `OOM`, `MISCONF`, `NOREPLICAS` | `NothingDone`: somebody must do something about it |
//! | `NOAUTH`, `WRONGPASS`, `NOPERM` | `NothingDone`, likewise |
//! | any other error, as `TOKKA …` of our scripts | [`Fault::Script`], verbatim |

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::{Cmd, Pipeline, Value};
use tokio::time::{Instant, sleep, timeout_at};

mod url;

mod slot;

mod script;

mod fault;

pub(super) mod info;

mod connection;

mod turn;

mod map;

mod checks;

mod tls;

#[cfg(test)]
mod tests;

use connection::{Connection, Door, Lost};
use fault::{Verdict, explain, judge, verbatim};
use info::Version;
use map::{Guide, Map, Node, read_moved};
use turn::Turn;
use url::{Address, Credentials, Kind};

pub(crate) use fault::Fault;
pub(crate) use map::Lane;
pub(crate) use script::Script;
pub(crate) use slot::slot_of_tag;
pub use url::{StoreUrl, UrlError};

/// For a connection while a store is opened: nobody waits for it to be quick, and a busy machine is not one that is away.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// Redirections that one call follows.
const REDIRECTIONS_MAX: u32 = 5;
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// How long a link waits, and what it loads.
#[derive(Debug, Clone)]
pub(crate) struct LinkConfig {
    /// For a connection, with TLS, log-in and the loading of scripts.
    pub(crate) connect_timeout: Duration,
    /// For one answer; a [`Wait`] comes on top.
    pub(crate) response_timeout: Duration,
    /// For connecting, asking who is primary and beginning repetitions. One answer and its [`Wait`] come on top: a
    /// question that is asked has its whole time, so that haste never makes an outcome unknown.
    pub(crate) reach_timeout: Duration,
    /// Loaded into every server that is met.
    pub(crate) scripts: &'static [&'static Script],
}

impl Default for LinkConfig {
    fn default() -> Self {
        LinkConfig {
            connect_timeout: Duration::from_millis(500),
            response_timeout: Duration::from_secs(1),
            reach_timeout: Duration::from_secs(2),
            scripts: &[],
        }
    }
}

/// What a write waits for after it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Replicas that are to have it; fewer are no error, the caller compares.
    pub(crate) replicas: u32,
    /// Is the primary's append-only file to be synced? If it is not in time, the outcome is [`Fault::Unknown`].
    pub(crate) fsync: bool,
    /// At least 1 ms: Redis takes 0 for ever.
    pub(crate) timeout: Duration,
}

impl Wait {
    /// As a store URL asks for; `None` where it asks for nothing.
    pub(crate) fn of(url: &StoreUrl, timeout: Duration) -> Option<Self> {
        let (replicas, fsync) = (url.min_replicas(), url.fsync());
        (replicas > 0 || fsync).then_some(Self { replicas, fsync, timeout })
    }

    /// `WAIT` and `WAITAOF` may each take all of it.
    fn longest(self) -> Duration {
        self.timeout.saturating_mul(u32::from(self.replicas > 0).saturating_add(u32::from(self.fsync)))
    }
}

/// Why a store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody answered, or nobody let us in.
    #[error("store {url} is not reached: {why}")]
    Unreachable {
        /// Without its password.
        url: String,
        /// Each server that was tried, and what came of it.
        why: String,
    },
    /// The servers are there, and not fit to keep a store.
    #[error("store {url} cannot be used: {}", .objections.join("; "))]
    Unfit {
        /// Without its password.
        url: String,
        /// All that speaks against them, each with its server.
        objections: Vec<String>,
    },
}

/// The connections to the servers of one store.
pub(crate) struct Link {
    guide: Guide,
    config: LinkConfig,
    map: ArcSwap<Map>,
    looking: Turn,
    /// Of the server that was met last, a byte a number.
    version: AtomicU32,
}

impl Link {
    /// Finds the primaries, connects to each and checks its settings.
    pub(crate) async fn open(url: &StoreUrl, config: LinkConfig) -> Result<Arc<Link>, OpenError> {
        let unreachable = |why: String| OpenError::Unreachable { url: url.to_string(), why };
        let tls = tls::connector(url).map_err(unreachable)?;
        let db = if let Kind::Single { db } = url.kind { db } else { 0 };
        let sentinel =
            if let Kind::Sentinel { credentials, .. } = &url.kind { credentials.clone() } else { Credentials::default() };
        let door = |credentials, db, scripts| Door {
            tls: tls.clone(),
            db,
            credentials,
            scripts,
            connect_timeout: config.connect_timeout.max(OPEN_TIMEOUT),
        };
        let store_door = door(url.credentials.clone(), db, Some(config.scripts));
        let mut guide = Guide::new(url.clone(), store_door, door(sentinel, 0, None), config.response_timeout.max(OPEN_TIMEOUT));
        let map = guide.look(&Map::default(), None).await.map_err(unreachable)?;

        let mut unreached = Vec::new();
        let mut objections = Vec::new();
        let mut oldest = None;
        for node in &map.primaries {
            let connection = match node.open(Lane::Admin, &guide.door).await {
                Ok(connection) => connection,
                Err(why) => {
                    unreached.push(why);
                    continue;
                }
            };
            objections
                .extend(checks::objections(url, &node.address, &connection, config.response_timeout.max(OPEN_TIMEOUT)).await);
            oldest = Some(oldest.map_or(connection.version, |oldest: Version| oldest.min(connection.version)));
        }
        if !objections.is_empty() {
            objections.extend(unreached);
            return Err(OpenError::Unfit { url: url.to_string(), objections });
        }
        if !unreached.is_empty() {
            return Err(unreachable(unreached.join("; ")));
        }
        guide.hurry(&config);
        let version = AtomicU32::new(pack(oldest.unwrap_or_default()));
        Ok(Arc::new(Link { guide, config, map: ArcSwap::from_pointee(map), looking: Turn::default(), version }))
    }

    /// Runs a script on the primary that owns `slot`, and, with `wait`, says how many replicas confirmed it.
    ///
    /// All keys lie in `slot`. Errors inside an answer, as of a script that answers a list, are left to the caller. The head of this file says what is repeated and what is not.
    pub(crate) async fn call<K: AsRef<[u8]>, A: AsRef<[u8]>>(
        &self,
        lane: Lane,
        slot: u16,
        script: &'static Script,
        keys: &[K],
        args: &[A],
        wait: Option<Wait>,
    ) -> Result<(Value, Option<u32>), Fault> {
        let request = |version: Version, whole: bool| Cow::Owned(script_command(script, version, whole, keys, args));
        self.run(lane, slot, request, Some(script), wait).await
    }

    /// Runs a command on the primary that owns `slot`.
    pub(crate) async fn command(&self, lane: Lane, slot: u16, command: &Cmd) -> Result<Value, Fault> {
        let (value, _) = self.run(lane, slot, |_, _| Cow::Borrowed(command), None, None).await?;
        Ok(value)
    }

    /// Version of the server that was met last.
    pub(crate) fn version(&self) -> (u8, u8, u8) {
        let [_, major, minor, patch] = self.version.load(Ordering::Relaxed).to_be_bytes();
        (major, minor, patch)
    }

    async fn run<'a>(
        &self,
        lane: Lane,
        slot: u16,
        request: impl Fn(Version, bool) -> Cow<'a, Cmd>,
        script: Option<&'static Script>,
        wait: Option<Wait>,
    ) -> Result<(Value, Option<u32>), Fault> {
        let wait = wait.filter(|wait| wait.replicas > 0 || wait.fsync);
        let answer_within = self.config.response_timeout + wait.map_or(Duration::ZERO, Wait::longest);
        let send_by = Instant::now() + self.config.reach_timeout;
        let mut whole = false;
        let mut redirections = 0_u32;
        let mut pause = PAUSE_FIRST;
        loop {
            let (node, connection) = self.reach(lane, slot, send_by).await.map_err(Fault::NothingDone)?;
            let answer_by = Instant::now() + answer_within;
            if let Some(script) = script.filter(|_| whole) {
                // Its answer does not matter: the source follows. `SCRIPT LOAD` keeps it where `EVAL` may not.
                let mut load = redis::cmd("SCRIPT");
                load.arg("LOAD").arg(script.form(connection.version.knows_flags()).source);
                if let Err(lost) = connection.ask(&load, answer_by).await {
                    node.give_up(lane, &connection);
                    return Err(Fault::NothingDone(format!("`{}`: script `{}`: {lost}", node.address, script.name)));
                }
            }
            let error = match ask(&connection, request(connection.version, whole), wait, answer_by).await {
                Ok((Value::ServerError(error), _)) => verbatim(&error),
                Ok((value, None)) => return Ok((value, None)),
                Ok((value, Some(confirmed))) => return confirm(value, confirmed, wait),
                Err(lost) => {
                    node.give_up(lane, &connection);
                    if let Lost::Unsent = lost {
                        redirect(&mut redirections, send_by, || format!("`{}`: {lost}", node.address))?;
                        continue;
                    }
                    return Err(Fault::Unknown(format!("`{}`: {lost}", node.address)));
                }
            };
            let said = || format!("`{}`: {}", node.address, explain(&error));
            match judge(&error) {
                Verdict::Load if !whole && script.is_some() => whole = true,
                Verdict::Load => return Err(Fault::NothingDone(said())),
                Verdict::Moved(place) => {
                    redirect(&mut redirections, send_by, said)?;
                    self.follow(&node.address, &place, send_by).await.map_err(Fault::NothingDone)?;
                }
                Verdict::NotPrimary => {
                    redirect(&mut redirections, send_by, said)?;
                    node.give_up(lane, &connection);
                    if self.guide.url.kind == Kind::Cluster {
                        self.look(None, send_by).await.map_err(Fault::NothingDone)?;
                    }
                }
                Verdict::Soon => {
                    if Instant::now() + pause >= send_by {
                        return Err(Fault::NothingDone(said()));
                    }
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(PAUSE_MAX);
                }
                Verdict::Refused => return Err(Fault::NothingDone(said())),
                Verdict::Script => return Err(Fault::Script(error)),
            }
        }
    }

    /// The server of the slot, and its connection. Nothing was sent where this fails.
    async fn reach(&self, lane: Lane, slot: u16, send_by: Instant) -> Result<(Arc<Node>, Arc<Connection>), String> {
        if let Some(node) = self.map.load().owner(slot)
            && let Some(connection) = node.opened(lane)
        {
            return Ok((Arc::clone(node), connection));
        }
        let reached = timeout_at(send_by, self.reach_anew(lane, slot, send_by)).await;
        let (node, connection) = reached.unwrap_or_else(|_| Err("no connection in the time that the call has".to_owned()))?;
        self.version.store(pack(connection.version), Ordering::Relaxed);
        Ok((node, connection))
    }

    async fn reach_anew(&self, lane: Lane, slot: u16, send_by: Instant) -> Result<(Arc<Node>, Arc<Connection>), String> {
        // A server that was lost may have come back as a replica: of Sentinel's word depends who is asked at all. A node of
        // a cluster says itself that it is not the one.
        if let Kind::Sentinel { .. } = self.guide.url.kind {
            self.look(None, send_by).await?;
        }
        let node = self.owner(slot)?;
        let why = match node.open(lane, &self.guide.door).await {
            Ok(connection) => return Ok((node, connection)),
            Err(why) => why,
        };
        if self.guide.url.kind != Kind::Cluster {
            return Err(why);
        }
        self.look(None, send_by).await?;
        let now = self.owner(slot)?;
        if now.address == node.address {
            return Err(why);
        }
        let connection = now.open(lane, &self.guide.door).await?;
        Ok((now, connection))
    }

    fn owner(&self, slot: u16) -> Result<Arc<Node>, String> {
        self.map.load().owner(slot).cloned().ok_or_else(|| format!("no node of the cluster serves slot {slot}"))
    }

    async fn follow(&self, asked: &Address, place: &str, send_by: Instant) -> Result<(), String> {
        if self.guide.url.kind != Kind::Cluster {
            return Err(format!("`{asked}` is a node of a cluster: the scheme of the store URL is `redis+cluster`"));
        }
        self.look(read_moved(place, &asked.host), send_by).await
    }

    /// Asks for the map, unless somebody is just doing so.
    async fn look(&self, hint: Option<Address>, send_by: Instant) -> Result<(), String> {
        let looking = self.looking.share(async {
            let map = self.guide.look(&self.map.load_full(), hint).await?;
            self.map.store(Arc::new(map));
            Ok(())
        });
        timeout_at(send_by, looking).await.unwrap_or_else(|_| Err("no answer in time to who the primary is".to_owned()))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("url", &self.guide.url)
            .field("version", &self.version())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn script_command<K: AsRef<[u8]>, A: AsRef<[u8]>>(script: &Script, version: Version, whole: bool, keys: &[K], args: &[A]) -> Cmd {
    let form = script.form(version.knows_flags());
    let (name, text) = if whole { ("EVAL", form.source) } else { ("EVALSHA", form.sha1.as_str()) };
    let bytes: usize = keys.iter().map(|key| key.as_ref().len()).chain(args.iter().map(|arg| arg.as_ref().len())).sum();
    let count = keys.len().saturating_add(args.len()).saturating_add(3);
    let mut command = Cmd::with_capacity(count, bytes.saturating_add(text.len()).saturating_add(32));
    command.arg(name).arg(text).arg(keys.len());
    for key in keys {
        command.arg(key.as_ref());
    }
    for arg in args {
        command.arg(arg.as_ref());
    }
    command
}

/// What came of the waiting, as `WAIT` and `WAITAOF` answered it.
struct Confirmed {
    replicas: u32,
    fsync: bool,
}

async fn ask(
    connection: &Connection,
    request: Cow<'_, Cmd>,
    wait: Option<Wait>,
    answer_by: Instant,
) -> Result<(Value, Option<Confirmed>), Lost> {
    let Some(wait) = wait else {
        return Ok((connection.ask(&request, answer_by).await?, None));
    };
    let millis = wait.timeout.as_millis().max(1).to_string();
    let mut commands = Pipeline::with_capacity(3);
    commands.add_command(request.into_owned());
    if wait.replicas > 0 {
        commands.cmd("WAIT").arg(wait.replicas).arg(&millis);
    }
    if wait.fsync {
        commands.cmd("WAITAOF").arg(1).arg(0).arg(&millis);
    }
    let mut answers = connection.ask_all(&commands, answer_by).await?.into_iter();
    let value = answers.next().ok_or_else(|| Lost::Broken("fewer answers than questions".to_owned()))?;
    // An error of the waiting, as when a primary is made a replica meanwhile, is a wait in which nobody confirmed.
    let replicas = if wait.replicas > 0 { answers.next().map_or(0, |answer| count(&answer)) } else { 0 };
    let fsync = wait.fsync
        && answers.next().is_some_and(|answer| matches!(answer, Value::Array(counts) if counts.first().map_or(0, count) > 0));
    Ok((value, Some(Confirmed { replicas, fsync })))
}

fn confirm(value: Value, confirmed: Confirmed, wait: Option<Wait>) -> Result<(Value, Option<u32>), Fault> {
    if wait.is_some_and(|wait| wait.fsync) && !confirmed.fsync {
        return Err(Fault::Unknown("the primary's append-only file was not synced in time".to_owned()));
    }
    Ok((value, Some(confirmed.replicas)))
}

fn count(answer: &Value) -> u32 {
    if let Value::Int(count) = answer { u32::try_from(*count).unwrap_or(0) } else { 0 }
}

fn redirect(redirections: &mut u32, send_by: Instant, said: impl FnOnce() -> String) -> Result<(), Fault> {
    if *redirections >= REDIRECTIONS_MAX || Instant::now() >= send_by {
        return Err(Fault::NothingDone(said()));
    }
    *redirections = redirections.saturating_add(1);
    Ok(())
}

fn pack(version: Version) -> u32 {
    u32::from_be_bytes([0, version.0, version.1, version.2])
}
