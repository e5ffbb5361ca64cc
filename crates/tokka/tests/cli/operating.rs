//! Does the walk of docs/operating.md go as the page says? Its files are written, its commands run, its outputs looked for.

use std::process::Command;

use crate::process::{Folder, repository};
use crate::running::Server;

/// A piece of the page that something is done with.
#[derive(Debug)]
enum Step {
    /// A file, with its path from its first line.
    File(String, String),
    /// A command line.
    Run(String),
    /// Words in the output of what was run since the last such words.
    Says(String),
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut blocks = page.split("\n```");
    blocks.next();
    // Between fences, every other piece is a block.
    for block in blocks.step_by(2) {
        let (kind, text) = block.split_once('\n').unwrap();
        match kind {
            "yaml" => {
                let (first, _) = text.split_once('\n').unwrap();
                steps.push(Step::File(first.strip_prefix("# ").unwrap().to_owned(), text.to_owned()));
            }
            "sh" => steps.extend(text.lines().map(|line| Step::Run(line.to_owned()))),
            "text" => steps.extend(text.lines().map(|line| Step::Says(line.to_owned()))),
            other => panic!("a block of `{other}`"),
        }
    }
    steps
}

/// The words of a command line; those in double quotes belong together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn the_walk_through_a_sale_goes_as_it_is_written() {
    let page = std::fs::read_to_string(repository().join("docs/operating.md")).unwrap();
    let folder = Folder::with(&[]);
    let server = Server::stored(&folder);
    let (mut said, mut runs) = (String::new(), 0);
    let mut fresh = true;
    for step in steps(&page) {
        match step {
            Step::File(path, text) => folder.write(&path, &text),
            Step::Run(line) => {
                let words = words(&line);
                assert_eq!(words[0], "tokka", "{line}");
                let mut command = Command::new(env!("CARGO_BIN_EXE_tokka"));
                command.args(&words[1..]).current_dir(folder.path("."));
                command.env("TOKKA_ADMIN", &server.admin).env("TOKKA_SERVER", &server.url).env("USER", "somebody");
                let output = command.output().unwrap();
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}\n{stderr}\n{}", String::from_utf8_lossy(&output.stdout));
                if std::mem::take(&mut fresh) {
                    said.clear();
                }
                said.push_str(&String::from_utf8_lossy(&output.stdout));
                runs += 1;
            }
            Step::Says(words) => {
                assert!(said.contains(words.trim_end()), "no `{words}` in\n{said}");
                fresh = true;
            }
        }
    }
    assert!(runs >= 18, "only {runs} commands were run");
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let folder = Folder::with(&[("shop/shop.yaml", crate::shop::CATALOGUE)]);
    let server = Server::stored(&folder);
    let shop = folder.text("shop");
    let ask = |arguments: &[&str]| crate::process::tokka(&[arguments, &["--to", &server.admin]].concat());
    ask(&["apply", "-f", &shop, "--author", "ada"]).ended(2).complains("say `--yes`");
    ask(&["history"]).ended(0);
    ask(&["apply", "-f", &shop, "--author", "ada", "--yes"]).ended(0).says("revision 1 is in force");
    ask(&["apply", "-f", &shop, "--author", "ada"]).ended(0).says("nothing changes, 6 as before");
    ask(&["publish", "nothing", "--author", "ada"]).ended(1).complains("there is no `promotion/nothing` (DOCUMENT_NOT_FOUND)");
    ask(&["pause", "flash", "--author", "ada", "--etag", "1-0"]).ended(1).complains("(ETAG)");
    ask(&["get", "promotion/flash"]).ended(0).says("\"status\": \"published\"");
    ask(&["get", "promotion/flash", "--draft"]).ended(1).complains("has no draft");
    ask(&["get", "flash"]).ended(2);
    ask(&["history", "9"]).ended(1).complains("there is no revision 9");
    folder.write("shop/bad.yaml", "{kind: promotion, id: bad, name: x, owner: shop, status: published, item_prize: {fixed: 1}}");
    ask(&["apply", "-f", &shop, "--dry-run"]).ended(1).complains("bad.yaml:1:");
    ask(&["apply", "-f", &folder.text("none"), "--dry-run"]).ended(2);
    // A part of a catalogue is checked by the server, which knows the rest; also where a name says `catalogue`.
    let part = "{kind: promotion, id: part, name: the catalogue, owner: shop, item_price: {amount_off: 1}}";
    folder.write("part/part.yaml", part);
    ask(&["apply", "-f", &folder.text("part"), "--dry-run"]).ended(0).says("+ promotion/part  new draft");
    folder.write("part/part.yaml", &part.replace("owner: shop", "owner: nobody, status: published"));
    ask(&["apply", "-f", &folder.text("part"), "--dry-run"]).ended(1).complains("no store is called `nobody`");
    // What is read can be brought again.
    let text = ask(&["get", "promotion/flash"]).ended(0).stdout;
    folder.write("again/flash.json", &text);
    ask(&["apply", "-f", &folder.text("again"), "--dry-run"]).ended(0).says("nothing changes, 1 as before");
    crate::process::tokka(&["get", "--to", &server.url]).ended(2).complains("does not serve operators");
}

#[test]
fn what_blocks_is_kept_out_until_somebody_says_that_it_is_meant() {
    let sale = "{kind: promotion, id: clearance, name: 在庫処分, owner: shop, scope: {include: {skus: [soap]}}, limits: {stock: 9}, \
                stacking: {spend: false}, item_price: {percent_off: \"80\", flash: true}}";
    let published = sale.replace("owner: shop", "owner: shop, status: published");
    let folder =
        Folder::with(&[("shop/shop.yaml", crate::shop::CATALOGUE), ("sale/sale.yaml", sale), ("now/sale.yaml", &published)]);
    let server = Server::stored(&folder);
    let ask = |arguments: &[&str]| crate::process::tokka(&[arguments, &["--to", &server.admin]].concat());
    let by_ada = |arguments: &[&str]| ask(&[arguments, &["--author", "ada"]].concat());
    let meant = ["--acknowledge", "STACKING_NOT_STATED", "--acknowledge", "FLASH_WITHOUT_LIMIT"];
    by_ada(&[&["apply", "-f", &folder.text("shop"), "--yes"][..], &meant].concat()).ended(0);
    let (sale, now) = (folder.text("sale"), folder.text("now"));
    by_ada(&["apply", "-f", &sale, "--yes"]).ended(0).says("new draft");

    let blocking = "blocking: promotion/clearance: item_price.percent_off: ";
    let hint = "1 blocking finding (CHECK_REFUSED): change it, or say that it is meant: `--acknowledge DISCOUNT_OVER_70`";
    ask(&["publish", "clearance", "--dry-run"]).ended(1).says(blocking).says("[DISCOUNT_OVER_70]").complains(hint);
    by_ada(&["publish", "clearance"]).ended(1).says("(off 80 %)").complains(hint);
    by_ada(&["publish", "clearance", "--json"]).ended(1).says("\"blocked\": true").says("docs/findings/DISCOUNT_OVER_70.md");
    ask(&["apply", "-f", &now, "--dry-run"]).ended(1).says("new, published").says(blocking).complains(hint);
    by_ada(&["apply", "-f", &now, "--yes"]).ended(1).says(blocking);
    ask(&["history"]).ended(0);
    by_ada(&["publish", "clearance", "--acknowledge", "DISCOUNT"]).ended(2).complains("DISCOUNT_OVER_70");
    by_ada(&["publish", "clearance", "--acknowledge", "DISCOUNT_OVER_70"]).ended(0).says("acknowledged: promotion/clearance");
    ask(&["history", "2"]).ended(0).says("acknowledged: DISCOUNT_OVER_70");

    let products = "sku,store,name,categories,unit_price,list_price,floor_price,unit_cost,tax_class\nsoap,shop,,,500,,,300,\n";
    folder.write("products.csv", products);
    let beside = ["publish", "clearance", "--dry-run", "--products", &folder.text("products.csv")];
    by_ada(&["pause", "clearance"]).ended(0);
    ask(&beside).ended(0).says("warning: promotion/clearance: ").says("[BELOW_COST]").says("nothing blocks, nothing is changed");
}
