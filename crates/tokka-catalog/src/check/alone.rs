//! What is odd about a promotion by itself, whatever its rule does? When, for whom, on what, and who pays.

use tokka_core::promotion::{ItemPrice, Limits, Owner, Party, Promotion, Rule, Scope, Stacking};

use super::overlap::{Stores, is_ever_open};
use super::{Code, Document, Finding, Telling};

/// Looks at the promotion with this number.
pub(super) fn look(number: usize, promotion: &Promotion, telling: &mut Telling<'_>) {
    let document = Document::Promotion(number);
    let tell = |code, path: &str, message: String| Finding::new(code, document, path, message);
    if let Rule::ItemPrice(rule) = &promotion.rule {
        look_at_item_price(*rule, promotion, document, telling);
    }
    if !is_ever_open(promotion, &telling.settings().time_zone) {
        telling.tell(tell(Code::NeverActive, "schedule", "has no session that is open within its window".to_owned()));
    }
    let audience = &promotion.audience;
    if !audience.tags_any.is_empty() && audience.tags_any.iter().all(|tag| audience.tags_none.contains(tag)) {
        let message = "is for nobody: `tags_none` refuses every tag that `tags_any` asks for";
        telling.tell(tell(Code::NeverActive, "audience", message.to_owned()));
    }
    let code = if matches!(promotion.rule, Rule::Coupon(_)) { Code::CouponUnsatisfiable } else { Code::CoversNothing };
    let qualify = promotion.qualify().map(|qualify| (format!("{}.qualify", promotion.rule.block()), qualify));
    for (path, scope) in [("scope".to_owned(), &promotion.scope)].into_iter().chain(qualify) {
        if Stores::of(&promotion.owner, scope).are_none() {
            telling.tell(tell(code, &path, format!("looks at the lines of no store: it is of `{}`", promotion.owner)));
        } else if excludes_itself(scope) {
            telling.tell(tell(code, &path, "excludes everything that it includes".to_owned()));
        }
    }
    let stores = Stores::of(&promotion.owner, &promotion.scope);
    for (index, funding) in promotion.funding.iter().enumerate() {
        if let Party::Store(store) = &funding.party
            && !stores.cover(store)
        {
            let path = format!("funding[{index}].party");
            let message = format!("`{store}` pays {} %, and the promotion looks at none of its lines", funding.percent);
            telling.tell(tell(Code::FunderNotCovered, &path, message).percent("percent", funding.percent.as_micro_percent()));
        }
    }
}

fn look_at_item_price(rule: ItemPrice, promotion: &Promotion, document: Document, telling: &mut Telling<'_>) {
    let Scope { include, exclude } = &promotion.scope;
    let narrowed = include.skus.is_some() || include.categories.is_some();
    if !narrowed && exclude.skus.is_empty() && exclude.categories.is_empty() {
        let whose = match (&promotion.owner, &include.stores) {
            (Owner::Store(store), _) => format!("everything that `{store}` sells"),
            (Owner::Platform, Some(_)) => "everything that its stores sell".to_owned(),
            (Owner::Platform, None) => "everything that is sold".to_owned(),
        };
        let message = format!("gives {whose} this price: name skus or categories, or acknowledge it");
        telling.tell(Finding::new(Code::ItemPriceOnEverything, document, "scope", message));
    }
    if promotion.stacking == Stacking::default() {
        let message =
            "is not written: say whether spend promotions, coupons and the platform may take more off, or acknowledge it";
        telling.tell(Finding::new(Code::StackingNotStated, document, "stacking", message));
    }
    if rule.flash && is_unlimited(&promotion.limits) {
        let message = "sells without end: write `stock`, a limit an order or user, or a `budget`, or acknowledge it";
        telling.tell(Finding::new(Code::FlashWithoutLimit, document, "limits", message));
    }
}

/// Has it no limited quantity at all?
pub(super) fn is_unlimited(limits: &Limits) -> bool {
    let Limits { stock, stock_by_sku, units_per_order, units_per_user, orders_per_user, per_sku: _, period: _, budget } = limits;
    let counts = [stock, units_per_order, units_per_user, orders_per_user];
    counts.iter().all(|count| count.is_none()) && stock_by_sku.is_empty() && budget.is_none()
}

/// Does every word that a scope includes stand among those that it excludes?
fn excludes_itself(scope: &Scope) -> bool {
    let Scope { include, exclude } = scope;
    let names_words = include.skus.is_some() || include.categories.is_some();
    names_words
        && include.skus.iter().flatten().all(|sku| exclude.skus.contains(sku))
        && include.categories.iter().flatten().all(|category| exclude.categories.contains(category))
}
