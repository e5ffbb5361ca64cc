//! Which promotions look at this basket, and at which of its lines (`pricing.md` §2)?

use jiff::Timestamp;
use tokka_core::basket::{Basket, Line};
use tokka_core::catalogue::Catalogue;
use tokka_core::promotion::{Owner, Promotion, Scope, Stage, Status};

use crate::priced::PricedOutcome;

/// `None`: active. Else the first reason that holds, in the order of §9.
pub fn why_not_active(promotion: &Promotion, catalogue: &Catalogue, basket: &Basket) -> Option<PricedOutcome> {
    let at = basket.at();
    if promotion.status != Status::Published {
        return Some(PricedOutcome::new("NOT_PUBLISHED"));
    }
    if let Some(start) = promotion.window.start
        && at < start
    {
        return Some(PricedOutcome::new("NOT_STARTED").with("start", start));
    }
    if let Some(end) = promotion.window.end
        && at >= end
    {
        return Some(PricedOutcome::new("ENDED").with("end", end));
    }
    if !schedule_is_open(promotion, catalogue, at) {
        return Some(PricedOutcome::new("OUT_OF_SCHEDULE"));
    }
    if !audience_accepts(promotion, basket) {
        return Some(PricedOutcome::new("AUDIENCE"));
    }
    None
}

/// `formats.md`: `from ≤ local time < to` on its days; `to ≤ from` runs past midnight and belongs to the day on which
/// it began.
fn schedule_is_open(promotion: &Promotion, catalogue: &Catalogue, at: Timestamp) -> bool {
    if promotion.schedule.is_empty() {
        return true;
    }
    let local = catalogue.settings().time_zone.to_datetime(at);
    let now = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let (today, yesterday) = (local.weekday(), local.weekday().previous());
    promotion.schedule.iter().any(|session| {
        let (from, to) = (i32::from(session.from), i32::from(session.to));
        if to > from {
            session.days.contains(today) && from <= now && now < to
        } else {
            (session.days.contains(today) && from <= now) || (session.days.contains(yesterday) && now < to)
        }
    })
}

/// All given conditions hold; an empty list is no condition; a basket without a channel or region fails a list.
fn audience_accepts(promotion: &Promotion, basket: &Basket) -> bool {
    let audience = &promotion.audience;
    let tags = basket.user_tags();
    let any = audience.tags_any.is_empty() || audience.tags_any.iter().any(|tag| tags.contains(tag));
    let none = !audience.tags_none.iter().any(|tag| tags.contains(tag));
    let channel = audience.channels.is_empty() || basket.channel().is_some_and(|channel| audience.channels.contains(channel));
    let region = audience.regions.is_empty() || basket.region().is_some_and(|region| audience.regions.contains(region));
    any && none && channel && region
}

/// Does the promotion cover the line? If not, why not.
pub fn why_not_covered(promotion: &Promotion, line: &Line) -> Option<&'static str> {
    why_out_of_scope(&promotion.owner, &promotion.scope, line)
}

/// Does a scope of this owner match the line? READING: the `qualify` of a store's promotion looks at the lines of that
/// store only, as its scope does.
pub fn why_out_of_scope(owner: &Owner, scope: &Scope, line: &Line) -> Option<&'static str> {
    if let Owner::Store(store) = owner
        && line.store != *store
    {
        return Some("OTHER_STORE");
    }
    let include = &scope.include;
    let store_fits = include.stores.as_ref().is_none_or(|stores| stores.contains(&line.store));
    let sku_listed = include.skus.as_ref().is_some_and(|skus| skus.contains(&line.sku));
    let category_listed =
        include.categories.as_ref().is_some_and(|categories| line.categories.iter().any(|c| categories.contains(c)));
    // `stores` alone means all their lines.
    let stores_alone = include.skus.is_none() && include.categories.is_none() && include.stores.is_some();
    let product_fits = include.all || stores_alone || sku_listed || category_listed;
    if !(store_fits && product_fits) {
        return Some("NOT_INCLUDED");
    }
    let exclude = &scope.exclude;
    let excluded = exclude.skus.contains(&line.sku)
        || exclude.stores.contains(&line.store)
        || line.categories.iter().any(|category| exclude.categories.contains(category));
    excluded.then_some("EXCLUDED")
}

/// §2 Stacking: may units that this promotion touched still be used by a later stage?
pub fn lets_into(promotion: &Promotion, stage: Stage) -> bool {
    let stacking = promotion.stacking;
    match stage {
        Stage::Item => true,
        Stage::Set => stacking.set.unwrap_or(false),
        Stage::StoreSpend => stacking.spend.unwrap_or(true),
        Stage::StoreCoupon => stacking.store_coupon.unwrap_or(true),
        Stage::PlatformSpend | Stage::PlatformCoupon => stacking.platform.unwrap_or(true),
    }
}
