//! Does a store on Redis take one flag of an operator, after it was made once?

use serde_json::Value;
use tokka_rig::{Options, Redis, User};

use crate::process::{Folder, command, tokka};
use crate::running::{Server, files};

/// Makes the store, and answers its id.
fn made(redis: &Redis, more: &[&str]) -> String {
    let made = tokka(&[&["store", "init", "--store", &redis.url()], more].concat()).ended(0).stdout;
    let id = made.strip_prefix("store ").and_then(|rest| rest.split_once(',')).map(|(id, _)| id.to_owned());
    id.filter(|id| id.len() == 32).unwrap_or_else(|| panic!("{made}"))
}

fn serve(folder: &Folder, store: &str) -> crate::process::Answer {
    let (shop, data) = (folder.text("shop"), folder.text("data"));
    let serve = ["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", &shop, "--data", &data, "--store", store];
    tokka(&serve)
}

#[test]
fn a_store_is_made_once_and_stays_as_it_was_made() {
    let redis = Redis::start();
    let url = redis.url();
    tokka(&["store", "check", "--store", &url]).ended(2).complains("STORE_EMPTY: there is no store at this address");
    let id = made(&redis, &["--shards", "3"]);
    assert_eq!(made(&redis, &["--shards", "3"]), id, "again: the same store");
    let other = tokka(&["store", "init", "--store", &url]).ended(1);
    other.complains(&format!("there is a store already, `{id}` with 3 shards"));
    for shards in ["0", "257", "many"] {
        tokka(&["store", "init", "--store", &url, "--shards", shards]).ended(2);
    }
    let check = tokka(&["store", "check", "--store", &url]).ended(0).says(&id).says("redis ").says("noeviction");
    assert_eq!(check.stdout.matches(" open ").count(), 3, "{}", check.stdout);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    tokka(&["store", "check", "--store", &url]).ended(2).complains("maxmemory-policy is `allkeys-lru`");
    redis.kill9();
    tokka(&["store", "check", "--store", &url]).ended(2).complains("is not reached");
}

#[test]
fn a_server_that_finds_no_store_says_what_to_do() {
    let (folder, redis) = (files(), Redis::start());
    serve(&folder, &redis.url()).ended(2).complains("STORE_EMPTY: ").complains("`tokka store init --store URL`");
    redis.kill9();
    serve(&folder, &redis.url()).ended(2).complains("is not reached");
}

#[test]
fn servers_of_one_store_answer_alike_and_its_log_is_read_from_anywhere() {
    let (folder, redis) = (files(), Redis::start());
    let url = redis.url();
    made(&redis, &["--shards", "2"]);
    folder.write("receipt.key", &"k".repeat(36));
    let archive = folder.text("history");
    let shared = ["--store", &url, "--receipt-key", &folder.text("receipt.key")];
    let mut one = Server::with(&folder, "one", &[&shared[..], &["--archive", &archive]].concat());
    let two = Server::with(&folder, "two", &shared);
    let basket = folder.text("basket.yaml");
    let held = one.json(&["reserve", &basket, "--expect", "4740", "--id", "o-1"]);
    let again = two.json(&["reserve", &basket, "--expect", "4740", "--id", "o-1"]);
    assert_eq!(held, again, "the receipt as well: one key signs it");
    two.tokka(&["commit", "o-1", "--user", "u1", "--order-id", "1001"]).ended(0);
    one.tokka(&["rollback", "o-1", "--user", "u1", "--line", "a=3", "--rollback-id", "back-1"]).ended(0);

    tokka(&["verify", "--store", &url]).ended(0).says("all agree").says("committed");
    let log = tokka(&["events", "--store", &url, "--json"]).ended(0).stdout;
    let told: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&str> = told.iter().filter_map(|line| line["transition"].as_str()).collect();
    assert_eq!(told, ["TRANSITION_RESERVED", "TRANSITION_COMMITTED", "TRANSITION_PART_RETURNED"]);
    assert_eq!(tokka(&["store", "check", "--store", &url]).ended(0).stdout.matches(" open ").count(), 2);

    // One process writes an archive; another server cannot have the same folder.
    let (shop, data) = (folder.text("shop"), folder.text("three"));
    let taken = ["serve", "--listen", "127.0.0.1:0", "--log", "off", "--catalogue", &shop, "--data", &data];
    tokka(&[&taken[..], &shared, &["--archive", &archive]].concat()).ended(1).complains("is open in another process");
    if cfg!(unix) {
        assert_eq!(one.stop(), Some(0));
        tokka(&["events", "--archive-dir", &archive]).ended(0).says("returned in part").says("3 entries of ");
        assert!(!folder.path("two/archive").exists());
    }
}

#[test]
fn no_password_is_ever_told() {
    let folder = files();
    let options = Options { password: Some("s3cr3t/word".to_owned()), ..Options::default() };
    let redis = Redis::with(options);
    let plain = format!("redis://127.0.0.1:{}", redis.port());
    tokka(&["store", "init", "--store", &plain]).ended(2).complains("NOAUTH");
    folder.write("password", "s3cr3t/word\n");
    let from_file = ["--store", &plain, "--store-password-file", &folder.text("password")];
    tokka(&[&["store", "init"], &from_file[..]].concat()).ended(0).says("redis://:***@127.0.0.1");

    let ask = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = command().args(arguments).envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("s3cr3t"), "{said}");
        (output.status.code(), said)
    };
    let full = format!("redis://:s3cr3t%2Fword@127.0.0.1:{}", redis.port());
    assert_eq!(ask(&["store", "check"], &[("TOKKA_STORE", &plain), ("TOKKA_STORE_PASSWORD", "s3cr3t/word")]).0, Some(0));
    assert_eq!(ask(&["store", "check"], &[("TOKKA_STORE", &full)]).0, Some(0));
    let (code, said) = ask(&["store", "check"], &[("TOKKA_STORE", &full), ("TOKKA_STORE_PASSWORD", "s3cr3t")]);
    assert_eq!((code, said.contains("one of them is enough")), (Some(2), true), "{said}");
    for command in [&["serve", "--help"][..], &["store", "init", "--help"], &["store", "check", "--help"], &["serve"]] {
        ask(command, &[("TOKKA_STORE", &full), ("TOKKA_STORE_PASSWORD_FILE", "s")]);
    }
    for wrong in ["redis://:s3cr3t@h:port", "rediss://:s3cr3t@h?x=1", "s3cr3t", "redis://s3cr3t@h", "redis://a:b/s3cr3t@h"] {
        let arguments = ["serve", "--catalogue", "examples/marketplace", "--store", wrong];
        let output = command().args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains("s3cr3t")), (Some(2), false), "{wrong}: {said}");
    }
}

/// The rights that docs/redis.md names are enough, and are what it takes.
#[test]
fn the_rights_of_the_documentation_are_enough() {
    let text = std::fs::read_to_string(crate::process::repository().join("docs/redis.md")).unwrap();
    let block = text.split_once("user tokka on >PASSWORD ").unwrap().1.split_once("\n\n").unwrap().0;
    let rules = block.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(rules.starts_with("resetchannels ~{tokka} ~{tokka:* -@all +get ") && rules.ends_with("+config|get"), "{rules}");
    let with = |rules: &str| {
        let user = User { name: "tokka".to_owned(), password: "secret".to_owned(), rules: rules.to_owned() };
        Redis::with(Options { user: Some(user), password: Some("other".to_owned()), ..Options::default() })
    };
    let (folder, redis) = (files(), with(&rules));
    let url = redis.url();
    made(&redis, &["--shards", "2"]);
    let archive = folder.text("history");
    let mut server = Server::with(&folder, "data", &["--store", &url, "--archive", &archive]);
    let basket = folder.text("basket.yaml");
    server.tokka(&["reserve", &basket, "--expect", "4740", "--id", "o-1"]).ended(0);
    server.tokka(&["commit", "o-1", "--user", "u1"]).ended(0);
    server.tokka(&["rollback", "o-1", "--user", "u1", "--line", "a=3", "--rollback-id", "back-1"]).ended(0);
    tokka(&["verify", "--store", &url]).ended(0).says("all agree");
    tokka(&["store", "check", "--store", &url]).ended(0);
    if cfg!(unix) {
        assert_eq!(server.stop(), Some(0));
        tokka(&["events", "--archive-dir", &archive]).ended(0).says("3 entries of ");
    }
    let denied = redis.cli(&["ACL", "LOG"]);
    assert!(!denied.contains("command"), "{denied}");

    let without = with(&rules.replace("+evalsha ", ""));
    tokka(&["store", "init", "--store", &without.url()]).ended(2).complains("evalsha");
}

/// Redis loses everything; what the archive and a receipt know comes back, and can be returned.
#[cfg(unix)]
#[test]
fn a_store_that_was_lost_comes_back_from_its_archive_and_receipts() {
    let (folder, redis) = (files(), Redis::start());
    let url = redis.url();
    made(&redis, &["--shards", "2"]);
    folder.write("receipt.key", &"k".repeat(36));
    let (archive, key) = (folder.text("history"), folder.text("receipt.key"));
    let shared = ["--store", &url, "--receipt-key", &key];
    let mut one = Server::with(&folder, "one", &[&shared[..], &["--archive", &archive]].concat());
    let basket = folder.text("basket.yaml");
    one.tokka(&["reserve", &basket, "--expect", "4740", "--id", "o-1"]).ended(0);
    one.tokka(&["reserve", &basket, "--expect", "5340", "--id", "o-2"]).ended(0);
    one.tokka(&["commit", "o-2", "--user", "u1"]).ended(0);
    let back = |server: &Server, units: &str, id: &str| {
        server.json(&["rollback", "o-2", "--user", "u1", "--line", &format!("a={units}"), "--rollback-id", id])
    };
    let returned = back(&one, "1", "back-1");
    assert_eq!(one.stop(), Some(0));
    // Its payment is in no archive: only the caller knows of it.
    let mut two = Server::with(&folder, "two", &shared);
    let paid = two.json(&["commit", "o-1", "--user", "u1", "--order-id", "1001"]);
    folder.write("receipts.txt", &format!("{}\n", paid["reservation"]["receipt"].as_str().unwrap()));
    two.kill();
    redis.cli(&["FLUSHALL"]);

    let restore = |more: &[&str]| tokka(&[&["store", "restore", "--store", &url, "--archive", &archive], more].concat());
    restore(&[]).ended(2).complains("STORE_EMPTY");
    made(&redis, &["--shards", "2"]);
    let receipts = folder.text("receipts.txt");
    restore(&["--receipts", &key, "--receipt-key", &key]).ended(2).complains("line 1");
    restore(&["--receipts", &receipts, "--receipt-key", &key]).ended(0).says("5 records read").says("into 2 shards");
    tokka(&["verify", "--store", &url]).ended(0).says("all agree");
    let three = Server::with(&folder, "three", &shared);
    let state = three.json(&["reservation", "o-1", "--user", "u1"])["reservation"]["state"].clone();
    assert_eq!(state, "RESERVATION_STATE_COMMITTED");
    three.tokka(&["rollback", "o-1", "--user", "u1", "--line", "a=3", "--rollback-id", "back-1"]).ended(0);
    // What had been returned before is in the archive alone, with its answer: repeated, it is the same; the rest goes on.
    assert_eq!(back(&three, "1", "back-1")["refund"], returned["refund"]);
    let rest = back(&three, "1", "back-2")["refund"].clone();
    assert_ne!(rest, serde_json::Value::Null);
    restore(&[]).ended(1).complains("is not empty");
    tokka(&["store", "restore", "--store", &url, "--archive", &folder.text("none")]).ended(2).complains("holds no archive");
}
