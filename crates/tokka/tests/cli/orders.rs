//! Is an order held, paid and returned by commands, to the yen? Against a server of its own, over the small shop.

use serde_json::Value;

use crate::process::{Folder, tokka};
use crate::running::{Server, files};
use crate::shop::BASKET;

/// Reserves the basket of the folder under an id.
fn reserve(server: &Server, folder: &Folder, id: &str) -> Value {
    server.json(&["reserve", &folder.text("basket.yaml"), "--expect", "4740", "--id", id])
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// `refunded + kept = payable`, and the same by line.
#[track_caller]
fn adds_up(answer: &Value) -> (i64, i64) {
    let reservation = &answer["reservation"];
    let [refunded, kept, payable] = ["refunded", "kept", "payable"].map(|field| number(&reservation[field]));
    assert_eq!((refunded + kept, payable), (4_740, 4_740), "{reservation:#}");
    let left = answer["left"].as_array().unwrap().iter().map(|line| number(&line["payable"])).sum::<i64>();
    assert_eq!(left, kept, "{answer:#}");
    let returned = answer["rollbacks"].as_array().unwrap().iter().map(|step| number(&step["refund"]["amount"])).sum::<i64>();
    assert_eq!(returned, refunded, "{answer:#}");
    (refunded, kept)
}

#[test]
fn an_order_is_held_paid_and_returned_in_part() {
    let folder = files();
    let server = Server::start(&folder);
    let basket = folder.text("basket.yaml");
    let ours = ["o-1", "--user", "u1"];
    let held = server.tokka(&["reserve", &basket, "--expect", "4,740", "--id", "o-1", "--hold-for", "3d"]).ended(0);
    let held = held.says("reservation o-1 of customer u1: HELD until ").says("payable 4,740 JPY");
    held.says("マスク タイムセール").says("fingerprint ").says("1 × 1,158");

    let held = server.json(&[&["reservation"], &ours[..]].concat());
    assert_eq!(held["reservation"]["state"], "RESERVATION_STATE_HELD");
    assert_eq!(adds_up(&held), (0, 4_740));
    assert_eq!(number(&held["claims"][0]["holding"]), 2);

    let paid = server.tokka(&[&["commit"], &ours[..], &["--order-id", "1001", "--label", "channel=app"]].concat()).ended(0);
    paid.says("COMMITTED (paid) · order 1001 · channel=app").says("refunded 0 + kept 4,740 = paid 4,740 JPY");

    let part = [&["rollback"], &ours[..], &["--line", "a=1"]].concat();
    let preview = server.json(&[&part[..], &["--validate-only"]].concat());
    assert_eq!(adds_up(&server.json(&[&["reservation"], &ours[..]].concat())), (0, 4_740));
    let part = [&part[..], &["--rollback-id", "back-1"]].concat();
    let refund = server.json(&part);
    assert_eq!(refund["refund"], preview["refund"]);
    let amount = number(&refund["refund"]["amount"]);
    assert!(amount > 0 && amount < 2_931, "{refund:#}");
    // Each rollback id happens once.
    assert_eq!(server.json(&part)["refund"], refund["refund"]);
    server
        .tokka(&[&["rollback"], &ours[..], &["--line", "a=2", "--rollback-id", "back-1"]].concat())
        .ended(1)
        .complains("back-1");

    let answer = server.tokka(&[&["reservation"], &ours[..]].concat()).ended(0);
    let answer = answer.says("COMMITTED (paid, and returned in part)").says("RETURNS").says("back-1").says("a × 1");
    assert!(!answer.stdout.contains("DOES NOT ADD UP"), "{}", answer.stdout);
    assert_eq!(adds_up(&server.json(&[&["reservation"], &ours[..]].concat())), (amount, 4_740 - amount));

    // The rest goes back by store, and with it all that was paid.
    let rest = server.json(&[&["rollback"], &ours[..], &["--store", "shop"]].concat());
    assert_eq!(number(&rest["refund"]["amount"]), 4_740 - amount);
    assert_eq!(adds_up(&server.json(&[&["reservation"], &ours[..]].concat())), (4_740, 0));
}

#[test]
fn the_same_id_is_the_same_order() {
    let folder = files();
    let server = Server::start(&folder);
    let first = reserve(&server, &folder, "o-1");
    let again = reserve(&server, &folder, "o-1");
    assert_eq!(first["reservation"], again["reservation"]);
    assert_eq!(first["outcome"], "RESERVE_OUTCOME_RESERVED");
    folder.write("basket.yaml", &BASKET.replace("quantity: 3", "quantity: 2"));
    let other = ["reserve", &folder.text("basket.yaml"), "--any-price", "--id", "o-1"];
    server.tokka(&other).ended(1).complains("stands for another request (ID_TAKEN)");
    // Without an id, each call is an order of its own, and says how it is called.
    let fresh = |server: &Server| {
        let answer = server.json(&["reserve", &folder.text("basket.yaml"), "--any-price"]);
        answer["reservation"]["reservation_id"].as_str().unwrap().to_owned()
    };
    assert_ne!(fresh(&server), fresh(&server));
}

#[test]
fn another_price_is_told_and_holds_nothing() {
    let folder = files();
    let server = Server::start(&folder);
    let basket = folder.text("basket.yaml");
    // The first order takes both masks that a customer gets a day, so the second pays all three in full.
    reserve(&server, &folder, "o-1");
    let second = ["reserve", &basket, "--expect", "4740", "--id", "o-2"];
    let refused =
        server.tokka(&second).ended(1).complains("the price is 5,340 JPY now, not 4,740: nothing is held (PRICE_CHANGED)");
    let refused = refused.complains("flash: the customer's pieces").complains("2 of 2 used");
    server.tokka(&["reservation", "o-2", "--user", "u1"]).ended(1).complains("o-2");
    let fingerprint = refused.stderr.split_once("--fingerprint ").and_then(|(_, rest)| rest.split('`').next()).unwrap();
    let agreed = server.json(&["reserve", &basket, "--fingerprint", fingerprint, "--id", "o-2"]);
    assert_eq!(number(&agreed["reservation"]["payable"]), 5_340);

    // For programs, the answer is the API's, and the exit code says that nothing is held.
    let answer = server.tokka(&["reserve", &basket, "--expect", "1", "--json"]).ended(1);
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&answer["outcome"], &answer["reservation"]), (&"RESERVE_OUTCOME_PRICE_CHANGED".into(), &Value::Null));
    assert_eq!(number(&answer["price_change"]["payable"]), 5_340);
}

#[test]
fn an_order_is_cancelled() {
    let folder = files();
    let server = Server::start(&folder);
    reserve(&server, &folder, "o-1");
    server.tokka(&["rollback", "o-1", "--user", "u1"]).ended(0).says("ROLLED_BACK").says("flash: the customer's pieces");
    server.tokka(&["commit", "o-1", "--user", "u1"]).ended(1).complains("(ROLLED_BACK)");
    // What it held is for sale again.
    reserve(&server, &folder, "o-2");

    // A cancellation that overtakes its order: nothing is held under this id any more.
    server.tokka(&["rollback", "o-3", "--user", "u1"]).ended(0).says("reservation o-3 was never seen");
    let late = ["reserve", &folder.text("basket.yaml"), "--any-price", "--id", "o-3"];
    server.tokka(&late).ended(1).complains("(ROLLED_BACK)");
}

#[test]
fn a_gift_is_for_sale_again_once_it_came_back() {
    let folder = files();
    let server = Server::start(&folder);
    // Five lamps, 10,000: 10 % off and a bag.
    folder.write("basket.yaml", &BASKET.replace("quantity: 3", "quantity: 1").replace("2000, quantity: 1", "2000, quantity: 5"));
    let held = server.tokka(&["reserve", &folder.text("basket.yaml"), "--any-price", "--id", "o-1"]).ended(0);
    held.says("GIFTS AND FREE PIECES").says("トートバッグ");
    server.tokka(&["commit", "o-1", "--user", "u1"]).ended(0);
    let bag = |server: &Server| {
        let answer = server.json(&["reservation", "o-1", "--user", "u1"]);
        let claims = answer["claims"].as_array().unwrap().clone();
        let claim = claims.into_iter().find(|claim| claim["counter"]["gift"] == "tote").unwrap();
        number(&claim["holding"])
    };
    server.tokka(&["rollback", "o-1", "--user", "u1"]).ended(0).says("TO COME BACK").says("gift tote");
    assert_eq!(bag(&server), 1);
    let back = ["rollback", "o-1", "--user", "u1", "--received", "gift:tote=1", "--rollback-id", "bag"];
    server.tokka(&back).ended(0).says("0 JPY refunded, rollback bag").says("gift tote: inventory");
    assert_eq!(bag(&server), 0);
    server.tokka(&["reservation", "o-1", "--user", "u1"]).ended(0).says("gift tote × 1 received");
    server.tokka(&["rollback", "o-1", "--user", "u1", "--received", "gift:tote=1"]).ended(1);
}

#[test]
fn what_the_state_forbids_is_refused_with_its_reason() {
    let folder = files();
    let server = Server::start(&folder);
    reserve(&server, &folder, "o-1");
    server.tokka(&["rollback", "o-1", "--user", "u1", "--line", "a=1"]).ended(1).complains("(NOT_COMMITTED)");
    for command in ["commit", "reservation"] {
        server.tokka(&[command, "o-1", "--user", "u2"]).ended(1).complains("(RESERVATION_NOT_FOUND)");
        server.tokka(&[command, "o-1"]).ended(1).complains("(RESERVATION_NOT_FOUND)");
        server.tokka(&[command, "o-9", "--user", "u1"]).ended(1).complains("`o-9`");
    }
    let long = ["reserve", &folder.text("basket.yaml"), "--any-price", "--hold-for", "4000000000d"];
    server.tokka(&long).ended(1).complains("`hold_for`: ");
    server.tokka(&["commit", "o-1", "--user", "u1"]).ended(0);
    for wrong in [&["--line", "a=4"][..], &["--line", "z=1"], &["--store", "elsewhere"], &["--received", "gift:tote=1"]] {
        let answer = server.tokka(&[&["rollback", "o-1", "--user", "u1"], wrong].concat()).ended(1);
        assert!(answer.stderr.starts_with("error: `"), "{wrong:?}: {}", answer.stderr);
    }
    let moved = ["rollback", "o-1", "--user", "u1", "--if-version", "1"];
    server.tokka(&moved).ended(1).complains("(VERSION_MOVED)");
}

#[test]
fn wrong_baskets_are_refused_at_their_lines() {
    let folder = files();
    let server = Server::start(&folder);
    let reserve = |basket: &str| {
        folder.write("basket.yaml", basket);
        server.tokka(&["reserve", &folder.text("basket.yaml"), "--any-price"])
    };
    for (basket, what) in [
        (BASKET.replace("user: u1", "user: u1\nat: 2026-11-11T10:00:00Z"), "basket.yaml:4:1: at: an order is priced for now"),
        (format!("{BASKET}used: {{flash/user/u1: {{units: 1}}}}\n"), "used: the server counts what is used"),
        (BASKET.replace("currency: JPY\n", ""), "currency: is missing"),
        (BASKET.replace("quantity: 3", "quantity: 0"), "lines[0].quantity: `0` is not between"),
        (format!("{BASKET}select: {{mask-50: nothing-such}}\n"), "select[mask-50]"),
        (BASKET.replace("JPY", "USD"), "currency"),
        ("kind: store\nid: a\nname: a\n".to_owned(), "write `kind: basket`"),
    ] {
        reserve(&basket).ended(1).complains("basket.yaml:").complains(what);
    }
    reserve(&BASKET.replace("1280, quantity: 3", "10, quantity: 1").replace("2000", "10")).ended(1).complains("(BELOW_MINIMUM)");
    reserve(&BASKET.replace("user: u1\n", "")).ended(1).complains("(USER_REQUIRED)");
}

#[test]
fn wrong_arguments_and_silent_servers_end_with_2() {
    let folder = files();
    let basket = folder.text("basket.yaml");
    tokka(&["reserve", &basket]).ended(2);
    tokka(&["reserve", &basket, "--any-price", "--expect", "4740"]).ended(2);
    tokka(&["reserve", &basket, "--any-price", "--hold-for", "15"]).ended(2);
    tokka(&["reserve", &basket, "--expect", "47.40"]).ended(2).complains("`--expect 47.40` has decimals, and JPY has none");
    tokka(&["reserve", &folder.text("none.yaml"), "--any-price"]).ended(2).complains("none.yaml: cannot be read");
    tokka(&["rollback", "o-1", "--line", "a"]).ended(2);
    tokka(&["rollback", "o-1", "--line", "a=1", "--store", "shop"]).ended(2);
    tokka(&["rollback", "o-1", "--all", "--store", "shop"]).ended(2);
    tokka(&["commit", "o-1", "--if-expired", "maybe"]).ended(2);
    tokka(&["commit"]).ended(2);
    tokka(&["commit", "o-1", "--server", "ftp://here"]).ended(2).complains("`ftp` is not `http`");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in ["commit", "rollback", "reservation"] {
        let answer = tokka(&[command, "o-1", "--server", &free]).ended(2);
        answer.complains("the server cannot be reached, nothing was done");
    }
    // One that takes the call and says nothing: it may have been done, and the command says how to ask again.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let answer = tokka(&["reserve", &basket, "--any-price", "--id", "o-1", "--timeout", "1s", "--server", &address]).ended(2);
    answer
        .complains("nobody knows whether it was done: no answer within 1000 ms")
        .complains("repeat the command with `--id o-1`");
}
