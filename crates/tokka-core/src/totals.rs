//! What does the whole order come to? Sums by line, store and order, of which every column adds up.

use smallvec::SmallVec;

use crate::amount::{Amount, Exact, Overflow};
use crate::outcome::{Outcome, Subject, Verdict};
use crate::prepare::CouponOffer;
use crate::promotion::Stage;
use crate::quote::{LinePrice, Quote, QuoteError, Segment, StorePrice, TaxTotal};
use crate::stages::Pricing;
use crate::table::{Ix, LineIx, PromoIx, StoreIx, Table};
use crate::{explain, fingerprint, funding};

/// The answer, once all stages are through.
pub(crate) fn answer(mut pricing: Pricing<'_>) -> Result<Quote, QuoteError> {
    let prepared = pricing.prepared;
    let lines = line_prices(&pricing)?;
    let stores = store_prices(&pricing, &lines)?;
    let mut discounts = [Amount::ZERO; 6];
    for store in stores.rows() {
        add(&mut discounts, &store.discounts)?;
    }
    let mut quote = Quote {
        tax_totals: tax_totals(&pricing, &lines)?,
        gross: Amount::sum(stores.rows().iter().map(|store| store.gross))?,
        discounts,
        payable: Amount::sum(stores.rows().iter().map(|store| store.payable))?,
        gifts: std::mem::take(&mut pricing.gifts),
        free_units: std::mem::take(&mut pricing.free_units),
        included_units: std::mem::take(&mut pricing.included_units),
        applied: applied(&pricing),
        claims: pricing.claims(),
        needs_user: pricing.needs_user,
        clawback_only: pricing.clawback_only,
        next_change_at: prepared.next_change_at(),
        fingerprint: 0,
        search: None,
        outcomes: Vec::new(),
        hints: Vec::new(),
        groups: Vec::new(),
        funding: Vec::new(),
        given_value: Vec::new(),
        settlements: Vec::new(),
        segments: Vec::new(),
        lines,
        stores,
    };
    if pricing.full {
        quote.hints = std::mem::take(&mut pricing.hints);
        quote.groups = explain::groups(&pricing, &quote.hints);
        quote.outcomes = outcomes(&mut pricing);
    }
    quote.segments = std::mem::take(&mut pricing.segments);
    if pricing.full {
        funding::settle(prepared, &mut quote)?;
    }
    quote.fingerprint = fingerprint::of(prepared, &quote);
    debug_assert!(adds_up(&quote), "the columns of a quote add up");
    Ok(quote)
}

fn line_prices(pricing: &Pricing<'_>) -> Result<Table<LineIx, LinePrice>, Overflow> {
    let mut lines = Table::new();
    let mut start = 0usize;
    for of_line in pricing.segments.chunk_by(|a, b| a.line == b.line) {
        let Some(line) = of_line.first().map(|segment| segment.line) else { continue };
        let end = start.saturating_add(of_line.len());
        let mut price = LinePrice {
            store: pricing.prepared.layout.store(line),
            gross: Amount::ZERO,
            discounts: [Amount::ZERO; 6],
            payable: Amount::ZERO,
            over_limit: 0,
            segments: start..end,
        };
        for segment in of_line {
            price.gross = price.gross.plus(segment.gross)?;
            price.payable = price.payable.plus(segment.amount)?;
            if segment.over_limit {
                price.over_limit = price.over_limit.plus(segment.units)?;
            }
            for (_, stage, discount) in discounts_of(segment) {
                let slot = at_stage(&mut price.discounts, stage);
                *slot = slot.plus(discount?)?;
            }
        }
        lines.push(price);
        start = end;
    }
    Ok(lines)
}

/// What each promotion took off a segment.
pub(crate) fn discounts_of(segment: &Segment) -> impl Iterator<Item = (PromoIx, Stage, Result<Amount, Overflow>)> {
    segment.chain.iter().scan(segment.gross, |before, touch| {
        let discount = before.minus(touch.after);
        *before = touch.after;
        Some((touch.promotion, touch.stage, discount))
    })
}

/// The column of a stage.
pub(crate) fn at_stage(discounts: &mut [Amount; 6], stage: Stage) -> &mut Amount {
    let [item, set, store_spend, store_coupon, platform_spend, platform_coupon] = discounts;
    match stage {
        Stage::Item => item,
        Stage::Set => set,
        Stage::StoreSpend => store_spend,
        Stage::StoreCoupon => store_coupon,
        Stage::PlatformSpend => platform_spend,
        Stage::PlatformCoupon => platform_coupon,
    }
}

fn add(sums: &mut [Amount; 6], more: &[Amount; 6]) -> Result<(), Overflow> {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.plus(*more)?;
    }
    Ok(())
}

fn store_prices(pricing: &Pricing<'_>, lines: &Table<LineIx, LinePrice>) -> Result<Table<StoreIx, StorePrice>, Overflow> {
    let layout = &pricing.prepared.layout;
    let mut stores: Table<StoreIx, StorePrice> = layout
        .first_lines()
        .iter()
        .map(|first_line| StorePrice {
            first_line: *first_line,
            gross: Amount::ZERO,
            discounts: [Amount::ZERO; 6],
            subtotal: Amount::ZERO,
            payable: Amount::ZERO,
            below_minimum: Amount::ZERO,
            settlement: Amount::ZERO,
        })
        .collect();
    for line in lines.rows() {
        let store = stores.at_mut(line.store);
        store.gross = store.gross.plus(line.gross)?;
        store.payable = store.payable.plus(line.payable)?;
        add(&mut store.discounts, &line.discounts)?;
    }
    for store in stores.rows_mut() {
        let [item, set, store_spend, store_coupon, ..] = store.discounts;
        let after_spend = store.gross.minus(Amount::sum([item, set, store_spend])?)?;
        store.subtotal = after_spend.minus(store_coupon)?;
        let id = pricing.line(store.first_line).map_or("", |line| line.store.as_str());
        let minimum = pricing.prepared.rulebook.store(id).and_then(|store| store.minimum_order);
        store.below_minimum = minimum.map_or(Amount::ZERO, |minimum| minimum.less_or_zero(after_spend));
    }
    Ok(stores)
}

fn tax_totals(pricing: &Pricing<'_>, lines: &Table<LineIx, LinePrice>) -> Result<Vec<TaxTotal>, Overflow> {
    let mut totals: Vec<TaxTotal> = Vec::new();
    // A store has few tax classes, but a basket may have a thousand stores: its rows stand together in `of_store`.
    let mut of_store: SmallVec<[SmallVec<[usize; 2]>; 8]> =
        SmallVec::from_elem(SmallVec::new(), pricing.prepared.layout.stores());
    for (ix, line) in lines.iter() {
        let tax_class = pricing.line(ix).and_then(|row| row.tax_class.as_ref());
        let Some(rows) = of_store.get_mut(line.store.position()) else { continue };
        let same = |row: &&usize| totals.get(**row).is_some_and(|total| total.tax_class.as_ref() == tax_class);
        match rows.iter().find(same).copied().and_then(|row| totals.get_mut(row)) {
            Some(total) => total.payable = total.payable.plus(line.payable)?,
            None => {
                rows.push(totals.len());
                totals.push(TaxTotal { store: line.store, tax_class: tax_class.cloned(), payable: line.payable });
            }
        }
    }
    Ok(totals)
}

/// Those that applied, by stage, in order of application.
fn applied(pricing: &Pricing<'_>) -> Vec<PromoIx> {
    let candidates = pricing.prepared.candidates.iter().zip(&pricing.verdicts);
    let mut applied: SmallVec<[(Stage, PromoIx); 16]> = candidates
        .filter(|(_, verdict)| verdict.as_ref().is_some_and(Verdict::is_applied))
        .map(|(candidate, _)| (candidate.stage, candidate.promotion))
        .collect();
    applied.sort_by_key(|(stage, _)| *stage);
    applied.into_iter().map(|(_, promotion)| promotion).collect()
}

/// By stage in order of application, then coupons in the order offered, then what was selected in vain.
fn outcomes(pricing: &mut Pricing<'_>) -> Vec<Outcome> {
    let prepared = pricing.prepared;
    let mut coverage = std::mem::take(&mut pricing.coverage);
    let mut verdicts = std::mem::take(&mut pricing.verdicts);
    let mut outcome = |number: usize| {
        let promotion = prepared.candidates.get(number)?.promotion;
        let verdict = verdicts.get_mut(number).and_then(Option::take)?;
        let coverage = coverage.get_mut(number).map(std::mem::take).unwrap_or_default();
        Some(Outcome { subject: Subject::Promotion(promotion), verdict, coverage })
    };
    let is_coupon = |stage| matches!(stage, Stage::StoreCoupon | Stage::PlatformCoupon);
    let numbered = prepared.candidates.iter().enumerate();
    let mut by_stage: Vec<(Stage, usize)> = numbered
        .filter(|(_, candidate)| !is_coupon(candidate.stage))
        .map(|(number, candidate)| (candidate.stage, number))
        .collect();
    by_stage.sort_unstable();
    let mut outcomes: Vec<Outcome> = by_stage.into_iter().filter_map(|(_, number)| outcome(number)).collect();
    for offer in &prepared.coupons {
        match offer {
            CouponOffer::Candidate(number) => outcomes.extend(outcome(*number)),
            CouponOffer::Decided(decided) => outcomes.push(decided.clone()),
        }
    }
    outcomes.extend(prepared.idle.iter().cloned());
    outcomes
}

/// Σ lines = Σ stores = order on every stage, and no segment costs less than nothing or more than its units.
fn adds_up(quote: &Quote) -> bool {
    let total = |discounts: &[Amount; 6]| Amount::sum(discounts.iter().copied());
    let line = |line: &LinePrice| line.gross.minus(total(&line.discounts)?).map(|left| left == line.payable);
    let store = |store: &StorePrice| store.gross.minus(total(&store.discounts)?).map(|left| left == store.payable);
    let lines = quote.lines.rows();
    quote.gross.minus(quote.payable) == total(&quote.discounts)
        && Amount::sum(lines.iter().map(|line| line.payable)) == Ok(quote.payable)
        && Amount::sum(quote.segments.iter().map(|segment| segment.amount)) == Ok(quote.payable)
        && Amount::sum(quote.tax_totals.iter().map(|total| total.payable)) == Ok(quote.payable)
        && lines.iter().all(|row| line(row) == Ok(true))
        && quote.stores.rows().iter().all(|row| store(row) == Ok(true))
        && quote.segments.iter().all(|segment| Amount::ZERO <= segment.amount && segment.amount <= segment.gross)
}
