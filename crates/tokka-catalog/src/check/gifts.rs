//! Are there enough gifts, and do coupons and the ways in which they are handed out go together?

use std::collections::{BTreeMap, HashMap};

use tokka_core::id::Id;
use tokka_core::promotion::{Period, Promotion, Rule};

use super::{Code, Document, Finding, Telling};

/// Of the promotions that give a gift so many are named.
const NAMED_MAX: usize = 8;

/// Looks at the gifts that promotions give, and at the distributions of coupons.
pub(super) fn look(telling: &mut Telling<'_>) {
    gifts(telling);
    distributions(telling);
}

fn gifts(telling: &mut Telling<'_>) {
    let library = telling.loaded.catalogue.gifts();
    let by_id: HashMap<&Id, usize> = library.iter().enumerate().map(|(at, gift)| (&gift.id, at)).collect();
    let mut endless: BTreeMap<usize, (Vec<usize>, i64)> = BTreeMap::new();
    for (number, promotion) in telling.promotions() {
        let Rule::Spend(spend) = &promotion.rule else { continue };
        for (index, tier) in spend.tiers.iter().enumerate() {
            for (position, reward) in tier.gifts.iter().enumerate() {
                let options = reward.options.iter().filter_map(|id| by_id.get(id).copied());
                let options: Vec<usize> = options.collect();
                let stocked = options.iter().filter_map(|at| library.get(*at));
                let most = stocked.map(|gift| gift.inventory).try_fold(0, |most, left| Some(left?.max(most)));
                if let Some(most) = most.filter(|most| *most < reward.quantity) {
                    let path = format!("spend.tiers[{index}].gifts[{position}]");
                    let message = match most {
                        0 => "gives a gift of which there is none".to_owned(),
                        _ => format!("gives {} pieces an order, and there are {most} in all", reward.quantity),
                    };
                    let finding = Finding::new(Code::GiftShort, Document::Promotion(number), path, message);
                    let finding = finding.count("quantity", reward.quantity).count("inventory", most);
                    telling.tell(finding.beside(options.iter().map(|at| Document::Gift(*at))));
                }
                for at in options.into_iter().filter(|at| library.get(*at).is_some_and(|gift| gift.inventory.is_none())) {
                    let (named, count) = endless.entry(at).or_default();
                    if named.last() != Some(&number) {
                        *count += 1;
                        if named.len() < NAMED_MAX {
                            named.push(number);
                        }
                    }
                }
            }
        }
    }
    for (at, (named, count)) in endless {
        let promotions = if count == 1 { "promotion gives" } else { "promotions give" };
        let message = format!("is not written, and {count} {promotions} it: there is no end to it");
        let finding = Finding::new(Code::GiftWithoutInventory, Document::Gift(at), "inventory", message);
        telling.tell(finding.count("promotions", count).beside(named.into_iter().map(Document::Promotion)));
    }
}

fn distributions(telling: &mut Telling<'_>) {
    if telling.loaded.distributions.is_empty() {
        return;
    }
    let by_id: HashMap<&Id, (usize, &Promotion)> =
        telling.promotions().map(|(number, promotion)| (&promotion.id, (number, promotion))).collect();
    for (number, distribution) in telling.loaded.distributions.iter().enumerate() {
        let document = Document::Distribution(number);
        let Some((coupon, promotion)) = by_id.get(&distribution.coupon) else { continue };
        let coupon = [Document::Promotion(*coupon)];
        if let Some(end) = distribution.window.end.filter(|end| *end <= telling.at) {
            let message = format!("is over since {end}: nobody can claim it any more");
            telling.tell(Finding::new(Code::WindowPast, document, "window.end", message).beside(coupon));
        }
        // In another period a customer may use another one.
        let orders = promotion.limits.orders_per_user.filter(|_| promotion.limits.period == Period::Lifetime);
        let pairs = [
            ("per_user", distribution.per_user, "limits.orders_per_user", orders),
            ("issued", distribution.issued, "limits.stock", promotion.limits.stock),
        ];
        for (path, many, of_coupon, few) in pairs {
            if let (Some(many), Some(few)) = (many, few)
                && many > few
            {
                let message = format!("hands out {many}, and `{of_coupon}` of `{}` lets {few} be used", distribution.coupon);
                let finding = Finding::new(Code::LimitsContradict, document, path, message);
                telling.tell(finding.count("limit", many).count("lower", few).beside(coupon));
            }
        }
    }
}
