//! What does an order still come to, and who pays for what is still off? A function of what is left, so that the books of
//! two moments differ by exactly what went back between them, and the books of nothing are empty.
//!
//! A discount that a unit still has is what the unit still pays less than before the promotion. It is split among those
//! who funded the whole on that line, by what each did: floors, then the largest fractional parts, ties to the first named.

use std::collections::BTreeMap;

use super::Order;
use crate::allocate::{Leaf, allocate, split_by_weight};
use crate::amount::{Amount, Exact, Overflow, first_units};
use crate::id::Id;
use crate::prepare::layout::Layout;
use crate::promotion::Stage;
use crate::quote::{Payer, line_at};
use crate::table::{LineIx, PromoIx};

/// An order as it stands. `gross − Σ discounts − waived = kept` on every line; Σ funding = Σ discounts + Σ waived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    /// Lines that have pieces left, in the basket's order.
    pub lines: Vec<LineBooks>,
    /// What each promotion still touches, by promotion, then line.
    pub uses: Vec<Use>,
    /// Who funds what is off, by promotion, then line; the waived last.
    pub funding: Vec<Funded>,
}

/// What is left of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineBooks {
    /// Of the basket.
    pub line: LineIx,
    /// Pieces, at least 1.
    pub units: i64,
    /// Unit price × pieces.
    pub gross: Amount,
    /// By stage.
    pub discounts: [Amount; 6],
    /// CLAWBACK: what the pieces cost more than was kept of them, and nobody is asked for.
    pub waived: Amount,
    /// What was paid for them and did not go back.
    pub kept: Amount,
}

/// What a promotion still touches of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Which promotion.
    pub promotion: PromoIx,
    /// In which stage.
    pub stage: Stage,
    /// Of the basket.
    pub line: LineIx,
    /// Pieces, at least 1.
    pub units: i64,
    /// What it takes off them; may be 0.
    pub discount: Amount,
}

/// What one payer funds on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funded {
    /// Of which promotion, in which stage; `None`: what is waived.
    pub of: Option<(PromoIx, Stage)>,
    /// Of the basket.
    pub line: LineIx,
    /// Who.
    pub payer: Payer,
    /// How much, above 0.
    pub amount: Amount,
}

/// What a payer funds of the waived, by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waived {
    pub(super) line: LineIx,
    pub(super) payer: Payer,
    pub(super) amount: Amount,
}

impl Order {
    /// What the order comes to as it stands. Its quote had the view FULL.
    ///
    /// # Errors
    /// [`Overflow`]: a bug of ours, since what is left is less than what was sold.
    pub fn books(&self) -> Result<Books, Overflow> {
        let mut books = Books::default();
        for (line, left) in self.lines.iter().filter(|(_, left)| left.units > 0) {
            let mut row = LineBooks {
                line,
                units: left.units,
                gross: Amount::ZERO,
                discounts: [Amount::ZERO; 6],
                waived: Amount::ZERO,
                kept: left.kept,
            };
            for segment in self.segments.iter().filter(|segment| segment.as_paid.line == line && segment.left > 0) {
                let of_left = |whole: Amount| first_units(whole, segment.as_paid.units, segment.left);
                row.gross = row.gross.plus(of_left(segment.as_paid.gross))?;
                let mut before = segment.as_paid.gross;
                for touch in &segment.as_paid.chain {
                    let discount = of_left(before).minus(of_left(touch.after))?;
                    before = touch.after;
                    if let Some(sum) = row.discounts.get_mut(touch.stage as usize) {
                        *sum = sum.plus(discount)?;
                    }
                    let found = books.uses.iter_mut().find(|of| of.promotion == touch.promotion && of.line == line);
                    match found {
                        Some(of) => {
                            of.units = of.units.plus(segment.left)?;
                            of.discount = of.discount.plus(discount)?;
                        }
                        None => books.uses.push(Use {
                            promotion: touch.promotion,
                            stage: touch.stage,
                            line,
                            units: segment.left,
                            discount,
                        }),
                    }
                }
            }
            row.waived = Amount::sum(self.waived.iter().filter(|part| part.line == line).map(|part| part.amount))?;
            books.lines.push(row);
        }
        books.uses.sort_unstable_by_key(|of| (of.promotion, of.line));
        books.funding = self.funded(&books.uses)?;
        Ok(books)
    }

    fn funded(&self, uses: &[Use]) -> Result<Vec<Funded>, Overflow> {
        let mut funding = Vec::new();
        for of in uses.iter().filter(|of| of.discount.is_positive()) {
            let parts = || self.parts.iter().filter(|part| part.promotion == of.promotion && part.line == of.line);
            let weights: Vec<Amount> = parts().map(|part| part.amount).collect();
            for (part, amount) in parts().zip(split_by_weight(of.discount, &weights)?) {
                if amount.is_positive() {
                    let payer = part.payer.clone();
                    funding.push(Funded { of: Some((of.promotion, of.stage)), line: of.line, payer, amount });
                }
            }
        }
        let waived = self.waived.iter().filter(|part| part.amount.is_positive());
        funding.extend(waived.map(|part| Funded { of: None, line: part.line, payer: part.payer.clone(), amount: part.amount }));
        Ok(funding)
    }

    /// What each store is due for what is left: what was kept of its lines, and what others fund there, less what it funds on
    /// other stores' lines. Σ = what is kept + what the platform funds.
    ///
    /// # Errors
    /// [`Overflow`]: a bug of ours.
    pub fn due(&self, books: &Books) -> Result<BTreeMap<Id, Amount>, Overflow> {
        let mut due: BTreeMap<Id, Amount> = BTreeMap::new();
        let seller = |line: LineIx| line_at(&self.basket, line).map(|line| line.store.clone());
        let mut add = |store: Id, amount: Amount| -> Result<(), Overflow> {
            let sum = due.entry(store).or_insert(Amount::ZERO);
            *sum = sum.plus(amount)?;
            Ok(())
        };
        for row in &books.lines {
            if let Some(store) = seller(row.line) {
                add(store, row.kept)?;
            }
        }
        for part in &books.funding {
            let Some(store) = seller(part.line) else { continue };
            match &part.payer {
                Payer::Store(payer) if *payer == store => {}
                Payer::Store(payer) => {
                    add(store, part.amount)?;
                    add(payer.clone(), Amount::ZERO.minus(part.amount)?)?;
                }
                Payer::Platform => add(store, part.amount)?,
            }
        }
        Ok(due)
    }
}

/// Each payer's part of the waived, line by line: in the order given, a part is handed down the tree with what earlier ones
/// left of each line's share as weights. Every share is taken in the end.
pub(super) fn waived_by_line(
    parts: &[(Payer, Amount)],
    leaves: &[Leaf],
    shares: &[Amount],
    layout: &Layout<'_>,
) -> Result<Vec<Waived>, Overflow> {
    let mut left: Vec<Leaf> = leaves.iter().zip(shares).map(|(leaf, share)| Leaf { line: leaf.line, weight: *share }).collect();
    let mut waived = Vec::new();
    for (payer, part) in parts {
        let taken = allocate(*part, &left, layout)?;
        for (leaf, amount) in left.iter_mut().zip(taken).filter(|(_, amount)| amount.is_positive()) {
            leaf.weight = leaf.weight.minus(amount)?;
            waived.push(Waived { line: leaf.line, payer: payer.clone(), amount });
        }
    }
    Ok(waived)
}

/// The waived of each line by its own store.
pub(super) fn waived_by_own_stores(leaves: &[Leaf], shares: &[Amount], store_of: impl Fn(LineIx) -> Option<Id>) -> Vec<Waived> {
    let rows = leaves.iter().zip(shares).filter(|(_, share)| share.is_positive());
    rows.filter_map(|(leaf, share)| Some(Waived { line: leaf.line, payer: Payer::Store(store_of(leaf.line)?), amount: *share }))
        .collect()
}
