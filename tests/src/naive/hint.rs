//! What would a little more bring (`pricing.md` §9)? The next tier above the one reached, or the next multiple.

use tokka_core::promotion::{Basis, Discount, GiftReward, UnitPrice};

use super::numbers::Minor;
use super::order::Promo;

/// A hint on its way into the answer.
#[derive(Debug, Clone)]
pub struct Hint {
    /// Of which promotion.
    pub promo: Promo,
    /// Item promotions: the group's first line.
    pub line: Option<usize>,
    /// What is counted.
    pub basis: Basis,
    /// The next tier, or multiple.
    pub threshold: Minor,
    /// What there is.
    pub actual: Minor,
    /// What the next tier brings, in words.
    pub then: String,
    /// Buying more would lose something.
    pub loses: bool,
}

/// A price of a unit, in words.
pub fn price_in_words(price: UnitPrice) -> String {
    match price {
        UnitPrice::Fixed(amount) => format!("fixed {}", amount.get()),
        UnitPrice::AmountOff(amount) => format!("{} off", amount.get()),
        UnitPrice::PercentOff(rate) => format!("{rate} % off"),
    }
}

/// Free units, in words.
pub fn free_in_words(units: Minor) -> String {
    format!("{units} free")
}

/// A reward of so many times, in words.
pub fn reward_in_words(discount: Option<Discount>, gifts: &[GiftReward], times: Minor) -> String {
    let discount = match discount {
        None => String::new(),
        Some(Discount::AmountOff(amount)) => format!("{} off", amount.get()),
        Some(Discount::PercentOff { rate, max_discount: None }) => format!("{rate} % off"),
        Some(Discount::PercentOff { rate, max_discount: Some(max) }) => format!("{rate} % off, at most {}", max.get()),
    };
    let gift = |gift: &GiftReward| {
        let options: Vec<&str> = gift.options.iter().map(|id| id.as_str()).collect();
        format!("{} of {}{}", gift.quantity, if gift.choose { "a choice of " } else { "" }, options.join("/"))
    };
    let gifts: Vec<String> = gifts.iter().map(gift).collect();
    format!("{times} times [{discount}] [{}]", gifts.join(", "))
}
