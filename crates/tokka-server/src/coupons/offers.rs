//! Which coupons does a basket really offer? What a request names, looked up in the customer's wallet: an instance; of a
//! design the instance that expires first; with `coupons_auto` everything that can be used.
//!
//! The core prices designs. What stands behind each of them, and what is refused before a price is asked for, is kept
//! beside the basket.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use prost::Message;
use tokka_catalog::Distribution;
use tokka_core::basket::{Basket, COUPONS_MAX, CouponsOffered};
use tokka_core::id::Id;
use tokka_core::promotion::Status;
use tokka_core::rulebook::Rulebook;
use tokka_core::table::PromoIx;
use tokka_ledger::model::{AMOUNT_MAX, Claim};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::Coupons;
use super::claim::open;
use super::hand_out::uses;
use super::redeem::Found;
use super::wallet::{self, Instance};
use crate::catalogue::Published;
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::error::coupon::Refused;
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
    /// It is one use of a code, and of which kind.
    #[prost(enumeration = "CodeKind", tag = "8")]
    pub(crate) code: i32,
    /// The number of a single-use code.
    #[prost(uint32, tag = "9")]
    pub(crate) number: u32,
}

/// Which code of a distribution an order uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum CodeKind {
    /// None: it is an instance.
    None = 0,
    /// Its shared one.
    Shared = 1,
    /// A single-use one.
    SingleUse = 2,
}

impl Offered {
    fn of_code(distribution: &Distribution, found: &Found) -> Self {
        Self {
            design: distribution.coupon.as_str().to_owned(),
            distribution: distribution.id.as_str().to_owned(),
            channel: distribution.channel.as_ref().map(|channel| channel.as_str().to_owned()).unwrap_or_default(),
            code: if found.number.is_some() { CodeKind::SingleUse } else { CodeKind::Shared }.into(),
            number: found.number.unwrap_or(0),
            ..Self::default()
        }
    }

    /// What a use of a code takes: the code's own, and what its distribution counts.
    fn of_use(&self, user: &str) -> Option<[Name; 3]> {
        let number = match self.code() {
            CodeKind::None => return None,
            CodeKind::Shared => None,
            CodeKind::SingleUse => Some(self.number),
        };
        let distribution = self.distribution.as_str();
        Some([names::code(distribution, number), names::claimed(distribution, user), names::issued(distribution)])
    }

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
    fn claims(&self, user: &str, published: &Published) -> Vec<Claim> {
        let claim = |counter: Name, limit: i64| Claim { counter, amount: 1, limit };
        if let Some(place) = self.place {
            // The second one is how a coupon that came back is told from one that was never used.
            return vec![claim(names::one_use(user, place), 1), claim(names::orders(user, place), AMOUNT_MAX)];
        }
        let of_use = self.of_use(user).zip(published.coupons.get(&self.distribution));
        let Some((names, distribution)) = of_use else { return Vec::new() };
        let limits = limits_of_use(distribution, self.number_of_code());
        names.into_iter().zip(limits).map(|(counter, limit)| claim(counter, limit)).collect()
    }

    fn number_of_code(&self) -> Option<u32> {
        (self.code() == CodeKind::SingleUse).then_some(self.number)
    }

    /// What comes back where the order no longer earns it.
    pub(crate) fn returned(&self, user: &str) -> Vec<Name> {
        match self.place {
            Some(place) => vec![names::one_use(user, place)],
            None => self.of_use(user).into_iter().flatten().collect(),
        }
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
    pub(crate) fn asks_for_a_wallet(&self, published: &Published) -> bool {
        self.auto
            || self.offers.iter().any(|offer| match offer {
                Offer::Design(design) => is_handed_out(published, design),
                Offer::Instance(_) | Offer::Code(_) => true,
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
                Offer::Design(_) | Offer::Code(_) => None,
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
        let codes = self.codes(wanted, basket, published, released).await?;
        let Resolved { basket, offered } = resolve(wanted, basket, published, &held, &codes);
        // What a wallet brings into it may be out of force, too.
        Ok(Resolved { basket: Cow::Owned(self.catalogue.told(basket.into_owned())), offered })
    }

    /// What a basket offers where nothing is known of wallets: no coupon of one.
    pub(crate) fn without_wallets<'a>(wanted: Wanted<'_>, basket: &'a Basket, published: &Published) -> Resolved<'a> {
        resolve(wanted, basket, published, &[], &[])
    }

    /// What the codes of a basket are, in their order, and why they cannot be used.
    async fn codes(
        &self,
        wanted: Wanted<'_>,
        basket: &Basket,
        published: &Published,
        released: &HashMap<Name, i64>,
    ) -> Result<Vec<Coded>, ApiError> {
        let Some(user) = basket.user().map(|user| user.as_str()) else { return Ok(Vec::new()) };
        let mut codes = Vec::new();
        for offer in wanted.offers {
            let Offer::Code(code) = offer else { continue };
            // By the clock: a price for another moment is no way to more guesses.
            let found = self.try_code(user, code, Timestamp::now()).await?;
            let known = found.and_then(|found| Some((published.coupons.get(&found.distribution)?, found)));
            codes.push(match known {
                None => Coded { of: Offered::not_tried("", v1::OutcomeCode::UnknownCoupon), found: None },
                Some((distribution, found)) => {
                    let mut of = Offered::of_code(distribution, &found);
                    of.refused = self.why_not(&of, distribution, user, basket.at(), released).await?.into();
                    Coded { of, found: Some(found) }
                }
            });
        }
        Ok(codes)
    }

    /// Why a code brings nothing to an order; unspecified: it does.
    async fn why_not(
        &self,
        of: &Offered,
        distribution: &Distribution,
        user: &str,
        at: Timestamp,
        released: &HashMap<Name, i64>,
    ) -> Result<v1::OutcomeCode, ApiError> {
        match open(distribution, at) {
            Ok(()) => {}
            Err(Refused::NotOpen { .. }) => return Ok(v1::OutcomeCode::NotStarted),
            Err(_) => return Ok(v1::OutcomeCode::CouponExpired),
        }
        let Some(names) = of.of_use(user) else { return Ok(v1::OutcomeCode::Unspecified) };
        let used = self.ledger.usage(&names).await?;
        let limits = limits_of_use(distribution, of.number_of_code());
        let is_left =
            |((name, used), limit): ((&Name, i64), i64)| used.saturating_sub(released.get(name).copied().unwrap_or(0)) < limit;
        let left = names.iter().zip(used).zip(limits).all(is_left);
        Ok(if left { v1::OutcomeCode::Unspecified } else { v1::OutcomeCode::CouponUsed })
    }
}

/// A code that a basket offers.
#[derive(Debug)]
struct Coded {
    /// As one use of it.
    of: Offered,
    /// `None`: there is no such code.
    found: Option<Found>,
}

impl Coded {
    /// The instance that the user redeemed by it and can use.
    fn redeemed<'a>(&self, held: &'a [Instance]) -> Option<&'a Instance> {
        let found = self.found.as_ref()?;
        let by_it = |instance: &&Instance| {
            let Instance { entry, .. } = instance;
            let redeemed = entry.how() == v1::HandedOut::Redeemed && entry.distribution == found.distribution;
            redeemed && entry.code == found.number && instance.is_usable()
        };
        held.iter().filter(by_it).min_by_key(|instance| instance.order())
    }
}

/// The limits of [`Offered::of_use`], in its order.
fn limits_of_use(distribution: &Distribution, number: Option<u32>) -> [i64; 3] {
    let (per_user, issued) = (distribution.per_user.unwrap_or(AMOUNT_MAX), distribution.issued.unwrap_or(AMOUNT_MAX));
    [uses(distribution, number), per_user, issued]
}

fn resolve<'a>(
    wanted: Wanted<'_>,
    basket: &'a Basket,
    published: &Published,
    held: &[Instance],
    codes: &[Coded],
) -> Resolved<'a> {
    let mut codes = codes.iter();
    let mut chosen = Chosen { designs: Vec::new(), offered: Vec::new(), first: BTreeSet::new() };
    let user = basket.user().map_or("", |user| user.as_str());
    for offer in wanted.offers {
        match offer {
            Offer::Design(design) if is_handed_out(published, design) => chosen.design(design, held),
            Offer::Design(design) => chosen.plain(design),
            Offer::Code(_) => match codes.next() {
                Some(code) => match code.redeemed(held) {
                    Some(instance) => chosen.instance(instance),
                    None => chosen.code(code),
                },
                None => chosen.offered.push(Offered::not_tried("", v1::OutcomeCode::CouponNotOwned)),
            },
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

    fn code(&mut self, code: &Coded) {
        let mut offered = code.of.clone();
        let twice = |before: &Offered| before.code == offered.code && before.number == offered.number;
        if self
            .offered
            .iter()
            .any(|before| before.distribution == offered.distribution && offered.code() != CodeKind::None && twice(before))
        {
            return;
        }
        if offered.refused() == v1::OutcomeCode::Unspecified {
            offered.again = !self.first.insert(offered.design.clone());
            if !offered.again {
                self.designs.extend(Id::parse(offered.design.as_str()));
            }
        }
        self.offered.push(offered);
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
pub(crate) fn claims(offered: &[Offered], user: Option<&str>, published: &Published) -> Vec<Claim> {
    let Some(user) = user else { return Vec::new() };
    offered.iter().filter(|offered| offered.applied).flat_map(|offered| offered.claims(user, published)).collect()
}

/// The question as it was priced, as it is written: with designs, so that no wallet is needed to price it again.
///
/// # Errors
/// A bug: what was written just now cannot be read.
pub(crate) fn as_priced(canonical: &[u8], resolved: &Resolved<'_>) -> Result<Vec<u8>, ApiError> {
    let Cow::Owned(basket) = &resolved.basket else { return Ok(canonical.to_vec()) };
    let request = v1::ReserveRequest::decode(canonical);
    let mut request = request.map_err(|error| ApiError::Bug(format!("a canonical request cannot be read: {error}")))?;
    let (CouponsOffered::These(designs) | CouponsOffered::Auto { held: designs }) = basket.coupons();
    let design = |design: &String| v1::CouponOffer { offer: Some(v1::coupon_offer::Offer::Design(design.clone())) };
    request.coupons = designs.iter().map(design).collect();
    Ok(request.encode_to_vec())
}
