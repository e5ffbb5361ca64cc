//! Who pays for the discounts, and what is each store due? Funding by party, line and promotion; settlement by store.

use smallvec::SmallVec;

use crate::allocate::{Leaf, allocate, split_by_percent, split_by_weight};
use crate::amount::{Amount, Exact, Overflow};
use crate::id::Id;
use crate::prepare::Prepared;
use crate::promotion::{Funding, Owner, Party, Promotion};
use crate::quote::{FundingPart, Payer, Quote, line_at};
use crate::rate::Rate;
use crate::refund::ToReturn;
use crate::table::{Ix, LineIx, PromoIx};
use crate::totals::discounts_of;

/// Works out funding, given value and settlements of a priced order.
pub(crate) fn settle(prepared: &Prepared<'_>, quote: &mut Quote) -> Result<(), Overflow> {
    let rows = discounts_by_line(quote)?;
    let mut funding = Vec::new();
    for promotion in &quote.applied {
        let first = rows.partition_point(|(of, ..)| of < promotion);
        let lines: SmallVec<[(LineIx, Amount); 16]> = rows
            .iter()
            .skip(first)
            .take_while(|(of, ..)| of == promotion)
            .map(|(_, line, discount)| (*line, *discount))
            .collect();
        fund(prepared, *promotion, lines, &mut funding)?;
    }
    quote.given_value = given_value(prepared, quote)?;
    quote.settlements = settlements(prepared, quote, &funding)?;
    quote.funding = funding;
    for (store, (_, due)) in quote.stores.rows_mut().iter_mut().zip(&quote.settlements) {
        store.settlement = *due;
    }
    Ok(())
}

/// What each promotion took off each line, where it took something; by promotion, then line.
fn discounts_by_line(quote: &Quote) -> Result<Vec<(PromoIx, LineIx, Amount)>, Overflow> {
    let mut rows: Vec<(PromoIx, LineIx, Amount)> = Vec::new();
    for segment in &quote.segments {
        for (promotion, _, discount) in discounts_of(segment) {
            rows.push((promotion, segment.line, discount?));
        }
    }
    rows.sort_unstable();
    let mut sums: Vec<(PromoIx, LineIx, Amount)> = Vec::with_capacity(rows.len());
    for (promotion, line, discount) in rows.into_iter().filter(|(.., discount)| discount.is_positive()) {
        match sums.last_mut() {
            Some((of, at, sum)) if (*of, *at) == (promotion, line) => *sum = sum.plus(discount)?,
            _ => sums.push((promotion, line, discount)),
        }
    }
    Ok(sums)
}

/// Who pays, and which part; without a word about it, the owner.
fn parties(promotion: &Promotion) -> SmallVec<[Funding; 2]> {
    if promotion.funding.is_empty() {
        let party = match &promotion.owner {
            Owner::Platform => Party::Platform,
            Owner::Store(id) => Party::Store(id.clone()),
        };
        return SmallVec::from_iter([Funding { party, percent: Rate::WHOLE }]);
    }
    promotion.funding.iter().cloned().collect()
}

/// In the order named, each party's part is handed down the tree over the lines, with what earlier parties left of
/// each line's discount as weights; the last takes the rest.
fn fund(
    prepared: &Prepared<'_>,
    promotion: PromoIx,
    lines: SmallVec<[(LineIx, Amount); 16]>,
    funding: &mut Vec<FundingPart>,
) -> Result<(), Overflow> {
    let parties = parties(prepared.rulebook.promotion(promotion));
    let total = Amount::sum(lines.iter().map(|(_, discount)| *discount))?;
    let parts = split_by_percent(total, parties.iter().map(|funding| funding.percent))?;
    let mut left: SmallVec<[Leaf; 16]> = lines.iter().map(|(line, discount)| Leaf { line: *line, weight: *discount }).collect();
    let start = funding.len();
    for (index, (party, part)) in parties.iter().zip(parts).enumerate() {
        let last = index.saturating_add(1) == parties.len();
        let shares = match last {
            true => left.iter().map(|leaf| leaf.weight).collect(),
            false => allocate(part, &left, &prepared.layout)?,
        };
        for (leaf, share) in left.iter_mut().zip(shares).filter(|(_, share)| share.is_positive()) {
            leaf.weight = leaf.weight.minus(share)?;
            let Some(payer) = payer(prepared, &party.party, leaf.line) else { continue };
            // `seller` may be a store that is also named.
            let mut earlier = funding.iter_mut().skip(start);
            match earlier.find(|part| part.line == leaf.line && part.payer == payer) {
                Some(part) => part.amount = part.amount.plus(share)?,
                None => funding.push(FundingPart { promotion, line: leaf.line, payer, amount: share }),
            }
        }
    }
    Ok(())
}

fn payer(prepared: &Prepared<'_>, party: &Party, line: LineIx) -> Option<Payer> {
    Some(match party {
        Party::Platform => Payer::Platform,
        Party::Store(id) => Payer::Store(id.clone()),
        Party::Seller => Payer::Store(line_at(prepared.basket, line)?.store.clone()),
    })
}

impl Prepared<'_> {
    /// What the gifts and free units of a quote of this basket are worth once some of them came back, by who funds them;
    /// only what is above 0. What came back is named as [`crate::refund::Refund::to_return`] asked for it.
    ///
    /// # Errors
    /// [`Overflow`]: a bug of ours.
    pub fn given_value(&self, quote: &Quote, came_back: &[ToReturn]) -> Result<Vec<(Payer, Amount)>, Overflow> {
        let mut left = quote.clone();
        for came in came_back {
            let (units, of) = match *came {
                ToReturn::Gift { gift, promotion, units } => {
                    let mut gifts = left.gifts.iter_mut();
                    (units, gifts.find(|it| (it.gift, it.promotion) == (gift, promotion)).map(|it| &mut it.given))
                }
                ToReturn::FreeUnits { line, promotion, units } => {
                    let mut free = left.free_units.iter_mut();
                    (units, free.find(|it| (it.line, it.promotion) == (line, promotion)).map(|it| &mut it.units))
                }
            };
            if let Some(of) = of {
                *of = of.saturating_sub(units).max(0);
            }
        }
        given_value(self, &left)
    }
}

/// What gifts and units on top are worth, by who funds them. The part of `seller` goes to the stores that sell what
/// earned them: by the worth of the free units, or by the amounts that the promotion found.
fn given_value(prepared: &Prepared<'_>, quote: &Quote) -> Result<Vec<(Payer, Amount)>, Overflow> {
    let mut by_payer: std::collections::BTreeMap<Payer, Amount> = std::collections::BTreeMap::new();
    let mut give = |payer: Payer, amount: Amount| {
        let sum = by_payer.entry(payer).or_insert(Amount::ZERO);
        // What a gift is worth never enters a sum that is paid, so a worth beyond 64 bits is shown as their maximum.
        *sum = Amount::minor(sum.get().saturating_add(amount.get()));
    };
    for promotion in &quote.applied {
        let mut worth = 0i64;
        let mut weights: SmallVec<[(LineIx, Amount); 8]> = SmallVec::new();
        for gift in quote.gifts.iter().filter(|gift| gift.promotion == *promotion) {
            let value = prepared.rulebook.gifts().at(gift.gift).value.unwrap_or(Amount::ZERO);
            worth = worth.saturating_add(value.get().saturating_mul(gift.given));
        }
        if worth > 0 {
            weights = found(quote, *promotion)?;
        }
        for free in quote.free_units.iter().filter(|free| free.promotion == *promotion) {
            let price = line_at(prepared.basket, free.line).map_or(0, |line| line.unit_price.get());
            let value = price.saturating_mul(free.units);
            worth = worth.saturating_add(value);
            weights.push((free.line, Amount::minor(value)));
        }
        if worth == 0 {
            continue;
        }
        let parties = parties(prepared.rulebook.promotion(*promotion));
        let parts = split_by_percent(Amount::minor(worth), parties.iter().map(|funding| funding.percent))?;
        for (funding, part) in parties.iter().zip(parts) {
            if funding.party != Party::Seller {
                let anywhere = weights.first().map_or(LineIx::new(0), |(line, _)| *line);
                if let Some(payer) = payer(prepared, &funding.party, anywhere) {
                    give(payer, part);
                }
                continue;
            }
            let shares = match split_by_weight(part, &weights.iter().map(|(_, weight)| *weight).collect::<Vec<_>>()) {
                Ok(shares) if Amount::sum(shares.iter().copied()) == Ok(part) => shares,
                // Nothing weighs anything, or too much: the first line's store bears it.
                _ => vec![part],
            };
            for ((line, _), share) in weights.iter().zip(shares) {
                if let Some(payer) = payer(prepared, &Party::Seller, *line) {
                    give(payer, share);
                }
            }
        }
    }
    Ok(by_payer.into_iter().filter(|(_, amount)| amount.is_positive()).collect())
}

/// The lines that a promotion touched, with the amounts that it found.
fn found(quote: &Quote, promotion: PromoIx) -> Result<SmallVec<[(LineIx, Amount); 8]>, Overflow> {
    let mut lines: SmallVec<[(LineIx, Amount); 8]> = SmallVec::new();
    for segment in &quote.segments {
        let mut before = segment.gross;
        for touch in &segment.chain {
            if touch.promotion == promotion {
                match lines.last_mut() {
                    Some((line, sum)) if *line == segment.line => *sum = sum.plus(before)?,
                    _ => lines.push((segment.line, before)),
                }
            }
            before = touch.after;
        }
    }
    Ok(lines)
}

/// Payable of its lines, and what others funded there, less what it funded on other stores' lines. First the sellers,
/// then stores that only fund.
fn settlements(prepared: &Prepared<'_>, quote: &Quote, funding: &[FundingPart]) -> Result<Vec<(Id, Amount)>, Overflow> {
    let mut due: Vec<(Id, Amount)> = Vec::with_capacity(quote.stores.len());
    for store in quote.stores.rows() {
        if let Some(line) = line_at(prepared.basket, store.first_line) {
            due.push((line.store.clone(), store.payable));
        }
    }
    for part in funding {
        let Some(seller) = line_at(prepared.basket, part.line).map(|line| &line.store) else { continue };
        if matches!(&part.payer, Payer::Store(id) if id == seller) {
            continue;
        }
        let position = prepared.layout.store_position(part.line);
        if let Some((_, sum)) = due.get_mut(position) {
            *sum = sum.plus(part.amount)?;
        }
        if let Payer::Store(funder) = &part.payer {
            match due.iter_mut().find(|(id, _)| id == funder) {
                Some((_, sum)) => *sum = sum.minus(part.amount)?,
                None => due.push((funder.clone(), Amount::ZERO.minus(part.amount)?)),
            }
        }
    }
    Ok(due)
}
