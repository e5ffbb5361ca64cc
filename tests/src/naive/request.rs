//! May this be asked (`pricing.md` §5, §9)? What a selection names must exist, and be of the right kind.

use std::collections::BTreeSet;

use tokka_core::basket::{Basket, Selection, SpendSelection};
use tokka_core::catalogue::Catalogue;
use tokka_core::promotion::{Promotion, Rule, Stage};

/// The first field that makes the request INVALID_ARGUMENT. Lines and skus of selections are looked at where the basket
/// is parsed.
pub fn why_invalid(catalogue: &Catalogue, basket: &Basket) -> Option<String> {
    if basket.currency() != catalogue.settings().currency {
        return Some("currency".to_owned());
    }
    let find = |id: &str| catalogue.promotions().iter().find(|promotion| promotion.id == id);
    for (sku, selection) in basket.select() {
        if let Selection::Promotion(id) = selection
            && find(id).is_none_or(|promotion| promotion.stage() != Stage::Item)
        {
            return Some(format!("select[{sku}]"));
        }
    }
    for (line, selection) in basket.select_spend() {
        let SpendSelection::Promotions(ids) = selection else { continue };
        let mut seen: BTreeSet<(Stage, &str)> = BTreeSet::new();
        for id in ids {
            // Several ids of one line are of different stages or exclusion groups.
            let place = find(id).and_then(place_of_spend);
            if place.is_none_or(|place| !seen.insert(place)) {
                return Some(format!("select_spend[{line}]"));
            }
        }
    }
    for (id, gift) in basket.select_gift() {
        let gives = find(id).is_some_and(|promotion| place_of_spend(promotion).is_some());
        if !gives || !catalogue.gifts().iter().any(|known| known.id == gift.as_str()) {
            return Some(format!("select_gift[{id}]"));
        }
    }
    None
}

fn place_of_spend(promotion: &Promotion) -> Option<(Stage, &str)> {
    match &promotion.rule {
        Rule::Spend(spend) => Some((promotion.stage(), spend.exclusion_group.as_str())),
        _ => None,
    }
}
