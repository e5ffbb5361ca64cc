//! Is a basket priced as the catalogue says, and explained as far as asked?

use tokka_proto::v1;
use tokka_proto::v1::outcome::Details;

use crate::running::{Running, SHOP, coupon, line, masks};

#[tokio::test]
async fn amounts_are_those_of_the_contract_down_to_the_unit() {
    let mut server = Running::shop().await;
    let quote = server.quote(masks()).await.expect("a price");
    assert_eq!((quote.currency.as_str(), quote.gross, quote.payable), ("JPY", 3840, 2940));
    let discounts = v1::StageAmounts { item: 600, store_coupon: 300, ..Default::default() };
    assert_eq!(quote.discounts, Some(discounts));
    assert_eq!(quote.applied, ["flash", "store-300"]);

    let [line] = &quote.lines[..] else { panic!("one line: {:?}", quote.lines) };
    assert_eq!((line.line_id.as_str(), line.gross, line.payable, line.over_limit), ("a", 3840, 2940, 1));
    assert_eq!(line.discounts, Some(discounts));
    // 300 over 1,960 and 1,280: 181.48 and 118.52, so the odd one goes to the unit beyond the limit.
    let runs: Vec<_> = line.runs.iter().map(|run| (run.count, run.payable)).collect();
    assert_eq!(runs, [(1, 890), (1, 889), (1, 1161)]);

    let [store] = &quote.stores[..] else { panic!("one store: {:?}", quote.stores) };
    assert_eq!((store.store.as_str(), store.subtotal, store.payable, store.below_minimum), ("pharma", 2940, 2940, 0));
    assert_eq!(store.tax_totals, [v1::TaxTotal { tax_class: None, payable: 2940 }]);
    assert!(quote.revision.starts_with("1-"), "{}", quote.revision);
    assert_eq!(quote.at.expect("a moment").seconds, 1_794_358_800);
    assert!(!quote.needs_user && !quote.clawback_only);
}

#[tokio::test]
async fn basic_is_small_and_full_explains() {
    let mut server = Running::shop().await;
    let basic = server.quote(masks()).await.expect("a price");
    let full = server.quote(v1::QuoteRequest { view: v1::View::Full.into(), ..masks() }).await.expect("a price");

    assert!(basic.outcomes.is_empty() && basic.hints.is_empty() && basic.groups.is_empty());
    assert!(basic.funding.is_empty() && basic.funders.is_empty() && basic.lines[0].segments.is_empty());
    assert!(basic.settlements.is_empty());
    let size = prost::Message::encoded_len(&basic);
    assert!(size < 200, "{size} bytes for one line");

    // FULL is BASIC and more.
    let mut cut = full.clone();
    (cut.outcomes, cut.hints, cut.groups, cut.funding, cut.funders) = Default::default();
    cut.lines.iter_mut().for_each(|line| line.segments.clear());
    cut.settlements.clear();
    assert_eq!(cut, basic);

    let outcome = |id: &str| full.outcomes.iter().find(|outcome| outcome.promotion == id).expect("an outcome");
    let flash = outcome("flash");
    assert_eq!(
        (flash.code(), flash.stage(), flash.name.as_str()),
        (v1::OutcomeCode::Applied, v1::Stage::Item, "マスク タイムセール")
    );
    let Some(Details::Applied(applied)) = &flash.details else { panic!("{flash:?}") };
    assert_eq!(applied.discount, 600);
    let cut =
        v1::LimitUse { counter: v1::Limit::UnitsPerOrder.into(), limit: 2, used: 0, requested: 3, held_by_open_orders: None };
    assert_eq!(applied.cut, [cut]);

    let spend = outcome("spend-5000");
    assert_eq!(spend.code(), v1::OutcomeCode::BelowThreshold);
    let Some(Details::Shortfall(short)) = &spend.details else { panic!("{spend:?}") };
    assert_eq!((short.basis(), short.threshold, short.actual, short.missing), (v1::Basis::Amount, 5000, 3240, 1760));
    assert_eq!(outcome("lamps").code(), v1::OutcomeCode::BelowThreshold);

    let hint = full.hints.iter().find(|hint| hint.promotion == "spend-5000").expect("a hint");
    assert_eq!(hint.missing, 1760);
    let Some(v1::hint::Then::Reward(reward)) = &hint.then else { panic!("{hint:?}") };
    assert_eq!(reward.gifts[0].gift, "tote-bag");

    assert_eq!(full.funding.iter().map(|part| part.amount).sum::<i64>(), 900);
    let funders: Vec<_> = full.funders.iter().map(|total| (total.payer.as_str(), total.amount)).collect();
    assert_eq!(funders, [("platform", 120), ("pharma", 780)]);
    assert_eq!(full.settlements, [v1::Settlement { store: "pharma".to_owned(), amount: 2940 + 120 }]);
    let touches: Vec<_> = full.lines[0].segments.iter().map(|segment| (segment.units, segment.touches.len())).collect();
    assert_eq!(touches, [(2, 2), (1, 1)]);
    assert!(full.groups.iter().any(|group| group.store == "pharma"));
}

#[tokio::test]
async fn gifts_bring_what_the_erp_needs_and_missing_ones_are_named() {
    let mut server = Running::shop().await;
    let mut request = masks();
    request.basket.as_mut().expect("a basket").lines = vec![line("a", "tea", "pharma", 10, 2500)];
    request.select_gift.insert("lamps".to_owned(), "lamp".to_owned());
    request.view = v1::View::Full.into();
    let quote = server.quote(request).await.expect("a price");
    let [bag] = &quote.gifts[..] else { panic!("{:?}", quote.gifts) };
    assert_eq!((bag.promotion.as_str(), bag.gift.as_str(), bag.quantity), ("spend-5000", "tote-bag", 1));
    assert_eq!(bag.erp, Some(v1::gift::Erp::Note("not in the ERP: トートバッグ × 1".to_owned())));
    let [lamp] = &quote.missing_gifts[..] else { panic!("{:?}", quote.missing_gifts) };
    assert_eq!((lamp.promotion.as_str(), lamp.gift.as_str(), lamp.wanted, lamp.given), ("lamps", "lamp", 1, 0));
    // A bag is worth 300, and the store funds what it gives; the coupon is paid for by both.
    let funder = |payer: &str, amount, given_value| v1::FunderTotal { payer: payer.to_owned(), amount, given_value };
    assert_eq!(quote.funders, [funder("platform", 120, 0), funder("pharma", 500 + 180, 300)]);
    let lamps = quote.outcomes.iter().find(|outcome| outcome.promotion == "lamps").expect("an outcome");
    assert_eq!(lamps.code(), v1::OutcomeCode::NoBenefit, "{lamps:?}");
}

#[tokio::test]
async fn coupons_that_do_not_apply_say_why() {
    let mut server = Running::shop().await;
    let coupons = vec![coupon("old-coupon"), coupon("nobody-knows-it")];
    let quote = server.quote(v1::QuoteRequest { coupons, view: v1::View::Full.into(), ..masks() }).await.expect("a price");
    let outcome = |id: &str| quote.outcomes.iter().find(|outcome| outcome.promotion == id).expect("an outcome");
    let old = outcome("old-coupon");
    assert_eq!(old.code(), v1::OutcomeCode::Ended);
    let Some(Details::EndedAt(end)) = &old.details else { panic!("{old:?}") };
    assert_eq!(end.seconds, 1_735_657_200);
    let unknown = outcome("nobody-knows-it");
    assert_eq!((unknown.code(), unknown.name.as_str()), (v1::OutcomeCode::UnknownCoupon, ""));
}

#[tokio::test]
async fn a_selection_of_nothing_is_kept() {
    let mut server = Running::shop().await;
    let mut request = masks();
    request.select.insert("mask-50".to_owned(), "none".to_owned());
    let quote = server.quote(request).await.expect("a price");
    assert_eq!((quote.payable, quote.applied), (3540, vec!["store-300".to_owned()]));

    let mut request = masks();
    request.basket.as_mut().expect("a basket").lines[0].quantity = 10;
    request.select_spend.insert("a".to_owned(), v1::SpendSelection { promotions: vec!["none".to_owned()] });
    let quote = server.quote(request).await.expect("a price");
    assert_eq!(quote.discounts.expect("discounts").store_spend, 0);
    assert!(quote.gifts.is_empty());
}

#[tokio::test]
async fn tax_classes_are_summed_by_store() {
    let mut server = Running::shop().await;
    let mut request = masks();
    let lines = &mut request.basket.as_mut().expect("a basket").lines;
    *lines = vec![line("a", "tea", "pharma", 1, 500), line("b", "novel", "books", 2, 700), line("c", "soap", "pharma", 1, 300)];
    lines[0].tax_class = Some("reduced".to_owned());
    let quote = server.quote(request).await.expect("a price");
    let total = |tax_class: Option<&str>, payable| v1::TaxTotal { tax_class: tax_class.map(str::to_owned), payable };
    assert_eq!(quote.stores[0].tax_totals, [total(Some("reduced"), 500), total(None, 300)]);
    assert_eq!(quote.stores[1].tax_totals, [total(None, 1400)]);
    assert_eq!(quote.stores[0].below_minimum, 2200);
}

#[tokio::test]
async fn the_fingerprint_stands_for_what_is_offered() {
    let mut server = Running::shop().await;
    let first = server.quote(masks()).await.expect("a price");
    assert!(first.fingerprint.len() == 32 && first.fingerprint.bytes().all(|b| b.is_ascii_hexdigit()), "{}", first.fingerprint);
    let mut later = masks();
    later.view = v1::View::Full.into();
    later.basket.as_mut().expect("a basket").at = None;
    assert_eq!(server.quote(later).await.expect("a price").fingerprint, first.fingerprint);
    let mut other = masks();
    other.basket.as_mut().expect("a basket").lines[0].quantity = 2;
    assert_ne!(server.quote(other).await.expect("a price").fingerprint, first.fingerprint);
}

#[tokio::test]
async fn a_basket_without_a_moment_is_priced_for_now() {
    let mut server = Running::shop().await;
    let mut request = masks();
    request.basket.as_mut().expect("a basket").at = None;
    let before = jiff::Timestamp::now().as_second();
    let at = server.quote(request).await.expect("a price").at.expect("a moment").seconds;
    assert!((before..=jiff::Timestamp::now().as_second()).contains(&at), "{at}");
}

#[tokio::test]
async fn counters_say_what_is_known_of_them() {
    let mut server = Running::shop().await;
    let quote = server.quote(masks()).await.expect("a price");
    // `lamps` covers the line, and one of its gifts has an inventory.
    assert_eq!(quote.counters(), v1::CounterState::Known);

    let mut server = Running::of(&SHOP.replace(", inventory: 0", ""), |_| {}).await;
    let quote = server.quote(masks()).await.expect("a price");
    // `units_per_order` counts this order alone: no counter is asked.
    assert_eq!(quote.counters(), v1::CounterState::NotLimited);
}

#[tokio::test]
async fn a_limit_of_a_user_needs_one() {
    let shop = SHOP.replace("units_per_order: 2", "units_per_user: 2");
    let mut server = Running::of(&shop, |_| {}).await;
    let known = server.quote(masks()).await.expect("a price");
    let mut request = masks();
    request.basket.as_mut().expect("a basket").user = None;
    let guest = server.quote(request).await.expect("a price");
    assert_eq!((known.needs_user, guest.needs_user, known.payable), (false, true, guest.payable));
}

#[tokio::test]
async fn free_units_on_top_and_among_the_pieces_are_told_apart() {
    let buy_get = |mode: &str| {
        let rule = format!("buy_get: {{mode: {mode}, repeat: true, tiers: [{{buy: 2, get: 1}}]}}");
        SHOP.replace("limits: {units_per_order: 2}\nitem_price: {fixed: 980, flash: true}", &rule)
    };
    let free = |units| {
        let [promotion, line_id, sku] = ["flash", "a", "mask-50"].map(str::to_owned);
        vec![v1::FreeUnits { promotion, line_id, sku, units }]
    };
    let mut on_top = Running::of(&buy_get("add"), |_| {}).await;
    let quote = on_top.quote(masks()).await.expect("a price");
    assert_eq!((quote.free_units, quote.included_units, quote.payable), (free(1), Vec::new(), 3840 - 300));
    let mut among = Running::of(&buy_get("include"), |_| {}).await;
    let quote = among.quote(masks()).await.expect("a price");
    assert_eq!((quote.free_units, quote.included_units, quote.payable), (Vec::new(), free(1), 2560));
}

#[tokio::test]
async fn groups_mark_what_is_beyond_a_limit_and_what_a_spend_may_not_use() {
    let shop = SHOP.replace("item_price: {fixed: 980", "stacking: {spend: false}\nitem_price: {fixed: 980");
    let mut server = Running::of(&shop, |_| {}).await;
    let mut request = v1::QuoteRequest { view: v1::View::Full.into(), ..masks() };
    request.basket.as_mut().expect("a basket").lines.push(line("b", "tea", "pharma", 2, 2500));
    let quote = server.quote(request).await.expect("a price");
    let spend = v1::group::By::Spend("spend-5000".to_owned());
    let group = quote.groups.iter().find(|group| group.by == Some(spend.clone())).expect("a group");
    let entry = |line_id: &str, units| v1::GroupEntry { line_id: line_id.to_owned(), units, ..Default::default() };
    assert_eq!(group.entries, [v1::GroupEntry { over_limit: true, ..entry("a", 1) }, entry("b", 2)]);
    let kept_out: Vec<_> = quote.groups.iter().flat_map(|group| &group.entries).filter_map(|e| e.not_in_spend.as_ref()).collect();
    let why = v1::NotCovered::NotStackable.into();
    assert_eq!(kept_out, [&v1::NotInSpend { promotion: "spend-5000".to_owned(), why, kept_out_by: "flash".to_owned() }]);
}

/// The basket that `examples/baskets/all-six-stages.yaml` works out by hand, under the catalogue of the examples.
#[tokio::test]
async fn the_example_of_all_six_stages_costs_what_it_says() {
    let marketplace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/marketplace");
    let mut server = Running::of(SHOP, |config| config.catalogue = Some(marketplace.into())).await;
    let (yamabiko, hinata) = ("yamabiko-outdoor", "hinata-living");
    let of = |line: v1::Line, categories: &[&str]| v1::Line {
        categories: categories.iter().map(|category| (*category).to_owned()).collect(),
        tax_class: Some("standard".to_owned()),
        ..line
    };
    let lines = [
        of(line("a", "yo-chair-low-khaki", yamabiko, 3, 5980), &["camp", "camp.furniture"]),
        of(line("b", "yo-lamp-led-1000", yamabiko, 1, 6980), &["camp", "camp.lamps"]),
        of(line("c", "hl-border-navy-m", hinata, 2, 2490), &["fashion", "fashion.tops"]),
        of(line("d", "hl-tee-white-m", hinata, 1, 1990), &["fashion", "fashion.tops"]),
        of(line("e", "hl-pan-24", hinata, 1, 2980), &["household", "household.kitchen", "household.kitchen.pans"]),
    ];
    let quote = server
        .quote(v1::QuoteRequest {
            basket: Some(v1::Basket {
                currency: "JPY".to_owned(),
                lines: lines.into(),
                user: Some("u-tanaka".to_owned()),
                channel: Some("web".to_owned()),
                region: Some("kanto".to_owned()),
                ..Default::default()
            }),
            coupons: ["hl-coupon-300", "yo-coupon-1000", "pf-coupon-500", "pf-coupon-2000"].map(coupon).into(),
            view: v1::View::Full.into(),
            ..Default::default()
        })
        .await
        .expect("a price");

    assert_eq!((quote.gross, quote.payable), (34_870, 26_630));
    let stages = v1::StageAmounts {
        item: 1_794,
        set: 1_990,
        store_spend: 1_156,
        store_coupon: 1_300,
        platform_spend: 1_500,
        platform_coupon: 500,
    };
    assert_eq!(quote.discounts, Some(stages));
    let lines: Vec<_> = quote.lines.iter().map(|line| (line.line_id.as_str(), line.payable)).collect();
    assert_eq!(lines, [("a", 13_618), ("b", 5_887), ("c", 3_185), ("d", 1_272), ("e", 2_668)]);
    let stores: Vec<_> = quote.stores.iter().map(|store| (store.store.as_str(), store.subtotal, store.payable)).collect();
    assert_eq!(stores, [(yamabiko, 20_970, 19_505), (hinata, 7_660, 7_125)]);
    let gifts: Vec<_> = quote.gifts.iter().map(|gift| (gift.gift.as_str(), gift.quantity)).collect();
    assert_eq!(gifts, [("sierra-cup", 1), ("eco-bag", 2)]);
    assert_eq!((quote.funders[0].payer.as_str(), quote.funders[0].amount), ("platform", 1_597));

    let outcome = |id: &str| quote.outcomes.iter().find(|outcome| outcome.promotion == id).expect("an outcome");
    let missing = |id: &str| match &outcome(id).details {
        Some(Details::Shortfall(short)) => short.missing,
        other => panic!("{id}: {other:?}"),
    };
    assert_eq!((missing("hl-spend-fashion"), missing("hl-autumn-gift")), (5_020, 40));
    let late = outcome("pf-coupon-2000");
    assert_eq!(late.code(), v1::OutcomeCode::OnePerOrder);
    let Some(Details::Rival(rival)) = &late.details else { panic!("{late:?}") };
    assert_eq!(rival.promotion, "pf-coupon-500");
    assert_eq!(late.lines.len(), 5);
}

/// The offers of the shop leave nothing to a search that the rules of choice would miss, so what is asserted is what a
/// search adds: its certificate, and an order that is held, looked up and returned at the price that was searched for.
#[tokio::test]
async fn the_best_price_is_certified_and_held() {
    let mut server = Running::shop().await;
    let sequential = server.quote(masks()).await.expect("a price");
    assert_eq!(sequential.search, None);
    let request = v1::QuoteRequest {
        strategy: v1::Strategy::Best.into(),
        coupons_auto: true,
        suggest: vec![line("more", "mask-50", "pharma", 20, 1280)],
        view: v1::View::Full.into(),
        ..masks()
    };
    let answer = server.client.quote(request.clone()).await.expect("a price").into_inner();
    let quote = answer.quote.expect("a quote");
    let search = quote.search.expect("it was searched for");
    assert_eq!(search.certificate(), v1::Certificate::Proven);
    assert_eq!((search.lower_bound, search.sequential_payable), (quote.payable, sequential.payable));
    assert!(quote.payable <= sequential.payable);
    for found in &answer.suggestions {
        assert_eq!(found.line_id, "more");
        assert_eq!(found.difference, found.payable - quote.payable);
        assert!((1..=20).contains(&found.quantity) && (found.difference < 0 || !found.reaches.is_empty()));
    }

    let mut basket = request.basket.clone();
    basket.as_mut().expect("a basket").at = None;
    let now = server.quote(v1::QuoteRequest { basket: basket.clone(), ..request.clone() }).await.expect("a price");
    let reserve = v1::ReserveRequest {
        reservation_id: "best-1".to_owned(),
        basket,
        coupons: request.coupons,
        coupons_auto: true,
        strategy: request.strategy,
        expect: Some(v1::reserve_request::Expect::Fingerprint(now.fingerprint.clone())),
        ..Default::default()
    };
    server.client.reserve(reserve).await.expect("it is held");
    let get =
        v1::GetReservationRequest { reservation_id: "best-1".to_owned(), user: Some("u1".to_owned()), ..Default::default() };
    let held = server.client.get_reservation(get).await.expect("it is there").into_inner();
    let held = held.quote.expect("its price");
    assert_eq!((held.payable, held.fingerprint, held.search), (now.payable, now.fingerprint, now.search));
}
