//! What does a page show? Cards, offers and zones on the wire.

use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, Line};
use tokka_core::card::{Card, Shown, Sold};
use tokka_core::id::Token;
use tokka_core::offers::Offers;
use tokka_core::outcome::{Subject, Verdict};
use tokka_core::promotion::{Promotion, Rule};
use tokka_core::quote::Quote;
use tokka_core::rulebook::Rulebook;
use tokka_core::table::PromoIx;
use tokka_core::zone::Zone;
use tokka_proto::v1;

use super::terms::terms;
use super::{Names, outcome, page, stage, timestamp};
use crate::counters::CounterState;
use crate::coupons::claimable::{Claimable, Offer};

/// Cards in the order of their products.
pub(crate) fn cards(
    rulebook: &Rulebook,
    revision: &str,
    basket: &Basket,
    cards: &[Card],
    counters: CounterState,
) -> v1::PriceCardsResponse {
    v1::PriceCardsResponse {
        cards: basket.lines().iter().zip(cards).map(|(line, found)| card(rulebook, line, found)).collect(),
        currency: basket.currency().to_owned(),
        revision: revision.to_owned(),
        counters: super::counter_state(counters).into(),
        at: Some(timestamp(basket.at())),
    }
}

/// What a product can get; `quote` is of [`Offers::quote`].
pub(crate) fn offers(
    rulebook: &Rulebook,
    revision: &str,
    basket: &Basket,
    (shown, of, quote): (&Card, &Offers<'_>, &Quote),
    counters: CounterState,
) -> v1::GetProductOffersResponse {
    let names = Names { rulebook, quote, lines: basket.lines().iter().collect() };
    let offer = |found: &tokka_core::outcome::Outcome| {
        let Subject::Promotion(ix) = found.subject else { return None };
        let promotion = rulebook.promotions().at(ix);
        let hint = quote.hints.iter().find(|hint| hint.promotion == ix);
        Some(v1::ProductOffer {
            outcome: Some(outcome::outcome(&names, found)),
            terms: Some(terms(promotion)),
            description: promotion.description.clone().unwrap_or_default(),
            label: label(promotion),
            ends_at: rulebook.next_change(ix, basket.at()).map(timestamp),
            hint: hint.map(|hint| page::hint(&names, hint)),
        })
    };
    v1::GetProductOffersResponse {
        card: basket.lines().first().map(|line| card(rulebook, line, shown)),
        payable: quote.payable.get(),
        offers: quote.outcomes.iter().filter_map(offer).collect(),
        coupons_total: i32::try_from(of.coupons_total()).unwrap_or(i32::MAX),
        currency: basket.currency().to_owned(),
        revision: revision.to_owned(),
        counters: super::counter_state(counters).into(),
        at: Some(timestamp(basket.at())),
    }
}

/// A promotion as its zone shows it; `sold` is of its whole stock.
pub(crate) fn zone(
    rulebook: &Rulebook,
    ix: PromoIx,
    covers: &Zone<'_>,
    closed: Option<&Verdict>,
    at: jiff::Timestamp,
    sold: Option<Sold>,
) -> v1::Zone {
    let promotion = rulebook.promotions().at(ix);
    let tokens = |list: &[Token]| list.iter().map(|token| token.as_str().to_owned()).collect();
    v1::Zone {
        promotion: promotion.id.as_str().to_owned(),
        name: promotion.name.clone(),
        description: promotion.description.clone().unwrap_or_default(),
        label: label(promotion),
        owner: promotion.owner.to_string(),
        stage: stage(promotion.stage()).into(),
        terms: Some(terms(promotion)),
        closed: closed.map(outcome::code).unwrap_or_default().into(),
        starts_at: promotion.window.start.map(timestamp),
        ends_at: promotion.window.end.map(timestamp),
        next_change_at: rulebook.next_change(ix, at).map(timestamp),
        stock: sold.map(stock),
        all_products: covers.all,
        categories: covers.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        stores: covers.stores.iter().map(|store| store.as_str().to_owned()).collect(),
        without_skus: tokens(covers.without_skus),
        without_categories: tokens(covers.without_categories),
        without_stores: covers.without_stores.iter().map(|store| store.as_str().to_owned()).collect(),
    }
}

/// How much of a stock is used.
pub(crate) fn stock(sold: Sold) -> v1::StockUse {
    v1::StockUse { limit: sold.limit, used: sold.used.max(0), percent: sold.percent() }
}

fn card(rulebook: &Rulebook, line: &Line, card: &Card) -> v1::PriceCard {
    v1::PriceCard {
        sku: line.sku.as_str().to_owned(),
        store: line.store.as_str().to_owned(),
        price: card.price.get(),
        original_price: card.original_price.map(Amount::get),
        sold_out: card.sold_out,
        from: card.from.map(|from| v1::PriceFrom {
            quantity: from.quantity,
            price: from.price.get(),
            promotion: rulebook.promotions().at(from.promotion).id.as_str().to_owned(),
        }),
        promotion: card.promotion.as_ref().map(|found| shown(rulebook, found)),
        next_change_at: card.next_change_at.map(timestamp),
    }
}

fn shown(rulebook: &Rulebook, shown: &Shown) -> v1::CardPromotion {
    let promotion = rulebook.promotions().at(shown.promotion);
    v1::CardPromotion {
        promotion: promotion.id.as_str().to_owned(),
        name: promotion.name.clone(),
        label: label(promotion),
        flash: matches!(&promotion.rule, Rule::ItemPrice(rule) if rule.flash),
        code: shown.why_not.as_ref().map_or(v1::OutcomeCode::Applied, outcome::code).into(),
        ends_at: shown.ends_at.map(timestamp),
        stock: shown.sold.map(stock),
        limit_left: shown.limit_left,
    }
}

/// A coupon that can be claimed, with what is left of it.
pub(crate) fn claimable(rulebook: &Rulebook, found: &Claimable<'_>) -> v1::ClaimableCoupon {
    let Claimable { offer: Offer { distribution, coupon }, left, claimed, issued } = found;
    let coupon = rulebook.promotions().at(*coupon);
    v1::ClaimableCoupon {
        distribution: distribution.id.as_str().to_owned(),
        design: coupon.id.as_str().to_owned(),
        name: coupon.name.clone(),
        description: coupon.description.clone().unwrap_or_default(),
        label: label(coupon),
        owner: coupon.owner.to_string(),
        terms: Some(terms(coupon)),
        left: *left,
        claimed: *claimed,
        issued: issued.map(stock),
        claim_until: distribution.window.end.map(timestamp),
        valid_for: distribution.valid_for.and_then(|valid_for| valid_for.try_into().ok()),
        usable_from: coupon.window.start.map(timestamp),
        usable_until: coupon.window.end.map(timestamp),
    }
}

fn label(promotion: &Promotion) -> String {
    promotion.display.label.clone().unwrap_or_default()
}
