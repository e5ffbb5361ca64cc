//! Are statistics, statements, exports and sales shown as they are, and is an export that was broken off gone on with?

use crate::process::{Folder, tokka};
use crate::running::{Server, files};
use crate::shop::CATALOGUE;

/// The shop with a stock, and two paid orders of which one is returned in part.
fn sold() -> (Folder, Server) {
    let folder = files();
    std::fs::write(folder.path("shop/catalogue.yaml"), CATALOGUE.replace("limits: {units", "limits: {stock: 100, units"))
        .unwrap();
    let server = Server::start(&folder);
    let basket = folder.text("basket.yaml");
    for id in ["r-1", "r-2"] {
        server.tokka(&["reserve", &basket, "--any-price", "--id", id]).ended(0);
        server.tokka(&["commit", id, "--user", "u1"]).ended(0);
    }
    server.tokka(&["rollback", "r-2", "--user", "u1", "--line", "b=1", "--rollback-id", "b-1"]).ended(0);
    (folder, server)
}

/// Asks until everything that was done is counted.
fn asked(server: &Server, arguments: &[&str], until: &str) -> String {
    loop {
        let answer = tokka(&[arguments, &["--server", &server.admin]].concat()).ended(0).stdout;
        if answer.contains(until) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn statistics_and_statements_are_tables_with_bars() {
    let (_folder, server) = sold();
    let stats = asked(&server, &["stats", "--by", "promotion"], "welcome");
    for word in ["STATISTICS, JPY", "flash", "welcome", "COUPONS", "VALUE", "█", "Counted up to"] {
        assert!(stats.contains(word), "{word}: {stats}");
    }
    let statement = asked(&server, &["settlement"], "returned");
    for word in ["STORES, JPY", "shop", "sold", "net", "FUNDERS", "platform", "welcome"] {
        assert!(statement.contains(word), "{word}: {statement}");
    }
    let json = asked(&server, &["settlement", "--json"], "total");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["total"]["orders"], 2);
    let sale = tokka(&["watch", "flash", "--looks", "2", "--every", "1s", "--server", &server.admin]).ended(0).stdout;
    assert_eq!(sale.lines().count(), 2, "{sale}");
    assert!(sale.contains("of 100 left"), "{sale}");
}

#[test]
fn an_export_writes_days_that_are_over_and_goes_on_behind_the_last_one() {
    let (folder, server) = sold();
    asked(&server, &["stats", "--by", "promotion"], "welcome");
    let out = folder.text("out");
    let export = |arguments: &[&str]| {
        let all = [&["export", "orders", "--out", &out, "--server", &server.admin], arguments].concat();
        tokka(&all).ended(0).stdout
    };
    // Today is not over.
    assert_eq!(export(&[]), "0 days written\n");
    assert_eq!(export(&["--first", "2026-01-01", "--last", "2026-01-03"]), "3 days written\n");
    let names = || {
        let mut names: Vec<String> =
            std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let days = ["orders-2026-01-01.csv", "orders-2026-01-02.csv", "orders-2026-01-03.csv", "orders.cursor"];
    assert_eq!(names(), days);
    // One that was broken off between the file and its note writes that day once more.
    std::fs::write(folder.path("out/orders.cursor"), "2026-01-02\n").unwrap();
    std::fs::write(folder.path("out/orders-2026-01-04.unfinished"), "half").unwrap();
    assert_eq!(export(&["--first", "2020-01-01", "--last", "2026-01-04"]), "2 days written\n");
    assert_eq!(names().len(), 5);
    let text = std::fs::read_to_string(folder.path("out/orders-2026-01-04.csv")).unwrap();
    assert!(text.starts_with("day,at,reservation_id,version,what,order_id,"), "{text}");
}
