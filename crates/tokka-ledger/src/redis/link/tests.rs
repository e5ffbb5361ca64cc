//! Does a link keep its word against a real server?

mod cluster;
mod sentinel;
mod tally;
mod tls;

use std::time::Duration;

use tokka_rig::{Answer, Options, Redis};

use super::*;

static ECHO: Script = Script::new("echo", "#!lua\nreturn {KEYS[1], ARGV[1], #ARGV}");
static PUT: Script = Script::new("put", "#!lua\nreturn redis.call('SET', KEYS[1], ARGV[1])");
static FREE: Script = Script::new("free", "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1])");
static SPIN: Script = Script::new("spin", "#!lua\nredis.call('INCR', KEYS[1]) while true do end");
static COUNT: Script = Script::new("count", "#!lua\nreturn redis.call('INCR', KEYS[1])");
static FAIL: Script = Script::new("fail", "#!lua\nreturn redis.error_reply('TOKKA BROKEN it is `broken`')");
static SCRIPTS: [&Script; 4] = [&ECHO, &PUT, &FREE, &COUNT];

const NO_ARGS: [&[u8]; 0] = [];

fn start(lines: &[(&str, &str)]) -> Redis {
    Redis::with(lines.iter().fold(Options::default(), |options, (name, value)| options.and(name, value)))
}

/// Until a text has this in it. A server that changes its role cuts connections, so one that breaks is no end.
async fn until(redis: &Redis, words: &[&str], part: &str) {
    while !redis.try_cli(words).is_ok_and(|text| text.contains(part)) {
        a_little().await;
    }
}

fn tell(redis: &Redis, words: &[&str]) {
    assert_eq!(redis.cli(words), "OK", "{words:?}");
}

fn url_of(redis: &Redis, rest: &str) -> StoreUrl {
    format!("redis://{}{rest}", redis.address()).parse().expect("a URL")
}

async fn link_to(redis: &Redis) -> Arc<Link> {
    Link::open(&url_of(redis, ""), config()).await.expect("a link")
}

/// Between two looks at something that happens by itself.
async fn a_little() {
    sleep(Duration::from_millis(5)).await;
}

/// Long enough that only a test of silence meets the end of it.
fn config() -> LinkConfig {
    let long = Duration::from_secs(60);
    LinkConfig { connect_timeout: long, response_timeout: long, reach_timeout: long, scripts: &SCRIPTS }
}

async fn put(link: &Link, script: &'static Script) -> Result<Value, Fault> {
    link.call(Lane::Write, 0, script, &["k"], &["v"], None).await.map(|(value, _)| value)
}

fn nothing_done(answer: Result<Value, Fault>) -> String {
    match answer {
        Err(Fault::NothingDone(why)) => why,
        other => panic!("not NothingDone: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_gets_bytes_as_they_are() {
    let server = start(&[]);
    let link = link_to(&server).await;
    let bytes: Vec<u8> = (0..=255).collect();
    let (value, confirmed) = link.call(Lane::Read, 7, &ECHO, &[&bytes], &[&bytes, &bytes], None).await.expect("an answer");
    assert_eq!(value, Value::Array(vec![Value::BulkString(bytes.clone()), Value::BulkString(bytes), Value::Int(2)]));
    assert_eq!(confirmed, None);
    assert!(link.version() >= (6, 2, 0));
    let mut get = redis::cmd("GET");
    get.arg("absent");
    assert_eq!(link.command(Lane::Read, 7, &get).await, Ok(Value::Nil));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_script_is_loaded_and_runs_once() {
    let server = start(&[]);
    let link = link_to(&server).await;
    for expected in 1..4 {
        tell(&server, &["SCRIPT", "FLUSH"]);
        assert_eq!(put(&link, &COUNT).await, Ok(Value::Int(expected)));
        assert_eq!(server.cli(&["SCRIPT", "EXISTS", &COUNT.form(true).sha1]), "1");
    }
    // One that was never named to the link.
    assert_eq!(put(&link, &FAIL).await, Err(Fault::Script("TOKKA BROKEN it is `broken`".to_owned())));
    let wait = Some(Wait { replicas: 1, fsync: false, timeout: Duration::from_millis(1) });
    tell(&server, &["SCRIPT", "FLUSH"]);
    let waited = link.call(Lane::Write, 0, &COUNT, &["k"], &NO_ARGS, wait).await;
    assert_eq!(waited, Ok((Value::Int(4), Some(0))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_killed_with_its_server_may_have_run() {
    let server = start(&[("busy-reply-threshold", "1")]);
    let link = link_to(&server).await;
    let spinning = {
        let link = Arc::clone(&link);
        tokio::spawn(async move { put(&link, &SPIN).await })
    };
    // It has begun once the server calls itself busy.
    while !matches!(server.ask(&["GET", "k"]), Ok(Answer::Error(_))) {
        a_little().await;
    }
    let busy = nothing_done(link.command(Lane::Admin, 0, &redis::cmd("DBSIZE")).await);
    assert!(busy.contains("another script has run for too long: BUSY"), "{busy}");
    server.kill9();
    let answer = spinning.await.expect("no panic");
    assert!(matches!(answer, Err(Fault::Unknown(_))), "{answer:?}");

    // Away: certainly nothing. Back, and empty of scripts: as if nothing had been.
    for _ in 0..3 {
        let away = nothing_done(put(&link, &PUT).await);
        assert!(away.starts_with(&format!("`127.0.0.1:{}`: ", server.port())), "{away}");
    }
    server.restart();
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_unknown_and_the_next_call_takes_another_connection() {
    let server = start(&[]);
    let short = LinkConfig { response_timeout: Duration::from_millis(50), ..config() };
    let link = Link::open(&url_of(&server, ""), short).await.expect("a link");
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    server.pause();
    let answer = put(&link, &PUT).await;
    server.resume();
    assert_eq!(answer, Err(Fault::Unknown(format!("`127.0.0.1:{}`: no answer in time", server.port()))));
    while put(&link, &PUT).await.is_err() {
        a_little().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_a_new_connection_is_not_waited_for() {
    let server = start(&[]);
    let short = LinkConfig { connect_timeout: Duration::from_millis(50), ..config() };
    let link = Link::open(&url_of(&server, ""), short).await.expect("a link");
    server.pause();
    // The lane has no connection yet; the kernel accepts one, and nobody answers.
    let why = nothing_done(put(&link, &PUT).await);
    server.resume();
    assert_eq!(why, format!("`127.0.0.1:{}`: no connection within 50 ms", server.port()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_does_nothing_and_a_primary_again_does() {
    let server = start(&[]);
    let link = link_to(&server).await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    tell(&server, &["REPLICAOF", "127.0.0.1", "1"]);
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("READONLY"), "{why}");
    tell(&server, &["REPLICAOF", "NO", "ONE"]);
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
}

#[tokio::test(flavor = "multi_thread")]
async fn full_memory_refuses_only_what_fills_it() {
    let server = start(&[]);
    let link = link_to(&server).await;
    tell(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("the server's memory is full: OOM"), "{why}");
    assert_eq!(put(&link, &FREE).await, Ok(Value::Okay));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_replicas_refuse_or_are_counted() {
    let server = start(&[]);
    let link = link_to(&server).await;
    tell(&server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("NOREPLICAS"), "{why}");

    let replica = start(&[("replicaof", &format!("127.0.0.1 {}", server.port()))]);
    while put(&link, &PUT).await.is_err() {
        a_little().await;
    }
    let long = Duration::from_secs(60);
    let waited =
        |replicas, timeout| link.call(Lane::Write, 0, &COUNT, &["n"], &NO_ARGS, Some(Wait { replicas, fsync: false, timeout }));
    assert_eq!(waited(1, long).await, Ok((Value::Int(1), Some(1))));
    assert_eq!(waited(2, Duration::from_millis(1)).await.map(|(value, _)| value), Ok(Value::Int(2)));
    // A lane that waits delays no other.
    let slow = waited(2, long);
    let ping = redis::cmd("PING");
    let quick = link.command(Lane::Read, 0, &ping);
    tokio::select! {
        biased;
        slow = slow => panic!("two replicas confirmed, and there is one: {slow:?}"),
        quick = quick => assert_eq!(quick, Ok(Value::SimpleString("PONG".to_owned()))),
    }
    let replica_as_store = Link::open(&url_of(&replica, ""), config()).await.expect_err("a replica").to_string();
    assert!(replica_as_store.contains("a replica: the store URL names the primary"), "{replica_as_store}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_checked_at_the_door_and_later() {
    let server = start(&[]);
    let link = link_to(&server).await;
    tell(&server, &["CONFIG", "SET", "requirepass", "right"]);
    let url = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port()).parse().expect("a URL");
    for (user, why) in [("", "NOAUTH"), (":wrong@", "WRONGPASS"), ("nobody:wrong@", "WRONGPASS")] {
        let error = Link::open(&url(user), config()).await.expect_err("no entry");
        assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
        let error = error.to_string();
        assert!(error.contains("user or password of the store URL are not accepted"), "{error}");
        assert!(error.contains(why) && !error.contains("wrong"), "{error}");
    }
    let right = Link::open(&url(":right@"), config()).await.expect("a link");
    assert_eq!(put(&right, &PUT).await, Ok(Value::Okay));
    // The first link has no password, and no open connection on this lane.
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("NOAUTH"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unfit_servers_are_refused_with_all_reasons() {
    let server = start(&[("maxmemory-policy", "allkeys-lru")]);
    let error = Link::open(&url_of(&server, "?min_replicas=1"), config()).await.expect_err("unfit").to_string();
    let (store, at) = (url_of(&server, ""), format!("`127.0.0.1:{}`", server.port()));
    assert_eq!(
        error,
        format!(
            "store {store} cannot be used: {at}: maxmemory-policy is `allkeys-lru`, under which it forgets: set it to noeviction; \
             {at}: min-replicas-to-write is 0, with replicas: set it to 1 or more"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_config_is_believed_only_on_request() {
    let server = start(&[]);
    let rule = ["ACL", "SETUSER", "tokka", "on", ">pw", "~*", "+@all", "-config"];
    tell(&server, &rule);
    let url = |options: &str| format!("redis://tokka:pw@127.0.0.1:{}{options}", server.port()).parse().expect("a URL");
    Link::open(&url(""), config()).await.expect("one server needs no minimum");
    let error = Link::open(&url("?min_replicas=1"), config()).await.expect_err("unknown").to_string();
    assert!(error.contains("say so with `unchecked=config` in the store URL"), "{error}");
    Link::open(&url("?min_replicas=1&unchecked=config"), config()).await.expect("believed");
    // INFO counts replicas where a minimum is set.
    tell(&server, &["CONFIG", "SET", "min-replicas-to-write", "1"]);
    Link::open(&url("?min_replicas=1"), config()).await.expect("seen in INFO");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_with_the_address() {
    let server = start(&[]);
    server.kill9();
    let error = Link::open(&url_of(&server, ""), config()).await.expect_err("nobody").to_string();
    let port = server.port();
    assert!(error.starts_with(&format!("store redis://127.0.0.1:{port} is not reached: `127.0.0.1:{port}`: ")), "{error}");
}
