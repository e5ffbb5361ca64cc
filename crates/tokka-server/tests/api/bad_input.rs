//! Is every bad request refused with the status and the field that a caller can act on? One case, one refusal.

use std::collections::BTreeSet;

use tokka_proto::v1;
use tokka_proto::v1::coupon_offer::Offer;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::running::{Running, coupon, line, masks};

/// A way to spoil a request, and how it is refused.
struct Case {
    name: &'static str,
    status: Code,
    reason: &'static str,
    field: &'static str,
    spoil: fn(&mut v1::QuoteRequest),
}

/// A field that breaks a rule.
const fn case(name: &'static str, field: &'static str, spoil: fn(&mut v1::QuoteRequest)) -> Case {
    Case { name, status: Code::InvalidArgument, reason: "INVALID_FIELDS", field, spoil }
}

fn basket(request: &mut v1::QuoteRequest) -> &mut v1::Basket {
    request.basket.as_mut().expect("a basket")
}

fn first(request: &mut v1::QuoteRequest) -> &mut v1::Line {
    &mut basket(request).lines[0]
}

fn at(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

fn offer(offer: Offer) -> v1::CouponOffer {
    v1::CouponOffer { offer: Some(offer) }
}

fn kept_for(promotions: &[&str]) -> v1::SpendSelection {
    v1::SpendSelection { promotions: promotions.iter().map(|id| (*id).to_owned()).collect() }
}

const CASES: &[Case] = &[
    // The basket.
    case("no basket", "basket", |r| r.basket = None),
    case("no currency", "basket.currency", |r| basket(r).currency.clear()),
    case("currency in lower case", "basket.currency", |r| basket(r).currency = "jpy".into()),
    case("currency with a sign", "basket.currency", |r| basket(r).currency = "¥".into()),
    case("currency of four letters", "basket.currency", |r| basket(r).currency = "JPYE".into()),
    case("a currency that nobody has", "basket.currency", |r| basket(r).currency = "QQQ".into()),
    case("the currency of another catalogue", "basket.currency", |r| basket(r).currency = "USD".into()),
    case("a user without a name", "basket.user", |r| basket(r).user = Some(String::new())),
    case("a user with a space", "basket.user", |r| basket(r).user = Some("u 1".into())),
    case("a user with a line break", "basket.user", |r| basket(r).user = Some("u1\n".into())),
    case("a user of 129 bytes", "basket.user", |r| basket(r).user = Some("u".repeat(129))),
    case("an empty tag of a user", "basket.user_tags[1]", |r| basket(r).user_tags = vec!["vip".into(), String::new()]),
    case("an empty channel", "basket.channel", |r| basket(r).channel = Some(String::new())),
    case("a region that is not ASCII", "basket.region", |r| basket(r).region = Some("東京".into())),
    case("negative nanos", "basket.at", |r| basket(r).at = at(0, -1)),
    case("a second of nanos", "basket.at", |r| basket(r).at = at(0, 1_000_000_000)),
    case("a moment after the year 9999", "basket.at", |r| basket(r).at = at(253_402_300_800, 0)),
    case("a moment before the year 1", "basket.at", |r| basket(r).at = at(-62_135_596_801, 0)),
    case("a moment at the end of numbers", "basket.at", |r| basket(r).at = at(i64::MAX, 999_999_999)),
    // Its lines.
    case("no lines", "basket.lines", |r| basket(r).lines.clear()),
    case("1,001 lines", "basket.lines", |r| {
        basket(r).lines = (0..1_001).map(|n| line(&n.to_string(), "mask-50", "pharma", 1, 1)).collect();
    }),
    case("a gross beyond 64 bits", "basket.lines", |r| {
        basket(r).lines = (0..10).map(|n| line(&n.to_string(), "mask-50", "pharma", 999_999, 1_000_000_000_000)).collect();
    }),
    case("a line id twice", "basket.lines[1].line_id", |r| {
        let twin = first(r).clone();
        basket(r).lines.push(twin);
    }),
    case("no line id", "basket.lines[0].line_id", |r| first(r).line_id.clear()),
    case("a line id that is not ASCII", "basket.lines[0].line_id", |r| first(r).line_id = "行".into()),
    case("a line id of 129 bytes", "basket.lines[0].line_id", |r| first(r).line_id = "a".repeat(129)),
    case("no sku", "basket.lines[0].sku", |r| first(r).sku.clear()),
    case("a sku that is not ASCII", "basket.lines[0].sku", |r| first(r).sku = "マスク".into()),
    case("a sku with a tab", "basket.lines[0].sku", |r| first(r).sku = "mask\t50".into()),
    case("no store", "basket.lines[0].store", |r| first(r).store.clear()),
    case("the platform as a store", "basket.lines[0].store", |r| first(r).store = "platform".into()),
    case("a store with a slash", "basket.lines[0].store", |r| first(r).store = "a/b".into()),
    case("a store that begins with a dash", "basket.lines[0].store", |r| first(r).store = "-pharma".into()),
    case("a store of 65 bytes", "basket.lines[0].store", |r| first(r).store = "s".repeat(65)),
    case("no quantity", "basket.lines[0].quantity", |r| first(r).quantity = 0),
    case("a negative quantity", "basket.lines[0].quantity", |r| first(r).quantity = -3),
    case("a million pieces", "basket.lines[0].quantity", |r| first(r).quantity = 1_000_000),
    case("the largest number of pieces", "basket.lines[0].quantity", |r| first(r).quantity = i64::MAX),
    case("a negative price", "basket.lines[0].unit_price", |r| first(r).unit_price = -1),
    case("a price beyond 10^12", "basket.lines[0].unit_price", |r| first(r).unit_price = 1_000_000_000_001),
    case("the smallest price", "basket.lines[0].unit_price", |r| first(r).unit_price = i64::MIN),
    case("a negative list price", "basket.lines[0].list_price", |r| first(r).list_price = Some(-1)),
    case("a list price beyond 10^12", "basket.lines[0].list_price", |r| first(r).list_price = Some(i64::MAX)),
    case("a negative floor", "basket.lines[0].floor_price", |r| first(r).floor_price = Some(-1)),
    case("a floor beyond 10^12", "basket.lines[0].floor_price", |r| first(r).floor_price = Some(1_000_000_000_001)),
    case("an empty tax class", "basket.lines[0].tax_class", |r| first(r).tax_class = Some(String::new())),
    case("an empty category", "basket.lines[0].categories[1]", |r| first(r).categories = vec!["masks".into(), String::new()]),
    case("a category with a space", "basket.lines[0].categories[0]", |r| first(r).categories = vec!["face masks".into()]),
    case("a mark that is not ASCII", "basket.lines[0].tags[0]", |r| first(r).tags = vec!["贈り物".into()]),
    // Coupons.
    case("51 coupons", "coupons", |r| r.coupons = (0..51).map(|n| coupon(&format!("c{n}"))).collect()),
    case("a coupon without a name", "coupons[0].design", |r| r.coupons = vec![coupon("")]),
    case("a coupon with a space", "coupons[1].design", |r| r.coupons.push(coupon("store 300"))),
    case("a reserved word as a coupon", "coupons[0].design", |r| r.coupons = vec![coupon("auto")]),
    case("a coupon of 65 bytes", "coupons[0].design", |r| r.coupons = vec![coupon(&"c".repeat(65))]),
    case("an offer of nothing", "coupons[1]", |r| r.coupons.push(v1::CouponOffer { offer: None })),
    // Selections.
    case("a selection for a sku that is not bought", "select[ghost]", |r| {
        r.select.insert("ghost".into(), "none".into());
    }),
    case("a selection of an unknown promotion", "select[mask-50]", |r| {
        r.select.insert("mask-50".into(), "ghost".into());
    }),
    case("a selection of a spend promotion for a sku", "select[mask-50]", |r| {
        r.select.insert("mask-50".into(), "spend-5000".into());
    }),
    case("a spend selection for an unknown line", "select_spend[z]", |r| {
        r.select_spend.insert("z".into(), kept_for(&["none"]));
    }),
    case("a spend selection of nothing", "select_spend[a].promotions", |r| {
        r.select_spend.insert("a".into(), kept_for(&[]));
    }),
    case("a spend selection of none and some", "select_spend[a].promotions", |r| {
        r.select_spend.insert("a".into(), kept_for(&["none", "spend-5000"]));
    }),
    case("a spend selection of an unknown promotion", "select_spend[a]", |r| {
        r.select_spend.insert("a".into(), kept_for(&["ghost"]));
    }),
    case("a spend selection of an item promotion", "select_spend[a]", |r| {
        r.select_spend.insert("a".into(), kept_for(&["flash"]));
    }),
    case("a gift selection of an unknown promotion", "select_gift[ghost]", |r| {
        r.select_gift.insert("ghost".into(), "lamp".into());
    }),
    case("a gift selection of an unknown gift", "select_gift[lamps]", |r| {
        r.select_gift.insert("lamps".into(), "ghost".into());
    }),
    // How to answer.
    case("an unknown view", "view", |r| r.view = 9),
    case("a negative view", "view", |r| r.view = -1),
    case("an unknown strategy", "strategy", |r| r.strategy = 9),
    case("an unknown extra", "include[0]", |r| r.include = vec![9]),
    case("an extra that is not said", "include[0]", |r| r.include = vec![0]),
    // What might be added.
    case("an addition called like a line", "suggest[0].line_id", |r| {
        let line = basket(r).lines[0].clone();
        r.view = v1::View::Full.into();
        r.suggest = vec![line];
    }),
    case("an addition of no pieces", "suggest[0].quantity", |r| {
        let line = v1::Line { line_id: "more".into(), quantity: 0, ..basket(r).lines[0].clone() };
        r.view = v1::View::Full.into();
        r.suggest = vec![line];
    }),
    case("too many additions", "suggest", |r| {
        let line = basket(r).lines[0].clone();
        r.view = v1::View::Full.into();
        r.suggest = (0..21).map(|number| v1::Line { line_id: format!("more-{number}"), ..line.clone() }).collect();
    }),
    // Coupons of a wallet.
    case("an instance that is no id", "coupons[1].instance", |r| r.coupons.push(offer(Offer::Instance("i 1".into())))),
    case("an instance of nobody", "basket.user", |r| {
        r.coupons.push(offer(Offer::Instance("1-00000000".into())));
        basket(r).user = None;
    }),
];

#[tokio::test]
async fn every_bad_request_is_refused_as_documented() {
    assert!(CASES.len() >= 40);
    let mut server = Running::shop().await;
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for Case { name, status, reason, field, spoil } in CASES {
        assert!(names.insert(name), "two cases are called `{name}`");
        let mut request = masks();
        spoil(&mut request);
        match server.quote(request).await {
            Ok(quote) => wrong.push(format!("{name}: answered {}", quote.payable)),
            Err(refusal) if refused_with(&refusal) == (*status, (*reason).to_owned(), vec![(*field).to_owned()]) => {}
            Err(refusal) => wrong.push(format!("{name}: {:?}, not {status:?} {reason} {field}", refused_with(&refusal))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    server.quote(masks()).await.expect("the server is none the worse");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let mut server = Running::shop().await;
    let mut request = masks();
    request.view = 9;
    request.coupons = vec![v1::CouponOffer { offer: None }, coupon("a b")];
    basket(&mut request).at = at(0, -1);
    basket(&mut request).user = Some(String::new());
    first(&mut request).quantity = 0;
    first(&mut request).unit_price = -1;
    let status = server.quote(request).await.expect_err("many errors");
    let mut fields = blamed(&status);
    fields.sort();
    let all = [
        "basket.at",
        "basket.lines[0].quantity",
        "basket.lines[0].unit_price",
        "basket.user",
        "coupons[0]",
        "coupons[1].design",
        "view",
    ];
    assert_eq!(fields, all);
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["violations"], "7");
}

#[tokio::test]
async fn of_a_thousand_errors_20_are_named_in_4_kib() {
    let mut server = Running::shop().await;
    let mut request = masks();
    basket(&mut request).lines = (0..1_000).map(|n| line(&n.to_string(), &"薬".repeat(100), "a b", 0, -1)).collect();
    let status = server.quote(request).await.expect_err("many errors");
    assert_eq!(blamed(&status).len(), 20);
    assert!(status.details().len() <= 4_096, "{} bytes", status.details().len());
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["violations"], "4000");
}

#[tokio::test]
async fn the_bounds_themselves_are_allowed() {
    let mut server = Running::shop().await;
    let mut request = masks();
    let longest = "~".repeat(128);
    let basket = basket(&mut request);
    basket.user = Some(longest.clone());
    basket.at = at(-62_135_596_800, 0);
    basket.lines = (0..1_000).map(|n| line(&n.to_string(), "mask-50", "books", 1, 0)).collect();
    basket.lines[0] = line(&longest, &longest, &"s".repeat(64), 999_999, 1_000_000_000_000);
    basket.lines[0].floor_price = Some(1_000_000_000_000);
    request.coupons = (0..50).map(|n| coupon(&format!("c{n}"))).collect();
    let quote = server.quote(request).await.expect("a price");
    assert_eq!(quote.payable, 999_999 * 1_000_000_000_000);
}

/// The fields that a refusal blames, in its order.
fn blamed(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

/// Status, reason, and the fields: those of a `BadRequest`, or the one that asks for too much.
fn refused_with(status: &Status) -> (Code, String, Vec<String>) {
    let Some(info) = status.get_details_error_info() else { return (status.code(), String::new(), Vec::new()) };
    assert_eq!(info.domain, "tokka");
    assert!(!status.message().is_empty() && status.details().len() <= 4_096, "{status:?}");
    let fields = info.metadata.get("field").map_or_else(|| blamed(status), |field| vec![field.clone()]);
    (status.code(), info.reason, fields)
}
