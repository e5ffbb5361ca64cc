//! What did a caller ask for? From the wire to a valid basket, with every violation at once. Wire types end here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokka_core::basket::{
    Basket, BasketRequest, CouponsOffered, FieldViolation, LineRequest, Selection, SpendSelection, Strategy,
};
use tokka_core::quote::View;
use tokka_proto::v1;

use crate::error::ApiError;

pub(crate) mod asked;
pub(crate) mod coupons;
pub(crate) mod reservation;
pub(crate) mod storefront;

/// The word that selects no promotion at all; no document may be called so.
const NONE: &str = "none";
/// The id of no coupon, which keeps the place of one that is looked up in a wallet.
const IN_WALLET: &str = "0";
/// Entries of a page, where the request does not say, and the most.
const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;
/// Fields of the core's request that stand beside the basket on the wire.
const BESIDE_THE_BASKET: [&str; 6] = ["coupons", "select", "select_spend", "select_gift", "strategy", "suggest"];
/// `0001-01-01T00:00:00Z`, where `google.protobuf.Timestamp` begins.
const FIRST_SECOND: i64 = -62_135_596_800;

/// A coupon that a request offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Offer {
    /// By the coupon's design.
    Design(String),
    /// One of the user's wallet.
    Instance(String),
    /// A code, as typed.
    Code(String),
}

/// A request that obeys every bound.
#[derive(Debug)]
pub(crate) struct QuoteOrder {
    /// What stands in it for an instance says nothing: wallets are looked into later.
    pub(crate) basket: Basket,
    /// What is offered.
    pub(crate) offers: Vec<Offer>,
    /// And everything that the user holds besides.
    pub(crate) auto: bool,
    pub(crate) view: View,
    /// What may be claimed is asked for.
    pub(crate) claimable: bool,
    /// Products that might be added.
    pub(crate) suggest: Vec<LineRequest>,
}

/// Reads a request; `now` is the moment to price for where it names none.
pub(crate) fn quote_order(request: v1::QuoteRequest, now: Timestamp) -> Result<QuoteOrder, ApiError> {
    let v1::QuoteRequest { basket, coupons, select, select_spend, select_gift, view, strategy, coupons_auto, include, suggest } =
        request;
    let mut wrong = Vec::new();
    let view = self::view(view, &mut wrong);
    let strategy = self::strategy(strategy, &mut wrong);
    let claimable = self::claimable(&include, &mut wrong);
    let offers = self::offers(coupons, &mut wrong);
    let select_spend = spend_selections(select_spend, &mut wrong);
    let Some(v1::Basket { currency, lines, user, at, user_tags, channel, region }) = basket else {
        wrong.push(FieldViolation::new("basket", "a quote is asked for a basket"));
        return Err(ApiError::Invalid(wrong));
    };
    if user.is_none() && offers.iter().any(|offer| !matches!(offer, Offer::Design(_))) {
        let description = "a coupon of a wallet or a code is offered, and the basket names no user";
        wrong.push(FieldViolation::new("basket.user", description));
    }
    let coupons = offers.iter().map(in_basket).collect();
    let at = at.map_or(now, |at| moment(at, now, &mut wrong));

    let request = BasketRequest {
        currency,
        at,
        user,
        user_tags,
        channel,
        region,
        lines: lines.into_iter().map(line).collect(),
        coupons: if coupons_auto { CouponsOffered::Auto { held: coupons } } else { CouponsOffered::These(coupons) },
        select: select.into_iter().map(|(sku, promotion)| (sku, selection(promotion))).collect(),
        select_spend,
        select_gift,
        strategy,
    };
    // What the wire got wrong stands in the request as some valid value, so that the rest is checked all the same.
    match Basket::parse(request) {
        Ok(basket) if wrong.is_empty() => {
            let suggest = suggest.into_iter().map(line).collect();
            Ok(QuoteOrder { basket, offers, auto: coupons_auto, view, claimable, suggest })
        }
        Ok(_) => Err(ApiError::Invalid(wrong)),
        Err(violations) => {
            let unset: Vec<String> = wrong.iter().map(|violation| violation.field.clone()).collect();
            let more = by_wire_path(violations).into_iter().filter(|violation| !already_named(&unset, &violation.field));
            wrong.extend(more);
            Err(ApiError::Invalid(wrong))
        }
    }
}

/// The core names fields of its own request; callers know them by where they stand on the wire.
pub(crate) fn by_wire_path(violations: Vec<FieldViolation>) -> Vec<FieldViolation> {
    let rename = |violation: FieldViolation| FieldViolation { field: wire_path(violation.field), ..violation };
    violations.into_iter().map(rename).collect()
}

fn wire_path(field: String) -> String {
    if field.starts_with("coupons[") {
        return format!("{field}.design");
    }
    let root = field.split(['[', '.']).next().unwrap_or_default();
    if BESIDE_THE_BASKET.contains(&root) { field } else { format!("basket.{field}") }
}

/// Is this violation at, or inside, a field that was complained about before?
fn already_named(named: &[String], field: &str) -> bool {
    named
        .iter()
        .any(|earlier| field.strip_prefix(earlier.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])))
}

/// What is asked for of a page, the default for 0, and never more than the most.
fn page_size(page_size: i32, wrong: &mut Vec<FieldViolation>) -> usize {
    match usize::try_from(page_size) {
        Ok(0) => PAGE_SIZE,
        Ok(size) => size.min(PAGE_SIZE_MAX),
        Err(_) => {
            wrong.push(FieldViolation::new("page_size", format!("`{page_size}` is not between 0 and {PAGE_SIZE_MAX}")));
            PAGE_SIZE
        }
    }
}

fn view(view: i32, wrong: &mut Vec<FieldViolation>) -> View {
    match v1::View::try_from(view) {
        Ok(v1::View::Full) => View::Full,
        Ok(v1::View::Unspecified | v1::View::Basic) => View::Basic,
        Err(_) => {
            wrong.push(FieldViolation::new("view", format!("`{view}` is not a view: there are `VIEW_BASIC` and `VIEW_FULL`")));
            View::Basic
        }
    }
}

/// Is it asked for what may be claimed?
fn claimable(include: &[i32], wrong: &mut Vec<FieldViolation>) -> bool {
    let mut asked = false;
    for (index, include) in include.iter().enumerate() {
        match v1::Include::try_from(*include) {
            Ok(v1::Include::Claimable) => asked = true,
            Ok(v1::Include::Unspecified) | Err(_) => {
                let description = format!("`{include}` is nothing that a quote may bring: there is `INCLUDE_CLAIMABLE`");
                wrong.push(FieldViolation::new(format!("include[{index}]"), description));
            }
        }
    }
    asked
}

fn strategy(strategy: i32, wrong: &mut Vec<FieldViolation>) -> Strategy {
    match v1::Strategy::try_from(strategy) {
        Ok(v1::Strategy::Best) => Strategy::Best,
        Ok(v1::Strategy::Unspecified | v1::Strategy::Sequential) => Strategy::Sequential,
        Err(_) => {
            let known = "there are `STRATEGY_SEQUENTIAL` and `STRATEGY_BEST`";
            wrong.push(FieldViolation::new("strategy", format!("`{strategy}` is not a strategy: {known}")));
            Strategy::Sequential
        }
    }
}

/// What stands for an offer in a basket whose wallet is not looked into yet.
fn in_basket(offer: &Offer) -> String {
    match offer {
        Offer::Design(design) => design.clone(),
        Offer::Instance(_) | Offer::Code(_) => IN_WALLET.to_owned(),
    }
}

fn offers(coupons: Vec<v1::CouponOffer>, wrong: &mut Vec<FieldViolation>) -> Vec<Offer> {
    let mut offers = Vec::with_capacity(coupons.len());
    for (index, coupon) in coupons.into_iter().enumerate() {
        match coupon.offer {
            Some(v1::coupon_offer::Offer::Design(design)) => offers.push(Offer::Design(design)),
            Some(v1::coupon_offer::Offer::Instance(instance)) => {
                reservation::token(&format!("coupons[{index}].instance"), &instance, wrong);
                offers.push(Offer::Instance(instance));
            }
            Some(v1::coupon_offer::Offer::Code(code)) => {
                coupons::code(&format!("coupons[{index}].code"), &code, wrong);
                offers.push(Offer::Code(code));
            }
            // An empty place keeps the numbers of the others.
            None => {
                let description = "an offer names a `design`, an `instance` or a `code`";
                wrong.push(FieldViolation::new(format!("coupons[{index}]"), description));
                offers.push(Offer::Design(String::new()));
            }
        }
    }
    offers
}

fn selection(promotion: String) -> Selection {
    if promotion == NONE { Selection::None } else { Selection::Promotion(promotion) }
}

fn spend_selections(
    selections: BTreeMap<String, v1::SpendSelection>,
    wrong: &mut Vec<FieldViolation>,
) -> BTreeMap<String, SpendSelection> {
    let mut read = BTreeMap::new();
    for (line_id, v1::SpendSelection { promotions }) in selections {
        let none = promotions.iter().any(|promotion| promotion == NONE);
        if promotions.is_empty() || (none && promotions.len() > 1) {
            let field = format!("select_spend[{line_id}].promotions");
            wrong.push(FieldViolation::new(field, "a line is kept for at least one promotion, or for `none` alone"));
        }
        read.insert(line_id, if none { SpendSelection::None } else { SpendSelection::Promotions(promotions) });
    }
    read
}

fn moment(at: prost_types::Timestamp, now: Timestamp, wrong: &mut Vec<FieldViolation>) -> Timestamp {
    let prost_types::Timestamp { seconds, nanos } = at;
    let read = Timestamp::new(seconds, nanos).ok();
    let in_range = read.filter(|_| seconds >= FIRST_SECOND && (0..1_000_000_000).contains(&nanos));
    in_range.unwrap_or_else(|| {
        let range = "from 0001-01-01T00:00:00Z to 9999-12-30T22:00:00Z, with 0 to 999,999,999 nanos";
        wrong.push(FieldViolation::new("basket.at", format!("{seconds} s and {nanos} ns is not a moment {range}")));
        now
    })
}

fn line(line: v1::Line) -> LineRequest {
    let v1::Line { line_id, sku, store, quantity, unit_price, categories, list_price, floor_price, tax_class, tags } = line;
    LineRequest { line_id, sku, store, categories, unit_price, quantity, list_price, floor_price, tax_class, tags }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_core_have_their_place_on_the_wire() {
        for (core, wire) in [
            ("currency", "basket.currency"),
            ("lines", "basket.lines"),
            ("lines[3].quantity", "basket.lines[3].quantity"),
            ("user_tags[0]", "basket.user_tags[0]"),
            ("coupons", "coupons"),
            ("coupons[0]", "coupons[0].design"),
            ("select[a.b]", "select[a.b]"),
            ("select_spend[a]", "select_spend[a]"),
            ("select_gift[p]", "select_gift[p]"),
            ("strategy", "strategy"),
        ] {
            assert_eq!(wire_path(core.to_owned()), wire);
        }
    }

    #[test]
    fn a_field_is_complained_about_once() {
        let named = ["coupons[1]".to_owned()];
        assert!(already_named(&named, "coupons[1].design"));
        assert!(!already_named(&named, "coupons[10].design"));
        assert!(!already_named(&named, "coupons"));
    }

    #[test]
    fn a_missing_moment_is_now_and_a_given_one_is_kept() {
        let now = Timestamp::UNIX_EPOCH;
        let line = v1::Line { line_id: "a".into(), sku: "s".into(), store: "x".into(), quantity: 1, ..Default::default() };
        let basket = v1::Basket { currency: "JPY".into(), lines: vec![line], ..Default::default() };
        let mut request = v1::QuoteRequest { basket: Some(basket), ..Default::default() };
        assert_eq!(quote_order(request.clone(), now).expect("valid").basket.at(), now);
        let basket = request.basket.as_mut().expect("a basket");
        basket.at = Some(prost_types::Timestamp { seconds: -1, nanos: 500_000_000 });
        let at = quote_order(request, now).expect("valid").basket.at();
        assert_eq!(at.to_string(), "1969-12-31T23:59:59.5Z");
    }
}
