//! What is printed of the sample quote: wording, columns and sums.

use tokka_core::amount::Amount;
use tokka_core::outcome::{Applied, LimitName, LimitUse, NotCovered, Shortfall, Verdict};
use tokka_core::promotion::{Basis, UnitPrice};
use tokka_core::quote::{Hint, Payer, Then, View};
use tokka_core::rate::Rate;
use tokka_core::table::{Ix, LineIx};
use unicode_width::UnicodeWidthStr;

use super::json;
use super::sample::Sample;

/// The section of a report with this title, without the title.
fn section<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let (_, rest) = text.split_once(&format!("\n{title}\n\n")).unwrap_or_else(|| panic!("no section {title} in\n{text}"));
    rest.split("\n\n").next().unwrap().lines().collect()
}

/// The whole numbers of a row's cells, which two spaces part.
fn numbers(row: &str) -> Vec<i64> {
    row.split("  ").filter_map(|cell| cell.trim().replace(',', "").parse().ok()).collect()
}

fn why(name: &str, verdict: &Verdict) -> String {
    let sample = Sample::new();
    sample.report(View::Full).why_not(Some(sample.promotion(name)), verdict)
}

fn limit(counter: LimitName, limit: i64, used: i64, requested: i64) -> LimitUse {
    LimitUse { counter, limit, used, requested }
}

#[test]
fn columns_of_lines_add_up() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let rows: Vec<Vec<i64>> = section(&text, "LINES")
        .into_iter()
        .filter(|row| row.contains(" × ") && numbers(row).len() > 2 || row.contains("the whole order"))
        .map(numbers)
        .collect();
    // gross, item, platform coupon, payable
    assert_eq!(rows, [vec![3840, -600, -309, 2931], vec![2000, -191, 1809], vec![5840, -600, -500, 4740]], "{text}");
    for row in rows {
        let (payable, parts) = row.split_last().unwrap();
        assert_eq!(parts.iter().sum::<i64>(), *payable, "{text}");
    }
}

#[test]
fn lines_say_what_each_piece_pays_and_what_is_special() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    for expected in ["3 × 1,280", "1 × 887", "1 × 886", "1 × 1,158", "1 over the limit", "2 not in “秋の感謝祭”"] {
        assert!(section(&text, "LINES").iter().any(|row| row.contains(expected)), "{expected} in\n{text}");
    }
}

#[test]
fn columns_stand_where_their_heading_ends() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "LINES");
    let end = |row: &str, word: &str| row.split_once(word).map(|(before, _)| before.width() + word.width());
    let head = rows.iter().find_map(|row| end(row, "gross")).unwrap();
    for amount in ["3,840", "2,000", "5,840"] {
        let place = rows.iter().find_map(|row| end(row, &format!("  {amount}  ")));
        assert_eq!(place, Some(head + 2), "{amount} in\n{text}");
    }
}

#[test]
fn sellers_show_shortfall_and_settlement() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let row = section(&text, "SELLERS").into_iter().find(|row| row.contains("東京")).unwrap();
    // gross, own offers, subtotal, platform's offers, payable, paid by others, due
    assert_eq!(numbers(row), [5840, -600, 5240, -500, 4740, 500, 5240], "{text}");
    assert!(row.contains("4,760 short of 10,000"), "{row}");
}

#[test]
fn a_store_that_only_funds_is_a_seller_with_nothing_sold() {
    let mut sample = Sample::new();
    let other = tokka_core::id::Id::parse("other").unwrap();
    sample.quote.funding[1].payer = Payer::Store(other.clone());
    sample.quote.settlements.push((other, Amount::minor(-309)));
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "SELLERS");
    let row = rows.iter().find(|row| row.starts_with("other")).unwrap();
    assert_eq!(numbers(row), [0, 0, 0, -309, -309], "{text}");
    assert_eq!(numbers(rows.last().unwrap()), [5840, -600, 5240, -500, 4740, 500, -309, 4931], "{text}");
    assert!(!text.contains("DOES NOT ADD UP"), "{text}");
}

#[test]
fn funders_pay_what_each_stage_took_off() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "FUNDERS");
    let row = |name: &str| numbers(rows.iter().find(|row| row.starts_with(name)).unwrap());
    // platform coupon, discounts, worth of gifts
    assert_eq!(row("platform  "), [500, 500, 300], "{text}");
    assert_eq!(row("東京ファーマ"), [600, 600, 2000], "{text}");
    assert_eq!(row("all"), [600, 500, 1100, 2300], "{text}");
}

#[test]
fn discounts_name_who_pays_and_what_was_cut() {
    let mut sample = Sample::new();
    sample.quote.funding[2].payer = Payer::Store(tokka_core::id::Id::parse("shop").unwrap());
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "DISCOUNTS");
    assert_eq!(numbers(rows.last().unwrap()), [1100], "{text}");
    let flash = rows.iter().find(|row| row.contains("タイムセール")).unwrap();
    assert!(flash.contains("東京ファーマ") && flash.contains("cut: 2 pieces a customer a day, 3 wanted"), "{text}");
    let place = rows.iter().position(|row| row.contains("ようこそ")).unwrap();
    assert!(rows[place].contains("309  platform") && rows[place + 1].contains("191  東京ファーマ"), "{text}");
}

#[test]
fn gifts_say_what_is_missing() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "GIFTS AND FREE PIECES");
    assert!(rows.iter().any(|row| row.contains("トートバッグ") && numbers(row) == [1, 1, 300]), "{text}");
    assert!(rows.iter().any(|row| row.starts_with("lamp") && numbers(row) == [1, 2000]), "{text}");
}

#[test]
fn what_did_not_apply_and_what_is_missing() {
    let sample = Sample::new();
    let text = sample.report(View::Full).tables();
    let rows = section(&text, "WHY NOT");
    assert!(rows.iter().any(|row| row.contains("秋の感謝祭") && row.ends_with("1,760 short of 7,000 (5,240 counted)")), "{text}");
    assert!(rows.iter().any(|row| row.contains("nope") && row.contains("no such coupon")), "{text}");
    let more = section(&text, "A LITTLE MORE");
    assert!(
        more.iter().any(|row| row.ends_with("1,760 more for 10 % off (at most 3,000) + トートバッグ or ランプ × 1")),
        "{text}"
    );
    let notes = section(&text, "NOTES");
    assert!(notes.iter().any(|row| row.starts_with("prices may change next on 2026-11-12 00:00")), "{text}");
}

#[test]
fn sections_without_content_are_left_out() {
    let mut sample = Sample::new();
    sample.quote.gifts.clear();
    sample.quote.free_units.clear();
    sample.quote.outcomes.clear();
    sample.quote.hints.clear();
    let text = sample.report(View::Basic).tables();
    for title in ["GIFTS", "WHY NOT", "A LITTLE MORE"] {
        assert!(!text.contains(title), "{text}");
    }
    assert!(!text.contains("due to"), "{text}");
}

#[test]
fn reasons_without_numbers() {
    let said = |verdict| why("flash", &verdict);
    assert_eq!(said(Verdict::CouponNotOwned), "the customer does not hold this coupon");
    assert_eq!(said(Verdict::CouponUsed), "the customer has used this coupon already");
    assert_eq!(said(Verdict::CouponExpired), "the customer's coupon is past its validity");
    assert_eq!(said(Verdict::NoBenefit), "would not make anything cheaper");
    assert_eq!(said(Verdict::NotSelected), "would apply, but the basket chose otherwise");
    assert_eq!(said(Verdict::NotPublished), "not published");
    assert_eq!(said(Verdict::OutOfSchedule), "outside its hours (mon 10:00–12:00)");
    assert_eq!(said(Verdict::Audience), "not for this customer: only for those tagged `vip`");
}

#[test]
fn reasons_with_a_moment_name_it_in_the_shops_time() {
    let moment = "2026-11-11T15:00:00Z".parse().unwrap();
    assert_eq!(why("flash", &Verdict::NotStarted { start: moment }), "starts on 2026-11-12 00:00");
    assert_eq!(why("flash", &Verdict::Ended { end: moment }), "ended on 2026-11-12 00:00");
}

#[test]
fn reasons_that_another_promotion_is_behind() {
    let sample = Sample::new();
    let [flash, autumn, welcome, shop_300] = ["flash", "autumn", "welcome", "shop-300"].map(|name| sample.promotion(name));
    let said = |verdict| sample.report(View::Full).why_not(Some(autumn), &verdict);
    assert_eq!(said(Verdict::OnePerOrder { promotion: welcome }), "one coupon of the platform an order: “ようこそ” was used");
    assert_eq!(said(Verdict::OnePerOrder { promotion: shop_300 }), "one coupon a store: “300円引き” was used");
    assert_eq!(
        said(Verdict::ExcludedBy { promotion: autumn }),
        "these items went to “秋の感謝祭”, one such promotion an item (group `spend`)"
    );
    assert_eq!(
        said(Verdict::NotStackable { promotion: flash }),
        "cannot be combined with “マスク タイムセール”, which these items already have"
    );
    let beaten = |amount, winner| Verdict::BeatenBy { promotion: flash, amount, winner };
    assert_eq!(
        said(beaten(Some(Amount::minor(3600)), Some(Amount::minor(3540)))),
        "“マスク タイムセール” was taken instead: 3,540 to pay with it, 3,600 with this"
    );
    assert_eq!(
        said(beaten(Some(Amount::minor(3500)), Some(Amount::minor(3540)))),
        "“マスク タイムセール” was taken instead: 3,540 to pay with it, 3,500 with this, the basket chose the former"
    );
    assert_eq!(said(beaten(None, None)), "“マスク タイムセール” was taken instead");
}

#[test]
fn limits_in_words() {
    let said = |name, counter, most, used, requested| why(name, &Verdict::LimitReached(limit(counter, most, used, requested)));
    assert_eq!(
        said("flash", LimitName::UnitsPerUser, 2, 2, 5),
        "limit reached: 2 pieces a customer a day, 2 used before, 5 wanted"
    );
    assert_eq!(said("flash", LimitName::UnitsPerOrder, 1, 1, 1), "limit reached: 1 piece an order, 1 used before");
    assert_eq!(said("autumn", LimitName::OrdersPerUser, 1, 1, 1), "limit reached: 1 order a customer, 1 used before");
    assert_eq!(said("any-three", LimitName::MaxSets, 2, 2, 1), "limit reached: 2 sets an order, 2 used before");
    assert_eq!(
        why("flash", &Verdict::StockExhausted(limit(LimitName::StockBySku, 1000, 1000, 3))),
        "sold out: 1,000 pieces of this product, 1,000 used before, 3 wanted"
    );
    assert_eq!(
        why("autumn", &Verdict::BudgetExhausted(limit(LimitName::Budget, 500_000, 499_700, 1_200))),
        "budget used up: 500,000 in all, 499,700 used, 1,200 needed"
    );
}

#[test]
fn shortfalls_name_what_was_kept_out_and_cut() {
    let sample = Sample::new();
    let [flash, autumn] = ["flash", "autumn"].map(|name| sample.promotion(name));
    let short = Shortfall {
        basis: Basis::Quantity,
        threshold: 3,
        actual: 2,
        missing: 1,
        kept_out: vec![(LineIx::new(0), flash), (LineIx::new(1), flash)],
        limit: Some(limit(LimitName::UnitsPerOrder, 2, 0, 3)),
    };
    assert_eq!(
        sample.report(View::Full).why_not(Some(autumn), &Verdict::BelowQuantity(short)),
        "1 piece short of 3 (2 counted); a, b not counted because of “マスク タイムセール”; 2 orders an order, 3 wanted"
    );
}

#[test]
fn lines_left_out_stand_together_by_reason() {
    let lines = vec![(LineIx::new(0), NotCovered::NotIncluded), (LineIx::new(1), NotCovered::NotIncluded)];
    assert_eq!(why("welcome", &Verdict::NotCovered { lines }), "covers nothing here: a, b (not among its products)");
    let lines = vec![(LineIx::new(0), NotCovered::OtherStore), (LineIx::new(1), NotCovered::Excluded)];
    let said = why("welcome", &Verdict::NotCovered { lines });
    assert_eq!(said, "covers nothing here: a (sold by another store), b (excluded)");
}

#[test]
fn what_a_promotion_brought_besides_money() {
    let sample = Sample::new();
    let applied = Applied {
        discount: Amount::minor(100),
        free_units: 2,
        gifts: vec![(sample.gift(), 1)],
        cut: Vec::new(),
        floor_cut: Amount::minor(1_500),
    };
    let said = sample.report(View::Full).applied(None, &applied);
    assert_eq!(said, ["2 free pieces", "トートバッグ × 1", "1,500 less, to keep the lowest prices"]);
}

#[test]
fn hints_for_every_kind_of_tier() {
    let sample = Sample::new();
    let said = |then, loses| {
        let hint = Hint {
            promotion: sample.promotion("flash"),
            line: Some(LineIx::new(0)),
            basis: Basis::Quantity,
            threshold: 10,
            missing: 7,
            then,
            loses,
        };
        sample.report(View::Full).hint(&hint)
    };
    let price = |price| said(Then::Price(price), false);
    assert_eq!(price(UnitPrice::Fixed(Amount::minor(1100))), "7 more pieces of mask-50 for 1,100 each");
    assert_eq!(price(UnitPrice::AmountOff(Amount::minor(50))), "7 more pieces of mask-50 for 50 off each");
    assert_eq!(price(UnitPrice::PercentOff(Rate::percent("12.5").unwrap())), "7 more pieces of mask-50 for 12.5 % off each");
    assert_eq!(said(Then::FreeUnits(3), false), "7 more pieces of mask-50 for 3 free pieces in all");
    assert_eq!(
        said(Then::FreeUnits(1), true),
        "7 more pieces of mask-50 for 1 free piece in all (but something given now would be lost)"
    );
}

#[test]
fn json_holds_minor_units_and_the_same_keys_in_both_views() {
    let sample = Sample::new();
    let full = json(&sample.report(View::Full));
    let basic = json(&sample.report(View::Basic));
    assert_eq!(full["payable"], 4740);
    assert_eq!(full["lines"][0]["discounts"]["platform_coupon"], 309);
    assert_eq!(full["lines"][0]["segments"][0]["touches"][1]["discount"], 187);
    assert_eq!(full["stores"][0]["settlement"], 5240);
    assert!(basic["stores"][0]["settlement"].is_null());
    assert_eq!(full["outcomes"][1]["shortfall"]["missing"], 1760);
    assert_eq!(full["hints"][0]["reward"]["discount"]["percent_off"], "10");
    assert_eq!(full["missing_gifts"][0]["wanted"], 2);
    assert_eq!(full["limits"][0]["taken"], 2);
    assert_eq!(full["funders"][0], serde_json::json!({"payer": "platform", "amount": 500, "given_value": 300}));
    assert_eq!(full["fingerprint"].as_str().unwrap().len(), 32);
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&full), keys(&basic));
}
