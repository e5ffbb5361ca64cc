//! Is what is written back read as what it was? Over the examples, the worked scenarios, and promotions with every option
//! at its extremes; and do the bytes stay, on which stored orders depend?
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test: what cannot be made fails it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use tokka_catalog::decode::{Context, Decode};
use tokka_catalog::documents::DraftedPromotion;
use tokka_catalog::load::Assembly;
use tokka_catalog::money::Currency;
use tokka_catalog::yaml::{Documents, Node};
use tokka_catalog::{CatalogueSettings, Kind, Source, encode, load, load_text, read_folder, schema};
use tokka_core::amount::Amount;
use tokka_core::basket::QUANTITY_MAX;
use tokka_core::catalogue::{Catalogue, Gift, PROMOTION_AMOUNT_MAX, Settings, Store};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Audience, Basis, Bundle, BuyGet, BuyGetMode, BuyGetTier, Component, Coupon, Discount, Display, Exclude, Funding, GiftReward,
    Include, ItemPrice, Limits, MixMatch, MixMatchReward, Owner, Party, Period, Promotion, Rule, Scope, SetReward, Spend,
    SpendTier, Stacking, Status, ThresholdOn, UnitPrice, VolumeMode, VolumePrice, VolumeTier, Window,
};
use tokka_core::rate::{Rate, Rounding};
use tokka_core::rulebook::Rulebook;
use tokka_core::schedule::{Days, Session};

/// All documents of a catalogue as one text.
fn written(settings: &Settings, stores: &[Store], gifts: &[Gift], promotions: &[Promotion]) -> String {
    let stores = stores.iter().map(|store| encode::store(store, settings));
    let gifts = gifts.iter().map(|gift| encode::gift(gift, settings));
    let promotions = promotions.iter().map(|promotion| encode::promotion(promotion, settings));
    let documents = std::iter::once(encode::settings(settings)).chain(stores).chain(gifts).chain(promotions);
    let texts: Vec<String> = documents.map(checked_text).collect();
    texts.join("\n---\n")
}

/// The text of a document that its schema accepts.
fn checked_text(document: Json) -> String {
    let kind = document["kind"].as_str().unwrap();
    let errors = jsonschema::validator_for(&schema(kind).unwrap()).unwrap();
    let errors: Vec<String> = errors.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{document}: {errors:?}");
    encode::canonical(&document)
}

fn assert_same_settings(a: &Settings, b: &Settings) {
    assert_eq!((&a.currency, a.exponent, a.rounding, &a.time_zone), (&b.currency, b.exponent, b.rounding, &b.time_zone));
}

/// Writes a catalogue, reads it back and compares; then the same of its compiled promotions.
fn assert_round_trip(name: &str, catalogue: Catalogue) {
    let settings = catalogue.settings().clone();
    let text = written(&settings, catalogue.stores(), catalogue.gifts(), catalogue.promotions());
    let read = load_text(name, &text).unwrap_or_else(|problems| panic!("{problems}\n{text}")).catalogue;
    assert_same_settings(read.settings(), &settings);
    assert_eq!(read.stores(), catalogue.stores(), "{name}");
    assert_eq!(read.gifts(), catalogue.gifts(), "{name}");
    assert_eq!(read.promotions(), catalogue.promotions(), "{name}");
    let again = written(&settings, read.stores(), read.gifts(), read.promotions());
    assert_eq!(again, text, "{name}: the bytes of equal values");

    let (stores, gifts) = (catalogue.stores().to_vec(), catalogue.gifts().to_vec());
    let rulebook = Rulebook::compile(catalogue);
    let compiled: Vec<Promotion> = rulebook.promotions().iter().map(|(_, promotion)| promotion.clone()).collect();
    let text = written(&settings, &stores, &gifts, &compiled);
    let read = load_text(name, &text).unwrap_or_else(|problems| panic!("{problems}\n{text}")).catalogue;
    assert_eq!(read.promotions(), compiled, "{name}: sorted lists stay as they are");
    let read = Rulebook::compile(read);
    let recompiled: Vec<Promotion> = read.promotions().iter().map(|(_, promotion)| promotion.clone()).collect();
    assert_eq!(recompiled, compiled, "{name}: and compile to themselves");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_example_is_read_back() {
    for folder in ["examples/marketplace", "examples/us-store"] {
        let loaded = load(&read_folder(&root().join(folder)).unwrap()).unwrap();
        assert!(loaded.counts.promotions > 5, "{folder}");
        assert_round_trip(folder, loaded.catalogue);
    }
}

#[test]
fn every_catalogue_of_a_scenario_is_read_back() {
    let (mut accepted, mut refused) = (0, Vec::new());
    for path in yaml_below(&root().join("tests/scenarios")) {
        let source = Source::read(&path).unwrap();
        for document in Documents::new(&source.name, &source.text) {
            let scenario = document.root.unwrap();
            match catalogue_of(&scenario, &source, &path) {
                Some(catalogue) => {
                    assert_round_trip(&source.name, catalogue);
                    accepted += 1;
                }
                None => refused.push(scenario.to_json()),
            }
        }
    }
    assert!(accepted > 100, "only {accepted} scenarios have a catalogue");
    for scenario in refused {
        let expected = scenario["expect"]["error"].is_string() || scenario["kind"] != "scenario";
        assert!(expected, "the catalogue of `{}` is refused", scenario["name"]);
    }
}

fn yaml_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => files.extend(path.extension().is_some_and(|ending| ending == "yaml").then_some(path.clone())),
            }
        }
    }
    files.sort();
    files
}

/// The files that a scenario names and the documents that stand in it.
fn catalogue_of(scenario: &Node, source: &Source, path: &Path) -> Option<Catalogue> {
    let json = scenario.to_json();
    if json["kind"] != "scenario" {
        return None;
    }
    let named = json["catalogue"].as_array().cloned().unwrap_or_default();
    let files = named.iter().flat_map(|name| read_folder(&path.parent().unwrap().join(name.as_str().unwrap())).unwrap());
    let files: Vec<Source> = files.collect();
    let mut assembly = Assembly::new(&files);
    assembly.find_settings();
    if !assembly.has_catalogue_document() {
        let currency = field::<Currency>(scenario, "currency")?;
        let rounding = field(scenario, "rounding").unwrap_or_default();
        let zone = field(scenario, "time_zone").unwrap_or(TimeZone::UTC);
        assembly.set_settings(CatalogueSettings::of(currency, rounding, zone));
    }
    assembly.read_documents();
    for (kind, list) in [(Kind::Store, "stores"), (Kind::Gift, "gifts"), (Kind::Promotion, "promotions")] {
        if let Some(list) = scenario.get(list) {
            assembly.add_inline(kind, source, 0, list);
        }
    }
    assembly.imply_stores(source, 0, []);
    assembly.finish().ok().map(|loaded| loaded.catalogue)
}

fn field<T: Decode>(node: &Node, name: &str) -> Option<T> {
    node.get(name).and_then(|node| T::decode(node, &mut Context::new("", None)))
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn tokens(texts: &[&str]) -> Vec<Token> {
    texts.iter().map(|text| Token::parse(*text).unwrap()).collect()
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings(currency: &str, rounding: Rounding, zone: &str) -> Settings {
    let zones = jiff::tz::TimeZoneDatabase::bundled();
    let zone = if zone == "UTC" { TimeZone::UTC } else { zones.get(zone).unwrap() };
    CatalogueSettings::of(Currency::from_code(currency).unwrap(), rounding, zone).pricing
}

/// No amount, the least, one with all decimals of three, and the most.
fn amounts() -> [Amount; 4] {
    [0, 1, 12_345, PROMOTION_AMOUNT_MAX].map(Amount::minor)
}

fn rates() -> Vec<Rate> {
    ["0.000001", "12.345678", "12.5", "10", "99.999999", "100"].map(|text| Rate::percent(text).unwrap()).to_vec()
}

fn scopes() -> Vec<Scope> {
    let include = |skus: Option<&[&str]>, categories: Option<&[&str]>, stores: Option<&[&str]>| Include {
        all: false,
        skus: skus.map(tokens),
        categories: categories.map(tokens),
        stores: stores.map(|stores| stores.iter().map(|store| id(store)).collect()),
    };
    let includes = [
        Include::default(),
        Include { stores: Some(vec![id("b"), id("a")]), ..Include::default() },
        include(Some(&["sku-2", "sku-1", "null", "1.5", "\"\\{}[]:,#&*!|>'%@`", "~"]), None, None),
        include(None, Some(&["true", "-", "?"]), None),
        include(Some(&["x"]), Some(&["y"]), Some(&["0"])),
        include(None, None, Some(&["1e3"])),
    ];
    let excludes = [
        Exclude::default(),
        Exclude { skus: tokens(&["z", "a"]), ..Exclude::default() },
        Exclude { skus: Vec::new(), categories: tokens(&["c"]), stores: vec![id("s")] },
    ];
    let pairs = includes.iter().flat_map(|include| excludes.iter().map(move |exclude| (include.clone(), exclude.clone())));
    pairs.map(|(include, exclude)| Scope { include, exclude }).collect()
}

fn discounts() -> Vec<Discount> {
    let percent = |rate: Rate| {
        let most = amounts().map(Some).into_iter().chain([None]);
        most.map(move |max_discount| Discount::PercentOff { rate, max_discount })
    };
    amounts().map(Discount::AmountOff).into_iter().chain(rates().into_iter().flat_map(percent)).collect()
}

fn unit_prices() -> Vec<UnitPrice> {
    let of_amounts = amounts().into_iter().flat_map(|amount| [UnitPrice::Fixed(amount), UnitPrice::AmountOff(amount)]);
    of_amounts.chain(rates().into_iter().map(UnitPrice::PercentOff)).collect()
}

fn set_rewards() -> Vec<SetReward> {
    let of_amounts = amounts().into_iter().flat_map(|amount| [SetReward::FixedTotal(amount), SetReward::AmountOff(amount)]);
    of_amounts.chain(rates().into_iter().map(SetReward::PercentOff)).collect()
}

/// Every rule block with every option.
fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for price in unit_prices() {
        rules.extend([true, false].map(|flash| Rule::ItemPrice(ItemPrice { price, flash })));
        let tiers = vec![VolumeTier { min_quantity: 50, price }, VolumeTier { min_quantity: 1, price }];
        let modes = [VolumeMode::AllUnits, VolumeMode::Graduated];
        rules.extend(modes.map(|mode| Rule::VolumePrice(VolumePrice { mode, tiers: tiers.clone() })));
    }
    for (mode, repeat) in [(BuyGetMode::Add, true), (BuyGetMode::Include, false)] {
        let tiers = vec![BuyGetTier { buy: QUANTITY_MAX, get: 8 }, BuyGetTier { buy: 1, get: 1 }];
        rules.push(Rule::BuyGet(BuyGet { mode, repeat, tiers }));
    }
    let component = |percent_off| Component { skus: tokens(&["b", "a"]), categories: Vec::new(), quantity: 2, percent_off };
    let of_category = Component { skus: Vec::new(), categories: tokens(&["d", "c"]), quantity: 1, percent_off: None };
    for (reward, max_sets) in set_rewards().into_iter().zip([None, Some(1), Some(PROMOTION_AMOUNT_MAX)].into_iter().cycle()) {
        rules.push(Rule::MixMatch(MixMatch { pick: 3, reward: MixMatchReward::Set(reward), max_sets }));
        let components = vec![of_category.clone(), component(None)];
        rules.push(Rule::Bundle(Bundle { components, reward: Some(reward), max_sets }));
    }
    for rate in rates() {
        let reward = MixMatchReward::Cheapest { count: 2, percent_off: rate };
        rules.push(Rule::MixMatch(MixMatch { pick: 2, reward, max_sets: None }));
        let components = vec![component(Some(rate)), of_category.clone()];
        rules.push(Rule::Bundle(Bundle { components, reward: None, max_sets: Some(7) }));
    }
    let qualifying = || scopes().into_iter().map(Some).chain([None]);
    let looks = [ThresholdOn::Left, ThresholdOn::Item];
    for (index, discount) in discounts().into_iter().enumerate() {
        let threshold_on = looks[index % 2];
        let threshold = amounts()[index % 4];
        let qualify = qualifying().cycle().nth(index).unwrap();
        rules.push(Rule::Coupon(Coupon { threshold, discount, threshold_on, qualify: qualify.clone() }));
        let gift = |options: &[&str], choose| GiftReward {
            options: options.iter().map(|gift| id(gift)).collect(),
            choose,
            quantity: QUANTITY_MAX,
        };
        let gifts = [vec![], vec![gift(&["g"], false)], vec![gift(&["g"], true), gift(&["h", "g"], true)]];
        let tier = |threshold, discount| SpendTier { threshold, discount, gifts: gifts[index % 3].clone() };
        let basis = if index % 5 == 0 { Basis::Quantity } else { Basis::Amount };
        let tiers = vec![tier(PROMOTION_AMOUNT_MAX, Some(discount)), tier(1, None)];
        let (repeat, max_repeats) = [(false, None), (true, None), (true, Some(3))][index % 3];
        let exclusion_group = id(if index % 2 == 0 { "spend" } else { "other" });
        rules.push(Rule::Spend(Spend { basis, repeat, max_repeats, exclusion_group, tiers, threshold_on, qualify }));
    }
    rules
}

fn plain(rule: Rule) -> Promotion {
    Promotion {
        id: id("p"),
        name: "P".to_owned(),
        description: None,
        owner: Owner::Platform,
        status: Status::Draft,
        window: Window::default(),
        schedule: Vec::new(),
        audience: Audience::default(),
        scope: Scope::default(),
        priority: 0,
        stacking: Stacking::default(),
        limits: Limits::default(),
        display: Display::default(),
        funding: Vec::new(),
        acknowledge: Vec::new(),
        rule,
    }
}

/// Everything besides the rule, one option after the other.
fn dressed(rule: &Rule) -> Vec<Promotion> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Promotion)| {
        let mut promotion = plain(rule.clone());
        change(&mut promotion);
        all.push(promotion);
    };
    with(&|_| {});
    for text in [
        "",
        " ",
        "null",
        "true",
        "12",
        "1.5",
        "~",
        "a: b # c",
        "- x",
        "線\n\"引\"\\き",
        "🎁\t\u{7f}\u{85}\u{2028}\u{feff}\u{0}\u{1f}",
        "\r\n \r",
    ] {
        with(&|p| p.name = text.to_owned());
        with(&|p| p.description = Some(text.to_owned()));
        with(&|p| p.display = Display { original_price: None, label: Some(text.to_owned()) });
    }
    with(&|p| p.description = Some("é long ".repeat(5_000)));
    for owner in ["a", "true", "null", "123", "1e3", "Platform"] {
        with(&|p| p.owner = Owner::Store(id(owner)));
    }
    for status in [Status::Draft, Status::Published, Status::Paused, Status::Archived] {
        with(&|p| p.status = status);
    }
    for at in [
        "2026-11-11T00:00:00+09:00",
        "2026-11-11T00:00:00.000000001Z",
        "1969-12-31T23:59:59.5Z",
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+09:00",
        "0000-01-01T00:00:00.25+25:59",
        "9999-12-30T22:00:00.999999999Z",
    ] {
        let at = moment(at);
        with(&|p| p.window = Window { start: Some(at), end: None });
        with(&|p| p.window = Window { start: None, end: Some(at) });
        with(&|p| p.window = Window { start: Some(at), end: Some(at) });
    }
    let session = |days, from, to| Session { days, from, to };
    for days in [Days::ALL, Days::of([Weekday::Monday]), Days::of([Weekday::Sunday, Weekday::Wednesday])] {
        with(&|p| p.schedule = vec![session(days, 0, 1_440), session(days, 1_439, 1), session(days, 600, 600)]);
    }
    for day in Weekday::Monday.cycle_forward().take(7) {
        with(&|p| p.schedule = vec![session(Days::of([day]), 1_320, 120)]);
    }
    with(&|p| p.audience.tags_any = tokens(&["vip", "null"]));
    with(&|p| p.audience.tags_none = tokens(&["staff"]));
    with(&|p| p.audience.channels = tokens(&["1"]));
    with(&|p| p.audience.regions = tokens(&["JP-13"]));
    for scope in scopes() {
        with(&|p| p.scope = scope.clone());
    }
    for priority in [i32::MIN, -1, 1, i32::MAX] {
        with(&|p| p.priority = priority);
    }
    for written in [true, false].map(Some) {
        with(&|p| p.stacking.set = written);
        with(&|p| p.stacking.spend = written);
        with(&|p| p.stacking.store_coupon = written);
        with(&|p| p.stacking.platform = written);
        with(&|p| p.stacking = Stacking { set: written, spend: written, store_coupon: written, platform: written });
    }
    for count in [0, 1, PROMOTION_AMOUNT_MAX] {
        with(&|p| p.limits.stock = Some(count));
        with(&|p| p.limits.units_per_order = Some(count));
        with(&|p| p.limits.units_per_user = Some(count));
        with(&|p| p.limits.orders_per_user = Some(count));
        let skus = tokens(&["null", "b", "a\"\\:", "1"]);
        with(&|p| p.limits.stock_by_sku = skus.iter().map(|sku| (sku.clone(), count)).collect::<BTreeMap<_, _>>());
    }
    with(&|p| p.limits.per_sku = true);
    for period in [Period::Lifetime, Period::Day, Period::Week, Period::Month] {
        with(&|p| p.limits.period = period);
    }
    for amount in amounts() {
        with(&|p| p.limits.budget = Some(amount));
        with(&|p| p.display = Display { original_price: Some(amount), label: None });
    }
    let part = |party, percent: &str| Funding { party, percent: Rate::percent(percent).unwrap() };
    let parts = [part(Party::Seller, "0.000001"), part(Party::Store(id("a")), "49.999999"), part(Party::Platform, "50")];
    with(&|p| p.funding = parts.to_vec());
    with(&|p| p.acknowledge = tokens(&["DISCOUNT_OVER_70", "FLASH_WITHOUT_LIMIT"]));
    all
}

/// Reads one promotion alone: by its fields, not whether it may stand in a catalogue.
fn read_alone(text: &str, currency: &str) -> Promotion {
    let mut context = Context::new("p", Currency::from_code(currency));
    let document = Documents::new("p", text).next().unwrap();
    assert!(document.problems.is_empty(), "{text}: {:?}", document.problems);
    let drafted = DraftedPromotion::decode(&document.root.unwrap(), &mut context);
    match drafted.filter(|_| context.is_clean()) {
        Some(drafted) => {
            assert!(drafted.status_written, "the default depends on where a document stands");
            drafted.promotion
        }
        None => panic!("{text}: {:?}", context.into_problems()),
    }
}

#[test]
fn every_option_is_read_back_in_currencies_of_0_2_3_and_4_decimals() {
    let rules = rules();
    let first_of_each = {
        let mut blocks: Vec<&Rule> = rules.iter().collect();
        blocks.sort_by_key(|rule| rule.block());
        blocks.dedup_by_key(|rule| rule.block());
        blocks
    };
    assert_eq!(first_of_each.len(), 7, "every block is there");
    let dressed = first_of_each.into_iter().flat_map(dressed);
    let promotions: Vec<Promotion> = rules.iter().cloned().map(plain).chain(dressed).collect();
    for currency in ["JPY", "USD", "KWD", "CLF"] {
        let settings = settings(currency, Rounding::HalfUp, "UTC");
        for promotion in &promotions {
            let document = encode::promotion(promotion, &settings);
            // The compact text of `serde_json` is what others write of it; the canonical one is what is hashed.
            for text in [document.to_string(), encode::canonical(&document)] {
                assert_eq!(read_alone(&text, currency), *promotion, "{text}");
                assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), document);
            }
        }
    }
}

#[test]
fn settings_stores_and_gifts_are_read_back() {
    let zones = ["UTC", "Asia/Tokyo", "America/St_Johns", "Etc/UTC", "Etc/GMT-9", "GMT"];
    let roundings = [Rounding::HalfUp, Rounding::HalfDown, Rounding::HalfEven, Rounding::Down, Rounding::Up];
    for zone in zones {
        for rounding in roundings {
            let settings = settings("KWD", rounding, zone);
            let optional = amounts().map(Some).into_iter().chain([None]).enumerate();
            let store = |(index, minimum_order)| Store { id: id(&format!("s{index}")), name: "null".to_owned(), minimum_order };
            let stores: Vec<Store> = optional.clone().map(store).collect();
            let gift = |(index, value): (usize, Option<Amount>)| Gift {
                id: id(&format!("{index}")),
                name: "ト\"".to_owned(),
                sku: value.map(|_| "0".to_owned()),
                erp_sku: (index % 2 == 0).then(|| "~".to_owned()),
                inventory: [None, Some(0), Some(PROMOTION_AMOUNT_MAX)][index % 3],
                value,
            };
            let gifts: Vec<Gift> = optional.map(gift).collect();
            assert_round_trip(zone, Catalogue::new(settings, stores, gifts, Vec::new()).unwrap());
        }
    }
}

/// Stored orders find the promotions that priced them by these bytes: a change here is a change that they do not survive.
#[test]
fn the_stored_form_stays() {
    let kept = load_text("kept", include_str!("encode/kept.yaml")).unwrap().catalogue;
    let told: Vec<String> = {
        let settings = kept.settings();
        let stores = kept.stores().iter().map(|store| encode::store(store, settings));
        let gifts = kept.gifts().iter().map(|gift| encode::gift(gift, settings));
        let promotions = kept.promotions().iter().map(|promotion| encode::promotion(promotion, settings));
        let documents = std::iter::once(encode::settings(settings)).chain(stores).chain(gifts).chain(promotions);
        documents.map(|document| format!("{:032x} {}\n", encode::content_hash(&document), encode::canonical(&document))).collect()
    };
    assert_eq!(told.concat(), include_str!("encode/kept.txt"));
    assert_round_trip("kept", kept);
}

#[test]
fn the_canonical_text_sorts_keys_and_nothing_else() {
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let document = read(r#" { "b" : [ {} , [ ] , null , true , -1 , "\u00e9\n" ] , "a" : { "d" : 1 , "c" : 2 } , "" : "" } "#);
    assert_eq!(encode::canonical(&document), r#"{"":"","a":{"c":2,"d":1},"b":[{},[],null,true,-1,"é\n"]}"#);
    assert_ne!(encode::content_hash(&read("[1,2]")), encode::content_hash(&read("[2,1]")));
    assert_eq!(encode::content_hash(&read(r#"{"a":1,"b":2}"#)), encode::content_hash(&read(r#"{ "b": 2, "a": 1 }"#)));
}
