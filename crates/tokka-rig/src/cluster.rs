//! What does a cluster look like while it moves? Three primaries with a replica each, fail-over, and slots on their way.

use crate::options::Options;
use crate::redis::Redis;
use crate::resp::Answer;
use crate::wait::{end_test, until};

const PRIMARIES: usize = 3;
const NODES: usize = 6;
const SLOTS: u16 = 16_384;

/// How the cluster is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Every node. TLS is not set up here.
    pub node: Options,
    /// Silence after which a node is taken for dead.
    pub node_timeout_ms: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { node: Options::default(), node_timeout_ms: 1500 }
    }
}

/// Six nodes. They have numbers from 0, whatever their role is by now: 0, 1 and 2 begin as primaries of a third of the slots
/// each, 3, 4 and 5 as their replicas in this order.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
    ids: Vec<String>,
}

impl Cluster {
    /// A cluster with the default setup.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    /// A cluster whose every node, when this returns, calls its state ok, knows all the others, and has its role.
    #[track_caller]
    pub fn with(setup: &Setup) -> Self {
        if setup.node.tls.is_some() {
            end_test("a cluster is not set up with TLS");
        }
        let node = setup
            .node
            .clone()
            .and("cluster-enabled", "yes")
            .and("cluster-node-timeout", &setup.node_timeout_ms.to_string())
            // Replicas stay where they are, so that a test knows who follows whom.
            .and("cluster-allow-replica-migration", "no");
        let nodes: Vec<Redis> = (0..NODES).map(|_| Redis::with(node.clone())).collect();
        let ids = nodes.iter().map(|node| node.cli(&["CLUSTER", "MYID"])).collect();
        let cluster = Self { nodes, ids };
        cluster.join();
        cluster
    }

    #[track_caller]
    fn join(&self) {
        let first_port = self.node(0).port().to_string();
        for (number, node) in self.nodes.iter().enumerate() {
            node.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &number.saturating_add(1).to_string()]);
            if number > 0 {
                node.cli(&["CLUSTER", "MEET", "127.0.0.1", &first_port]);
            }
        }
        for (number, node) in self.nodes.iter().enumerate().take(PRIMARIES) {
            let slots = (0..SLOTS).filter(|slot| first_owner(*slot) == number).map(|slot| slot.to_string());
            let words: Vec<String> = ["CLUSTER", "ADDSLOTS"].map(str::to_owned).into_iter().chain(slots).collect();
            node.cli(&words);
        }
        for (replica, primary) in self.nodes.iter().skip(PRIMARIES).zip(&self.ids) {
            // Refused until it has heard of its primary.
            until(
                "a replica to know its primary",
                || replica.try_cli(&["CLUSTER", "REPLICATE", primary]).ok(),
                || self.evidence(),
            );
        }
        until("every node to call the cluster ok", || self.nodes.iter().all(is_complete).then_some(()), || self.evidence());
    }

    /// `redis+cluster://h:p,…` with all nodes, and the credentials before them.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(Redis::address).collect();
        let credentials = self.nodes.first().map(|node| node.options().credentials()).unwrap_or_default();
        format!("redis+cluster://{credentials}{}", hosts.join(","))
    }

    /// The nodes, by number.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// One node.
    #[track_caller]
    pub fn node(&self, number: usize) -> &Redis {
        self.nodes.get(number).unwrap_or_else(|| end_test(format!("there is no node {number}")))
    }

    /// The slot of a key, by the servers' own computation.
    #[track_caller]
    pub fn slot_of(&self, key: &str) -> u16 {
        let node = self.nodes.iter().find(|node| node.is_up()).unwrap_or_else(|| end_test("every node is dead"));
        node.cli(&["CLUSTER", "KEYSLOT", key]).parse().unwrap_or(SLOTS)
    }

    /// The number of the primary that has the slot: of the running nodes that say so of themselves, the one with the
    /// highest epoch. Waits while there is none.
    #[track_caller]
    pub fn primary_of(&self, slot: u16) -> usize {
        until(&format!("a primary of slot {slot}"), || self.owner(slot), || self.evidence())
    }

    /// `kill -9`; does not wait for what follows.
    #[track_caller]
    pub fn kill(&self, node: usize) {
        self.node(node).kill9();
    }

    /// SIGSTOP; does not wait for what follows. `node(n).resume()` wakes it.
    #[track_caller]
    pub fn pause(&self, node: usize) {
        self.node(node).pause();
    }

    /// Starts a dead node again, or wakes a paused one, and waits until every running node calls the cluster ok and every
    /// replica among them follows.
    #[track_caller]
    pub fn revive(&self, number: usize) {
        let node = self.node(number);
        if node.pid().is_some() {
            node.resume()
        } else {
            node.restart()
        }
        self.wait_ok();
    }

    /// Waits until another node than `old` has the slot and every running node knows that; answers its number.
    #[track_caller]
    pub fn wait_for_new_primary(&self, slot: u16, old: usize) -> usize {
        let new = until(
            &format!("another primary of slot {slot}"),
            || self.owner(slot).filter(|primary| *primary != old && self.all_name(slot, *primary)),
            || self.evidence(),
        );
        self.wait_ok();
        new
    }

    /// A planned fail-over to the replica of the slot's primary; waits for it, and answers the number of the new primary.
    #[track_caller]
    pub fn failover(&self, slot: u16) -> usize {
        let old = self.primary_of(slot);
        until(
            "a replica to begin a fail-over",
            || {
                let old_id = self.ids.get(old)?;
                let replica = self.nodes.iter().find(|node| {
                    node.is_up() && myself(node).is_some_and(|line| line.split(' ').nth(3) == Some(old_id.as_str()))
                })?;
                replica.try_cli(&["CLUSTER", "FAILOVER"]).ok()
            },
            || self.evidence(),
        );
        self.wait_for_new_primary(slot, old)
    }

    /// Waits until every running node calls the cluster ok, and every replica among them follows its primary.
    #[track_caller]
    pub fn wait_ok(&self) {
        let fine = |node: &Redis| {
            is_ok(node)
                && (node.info("role").is_some_and(|role| role == "master")
                    || node.info("master_link_status").is_some_and(|link| link == "up"))
        };
        until(
            "every running node to call the cluster ok",
            || self.nodes.iter().filter(|node| node.is_up()).all(fine).then_some(()),
            || self.evidence(),
        );
    }

    /// Moves a slot with all its keys.
    #[track_caller]
    pub fn migrate(&self, slot: u16, to: usize) {
        let migration = self.begin_migration(slot, to);
        while migration.move_keys(100) > 0 {}
        migration.finish();
    }

    /// Opens a slot's move to another primary, and moves nothing yet: the old owner answers `ASK` for keys that it does not
    /// have.
    #[track_caller]
    pub fn begin_migration(&self, slot: u16, to: usize) -> Migration<'_> {
        let from = self.primary_of(slot);
        if from == to {
            end_test(format!("slot {slot} is at node {to} already"));
        }
        let (number, to_id, from_id) = (slot.to_string(), self.id(to), self.id(from));
        self.node(to).cli(&["CLUSTER", "SETSLOT", &number, "IMPORTING", from_id]);
        self.node(from).cli(&["CLUSTER", "SETSLOT", &number, "MIGRATING", to_id]);
        Migration { cluster: self, slot, from, to }
    }

    #[track_caller]
    fn id(&self, number: usize) -> &str {
        self.ids.get(number).unwrap_or_else(|| end_test(format!("there is no node {number}")))
    }

    fn owner(&self, slot: u16) -> Option<usize> {
        let claims = self.nodes.iter().enumerate().filter(|(_, node)| node.is_up()).filter_map(|(number, node)| {
            let line = myself(node)?;
            let words: Vec<&str> = line.split(' ').collect();
            let epoch: u64 = words.get(6)?.parse().ok()?;
            (words.get(2)?.contains("master") && has_slot(&words, slot)).then_some((epoch, number))
        });
        claims.max().map(|(_, number)| number)
    }

    /// Whether every running node says that this one has the slot.
    fn all_name(&self, slot: u16, owner: usize) -> bool {
        self.nodes.iter().filter(|node| node.is_up()).all(|node| {
            let text = node.try_cli(&["CLUSTER", "NODES"]).unwrap_or_default();
            text.lines().any(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                words.first() == self.ids.get(owner).map(String::as_str).as_ref() && has_slot(&words, slot)
            })
        })
    }

    fn evidence(&self) -> String {
        let lines = self.nodes.iter().map(|node| {
            let view = if node.is_up() { node.try_cli(&["CLUSTER", "NODES"]).unwrap_or_default() } else { "not up".to_owned() };
            format!("{}: {}\n{view}", node.address(), node.log_tail())
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A slot on its way. Left alone, the slot stays open: half here, half there.
#[derive(Debug)]
pub struct Migration<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: usize,
    to: usize,
}

impl Migration<'_> {
    /// Moves up to `count` keys; answers how many there were to move.
    #[track_caller]
    pub fn move_keys(&self, count: usize) -> usize {
        let source = self.cluster.node(self.from);
        let answer = source.ask(&["CLUSTER", "GETKEYSINSLOT", &self.slot.to_string(), &count.to_string()]);
        let keys: Vec<Vec<u8>> = match answer {
            Ok(Answer::List(Some(keys))) => {
                keys.into_iter().filter_map(|key| if let Answer::Bytes(key) = key { key } else { None }).collect()
            }
            other => end_test(format!("the keys of slot {} cannot be listed: {other:?}", self.slot)),
        };
        if keys.is_empty() {
            return 0;
        }
        let port = self.cluster.node(self.to).port().to_string();
        let mut words: Vec<Vec<u8>> = ["MIGRATE", "127.0.0.1", &port, "", "0", "60000"].map(Vec::from).into();
        if let Some(password) = &source.options().password {
            words.extend(["AUTH", password].map(Vec::from));
        }
        words.push(b"KEYS".to_vec());
        words.extend(keys.iter().cloned());
        source.cli(&words);
        keys.len()
    }

    /// Moves what is left, gives the slot to its new owner, and waits until every running node knows that.
    #[track_caller]
    pub fn finish(self) {
        while self.move_keys(1000) > 0 {}
        let (slot, to_id) = (self.slot.to_string(), self.cluster.id(self.to));
        // The new owner first: if it went the other way round and broke off here, nobody would have the slot.
        let others = (0..NODES).filter(|number| *number != self.to && *number != self.from);
        for number in [self.to, self.from].into_iter().chain(others) {
            let node = self.cluster.node(number);
            if node.is_up() && node.info("role").is_some_and(|role| role == "master") {
                node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", to_id]);
            }
        }
        until(
            &format!("every node to know the new owner of slot {slot}"),
            || self.cluster.all_name(self.slot, self.to).then_some(()),
            || self.cluster.evidence(),
        );
    }

    /// Leaves the slot where it was; keys that have moved stay behind the others' backs unless they are moved back first,
    /// so this is for a move in which none has.
    #[track_caller]
    pub fn abandon(self) {
        for number in [self.to, self.from] {
            self.cluster.node(number).cli(&["CLUSTER", "SETSLOT", &self.slot.to_string(), "STABLE"]);
        }
    }

    /// The node that had the slot.
    pub fn from(&self) -> usize {
        self.from
    }

    /// The node that gets it.
    pub fn to(&self) -> usize {
        self.to
    }
}

/// Which primary has the slot in a new cluster.
fn first_owner(slot: u16) -> usize {
    let share = usize::from(SLOTS).div_ceil(PRIMARIES);
    usize::from(slot).checked_div(share).unwrap_or_default()
}

/// Whether a line of `CLUSTER NODES`, in words, names the slot; slots on their way stand in brackets and do not count.
fn has_slot(words: &[&str], slot: u16) -> bool {
    words.iter().skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => (first..=last).contains(&slot),
            _ => false,
        }
    })
}

/// What a node says of itself.
fn myself(node: &Redis) -> Option<String> {
    let text = node.try_cli(&["CLUSTER", "NODES"]).ok()?;
    text.lines().find(|line| line.contains("myself")).map(str::to_owned)
}

fn is_ok(node: &Redis) -> bool {
    node.try_cli(&["CLUSTER", "INFO"]).is_ok_and(|text| text.lines().any(|line| line == "cluster_state:ok"))
}

/// Whether a node of a new cluster knows all others in their roles, and has its copy if it is a replica.
fn is_complete(node: &Redis) -> bool {
    let text = node.try_cli(&["CLUSTER", "NODES"]).unwrap_or_default();
    let count = |role: &str| text.lines().filter(|line| line.contains(role) && line.contains(" connected")).count();
    let follows = node.info("role").is_some_and(|role| role == "master")
        || node.info("master_link_status").is_some_and(|link| link == "up");
    is_ok(node) && follows && count("master") == PRIMARIES && count("slave") == NODES.saturating_sub(PRIMARIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_in_a_line_of_a_node() {
        let line = "e7d1 127.0.0.1:12001@22001 myself,master - 0 1426238316232 2 connected 5461-10922 7 [93->-292f]";
        let words: Vec<&str> = line.split(' ').collect();
        let found: Vec<u16> = [5460, 5461, 10922, 10923, 7, 93].into_iter().filter(|slot| has_slot(&words, *slot)).collect();
        assert_eq!(found, [5461, 10922, 7]);
    }

    #[test]
    fn every_slot_has_its_first_owner() {
        assert_eq!([0, 5461, 5462, 10923, 10924, SLOTS - 1].map(first_owner), [0, 0, 1, 1, 2, 2]);
    }
}
