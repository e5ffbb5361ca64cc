//! Does a promotion take off more than 70 %, or nothing of its own original price, by what is written in it?

use tokka_core::amount::{Amount, Exact};
use tokka_core::promotion::{
    Basis, Bundle, BuyGet, Discount, MixMatch, MixMatchReward, Promotion, Rule, SetReward, Spend, UnitPrice,
};

use super::finding::{percent, share};
use super::{Code, Document, Finding, Telling};

/// Millionths of a percent from which on somebody has to say that it is meant.
pub(super) const MOST: u64 = 70_000_000;

/// Looks at the promotion with this number. What depends on the prices of products is told with them.
pub(super) fn look(number: usize, promotion: &Promotion, telling: &mut Telling<'_>) {
    let document = Document::Promotion(number);
    let original = promotion.display.original_price.unwrap_or(Amount::ZERO);
    if let Rule::ItemPrice(rule) = &promotion.rule {
        price(document, "item_price", rule.price, original, telling);
    }
    match &promotion.rule {
        Rule::ItemPrice(_) => {}
        Rule::VolumePrice(rule) => {
            for (index, tier) in rule.tiers.iter().enumerate() {
                price(document, &format!("volume_price.tiers[{index}]"), tier.price, original, telling);
            }
        }
        Rule::BuyGet(BuyGet { tiers, .. }) => {
            for (index, tier) in tiers.iter().enumerate() {
                let off = share(tier.get, tier.buy.saturating_add(tier.get));
                over(document, &format!("buy_get.tiers[{index}]"), off, "of the pieces", telling);
            }
        }
        Rule::MixMatch(MixMatch { pick, reward, .. }) => match reward {
            MixMatchReward::Set(SetReward::PercentOff(rate)) => {
                over(document, "mix_match.percent_off", rate.as_micro_percent(), "", telling);
            }
            MixMatchReward::Set(SetReward::FixedTotal(_) | SetReward::AmountOff(_)) => {}
            MixMatchReward::Cheapest { count, percent_off } => {
                let off = share(*count, *pick).saturating_mul(percent_off.as_micro_percent()) / 100_000_000;
                over(document, "mix_match.cheapest", off, "of a set of equal pieces", telling);
            }
        },
        Rule::Bundle(Bundle { reward: Some(SetReward::PercentOff(rate)), .. }) => {
            over(document, "bundle.percent_off", rate.as_micro_percent(), "", telling);
        }
        // A part of a bundle may well be free; what a set costs is seen with the products in a basket.
        Rule::Bundle(_) => {}
        Rule::Spend(Spend { basis, tiers, .. }) => {
            for (index, tier) in tiers.iter().enumerate() {
                let threshold = if *basis == Basis::Amount { tier.threshold } else { 0 };
                if let Some(discount) = tier.discount {
                    of_sum(document, &format!("spend.tiers[{index}]"), discount, threshold, telling);
                }
            }
        }
        Rule::Coupon(rule) => of_sum(document, "coupon", rule.discount, rule.threshold.get(), telling),
    }
}

fn price(document: Document, path: &str, price: UnitPrice, original: Amount, telling: &mut Telling<'_>) {
    let (field, off, of) = match price {
        UnitPrice::PercentOff(rate) => ("percent_off", rate.as_micro_percent(), ""),
        UnitPrice::Fixed(fixed) => {
            // An original price below it is told by itself.
            let off = original.minus(fixed).map_or(0, Amount::get).max(0);
            ("fixed", share(off, original.get()), "of `display.original_price`")
        }
        UnitPrice::AmountOff(off) => ("amount_off", share(off.get(), original.get()), "of `display.original_price`"),
    };
    over(document, &format!("{path}.{field}"), off, of, telling);
    if let UnitPrice::Fixed(fixed) = price
        && original.is_positive()
        && fixed > original
    {
        let (shown, than) = (telling.money(fixed), telling.money(original));
        let message = format!("is {shown}, above the price that is struck through, `display.original_price`, {than}");
        let finding = Finding::new(Code::AboveListPrice, document, format!("{path}.fixed"), message);
        telling.tell(finding.amount("price", fixed).amount("list_price", original));
    }
}

/// A discount on a sum that has reached a threshold; of none nothing is known.
fn of_sum(document: Document, path: &str, discount: Discount, threshold: i64, telling: &mut Telling<'_>) {
    match discount {
        Discount::AmountOff(off) => {
            over(document, &format!("{path}.amount_off"), share(off.get(), threshold), "of its threshold", telling);
        }
        Discount::PercentOff { rate, .. } => {
            over(document, &format!("{path}.percent_off"), rate.as_micro_percent(), "", telling);
        }
    }
}

fn over(document: Document, path: &str, off: u64, of: &str, telling: &mut Telling<'_>) {
    if off > MOST {
        let of = if of.is_empty() { String::new() } else { format!(" {of}") };
        let message = format!("takes {} %{of} off, more than {} %: acknowledge it if it is meant", shown(off), percent(MOST));
        telling.tell(Finding::new(Code::DiscountOver70, document, path, message).percent("off", off));
    }
}

/// With two decimals at most, rounded down.
pub(super) fn shown(micro_percent: u64) -> String {
    const HUNDREDTH: u64 = 10_000;
    percent(micro_percent / HUNDREDTH * HUNDREDTH)
}
