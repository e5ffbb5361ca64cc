//! What does a page show beside the price? Lines as they belong together, and what a little more would bring.

use tokka_core::amount::Amount;
use tokka_core::promotion::{Discount, GiftReward, UnitPrice};
use tokka_core::quote::{self, GroupedBy, Then};
use tokka_proto::v1;

use super::outcome::not_covered;
use super::{Names, basis};

pub(super) fn hint(names: &Names<'_>, hint: &quote::Hint) -> v1::Hint {
    use v1::hint::Then as Answer;
    v1::Hint {
        promotion: names.promotion(hint.promotion),
        line_id: hint.line.map(|line| names.line(line)).unwrap_or_default(),
        basis: basis(hint.basis).into(),
        threshold: hint.threshold,
        missing: hint.missing,
        then: Some(match &hint.then {
            Then::Price(price) => Answer::Price(unit_price(*price)),
            Then::FreeUnits(units) => Answer::FreeUnits(*units),
            Then::Reward { discount: reward, gifts, times } => Answer::Reward(v1::SpendReward {
                discount: reward.map(discount),
                gifts: gifts.iter().map(gift_reward).collect(),
                times: *times,
            }),
        }),
        loses: hint.loses,
    }
}

pub(super) fn unit_price(price: UnitPrice) -> v1::UnitPrice {
    use v1::unit_price::Price;
    let price = match price {
        UnitPrice::Fixed(amount) => Price::Fixed(amount.get()),
        UnitPrice::AmountOff(amount) => Price::AmountOff(amount.get()),
        UnitPrice::PercentOff(rate) => Price::PercentOff(rate.to_string()),
    };
    v1::UnitPrice { price: Some(price) }
}

pub(super) fn discount(discount: Discount) -> v1::Discount {
    use v1::discount::Discount as Written;
    match discount {
        Discount::AmountOff(amount) => v1::Discount { discount: Some(Written::AmountOff(amount.get())), max_discount: None },
        Discount::PercentOff { rate, max_discount } => {
            v1::Discount { discount: Some(Written::PercentOff(rate.to_string())), max_discount: max_discount.map(Amount::get) }
        }
    }
}

pub(super) fn gift_reward(reward: &GiftReward) -> v1::GiftReward {
    let options: Vec<String> = reward.options.iter().map(|id| id.as_str().to_owned()).collect();
    let (gift, choose) =
        if reward.choose { (String::new(), options) } else { (options.into_iter().next().unwrap_or_default(), Vec::new()) };
    v1::GiftReward { gift, choose, quantity: reward.quantity }
}

pub(super) fn group(names: &Names<'_>, group: &quote::Group) -> v1::Group {
    use v1::group::By;
    let entry = |entry: &quote::GroupEntry| v1::GroupEntry {
        line_id: names.line(entry.line),
        units: entry.units,
        over_limit: entry.over_limit,
        not_in_spend: entry.not_in_spend.map(|(promotion, why)| {
            let (why, kept_out_by) = not_covered(names, why);
            v1::NotInSpend { promotion: names.promotion(promotion), why: why.into(), kept_out_by }
        }),
    };
    v1::Group {
        store: names.store(group.store),
        by: Some(match group.by {
            GroupedBy::Spend(promotion) => By::Spend(names.promotion(promotion)),
            GroupedBy::Set(promotion) => By::Set(names.promotion(promotion)),
            GroupedBy::Line => By::Single(true),
        }),
        entries: group.entries.iter().map(entry).collect(),
    }
}
