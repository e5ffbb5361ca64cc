//! Why did a promotion apply, or not? Outcomes with their codes and the numbers behind them.

use tokka_core::amount::Amount;
use tokka_core::outcome::{LimitName, LimitUse, NotCovered, Outcome, Shortfall, Subject, Verdict};
use tokka_core::promotion::Rule;
use tokka_core::table::{LineIx, PromoIx};
use tokka_proto::v1;

use super::{Names, basis, stage, timestamp};

pub(super) fn outcome(names: &Names<'_>, outcome: &Outcome) -> v1::Outcome {
    let mut answer = v1::Outcome { code: code(&outcome.verdict).into(), ..Default::default() };
    match &outcome.subject {
        Subject::OutOfForce(id) => answer.promotion.clone_from(id),
        Subject::Promotion(ix) => {
            let promotion = names.rulebook.promotions().at(*ix);
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

pub(super) fn code(verdict: &Verdict) -> v1::OutcomeCode {
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
            let exclusion_group = match &names.rulebook.promotions().at(*promotion).rule {
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
    v1::LimitUse {
        counter: counter.into(),
        limit: limit.limit,
        used: limit.used,
        requested: limit.requested,
        held_by_open_orders: None,
    }
}

fn coverage(names: &Names<'_>, line: LineIx, why_not: Option<NotCovered>) -> v1::LineCoverage {
    let (why_not, promotion) = why_not.map_or_else(Default::default, |why| not_covered(names, why));
    v1::LineCoverage { line_id: names.line(line), why_not: why_not.into(), promotion }
}

/// Why not, and the promotion that keeps it out, if one does.
pub(super) fn not_covered(names: &Names<'_>, why: NotCovered) -> (v1::NotCovered, String) {
    match why {
        NotCovered::OtherStore => (v1::NotCovered::OtherStore, String::new()),
        NotCovered::NotIncluded => (v1::NotCovered::NotIncluded, String::new()),
        NotCovered::Excluded => (v1::NotCovered::Excluded, String::new()),
        NotCovered::NotSelected => (v1::NotCovered::NotSelected, String::new()),
        NotCovered::NotStackable(promotion) => (v1::NotCovered::NotStackable, names.promotion(promotion)),
    }
}
