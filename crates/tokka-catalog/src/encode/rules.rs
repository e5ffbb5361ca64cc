//! How is each rule block written?

use serde_json::Value as Json;
use tokka_core::amount::Amount;
use tokka_core::promotion::{
    Basis, Bundle, BuyGet, BuyGetTier, Component, Coupon, Discount, GiftReward, ItemPrice, MixMatch, MixMatchReward, Rule,
    SetReward, Spend, SpendTier, ThresholdOn, UnitPrice, VolumePrice, VolumeTier,
};

use super::fields::Fields;
use super::words::{self, amount, names};
use super::write_scope;

/// The block, without its name.
pub(super) fn write_rule(rule: &Rule, exponent: u32) -> Json {
    match rule {
        Rule::ItemPrice(rule) => write_item_price(rule, exponent),
        Rule::VolumePrice(rule) => write_volume_price(rule, exponent),
        Rule::BuyGet(rule) => write_buy_get(rule),
        Rule::MixMatch(rule) => write_mix_match(rule, exponent),
        Rule::Bundle(rule) => write_bundle(rule, exponent),
        Rule::Spend(rule) => write_spend(rule, exponent),
        Rule::Coupon(rule) => write_coupon(rule, exponent),
    }
}

fn write_item_price(rule: &ItemPrice, exponent: u32) -> Json {
    let ItemPrice { price, flash } = *rule;
    with_unit_price(Fields::new(), price, exponent).unless("flash", flash, !flash).into_json()
}

fn with_unit_price(fields: Fields, price: UnitPrice, exponent: u32) -> Fields {
    match price {
        UnitPrice::Fixed(price) => fields.field("fixed", amount(price, exponent)),
        UnitPrice::AmountOff(off) => fields.field("amount_off", amount(off, exponent)),
        UnitPrice::PercentOff(rate) => fields.field("percent_off", rate.to_string()),
    }
}

fn write_volume_price(rule: &VolumePrice, exponent: u32) -> Json {
    let VolumePrice { mode, tiers } = rule;
    let tier = |tier: &VolumeTier| {
        let VolumeTier { min_quantity, price } = *tier;
        with_unit_price(Fields::new().field("min_quantity", min_quantity), price, exponent).into_json()
    };
    Fields::new().field("mode", words::volume_mode(*mode)).field("tiers", tiers.iter().map(tier).collect::<Json>()).into_json()
}

fn write_buy_get(rule: &BuyGet) -> Json {
    let BuyGet { mode, repeat, tiers } = rule;
    let tier = |tier: &BuyGetTier| {
        let BuyGetTier { buy, get } = *tier;
        Fields::new().field("buy", buy).field("get", get).into_json()
    };
    Fields::new()
        .field("mode", words::buy_get_mode(*mode))
        .unless("repeat", *repeat, !repeat)
        .field("tiers", tiers.iter().map(tier).collect::<Json>())
        .into_json()
}

fn with_set_reward(fields: Fields, reward: SetReward, exponent: u32) -> Fields {
    match reward {
        SetReward::FixedTotal(total) => fields.field("fixed_total", amount(total, exponent)),
        SetReward::AmountOff(off) => fields.field("amount_off", amount(off, exponent)),
        SetReward::PercentOff(rate) => fields.field("percent_off", rate.to_string()),
    }
}

fn write_mix_match(rule: &MixMatch, exponent: u32) -> Json {
    let MixMatch { pick, reward, max_sets } = *rule;
    let fields = Fields::new().field("pick", pick);
    let fields = match reward {
        MixMatchReward::Set(reward) => with_set_reward(fields, reward, exponent),
        MixMatchReward::Cheapest { count, percent_off } => {
            let cheapest = Fields::new().field("count", count).field("percent_off", percent_off.to_string());
            fields.field("cheapest", cheapest.into_json())
        }
    };
    fields.optional("max_sets", max_sets).into_json()
}

fn write_bundle(rule: &Bundle, exponent: u32) -> Json {
    let Bundle { components, reward, max_sets } = rule;
    let fields = Fields::new().field("components", components.iter().map(write_component).collect::<Json>());
    let fields = match reward {
        Some(reward) => with_set_reward(fields, *reward, exponent),
        None => fields,
    };
    fields.optional("max_sets", *max_sets).into_json()
}

fn write_component(component: &Component) -> Json {
    let Component { skus, categories, quantity, percent_off } = component;
    Fields::new()
        .filled("skus", names(skus))
        .filled("categories", names(categories))
        .field("quantity", *quantity)
        .optional("percent_off", percent_off.map(|rate| rate.to_string()))
        .into_json()
}

/// The group of spend promotions that do not name one.
const USUAL_EXCLUSION_GROUP: &str = "spend";

fn write_spend(rule: &Spend, exponent: u32) -> Json {
    let Spend { basis, repeat, max_repeats, exclusion_group, tiers, threshold_on, qualify } = rule;
    let usual_group = *exclusion_group == USUAL_EXCLUSION_GROUP;
    Fields::new()
        .unless("basis", words::basis(*basis), *basis == Basis::default())
        .unless("repeat", *repeat, !repeat)
        .optional("max_repeats", *max_repeats)
        .unless("exclusion_group", exclusion_group.as_str(), usual_group)
        .field("tiers", tiers.iter().map(|tier| write_spend_tier(tier, *basis, exponent)).collect::<Json>())
        .unless("threshold_on", words::threshold_on(*threshold_on), *threshold_on == ThresholdOn::default())
        .optional("qualify", qualify.as_ref().map(write_scope))
        .into_json()
}

fn write_spend_tier(tier: &SpendTier, basis: Basis, exponent: u32) -> Json {
    let SpendTier { threshold, discount, gifts } = tier;
    let fields = match basis {
        Basis::Amount => Fields::new().field("threshold", amount(Amount::minor(*threshold), exponent)),
        Basis::Quantity => Fields::new().field("threshold", *threshold),
    };
    let fields = match discount {
        Some(discount) => with_discount(fields, *discount, exponent),
        None => fields,
    };
    fields.filled("gifts", gifts.iter().map(write_gift_reward).collect::<Json>()).into_json()
}

fn with_discount(fields: Fields, discount: Discount, exponent: u32) -> Fields {
    match discount {
        Discount::AmountOff(off) => fields.field("amount_off", amount(off, exponent)),
        Discount::PercentOff { rate, max_discount } => fields
            .field("percent_off", rate.to_string())
            .optional("max_discount", max_discount.map(|most| amount(most, exponent))),
    }
}

/// A choice, also one of a single gift, stays a choice.
fn write_gift_reward(reward: &GiftReward) -> Json {
    let GiftReward { options, choose, quantity } = reward;
    let fields = match options.as_slice() {
        [gift] if !choose => Fields::new().field("gift", gift.as_str()),
        options => Fields::new().field("choose", names(options)),
    };
    fields.field("quantity", *quantity).into_json()
}

fn write_coupon(rule: &Coupon, exponent: u32) -> Json {
    let Coupon { threshold, discount, threshold_on, qualify } = rule;
    let fields = Fields::new().unless("threshold", amount(*threshold, exponent), threshold.is_zero());
    with_discount(fields, *discount, exponent)
        .unless("threshold_on", words::threshold_on(*threshold_on), *threshold_on == ThresholdOn::default())
        .optional("qualify", qualify.as_ref().map(write_scope))
        .into_json()
}
