//! Questions that are hard on purpose: spend promotions of one exclusion group that overlap, whose thresholds can be met
//! together only by the right parts, and coupons that compete for what is left.

use tokka_core::basket::LineRequest;
use tokka_core::promotion::{Discount, Include, ItemPrice, Owner, Promotion, Rule, UnitPrice};
use tokka_core::rate::Rate;

use crate::Question;
use crate::documents::{categories, coupon, id, line, off, percent, promotion, question, spend};

/// Prices without common factors, so that few parts meet a threshold exactly.
const PRICES: [i64; 20] =
    [997, 1_511, 733, 2_203, 881, 1_327, 1_999, 617, 1_163, 2_411, 773, 1_709, 941, 1_289, 2_039, 683, 1_453, 1_861, 557, 1_097];

/// Name, lines, the thresholds and discounts of spends in one group (store or platform), and those of coupons.
type Hard = (&'static str, usize, bool, &'static [(i64, i64)], &'static [(i64, i64)]);

const HARD: [Hard; 10] = [
    // Two thresholds that take nearly all there is.
    ("two thresholds, tight", 12, false, &[(8_200, 700), (7_400, 650)], &[]),
    ("three thresholds, tight", 12, false, &[(5_200, 420), (5_300, 430), (5_100, 410)], &[]),
    ("four thresholds, tight", 16, false, &[(5_300, 420), (5_400, 430), (5_200, 410), (5_350, 425)], &[]),
    // More is promised than the basket can meet: which of them?
    (
        "five of eight",
        14,
        false,
        &[(2_900, 290), (3_100, 330), (3_300, 300), (3_700, 420), (4_100, 400), (4_300, 480), (5_100, 530), (6_100, 700)],
        &[],
    ),
    (
        "eight on 20 lines",
        20,
        false,
        &[(2_900, 290), (3_100, 330), (3_300, 300), (3_700, 420), (4_100, 400), (4_300, 480), (5_100, 530), (6_100, 700)],
        &[],
    ),
    ("platform, three thresholds", 14, true, &[(6_100, 500), (6_300, 520), (6_000, 490)], &[]),
    // A discount that takes the order below the threshold of a better coupon.
    (
        "coupons behind spends",
        10,
        false,
        &[(4_000, 400), (5_000, 520), (6_500, 690)],
        &[(12_300, 1_200), (12_000, 1_050), (11_500, 900), (9_000, 600)],
    ),
    (
        "coupons behind the platform's spends",
        12,
        true,
        &[(4_000, 400), (5_000, 520), (6_500, 690)],
        &[(14_900, 1_200), (14_500, 1_050), (14_000, 900), (9_000, 600)],
    ),
    (
        "ten spends, ten coupons",
        20,
        false,
        &[
            (2_000, 150),
            (2_500, 210),
            (3_000, 240),
            (3_500, 310),
            (4_000, 330),
            (4_500, 420),
            (5_000, 430),
            (5_500, 520),
            (6_000, 540),
            (7_000, 680),
        ],
        &[
            (24_000, 1_900),
            (23_500, 1_700),
            (23_000, 1_500),
            (22_500, 1_400),
            (22_000, 1_300),
            (21_000, 1_150),
            (20_000, 1_000),
            (15_000, 700),
            (10_000, 450),
            (5_000, 200),
        ],
    ),
    ("prices against thresholds", 16, true, &[(9_000, 900), (7_000, 650)], &[(18_000, 1_500), (17_000, 1_200), (16_000, 1_000)]),
];

pub(crate) fn questions() -> Vec<Question> {
    HARD.iter().enumerate().map(|(number, hard)| one(number, hard)).collect()
}

fn one(number: usize, (name, count, platform, spends, coupons): &Hard) -> Question {
    let stores = vec!["shop".to_owned(), "other".to_owned()];
    let of_store = |number: usize| if *platform && number % 3 == 2 { "other" } else { "shop" };
    let lines: Vec<LineRequest> = PRICES
        .iter()
        .take(*count)
        .enumerate()
        .map(|(number, price)| line(number, of_store(number), &format!("c{}", number % 4), *price, 1))
        .collect();
    let owner = || if *platform { Owner::Platform } else { Owner::Store(id("shop")) };
    let mut promotions: Vec<Promotion> = Vec::new();
    for (position, (threshold, discount)) in spends.iter().enumerate() {
        // Every other one leaves a category out, so that they overlap and are not the same.
        let include = match position % 4 {
            1 => categories(&["c0".to_owned(), "c1".to_owned(), "c2".to_owned()]),
            3 => categories(&["c1".to_owned(), "c2".to_owned(), "c3".to_owned()]),
            _ => categories(&["all".to_owned()]),
        };
        promotions.push(promotion(
            &format!("spend-{position:02}"),
            owner(),
            include,
            0,
            spend("spend", &[(*threshold, off(*discount))]),
        ));
    }
    for (position, (threshold, discount)) in coupons.iter().enumerate() {
        let discount: Discount = if position % 4 == 3 { percent("6", Some(*discount * 2)) } else { off(*discount) };
        let owner = if position % 2 == 0 { Owner::Platform } else { Owner::Store(id("shop")) };
        promotions.push(promotion(&format!("coupon-{position:02}"), owner, Include::default(), 0, coupon(*threshold, discount)));
    }
    if number == 9 {
        for (category, text) in ["5", "7", "9", "11"].into_iter().enumerate() {
            let price = UnitPrice::PercentOff(Rate::percent(text).unwrap());
            let rule = Rule::ItemPrice(ItemPrice { price, flash: false });
            let include = categories(&[format!("c{category}")]);
            promotions.push(promotion(&format!("price-{category}"), Owner::Platform, include, 0, rule));
        }
    }
    question((*name).to_owned(), &stores, promotions, lines)
}
