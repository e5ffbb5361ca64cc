//! Is an order held at the price that the customer saw, once, and refused for the right reason?

use tokka_proto::v1;
use tokka_proto::v1::reserve_request::Expect;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::orders::{SALE, all, is, masks, order, rich};
use crate::running::{Running, coupon, line};

#[tokio::test]
async fn what_a_price_depends_on_is_held_at_the_price_of_the_quote() {
    let mut server = Running::sale().await;
    let v1::ReserveRequest { basket, coupons, .. } = rich("r-1", "u-1");
    let quote = server.quote(v1::QuoteRequest { basket, coupons, ..Default::default() }).await.expect("a price");
    let request = v1::ReserveRequest { expect: Some(Expect::Fingerprint(quote.fingerprint.clone())), ..rich("r-1", "u-1") };
    let answer = server.client.reserve(request).await.expect("a hold").into_inner();
    let held = answer.reservation.expect("a reservation");
    assert_eq!((held.state(), held.version, held.payable, held.kept), (v1::ReservationState::Held, 1, 4760, 4760));
    assert_eq!((held.user.as_deref(), held.fingerprint.as_str()), (Some("u-1"), quote.fingerprint.as_str()));
    let reserved = answer.quote.expect("a quote");
    assert_eq!((reserved.payable, &reserved.lines, &reserved.gifts), (4760, &quote.lines, &quote.gifts));

    let got = server.get("r-1", "u-1").await.expect("a reservation");
    assert_eq!(got.reservation, Some(held));
    let full = got.quote.expect("a quote");
    assert!(full.outcomes.iter().any(|outcome| outcome.promotion == "flash"), "{full:?}");
    assert_eq!((full.payable, full.revision, full.at), (4760, reserved.revision, reserved.at));
    let claim = |claim: &v1::Claim| (claim.counter.as_ref().expect("a counter").kind(), claim.amount, claim.limit);
    let mut claims: Vec<_> = got.claims.iter().map(claim).collect();
    claims.sort();
    let expected = [
        (v1::CounterKind::Stock, 1, 5),
        (v1::CounterKind::Stock, 2, 10),
        (v1::CounterKind::UnitsPerUser, 2, 4),
        (v1::CounterKind::OrdersPerUser, 1, 1),
        (v1::CounterKind::Budget, 300, 1500),
        (v1::CounterKind::GiftInventory, 1, 3),
    ];
    assert_eq!(claims, expected);
    assert_eq!(server.flash_left().await, 8);
}

#[tokio::test]
async fn a_repetition_gets_its_first_answer_and_another_request_does_not_get_the_id() {
    let mut server = Running::sale().await;
    let first = server.client.reserve(rich("r-1", "u-1")).await.expect("a hold").into_inner();
    // The view, the order's names and what to do about a price are no part of what is asked for.
    let again = v1::ReserveRequest { on_price_change: v1::OnPriceChange::ReturnQuote.into(), ..rich("r-1", "u-1") };
    assert_eq!(server.client.reserve(again.clone()).await.expect("a hold").into_inner(), first);
    let mut server = server.restarted().await;
    assert_eq!(server.client.reserve(again).await.expect("a hold").into_inner(), first);
    assert_eq!(server.flash_left().await, 8);

    for other in
        [masks("r-1", "u-1", 2), masks("r-1", "u-2", 2), v1::ReserveRequest { coupons: Vec::new(), ..rich("r-1", "u-1") }]
    {
        is(&server.refused(other).await, Code::AlreadyExists, "ID_TAKEN");
    }
    // A part of a request that only says how is a part of it all the same.
    let longer = v1::ReserveRequest { hold_for: Some(prost_types::Duration { seconds: 60, nanos: 0 }), ..rich("r-1", "u-1") };
    is(&server.refused(longer).await, Code::AlreadyExists, "ID_TAKEN");
    assert_eq!(server.flash_left().await, 8);
}

#[tokio::test]
async fn another_price_is_told_with_the_counters_that_caused_it() {
    let mut server = Running::sale().await;
    for (id, user) in [("r-1", "u-1"), ("r-2", "u-2")] {
        server.hold(masks(id, user, 4)).await;
    }
    let request = v1::ReserveRequest { expect: Some(Expect::ExpectedPayable(4 * 980)), ..masks("r-3", "u-3", 4) };
    let status = server.refused(request.clone()).await;
    is(&status, Code::Aborted, "PRICE_CHANGED");
    let info = status.get_details_error_info().expect("an ErrorInfo");
    assert_eq!(info.metadata["payable"], (2 * 980 + 2 * 1280).to_string());
    assert_eq!(info.metadata["counters"], "1");
    let [violation] = &status.get_details_quota_failure().expect("a QuotaFailure").violations[..] else { panic!("{status:?}") };
    assert_eq!((violation.subject.as_str(), violation.quota_metric.as_str()), ("promotion:flash", "STOCK"));
    assert_eq!(violation.description, "promotion `flash` has 2 left of 10, 4 requested");

    let fresh = v1::ReserveRequest { on_price_change: v1::OnPriceChange::ReturnQuote.into(), ..request };
    let answer = server.client.reserve(fresh).await.expect("an answer").into_inner();
    assert_eq!((answer.outcome(), answer.reservation), (v1::ReserveOutcome::PriceChanged, None));
    let (quote, change) = (answer.quote.expect("a quote"), answer.price_change.expect("a change"));
    assert_eq!((quote.payable, change.payable, change.counters_total), (4520, 4520, 1));
    assert_eq!((change.counters[0].used, change.counters[0].limit, change.counters[0].requested), (8, 10, 4));
    // Nothing was held, so the id is free, and the fresh fingerprint is the one that fits.
    is(&server.get("r-3", "u-3").await.expect_err("nothing"), Code::NotFound, "RESERVATION_NOT_FOUND");
    let agreed = v1::ReserveRequest { expect: Some(Expect::Fingerprint(change.fingerprint)), ..masks("r-3", "u-3", 4) };
    assert_eq!(server.hold(agreed).await.payable, 4520);
    assert_eq!(server.flash_left().await, 0);
}

/// The refusal says how the reservation stands.
fn stands(status: &Status, state: &str, version: &str) {
    let about = status.get_details_error_info().expect("an ErrorInfo").metadata;
    assert_eq!((about["state"].as_str(), about["version"].as_str()), (state, version), "{status:?}");
}

#[tokio::test]
async fn an_id_that_has_ended_is_refused_with_how_it_stands() {
    let mut server = Running::sale().await;
    let short = |id: &str| {
        let hold_for = Some(prost_types::Duration { seconds: 1, nanos: 0 });
        v1::ReserveRequest { hold_for, ..masks(id, "u-1", 2) }
    };
    server.hold(short("r-1")).await;
    server.hold(masks("r-2", "u-1", 2)).await;
    server.commit("r-2", "u-1").await.expect("paid");
    server.refund(all("r-2", "u-1", "b-1")).await;
    while server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("a head").version == 1 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let expired = server.refused(short("r-1")).await;
    is(&expired, Code::FailedPrecondition, "EXPIRED");
    stands(&expired, "EXPIRED", "2");
    let cancelled = server.refused(masks("r-2", "u-1", 2)).await;
    is(&cancelled, Code::FailedPrecondition, "ROLLED_BACK");
    stands(&cancelled, "ROLLED_BACK", "3");
    // Another request gets another answer, and learns nothing.
    is(&server.refused(masks("r-2", "u-1", 1)).await, Code::AlreadyExists, "ID_TAKEN");
}

/// What a refusal says of the open orders behind each counter: kind and number.
fn open_orders(status: &Status) -> Vec<(String, Option<String>)> {
    let violations = status.get_details_quota_failure().expect("a QuotaFailure").violations;
    let told = |violation: &tonic_types::QuotaViolation| {
        (violation.quota_metric.clone(), violation.quota_dimensions.get("held_by_open_orders").cloned())
    };
    violations.iter().map(told).collect()
}

#[tokio::test]
async fn a_limit_of_the_user_says_what_their_own_open_orders_hold_of_it() {
    use v1::outcome::Details;
    let mut server = Running::sale().await;
    let ours = |held: &str| [("UNITS_PER_USER".to_owned(), Some(held.to_owned()))];
    let more = |id: &str| v1::ReserveRequest { expect: Some(Expect::ExpectedPayable(2 * 980)), ..masks(id, "u-1", 2) };
    // One is paid, two are open; the fourth of four is free.
    server.paid(masks("r-1", "u-1", 1)).await;
    server.hold(masks("r-2", "u-1", 2)).await;
    server.hold(masks("r-3", "u-2", 3)).await;
    let status = server.refused(more("r-4")).await;
    is(&status, Code::Aborted, "PRICE_CHANGED");
    assert_eq!(open_orders(&status), ours("2"));
    let mut server = server.restarted().await;
    assert_eq!(open_orders(&server.refused(more("r-4")).await), ours("2"), "after a restart too");

    // An answer that brings the fresh price says it in both of its places.
    let fresh =
        v1::ReserveRequest { on_price_change: v1::OnPriceChange::ReturnQuote.into(), view: v1::View::Full.into(), ..more("r-4") };
    let answer = server.client.reserve(fresh).await.expect("an answer").into_inner();
    assert_eq!(answer.price_change.expect("a change").counters[0].held_by_open_orders, Some(2));
    let limits = |quote: &v1::Quote| {
        let flash = quote.outcomes.iter().find(|outcome| outcome.promotion == "flash").expect("an outcome");
        match flash.details.as_ref().expect("details") {
            Details::Applied(applied) => applied.cut.clone(),
            Details::Limit(limit) => vec![*limit],
            other => panic!("{other:?}"),
        }
    };
    let [cut] = limits(&answer.quote.expect("a quote"))[..] else { panic!("one limit cuts") };
    assert_eq!((cut.counter(), cut.used, cut.held_by_open_orders), (v1::Limit::UnitsPerUser, 3, Some(2)));

    // A quote says it where the limit leaves nothing, and only of the user's own.
    server.hold(masks("r-4", "u-1", 1)).await;
    let quote = v1::QuoteRequest { basket: masks("q", "u-1", 1).basket, view: v1::View::Full.into(), ..Default::default() };
    let quote = server.quote(quote).await.expect("a price");
    let [reached] = limits(&quote)[..] else { panic!("one limit refuses") };
    assert_eq!((reached.counter(), reached.used, reached.held_by_open_orders), (v1::Limit::UnitsPerUser, 4, Some(3)));
    for (id, user, kind) in [("r-5", "u-3", "UNITS_PER_USER"), ("r-6", "u-4", "STOCK")] {
        let one_more = v1::ReserveRequest { expect: Some(Expect::ExpectedPayable(5 * 980)), ..masks(id, user, 5) };
        let told = open_orders(&server.refused(one_more).await);
        let of_kind = told.iter().find(|(of, _)| of == kind).unwrap_or_else(|| panic!("no {kind} in {told:?}"));
        assert_eq!(of_kind.1.as_deref(), (kind != "STOCK").then_some("0"), "{told:?}");
    }
    // What is paid is used, and held by nobody any more.
    server.commit("r-2", "u-1").await.expect("paid");
    server.commit("r-4", "u-1").await.expect("paid");
    let one = v1::ReserveRequest { expect: Some(Expect::ExpectedPayable(980)), ..masks("r-7", "u-1", 1) };
    assert_eq!(open_orders(&server.refused(one).await), ours("0"));
}

#[tokio::test]
async fn fields_that_break_a_rule_are_all_named() {
    let mut server = Running::sale().await;
    let mut request = masks("r 1", "u-1", 0);
    request.basket.as_mut().expect("a basket").at = Some(prost_types::Timestamp::default());
    request.expect = None;
    request.hold_for = Some(prost_types::Duration { seconds: 3 * 86_400, nanos: 0 });
    request.replaces = Some("r 0".to_owned());
    request.refund_policy = 9;
    request.on_price_change = 9;
    let names = |value: &str| (0..9).map(|n| (format!("l{n}"), value.to_owned())).collect();
    request.order = Some(v1::OrderReference {
        order_id: Some(String::new()),
        store_order_ids: [("books".to_owned(), "b-1".to_owned())].into(),
        labels: names("x"),
    });
    let status = server.refused(request).await;
    is(&status, Code::InvalidArgument, "INVALID_FIELDS");
    let bad = status.get_details_bad_request().expect("a BadRequest");
    let mut fields: Vec<_> = bad.field_violations.iter().map(|violation| violation.field.as_str()).collect();
    fields.sort_unstable();
    let expected = [
        "accept_any_price",
        "basket.at",
        "basket.lines[0].quantity",
        "expected_payable",
        "fingerprint",
        "hold_for",
        "on_price_change",
        "order.labels",
        "order.order_id",
        "order.store_order_ids[books]",
        "refund_policy",
        "replaces",
        "reservation_id",
    ];
    assert_eq!(fields, expected);
    for expect in [Expect::Fingerprint("x".repeat(32)), Expect::ExpectedPayable(-1), Expect::AcceptAnyPrice(false)] {
        let status = server.refused(v1::ReserveRequest { expect: Some(expect), ..masks("r-1", "u-1", 1) }).await;
        assert_eq!(status.get_details_bad_request().expect("a BadRequest").field_violations.len(), 1);
    }
}

#[tokio::test]
async fn what_a_reservation_needs_is_asked_for_by_name() {
    let mut server = Running::sale().await;
    let mut nobody = masks("r-1", "u-1", 1);
    nobody.basket.as_mut().expect("a basket").user = None;
    is(&server.refused(nobody).await, Code::FailedPrecondition, "USER_REQUIRED");

    let small = order("r-2", "u-1", vec![line("n", "novel", "books", 1, 700)]);
    let status = server.refused(small.clone()).await;
    is(&status, Code::FailedPrecondition, "BELOW_MINIMUM");
    assert!(status.message().contains("store `books` lacks 300"), "{status:?}");
    server.hold(v1::ReserveRequest { accept_below_minimum: true, ..small }).await;

    let lines = vec![line("n", "novel", "books", 2, 700), line("w", "wipes", "pharma", 1, 900)];
    let qualified = v1::ReserveRequest { coupons: vec![coupon("readers")], ..order("r-3", "u-1", lines) };
    let named = v1::ReserveRequest { refund_policy: v1::RefundPolicy::Proportional.into(), ..qualified.clone() };
    is(&server.refused(named).await, Code::FailedPrecondition, "CLAWBACK_ONLY");
    // Not asked for by name, the policy is what it has to be, and the answer says so.
    assert_eq!(server.hold(qualified).await.refund_policy(), v1::RefundPolicy::Clawback);
}

#[tokio::test]
async fn an_order_without_limits_needs_no_user() {
    let mut server = Running::sale().await;
    let mut request = order("r-1", "u-1", vec![line("w", "wipes", "pharma", 1, 900)]);
    request.basket.as_mut().expect("a basket").user = None;
    let held = server.hold(request.clone()).await;
    assert_eq!((held.user, held.payable), (None, 900));
    let nobody = v1::CommitRequest { reservation_id: "r-1".to_owned(), ..Default::default() };
    let paid = server.client.commit(nobody).await.expect("paid").into_inner().reservation.expect("a reservation");
    assert_eq!(paid.state(), v1::ReservationState::Committed);
    is(&server.commit("r-1", "u-1").await.expect_err("somebody else"), Code::NotFound, "RESERVATION_NOT_FOUND");
}

#[tokio::test]
async fn a_reservation_takes_the_place_of_another_in_one_step() {
    let mut server = Running::sale().await;
    server.hold(masks("r-1", "u-1", 4)).await;
    // Without the first one's four units this user could have none.
    let replacing = v1::ReserveRequest {
        replaces: Some("r-1".to_owned()),
        expect: Some(Expect::ExpectedPayable(3 * 980)),
        ..masks("r-2", "u-1", 3)
    };
    server.hold(replacing.clone()).await;
    assert_eq!(server.flash_left().await, 7);
    let replaced = server.get("r-1", "u-1").await.expect("a reservation");
    let head = replaced.reservation.expect("a reservation");
    assert_eq!((head.state(), head.kept), (v1::ReservationState::RolledBack, 0));
    assert!(replaced.left.iter().all(|line| line.units == 0) && replaced.claims[0].holding == 0);
    // Repeated it is as it was, and nothing is released twice.
    server.hold(replacing).await;
    for (replaced, id) in [("r-1", "r-3"), ("r-9", "r-3")] {
        let request = v1::ReserveRequest { replaces: Some(replaced.to_owned()), ..masks(id, "u-1", 1) };
        is(&server.refused(request).await, Code::FailedPrecondition, "NOT_REPLACEABLE");
    }
    let of_another = v1::ReserveRequest { replaces: Some("r-2".to_owned()), ..masks("r-3", "u-2", 1) };
    is(&server.refused(of_another).await, Code::FailedPrecondition, "NOT_REPLACEABLE");
    assert_eq!(server.flash_left().await, 7);
}

#[tokio::test]
async fn a_cancellation_that_overtakes_its_reserve_leaves_nothing_to_hold() {
    let mut server = Running::sale().await;
    let answer = server.rollback(all("r-1", "u-1", "b-1")).await.expect("an answer");
    assert_eq!((answer.unknown, answer.refund, answer.reservation), (true, None, None));
    assert!(server.rollback(all("r-1", "u-1", "b-1")).await.expect("an answer").unknown);
    let late = server.refused(masks("r-1", "u-1", 2)).await;
    is(&late, Code::FailedPrecondition, "ROLLED_BACK");
    stands(&late, "ROLLED_BACK", "1");
    assert_eq!(server.flash_left().await, 10);
    let got = server.get("r-1", "u-1").await.expect("a tombstone");
    assert_eq!((got.reservation.expect("a head").state(), got.quote), (v1::ReservationState::RolledBack, None));
    is(&server.commit("r-1", "u-1").await.expect_err("nothing to pay"), Code::FailedPrecondition, "ROLLED_BACK");
}

#[tokio::test]
async fn what_a_catalogue_says_later_changes_no_order() {
    let mut server = Running::sale().await;
    let held = server.hold(rich("r-1", "u-1")).await;
    let before = server.get("r-1", "u-1").await.expect("a reservation");
    let (first, _) = SALE.split_once("---\nkind: promotion").expect("settings first");
    server.write("catalogue.yaml", first);
    server.catalogue.wait_for(|state| state.revision.starts_with("2-")).await.expect("a new revision");
    let after = server.get("r-1", "u-1").await.expect("a reservation");
    assert_eq!(after, before);
    let mut server = server.restarted().await;
    assert_eq!(server.get("r-1", "u-1").await.expect("a reservation"), before);
    let again = server.client.reserve(rich("r-1", "u-1")).await.expect("a hold").into_inner();
    assert_eq!(again.reservation, Some(held));
}

#[tokio::test]
async fn nobody_is_the_guest_of_a_reservation_by_its_id() {
    let mut server = Running::sale().await;
    let mut request = order("g-1", "u-1", vec![line("w", "wipes", "pharma", 1, 900)]);
    request.basket.as_mut().expect("a basket").user = None;
    let held = server.hold(request.clone()).await;
    is(&server.get("g-1", "g-1").await.expect_err("not theirs"), Code::NotFound, "RESERVATION_NOT_FOUND");
    is(&server.commit("g-1", "g-1").await.expect_err("not theirs"), Code::NotFound, "RESERVATION_NOT_FOUND");
    let replacing = v1::ReserveRequest { replaces: Some("g-1".to_owned()), ..masks("r-1", "g-1", 1) };
    is(&server.refused(replacing).await, Code::FailedPrecondition, "NOT_REPLACEABLE");
    let part = crate::orders::part("g-1", "g-1", "b-1", &[("w", 1)]);
    is(&server.rollback(part).await.expect_err("not theirs"), Code::NotFound, "RESERVATION_NOT_FOUND");
    let more = |user: Option<&str>| v1::ExtendReservationRequest {
        reservation_id: "g-1".to_owned(),
        user: user.map(str::to_owned),
        request_id: "e-1".to_owned(),
        until: held.deadline,
        ..Default::default()
    };
    let theirs = server.client.extend_reservation(more(Some("g-1"))).await.expect_err("not theirs");
    is(&theirs, Code::NotFound, "RESERVATION_NOT_FOUND");
    let with_receipt = v1::CommitRequest { receipt: held.receipt.clone(), user: Some("g-1".to_owned()), ..Default::default() };
    is(&server.client.commit(with_receipt).await.expect_err("not theirs"), Code::InvalidArgument, "INVALID_FIELDS");
    // Nor can a guest's name be written as one.
    is(&server.get("g-1", " g-1").await.expect_err("no user"), Code::InvalidArgument, "INVALID_FIELDS");
    is(&server.refused(order("g-1", "g-1", vec![line("w", "wipes", "pharma", 1, 900)])).await, Code::AlreadyExists, "ID_TAKEN");

    assert_eq!(server.hold(request).await, held);
    server.client.extend_reservation(more(None)).await.expect("more time");
    let paid = v1::CommitRequest { receipt: held.receipt, ..Default::default() };
    let paid = server.client.commit(paid).await.expect("paid").into_inner().reservation.expect("a reservation");
    assert_eq!((paid.state(), paid.user), (v1::ReservationState::Committed, None));
    let refund =
        v1::RollbackRequest { reservation_id: "g-1".to_owned(), rollback_id: "b-1".to_owned(), all: true, ..Default::default() };
    assert_eq!(server.refund(refund).await.0.amount, 900);
}

/// Skus that are limited each by itself, one promotion that stands back behind another, and a budget.
const BY_SKU: &str = r#"
kind: catalogue
currency: JPY
---
{kind: store, id: s, name: 店}
---
kind: promotion
id: each
name: 10円引き
owner: platform
status: published
scope: {include: {skus: [a, b, c]}}
limits: {stock_by_sku: {a: 3, b: 100, c: 100}, units_per_user: 50, per_sku: true}
item_price: {amount_off: 10}
---
kind: promotion
id: thirty
name: 30円引き
owner: s
status: published
scope: {include: {skus: [d]}}
limits: {stock: 2}
item_price: {amount_off: 30}
---
kind: promotion
id: twenty
name: 20円引き
owner: s
status: published
scope: {include: {skus: [d]}}
limits: {stock: 2}
item_price: {amount_off: 20}
---
kind: promotion
id: budget
name: 予算
owner: s
status: published
scope: {include: {skus: [e]}}
limits: {budget: "100"}
spend: {tiers: [{threshold: 100, amount_off: 60}]}
"#;

type Short = (v1::CounterKind, String, String, i64, i64, i64);

#[tokio::test]
async fn another_price_names_the_counters_behind_it_each_with_its_own_numbers() {
    use v1::CounterKind::{Budget, Stock, StockBySku, UnitsPerUser};
    let mut server = Running::of(BY_SKU, |_| {}).await;
    let lines = |pieces: &[(&str, i64)]| pieces.iter().map(|(sku, units)| line(sku, sku, "s", *units, 100)).collect::<Vec<_>>();
    async fn quoted(server: &mut Running, request: &v1::ReserveRequest) -> i64 {
        server.quote(v1::QuoteRequest { basket: request.basket.clone(), ..Default::default() }).await.expect("a price").payable
    }
    async fn short(server: &mut Running, payable: i64, request: v1::ReserveRequest) -> Vec<Short> {
        let expect = Some(Expect::ExpectedPayable(payable));
        let request = v1::ReserveRequest { expect, on_price_change: v1::OnPriceChange::ReturnQuote.into(), ..request };
        let answer = server.client.reserve(request).await.expect("an answer").into_inner();
        assert_eq!(answer.outcome(), v1::ReserveOutcome::PriceChanged);
        let change = answer.price_change.expect("a change");
        assert_eq!(change.counters_total, i64::try_from(change.counters.len()).expect("few"));
        let one = |short: v1::CounterShortage| {
            let counter = short.counter.expect("a counter");
            (counter.kind(), counter.promotion, counter.sku, short.limit, short.used, short.requested)
        };
        change.counters.into_iter().map(one).collect()
    }
    let cause = |kind, promotion: &str, sku: &str, limit, used, requested| {
        (kind, promotion.to_owned(), sku.to_owned(), limit, used, requested)
    };

    // One of three skus is sold out: the others are not to blame.
    let three = order("r-1", "u-1", lines(&[("a", 1), ("b", 2), ("c", 1)]));
    let before = quoted(&mut server, &three).await;
    server.hold(order("f-1", "u-9", lines(&[("a", 3)]))).await;
    assert_eq!(short(&mut server, before, three.clone()).await, [cause(StockBySku, "each", "a", 3, 3, 1)]);
    // All that the order wants is refused.
    assert_eq!(short(&mut server, 90, order("r-1", "u-1", lines(&[("a", 1)]))).await, [cause(StockBySku, "each", "a", 3, 3, 1)]);
    // What cut the price already when it was quoted is no cause of the next change.
    let many = order("r-2", "u-1", lines(&[("b", 2), ("c", 60)]));
    let before = quoted(&mut server, &many).await;
    for (id, user, units) in [("f-2", "u-7", 50), ("f-3", "u-8", 20)] {
        server.hold(order(id, user, lines(&[("c", units)]))).await;
    }
    assert_eq!(short(&mut server, before, many).await, [cause(StockBySku, "each", "c", 100, 70, 50)]);
    // An expectation that nothing explains: every limit that bites, each by its sku.
    server.hold(order("f-4", "u-1", lines(&[("b", 20)]))).await;
    let found = short(&mut server, 1, order("r-2", "u-1", lines(&[("a", 1), ("b", 60), ("c", 2)]))).await;
    let expected = [cause(StockBySku, "each", "a", 3, 3, 1), cause(UnitsPerUser, "each", "b", 50, 20, 60)];
    assert_eq!((found.len(), expected.iter().all(|one| found.contains(one))), (2, true), "{found:?}");

    // The better promotion has been gone for long; the next one went only now.
    server.hold(order("f-5", "u-9", lines(&[("d", 2)]))).await;
    let one = order("r-3", "u-1", lines(&[("d", 1)]));
    let before = quoted(&mut server, &one).await;
    assert_eq!(before, 80);
    server.hold(order("f-6", "u-9", lines(&[("d", 2)]))).await;
    assert_eq!(short(&mut server, before, one).await, [cause(Stock, "twenty", "", 2, 2, 1)]);

    // Less than a whole discount is left of a budget.
    let one = order("r-4", "u-1", lines(&[("e", 1)]));
    let before = quoted(&mut server, &one).await;
    server.hold(order("f-7", "u-9", lines(&[("e", 1)]))).await;
    assert_eq!(short(&mut server, before, one).await, [cause(Budget, "budget", "", 100, 60, 60)]);
}

#[tokio::test]
async fn an_order_takes_no_more_counters_than_can_be_held_at_once() {
    let mut text = "kind: catalogue\ncurrency: JPY\n---\n{kind: store, id: s, name: 店}\n".to_owned();
    for number in 0..820 {
        text += &format!(
            "---\nkind: promotion\nid: p{number}\nname: p\nowner: s\nstatus: published\n\
             scope: {{include: {{skus: [k{number}]}}}}\n\
             limits: {{stock: 9, stock_by_sku: {{k{number}: 9}}, units_per_user: 9, per_sku: true, orders_per_user: 9, budget: 999}}\n\
             item_price: {{amount_off: 1}}\n"
        );
    }
    let mut server = Running::of(&text, |_| {}).await;
    let request = |id: &str, lines: usize| {
        order(id, "u-1", (0..lines).map(|number| line(&format!("l{number}"), &format!("k{number}"), "s", 1, 100)).collect())
    };
    let basket = request("r-1", 820).basket;
    assert_eq!(server.quote(v1::QuoteRequest { basket, ..Default::default() }).await.expect("a price").payable, 820 * 99);
    let status = server.refused(request("r-1", 820)).await;
    is(&status, Code::InvalidArgument, "INVALID_FIELDS");
    let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].field, "basket.lines");
    assert!(violations[0].description.contains("4100 limited quantities, at most 4096"), "{violations:?}");
    assert_eq!(server.hold(request("r-1", 819)).await.payable, 819 * 99);
}
