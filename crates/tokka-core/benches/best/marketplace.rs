//! A basket of 20 lines in three stores, with 20 promotions that cover some of it and 20 coupons in hand: prices at a
//! few categories and products, sets, spend promotions in tiers, and coupons of stores and platform.

use tokka_core::amount::Amount;
use tokka_core::promotion::{
    BuyGet, BuyGetMode, BuyGetTier, Include, ItemPrice, MixMatch, MixMatchReward, Owner, Rule, SetReward, Stacking, UnitPrice,
    VolumeMode, VolumePrice, VolumeTier,
};
use tokka_core::rate::Rate;

use crate::Question;
use crate::documents::{Random, categories, coupon, id, line, off, percent, promotion, question as asked, skus, spend};

const STORES: usize = 3;
const LINES: usize = 20;

pub(crate) fn question(seed: u64) -> Question {
    let mut random = Random::new(seed);
    let r = &mut random;
    let stores: Vec<String> = (0..STORES).map(|number| format!("store-{number}")).collect();
    let mut lines = Vec::new();
    for number in 0..LINES {
        let store = number % STORES;
        let category = format!("c{store}-{}", r.from(0, 3));
        let price = r.from(3, 60) * 100 - *r.pick(&[0, 2, 20, 50]);
        let quantity = *r.pick(&[1, 1, 1, 2, 2, 3]);
        lines.push(line(number, &format!("store-{store}"), &category, price, quantity));
    }
    let own = |store: usize| Owner::Store(id(&format!("store-{store}")));
    let category = |r: &mut Random, store: usize| categories(&[format!("c{store}-{}", r.from(0, 3))]);
    let off_percent = |text: &str| UnitPrice::PercentOff(Rate::percent(text).unwrap());
    let mut promotions = Vec::new();

    // Nine prices: six of a category, two flash prices, one by volume, one "buy 2, get 1".
    for number in 0..6 {
        let store = number % STORES;
        let price = off_percent(r.pick::<&str>(&["5", "8", "10", "12.5", "15", "20"]));
        let include = category(r, store);
        let priority = i32::try_from(r.from(0, 2)).unwrap();
        let rule = Rule::ItemPrice(ItemPrice { price, flash: false });
        let mut document = promotion(&format!("price-{number}"), own(store), include, priority, rule);
        document.stacking = Stacking { set: (r.from(0, 2) == 0).then_some(true), ..Stacking::default() };
        promotions.push(document);
    }
    for number in 0..2 {
        let at = usize::try_from(r.from(0, 19)).unwrap();
        let row = lines.get(at).unwrap();
        let price = UnitPrice::Fixed(Amount::minor(row.unit_price * r.from(70, 90) / 100));
        let rule = Rule::ItemPrice(ItemPrice { price, flash: true });
        let store = row.store.clone();
        let mut document =
            promotion(&format!("flash-{number}"), Owner::Store(id(&store)), skus(std::slice::from_ref(&row.sku)), 10, rule);
        document.stacking = Stacking { spend: Some(false), store_coupon: Some(r.from(0, 1) == 0), ..Stacking::default() };
        promotions.push(document);
    }
    let tiers = [(2, "5"), (3, "12")].map(|(min_quantity, text)| VolumeTier { min_quantity, price: off_percent(text) });
    let volume = Rule::VolumePrice(VolumePrice { mode: VolumeMode::AllUnits, tiers: tiers.to_vec() });
    promotions.push(promotion("volume", own(0), category(r, 0), 1, volume));
    let free = BuyGet { mode: BuyGetMode::Include, repeat: true, tiers: vec![BuyGetTier { buy: 2, get: 1 }] };
    promotions.push(promotion("three-for-two", own(1), category(r, 1), 1, Rule::BuyGet(free)));

    // Three sets.
    let rewards = [
        MixMatchReward::Cheapest { count: 1, percent_off: Rate::percent("100").unwrap() },
        MixMatchReward::Set(SetReward::PercentOff(Rate::percent("15").unwrap())),
        MixMatchReward::Set(SetReward::AmountOff(Amount::minor(400))),
    ];
    for (store, reward) in rewards.into_iter().enumerate() {
        let rule = Rule::MixMatch(MixMatch { pick: 3, reward, max_sets: Some(2) });
        promotions.push(promotion(&format!("set-{store}"), own(store), category(r, store), 0, rule));
    }

    // Seven spends: four of stores, three of the platform, two of which compete.
    for number in 0..4 {
        let store = number % STORES;
        let step = r.from(20, 60) * 100;
        let tiers = [(step, off(step / 12)), (step * 2, off(step / 5)), (step * 4, percent("12", Some(step)))];
        let include = if number < STORES { Include::default() } else { category(r, store) };
        promotions.push(promotion(&format!("spend-{number}"), own(store), include, 0, spend("spend", &tiers)));
    }
    let step = r.from(50, 100) * 100;
    let all = || categories(&["all".to_owned()]);
    let platform =
        |name: &str, include: Include, priority: i32, rule: Rule| promotion(name, Owner::Platform, include, priority, rule);
    promotions.push(platform("big", all(), 5, spend("spend", &[(step, off(step / 20)), (step * 2, off(step / 8))])));
    let some = categories(&[format!("c0-{}", r.from(0, 3)), format!("c1-{}", r.from(0, 3)), format!("c2-{}", r.from(0, 3))]);
    promotions.push(platform("season", some, 3, spend("spend", &[(3_000, percent("10", Some(1_500)))])));
    promotions.push(platform("app", all(), 1, spend("app", &[(12_000, off(600))])));

    // 20 coupons: four a store, eight of the platform.
    for store in 0..STORES {
        let include = category(r, store);
        let owned = [
            (Include::default(), coupon(r.from(20, 60) * 100, off(r.from(2, 6) * 100))),
            (Include::default(), coupon(r.from(60, 120) * 100, off(r.from(6, 12) * 100))),
            (Include::default(), coupon(0, percent(r.pick::<&str>(&["5", "7", "10"]), Some(r.from(4, 9) * 100)))),
            (include, coupon(1_000, percent("20", Some(800)))),
        ];
        for (number, (include, rule)) in owned.into_iter().enumerate() {
            promotions.push(promotion(&format!("coupon-{store}-{number}"), own(store), include, 0, rule));
        }
    }
    for number in 0..8 {
        let include = match number {
            6 => categories(&[format!("c0-{}", r.from(0, 3)), format!("c1-{}", r.from(0, 3))]),
            7 => categories(&[format!("c2-{}", r.from(0, 3))]),
            _ => Include::default(),
        };
        let rule = match number % 3 {
            0 => coupon(r.from(100, 250) * 100, off(r.from(5, 20) * 100)),
            1 => coupon(r.from(10, 80) * 100, percent(r.pick::<&str>(&["5", "8"]), Some(r.from(5, 15) * 100))),
            _ => coupon(r.from(30, 90) * 100, off(r.from(3, 8) * 100)),
        };
        promotions.push(platform(&format!("platform-{number}"), include, 0, rule));
    }
    asked(format!("marketplace {seed}"), &stores, promotions, lines)
}
