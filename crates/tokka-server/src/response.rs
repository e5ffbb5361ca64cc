//! What is a caller told? From a priced basket to the wire. Wire types begin here.

use jiff::Timestamp;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, Line};
use tokka_core::outcome::{LimitName, LimitUse, NotCovered, Outcome, Shortfall, Subject, Verdict};
use tokka_core::promotion::{Basis, Discount, GiftReward, Rule, Stage, UnitPrice};
use tokka_core::quote::{self, GroupedBy, Payer, Quote, Segment, Then, View};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{GiftIx, LineIx, PromoIx, StoreIx, Table};
use tokka_proto::v1;

use crate::counters::CounterState;

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
        stores: stores(&names, full),
        gross: quote.gross.get(),
        discounts: stage_amounts(&quote.discounts),
        gifts: quote.gifts.iter().filter(|gift| gift.given > 0).map(|gift| gift_given(&names, gift)).collect(),
        missing_gifts: missing_gifts(&names),
        free_units: quote.free_units.iter().map(|free| free_units(&names, free)).collect(),
        applied: quote.applied.iter().map(|ix| names.promotion(*ix)).collect(),
        fingerprint: format!("{:032x}", quote.fingerprint),
        revision: revision.to_owned(),
        next_change_at: quote.next_change_at.map(timestamp),
        counters: match counters {
            CounterState::NotLimited => v1::CounterState::NotLimited,
            CounterState::Known => v1::CounterState::Known,
        }
        .into(),
        needs_user: quote.needs_user,
        clawback_only: quote.clawback_only,
        at: Some(timestamp(basket.at())),
        ..Default::default()
    };
    if full {
        answer.outcomes = quote.outcomes.iter().map(|found| outcome(&names, found)).collect();
        answer.hints = quote.hints.iter().map(|found| hint(&names, found)).collect();
        answer.groups = quote.groups.iter().map(|found| group(&names, found)).collect();
        answer.funding = quote.funding.iter().map(|part| funding_part(&names, part)).collect();
        answer.funders = funders(quote);
    }
    answer
}

/// The numbers of a quote as ids. INVARIANT: the quote is one of this basket under this rulebook.
struct Names<'a> {
    rulebook: &'a Rulebook,
    quote: &'a Quote,
    lines: Table<LineIx, &'a Line>,
}

#[expect(clippy::indexing_slicing, reason = "typed numbers of a quote index the tables that it was made from")]
impl Names<'_> {
    fn promotion(&self, ix: PromoIx) -> String {
        self.rulebook.promotions()[ix].id.as_str().to_owned()
    }

    fn line(&self, ix: LineIx) -> String {
        self.line_at(ix).line_id.as_str().to_owned()
    }

    fn store(&self, ix: StoreIx) -> String {
        self.line_at(self.quote.stores[ix].first_line).store.as_str().to_owned()
    }

    fn gift(&self, ix: GiftIx) -> String {
        self.rulebook.gifts()[ix].id.as_str().to_owned()
    }

    fn line_at(&self, ix: LineIx) -> &Line {
        self.lines[ix]
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

fn stores(names: &Names<'_>, full: bool) -> Vec<v1::StorePrice> {
    let one = |(ix, price): (StoreIx, &quote::StorePrice)| {
        let totals = names.quote.tax_totals.iter().filter(|total| total.store == ix);
        v1::StorePrice {
            store: names.store(ix),
            gross: price.gross.get(),
            discounts: stage_amounts(&price.discounts),
            subtotal: price.subtotal.get(),
            payable: price.payable.get(),
            below_minimum: price.below_minimum.get(),
            tax_totals: totals
                .map(|total| v1::TaxTotal {
                    tax_class: total.tax_class.as_ref().map(|class| class.as_str().to_owned()),
                    payable: total.payable.get(),
                })
                .collect(),
            settlement: full.then(|| price.settlement.get()),
        }
    };
    names.quote.stores.iter().map(one).collect()
}

fn gift_given(names: &Names<'_>, given: &quote::GiftGiven) -> v1::Gift {
    let gift = &names.rulebook.gifts()[given.gift];
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
            name: names.rulebook.gifts()[gift.gift].name.clone(),
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

fn outcome(names: &Names<'_>, outcome: &Outcome) -> v1::Outcome {
    let mut answer = v1::Outcome { code: code(&outcome.verdict).into(), ..Default::default() };
    match &outcome.subject {
        Subject::UnknownCoupon(id) => answer.promotion.clone_from(id),
        Subject::Promotion(ix) => {
            let promotion = &names.rulebook.promotions()[*ix];
            answer.promotion = promotion.id.as_str().to_owned();
            answer.name.clone_from(&promotion.name);
            answer.owner = promotion.owner.to_string();
            answer.stage = stage(promotion.stage()).into();
        }
    }
    answer.details = details(names, &outcome.verdict);
    answer.lines = match &outcome.verdict {
        Verdict::NotCovered { lines } if outcome.coverage.is_empty() => {
            lines.iter().map(|(ix, why)| coverage(names, *ix, Some(*why))).collect()
        }
        _ => outcome.coverage.iter().map(|found| coverage(names, found.line, found.why_not)).collect(),
    };
    answer
}

fn code(verdict: &Verdict) -> v1::OutcomeCode {
    match verdict {
        Verdict::Applied(_) => v1::OutcomeCode::Applied,
        Verdict::UnknownCoupon => v1::OutcomeCode::UnknownCoupon,
        Verdict::NotPublished => v1::OutcomeCode::NotPublished,
        Verdict::CouponNotOwned => v1::OutcomeCode::CouponNotOwned,
        Verdict::CouponUsed => v1::OutcomeCode::CouponUsed,
        Verdict::CouponExpired => v1::OutcomeCode::CouponExpired,
        Verdict::NotStarted { .. } => v1::OutcomeCode::NotStarted,
        Verdict::Ended { .. } => v1::OutcomeCode::Ended,
        Verdict::OutOfSchedule => v1::OutcomeCode::OutOfSchedule,
        Verdict::Audience => v1::OutcomeCode::Audience,
        Verdict::NotCovered { .. } => v1::OutcomeCode::NotCovered,
        Verdict::OnePerOrder { .. } => v1::OutcomeCode::OnePerOrder,
        Verdict::ExcludedBy { .. } => v1::OutcomeCode::ExcludedBy,
        Verdict::NotStackable { .. } => v1::OutcomeCode::NotStackable,
        Verdict::LimitReached(_) => v1::OutcomeCode::LimitReached,
        Verdict::StockExhausted(_) => v1::OutcomeCode::StockExhausted,
        Verdict::BelowQuantity(_) => v1::OutcomeCode::BelowQuantity,
        Verdict::BelowThreshold(_) => v1::OutcomeCode::BelowThreshold,
        Verdict::NoBenefit => v1::OutcomeCode::NoBenefit,
        Verdict::BudgetExhausted(_) => v1::OutcomeCode::BudgetExhausted,
        Verdict::NotSelected => v1::OutcomeCode::NotSelected,
        Verdict::BeatenBy { .. } => v1::OutcomeCode::BeatenBy,
    }
}

fn details(names: &Names<'_>, verdict: &Verdict) -> Option<v1::outcome::Details> {
    use v1::outcome::Details;
    let rival = |ix: PromoIx| v1::Rival { promotion: names.promotion(ix), ..Default::default() };
    Some(match verdict {
        Verdict::Applied(applied) => Details::Applied(v1::Applied {
            discount: applied.discount.get(),
            free_units: applied.free_units,
            gifts: applied
                .gifts
                .iter()
                .map(|(gift, quantity)| v1::GiftCount { gift: names.gift(*gift), quantity: *quantity })
                .collect(),
            cut: applied.cut.iter().map(limit_use).collect(),
            floor_cut: applied.floor_cut.get(),
        }),
        Verdict::BelowQuantity(short) | Verdict::BelowThreshold(short) => Details::Shortfall(shortfall(names, short)),
        Verdict::LimitReached(limit) | Verdict::StockExhausted(limit) | Verdict::BudgetExhausted(limit) => {
            Details::Limit(limit_use(limit))
        }
        Verdict::OnePerOrder { promotion } | Verdict::NotStackable { promotion } => Details::Rival(rival(*promotion)),
        Verdict::ExcludedBy { promotion } => {
            let exclusion_group = match &names.rulebook.promotions()[*promotion].rule {
                Rule::Spend(spend) => spend.exclusion_group.as_str().to_owned(),
                _ => String::new(),
            };
            Details::Rival(v1::Rival { exclusion_group, ..rival(*promotion) })
        }
        Verdict::BeatenBy { promotion, amount, winner } => Details::Rival(v1::Rival {
            amount: amount.map(Amount::get),
            winner_amount: winner.map(Amount::get),
            ..rival(*promotion)
        }),
        Verdict::NotStarted { start } => Details::StartsAt(timestamp(*start)),
        Verdict::Ended { end } => Details::EndedAt(timestamp(*end)),
        Verdict::UnknownCoupon
        | Verdict::NotPublished
        | Verdict::CouponNotOwned
        | Verdict::CouponUsed
        | Verdict::CouponExpired
        | Verdict::OutOfSchedule
        | Verdict::Audience
        | Verdict::NotCovered { .. }
        | Verdict::NoBenefit
        | Verdict::NotSelected => return None,
    })
}

fn shortfall(names: &Names<'_>, short: &Shortfall) -> v1::Shortfall {
    let kept_out = short.kept_out.iter();
    v1::Shortfall {
        basis: basis(short.basis).into(),
        threshold: short.threshold,
        actual: short.actual,
        missing: short.missing,
        kept_out: kept_out
            .map(|(line, promotion)| v1::KeptOut { line_id: names.line(*line), promotion: names.promotion(*promotion) })
            .collect(),
        limit: short.limit.as_ref().map(limit_use),
    }
}

fn limit_use(limit: &LimitUse) -> v1::LimitUse {
    let counter = match limit.counter {
        LimitName::Stock => v1::Limit::Stock,
        LimitName::StockBySku => v1::Limit::StockBySku,
        LimitName::UnitsPerOrder => v1::Limit::UnitsPerOrder,
        LimitName::UnitsPerUser => v1::Limit::UnitsPerUser,
        LimitName::OrdersPerUser => v1::Limit::OrdersPerUser,
        LimitName::MaxSets => v1::Limit::MaxSets,
        LimitName::Budget => v1::Limit::Budget,
    };
    v1::LimitUse { counter: counter.into(), limit: limit.limit, used: limit.used, requested: limit.requested }
}

fn coverage(names: &Names<'_>, line: LineIx, why_not: Option<NotCovered>) -> v1::LineCoverage {
    let (why_not, promotion) = why_not.map_or_else(Default::default, |why| not_covered(names, why));
    v1::LineCoverage { line_id: names.line(line), why_not: why_not.into(), promotion }
}

/// Why not, and the promotion that keeps it out, if one does.
fn not_covered(names: &Names<'_>, why: NotCovered) -> (v1::NotCovered, String) {
    match why {
        NotCovered::OtherStore => (v1::NotCovered::OtherStore, String::new()),
        NotCovered::NotIncluded => (v1::NotCovered::NotIncluded, String::new()),
        NotCovered::Excluded => (v1::NotCovered::Excluded, String::new()),
        NotCovered::NotStackable(promotion) => (v1::NotCovered::NotStackable, names.promotion(promotion)),
    }
}

fn hint(names: &Names<'_>, hint: &quote::Hint) -> v1::Hint {
    use v1::hint::Then as Answer;
    v1::Hint {
        promotion: names.promotion(hint.promotion),
        line_id: hint.line.map(|line| names.line(line)).unwrap_or_default(),
        basis: basis(hint.basis).into(),
        threshold: hint.threshold,
        missing: hint.missing,
        then: Some(match &hint.then {
            Then::Price(price) => Answer::Price(unit_price(*price)),
            Then::FreeUnits(units) => Answer::FreeUnits(*units),
            Then::Reward { discount: reward, gifts, times } => Answer::Reward(v1::SpendReward {
                discount: reward.map(discount),
                gifts: gifts.iter().map(gift_reward).collect(),
                times: *times,
            }),
        }),
        loses: hint.loses,
    }
}

fn unit_price(price: UnitPrice) -> v1::UnitPrice {
    use v1::unit_price::Price;
    let price = match price {
        UnitPrice::Fixed(amount) => Price::Fixed(amount.get()),
        UnitPrice::AmountOff(amount) => Price::AmountOff(amount.get()),
        UnitPrice::PercentOff(rate) => Price::PercentOff(rate.to_string()),
    };
    v1::UnitPrice { price: Some(price) }
}

fn discount(discount: Discount) -> v1::Discount {
    use v1::discount::Discount as Written;
    match discount {
        Discount::AmountOff(amount) => v1::Discount { discount: Some(Written::AmountOff(amount.get())), max_discount: None },
        Discount::PercentOff { rate, max_discount } => {
            v1::Discount { discount: Some(Written::PercentOff(rate.to_string())), max_discount: max_discount.map(Amount::get) }
        }
    }
}

fn gift_reward(reward: &GiftReward) -> v1::GiftReward {
    let options: Vec<String> = reward.options.iter().map(|id| id.as_str().to_owned()).collect();
    let (gift, choose) =
        if reward.choose { (String::new(), options) } else { (options.into_iter().next().unwrap_or_default(), Vec::new()) };
    v1::GiftReward { gift, choose, quantity: reward.quantity }
}

fn group(names: &Names<'_>, group: &quote::Group) -> v1::Group {
    use v1::group::By;
    let entry = |entry: &quote::GroupEntry| v1::GroupEntry {
        line_id: names.line(entry.line),
        units: entry.units,
        over_limit: entry.over_limit,
        not_in_spend: entry.not_in_spend.map(|(promotion, why)| {
            let (why, kept_out_by) = not_covered(names, why);
            v1::NotInSpend { promotion: names.promotion(promotion), why: why.into(), kept_out_by }
        }),
    };
    v1::Group {
        store: names.store(group.store),
        by: Some(match group.by {
            GroupedBy::Spend(promotion) => By::Spend(names.promotion(promotion)),
            GroupedBy::Set(promotion) => By::Set(names.promotion(promotion)),
            GroupedBy::Line => By::Single(true),
        }),
        entries: group.entries.iter().map(entry).collect(),
    }
}

fn funding_part(names: &Names<'_>, part: &quote::FundingPart) -> v1::FundingPart {
    v1::FundingPart {
        promotion: names.promotion(part.promotion),
        line_id: names.line(part.line),
        payer: part.payer.to_string(),
        amount: part.amount.get(),
    }
}

/// Who pays how much in all; a payer who only gives gifts is one too.
fn funders(quote: &Quote) -> Vec<v1::FunderTotal> {
    let mut totals = quote.funding_by_payer();
    for (payer, _) in &quote.given_value {
        totals.entry(payer.clone()).or_default();
    }
    let given = |payer: &Payer| {
        let values = quote.given_value.iter().filter(|(giver, _)| giver == payer).map(|(_, value)| value.get());
        values.fold(0i64, i64::saturating_add)
    };
    let total = |(payer, amount): (Payer, Amount)| v1::FunderTotal {
        given_value: given(&payer),
        payer: payer.to_string(),
        amount: amount.get(),
    };
    totals.into_iter().map(total).collect()
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

fn basis(basis: Basis) -> v1::Basis {
    match basis {
        Basis::Amount => v1::Basis::Amount,
        Basis::Quantity => v1::Basis::Quantity,
    }
}

/// Nanos of the wire count forwards from the second, also before 1970.
fn timestamp(moment: Timestamp) -> prost_types::Timestamp {
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
