//! Does a link follow a fail-over of Sentinel?

use tokka_rig::Sentinels;

use super::*;

/// The first Sentinel named is one that is not there.
fn url(group: &Sentinels, service: &str) -> StoreUrl {
    let sentinels: Vec<String> = group.sentinels().iter().map(Redis::address).collect();
    format!("redis+sentinel://127.0.0.1:1,{}/{service}", sentinels.join(",")).parse().expect("a URL")
}

fn service(group: &Sentinels) -> String {
    group.url().rsplit('/').next().expect("a service").to_owned()
}

async fn link_to_group(group: &Sentinels) -> Arc<Link> {
    Link::open(&url(group, &service(group)), config()).await.expect("a link")
}

/// As often as it takes; what fails meanwhile is no error of a script.
async fn put_at_last(link: &Link) {
    while let Err(fault) = put(link, &PUT).await {
        assert!(!matches!(fault, Fault::Script(_)), "{fault}");
        a_little().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_primary_is_followed_by_its_replica() {
    let group = Sentinels::start();
    let link = link_to_group(&group).await;
    let wait = Some(Wait { replicas: 2, fsync: false, timeout: Duration::from_secs(60) });
    let counted = link.call(Lane::Write, 0, &COUNT, &["n"], &NO_ARGS, wait).await;
    assert_eq!(counted, Ok((Value::Int(1), Some(2))));

    let old = group.kill_primary();
    let new = group.wait_for_new_primary(old);
    put_at_last(&link).await;
    assert_eq!(group.node(new).cli(&["MGET", "n", "k"]), "1\nv");

    // The old one comes back, is made a replica, and is not asked any more.
    group.revive(old);
    until(group.node(old), &["INFO", "replication"], "role:slave").await;
    let counted = link.call(Lane::Write, 0, &COUNT, &["n"], &NO_ARGS, None).await;
    assert_eq!(counted, Ok((Value::Int(2), None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_hangs_is_followed_by_its_replica() {
    let group = Sentinels::start();
    let short = LinkConfig { response_timeout: Duration::from_millis(200), ..config() };
    let link = Link::open(&url(&group, &service(&group)), short).await.expect("a link");
    put_at_last(&link).await;
    // Connections stay open, and nothing is answered: only silence tells.
    let old = group.pause_primary();
    let answer = put(&link, &PUT).await;
    assert!(matches!(answer, Err(Fault::Unknown(_))), "{answer:?}");
    let new = group.wait_for_new_primary(old);
    put_at_last(&link).await;
    assert_eq!(group.node(new).cli(&["GET", "k"]), "v");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_made_a_replica_is_left() {
    let group = Sentinels::start();
    let link = link_to_group(&group).await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    let old = group.primary();
    group.failover();
    until(group.node(old), &["INFO", "replication"], "role:slave").await;
    // Its connections were cut, or it answers READONLY; neither is a reason to give up.
    put_at_last(&link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_is_not_believed_about_a_replica() {
    let group = Sentinels::start();
    let link = link_to_group(&group).await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    let primary = group.node(group.primary());
    tell(primary, &["REPLICAOF", "127.0.0.1", "1"]);
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains(&format!(" names `{}`, whose role is `slave`", primary.address())), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_no_sentinel_knows_is_told() {
    let group = Sentinels::start();
    let error = Link::open(&url(&group, "elsewhere"), config()).await.expect_err("no such service").to_string();
    assert!(error.contains("`127.0.0.1:1`: Connection refused"), "{error}");
    for sentinel in group.sentinels() {
        let expected = format!("Sentinel `{}` knows no primary of `elsewhere`", sentinel.address());
        assert!(error.contains(&expected), "{error}");
    }
}
