//! What is a caller told? From a priced basket to the wire. Wire types begin here.

use jiff::Timestamp;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, Line, LineRequest};
use tokka_core::best::{Certificate, Searched};
use tokka_core::promotion::{Basis, Stage};
use tokka_core::quote::{self, Quote, Segment, View};
use tokka_core::rulebook::Rulebook;
use tokka_core::suggest::Suggestion;
use tokka_core::table::{GiftIx, Ix, LineIx, PromoIx, StoreIx, Table};
use tokka_proto::v1;

use crate::counters::CounterState;

pub(crate) mod coupons;
pub(crate) mod event;
mod funding;
mod outcome;
mod page;
pub(crate) mod reservation;
pub(crate) mod storefront;
mod terms;

pub(crate) use reservation::stands_for;

/// The quote of a basket, as one revision of the catalogue priced it.
pub(crate) fn quote(
    rulebook: &Rulebook,
    revision: &str,
    basket: &Basket,
    quote: &Quote,
    counters: CounterState,
    view: View,
) -> v1::Quote {
    let names = Names { rulebook, quote, lines: basket.lines().iter().collect() };
    let full = view == View::Full;
    let mut answer = v1::Quote {
        currency: basket.currency().to_owned(),
        payable: quote.payable.get(),
        lines: quote.lines.iter().map(|(ix, price)| line(&names, ix, price, full)).collect(),
        stores: stores(&names),
        gross: quote.gross.get(),
        discounts: stage_amounts(&quote.discounts),
        gifts: quote.gifts.iter().filter(|gift| gift.given > 0).map(|gift| gift_given(&names, gift)).collect(),
        missing_gifts: missing_gifts(&names),
        free_units: quote.free_units.iter().map(|free| free_units(&names, free)).collect(),
        included_units: quote.included_units.iter().map(|free| free_units(&names, free)).collect(),
        applied: quote.applied.iter().map(|ix| names.promotion(*ix)).collect(),
        fingerprint: format!("{:032x}", quote.fingerprint),
        revision: revision.to_owned(),
        next_change_at: quote.next_change_at.map(timestamp),
        counters: counter_state(counters).into(),
        needs_user: quote.needs_user,
        clawback_only: quote.clawback_only,
        at: Some(timestamp(basket.at())),
        search: quote.search.map(|searched| search(&searched, quote)),
        ..Default::default()
    };
    if full {
        answer.outcomes = quote.outcomes.iter().map(|found| outcome::outcome(&names, found)).collect();
        answer.hints = quote.hints.iter().map(|found| page::hint(&names, found)).collect();
        answer.groups = quote.groups.iter().map(|found| page::group(&names, found)).collect();
        answer.funding = quote.funding.iter().map(|part| funding::part(&names, part)).collect();
        answer.funders = funding::funders(quote);
        answer.settlements = funding::settlements(quote);
    }
    answer
}

fn search(searched: &Searched, quote: &Quote) -> v1::Search {
    let (certificate, lower_bound) = match searched.certificate {
        Certificate::Proven => (v1::Certificate::Proven, quote.payable),
        Certificate::Bound { lower_bound } => (v1::Certificate::Bound, lower_bound),
    };
    v1::Search {
        certificate: certificate.into(),
        lower_bound: lower_bound.get(),
        sequential_payable: searched.sequential.get(),
        work: i64::try_from(searched.work).unwrap_or(i64::MAX),
    }
}

/// An addition that is worth its price.
pub(crate) fn suggestion(
    rulebook: &Rulebook,
    quote: &Quote,
    products: &[LineRequest],
    found: &Suggestion,
) -> Option<v1::Suggestion> {
    Some(v1::Suggestion {
        line_id: products.get(found.product)?.line_id.clone(),
        quantity: found.quantity,
        payable: found.payable.get(),
        difference: found.payable.get().saturating_sub(quote.payable.get()),
        reaches: found.reaches.iter().map(|ix| rulebook.promotions().at(*ix).id.as_str().to_owned()).collect(),
    })
}

/// The numbers of a quote as ids. INVARIANT: the quote is one of this basket under this rulebook.
struct Names<'a> {
    rulebook: &'a Rulebook,
    quote: &'a Quote,
    lines: Table<LineIx, &'a Line>,
}

impl Names<'_> {
    fn promotion(&self, ix: PromoIx) -> String {
        self.rulebook.promotions().at(ix).id.as_str().to_owned()
    }

    fn line(&self, ix: LineIx) -> String {
        self.line_at(ix).line_id.as_str().to_owned()
    }

    fn store(&self, ix: StoreIx) -> String {
        self.line_at(self.quote.stores.at(ix).first_line).store.as_str().to_owned()
    }

    fn gift(&self, ix: GiftIx) -> String {
        self.rulebook.gifts().at(ix).id.as_str().to_owned()
    }

    fn line_at(&self, ix: LineIx) -> &Line {
        self.lines.at(ix)
    }
}

/// Nothing at all where no stage took anything: most lines of a basic quote.
fn stage_amounts(discounts: &[Amount; 6]) -> Option<v1::StageAmounts> {
    let [item, set, store_spend, store_coupon, platform_spend, platform_coupon] = discounts.map(Amount::get);
    let any = discounts.iter().any(|amount| !amount.is_zero());
    any.then_some(v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon })
}

fn line(names: &Names<'_>, ix: LineIx, price: &quote::LinePrice, full: bool) -> v1::LinePrice {
    let runs = names.quote.runs_of(ix).into_iter();
    let segments = if full { names.quote.segments_of(ix) } else { &[] };
    v1::LinePrice {
        line_id: names.line(ix),
        gross: price.gross.get(),
        discounts: stage_amounts(&price.discounts),
        payable: price.payable.get(),
        runs: runs.map(|run| v1::Run { count: run.units, payable: run.each.get() }).collect(),
        over_limit: price.over_limit,
        tax_class: names.line_at(ix).tax_class.as_ref().map(|class| class.as_str().to_owned()),
        segments: segments.iter().map(|found| segment(names, found)).collect(),
    }
}

fn segment(names: &Names<'_>, segment: &Segment) -> v1::Segment {
    let mut before = segment.gross;
    let mut touches = Vec::with_capacity(segment.chain.len());
    for touch in &segment.chain {
        touches.push(v1::Touch {
            promotion: names.promotion(touch.promotion),
            stage: stage(touch.stage).into(),
            discount: before.less_or_zero(touch.after).get(),
        });
        before = touch.after;
    }
    v1::Segment {
        units: segment.units,
        gross: segment.gross.get(),
        payable: segment.amount.get(),
        over_limit: segment.over_limit,
        touches,
    }
}

fn stores(names: &Names<'_>) -> Vec<v1::StorePrice> {
    let one = |(ix, price): (StoreIx, &quote::StorePrice)| v1::StorePrice {
        store: names.store(ix),
        gross: price.gross.get(),
        discounts: stage_amounts(&price.discounts),
        subtotal: price.subtotal.get(),
        payable: price.payable.get(),
        below_minimum: price.below_minimum.get(),
        tax_totals: Vec::new(),
    };
    let mut stores: Vec<v1::StorePrice> = names.quote.stores.iter().map(one).collect();
    // One pass: an order of 1,000 stores has at least as many totals.
    for total in &names.quote.tax_totals {
        let tax_class = total.tax_class.as_ref().map(|class| class.as_str().to_owned());
        if let Some(store) = stores.get_mut(total.store.position()) {
            store.tax_totals.push(v1::TaxTotal { tax_class, payable: total.payable.get() });
        }
    }
    stores
}

fn gift_given(names: &Names<'_>, given: &quote::GiftGiven) -> v1::Gift {
    let gift = names.rulebook.gifts().at(given.gift);
    let note = || format!("not in the ERP: {} × {}", gift.name, given.given);
    v1::Gift {
        promotion: names.promotion(given.promotion),
        gift: names.gift(given.gift),
        quantity: given.given,
        name: gift.name.clone(),
        sku: gift.sku.clone(),
        erp: Some(gift.erp_sku.clone().map_or_else(|| v1::gift::Erp::Note(note()), v1::gift::Erp::ErpSku)),
    }
}

fn missing_gifts(names: &Names<'_>) -> Vec<v1::MissingGift> {
    let missing = names.quote.gifts.iter().filter(|gift| gift.given < gift.wanted);
    missing
        .map(|gift| v1::MissingGift {
            promotion: names.promotion(gift.promotion),
            gift: names.gift(gift.gift),
            wanted: gift.wanted,
            given: gift.given,
            name: names.rulebook.gifts().at(gift.gift).name.clone(),
        })
        .collect()
}

fn free_units(names: &Names<'_>, free: &quote::FreeUnits) -> v1::FreeUnits {
    v1::FreeUnits {
        promotion: names.promotion(free.promotion),
        line_id: names.line(free.line),
        sku: names.line_at(free.line).sku.as_str().to_owned(),
        units: free.units,
    }
}

fn stage(stage: Stage) -> v1::Stage {
    match stage {
        Stage::Item => v1::Stage::Item,
        Stage::Set => v1::Stage::Set,
        Stage::StoreSpend => v1::Stage::StoreSpend,
        Stage::StoreCoupon => v1::Stage::StoreCoupon,
        Stage::PlatformSpend => v1::Stage::PlatformSpend,
        Stage::PlatformCoupon => v1::Stage::PlatformCoupon,
    }
}

/// What was known, as callers read it.
pub(crate) fn counter_state(state: CounterState) -> v1::CounterState {
    match state {
        CounterState::NotLimited => v1::CounterState::NotLimited,
        CounterState::Known => v1::CounterState::Known,
        CounterState::Unknown => v1::CounterState::Unknown,
    }
}

fn basis(basis: Basis) -> v1::Basis {
    match basis {
        Basis::Amount => v1::Basis::Amount,
        Basis::Quantity => v1::Basis::Quantity,
    }
}

/// Nanos of the wire count forwards from the second, also before 1970.
pub(crate) fn timestamp(moment: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
    if nanos < 0 {
        prost_types::Timestamp { seconds: seconds.saturating_sub(1), nanos: nanos.saturating_add(1_000_000_000) }
    } else {
        prost_types::Timestamp { seconds, nanos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_count_forwards_within_their_second() {
        let moment: Timestamp = "1969-12-31T23:59:59.5Z".parse().expect("a moment");
        assert_eq!(timestamp(moment), prost_types::Timestamp { seconds: -1, nanos: 500_000_000 });
        let moment: Timestamp = "2026-11-11T00:00:00.25Z".parse().expect("a moment");
        assert_eq!(timestamp(moment).nanos, 250_000_000);
    }

    #[test]
    fn no_discount_at_all_takes_no_bytes() {
        assert_eq!(stage_amounts(&[Amount::ZERO; 6]), None);
        let mut some = [Amount::ZERO; 6];
        some[5] = Amount::minor(7);
        assert_eq!(stage_amounts(&some).map(|amounts| amounts.platform_coupon), Some(7));
    }
}
