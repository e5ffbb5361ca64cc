//! What do the worked examples of `tests/scenarios` say about any pricing? Their catalogue and basket as a case, and
//! their expectation compared with an answer, amounts in minor units.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::Value as Json;
use tokka_catalog::load::Assembly;
use tokka_catalog::money::{Currency, minor_units};
use tokka_catalog::yaml::Documents;
use tokka_catalog::{CatalogueSettings, Kind, Source, read_folder};
use tokka_core::basket::{BasketRequest, CouponsOffered, LineRequest, Selection, SpendSelection, Strategy};
use tokka_core::id::Id;
use tokka_core::rate::Rounding;

use crate::case::{Case, Step};
use crate::priced::{Key, Policy, Priced, PricedRefund, Usage};
use crate::pricer::Pricer;

/// A worked example.
pub struct Worked {
    /// Its file, below the folder, and its name.
    pub name: String,
    /// What is priced; or why the catalogue is refused.
    pub case: Result<Case, String>,
    currency: Option<Currency>,
    expect: Json,
    refund: Json,
}

/// All worked examples below a folder, but those of the search for the best choice.
#[must_use]
pub fn all(folder: &Path) -> Vec<Worked> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|ending| ending == "yaml") {
                paths.push(entry);
            }
        }
    }
    paths.sort();
    paths.iter().flat_map(|path| read(folder, path)).collect()
}

fn read(folder: &Path, path: &Path) -> Vec<Worked> {
    let source = Source::read(path).expect("a readable file");
    let mut worked = Vec::new();
    for document in Documents::new(&source.name, &source.text) {
        let Some(root) = document.root else { continue };
        let json = root.to_json();
        let searches = json["basket"]["strategy"] == "best" || json["basket"]["coupons"] == "auto";
        if json["kind"] != "scenario" || searches {
            continue;
        }
        let mut files = Vec::new();
        for named in list(&json["catalogue"]) {
            files.extend(read_folder(&path.parent().expect("a folder").join(text(named))).expect("a catalogue"));
        }
        let mut assembly = Assembly::new(&files);
        assembly.find_settings();
        if !assembly.has_catalogue_document()
            && let Some(currency) = json["currency"].as_str().and_then(Currency::from_code)
        {
            let rounding = match json["rounding"].as_str() {
                Some("half_down") => Rounding::HalfDown,
                Some("half_even") => Rounding::HalfEven,
                Some("down") => Rounding::Down,
                Some("up") => Rounding::Up,
                _ => Rounding::HalfUp,
            };
            let zone = json["time_zone"].as_str().map_or(TimeZone::UTC, |name| TimeZone::get(name).expect("a time zone"));
            assembly.set_settings(CatalogueSettings::of(currency, rounding, zone));
        }
        let currency = assembly.settings().map(|settings| settings.currency);
        assembly.read_documents();
        for (kind, field) in [(Kind::Store, "stores"), (Kind::Gift, "gifts"), (Kind::Promotion, "promotions")] {
            if let Some(list) = root.get(field) {
                assembly.add_inline(kind, &source, document.number, list);
            }
        }
        let sellers = list(&json["basket"]["lines"]).iter().map(|line| Id::parse(text(&line["store"])).expect("a store"));
        assembly.imply_stores(&source, document.number, sellers);
        let case = assembly.finish().map_err(|problems| problems.to_string()).map(|loaded| {
            let (settings, stores, gifts, promotions) = loaded.catalogue.into_parts();
            Case {
                rounding: settings.rounding,
                time_zone: settings.time_zone,
                stores,
                gifts,
                promotions,
                request: basket(&json["basket"], currency),
                usage: usage(&json["used"], currency),
                steps: list(&json["refund"]["steps"]).iter().map(step).collect(),
            }
        });
        let file = path.strip_prefix(folder).unwrap_or(path).display();
        let name = format!("{file}: {}", text(&json["name"]));
        worked.push(Worked { name, case, currency, expect: json["expect"].clone(), refund: json["refund"].clone() });
    }
    worked
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn map(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}

fn text(json: &Json) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

fn texts(json: &Json) -> Vec<String> {
    list(json).iter().map(text).collect()
}

/// An amount as it is written, in minor units.
fn money(json: &Json, currency: Option<Currency>) -> i64 {
    let written = text(json);
    let (sign, digits) = written.strip_prefix('-').map_or((1, written.as_str()), |digits| (-1, digits));
    sign * minor_units(digits, currency).expect("an amount")
}

fn step(json: &Json) -> Step {
    map(&json["return"]).map(|(line, units)| (line.clone(), units.as_i64().expect("units"))).collect()
}

fn basket(json: &Json, currency: Option<Currency>) -> BasketRequest {
    let optional = |json: &Json| json.as_str().map(str::to_owned);
    let line = |json: &Json| LineRequest {
        line_id: text(&json["line_id"]),
        sku: text(&json["sku"]),
        store: text(&json["store"]),
        categories: texts(&json["categories"]),
        unit_price: money(&json["unit_price"], currency),
        quantity: json["quantity"].as_i64().expect("a quantity"),
        list_price: None,
        floor_price: json.get("floor_price").map(|price| money(price, currency)),
        tax_class: optional(&json["tax_class"]),
        tags: Vec::new(),
    };
    let select = |json: &Json| if json == "none" { Selection::None } else { Selection::Promotion(text(json)) };
    let select_spend = |json: &Json| match json {
        Json::String(none) if none == "none" => SpendSelection::None,
        Json::String(id) => SpendSelection::Promotions(vec![id.clone()]),
        ids => SpendSelection::Promotions(texts(ids)),
    };
    BasketRequest {
        // Amounts are minor units everywhere here, so the currency has no decimals.
        currency: "JPY".to_owned(),
        at: text(&json["at"]).parse().expect("a moment"),
        user: optional(&json["user"]),
        user_tags: texts(&json["user_tags"]),
        channel: optional(&json["channel"]),
        region: optional(&json["region"]),
        lines: list(&json["lines"]).iter().map(line).collect(),
        coupons: CouponsOffered::These(texts(&json["coupons"])),
        select: map(&json["select"]).map(|(sku, one)| (sku.clone(), select(one))).collect(),
        select_spend: map(&json["select_spend"]).map(|(line, one)| (line.clone(), select_spend(one))).collect(),
        select_gift: map(&json["select_gift"]).map(|(id, gift)| (id.clone(), text(gift))).collect(),
        strategy: Strategy::Sequential,
    }
}

fn usage(json: &Json, currency: Option<Currency>) -> Usage {
    let mut usage = Usage::new();
    for (path, counts) in map(json) {
        let parts: Vec<&str> = path.split('/').collect();
        for (name, count) in map(counts) {
            let key = match (parts.as_slice(), name.as_str()) {
                (["gift", gift], _) => Key::Gift((*gift).to_owned()),
                ([id], "budget") => Key::Budget((*id).to_owned()),
                ([id], _) => Key::Stock((*id).to_owned()),
                ([id, "sku", sku], _) => Key::StockBySku((*id).to_owned(), (*sku).to_owned()),
                ([id, "user", _], "orders") => Key::UserOrders((*id).to_owned()),
                ([id, "user", _], _) => Key::UserUnits((*id).to_owned()),
                ([id, "user", _, "sku", sku], _) => Key::UserUnitsOfSku((*id).to_owned(), (*sku).to_owned()),
                _ => panic!("{path} is not the key of a counter"),
            };
            let count = if name == "budget" { money(count, currency) } else { count.as_i64().expect("a count") };
            usage.insert(key, count);
        }
    }
    usage
}

impl Worked {
    /// Where an answer is not what was worked out by hand.
    #[must_use]
    pub fn differences(&self, pricer: &dyn Pricer) -> Vec<String> {
        let priced = self.case.clone().and_then(|case| pricer.price(&case).map(|price| (case, price)));
        let (case, price) = match (&self.expect["error"], priced) {
            (Json::Null, Ok(priced)) => priced,
            (Json::Null, Err(error)) => return vec![format!("expected a price, got {error}")],
            (_, Err(_)) => return Vec::new(),
            (error, Ok(_)) => return vec![format!("expected {error}, got a price")],
        };
        let mut differences = Differences { currency: self.currency, found: Vec::new() };
        differences.price(&self.expect, &price, &case);
        if self.refund["error"].is_string() {
            differences.same("clawback_only", &true, &price.clawback_only);
        } else if !case.steps.is_empty() {
            let policy = if self.refund["policy"] == "clawback" { Policy::Clawback } else { Policy::Proportional };
            match pricer.refunds(&case, policy) {
                Ok(refunds) => {
                    for (expect, refund) in list(&self.refund["steps"]).iter().zip(&refunds) {
                        differences.refund(expect, refund);
                    }
                }
                Err(error) => differences.found.push(format!("expected a refund, got {error}")),
            }
        }
        differences.found
    }
}

struct Differences {
    currency: Option<Currency>,
    found: Vec<String>,
}

impl Differences {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, actual: &T) {
        if expected != actual {
            self.found.push(format!("{what}: expected {expected:?}, got {actual:?}"));
        }
    }

    /// An amount that may not be expected at all.
    fn amount(&mut self, what: &str, expected: &Json, actual: i64) {
        if !expected.is_null() {
            self.same(what, &money(expected, self.currency), &actual);
        }
    }

    fn amounts(&mut self, what: &str, expected: &Json, actual: &dyn Fn(&str) -> i64) {
        for (id, expected) in map(expected) {
            self.amount(&format!("{what}.{id}"), expected, actual(id));
        }
    }

    fn price(&mut self, expect: &Json, price: &Priced, case: &Case) {
        let store = |id: &str| price.stores.iter().find(|store| store.id == id);
        self.amount("payable", &expect["payable"], price.payable);
        self.amounts("subtotals", &expect["subtotals"], &|id| store(id).map_or(0, |store| store.subtotal));
        self.amounts("stores", &expect["stores"], &|id| store(id).map_or(0, |store| store.payable));
        self.amounts("below_minimum", &expect["below_minimum"], &|id| store(id).map_or(0, |store| store.below_minimum));
        let funding = price.funding_by_payer();
        self.amounts("funding", &expect["funding"], &|id| funding.get(id).copied().unwrap_or(0));
        for (line, expect) in map(&expect["lines"]) {
            self.line(line, expect, price);
        }
        if let Some(expected) = expect["needs_user"].as_bool() {
            self.same("needs_user", &expected, &price.needs_user);
        }
        if expect["gifts"].is_array() {
            let expected: BTreeMap<String, i64> =
                list(&expect["gifts"]).iter().map(|gift| (text(&gift["gift"]), gift["quantity"].as_i64().unwrap_or(0))).collect();
            self.same("gifts", &expected, &price.gifts_given());
        }
        for missing in list(&expect["missing_gifts"]) {
            let found = price
                .gifts
                .iter()
                .any(|gift| missing["gift"] == *gift.gift && missing["wanted"] == gift.wanted && missing["given"] == gift.given);
            self.same(&format!("missing gift {missing}"), &true, &found);
        }
        for (sku, expected) in map(&expect["free_units"]) {
            let of_sku = |line: &str| case.request.lines.iter().any(|other| other.line_id == line && other.sku == *sku);
            let actual: i64 = price.free_units.iter().filter(|(_, line, _)| of_sku(line)).map(|(.., units)| units).sum();
            self.same(&format!("free_units.{sku}"), &expected.as_i64().unwrap_or(0), &actual);
        }
        for (id, expected) in map(&expect["hints"]) {
            let hint = price.hints.iter().find(|hint| hint.promotion == *id);
            self.same(&format!("hints.{id}"), &true, &hint.is_some());
            self.amount(&format!("hints.{id}.missing"), &expected["missing"], hint.map_or(0, |hint| hint.missing));
        }
        for (id, expected) in map(&expect["outcomes"]) {
            self.outcome(id, expected, price);
        }
    }

    fn line(&mut self, id: &str, expect: &Json, price: &Priced) {
        let Some(line) = price.lines.iter().find(|line| line.line_id == id) else {
            return self.found.push(format!("there is no line {id}"));
        };
        self.amount(&format!("{id}.payable"), &expect["payable"], line.payable);
        for (stage, discount) in tokka_core::promotion::Stage::ALL.iter().zip(line.discounts) {
            self.amount(&format!("{id}.{}", stage.name()), &expect[stage.name()], discount);
        }
        if let Some(expected) = expect["over_limit"].as_i64() {
            self.same(&format!("{id}.over_limit"), &expected, &line.over_limit);
        }
        let units =
            || line.runs.iter().flat_map(|(units, each)| std::iter::repeat_n(*each, usize::try_from(*units).unwrap_or(0)));
        if expect["units"].is_array() {
            let expected: Vec<i64> = list(&expect["units"]).iter().map(|unit| money(unit, self.currency)).collect();
            self.same(&format!("{id}.units"), &expected, &units().collect());
        }
        if expect["runs"].is_array() {
            let expected: Vec<(i64, i64)> =
                list(&expect["runs"]).iter().map(|run| (run[0].as_i64().unwrap_or(0), money(&run[1], self.currency))).collect();
            self.same(&format!("{id}.runs"), &expected, &line.runs);
        }
    }

    fn outcome(&mut self, id: &str, expect: &Json, price: &Priced) {
        let code = expect.as_str().or(expect["code"].as_str()).unwrap_or_default();
        let unknown = format!("unknown coupon {id}");
        let actual = price.outcomes.get(if code == "UNKNOWN_COUPON" { unknown.as_str() } else { id });
        self.same(&format!("outcomes.{id}"), &code, &actual.map_or("none", |outcome| outcome.code.as_str()));
        for (name, expected) in map(expect).filter(|(name, value)| *name != "code" && !value.is_object() && !value.is_array()) {
            let fact = actual.and_then(|outcome| outcome.facts.get(name)).cloned().unwrap_or_default();
            // A name, a number of pieces, or an amount in major units.
            let amount = minor_units(&text(expected), self.currency).map_or(String::new(), |minor| minor.to_string());
            if fact != text(expected) && fact != amount {
                self.found.push(format!("outcomes.{id}.{name}: expected {expected}, got {fact}"));
            }
        }
    }

    fn refund(&mut self, expect: &Json, refund: &PricedRefund) {
        self.same("refused", &expect["error"].is_string(), &refund.refused);
        self.amount("refund", &expect["refund"], refund.refund);
        self.amount("waived", &expect["waived"], refund.waived);
        self.amounts("refund of line", &expect["lines"], &|line| refund.lines.get(line).copied().unwrap_or(0));
        if expect["to_return"].is_array() {
            let mut expected: BTreeMap<String, i64> = BTreeMap::new();
            for back in list(&expect["to_return"]) {
                let what = if back["gift"].is_string() { &back["gift"] } else { &back["sku"] };
                *expected.entry(text(what)).or_insert(0) += back["quantity"].as_i64().unwrap_or(0);
            }
            let mut actual = refund.gifts_to_return.clone();
            for ((_, sku), units) in &refund.free_to_return {
                *actual.entry(sku.clone()).or_insert(0) += units;
            }
            self.same("to_return", &expected, &actual);
        }
    }
}
