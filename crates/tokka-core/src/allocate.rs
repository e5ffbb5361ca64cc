//! Who bears how much of a discount? It is handed down the tree order → store → line → segment, so that nobody is a
//! whole minor unit away from the exact share (`docs/pricing.md`, Allocation).
//!
//! The exact share of every node is its part of the *whole* discount, not of what its parent got. Largest remainders
//! at each level (the method of Hamilton, in politics) then keep every node at the floor or the ceiling of that share:
//! the children of a node that got `⌊x⌋` have floors that sum to at most that, and those of one that got `⌈x⌉` have
//! ceilings that sum to at least that.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::amount::{Amount, Exact, Overflow};
use crate::prepare::layout::Layout;
use crate::rate::Rate;
use crate::table::LineIx;

/// A leaf of the tree: a segment, or a whole line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf {
    /// Whose.
    pub(crate) line: LineIx,
    /// Its amount or room; what weighs nothing bears nothing.
    pub(crate) weight: Amount,
}

/// A child of a node while the node's part is shared out.
#[derive(Debug, Clone, Copy)]
struct Child {
    weight: i64,
    /// Its place among the children.
    index: u32,
    floor: i64,
    rest: i64,
}

type Children = SmallVec<[Child; 32]>;

/// The share of each leaf, in the order given: leaves stand line by line, in segment order within each.
///
/// # Errors
/// [`Overflow`] where the weights do not sum to 64 bits.
pub(crate) fn allocate(discount: Amount, leaves: &[Leaf], layout: &Layout<'_>) -> Result<SmallVec<[Amount; 32]>, Overflow> {
    let total = Amount::sum(leaves.iter().map(|leaf| leaf.weight))?;
    debug_assert!(Amount::ZERO <= discount && discount <= total, "{discount:?} of {total:?}");
    let mut shares: SmallVec<[Amount; 32]> = SmallVec::from_elem(Amount::ZERO, leaves.len());
    if discount.is_zero() {
        return Ok(shares);
    }
    if discount == total {
        // Everything goes: every share is exact.
        for (share, leaf) in shares.iter_mut().zip(leaves) {
            *share = leaf.weight;
        }
        return Ok(shares);
    }
    let whole = Whole { discount: discount.get(), total: total.get() };

    // One store, and lines of one segment each: the tree is a list of lines.
    let one_each = leaves.iter().zip(leaves.iter().skip(1)).all(|(a, b)| a.line != b.line);
    if layout.stores() == 1 && one_each {
        let mut children: Children =
            leaves.iter().zip(0u32..).map(|(leaf, index)| whole.child(leaf.weight.get(), index)).collect();
        let line = |index: u32| usize::try_from(index).ok().and_then(|index| leaves.get(index)).map(|leaf| leaf.line);
        share_out(whole.discount, &mut children, |a, b| layout.compare_lines(line(a), line(b)));
        for (share, child) in shares.iter_mut().zip(&children) {
            *share = Amount::minor(child.floor);
        }
        debug_assert_eq!(Amount::sum(shares.iter().copied()), Ok(discount), "children sum to their parent");
        return Ok(shares);
    }

    // Sums by line, then by store. Leaves of a line are neighbours; lines of a store need not be.
    let mut lines: SmallVec<[(LineIx, i64); 32]> = SmallVec::new();
    for leaf in leaves {
        match lines.last_mut() {
            Some((line, weight)) if *line == leaf.line => *weight = weight.plus(leaf.weight.get())?,
            _ => lines.push((leaf.line, leaf.weight.get())),
        }
    }
    let store_count = layout.stores();
    let mut stores: SmallVec<[i64; 8]> = SmallVec::from_elem(0, store_count);
    for (line, weight) in &lines {
        if let Some(sum) = stores.get_mut(layout.store_position(*line)) {
            *sum = sum.plus(*weight)?;
        }
    }

    // Order → stores.
    let mut of_stores: SmallVec<[i64; 8]> = SmallVec::from_elem(0, store_count);
    if let [only] = of_stores.as_mut_slice() {
        *only = whole.discount;
    } else {
        let mut children: Children = stores.iter().zip(0u32..).map(|(weight, index)| whole.child(*weight, index)).collect();
        share_out(whole.discount, &mut children, |a, b| layout.compare_stores(a, b));
        for (part, child) in of_stores.iter_mut().zip(&children) {
            *part = child.floor;
        }
    }

    // Store → lines.
    let mut of_lines: SmallVec<[i64; 32]> = SmallVec::from_elem(0, lines.len());
    let mut children = Children::new();
    for (position, part) in of_stores.iter().enumerate().filter(|(_, part)| **part > 0) {
        children.clear();
        for ((line, weight), index) in lines.iter().zip(0u32..) {
            if layout.store_position(*line) == position {
                children.push(whole.child(*weight, index));
            }
        }
        let line = |index: u32| usize::try_from(index).ok().and_then(|index| lines.get(index)).map(|(line, _)| *line);
        share_out(*part, &mut children, |a, b| layout.compare_lines(line(a), line(b)));
        for child in &children {
            if let Some(share) = usize::try_from(child.index).ok().and_then(|index| of_lines.get_mut(index)) {
                *share = child.floor;
            }
        }
    }

    // Line → segments. Most lines are one.
    let mut first = 0usize;
    for ((line, _), part) in lines.iter().zip(&of_lines) {
        let of_line = || leaves.iter().skip(first).take_while(|leaf| leaf.line == *line);
        let count = of_line().count();
        if count == 1 {
            if let Some(share) = shares.get_mut(first) {
                *share = Amount::minor(*part);
            }
        } else {
            children.clear();
            children.extend(of_line().zip(0u32..).map(|(leaf, index)| whole.child(leaf.weight.get(), index)));
            share_out(*part, &mut children, |a, b| a.cmp(&b));
            for (share, child) in shares.iter_mut().skip(first).zip(&children) {
                *share = Amount::minor(child.floor);
            }
        }
        first = first.saturating_add(count);
    }
    debug_assert_eq!(Amount::sum(shares.iter().copied()), Ok(discount), "children sum to their parent");
    Ok(shares)
}

/// The whole that every exact share is a part of.
#[derive(Clone, Copy)]
struct Whole {
    discount: i64,
    total: i64,
}

impl Whole {
    /// The floor and the fractional part of `discount × weight / total`.
    fn child(self, weight: i64, index: u32) -> Child {
        let (floor, rest) = match self.discount.checked_mul(weight) {
            Some(product) => divide(product, self.total),
            None => {
                // INVARIANT: |i64| · |i64| < 2^126, and the quotient is at most the weight.
                let product = Amount::minor(self.discount).wide_times(weight);
                let total = i128::from(self.total);
                let quotient = product.checked_div(total).and_then(|quotient| i64::try_from(quotient).ok());
                let rest = product.checked_rem(total).and_then(|rest| i64::try_from(rest).ok());
                (quotient.unwrap_or(0), rest.unwrap_or(0))
            }
        };
        Child { weight, index, floor, rest }
    }
}

/// Quotient and rest of one division.
fn divide(product: i64, by: i64) -> (i64, i64) {
    let quotient = product.checked_div(by).unwrap_or(0);
    (quotient, product.wrapping_sub(quotient.wrapping_mul(by)))
}

/// Gives each child its floor, and what is left over one each to the largest fractional parts; ties go to the larger
/// weight, then as `tie` says. Afterwards `floor` is the share.
fn share_out(part: i64, children: &mut Children, tie: impl Fn(u32, u32) -> Ordering) {
    let floors = children.iter().fold(0i64, |sum, child| sum.saturating_add(child.floor));
    let left_over = usize::try_from(part.saturating_sub(floors)).unwrap_or(0);
    // INVARIANT: a node is at the floor or ceiling of its exact share, so fewer are left over than children have fractions.
    debug_assert!(left_over <= children.iter().filter(|child| child.rest > 0).count());
    let Some(last) = left_over.checked_sub(1).filter(|last| *last < children.len()) else { return };
    // Who gets one is a set: the order within it does not matter, so the children need not be sorted.
    let fractions_first =
        |a: &Child, b: &Child| b.rest.cmp(&a.rest).then(b.weight.cmp(&a.weight)).then_with(|| tie(a.index, b.index));
    let mut order: SmallVec<[usize; 32]> = (0..children.len()).collect();
    order.select_nth_unstable_by(last, |a, b| match (children.get(*a), children.get(*b)) {
        (Some(a), Some(b)) => fractions_first(a, b),
        _ => Ordering::Equal,
    });
    for child in order.into_iter().take(left_over) {
        if let Some(child) = children.get_mut(child) {
            child.floor = child.floor.saturating_add(1);
        }
    }
}

/// Splits an amount by weights: floors, then the largest fractional parts; ties go to the first. Weights that are all
/// 0 take nothing.
pub(crate) fn split_by_weight(amount: Amount, weights: &[Amount]) -> Result<Vec<Amount>, Overflow> {
    let total = Amount::sum(weights.iter().copied())?;
    let whole = Whole { discount: amount.get(), total: total.get() };
    let mut children: Children = weights.iter().zip(0u32..).map(|(weight, index)| whole.child(weight.get(), index)).collect();
    if total.is_positive() {
        // Ties go to the first named, whatever its weight.
        for child in &mut children {
            child.weight = 0;
        }
        share_out(amount.get(), &mut children, |a, b| a.cmp(&b));
    }
    Ok(children.iter().map(|child| Amount::minor(child.floor)).collect())
}

/// Splits an amount by percentages that sum to 100: floors, then the largest fractional parts; ties to the first named.
pub(crate) fn split_by_percent(amount: Amount, percents: impl Iterator<Item = Rate>) -> Result<Vec<Amount>, Overflow> {
    let weights: SmallVec<[Amount; 4]> =
        percents.map(|rate| Amount::minor(i64::try_from(rate.as_micro_percent()).unwrap_or(0))).collect();
    split_by_weight(amount, &weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(amounts: &[i64]) -> Vec<Amount> {
        amounts.iter().copied().map(Amount::minor).collect()
    }

    #[test]
    fn percentages_share_the_rest_by_fraction_then_by_order() {
        let percents = || ["33.333333", "33.333333", "33.333334"].into_iter().map(|text| Rate::percent(text).unwrap());
        assert_eq!(split_by_percent(Amount::minor(100), percents()).unwrap(), minor(&[33, 33, 34]));
        let halves = || ["50", "50"].into_iter().map(|text| Rate::percent(text).unwrap());
        assert_eq!(split_by_percent(Amount::minor(5), halves()).unwrap(), minor(&[3, 2]));
    }

    #[test]
    fn weights_of_nothing_take_nothing() {
        assert_eq!(split_by_weight(Amount::minor(5), &minor(&[0, 0])).unwrap(), minor(&[0, 0]));
        assert_eq!(split_by_weight(Amount::minor(7), &minor(&[0, 3, 4])).unwrap(), minor(&[0, 3, 4]));
    }

    #[test]
    fn products_beyond_64_bits() {
        let big = i64::MAX / 4;
        let parts = split_by_weight(Amount::minor(big), &minor(&[big, big, big])).unwrap();
        assert_eq!(parts.iter().map(|part| part.get()).sum::<i64>(), big);
        assert!(parts.iter().all(|part| (part.get() - big / 3).abs() <= 1));
    }
}
