//! Do `tokka coupons …` hand coupons out, and is a CSV of codes one that redeems?

use crate::process::Folder;
use crate::running::{Server, files};

fn shop() -> (Folder, Server) {
    let folder = files();
    let server = Server::over("examples/marketplace", &folder);
    (folder, server)
}

impl Server {
    /// As an operator, at the admin address.
    fn operate(&self, arguments: &[&str]) -> crate::process::Answer {
        crate::process::tokka(&[arguments, &["--to", &self.admin]].concat())
    }
}

#[test]
fn a_customer_claims_redeems_and_sees_what_there_is() {
    let (_folder, server) = shop();
    let centre = server.tokka(&["coupons", "claimable", "--user", "u-1"]).ended(0).says("centre-am-200");
    centre.says("200 off");
    let claim = ["coupons", "claim", "centre-am-200", "--user", "u-1", "--request-id", "c-1"];
    server.tokka(&claim).ended(0).says("am-coupon-200").says("can be used, until");
    server.tokka(&claim).ended(0).says("am-coupon-200");
    server.tokka(&["coupons", "claim", "crm-hl-birthday", "--user", "u-1"]).ended(1).complains("NOT_CLAIMABLE");
    server.tokka(&["coupons", "redeem", "kusuri5", "--user", "u-1"]).ended(0).says("tp-coupon-otc");
    server.tokka(&["coupons", "redeem", "KUSURI6", "--user", "u-1"]).ended(1).complains("UNKNOWN_CODE");
    let list = server.json(&["coupons", "list", "u-1"]);
    let held: Vec<_> = list["coupons"].as_array().unwrap().iter().map(|coupon| coupon["distribution"].clone()).collect();
    assert_eq!(held, ["leaflet-tp-otc", "centre-am-200"]);
    server.tokka(&["coupons", "list", "u-1", "--state", "used"]).ended(0).says("u-1 has no such coupon");
    let left = server.json(&["coupons", "claimable", "--user", "u-1", "--owner", "aozora-marche"]);
    assert!(left["coupons"].as_array().unwrap().iter().all(|coupon| coupon["owner"] == "aozora-marche"), "{left}");
}

#[test]
fn an_operator_issues_and_prints_codes() {
    let (folder, server) = shop();
    let users = folder.text("users.txt");
    let many: String = (0..2_500).map(|n| format!("u-{n}\n")).collect();
    std::fs::write(&users, many + "\nno user\n").unwrap();
    let refused = folder.text("refused.csv");
    let issue = ["coupons", "issue", "crm-hl-birthday", "--users", &users, "--request-id", "birthday", "--refused", &refused];
    let answer = server.operate(&issue).ended(1).says("2,501 customers: 2,500 issued now, 0 had theirs, 1 got none");
    answer.complains("`no user`: INVALID_FIELDS");
    assert_eq!(std::fs::read_to_string(&refused).unwrap(), "user,reason\n\"no user\",INVALID_FIELDS\n");
    server.operate(&issue).ended(1).says("2,501 customers: 0 issued now, 2,500 had theirs, 1 got none");
    server.tokka(&["coupons", "list", "u-2499"]).ended(0).says("hl-coupon-birthday").says("crm");
    // The callers' address does not take it.
    crate::process::tokka(&[&issue[..], &["--to", &server.url]].concat()).ended(1).complains("OPERATORS_ONLY");

    let csv = folder.text("codes.csv");
    let codes = ["coupons", "codes", "newsletter-hl-10", "--output", &csv];
    server.operate(&codes).ended(0);
    let written = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5_001, "number,code,distribution"));
    server.operate(&codes).ended(1).complains("cannot be written");
    let some = server.operate(&["coupons", "codes", "newsletter-hl-10", "--first", "4000", "--count", "2"]).ended(0);
    assert_eq!(some.stdout.lines().skip(1).collect::<Vec<_>>(), lines[4_001..4_003]);
    let code = lines[4_001].split(',').nth(1).unwrap();
    server.tokka(&["coupons", "redeem", code, "--user", "u-1"]).ended(0).says("hl-coupon-10");
    server.tokka(&["coupons", "redeem", code, "--user", "u-2"]).ended(1).complains("CLAIM_REFUSED");
    server.operate(&["coupons", "codes", "centre-am-200"]).ended(1).complains("NO_CODES");
}

#[test]
fn what_is_written_wrongly_is_a_usage_error() {
    let folder = files();
    let empty = folder.text("empty.txt");
    std::fs::write(&empty, "\n\n").unwrap();
    let issue = |users: &str| crate::process::tokka(&["coupons", "issue", "d", "--users", users, "--request-id", "i"]);
    issue(&empty).ended(2).complains("names no customer");
    issue("/nowhere/users.txt").ended(2).complains("cannot be read");
    for wrong in [&["coupons"][..], &["coupons", "claim", "d"], &["coupons", "list", "u", "--state", "lost"]] {
        assert_eq!(crate::process::tokka(wrong).code, Some(2), "{wrong:?}");
    }
}
