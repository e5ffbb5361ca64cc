//! Does a link follow a fail-over of Sentinel?

use super::*;

/// A primary, a replica of it, and one Sentinel that watches them as `shop`.
struct Watched {
    primary: Server,
    replica: Server,
    sentinel: Server,
}

impl Watched {
    async fn start() -> Watched {
        let primary = Server::start(&["--min-replicas-to-write", "1"]).await;
        let port = primary.port.to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await;
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("sentinel.conf");
        let lines = format!(
            "bind 127.0.0.1\nsentinel monitor shop 127.0.0.1 {port} 1\nsentinel down-after-milliseconds shop 100\n\
             sentinel failover-timeout shop 1000\n"
        );
        std::fs::write(&file, lines).expect("its configuration");
        let sentinel_port = free_port();
        let process = Command::new("redis-server")
            .arg(&file)
            .args(["--sentinel", "--port", &sentinel_port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed for these tests: on Debian, apt-get install redis-server");
        let mut sentinel = Server { process, port: sentinel_port, directory };
        sentinel.ready().await;
        let watched = Watched { primary, replica, sentinel };
        watched.until_seen().await;
        watched
    }

    /// Until the replica is in touch and the Sentinel knows it: before that there is nobody to take over.
    async fn until_seen(&self) {
        self.replica.until(&["INFO", "replication"], "master_link_status:up").await;
        self.primary.until(&["INFO", "replication"], "min_slaves_good_slaves:1").await;
        self.sentinel.until(&["INFO", "sentinel"], "slaves=1").await;
    }

    /// The first Sentinel named is one that is not there.
    fn url(&self, service: &str) -> StoreUrl {
        format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/{service}", self.sentinel.port).parse().expect("a URL")
    }
}

#[tokio::test]
async fn a_dead_primary_is_followed_by_its_replica() {
    let mut watched = Watched::start().await;
    let link = Link::open(&watched.url("shop"), config()).await.expect("a link");
    let wait = Some(Wait { replicas: 1, fsync: false, timeout: Duration::from_secs(60) });
    let counted = link.call(Lane::Write, 0, &COUNT, &["n"], &NO_ARGS, wait).await;
    assert_eq!(counted, Ok((Value::Int(1), Some(1))));

    watched.primary.kill();
    let value = loop {
        match link.call(Lane::Write, 0, &COUNT, &["n"], &NO_ARGS, None).await {
            Ok((value, _)) => break value,
            Err(Fault::NothingDone(_) | Fault::Unknown(_)) => a_little().await,
            Err(other) => panic!("{other}"),
        }
    };
    // Every call before this one either found nobody or was on its way to one who was dead: none of them counted.
    assert_eq!(value, Value::Int(2));
    assert!(watched.replica.text(&["INFO", "replication"]).await.contains("role:master"));

    // The old one comes back, is made a replica, and is not asked any more.
    watched.primary.restart(&[]).await;
    watched.primary.until(&["INFO", "replication"], "role:slave").await;
    let counted = link.call(Lane::Read, 0, &COUNT, &["n"], &NO_ARGS, None).await;
    assert_eq!(counted, Ok((Value::Int(3), None)));
}

#[tokio::test]
async fn a_primary_that_was_made_a_replica_is_left() {
    let watched = Watched::start().await;
    let link = Link::open(&watched.url("shop"), config()).await.expect("a link");
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    watched.sentinel.tell(&["SENTINEL", "FAILOVER", "shop"]).await;
    // Until the Sentinel is done, the old primary answers, or nobody.
    watched.replica.until(&["INFO", "replication"], "role:master").await;
    watched.primary.until(&["INFO", "replication"], "role:slave").await;
    // Its connections were cut, or it answers READONLY; neither is a reason to give up.
    while let Err(fault) = put(&link, &PUT).await {
        assert!(!matches!(fault, Fault::Script(_)), "{fault}");
        a_little().await;
    }
}

#[tokio::test]
async fn a_sentinel_is_not_believed_about_a_replica() {
    let watched = Watched::start().await;
    let link = Link::open(&watched.url("shop"), config()).await.expect("a link");
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    watched.primary.tell(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let why = nothing_done(put(&link, &PUT).await);
    let (sentinel, primary) = (watched.sentinel.port, watched.primary.port);
    let expected = format!("Sentinel `127.0.0.1:{sentinel}` names `127.0.0.1:{primary}`, whose role is `slave`");
    assert!(why.contains(&expected), "{why}");
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_told() {
    let watched = Watched::start().await;
    let error = Link::open(&watched.url("mymaster"), config()).await.expect_err("no such service").to_string();
    assert!(error.contains("`127.0.0.1:1`: Connection refused"), "{error}");
    let expected = format!("Sentinel `127.0.0.1:{}` knows no primary of `mymaster`", watched.sentinel.port);
    assert!(error.contains(&expected), "{error}");
}
