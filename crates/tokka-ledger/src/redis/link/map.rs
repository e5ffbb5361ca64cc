//! Which server is the primary of a slot?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use redis::{Cmd, Value};
use tokio::time::{Duration, Instant};

use super::LinkConfig;
use super::connection::{Connection, Door};
use super::fault::{explain, verbatim};
use super::slot::SLOTS;
use super::turn::Turn;
use super::url::{Address, Kind, StoreUrl};

/// What travels on one connection: each lane of each node has its own, so that a long read never delays a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Write,
    Read,
    Admin,
}

/// One server, and its connections.
pub(crate) struct Node {
    pub(crate) address: Address,
    write: Opened,
    read: Opened,
    admin: Opened,
}

#[derive(Default)]
struct Opened {
    connection: ArcSwapOption<Connection>,
    opening: Turn,
}

/// The primaries, as last heard.
#[derive(Default)]
pub(crate) struct Map {
    pub(crate) primaries: Vec<Arc<Node>>,
    /// Position in `primaries` by slot; empty where the first one owns every slot.
    owners: Vec<Option<u16>>,
}

/// Asks who is primary, of whoever may know.
pub(crate) struct Guide {
    pub(crate) url: StoreUrl,
    pub(crate) door: Door,
    sentinel_door: Door,
    response_timeout: Duration,
    /// Position of the Sentinel that answered last: it is asked first.
    sentinel: AtomicUsize,
}

impl Node {
    fn new(address: Address) -> Self {
        Node { address, write: Opened::default(), read: Opened::default(), admin: Opened::default() }
    }

    fn lane(&self, lane: Lane) -> &Opened {
        match lane {
            Lane::Write => &self.write,
            Lane::Read => &self.read,
            Lane::Admin => &self.admin,
        }
    }

    /// The connection of the lane, unless it is known to be closed.
    pub(crate) fn opened(&self, lane: Lane) -> Option<Arc<Connection>> {
        self.lane(lane).connection.load_full().filter(|connection| !connection.is_closed())
    }

    /// The connection of the lane, opened if need be. The text of a failure names the server.
    pub(crate) async fn open(&self, lane: Lane, door: &Door) -> Result<Arc<Connection>, String> {
        if let Some(connection) = self.opened(lane) {
            return Ok(connection);
        }
        let Opened { connection, opening } = self.lane(lane);
        let open = async {
            if self.opened(lane).is_none() {
                connection.store(Some(Arc::new(door.enter(&self.address).await?)));
            }
            Ok(())
        };
        opening.share(open).await?;
        self.opened(lane).ok_or_else(|| format!("`{}`: the connection broke again at once", self.address))
    }

    /// Nobody else gets this connection from now on; those who wait for its answers keep it until they have them.
    pub(crate) fn give_up(&self, lane: Lane, connection: &Arc<Connection>) {
        self.lane(lane).connection.rcu(|now| match now {
            // Another caller may have opened a new one.
            Some(now) if !Arc::ptr_eq(now, connection) => Some(Arc::clone(now)),
            _ => None,
        });
    }
}

impl Map {
    /// `None` if no node serves the slot.
    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        if self.owners.is_empty() {
            return self.primaries.first();
        }
        let position = (*self.owners.get(usize::from(slot))?)?;
        self.primaries.get(usize::from(position))
    }

    fn of_one(node: Arc<Node>) -> Self {
        Map { primaries: vec![node], owners: Vec::new() }
    }

    /// Keeps the connections of a node that is known.
    fn node(&self, address: Address) -> Arc<Node> {
        let known = self.primaries.iter().find(|node| node.address == address);
        known.cloned().unwrap_or_else(|| Arc::new(Node::new(address)))
    }
}

impl Guide {
    pub(crate) fn new(url: StoreUrl, door: Door, sentinel_door: Door, response_timeout: Duration) -> Self {
        Guide { url, door, sentinel_door, response_timeout, sentinel: AtomicUsize::new(0) }
    }

    /// From here on callers wait.
    pub(crate) fn hurry(&mut self, config: &LinkConfig) {
        self.door.connect_timeout = config.connect_timeout;
        self.sentinel_door.connect_timeout = config.connect_timeout;
        self.response_timeout = config.response_timeout;
    }

    /// The map as the store has it now. `hint` is a server that is said to know better than those of `known`.
    pub(crate) async fn look(&self, known: &Map, hint: Option<Address>) -> Result<Map, String> {
        match &self.url.kind {
            Kind::Single { .. } => match self.url.hosts.first() {
                Some(host) => Ok(Map::of_one(known.node(host.clone()))),
                None => Err("the store URL names no host".to_owned()),
            },
            Kind::Sentinel { service, .. } => self.ask_sentinels(service, known).await,
            Kind::Cluster => self.ask_cluster(known, hint).await,
        }
    }

    async fn ask_sentinels(&self, service: &str, known: &Map) -> Result<Map, String> {
        let mut failures = Vec::new();
        let first = self.sentinel.load(Ordering::Relaxed);
        let sentinels = self.url.hosts.iter().enumerate();
        for (position, sentinel) in sentinels.clone().skip(first).chain(sentinels.take(first)) {
            match self.ask_sentinel(sentinel, service, known).await {
                Ok(node) => {
                    self.sentinel.store(position, Ordering::Relaxed);
                    return Ok(Map::of_one(node));
                }
                Err(why) => failures.push(why),
            }
        }
        Err(failures.join("; "))
    }

    async fn ask_sentinel(&self, sentinel: &Address, service: &str, known: &Map) -> Result<Arc<Node>, String> {
        let connection = self.sentinel_door.enter(sentinel).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("get-master-addr-by-name").arg(service);
        let answer = self.ask(&connection, &question).await.map_err(|(why, _)| format!("Sentinel `{sentinel}`: {why}"))?;
        let Some(primary) = read_address(&answer, None) else {
            return Err(format!("Sentinel `{sentinel}` knows no primary of `{service}`"));
        };
        // A Sentinel may name a server that is no primary yet, or no longer.
        let node = known.node(primary);
        let role = self.ask_node(&node, &redis::cmd("ROLE")).await?;
        match role_of(&role) {
            Some("master") => Ok(node),
            role => Err(format!("Sentinel `{sentinel}` names `{}`, whose role is `{}`", node.address, role.unwrap_or("unknown"))),
        }
    }

    async fn ask_cluster(&self, known: &Map, hint: Option<Address>) -> Result<Map, String> {
        let reached = |node: &&Arc<Node>| node.opened(Lane::Admin).is_some();
        let near = known.primaries.iter().filter(reached);
        let far = known.primaries.iter().filter(|node| !reached(node));
        let addresses = near.chain(far).map(|node| node.address.clone()).chain(self.url.hosts.iter().cloned());
        let mut asked: Vec<Address> = Vec::new();
        let mut failures = Vec::new();
        for address in hint.into_iter().chain(addresses) {
            if asked.contains(&address) {
                continue;
            }
            match self.ask_cluster_node(known, &address).await {
                Ok(map) => return Ok(map),
                Err(why) => failures.push(why),
            }
            asked.push(address);
        }
        Err(failures.join("; "))
    }

    async fn ask_cluster_node(&self, known: &Map, address: &Address) -> Result<Map, String> {
        let node = known.node(address.clone());
        let mut question = redis::cmd("CLUSTER");
        question.arg("SLOTS");
        let answer = self.ask_node(&node, &question).await?;
        // The node that was asked is kept with its connection, if it is a primary.
        let mut map = Map { primaries: vec![Arc::clone(&node)], owners: vec![None; usize::from(SLOTS)] };
        let Value::Array(ranges) = &answer else {
            return Err(format!("`{address}`: no answer to CLUSTER SLOTS that can be read"));
        };
        for range in ranges {
            let Some((first, last, owner)) = read_range(range, &address.host) else { continue };
            let position = match map.primaries.iter().position(|node| node.address == owner) {
                Some(position) => position,
                None => {
                    map.primaries.push(known.node(owner));
                    map.primaries.len().saturating_sub(1)
                }
            };
            let position = u16::try_from(position).map_err(|_| format!("`{address}`: more nodes than slots"))?;
            for owner in map.owners.iter_mut().take(usize::from(last).saturating_add(1)).skip(usize::from(first)) {
                *owner = Some(position);
            }
        }
        Ok(map.without_idle_first())
    }

    async fn ask_node(&self, node: &Node, question: &Cmd) -> Result<Value, String> {
        let connection = node.open(Lane::Admin, &self.door).await?;
        self.ask(&connection, question).await.map_err(|(why, lost)| {
            // A connection whose other end is gone without a word would be asked for ever.
            if lost {
                node.give_up(Lane::Admin, &connection);
            }
            format!("`{}`: {why}", node.address)
        })
    }

    /// An error says whether the connection is of no more use.
    async fn ask(&self, connection: &Connection, question: &Cmd) -> Result<Value, (String, bool)> {
        let deadline = Instant::now() + self.response_timeout;
        match connection.ask(question, deadline).await {
            Ok(Value::ServerError(error)) => Err((explain(&verbatim(&error)), false)),
            Ok(answer) => Ok(answer),
            Err(lost) => Err((lost.to_string(), true)),
        }
    }
}

impl Map {
    /// A replica, or a node without slots, may tell the map and is no part of it.
    fn without_idle_first(mut self) -> Self {
        if self.primaries.len() > 1 && !self.owners.contains(&Some(0)) {
            self.primaries.remove(0);
            for owner in self.owners.iter_mut().flatten() {
                *owner = owner.saturating_sub(1);
            }
        }
        self
    }
}

/// `host:port` as MOVED has it. An IPv6 address has no brackets there; an empty host is that of the node that answered.
pub(crate) fn read_moved(text: &str, asked: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = if host.is_empty() { asked } else { host };
    Some(Address { host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? })
}

/// First slot, last slot, and the primary of one range of `CLUSTER SLOTS`.
fn read_range(range: &Value, asked: &str) -> Option<(u16, u16, Address)> {
    let Value::Array(parts) = range else { return None };
    let [Value::Int(first), Value::Int(last), primary, ..] = parts.as_slice() else { return None };
    Some((u16::try_from(*first).ok()?, u16::try_from(*last).ok()?, read_address(primary, Some(asked))?))
}

/// Host and port. A node that does not know its own name sends none: it is the host that was asked. `?` is nobody's.
fn read_address(pair: &Value, asked: Option<&str>) -> Option<Address> {
    let Value::Array(parts) = pair else { return None };
    let [host, port, ..] = parts.as_slice() else { return None };
    let host = match text(host) {
        Some("?") => return None,
        Some(host) if !host.is_empty() => host,
        _ => asked?,
    };
    let port = match port {
        Value::Int(port) => u16::try_from(*port).ok()?,
        port => text(port)?.parse().ok()?,
    };
    Some(Address { host: host.to_owned(), port })
}

fn role_of(role: &Value) -> Option<&str> {
    let Value::Array(parts) = role else { return None };
    text(parts.first()?)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec()), Value::Array(vec![])]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node])
    }

    #[test]
    fn ranges_of_nodes_with_and_without_names() {
        let named = Value::BulkString(b"10.0.0.1".to_vec());
        assert_eq!(read_range(&range(0, 5, named, 7000), "here"), Some((0, 5, address("10.0.0.1", 7000))));
        assert_eq!(read_range(&range(0, 5, Value::Nil, 7000), "here"), Some((0, 5, address("here", 7000))));
        let empty = Value::BulkString(Vec::new());
        assert_eq!(read_range(&range(0, 5, empty, 7000), "here"), Some((0, 5, address("here", 7000))));
        assert_eq!(read_range(&range(0, 5, Value::BulkString(b"?".to_vec()), 7000), "here"), None);
        assert_eq!(read_range(&range(0, 70_000, Value::Nil, 7000), "here"), None);
        assert_eq!(read_range(&Value::Nil, "here"), None);
    }

    #[test]
    fn places_that_moved_names() {
        assert_eq!(read_moved("10.0.0.1:7000", "here"), Some(address("10.0.0.1", 7000)));
        assert_eq!(read_moved(":7000", "here"), Some(address("here", 7000)));
        assert_eq!(read_moved("2001:db8::1:7000", "here"), Some(address("2001:db8::1", 7000)));
        assert_eq!(read_moved("nowhere", "here"), None);
    }

    #[test]
    fn the_asked_node_is_part_of_the_map_only_if_it_owns_something() {
        let node = |port| Arc::new(Node::new(address("h", port)));
        let map = Map { primaries: vec![node(1), node(2), node(3)], owners: vec![Some(1), Some(2), None] };
        let map = map.without_idle_first();
        assert_eq!(map.primaries.len(), 2);
        assert_eq!(map.owner(0).map(|node| node.address.port), Some(2));
        assert_eq!(map.owner(1).map(|node| node.address.port), Some(3));
        assert!(map.owner(2).is_none());
    }
}
