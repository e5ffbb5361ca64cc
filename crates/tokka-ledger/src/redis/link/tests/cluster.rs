//! Does a link find its way in a cluster whose slots move?

use super::*;

/// Two primaries, each with half of the slots, in touch with each other.
struct Halves {
    low: Server,
    high: Server,
}

const HIGH_TAG: &str = "{a}";
const LOW_TAG: &str = "{bar}";

impl Halves {
    async fn start() -> Halves {
        let halves = Halves { low: node().await, high: node().await };
        halves.low.tell(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]).await;
        halves.high.tell(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]).await;
        // Two nodes with the same epoch would settle it between them some time later, while a test runs.
        halves.low.tell(&["CLUSTER", "SET-CONFIG-EPOCH", "1"]).await;
        halves.high.tell(&["CLUSTER", "SET-CONFIG-EPOCH", "2"]).await;
        meet(&halves.low, &halves.high).await;
        for server in [&halves.low, &halves.high] {
            until(server, "cluster_state:ok").await;
            until(server, "cluster_slots_ok:16384").await;
        }
        halves
    }

    async fn link(&self) -> Arc<Link> {
        self.link_with(config()).await
    }

    /// A primary alone is refused; here, one that may write without replicas is wanted.
    async fn link_with(&self, config: LinkConfig) -> Arc<Link> {
        let url = format!("redis+cluster://127.0.0.1:1,127.0.0.1:{}", self.low.port).parse().expect("a URL");
        let link = Link::open(&url, config).await.expect("a link");
        for server in [&self.low, &self.high] {
            server.tell(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
        }
        link
    }
}

async fn node() -> Server {
    let bus = free_port().to_string();
    let options = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "60000"];
    let settings = ["--min-replicas-to-write", "1", "--cluster-require-full-coverage", "no"];
    Server::start(&[&options[..], &settings[..]].concat()).await
}

async fn meet(one: &Server, other: &Server) {
    let Value::Array(bus) = other.raw(&["CONFIG", "GET", "cluster-port"]).await.expect("an answer") else { panic!("no bus") };
    let Some(Value::BulkString(bus)) = bus.get(1) else { panic!("no bus") };
    let bus = String::from_utf8_lossy(bus).into_owned();
    one.tell(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string(), &bus]).await;
}

async fn until(server: &Server, line: &str) {
    server.until(&["CLUSTER", "INFO"], line).await;
}

async fn id(server: &Server) -> String {
    server.text(&["CLUSTER", "MYID"]).await
}

fn slot(tag: &str) -> u16 {
    slot_of_tag(tag.trim_matches(['{', '}']).as_bytes())
}

async fn put_at(link: &Link, keys: &[String], tag: &str) -> Result<Value, Fault> {
    link.call(Lane::Write, slot(tag), &PUT, keys, &["v"], None).await.map(|(value, _)| value)
}

#[tokio::test]
async fn every_slot_has_its_server() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    for (tag, home) in [(LOW_TAG, &halves.low), (HIGH_TAG, &halves.high)] {
        assert_eq!(put_at(&link, &[tag.to_owned()], tag).await, Ok(Value::Okay), "{tag}");
        assert_eq!(home.text(&["GET", tag]).await, "v");
    }
}

#[tokio::test]
async fn a_slot_that_moves_is_refused_and_one_that_has_moved_is_followed() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    let (tag, number) = (HIGH_TAG, slot(HIGH_TAG).to_string());
    let (here, away) = (format!("{tag}1"), format!("{tag}2"));
    assert_eq!(put_at(&link, std::slice::from_ref(&here), tag).await, Ok(Value::Okay));

    let (low, high) = (id(&halves.low).await, id(&halves.high).await);
    halves.low.tell(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &high]).await;
    halves.high.tell(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &low]).await;
    for (keys, answer) in [(vec![away.clone()], "ASK"), (vec![here.clone(), away.clone()], "TRYAGAIN")] {
        let why = nothing_done(put_at(&link, &keys, tag).await);
        assert!(why.contains(&format!("the slot is being moved to another node: {answer}")), "{why}");
    }
    // A shard that is still whole goes on.
    assert_eq!(put_at(&link, std::slice::from_ref(&here), tag).await, Ok(Value::Okay));

    halves.high.tell(&["MIGRATE", "127.0.0.1", &halves.low.port.to_string(), &here, "0", "60000"]).await;
    halves.low.tell(&["CLUSTER", "SETSLOT", &number, "NODE", &low]).await;
    halves.high.tell(&["CLUSTER", "SETSLOT", &number, "NODE", &low]).await;
    assert_eq!(put_at(&link, &[away.clone(), here], tag).await, Ok(Value::Okay));
    assert_eq!(halves.low.text(&["GET", &away]).await, "v");
    // The map was learnt: what is asked now meets no MOVED.
    halves.high.tell(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(put_at(&link, &[away], tag).await, Ok(Value::Okay));
    assert!(!halves.high.text(&["INFO", "errorstats"]).await.contains("MOVED"));
}

#[tokio::test]
async fn a_dead_node_stops_nobody_else() {
    let mut halves = Halves::start().await;
    let link = halves.link().await;
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    // The one that the URL names.
    halves.low.kill();
    let why = nothing_done(put_at(&link, &[LOW_TAG.to_owned()], LOW_TAG).await);
    assert!(why.contains(&format!("`127.0.0.1:{}`: Connection refused", halves.low.port)), "{why}");
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
}

#[tokio::test]
async fn a_replica_that_took_over_is_found() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    let heir = node().await;
    meet(&heir, &halves.low).await;
    let high = id(&halves.high).await;
    while heir.raw(&["CLUSTER", "REPLICATE", &high]).await != Ok(Value::Okay) {
        a_little().await;
    }
    heir.until(&["INFO", "replication"], "master_link_status:up").await;
    heir.tell(&["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
    heir.tell(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await;
    halves.high.until(&["INFO", "replication"], "role:slave").await;
    assert_eq!(put_at(&link, &["{a}9".to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    assert_eq!(heir.text(&["GET", "{a}9"]).await, "v");
}

#[tokio::test]
async fn a_cluster_that_is_down_for_a_moment_is_waited_for() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    let short = halves.link_with(LinkConfig { reach_timeout: Duration::from_millis(50), ..config() });
    halves.low.tell(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    halves.high.tell(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let short = short.await;

    halves.low.tell(&["CONFIG", "SET", "cluster-require-full-coverage", "yes"]).await;
    halves.low.tell(&["CLUSTER", "DELSLOTS", "16383"]).await;
    until(&halves.low, "cluster_state:fail").await;
    let why = nothing_done(put_at(&short, &[LOW_TAG.to_owned()], LOW_TAG).await);
    assert!(why.contains("CLUSTERDOWN"), "{why}");

    let waiting = {
        let link = Arc::clone(&link);
        tokio::spawn(async move { put_at(&link, &[LOW_TAG.to_owned()], LOW_TAG).await })
    };
    halves.low.until(&["INFO", "errorstats"], "CLUSTERDOWN").await;
    halves.low.tell(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]).await;
    assert_eq!(waiting.await.expect("no panic"), Ok(Value::Okay));
}

#[tokio::test]
async fn the_scheme_must_be_that_of_the_servers() {
    let halves = Halves::start().await;
    let error = Link::open(&halves.low.url(), config()).await.expect_err("a cluster").to_string();
    assert!(error.contains("a node of a cluster: the scheme is `redis+cluster`"), "{error}");

    let single = Server::start(&[]).await;
    let url: StoreUrl = format!("redis+cluster://127.0.0.1:{}", single.port).parse().expect("a URL");
    let error = Link::open(&url, config()).await.expect_err("no cluster").to_string();
    assert!(error.contains("ERR This instance has cluster support disabled"), "{error}");
}
