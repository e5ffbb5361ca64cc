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
    server.tokka(&["commit", "o-1", "--user", "u1"]).ended(0);
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
    assert_eq!(json["reservations"], serde_json::json!({"held": 1, "committed": 1, "rolled_back": 1, "expired": 0}));

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
    let table = events(&folder, &[]).ended(0).says("returned in part").says("+2 user_units flash").says("6 entries; go on with");
    assert!(table.stdout.contains("-2 user_units flash"), "{}", table.stdout);
    let lines = events(&folder, &["--json"]).ended(0).stdout;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> =
        lines.iter().filter_map(|line| Some((line["reservation_id"].as_str()?, line["transition"].as_str()?))).collect();
    let happened = [
        ("o-1", "RESERVED"),
        ("o-2", "RESERVED"),
        ("o-3", "RESERVED"),
        ("o-1", "COMMITTED"),
        ("o-1", "PART_RETURNED"),
        ("o-3", "ROLLED_BACK"),
    ];
    assert_eq!(told, happened);
    // By counter, what was taken and what went back leaves what is held: two masks of u2.
    let moved = lines.iter().flat_map(|line| line["moved"].as_array().cloned().unwrap_or_default());
    let left: i64 = moved.filter(|moved| moved["counter"][0] == "user_units").map(|moved| moved["by"].as_i64().unwrap()).sum();
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
