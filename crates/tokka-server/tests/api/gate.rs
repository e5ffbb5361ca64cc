//! Does what is hardly meant stay out of force until somebody says that it is meant, by its code and with all that the
//! finding tells?

use tokka_proto::v1;
use tokka_proto::v1::finding_number::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::desk::{Desk, apply, by, named};
use crate::orders::is;
use crate::running::line;

const SHOP: &str = "kind: catalogue\ncurrency: JPY\ntime_zone: Asia/Tokyo\n---\n{kind: store, id: pharma, name: 東京ファーマ}\n";

/// Each of these has exactly one finding that blocks.
const BLOCKING: [(&str, &str, &str); 4] = [
    ("ITEM_PRICE_ON_EVERYTHING", "scope", "stacking: {set: false}, item_price: {percent_off: \"5\"}"),
    ("STACKING_NOT_STATED", "stacking", "scope: {include: {skus: [mask-50]}}, item_price: {fixed: 980}"),
    (
        "DISCOUNT_OVER_70",
        "item_price.percent_off",
        "scope: {include: {skus: [mask-50]}}, stacking: {set: false}, item_price: {percent_off: \"80\"}",
    ),
    (
        "FLASH_WITHOUT_LIMIT",
        "limits",
        "scope: {include: {skus: [mask-50]}}, stacking: {set: false}, item_price: {fixed: 980, flash: true}",
    ),
];

fn promotion(id: &str, rest: &str) -> String {
    format!("{{kind: promotion, id: {id}, name: 特価, owner: pharma, {rest}}}")
}

fn publish(id: &str, acknowledge: &[&str]) -> v1::PublishRequest {
    let acknowledge = acknowledge.iter().map(|code| (*code).to_owned()).collect();
    v1::PublishRequest { promotions: vec![named(id)], change: Some(by("ada")), acknowledge, ..Default::default() }
}

async fn published(desk: &mut Desk, request: v1::PublishRequest) -> Result<v1::PublishResponse, Status> {
    Ok(desk.calls.publish(request).await?.into_inner())
}

/// What one mask costs, whose price is 1,280.
async fn mask(desk: &mut Desk) -> i64 {
    let lines = vec![line("a", "mask-50", "pharma", 1, 1280)];
    let basket = v1::Basket { currency: "JPY".to_owned(), lines, ..Default::default() };
    desk.server.quote(v1::QuoteRequest { basket: Some(basket), ..Default::default() }).await.expect("a price").payable
}

/// The kinds, subjects and words of what a refusal names.
fn named_in(refused: &Status) -> Vec<(String, String, String)> {
    is(refused, Code::FailedPrecondition, "CHECK_REFUSED");
    assert!(refused.details().len() <= 4_096);
    let details = refused.get_details_precondition_failure().expect("details").violations;
    details.into_iter().map(|one| (one.r#type, one.subject, one.description)).collect()
}

#[tokio::test]
async fn each_of_the_four_blocks_until_it_is_acknowledged_by_its_code() {
    for (code, field, rest) in BLOCKING {
        let mut desk = Desk::of(SHOP).await;
        desk.write(&promotion("odd", rest), "").await.expect("a draft may be anything");
        let refused = published(&mut desk, publish("odd", &[])).await.expect_err(code);
        let named = named_in(&refused);
        assert_eq!((named.len(), named[0].0.as_str(), named[0].1.as_str()), (1, code, "promotion/odd"), "{named:?}");
        assert!(
            named[0].2.starts_with(&format!("{field}: ")) && named[0].2.ends_with(&format!("docs/findings/{code}.md)")),
            "{named:?}"
        );
        assert_eq!(refused.get_details_error_info().expect("an ErrorInfo").metadata["codes"], code);
        assert_eq!(mask(&mut desk).await, 1280, "{code}: nothing came into force");

        let other = BLOCKING.iter().map(|(other, ..)| *other).find(|other| *other != code).expect("another");
        let refused = published(&mut desk, publish("odd", &[other])).await.expect_err("another code");
        assert_eq!(named_in(&refused).len(), 1, "{code} is not {other}");

        let seen = published(&mut desk, v1::PublishRequest { validate_only: true, ..publish("odd", &[]) }).await.expect("a look");
        assert_eq!((seen.blocked, seen.revision, seen.findings[0].blocking), (true, 1, true));
        let done = published(&mut desk, publish("odd", &[code])).await.expect("meant");
        let found: Vec<_> = done.findings.iter().filter(|finding| finding.code == code).collect();
        assert_eq!((done.revision, done.blocked, found.len()), (2, false, 1), "{done:?}");
        assert!(found[0].acknowledged && !found[0].blocking && found[0].severity() == v1::FindingSeverity::Blocking);
        assert!(mask(&mut desk).await < 1280, "{code}");
        let revision = desk.revision(2).await.expect("a revision").revision.expect("one");
        assert_eq!(revision.acknowledged, [code], "who looks later sees that it was meant");
    }
}

#[tokio::test]
async fn a_document_that_says_that_it_is_meant_needs_nobody_who_does() {
    let mut desk = Desk::of(SHOP).await;
    let (code, _, rest) = BLOCKING[2];
    desk.write(&promotion("odd", &format!("acknowledge: [{code}], {rest}")), "").await.expect("a draft");
    assert_eq!(published(&mut desk, publish("odd", &[])).await.expect("meant").revision, 2);
    for (wrong, says) in [("WINDOW_PAST", "blocks nothing"), ("DISCOUNT_OVER_7", "did you mean `DISCOUNT_OVER_70`?")] {
        let refused = published(&mut desk, publish("odd", &[wrong])).await.expect_err(wrong);
        is(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let violations = refused.get_details_bad_request().expect("details").field_violations;
        assert_eq!(violations[0].field, "acknowledge[0]");
        assert!(violations[0].description.contains(says), "{violations:?}");
    }
}

/// A promotion that was acknowledged is stopped and goes on in a hurry, and it is restored; only another text is asked about.
#[tokio::test]
async fn what_was_meant_once_goes_on_without_a_question() {
    let mut desk = Desk::of(SHOP).await;
    let (code, _, rest) = BLOCKING[3];
    desk.write(&promotion("odd", rest), "").await.expect("a draft");
    published(&mut desk, publish("odd", &[code])).await.expect("meant");
    desk.pause("odd").await.expect("paused");
    let resume = v1::ResumeRequest { promotions: vec![named("odd")], change: Some(by("ada")) };
    assert_eq!(desk.calls.resume(resume).await.expect("it goes on").into_inner().revision, 4);
    desk.pause("odd").await.expect("paused");
    let restore = v1::RestoreRevisionRequest { number: 4, validate_only: false, change: Some(by("ada")) };
    assert_eq!(desk.calls.restore_revision(restore).await.expect("restored").into_inner().revision, 6);
    assert_eq!(mask(&mut desk).await, 980);

    let etag = desk.get("odd").await.expect("a document").etag;
    desk.write(&promotion("odd", &rest.replace("980", "780")), &etag).await.expect("a draft");
    published(&mut desk, publish("odd", &[])).await.expect_err("another text");
    // Nor does what is in force keep others from coming into force.
    desk.write(&promotion("other", "scope: {include: {skus: [tea]}}, stacking: {set: true}, item_price: {fixed: 90}"), "")
        .await
        .expect("a draft");
    let done = published(&mut desk, publish("other", &[])).await.expect("published");
    assert_eq!((done.revision, done.findings), (7, vec![]));
}

#[tokio::test]
async fn files_are_asked_about_like_drafts_and_a_dry_run_shows_the_difference_with_what_blocks() {
    let mut desk = Desk::of(SHOP).await;
    let (code, _, rest) = BLOCKING[2];
    for status in ["published", "paused"] {
        let text = promotion("odd", &format!("status: {status}, {rest}"));
        let request = v1::ApplyRequest { acknowledge: Vec::new(), change: Some(by("ada")), ..apply(&[("odd.yaml", &text)]) };
        let seen =
            desk.calls.apply(v1::ApplyRequest { validate_only: true, ..request.clone() }).await.expect("seen").into_inner();
        assert_eq!((seen.changes.len(), seen.blocked, seen.findings[0].code.as_str()), (1, true, code), "{status}");
        assert_eq!(named_in(&desk.calls.apply(request).await.expect_err(status))[0].0, code, "{status}");
    }
    // A draft is nobody's price.
    let draft =
        v1::ApplyRequest { acknowledge: Vec::new(), change: Some(by("ada")), ..apply(&[("odd.yaml", &promotion("odd", rest))]) };
    let drafted = desk.calls.apply(draft).await.expect("a draft").into_inner();
    assert_eq!((drafted.revision, drafted.blocked, drafted.findings.len()), (1, false, 0));

    let text = promotion("odd", &format!("status: published, {rest}"));
    let request =
        v1::ApplyRequest { acknowledge: vec![code.to_owned()], change: Some(by("ada")), ..apply(&[("odd.yaml", &text)]) };
    let done = desk.calls.apply(request).await.expect("meant").into_inner();
    assert_eq!((done.revision, done.findings[0].acknowledged), (2, true));
}

const PRODUCTS: &str = "sku,store,name,categories,unit_price,list_price,floor_price,unit_cost,tax_class\n\
    mask-50,pharma,マスク,masks,1280,1500,,700,\ntea,pharma,お茶,drinks,300,,,200,\n";

fn csv(text: &str) -> Option<v1::SourceFile> {
    Some(v1::SourceFile { name: "products.csv".to_owned(), text: text.to_owned() })
}

#[tokio::test]
async fn beside_products_costs_and_prices_are_looked_at_with_their_numbers_and_documents() {
    let mut desk = Desk::of(SHOP).await;
    let cheap = promotion("cheap", "scope: {include: {skus: [mask-50]}}, stacking: {set: false}, item_price: {fixed: 320}");
    desk.write(&cheap, "").await.expect("a draft");
    let look = v1::CheckRequest { drafts: vec!["cheap".to_owned()], products: csv(PRODUCTS), ..Default::default() };
    let seen = desk.calls.check(look.clone()).await.expect("findings").into_inner();
    let codes: Vec<&str> = seen.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((codes, seen.findings_total), (vec!["DISCOUNT_OVER_70", "BELOW_COST"], 2));
    let off = &seen.findings[0];
    assert_eq!(
        (off.document.as_str(), off.field.as_str(), off.page.as_str()),
        ("promotion/cheap", "item_price.fixed", "docs/findings/DISCOUNT_OVER_70.md")
    );
    assert_eq!(off.others, ["product/mask-50"]);
    assert_eq!(off.numbers[0], v1::FindingNumber { name: "off".to_owned(), value: Some(Value::Percent("75".to_owned())) });
    let cost = &seen.findings[1];
    assert!(cost.numbers.contains(&v1::FindingNumber { name: "cost".to_owned(), value: Some(Value::Amount(700)) }), "{cost:?}");

    // Without products nobody knows, and it is published; with them it is not.
    let blind = published(&mut desk, v1::PublishRequest { validate_only: true, ..publish("cheap", &[]) }).await.expect("a look");
    assert_eq!((blind.blocked, blind.findings), (false, vec![]));
    let with = v1::PublishRequest { products: csv(PRODUCTS), ..publish("cheap", &[]) };
    let refused = named_in(&published(&mut desk, with.clone()).await.expect_err("75 % off"));
    assert!(refused.len() == 1 && refused[0].2.contains("off 75 %, products 1, product/mask-50; docs/findings/"), "{refused:?}");
    let meant = v1::PublishRequest { acknowledge: vec!["DISCOUNT_OVER_70".to_owned()], ..with };
    assert_eq!(published(&mut desk, meant).await.expect("meant").revision, 2);
    let all = desk.calls.check(v1::CheckRequest { products: csv(PRODUCTS), ..Default::default() }).await.expect("all");
    assert_eq!(all.into_inner().findings_total, 2, "what is in force is looked at where nothing else is asked about");

    let refused = desk.calls.check(v1::CheckRequest { products: csv("sku,store\n1"), ..look }).await.expect_err("no products");
    is(&refused, Code::InvalidArgument, "INVALID_FIELDS");
    assert_eq!(refused.get_details_bad_request().expect("details").field_violations[0].field, "products");
}

/// `item_overlap: forbid`: two item promotions that could be active for one product are never both in force, whoever comes
/// first and however they come.
#[tokio::test]
async fn mutual_exclusion_is_enforced_where_the_catalogue_says_so_and_left_to_the_customer_where_not() {
    let of = |id: &str, scope: &str, rest: &str| {
        promotion(id, &format!("scope: {{include: {{{scope}}}}}, stacking: {{set: false}}, item_price: {{fixed: 980}}{rest}"))
    };
    let day =
        |day: u32| format!(", window: {{start: \"2999-11-{day}T00:00:00+09:00\", end: \"2999-11-{}T00:00:00+09:00\"}}", day + 1);
    let forbid = SHOP.replace("currency: JPY", "currency: JPY\nitem_overlap: forbid");

    // Allowed: told as a note, with the other document.
    let mut desk = Desk::of(SHOP).await;
    for (id, scope) in [("one", "skus: [mask-50]"), ("two", "categories: [masks]")] {
        desk.write(&of(id, scope, ""), "").await.expect("a draft");
    }
    assert_eq!(published(&mut desk, publish("one", &[])).await.expect("one").findings, vec![]);
    let two = published(&mut desk, publish("two", &[])).await.expect("two");
    let overlap = two.findings.iter().find(|finding| finding.code == "ITEM_OVERLAP").expect("told");
    assert!(!overlap.blocking && overlap.severity() == v1::FindingSeverity::Note, "{overlap:?}");
    let both = [overlap.document.as_str(), overlap.others[0].as_str()];
    assert!(both.contains(&"promotion/one") && both.contains(&"promotion/two"), "{overlap:?}");
    // Then it cannot be forbidden as long as both are in force.
    let settings = v1::GetDocumentRequest { kind: v1::DocumentKind::Catalogue.into(), ..Default::default() };
    let etag = desk.calls.get_document(settings).await.expect("settings").into_inner().document.expect("one").etag;
    let stricter = "{kind: catalogue, currency: JPY, time_zone: Asia/Tokyo, item_overlap: forbid}";
    assert_eq!(named_in(&desk.write(stricter, &etag).await.expect_err("both are there"))[0].0, "ITEM_OVERLAP");
    desk.archive("two").await.expect("archived");
    desk.write(stricter, &etag).await.expect("one is gone");

    let mut desk = Desk::of(&forbid).await;
    let drafts = [
        ("one", of("one", "skus: [mask-50]", "")),
        ("two", of("two", "skus: [mask-50]", "")),
        ("category", of("category", "categories: [masks]", "")),
        ("tea", of("tea", "skus: [tea]", "")),
        ("day-11", of("day-11", "skus: [cap]", &day(11))),
        ("day-12", of("day-12", "skus: [cap]", &day(12))),
    ];
    for (_, text) in &drafts {
        desk.write(text, "").await.expect("a draft");
    }
    published(&mut desk, publish("one", &[])).await.expect("the first");
    for id in ["two", "category"] {
        let refused = named_in(&published(&mut desk, publish(id, &[])).await.expect_err(id));
        assert_eq!((refused.len(), refused[0].0.as_str()), (1, "ITEM_OVERLAP"), "{refused:?}");
        assert!(refused[0].2.contains("item_overlap: forbid") && refused[0].2.contains("promotion/"), "{refused:?}");
    }
    is(
        &published(&mut desk, publish("two", &["ITEM_OVERLAP"])).await.expect_err("no code for it"),
        Code::InvalidArgument,
        "INVALID_FIELDS",
    );
    for id in ["tea", "day-11", "day-12"] {
        published(&mut desk, publish(id, &[])).await.expect(id);
    }
    // The products may know that the sku is in no such category.
    let unrelated = csv(&PRODUCTS.replace("masks", "care"));
    let beside = |id: &str| v1::PublishRequest { products: unrelated.clone(), ..publish(id, &[]) };
    published(&mut desk, beside("category")).await.expect("not shared");
    // One makes room for the other, and then cannot come back.
    desk.pause("one").await.expect("paused");
    published(&mut desk, beside("two")).await.expect("there is room");
    let resume = v1::ResumeRequest { promotions: vec![named("one")], change: Some(by("ada")) };
    assert_eq!(named_in(&desk.calls.resume(resume).await.expect_err("two is there"))[0].0, "ITEM_OVERLAP");
    let restore = v1::RestoreRevisionRequest { number: 2, validate_only: true, change: None };
    desk.calls.restore_revision(restore).await.expect("there is only one then").into_inner();
    let mut desk = desk.restarted().await;
    assert_eq!(mask(&mut desk).await, 980, "what was decided beside the products stays in force");
}
