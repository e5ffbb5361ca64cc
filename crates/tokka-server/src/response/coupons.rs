//! What does a customer hold, and what of it does an order use? Instances on the wire.

use tokka_core::quote::View;
use tokka_core::rulebook::Rulebook;
use tokka_proto::v1;

use super::reservation::moment;
use super::terms::terms;
use super::{stage, timestamp};
use crate::catalogue::Published;
use crate::claims;
use crate::coupons::instance_id;
use crate::coupons::offers::Offered;
use crate::coupons::wallet::{self, Instance};

/// An instance with what the catalogue says of its coupon by now.
pub(crate) fn user_coupon(published: &Published, user: &str, instance: &Instance) -> v1::UserCoupon {
    let Instance { place, entry, state, expires } = instance;
    let coupon = wallet::coupon(published, &entry.design);
    v1::UserCoupon {
        instance: instance_id(user, *place),
        design: entry.design.clone(),
        name: coupon.map(|coupon| coupon.name.clone()).unwrap_or_default(),
        owner: coupon.map(|coupon| coupon.owner.to_string()).unwrap_or_default(),
        terms: coupon.map(terms),
        distribution: entry.distribution.clone(),
        channel: entry.channel.clone(),
        handed_out: entry.how,
        handed_out_at: Some(moment(entry.at)),
        usable_from: coupon.and_then(|coupon| coupon.window.start).map(timestamp),
        expires_at: expires.map(timestamp),
        state: (*state).into(),
    }
}

/// The coupons of a wallet that an order uses.
pub(crate) fn used(user: Option<&str>, offered: &[Offered]) -> Vec<v1::CouponUse> {
    let used = offered.iter().filter(|offered| offered.applied);
    used.map(|offered| v1::CouponUse {
        design: offered.design.clone(),
        instance: instance(user, offered),
        distribution: offered.distribution.clone(),
        channel: offered.channel.clone(),
    })
    .collect()
}

fn instance(user: Option<&str>, offered: &Offered) -> String {
    let known = user.zip(offered.place);
    known.map(|(user, place)| instance_id(user, place)).unwrap_or_default()
}

/// Says in a quote which instances stand behind its coupons; of view FULL also what became of those that were not tried.
pub(crate) fn say_of_quote(quote: &mut v1::Quote, rulebook: &Rulebook, user: Option<&str>, offered: &[Offered], view: View) {
    quote.coupons = used(user, offered);
    if view != View::Full {
        return;
    }
    let mut more = Vec::new();
    for offered in offered {
        let said = |outcome: v1::Outcome| v1::Outcome {
            instance: instance(user, offered),
            distribution: offered.distribution.clone(),
            channel: offered.channel.clone(),
            ..outcome
        };
        let tried = quote.outcomes.iter_mut().find(|outcome| outcome.promotion == offered.design && outcome.stage != 0);
        match tried {
            Some(outcome) if offered.is_tried() => *outcome = said(std::mem::take(outcome)),
            Some(outcome) if offered.again => more.push(said(after(outcome.clone()))),
            _ => more.push(said(not_tried(rulebook, offered))),
        }
    }
    quote.outcomes.extend(more);
}

/// What becomes of a second instance of a coupon: what became of the first, but where that one applied.
fn after(first: v1::Outcome) -> v1::Outcome {
    if first.code() != v1::OutcomeCode::Applied {
        return first;
    }
    let rival = v1::Rival { promotion: first.promotion.clone(), ..Default::default() };
    v1::Outcome { code: v1::OutcomeCode::OnePerOrder.into(), details: Some(v1::outcome::Details::Rival(rival)), ..first }
}

fn not_tried(rulebook: &Rulebook, offered: &Offered) -> v1::Outcome {
    let mut outcome = v1::Outcome { promotion: offered.design.clone(), code: offered.refused, ..Default::default() };
    if let Some(ix) = rulebook.find(&offered.design) {
        let promotion = rulebook.promotions().at(ix);
        outcome.name.clone_from(&promotion.name);
        outcome.owner = promotion.owner.to_string();
        outcome.stage = stage(promotion.stage()).into();
    }
    outcome
}

/// Names the instances that another order has among the causes of another price.
pub(crate) fn say_of_price_change(change: &mut v1::PriceChange, user: Option<&str>, offered: &[Offered]) {
    let Some(user) = user else { return };
    let taken = offered.iter().filter(|offered| offered.refused() == v1::OutcomeCode::CouponUsed);
    for place in taken.filter_map(|offered| offered.place) {
        let counter = Some(claims::to_wire(&claims::coupons::one_use(user, place)));
        let shortage = v1::CounterShortage { counter, limit: 1, used: 1, requested: 1, held_by_open_orders: None };
        change.counters_total = change.counters_total.saturating_add(1);
        change.counters.push(shortage);
    }
}
