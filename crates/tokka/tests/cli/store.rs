//! Does a store agree with itself after `kill -9`, and does its log say what happened?

use serde_json::Value;

use crate::process::{Answer, Folder, tokka};
use crate::running::{Server, files};

/// Three orders: paid and returned in part, held, cancelled; then SIGKILL.
fn killed() -> Folder {
    let folder = files();
    let mut server = Server::start(&folder);
    let basket = folder.text("basket.yaml");
    let own = |user: &str| {
        let text = std::fs::read_to_string(&basket).unwrap().replace("user: u1", &format!("user: {user}"));
        folder.write(&format!("{user}.yaml"), &text);
        folder.text(&format!("{user}.yaml"))
    };
    for (id, user) in [("o-1", "u1"), ("o-2", "u2"), ("o-3", "u3")] {
        server.tokka(&["reserve", &own(user), "--expect", "4740", "--id", id]).ended(0);
    }
    server.tokka(&["commit", "o-1", "--user", "u1", "--order-id", "1001"]).ended(0);
    server.tokka(&["rollback", "o-1", "--user", "u1", "--line", "a=3", "--rollback-id", "back-1"]).ended(0);
    server.tokka(&["rollback", "o-3", "--user", "u3"]).ended(0);
    server.kill();
    folder
}

fn events(folder: &Folder, more: &[&str]) -> Answer {
    tokka(&[&["events", "--data", &folder.text("data")], more].concat())
}

#[test]
fn a_killed_server_leaves_a_store_that_agrees_with_itself() {
    let folder = killed();
    let data = folder.text("data");
    tokka(&["verify", "--data", &data]).ended(0).says("all agree").says("committed").says("in all");
    let json = tokka(&["verify", "--data", &data, "--json"]).ended(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["clean"], true);
    let states = ["held", "committed", "rolled_back", "expired"].map(|state| json[state].as_i64().unwrap());
    assert_eq!(states, [1, 1, 1, 0]);

    // All three are as they were.
    let server = Server::start(&folder);
    let state = |id: &str, user: &str| server.json(&["reservation", id, "--user", user])["reservation"]["state"].clone();
    assert_eq!(state("o-1", "u1"), "RESERVATION_STATE_COMMITTED");
    assert_eq!(state("o-2", "u2"), "RESERVATION_STATE_HELD");
    assert_eq!(state("o-3", "u3"), "RESERVATION_STATE_ROLLED_BACK");
    tokka(&["verify", "--data", &data]).ended(2).complains("a server has the store open: stop it first");
    events(&folder, &[]).ended(2).complains("a server has the store open");
}

#[test]
fn the_log_says_what_happened_in_order() {
    let folder = killed();
    let table = events(&folder, &[])
        .ended(0)
        .says("returned in part")
        .says("+2 flash: the customer's pieces since ")
        .says("6 entries; go on with");
    assert!(table.stdout.contains("-2 flash: the customer's pieces since "), "{}", table.stdout);
    let lines = events(&folder, &["--json"]).ended(0).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> =
        lines.iter().filter_map(|line| Some((line["reservation_id"].as_str()?, line["transition"].as_str()?))).collect();
    let happened = [
        ("o-1", "TRANSITION_RESERVED"),
        ("o-2", "TRANSITION_RESERVED"),
        ("o-3", "TRANSITION_RESERVED"),
        ("o-1", "TRANSITION_COMMITTED"),
        ("o-1", "TRANSITION_PART_RETURNED"),
        ("o-3", "TRANSITION_ROLLED_BACK"),
    ];
    assert_eq!(told, happened);
    // By counter, what was taken and what went back leaves what is held: two masks of u2.
    let moved = lines.iter().flat_map(|line| line["moved"].as_array().cloned().unwrap_or_default());
    let left: i64 = moved
        .filter(|moved| moved["counter"]["kind"] == "COUNTER_KIND_UNITS_PER_USER")
        .map(|moved| moved["by"].as_i64().unwrap())
        .sum();
    assert_eq!(left, 2);
}

#[test]
fn reading_goes_on_where_it_ended() {
    let folder = killed();
    let mut after: Option<String> = None;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let mut arguments = vec!["--json", "--max", "2"];
        if let Some(after) = &after {
            arguments.extend(["--after", after]);
        }
        let text = events(&folder, &arguments).ended(0).stdout;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (place, entries) = lines.split_last().unwrap();
        after = Some(place["cursor"].as_str().unwrap().to_owned());
        seen.push(entries.len());
    }
    assert_eq!(seen, [2, 2, 2, 0]);
    events(&folder, &["--after", "zz"]).ended(2);
    events(&folder, &["--after", "0102"]).ended(2).complains("not a cursor of this store");
    events(&folder, &["--max", "0"]).ended(2);
}

#[test]
fn a_folder_without_a_store_is_not_made_one() {
    let folder = files();
    for command in ["verify", "events"] {
        tokka(&[command, "--data", &folder.text("shop")]).ended(2).complains("holds no store");
        tokka(&[command, "--data", &folder.text("none")]).ended(2).complains("holds no store");
        tokka(&[command]).ended(2);
    }
    assert!(!folder.path("none").exists() && !folder.path("shop/ledger").exists());
    folder.write("data/ledger/ledger.redb", "no store");
    tokka(&["verify", "--data", &folder.text("data")]).ended(2).complains("cannot be opened");
}

/// The JSON lines of an answer, and where it says to go on; without what only a server can work out, which knows the
/// documents: what an order comes to, and what came back with a return.
fn lines(answer: Answer) -> (Vec<Value>, String) {
    let mut lines: Vec<Value> = answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for entry in lines.iter_mut().filter_map(Value::as_object_mut) {
        entry.remove("priced");
        entry.remove("returned");
    }
    let place = lines.pop().unwrap()["cursor"].as_str().unwrap().to_owned();
    (lines, place)
}

#[test]
fn a_running_server_tells_what_its_folder_says() {
    let folder = killed();
    let (on_disk, place) = lines(events(&folder, &["--json"]).ended(0));
    assert_eq!(on_disk[0]["order"]["order_id"], "1001", "also what was said at the commit: {}", on_disk[0]);
    let server = Server::start(&folder);
    let ask = |more: &[&str]| tokka(&[&["events", "--server", &server.admin], more].concat());
    assert_eq!(lines(ask(&["--json"]).ended(0)), (on_disk.clone(), place.clone()));
    ask(&[]).ended(0).says("1001").says(&format!("6 entries; go on with `--after {place}`"));
    let (first, after) = lines(ask(&["--json", "--max", "4"]).ended(0));
    let (rest, _) = lines(ask(&["--json", "--after", &after]).ended(0));
    assert_eq!([first, rest].concat(), on_disk);
    ask(&["--after", "0102"]).ended(1).complains("`after`: not a cursor of this store");
    ask(&["--after", "010000000000000000010000000000000001"]).ended(1).complains("it goes on at `--after 01");

    tokka(&["verify", "--server", &server.admin]).ended(0).says("all agree").says("rolled back");
    let audit = tokka(&["verify", "--server", &server.admin, "--json"]).ended(0).stdout;
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!((&audit["clean"], audit["log_entries"].as_i64()), (&Value::Bool(true), Some(6)));
    for command in ["verify", "events"] {
        tokka(&[command, "--server", &server.url]).ended(2).complains("give the address of `tokka serve --admin`");
        tokka(&[command, "--server", "ftp://here"]).ended(2);
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        tokka(&[command, "--server", &free]).ended(2).complains("the server cannot be reached");
    }
    tokka(&["events", "--server", &server.admin, "--archive"]).ended(2);
    tokka(&["events", "--data", &folder.text("data"), "--follow"]).ended(2);
}

#[test]
fn who_follows_hears_of_everything_through_kill_9() {
    use std::io::{BufRead, BufReader};
    let folder = files();
    let mut server = Server::start(&folder);
    let mut follow = crate::process::command();
    follow.args(["events", "--follow", "--json", "--server", &server.admin]).stdout(std::process::Stdio::piped());
    let mut follow = follow.spawn().unwrap();
    let mut told = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = || loop {
        let line: Value = serde_json::from_str(&told.next().unwrap().unwrap()).unwrap();
        if line["cursor"].is_null() {
            return (line["reservation_id"].as_str().unwrap().to_owned(), line["version"].as_i64().unwrap());
        }
    };
    let basket = folder.text("basket.yaml");
    server.tokka(&["reserve", &basket, "--any-price", "--id", "o-1"]).ended(0);
    assert_eq!(next(), ("o-1".to_owned(), 1));
    for round in 2..5 {
        server.again(&folder);
        let id = format!("o-{round}");
        server.tokka(&["reserve", &basket, "--any-price", "--id", &id]).ended(0);
        // Whatever comes twice came before.
        let mut event = next();
        while event.0 != id {
            assert!(event.0 < id, "{event:?}");
            event = next();
        }
        assert_eq!(event.1, 1);
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn the_archive_has_the_whole_history_while_a_server_runs_and_after_it() {
    let folder = killed();
    let data = folder.text("data");
    let archive = |more: &[&str]| tokka(&[&["events", "--archive", "--data", &data], more].concat());
    let (log, _) = lines(events(&folder, &["--json"]).ended(0));
    // The next server goes on where the killed one was, and moves the rest when it stops.
    let mut server = Server::start(&folder);
    if cfg!(unix) {
        assert_eq!(server.stop(), Some(0));
        let identity = |line: &Value| (line["reservation_id"].clone(), line["version"].clone(), line["transition"].clone());
        let kept = archive(&["--json"]).ended(0).stdout;
        let kept: Vec<_> = kept.lines().map(|line| identity(&serde_json::from_str(line).unwrap())).collect();
        assert_eq!(kept, log.iter().map(identity).collect::<Vec<_>>());
        let _server = Server::start(&folder);
        archive(&[]).ended(0).says("returned in part").says("6 entries of ");
        archive(&["--max", "2"]).ended(0).says("2 entries of ");
    }
    tokka(&["events", "--archive", "--data", &folder.text("none")]).ended(2).complains("holds no archive");
}
