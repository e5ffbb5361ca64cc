//! Which tiers bring no more than a lower one, and which can nobody reach?

use tokka_core::amount::Amount;
use tokka_core::basket::{LINES_MAX, QUANTITY_MAX};
use tokka_core::promotion::{
    Basis, BuyGet, BuyGetMode, Discount, Limits, Promotion, Rule, Spend, SpendTier, ThresholdOn, UnitPrice, VolumePrice,
};
use tokka_core::rate::Rounding;

use super::{Code, Document, Finding, Telling};

/// Looks at the promotion with this number.
pub(super) fn look(number: usize, promotion: &Promotion, telling: &mut Telling<'_>) {
    let document = Document::Promotion(number);
    let limits = &promotion.limits;
    match &promotion.rule {
        Rule::VolumePrice(rule) => of_volume(document, rule, limits, telling),
        Rule::BuyGet(rule) => of_buy_get(document, rule, telling),
        Rule::Spend(rule) => of_spend(document, rule, limits, telling),
        Rule::ItemPrice(_) | Rule::MixMatch(_) | Rule::Bundle(_) | Rule::Coupon(_) => {}
    }
}

fn pieces_of_an_order() -> i64 {
    QUANTITY_MAX.saturating_mul(i64::try_from(LINES_MAX).unwrap_or(i64::MAX))
}

/// Positions as written, from the lowest tier.
fn ascending<T>(tiers: &[T], from: impl Fn(&T) -> i64) -> Vec<(usize, &T)> {
    let mut order: Vec<(usize, &T)> = tiers.iter().enumerate().collect();
    order.sort_by_key(|(_, tier)| from(tier));
    order
}

fn of_volume(document: Document, rule: &VolumePrice, limits: &Limits, telling: &mut Telling<'_>) {
    let order = ascending(&rule.tiers, |tier| tier.min_quantity);
    let most = [limits.units_per_order, limits.units_per_user, limits.stock].into_iter().flatten();
    let most = most.fold(pieces_of_an_order(), i64::min);
    for (position, (index, tier)) in order.iter().enumerate() {
        let path = format!("volume_price.tiers[{index}]");
        if tier.min_quantity > most && most > 0 {
            let message = format!("begins at {} pieces, and the limits allow {most} at a time", tier.min_quantity);
            let finding = Finding::new(Code::TierUnreachable, document, format!("{path}.min_quantity"), message);
            telling.tell(finding.count("min_quantity", tier.min_quantity).count("most", most));
        }
        let lower = order.iter().take(position).map(|(_, lower)| lower);
        if let Some(lower) = lower.rev().find(|lower| is_no_lower(tier.price, lower.price)) {
            let (from, than) = (tier.min_quantity, lower.min_quantity);
            let message = format!("makes a piece no cheaper from {from} on than it is from {than} on");
            let finding = Finding::new(Code::TierDominated, document, path, message);
            telling.tell(finding.count("min_quantity", from).count("lower", than));
        }
    }
}

/// Is one price never below the other, of whatever product? Prices of two kinds are not compared.
fn is_no_lower(price: UnitPrice, other: UnitPrice) -> bool {
    match (price, other) {
        (UnitPrice::Fixed(price), UnitPrice::Fixed(other)) => price >= other,
        (UnitPrice::AmountOff(off), UnitPrice::AmountOff(other)) => off <= other,
        (UnitPrice::PercentOff(off), UnitPrice::PercentOff(other)) => off.as_micro_percent() <= other.as_micro_percent(),
        _ => false,
    }
}

fn of_buy_get(document: Document, rule: &BuyGet, telling: &mut Telling<'_>) {
    let order = ascending(&rule.tiers, |tier| tier.buy);
    for (position, (index, tier)) in order.iter().enumerate() {
        let path = format!("buy_get.tiers[{index}]");
        let needs = match rule.mode {
            BuyGetMode::Add => tier.buy,
            BuyGetMode::Include => tier.buy.saturating_add(tier.get),
        };
        if needs > pieces_of_an_order() {
            let message = format!("needs {needs} pieces, and an order has at most {}", pieces_of_an_order());
            let finding = Finding::new(Code::TierUnreachable, document, path.as_str(), message);
            telling.tell(finding.count("pieces", needs).count("most", pieces_of_an_order()));
        }
        // Repeated, more of them fit into more pieces.
        let lower = order.iter().take(position).map(|(_, lower)| lower).find(|lower| !rule.repeat && tier.get <= lower.get);
        if let Some(lower) = lower {
            let message = format!("gives {} free for {}, no more than for {}", tier.get, tier.buy, lower.buy);
            let finding = Finding::new(Code::TierDominated, document, path, message);
            telling.tell(finding.count("buy", tier.buy).count("lower", lower.buy));
        }
    }
}

fn of_spend(document: Document, rule: &Spend, limits: &Limits, telling: &mut Telling<'_>) {
    let order = ascending(&rule.tiers, |tier| tier.threshold);
    let shown = |threshold: i64, telling: &Telling<'_>| match rule.basis {
        Basis::Amount => telling.money(Amount::minor(threshold)),
        Basis::Quantity => format!("{threshold} pieces"),
    };
    for (position, (index, tier)) in order.iter().enumerate() {
        let path = format!("spend.tiers[{index}]");
        if rule.basis == Basis::Quantity && tier.threshold > pieces_of_an_order() {
            let message = format!("begins at {} pieces, and an order has at most {}", tier.threshold, pieces_of_an_order());
            let finding = Finding::new(Code::TierUnreachable, document, path.as_str(), message);
            telling.tell(finding.count("threshold", tier.threshold).count("most", pieces_of_an_order()));
        }
        if let (Some(Discount::AmountOff(off)), Some(budget)) = (tier.discount, limits.budget)
            && off > budget
            && !budget.is_zero()
        {
            let message = format!("takes {} off, more than the whole budget of {}", telling.money(off), telling.money(budget));
            let finding = Finding::new(Code::TierUnreachable, document, path.as_str(), message);
            telling.tell(finding.amount("off", off).amount("budget", budget));
        }
        let lower = order.iter().take(position).map(|(_, lower)| *lower);
        if let Some(lower) = lower.rev().find(|lower| brings_no_more(tier, lower, rule)) {
            let (from, than) = (shown(tier.threshold, telling), shown(lower.threshold, telling));
            let message = format!("brings no more from {from} on than is had from {than} on");
            let finding = Finding::new(Code::TierDominated, document, path, message);
            let number = |finding: Finding, name, threshold| match rule.basis {
                Basis::Amount => finding.amount(name, Amount::minor(threshold)),
                Basis::Quantity => finding.count(name, threshold),
            };
            telling.tell(number(number(finding, "threshold", tier.threshold), "lower", lower.threshold));
        }
    }
}

/// Is a higher tier never better than a lower one, at any sum that reaches it?
fn brings_no_more(tier: &SpendTier, lower: &SpendTier, rule: &Spend) -> bool {
    let gifts = tier.gifts.iter().all(|gift| {
        let enough =
            |other: &&tokka_core::promotion::GiftReward| other.options == gift.options && other.quantity >= gift.quantity;
        lower.gifts.iter().any(|other| enough(&other))
    });
    let discount = match (tier.discount, lower.discount) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(Discount::AmountOff(off)), Some(Discount::AmountOff(other))) => off <= other,
        (Some(Discount::PercentOff { rate, max_discount }), Some(Discount::PercentOff { rate: other, max_discount: most })) => {
            let capped = |most: Option<Amount>| most.map_or(i64::MAX, Amount::get);
            rate.as_micro_percent() <= other.as_micro_percent() && capped(max_discount) <= capped(most)
        }
        (Some(Discount::PercentOff { max_discount, .. }), Some(Discount::AmountOff(other))) => {
            max_discount.is_some_and(|most| most <= other)
        }
        // What the percentage brings is known only where it is taken of what reached the threshold.
        (Some(Discount::AmountOff(off)), Some(Discount::PercentOff { rate, max_discount })) => {
            let measured = rule.basis == Basis::Amount && rule.threshold_on == ThresholdOn::Left && rule.qualify.is_none();
            let brings = rate.of(Amount::minor(tier.threshold), Rounding::Down);
            measured && off <= max_discount.map_or(brings, |most| most.min(brings))
        }
    };
    gifts && discount
}
