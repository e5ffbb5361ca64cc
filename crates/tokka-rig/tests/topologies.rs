//! Does the rig do to real servers what it says? Each topology starts, loses its primary, and goes on.

use std::path::Path;
use std::time::Duration;

use tokka_rig::{Cluster, Connection, Fsync, Options, Program, Proxy, Redis, Sentinels, Tls, Traffic, User, available};

/// Long enough for any answer that comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a test listens to be sure that nothing comes. A machine that is slow makes such a test weaker, never red.
const SILENCE: Duration = Duration::from_millis(200);

fn lives(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_server_that_keeps_nothing_comes_back_empty_on_its_port() {
    let redis = Redis::start();
    let (port, pid) = (redis.port(), redis.pid().unwrap());
    redis.cli(&["SET", "a", "1"]);
    redis.kill9();
    assert!(redis.try_cli(&["PING"]).is_err() && redis.pid().is_none() && !lives(pid));
    redis.restart();
    assert_eq!((redis.port(), redis.cli(&["GET", "a"]).as_str()), (port, ""));
}

#[test]
fn a_durable_server_keeps_what_it_acknowledged_until_its_disk_is_lost() {
    let redis = Redis::with(Options { durable: Some(Fsync::Always), ..Options::default() });
    redis.cli(&["SET", "a", "1"]);
    redis.kill9();
    redis.restart();
    assert_eq!(redis.cli(&["GET", "a"]), "1");
    redis.stop();
    redis.restart();
    assert_eq!(redis.cli(&["GET", "a"]), "1");
    redis.restart_empty();
    assert_eq!(redis.cli(&["GET", "a"]), "");
}

#[test]
fn a_paused_server_answers_nothing_until_it_goes_on() {
    let redis = Redis::start();
    let mut asked = Connection::open(redis.port(), SILENCE).unwrap();
    assert!(asked.ask(&["PING"]).is_ok());
    redis.pause();
    assert!(asked.ask(&["PING"]).is_err() && !redis.is_up());
    redis.resume();
    assert_eq!(redis.cli(&["PING"]), "PONG");
    redis.pause();
    redis.restart();
    assert_eq!(redis.cli(&["PING"]), "PONG");
}

#[test]
fn passwords_rights_and_bounds_are_as_the_options_say() {
    let user = User { name: "tokka".to_owned(), password: "pass".to_owned(), rules: "~tokka:* +@read +@write".to_owned() };
    let redis = Redis::with(Options {
        password: Some("secret".to_owned()),
        user: Some(user),
        memory_bytes_max: Some(8_000_000),
        ..Options::default().and("maxmemory-policy", "allkeys-lru")
    });
    assert_eq!(redis.url(), format!("redis://tokka:pass@127.0.0.1:{}/", redis.port()));
    assert_eq!(redis.cli(&["CONFIG", "GET", "maxmemory*"]).lines().filter(|line| *line == "8000000").count(), 1);
    assert_eq!(redis.info("maxmemory_policy").unwrap(), "allkeys-lru");
    let mut stranger = Connection::open(redis.port(), PATIENCE).unwrap();
    assert!(stranger.ask(&["GET", "tokka:a"]).unwrap().text().unwrap_err().starts_with("NOAUTH"));
    assert_eq!(stranger.ask(&["AUTH", "tokka", "pass"]).unwrap().text().unwrap(), "OK");
    assert_eq!(stranger.ask(&["SET", "tokka:a", "1"]).unwrap().text().unwrap(), "OK");
    assert!(stranger.ask(&["SET", "other", "1"]).unwrap().text().unwrap_err().starts_with("NOPERM"));
}

#[test]
fn a_server_with_tls_has_two_ports_and_certificates() {
    let redis = Redis::with(Options { tls: Some(Tls::Mutual), ..Options::default() });
    let (port, files) = redis.tls().unwrap();
    assert_eq!(redis.url(), format!("rediss://127.0.0.1:{port}/"));
    for file in [&files.authority, &files.client_certificate, &files.client_key] {
        assert!(std::fs::read_to_string(file).unwrap().starts_with("-----BEGIN "));
    }
    // Somebody who does not speak TLS is not served there.
    assert!(Connection::open(port, PATIENCE).unwrap().ask(&["PING"]).is_err());
    // The server's own client believes the certificates.
    let output = std::process::Command::new("redis-cli")
        .args(["-p", &port.to_string(), "--tls", "--cacert"])
        .arg(&files.authority)
        .arg("--cert")
        .arg(&files.client_certificate)
        .arg("--key")
        .arg(&files.client_key)
        .arg("PING")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "PONG\n", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn processes_end_with_a_test_that_panics() {
    let pid = std::thread::spawn(|| {
        let redis = Redis::start();
        let pid = redis.pid().unwrap();
        std::panic::panic_any(pid);
    });
    let pid = *pid.join().unwrap_err().downcast::<u32>().unwrap();
    assert!(!lives(pid));
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let redis = std::thread::spawn(Redis::start).join().unwrap();
    assert_eq!(redis.cli(&["PING"]), "PONG");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let error = std::panic::catch_unwind(|| Redis::with(Options::default().and("no-such-option", "1"))).unwrap_err();
    let message = error.downcast::<String>().unwrap();
    assert!(message.contains("has ended at once") && message.contains("no-such-option"), "{message}");
}

#[test]
fn valkey_starts_where_it_is_installed() {
    if available(Program::Valkey) {
        let valkey = Redis::with(Options { program: Program::Valkey, ..Options::default() });
        assert_eq!(valkey.cli(&["PING"]), "PONG");
        assert_eq!(valkey.info("server_name").unwrap(), "valkey");
    } else {
        let started = std::panic::catch_unwind(|| Redis::with(Options { program: Program::Valkey, ..Options::default() }));
        assert!(started.is_err(), "what is not available cannot start");
    }
}

#[test]
fn another_node_takes_over_when_the_primary_is_killed() {
    let group = Sentinels::start();
    assert_eq!(group.primary(), 0);
    assert_eq!(group.url().matches(':').count(), 4);
    group.node(0).cli(&["SET", "a", "1"]);
    assert_eq!(group.node(0).cli(&["WAIT", "2", "0"]), "2");
    let old = group.kill_primary();
    let new = group.wait_for_new_primary(old);
    assert_ne!(new, old);
    assert_eq!(group.node(new).cli(&["GET", "a"]), "1");
    group.node(new).cli(&["SET", "a", "2"]);
    group.revive(old);
    assert_eq!(group.node(old).info("role").unwrap(), "slave");
    let planned = group.failover();
    assert_ne!(planned, new);
    assert_eq!(group.node(planned).cli(&["GET", "a"]), "2");
}

#[test]
fn a_primary_that_hung_wakes_up_and_follows() {
    let group = Sentinels::start();
    let old = group.pause_primary();
    let new = group.wait_for_new_primary(old);
    group.revive(old);
    assert_eq!((group.primary(), group.node(old).info("role").unwrap().as_str()), (new, "slave"));
}

#[test]
fn a_primary_without_replicas_refuses_writes() {
    let group = Sentinels::start();
    group.node(1).kill9();
    group.node(0).cli(&["SET", "a", "1"]);
    group.node(2).kill9();
    // It learns of a broken connection when it comes to look.
    let mut answers = std::iter::repeat_with(|| group.node(0).try_cli(&["SET", "a", "2"]));
    let refused = answers.find_map(Result::err).unwrap();
    assert!(refused.starts_with("NOREPLICAS"), "{refused}");
}

#[test]
fn a_replica_takes_over_when_a_primary_of_a_cluster_is_killed() {
    let cluster = Cluster::start();
    assert_eq!([0, 8000, 16383].map(|slot| cluster.primary_of(slot)), [0, 1, 2]);
    let key = "tokka:{1}:a";
    let slot = cluster.slot_of(key);
    let old = cluster.primary_of(slot);
    cluster.node(old).cli(&["SET", key, "1"]);
    assert_eq!(cluster.node(old).cli(&["WAIT", "1", "0"]), "1");
    cluster.kill(old);
    let new = cluster.wait_for_new_primary(slot, old);
    assert_eq!((new, cluster.node(new).cli(&["GET", key]).as_str()), (old + 3, "1"));
    cluster.revive(old);
    assert_eq!(cluster.failover(slot), old);
    assert_eq!(cluster.node(old).cli(&["GET", key]), "1");
}

#[test]
fn a_slot_moves_in_steps() {
    let cluster = Cluster::start();
    let keys: Vec<String> = (0..10).map(|number| format!("{{a}}:{number}")).collect();
    let slot = cluster.slot_of("{a}");
    let from = cluster.primary_of(slot);
    let to = (from + 1) % 3;
    for key in &keys {
        cluster.node(from).cli(&["SET", key, key]);
    }
    let migration = cluster.begin_migration(slot, to);
    assert_eq!((migration.from(), migration.to(), migration.move_keys(4)), (from, to, 4));
    let here = |key: &&String| cluster.node(from).try_cli(&["GET", key.as_str()]).is_ok();
    assert_eq!(keys.iter().filter(here).count(), 6);
    let moved = keys.iter().find(|key| !here(key)).unwrap();
    assert!(cluster.node(from).try_cli(&["GET", moved]).unwrap_err().starts_with("ASK "));
    migration.finish();
    assert_eq!(cluster.primary_of(slot), to);
    assert!(keys.iter().all(|key| cluster.node(to).cli(&["GET", key]) == *key));
    assert!(cluster.node(from).try_cli(&["GET", moved]).unwrap_err().starts_with("MOVED "));
    cluster.migrate(slot, from);
    assert!(keys.iter().all(|key| cluster.node(from).cli(&["GET", key]) == *key));
    cluster.begin_migration(slot, to).abandon();
    assert_eq!((cluster.primary_of(slot), cluster.node(from).cli(&["GET", moved])), (from, moved.clone()));
}

#[test]
fn a_proxy_passes_holds_cuts_and_refuses() {
    let redis = Redis::start();
    let proxy = Proxy::start(redis.port());
    let open = |patience| Connection::open(proxy.port(), patience).unwrap();
    let mut client = open(PATIENCE);
    let text = |client: &mut Connection, words: &[&str]| client.ask(words).map(|answer| answer.text().unwrap());
    assert_eq!(text(&mut client, &["SET", "a", "1"]).unwrap(), "OK");

    proxy.set(Traffic::Delay(Duration::from_millis(20)));
    let begun = std::time::Instant::now();
    assert_eq!(text(&mut client, &["GET", "a"]).unwrap(), "1");
    assert!(begun.elapsed() >= Duration::from_millis(40), "both directions are delayed");

    // The request arrives, the answer does not; then the proxy passes again.
    proxy.set(Traffic::CutAfter(2));
    assert!(text(&mut client, &["INCR", "a"]).is_err());
    assert_eq!((redis.cli(&["GET", "a"]).as_str(), text(&mut open(PATIENCE), &["GET", "a"]).unwrap().as_str()), ("2", "2"));

    // Nothing arrives; what is cut is lost.
    proxy.set(Traffic::Hold);
    assert!(text(&mut open(SILENCE), &["INCR", "a"]).is_err());
    assert!(proxy.sever() > 0);
    proxy.set(Traffic::Pass);
    assert_eq!(text(&mut open(PATIENCE), &["GET", "a"]).unwrap(), "2");

    // It arrives, and nobody hears of it until the network comes back.
    proxy.set(Traffic::HoldAnswers);
    let mut silent = open(SILENCE);
    assert!(text(&mut silent, &["INCR", "a"]).is_err());
    assert_eq!(redis.cli(&["GET", "a"]), "3");

    proxy.set(Traffic::Refuse);
    assert!(Connection::open(proxy.port(), PATIENCE).is_err());
    proxy.set(Traffic::Pass);
    assert_eq!(text(&mut open(PATIENCE), &["GET", "a"]).unwrap(), "3");
}
