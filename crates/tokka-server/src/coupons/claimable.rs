//! What may a customer claim now, and how much of it is left? For the coupon centre, and for a cart.

use std::collections::BTreeMap;

use tokka_catalog::Distribution;
use tokka_core::basket::Basket;
use tokka_core::card::Sold;
use tokka_core::outcome::Verdict;
use tokka_core::prepare::Visitor;
use tokka_core::promotion::Owner;
use tokka_core::table::PromoIx;
use tokka_ledger::name::Name;

use super::claim::claimable;
use crate::catalogue::Published;
use crate::claims::coupons as names;

/// A quote brings at most so many.
pub(crate) const IN_A_QUOTE: usize = 20;
/// So many are looked at for that, whatever is left of them.
const LOOKED_AT_MAX: usize = 200;

/// A coupon that is handed out to whoever asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer<'a> {
    pub(crate) distribution: &'a Distribution,
    pub(crate) coupon: PromoIx,
}

/// An offer with what is left of it.
#[derive(Debug, Clone)]
pub(crate) struct Claimable<'a> {
    pub(crate) offer: Offer<'a>,
    /// How many the customer may still have; `None`: without end, or nothing is known.
    pub(crate) left: Option<i64>,
    /// How many the customer has had; `None`: nobody looks, or nothing is known.
    pub(crate) claimed: Option<i64>,
    /// What is handed out of what there is; `None`: without end, or nothing is known.
    pub(crate) issued: Option<Sold>,
}

/// Everything that the coupon centre shows to a visitor, of one store or the platform where that is asked for, by the id of
/// its distribution.
pub(crate) fn centre<'a>(published: &'a Published, visitor: &Visitor<'_>, owner: Option<&str>) -> Vec<Offer<'a>> {
    let shown = published.coupons.shown().filter_map(|distribution| {
        let coupon = published.rulebook.find(distribution.coupon.as_str())?;
        let of = &published.rulebook.promotions().at(coupon).owner;
        let wanted = owner.is_none_or(|owner| match of {
            Owner::Platform => owner == "platform",
            Owner::Store(store) => *store == owner,
        });
        (wanted && is_open(published, distribution, coupon, visitor)).then_some(Offer { distribution, coupon })
    });
    shown.collect()
}

/// What covers a line of a basket and can be used now, in order of application.
pub(crate) fn covering<'a>(published: &'a Published, basket: &Basket) -> Vec<Offer<'a>> {
    let visitor = Visitor::of(basket);
    let mut offers = Vec::new();
    for coupon in published.rulebook.coupons_covering(basket) {
        let id = published.rulebook.promotions().at(coupon).id.as_str();
        let open = published.coupons.of_coupon(id).filter(|one| is_open(published, one, coupon, &visitor));
        offers.extend(open.map(|distribution| Offer { distribution, coupon }));
    }
    offers.truncate(LOOKED_AT_MAX);
    offers
}

/// Can it be claimed by this visitor now? One that can be used later only can be claimed already.
fn is_open(published: &Published, distribution: &Distribution, coupon: PromoIx, visitor: &Visitor<'_>) -> bool {
    let can_be_used = match published.rulebook.why_not_active(coupon, visitor) {
        None | Some(Verdict::NotStarted { .. } | Verdict::OutOfSchedule) => true,
        Some(_) => false,
    };
    can_be_used && claimable(distribution, visitor.at).is_ok()
}

/// The counters of these offers, to be read before [`with_usage`].
pub(crate) fn counters(offers: &[Offer<'_>], user: Option<&str>) -> Vec<Name> {
    let mut counters = Vec::new();
    for Offer { distribution, .. } in offers {
        let id = distribution.id.as_str();
        counters.extend(distribution.issued.map(|_| names::issued(id)));
        counters.extend(user.map(|user| names::claimed(id, user)));
    }
    counters
}

/// The offers with what is left; `used` is of [`counters`], `None`: the store did not answer.
pub(crate) fn with_usage<'a>(offers: &[Offer<'a>], user: Option<&str>, used: Option<&[i64]>) -> Vec<Claimable<'a>> {
    let names = counters(offers, user);
    let known: BTreeMap<&Name, i64> = names.iter().zip(used.unwrap_or_default().iter().copied()).collect();
    let one = |offer: &Offer<'a>| {
        let Distribution { issued, per_user, .. } = offer.distribution;
        let id = offer.distribution.id.as_str();
        let used = known.get(&names::issued(id)).copied();
        let issued = issued.zip(used).map(|(limit, used)| Sold { limit, used });
        let claimed = user.and_then(|user| known.get(&names::claimed(id, user)).copied());
        let of_all = issued.map(|sold| sold.limit.saturating_sub(sold.used).max(0));
        let of_user = per_user.zip(claimed).map(|(limit, claimed)| limit.saturating_sub(claimed).max(0));
        let left = match (of_all, of_user) {
            (Some(all), Some(user)) => Some(all.min(user)),
            (all, user) => all.or(user),
        };
        Claimable { offer: *offer, left, claimed, issued }
    };
    offers.iter().map(one).collect()
}
