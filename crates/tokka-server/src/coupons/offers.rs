//! Which coupons does a basket really offer? What a request names, looked up in the customer's wallet: an instance; of a
//! design the instance that expires first; with `coupons_auto` everything that can be used.
//!
//! The core prices designs. What stands behind each of them, and what is refused before a price is asked for, is kept
//! beside the basket.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use prost::Message;
use tokka_core::basket::{Basket, COUPONS_MAX, CouponsOffered};
use tokka_core::id::Id;
use tokka_core::promotion::Status;
use tokka_core::rulebook::Rulebook;
use tokka_core::table::PromoIx;
use tokka_ledger::model::{AMOUNT_MAX, Claim};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::Coupons;
use super::wallet::{self, Instance};
use crate::catalogue::Published;
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::request::Offer;

/// A coupon offered, with what stands behind it. Orders store it, so that fields are only ever added.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Offered {
    /// The coupon; of an instance that nobody knows, what was offered.
    #[prost(string, tag = "1")]
    pub(crate) design: String,
    /// The instance, by its place in the user's wallet.
    #[prost(uint64, optional, tag = "2")]
    pub(crate) place: Option<u64>,
    #[prost(string, tag = "3")]
    pub(crate) distribution: String,
    #[prost(string, tag = "4")]
    pub(crate) channel: String,
    /// Why it is not even tried; unspecified: it is.
    #[prost(enumeration = "v1::OutcomeCode", tag = "5")]
    pub(crate) refused: i32,
    /// The order uses it.
    #[prost(bool, tag = "6")]
    pub(crate) applied: bool,
    /// Another instance of a design that was offered before it: it has what became of the first one.
    #[prost(bool, tag = "7")]
    pub(crate) again: bool,
}

impl Offered {
    fn of(design: &str, instance: &Instance) -> Self {
        let Instance { place, entry, .. } = instance;
        Self {
            design: design.to_owned(),
            place: Some(*place),
            distribution: entry.distribution.clone(),
            channel: entry.channel.clone(),
            ..Self::default()
        }
    }

    fn not_tried(design: &str, code: v1::OutcomeCode) -> Self {
        Self { design: design.to_owned(), refused: code.into(), ..Self::default() }
    }

    /// The price may use it.
    pub(crate) fn is_tried(&self) -> bool {
        self.refused() == v1::OutcomeCode::Unspecified && !self.again
    }

    /// What an order that uses it takes, each with its limit.
    fn claims(&self, user: &str) -> Vec<Claim> {
        let claim = |counter: Name, limit: i64| Claim { counter, amount: 1, limit };
        match self.place {
            // The second one is how a coupon that came back is told from one that was never used.
            Some(place) => vec![claim(names::one_use(user, place), 1), claim(names::orders(user, place), AMOUNT_MAX)],
            None => Vec::new(),
        }
    }

    /// What comes back where the order no longer earns it.
    pub(crate) fn returned(&self, user: &str) -> Vec<Name> {
        self.place.map(|place| names::one_use(user, place)).into_iter().collect()
    }

    /// What stays taken of a paid order that goes back as a whole.
    pub(crate) fn kept(&self, user: &str) -> Option<Name> {
        self.place.map(|place| names::orders(user, place))
    }
}

/// A basket whose coupons are looked up.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    /// It offers designs alone.
    pub(crate) basket: Cow<'a, Basket>,
    /// What came from a wallet, in the order offered; nothing where none was asked for.
    pub(crate) offered: Vec<Offered>,
}

/// What a request offers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) offers: &'a [Offer],
    /// Everything that the user holds besides.
    pub(crate) auto: bool,
}

impl Wanted<'_> {
    /// Is there a wallet to look into?
    fn asks_for_a_wallet(&self, published: &Published) -> bool {
        self.auto
            || self.offers.iter().any(|offer| match offer {
                Offer::Design(design) => is_handed_out(published, design),
                Offer::Instance(_) => true,
            })
    }
}

/// A design that is in wallets. One that is not published is left to the core, which says so first.
fn is_handed_out(published: &Published, design: &str) -> bool {
    let published_now = || wallet::coupon(published, design).is_some_and(|coupon| coupon.status == Status::Published);
    published.coupons.of_coupon(design).next().is_some() && published_now()
}

impl Coupons {
    /// Looks up what a basket offers, for the moment that it is priced for. `released` is what the call gives back before it
    /// takes anything.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn look_up<'a>(
        &self,
        wanted: Wanted<'_>,
        basket: &'a Basket,
        published: &Published,
        released: &HashMap<Name, i64>,
    ) -> Result<Resolved<'a>, ApiError> {
        if !wanted.asks_for_a_wallet(published) {
            return Ok(Resolved { basket: Cow::Borrowed(basket), offered: Vec::new() });
        }
        let mut held = Vec::new();
        if let Some(user) = basket.user() {
            let named = wanted.offers.iter().filter_map(|offer| match offer {
                Offer::Instance(instance) => wallet::place_of(user.as_str(), instance),
                Offer::Design(_) => None,
            });
            let named: Vec<u64> = named.collect();
            held = wallet::live(&*self.ledger, published, user.as_str(), &named, basket.at()).await?;
            for instance in &mut held {
                let one_use = names::one_use(user.as_str(), instance.place);
                if released.get(&one_use).is_some_and(|amount| *amount > 0) {
                    instance.free_again(basket.at());
                }
            }
        }
        Ok(resolve(wanted, basket, published, &held))
    }

    /// What a basket offers where nothing is known of wallets: no coupon of one.
    pub(crate) fn without_wallets<'a>(wanted: Wanted<'_>, basket: &'a Basket, published: &Published) -> Resolved<'a> {
        resolve(wanted, basket, published, &[])
    }
}

fn resolve<'a>(wanted: Wanted<'_>, basket: &'a Basket, published: &Published, held: &[Instance]) -> Resolved<'a> {
    let mut chosen = Chosen { designs: Vec::new(), offered: Vec::new(), first: BTreeSet::new() };
    let user = basket.user().map_or("", |user| user.as_str());
    for offer in wanted.offers {
        match offer {
            Offer::Design(design) if is_handed_out(published, design) => chosen.design(design, held),
            Offer::Design(design) => chosen.plain(design),
            Offer::Instance(id) => {
                let place = wallet::place_of(user, id);
                match held.iter().find(|instance| Some(instance.place) == place) {
                    Some(instance) => chosen.instance(instance),
                    None => chosen.offered.push(Offered::not_tried(id, v1::OutcomeCode::CouponNotOwned)),
                }
            }
        }
    }
    if wanted.auto {
        let mut usable: Vec<&Instance> = held.iter().filter(|instance| instance.is_usable()).collect();
        usable.sort_by_key(|instance| instance.order());
        for instance in usable {
            if chosen.designs.len() < COUPONS_MAX && !chosen.first.contains(&instance.entry.design) {
                chosen.instance(instance);
            }
        }
    }
    let basket = Cow::Owned(basket.clone().with_coupons(chosen.designs));
    Resolved { basket, offered: chosen.offered }
}

struct Chosen {
    /// What is priced, in order.
    designs: Vec<Id>,
    offered: Vec<Offered>,
    /// By design: it is offered, and is in a wallet or not.
    first: BTreeSet<String>,
}

impl Chosen {
    /// A design that needs no wallet.
    fn plain(&mut self, design: &str) {
        if self.first.insert(design.to_owned()) {
            self.designs.extend(Id::parse(design));
        }
    }

    /// A design stands for the instance that expires first.
    fn design(&mut self, design: &str, held: &[Instance]) {
        let refused_before = |offered: &Offered| offered.design == design && offered.place.is_none();
        if self.first.contains(design) || self.offered.iter().any(refused_before) {
            return;
        }
        let of_design = || held.iter().filter(|instance| instance.entry.design == design);
        let first = of_design().filter(|instance| instance.is_usable()).min_by_key(|instance| instance.order());
        match first {
            Some(instance) => self.instance(instance),
            None => {
                // Of several that cannot be used, the reason that comes first in the order of reasons.
                let why = of_design().map(Instance::why_not).min().unwrap_or(v1::OutcomeCode::CouponNotOwned);
                self.offered.push(Offered::not_tried(design, why));
            }
        }
    }

    fn instance(&mut self, instance: &Instance) {
        let design = instance.entry.design.as_str();
        let mut offered = Offered::of(design, instance);
        if self.offered.iter().any(|before| before.place == offered.place && before.place.is_some()) {
            return;
        }
        if instance.is_usable() {
            offered.again = !self.first.insert(design.to_owned());
            if !offered.again {
                self.designs.extend(Id::parse(design));
            }
        } else {
            offered.refused = instance.why_not().into();
        }
        self.offered.push(offered);
    }
}

/// Notes what the price used.
pub(crate) fn mark(offered: &mut [Offered], rulebook: &Rulebook, applied: &[PromoIx]) {
    for offered in offered.iter_mut().filter(|offered| offered.is_tried()) {
        offered.applied = applied.iter().any(|ix| rulebook.promotions().at(*ix).id == offered.design.as_str());
    }
}

/// What an order takes besides the limits of its promotions.
pub(crate) fn claims(offered: &[Offered], user: Option<&str>) -> Vec<Claim> {
    let Some(user) = user else { return Vec::new() };
    offered.iter().filter(|offered| offered.applied).flat_map(|offered| offered.claims(user)).collect()
}

/// The question as it was priced: with designs, so that no wallet is needed to price it again.
pub(crate) fn as_priced(canonical: &v1::ReserveRequest, resolved: &Resolved<'_>) -> v1::ReserveRequest {
    let mut request = canonical.clone();
    if let Cow::Owned(basket) = &resolved.basket {
        let (CouponsOffered::These(designs) | CouponsOffered::Auto { held: designs }) = basket.coupons();
        let design = |design: &String| v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design(design.clone())) };
        request.coupons = designs.iter().map(design).collect();
    }
    request
}
