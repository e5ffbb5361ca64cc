//! What does a promotion promise? Its rule, as its document says it.

use tokka_core::amount::Amount;
use tokka_core::promotion::{BuyGetMode, MixMatchReward, Promotion, Rule, SetReward, VolumeMode};
use tokka_proto::v1;
use tokka_proto::v1::terms::Rule as Told;

use super::basis;
use super::page::{discount, gift_reward, unit_price};

pub(super) fn terms(promotion: &Promotion) -> v1::Terms {
    let rule = match &promotion.rule {
        Rule::ItemPrice(rule) => Told::ItemPrice(v1::ItemPriceTerms { price: Some(unit_price(rule.price)), flash: rule.flash }),
        Rule::VolumePrice(rule) => {
            let mut tiers = rule.tiers.clone();
            tiers.sort_by_key(|tier| tier.min_quantity);
            let told = |tier: &tokka_core::promotion::VolumeTier| v1::volume_price_terms::Tier {
                min_quantity: tier.min_quantity,
                price: Some(unit_price(tier.price)),
            };
            let graduated = rule.mode == VolumeMode::Graduated;
            Told::VolumePrice(v1::VolumePriceTerms { graduated, tiers: tiers.iter().map(told).collect() })
        }
        Rule::BuyGet(rule) => {
            let mut tiers: Vec<_> =
                rule.tiers.iter().map(|tier| v1::buy_get_terms::Tier { buy: tier.buy, get: tier.get }).collect();
            tiers.sort_by_key(|tier| tier.buy);
            Told::BuyGet(v1::BuyGetTerms { included: rule.mode == BuyGetMode::Include, repeat: rule.repeat, tiers })
        }
        Rule::MixMatch(rule) => {
            let (reward, cheapest_count, cheapest_percent_off) = match rule.reward {
                MixMatchReward::Set(reward) => (Some(set(reward)), 0, String::new()),
                MixMatchReward::Cheapest { count, percent_off } => (None, count, percent_off.to_string()),
            };
            let (pick, max_sets) = (rule.pick, rule.max_sets);
            Told::MixMatch(v1::MixMatchTerms { pick, reward, cheapest_count, cheapest_percent_off, max_sets })
        }
        Rule::Bundle(rule) => {
            let component = |component: &tokka_core::promotion::Component| v1::bundle_terms::Component {
                skus: component.skus.iter().map(|sku| sku.as_str().to_owned()).collect(),
                categories: component.categories.iter().map(|category| category.as_str().to_owned()).collect(),
                quantity: component.quantity,
                percent_off: component.percent_off.map(|rate| rate.to_string()).unwrap_or_default(),
            };
            let components = rule.components.iter().map(component).collect();
            Told::Bundle(v1::BundleTerms { components, reward: rule.reward.map(set), max_sets: rule.max_sets })
        }
        Rule::Spend(rule) => {
            let mut tiers: Vec<_> = rule
                .tiers
                .iter()
                .map(|tier| v1::spend_terms::Tier {
                    threshold: tier.threshold,
                    discount: tier.discount.map(discount),
                    gifts: tier.gifts.iter().map(gift_reward).collect(),
                })
                .collect();
            tiers.sort_by_key(|tier| tier.threshold);
            let basis = basis(rule.basis).into();
            Told::Spend(v1::SpendTerms { basis, repeat: rule.repeat, max_repeats: rule.max_repeats, tiers })
        }
        Rule::Coupon(rule) => {
            Told::Coupon(v1::CouponTerms { threshold: rule.threshold.get(), discount: Some(discount(rule.discount)) })
        }
    };
    v1::Terms { rule: Some(rule) }
}

fn set(reward: SetReward) -> v1::SetTerms {
    use v1::set_terms::Reward;
    let reward = match reward {
        SetReward::FixedTotal(amount) => Reward::FixedTotal(Amount::get(amount)),
        SetReward::AmountOff(amount) => Reward::AmountOff(Amount::get(amount)),
        SetReward::PercentOff(rate) => Reward::PercentOff(rate.to_string()),
    };
    v1::SetTerms { reward: Some(reward) }
}
