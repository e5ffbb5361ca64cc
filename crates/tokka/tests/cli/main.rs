//! Does the command do what its help says? Each command as a process, with good and with wrong input.

mod check;
mod quote;
mod schema;
mod serve;
mod test;
mod tokka;

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a process answered.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs `tokka` in the root of the repository.
fn tokka(arguments: &[&str]) -> Answer {
    let output = command().args(arguments).output().unwrap();
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `tokka`, not started yet.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokka"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    command
}

impl Answer {
    /// It ended with this code, or everything that it said is shown.
    #[track_caller]
    fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output holds this.
    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no `{text}` in\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard error holds this, and each of its lines is an error.
    #[track_caller]
    fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in\n{}\n--- stdout\n{}", self.stderr, self.stdout);
        assert!(self.stderr.lines().all(|line| line.starts_with("error: ")), "{}", self.stderr);
        self
    }
}

/// Files in a folder of their own that goes away with this.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

/// A small shop: a flash price for two pieces a customer, a spend promotion, a coupon of the platform.
const CATALOGUE: &str = r#"kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
kind: store
id: shop
name: 東京ファーマ
minimum_order: 1000
---
kind: gift
id: tote
name: トートバッグ
inventory: 3
value: 300
---
kind: promotion
id: flash
name: マスク タイムセール
owner: shop
status: published
scope: {include: {skus: [mask-50]}}
limits: {units_per_user: 2, period: day}
item_price: {fixed: 980, flash: true}
---
kind: promotion
id: autumn
name: 秋の感謝祭
owner: shop
status: published
spend: {basis: amount, tiers: [{threshold: 7000, percent_off: "10", gifts: [{gift: tote, quantity: 1}]}]}
---
kind: promotion
id: welcome
name: ようこそ
owner: platform
status: published
coupon: {threshold: 3000, amount_off: 500}
"#;

/// Three masks and a lamp, with the coupon and one that does not exist.
const BASKET: &str = r#"kind: basket
currency: JPY
user: u1
lines:
  - {line_id: a, sku: mask-50, store: shop, categories: [masks], unit_price: 1280, quantity: 3}
  - {line_id: b, sku: lamp, store: shop, unit_price: 2000, quantity: 1}
coupons: [nope, welcome]
"#;

/// A scenario over the small shop whose payable is `payable`: the flash price for 2 of 3 masks, the coupon.
fn scenario(name: &str, payable: i64) -> String {
    format!(
        r#"kind: scenario
name: {name}
catalogue: [catalogue.yaml]
basket:
  at: "2026-11-11T10:00:00+09:00"
  user: u1
  lines:
    - {{line_id: a, sku: mask-50, store: shop, unit_price: 1280, quantity: 3}}
    - {{line_id: b, sku: lamp, store: shop, unit_price: 2000, quantity: 1}}
  coupons: [welcome]
expect:
  payable: {payable}
"#
    )
}
