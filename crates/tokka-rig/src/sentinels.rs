//! What does a fail-over look like? A primary with two replicas, and three Sentinels that put another in its place.

use crate::options::Options;
use crate::redis::Redis;
use crate::resp::Answer;
use crate::wait::{end_test, until};

/// The name under which Sentinel knows the primary.
pub const NAME: &str = "mymaster";
const QUORUM: usize = 2;
const SENTINELS: usize = 3;
const REPLICAS: usize = 2;

/// How the group is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Every node; the Sentinels take its program. TLS is not set up here.
    pub node: Options,
    /// Silence after which a Sentinel takes a node for dead.
    pub down_after_ms: u32,
    /// How long a fail-over may take; twice as long after one that failed, another is tried.
    pub failover_timeout_ms: u32,
    /// Without so many replicas that follow, a primary refuses writes. 0 = it never does.
    pub replicas_to_write_min: u32,
    /// A replica that has not spoken for so long does not count as following.
    pub replicas_lag_max_s: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            node: Options::default(),
            down_after_ms: 1000,
            failover_timeout_ms: 3000,
            replicas_to_write_min: 1,
            replicas_lag_max_s: 10,
        }
    }
}

/// Three nodes and three Sentinels. Nodes have numbers from 0, whatever their role is by now; node 0 begins as primary.
#[derive(Debug)]
pub struct Sentinels {
    nodes: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Sentinels {
    /// A group with the default setup.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    /// A group in which, when this returns, every Sentinel knows both replicas and both other Sentinels, and both replicas
    /// follow.
    #[track_caller]
    pub fn with(setup: &Setup) -> Self {
        if setup.node.tls.is_some() {
            end_test("a group under Sentinel is not set up with TLS");
        }
        let node = setup
            .node
            .clone()
            .and("min-replicas-to-write", &setup.replicas_to_write_min.to_string())
            .and("min-replicas-max-lag", &setup.replicas_lag_max_s.to_string());
        let primary = Redis::with(node.clone());
        let port = primary.port();
        let mut nodes = vec![primary];
        for _ in 0..REPLICAS {
            nodes.push(Redis::with(node.clone().and("replicaof", &format!("127.0.0.1 {port}"))));
        }
        let begun = Self { nodes, sentinels: Vec::new() };
        begun.wait_for_replicas(0, REPLICAS);
        let sentinels = (0..SENTINELS).map(|_| sentinel(setup, port)).collect();
        let group = Self { sentinels, ..begun };
        group.wait_for_sentinels();
        group
    }

    /// `redis+sentinel://h:p,h:p,h:p/mymaster`, with the credentials of the nodes before the hosts. The Sentinels
    /// themselves ask for none.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(Redis::address).collect();
        let credentials = self.nodes.first().map(|node| node.options().credentials()).unwrap_or_default();
        format!("redis+sentinel://{credentials}{}/{NAME}", hosts.join(","))
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

    /// The Sentinels.
    pub fn sentinels(&self) -> &[Redis] {
        &self.sentinels
    }

    /// The number of the primary: the node on which all Sentinels that run agree, and that takes itself for a primary, or
    /// is dead or paused and not replaced yet. Waits while they do not agree.
    #[track_caller]
    pub fn primary(&self) -> usize {
        until("the Sentinels to agree on the primary", || self.agreed(), || self.evidence())
    }

    /// `kill -9` to the primary; answers its number, and does not wait for what follows.
    #[track_caller]
    pub fn kill_primary(&self) -> usize {
        let primary = self.primary();
        self.node(primary).kill9();
        primary
    }

    /// SIGSTOP to the primary; answers its number, and does not wait for what follows. `node(n).resume()` wakes it, and it
    /// takes itself for the primary until a Sentinel tells it otherwise.
    #[track_caller]
    pub fn pause_primary(&self) -> usize {
        let primary = self.primary();
        self.node(primary).pause();
        primary
    }

    /// Waits until another node than `old` is the primary, all Sentinels know it, and another replica follows it if one is
    /// alive, so that it takes writes; answers its number.
    #[track_caller]
    pub fn wait_for_new_primary(&self, old: usize) -> usize {
        let new = until(
            "another node to become primary",
            || self.agreed().filter(|primary| *primary != old && self.is_primary(*primary)),
            || self.evidence(),
        );
        let others = self.nodes.iter().enumerate().filter(|(number, node)| *number != new && *number != old && node.is_up());
        self.wait_for_replicas(new, others.count());
        new
    }

    /// A planned fail-over; waits for it, and answers the number of the new primary. The old one becomes its replica.
    #[track_caller]
    pub fn failover(&self) -> usize {
        let old = self.primary();
        until(
            "a Sentinel to begin a fail-over",
            || {
                let asked = self.sentinels.iter().find(|sentinel| sentinel.is_up())?;
                // Refused while the last one still runs, or while it does not know yet that the replicas are fine.
                asked.try_cli(&["SENTINEL", "FAILOVER", NAME]).ok()
            },
            || self.evidence(),
        );
        let new = self.wait_for_new_primary(old);
        self.wait_for_replicas(new, self.nodes.iter().filter(|node| node.is_up()).count().saturating_sub(1));
        new
    }

    /// Starts a dead node again, or wakes a paused one, and waits until it follows the primary of now.
    #[track_caller]
    pub fn revive(&self, number: usize) {
        let node = self.node(number);
        if node.pid().is_some() {
            node.resume()
        } else {
            node.restart()
        }
        until(
            "a revived node to follow the primary",
            || {
                let primary = self.agreed()?;
                let follows = self.node(primary).port().to_string();
                let ours = node.info("master_port").is_some_and(|port| port == follows);
                (primary == number || (ours && node.info("master_link_status").is_some_and(|link| link == "up"))).then_some(())
            },
            || format!("{}\n{}", self.evidence(), node.log_tail()),
        );
    }

    /// The node that all living Sentinels name, if its role is not that of a replica.
    fn agreed(&self) -> Option<usize> {
        let mut ports = Vec::new();
        for sentinel in self.sentinels.iter().filter(|sentinel| sentinel.is_up()) {
            let answer = sentinel.try_cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).ok()?;
            ports.push(answer.lines().nth(1)?.parse::<u16>().ok()?);
        }
        ports.dedup();
        let [port] = ports.as_slice() else { return None };
        let number = self.nodes.iter().position(|node| node.port() == *port)?;
        (!self.node(number).is_up() || self.is_primary(number)).then_some(number)
    }

    fn is_primary(&self, number: usize) -> bool {
        self.node(number).info("role").is_some_and(|role| role == "master")
    }

    #[track_caller]
    fn wait_for_replicas(&self, primary: usize, count: usize) {
        // A primary counts a replica as following only when the copy of its data is there and it has spoken since.
        until(
            "replicas to follow the primary",
            || {
                let text = self.node(primary).try_cli(&["INFO", "replication"]).ok()?;
                let follow = |line: &&str| line.starts_with("slave") && line.contains("state=online") && !line.contains("lag=-1");
                (text.lines().filter(follow).count() >= count).then_some(())
            },
            || self.evidence(),
        );
    }

    #[track_caller]
    fn wait_for_sentinels(&self) {
        let wanted = [("num-slaves", REPLICAS), ("num-other-sentinels", SENTINELS.saturating_sub(1)), ("quorum", QUORUM)];
        for sentinel in &self.sentinels {
            until(
                "a Sentinel to know replicas and Sentinels",
                || {
                    let fields = fields(&sentinel.ask(&["SENTINEL", "MASTER", NAME]).ok()?);
                    let known = |(name, count): &(&str, usize)| {
                        fields.iter().any(|(field, value)| field == name && *value == count.to_string())
                    };
                    wanted.iter().all(known).then_some(())?;
                    // Only replicas whose own answer it has may take over.
                    let replicas = sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).ok()?;
                    let Answer::List(Some(replicas)) = replicas else { return None };
                    let fine = |replica: &Answer| {
                        let fields = self::fields(replica);
                        let says =
                            |name: &str, wanted: &str| fields.iter().any(|(field, value)| field == name && value == wanted);
                        says("flags", "slave") && says("master-link-status", "ok")
                    };
                    replicas.iter().all(fine).then_some(())
                },
                || self.evidence(),
            );
        }
    }

    fn evidence(&self) -> String {
        let all = self.nodes.iter().chain(&self.sentinels);
        all.map(|server| format!("{}: {}", server.address(), server.log_tail())).collect::<Vec<_>>().join("\n")
    }
}

#[track_caller]
fn sentinel(setup: &Setup, primary_port: u16) -> Redis {
    let mut lines = vec![
        format!("sentinel monitor {NAME} 127.0.0.1 {primary_port} {QUORUM}"),
        format!("sentinel down-after-milliseconds {NAME} {}", setup.down_after_ms),
        format!("sentinel failover-timeout {NAME} {}", setup.failover_timeout_ms),
        // Both replicas turn to the new primary at once.
        format!("sentinel parallel-syncs {NAME} {REPLICAS}"),
    ];
    if let Some(password) = &setup.node.password {
        lines.push(format!("sentinel auth-pass {NAME} {password}"));
    }
    Redis::sentinel(setup.node.program, &lines)
}

/// A list of names and values in turn.
fn fields(answer: &Answer) -> Vec<(String, String)> {
    let Answer::List(Some(items)) = answer else { return Vec::new() };
    let text = |answer: &Answer| answer.text().unwrap_or_default();
    items.chunks_exact(2).filter_map(|pair| Some((text(pair.first()?), text(pair.last()?)))).collect()
}
