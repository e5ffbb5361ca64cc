//! Does a link find its way in a cluster whose slots move?

use super::*;

/// Two primaries, each with half of the slots, in touch with each other.
struct Halves {
    low: Redis,
    high: Redis,
}

const HIGH_TAG: &str = "{a}";
const LOW_TAG: &str = "{bar}";

impl Halves {
    async fn start() -> Halves {
        let halves = Halves { low: node(), high: node() };
        tell(&halves.low, &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
        tell(&halves.high, &["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
        // Two nodes with the same epoch would settle it between them some time later, while a test runs.
        tell(&halves.low, &["CLUSTER", "SET-CONFIG-EPOCH", "1"]);
        tell(&halves.high, &["CLUSTER", "SET-CONFIG-EPOCH", "2"]);
        meet(&halves.low, &halves.high);
        for server in [&halves.low, &halves.high] {
            until(server, &["CLUSTER", "INFO"], "cluster_state:ok").await;
            until(server, &["CLUSTER", "INFO"], "cluster_slots_ok:16384").await;
        }
        halves
    }

    async fn link(&self) -> Arc<Link> {
        self.link_with(config()).await
    }

    /// A primary alone is refused; here, one that may write without replicas is wanted.
    async fn link_with(&self, config: LinkConfig) -> Arc<Link> {
        let url = format!("redis+cluster://127.0.0.1:1,127.0.0.1:{}", self.low.port()).parse().expect("a URL");
        let link = Link::open(&url, config).await.expect("a link");
        for server in [&self.low, &self.high] {
            tell(server, &["CONFIG", "SET", "min-replicas-to-write", "0"]);
        }
        link
    }
}

fn node() -> Redis {
    start(&[
        ("cluster-enabled", "yes"),
        ("cluster-node-timeout", "60000"),
        ("cluster-require-full-coverage", "no"),
        ("min-replicas-to-write", "1"),
    ])
}

fn meet(one: &Redis, other: &Redis) {
    tell(one, &["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
}

fn id(server: &Redis) -> String {
    server.cli(&["CLUSTER", "MYID"])
}

fn slot(tag: &str) -> u16 {
    slot_of_tag(tag.trim_matches(['{', '}']).as_bytes())
}

async fn put_at(link: &Link, keys: &[String], tag: &str) -> Result<Value, Fault> {
    link.call(Lane::Write, slot(tag), &PUT, keys, &["v"], None).await.map(|(value, _)| value)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slot_has_its_server() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    for (tag, home) in [(LOW_TAG, &halves.low), (HIGH_TAG, &halves.high)] {
        assert_eq!(put_at(&link, &[tag.to_owned()], tag).await, Ok(Value::Okay), "{tag}");
        assert_eq!(home.cli(&["GET", tag]), "v");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_is_refused_and_one_that_has_moved_is_followed() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    let (tag, number) = (HIGH_TAG, slot(HIGH_TAG).to_string());
    let (here, away) = (format!("{tag}1"), format!("{tag}2"));
    assert_eq!(put_at(&link, std::slice::from_ref(&here), tag).await, Ok(Value::Okay));

    let (low, high) = (id(&halves.low), id(&halves.high));
    tell(&halves.low, &["CLUSTER", "SETSLOT", &number, "IMPORTING", &high]);
    tell(&halves.high, &["CLUSTER", "SETSLOT", &number, "MIGRATING", &low]);
    for (keys, answer) in [(vec![away.clone()], "ASK"), (vec![here.clone(), away.clone()], "TRYAGAIN")] {
        let why = nothing_done(put_at(&link, &keys, tag).await);
        assert!(why.contains(&format!("the slot is being moved to another node: {answer}")), "{why}");
    }
    // A shard that is still whole goes on.
    assert_eq!(put_at(&link, std::slice::from_ref(&here), tag).await, Ok(Value::Okay));

    tell(&halves.high, &["MIGRATE", "127.0.0.1", &halves.low.port().to_string(), &here, "0", "60000"]);
    tell(&halves.low, &["CLUSTER", "SETSLOT", &number, "NODE", &low]);
    tell(&halves.high, &["CLUSTER", "SETSLOT", &number, "NODE", &low]);
    assert_eq!(put_at(&link, &[away.clone(), here], tag).await, Ok(Value::Okay));
    assert_eq!(halves.low.cli(&["GET", &away]), "v");
    // The map was learnt: what is asked now meets no MOVED.
    tell(&halves.high, &["CONFIG", "RESETSTAT"]);
    assert_eq!(put_at(&link, &[away], tag).await, Ok(Value::Okay));
    assert!(!halves.high.cli(&["INFO", "errorstats"]).contains("MOVED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_stops_nobody_else() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    // The one that the URL names.
    halves.low.kill9();
    let why = nothing_done(put_at(&link, &[LOW_TAG.to_owned()], LOW_TAG).await);
    assert!(why.contains(&format!("`127.0.0.1:{}`: Connection refused", halves.low.port())), "{why}");
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_took_over_is_found() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    assert_eq!(put_at(&link, &[HIGH_TAG.to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    let heir = node();
    meet(&heir, &halves.low);
    let high = id(&halves.high);
    while heir.try_cli(&["CLUSTER", "REPLICATE", &high]).is_err() {
        a_little().await;
    }
    until(&heir, &["INFO", "replication"], "master_link_status:up").await;
    tell(&heir, &["CONFIG", "SET", "min-replicas-to-write", "0"]);
    tell(&heir, &["CLUSTER", "FAILOVER", "TAKEOVER"]);
    until(&halves.high, &["INFO", "replication"], "role:slave").await;
    assert_eq!(put_at(&link, &["{a}9".to_owned()], HIGH_TAG).await, Ok(Value::Okay));
    assert_eq!(heir.cli(&["GET", "{a}9"]), "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_down_for_a_moment_is_waited_for() {
    let halves = Halves::start().await;
    let link = halves.link().await;
    let short = halves.link_with(LinkConfig { reach_timeout: Duration::from_millis(50), ..config() });
    tell(&halves.low, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    tell(&halves.high, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let short = short.await;

    tell(&halves.low, &["CONFIG", "SET", "cluster-require-full-coverage", "yes"]);
    tell(&halves.low, &["CLUSTER", "DELSLOTS", "16383"]);
    until(&halves.low, &["CLUSTER", "INFO"], "cluster_state:fail").await;
    let why = nothing_done(put_at(&short, &[LOW_TAG.to_owned()], LOW_TAG).await);
    assert!(why.contains("CLUSTERDOWN"), "{why}");

    let waiting = {
        let link = Arc::clone(&link);
        tokio::spawn(async move { put_at(&link, &[LOW_TAG.to_owned()], LOW_TAG).await })
    };
    until(&halves.low, &["INFO", "errorstats"], "CLUSTERDOWN").await;
    tell(&halves.low, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    assert_eq!(waiting.await.expect("no panic"), Ok(Value::Okay));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_must_be_that_of_the_servers() {
    let halves = Halves::start().await;
    let error = Link::open(&url_of(&halves.low, ""), config()).await.expect_err("a cluster").to_string();
    assert!(error.contains("a node of a cluster: the scheme is `redis+cluster`"), "{error}");

    let single = start(&[]);
    let url: StoreUrl = format!("redis+cluster://127.0.0.1:{}", single.port()).parse().expect("a URL");
    let error = Link::open(&url, config()).await.expect_err("no cluster").to_string();
    assert!(error.contains("ERR This instance has cluster support disabled"), "{error}");
}
