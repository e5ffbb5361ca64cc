//! Does a link keep its word against a real server?

mod cluster;
mod sentinel;
mod tally;
mod tls;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

static ECHO: Script = Script::new("echo", "#!lua\nreturn {KEYS[1], ARGV[1], #ARGV}");
static PUT: Script = Script::new("put", "#!lua\nreturn redis.call('SET', KEYS[1], ARGV[1])");
static FREE: Script = Script::new("free", "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1])");
static SPIN: Script = Script::new("spin", "#!lua\nredis.call('INCR', KEYS[1]) while true do end");
static COUNT: Script = Script::new("count", "#!lua\nreturn redis.call('INCR', KEYS[1])");
static FAIL: Script = Script::new("fail", "#!lua\nreturn redis.error_reply('TOKKA BROKEN it is `broken`')");
static SCRIPTS: [&Script; 4] = [&ECHO, &PUT, &FREE, &COUNT];

const NO_ARGS: [&[u8]; 0] = [];

/// One server of Redis on a port of its own. It ends with the test, also when that panics.
struct Server {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Server {
    async fn start(options: &[&str]) -> Server {
        Server::start_on(free_port(), options).await
    }

    async fn start_on(port: u16, options: &[&str]) -> Server {
        let directory = tempfile::tempdir().expect("a directory");
        let process = spawn(port, directory.path(), options);
        let mut server = Server { process, port, directory };
        server.ready().await;
        server
    }

    async fn restart(&mut self, options: &[&str]) {
        self.kill();
        self.process = spawn(self.port, self.directory.path(), options);
        self.ready().await;
    }

    /// Until it answers, with whatever.
    async fn ready(&mut self) {
        while self.raw(&["PING"]).await.is_err() {
            if let Some(status) = self.process.try_wait().expect("its status") {
                panic!("redis-server ended at once: {status}");
            }
            a_little().await;
        }
    }

    fn kill(&mut self) {
        self.process.kill().expect("kill -9");
        self.process.wait().expect("its end");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// One command on a connection of its own, without a link; an error answer is a value.
    async fn raw(&self, words: &[&str]) -> Result<Value, redis::RedisError> {
        let client = redis::Client::open(("127.0.0.1", self.port)).expect("a client");
        let config = redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        connection.send_packed_command(&command).await
    }

    /// A text, such as that of `INFO`.
    async fn text(&self, words: &[&str]) -> String {
        match self.raw(words).await.expect("an answer") {
            Value::BulkString(bytes) => String::from_utf8(bytes).expect("text"),
            Value::SimpleString(text) => text,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    /// Until a text has this in it. A server that changes its role cuts connections, so one that breaks is no end.
    async fn until(&self, words: &[&str], part: &str) {
        loop {
            match self.raw(words).await {
                Ok(Value::BulkString(bytes)) if String::from_utf8_lossy(&bytes).contains(part) => return,
                _ => a_little().await,
            }
        }
    }

    async fn tell(&self, words: &[&str]) {
        assert_eq!(self.raw(words).await.expect("an answer"), Value::Okay, "{words:?}");
    }

    fn url(&self) -> StoreUrl {
        self.url_with("")
    }

    fn url_with(&self, rest: &str) -> StoreUrl {
        format!("redis://127.0.0.1:{}{rest}", self.port).parse().expect("a URL")
    }

    async fn link(&self) -> Arc<Link> {
        Link::open(&self.url(), config()).await.expect("a link")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    free.local_addr().expect("an address").port()
}

fn spawn(port: u16, directory: &std::path::Path, options: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"])
        .arg(directory)
        .args(options)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is needed for these tests: on Debian, apt-get install redis-server")
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

#[tokio::test]
async fn a_script_gets_bytes_as_they_are() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    let bytes: Vec<u8> = (0..=255).collect();
    let (value, confirmed) = link.call(Lane::Read, 7, &ECHO, &[&bytes], &[&bytes, &bytes], None).await.expect("an answer");
    assert_eq!(value, Value::Array(vec![Value::BulkString(bytes.clone()), Value::BulkString(bytes), Value::Int(2)]));
    assert_eq!(confirmed, None);
    assert!(link.version() >= (6, 2, 0));
    let mut get = redis::cmd("GET");
    get.arg("absent");
    assert_eq!(link.command(Lane::Read, 7, &get).await, Ok(Value::Nil));
}

#[tokio::test]
async fn a_forgotten_script_is_loaded_and_runs_once() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    for expected in 1..4 {
        server.tell(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(put(&link, &COUNT).await, Ok(Value::Int(expected)));
        let exists = server.raw(&["SCRIPT", "EXISTS", &COUNT.form(true).sha1]).await.expect("an answer");
        assert_eq!(exists, Value::Array(vec![Value::Int(1)]));
    }
    // One that was never named to the link.
    assert_eq!(put(&link, &FAIL).await, Err(Fault::Script("TOKKA BROKEN it is `broken`".to_owned())));
    let wait = Some(Wait { replicas: 1, fsync: false, timeout: Duration::from_millis(1) });
    server.tell(&["SCRIPT", "FLUSH"]).await;
    let waited = link.call(Lane::Write, 0, &COUNT, &["k"], &NO_ARGS, wait).await;
    assert_eq!(waited, Ok((Value::Int(4), Some(0))));
}

#[tokio::test]
async fn a_script_that_is_killed_with_its_server_may_have_run() {
    let mut server = Server::start(&["--busy-reply-threshold", "1"]).await;
    let link = server.link().await;
    let spinning = {
        let link = Arc::clone(&link);
        tokio::spawn(async move { put(&link, &SPIN).await })
    };
    // It has begun once the server calls itself busy.
    while !matches!(server.raw(&["GET", "k"]).await, Ok(Value::ServerError(_))) {
        a_little().await;
    }
    let busy = nothing_done(link.command(Lane::Admin, 0, &redis::cmd("DBSIZE")).await);
    assert!(busy.contains("another script has run for too long: BUSY"), "{busy}");
    server.kill();
    let answer = spinning.await.expect("no panic");
    assert!(matches!(answer, Err(Fault::Unknown(_))), "{answer:?}");

    // Away: certainly nothing. Back, and empty of scripts: as if nothing had been.
    for _ in 0..3 {
        let away = nothing_done(put(&link, &PUT).await);
        assert!(away.starts_with(&format!("`127.0.0.1:{}`: ", server.port)), "{away}");
    }
    server.restart(&[]).await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
}

#[tokio::test]
async fn silence_is_unknown_and_the_next_call_takes_another_connection() {
    let server = Server::start(&[]).await;
    let short = LinkConfig { response_timeout: Duration::from_millis(50), ..config() };
    let link = Link::open(&server.url(), short).await.expect("a link");
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    server.signal("-STOP");
    let answer = put(&link, &PUT).await;
    server.signal("-CONT");
    assert_eq!(answer, Err(Fault::Unknown(format!("`127.0.0.1:{}`: no answer in time", server.port))));
    while put(&link, &PUT).await.is_err() {
        a_little().await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_a_new_connection_is_not_waited_for() {
    let server = Server::start(&[]).await;
    let short = LinkConfig { connect_timeout: Duration::from_millis(50), ..config() };
    let link = Link::open(&server.url(), short).await.expect("a link");
    server.signal("-STOP");
    // The lane has no connection yet; the kernel accepts one, and nobody answers.
    let why = nothing_done(put(&link, &PUT).await);
    server.signal("-CONT");
    assert_eq!(why, format!("`127.0.0.1:{}`: no connection within 50 ms", server.port));
}

#[tokio::test]
async fn a_replica_does_nothing_and_a_primary_again_does() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
    server.tell(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("READONLY"), "{why}");
    server.tell(&["REPLICAOF", "NO", "ONE"]).await;
    assert_eq!(put(&link, &PUT).await, Ok(Value::Okay));
}

#[tokio::test]
async fn full_memory_refuses_only_what_fills_it() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("the server's memory is full: OOM"), "{why}");
    assert_eq!(put(&link, &FREE).await, Ok(Value::Okay));
}

#[tokio::test]
async fn too_few_replicas_refuse_or_are_counted() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    server.tell(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    let why = nothing_done(put(&link, &PUT).await);
    assert!(why.contains("NOREPLICAS"), "{why}");

    let replica = Server::start(&["--replicaof", "127.0.0.1", &server.port.to_string()]).await;
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
    let replica_as_store = Link::open(&replica.url(), config()).await.expect_err("a replica").to_string();
    assert!(replica_as_store.contains("a replica: the store URL names the primary"), "{replica_as_store}");
}

#[tokio::test]
async fn passwords_are_checked_at_the_door_and_later() {
    let server = Server::start(&[]).await;
    let link = server.link().await;
    server.tell(&["CONFIG", "SET", "requirepass", "right"]).await;
    let url = |user: &str| format!("redis://{user}127.0.0.1:{}", server.port).parse().expect("a URL");
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

#[tokio::test]
async fn unfit_servers_are_refused_with_all_reasons() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let error = Link::open(&server.url_with("?min_replicas=1"), config()).await.expect_err("unfit").to_string();
    let (store, at) = (server.url_with(""), format!("`127.0.0.1:{}`", server.port));
    assert_eq!(
        error,
        format!(
            "store {store} cannot be used: {at}: maxmemory-policy is `allkeys-lru`, under which it forgets: set it to noeviction; \
             {at}: min-replicas-to-write is 0, with replicas: set it to 1 or more"
        )
    );
}

#[tokio::test]
async fn a_user_without_config_is_believed_only_on_request() {
    let server = Server::start(&[]).await;
    let rule = ["ACL", "SETUSER", "tokka", "on", ">pw", "~*", "+@all", "-config"];
    server.tell(&rule).await;
    let url = |options: &str| format!("redis://tokka:pw@127.0.0.1:{}{options}", server.port).parse().expect("a URL");
    Link::open(&url(""), config()).await.expect("one server needs no minimum");
    let error = Link::open(&url("?min_replicas=1"), config()).await.expect_err("unknown").to_string();
    assert!(error.contains("say so with `unchecked=config` in the store URL"), "{error}");
    Link::open(&url("?min_replicas=1&unchecked=config"), config()).await.expect("believed");
    // INFO counts replicas where a minimum is set.
    server.tell(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    Link::open(&url("?min_replicas=1"), config()).await.expect("seen in INFO");
}

#[tokio::test]
async fn nobody_there_is_told_with_the_address() {
    let mut server = Server::start(&[]).await;
    server.kill();
    let error = Link::open(&server.url(), config()).await.expect_err("nobody").to_string();
    let port = server.port;
    assert!(error.starts_with(&format!("store redis://127.0.0.1:{port} is not reached: `127.0.0.1:{port}`: ")), "{error}");
}
