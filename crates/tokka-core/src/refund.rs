//! What goes back when units do? Both policies, step by step, until nothing is left.

use std::collections::BTreeMap;

use crate::amount::{Amount, Exact, Overflow};
use crate::basket::{Basket, FieldViolation};
use crate::promotion::{BuyGetMode, Promotion, Rule};
use crate::quote::{CounterKey, FreeUnits, FundingPart, GiftGiven, Payer, Quote, QuoteError, Segment};
use crate::rulebook::Rulebook;
use crate::table::{GiftIx, Ix, LineIx, PromoIx, Table};

mod books;
mod clawback;
mod proportional;

pub use books::{Books, Funded, LineBooks, Use};

/// How a refund is computed. Fixed when the order is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefundPolicy {
    /// A returned unit gives back what was paid for it.
    #[default]
    Proportional,
    /// What remains is priced again.
    Clawback,
}

/// Why nothing goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundError {
    /// `INVALID_ARGUMENT`: more than is there, an unknown line, 0 units.
    Invalid(Vec<FieldViolation>),
    /// `FAILED_PRECONDITION / CLAWBACK_ONLY`: a promotion with a `qualify` lowered this order.
    ClawbackOnly,
    /// A bug of ours.
    Overflow,
}

impl From<Overflow> for RefundError {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}

impl From<QuoteError> for RefundError {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Invalid(violations) => Self::Invalid(violations),
            QuoteError::Overflow => Self::Overflow,
        }
    }
}

/// One step of a return.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Refund {
    /// What the customer gets back.
    pub refund: Amount,
    /// By line of the original basket, where not 0; may be negative under CLAWBACK. Σ = `refund`.
    pub lines: Vec<(LineIx, Amount)>,
    /// CLAWBACK: what remains costs this much more than was kept; nobody is asked for it.
    pub waived: Amount,
    /// Who funds the waived, bytewise by name; Σ = `waived`.
    pub waived_by: Vec<(Payer, Amount)>,
    /// Gifts and free units that are no longer earned.
    pub to_return: Vec<ToReturn>,
    /// What goes back to each counter, at once.
    pub restored: Vec<(CounterKey, i64)>,
}

/// What the customer should send back besides the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToReturn {
    /// A gift.
    Gift {
        /// Which.
        gift: GiftIx,
        /// Given by which promotion.
        promotion: PromoIx,
        /// How many.
        units: i64,
    },
    /// Free units of the sku of a line.
    FreeUnits {
        /// Whose sku and store.
        line: LineIx,
        /// Given by which promotion.
        promotion: PromoIx,
        /// How many.
        units: i64,
    },
}

/// An order after Reserve: what was paid, and what is left of it.
#[derive(Debug, Clone)]
pub struct Order {
    policy: RefundPolicy,
    /// Always somebody's: what a guest's order did not take of a limit by user, it may not take later either.
    basket: Basket,
    lines: Table<LineIx, LineLeft>,
    /// PROPORTIONAL: the segments as paid, with the units that are left of each; CLAWBACK: those of the last price.
    segments: Vec<SegmentLeft>,
    /// Who funds what was off when the segments were priced.
    parts: Vec<FundingPart>,
    /// CLAWBACK: what is waived of the last price.
    waived: Vec<books::Waived>,
    /// What the order holds of each counter; lines in keys are those of the original basket.
    held: Vec<(CounterKey, i64)>,
    gifts: Vec<GiftGiven>,
    free_units: Vec<FreeUnits>,
    included_units: Vec<FreeUnits>,
    /// The coupons that applied; under CLAWBACK those that the order still holds.
    coupons: Vec<PromoIx>,
    /// CLAWBACK: what each payer funds now.
    funding: BTreeMap<Payer, Amount>,
}

/// What is left of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineLeft {
    /// Units that did not go back.
    pub units: i64,
    /// What was paid for the line and did not go back. Under CLAWBACK this is not what its units would refund.
    pub kept: Amount,
}

/// What is left of a segment.
#[derive(Debug, Clone)]
struct SegmentLeft {
    as_paid: Segment,
    left: i64,
}

impl Order {
    /// The order that a quote (view FULL) becomes. `policy` is what the caller or the catalogue asks for; `named` says
    /// that the caller asked for it by name. The rulebook is the one of the quote, here and in every later call.
    ///
    /// A guest's order that a limit by user touched (`needs_user`) cannot be reserved. What it would give back is asked
    /// with [`Basket::as_somebodys`] and its quote, which costs the same.
    ///
    /// # Errors
    /// [`RefundError::ClawbackOnly`] where PROPORTIONAL is asked for by name and a `qualify` lowered the order.
    pub fn new(
        rulebook: &Rulebook,
        basket: &Basket,
        quote: Quote,
        policy: RefundPolicy,
        named: bool,
    ) -> Result<Self, RefundError> {
        if quote.clawback_only && policy == RefundPolicy::Proportional && named {
            return Err(RefundError::ClawbackOnly);
        }
        let policy = if quote.clawback_only { RefundPolicy::Clawback } else { policy };
        let prepared = rulebook.prepare(basket)?;
        let key = |counter| prepared.counters().get(counter).map(|counter| counter.key);
        let held = quote.claims.iter().filter_map(|claim| Some((key(claim.counter)?, claim.amount))).collect();
        let units = basket.lines().iter().map(|line| line.quantity);
        let lines = units.zip(quote.lines.rows()).map(|(units, price)| LineLeft { units, kept: price.payable }).collect();
        Ok(Self {
            policy,
            basket: basket.clone().as_somebodys(),
            lines,
            held,
            coupons: coupons(rulebook, &quote),
            funding: quote.funding_by_payer(),
            parts: quote.funding,
            waived: Vec::new(),
            segments: quote.segments.into_iter().map(|as_paid| SegmentLeft { left: as_paid.units, as_paid }).collect(),
            gifts: quote.gifts,
            free_units: quote.free_units,
            included_units: quote.included_units,
        })
    }

    /// The policy that holds.
    #[must_use]
    pub fn policy(&self) -> RefundPolicy {
        self.policy
    }

    /// What is left of each line of the original basket.
    #[must_use]
    pub fn lines(&self) -> &Table<LineIx, LineLeft> {
        &self.lines
    }

    /// What the order still holds of each counter; lines in keys are those of the original basket.
    #[must_use]
    pub fn held(&self) -> &[(CounterKey, i64)] {
        &self.held
    }

    /// The coupons that the order still holds: those that a unit which is left was discounted by, or, under CLAWBACK, that
    /// what is left was priced with.
    #[must_use]
    pub fn coupons(&self) -> Vec<PromoIx> {
        let earns = |coupon: &PromoIx| match self.policy {
            RefundPolicy::Proportional => proportional::still_touches(self, *coupon, |_| true),
            RefundPolicy::Clawback => true,
        };
        self.coupons.iter().filter(|coupon| earns(coupon)).copied().collect()
    }

    /// What goes back if these units of these lines (by line id) do, and the order that is left. The order itself
    /// is not changed: a preview is a call whose answer is dropped.
    ///
    /// # Errors
    /// [`RefundError`]; then nothing goes back.
    pub fn give_back(&self, rulebook: &Rulebook, units: &[(&str, i64)]) -> Result<(Order, Refund), RefundError> {
        let returned = self.read(units)?;
        match self.policy {
            RefundPolicy::Proportional => proportional::give_back(self, rulebook, &returned),
            RefundPolicy::Clawback => clawback::give_back(self, rulebook, &returned),
        }
    }

    /// The units that go back by line, or every reason why they cannot.
    fn read(&self, units: &[(&str, i64)]) -> Result<Vec<(LineIx, i64)>, RefundError> {
        let mut violations = Vec::new();
        let mut sums: BTreeMap<LineIx, i64> = BTreeMap::new();
        if units.is_empty() {
            violations.push(FieldViolation::new("lines", "no line is named"));
        }
        for (index, (line_id, units)) in units.iter().enumerate() {
            let position = self.basket.lines().iter().position(|line| line.line_id == **line_id);
            let Some(line) = position.map(LineIx::new) else {
                let description = format!("the order has no line `{line_id}`");
                violations.push(FieldViolation::new(format!("lines[{index}].line_id"), description));
                continue;
            };
            let field = || format!("lines[{index}].units");
            if *units < 1 {
                violations.push(FieldViolation::new(field(), format!("`{units}` is not at least 1")));
                continue;
            }
            let left = self.lines.get(line).map_or(0, |line| line.units);
            let sum = sums.entry(line).or_insert(0);
            *sum = sum.saturating_add(*units);
            if *sum > left {
                let description = format!("line `{line_id}` has {left} units left, `{sum}` are to go back");
                violations.push(FieldViolation::new(field(), description));
            }
        }
        if violations.is_empty() { Ok(sums.into_iter().collect()) } else { Err(RefundError::Invalid(violations)) }
    }

    /// Are both lines of the original basket of one group (store, sku)?
    fn same_group(&self, a: LineIx, b: LineIx) -> bool {
        let group = |line: LineIx| self.basket.lines().get(line.position()).map(|line| (&line.store, &line.sku));
        group(a) == group(b)
    }

    /// Do both lines of the original basket sell the same sku?
    fn same_sku(&self, a: LineIx, b: LineIx) -> bool {
        let sku = |line: LineIx| self.basket.lines().get(line.position()).map(|line| &line.sku);
        sku(a) == sku(b)
    }
}

/// The coupons that an order holds.
fn coupons(rulebook: &Rulebook, quote: &Quote) -> Vec<PromoIx> {
    let is_coupon = |promotion: &&PromoIx| matches!(rulebook.promotion(**promotion).rule, Rule::Coupon(_));
    quote.applied.iter().filter(is_coupon).copied().collect()
}

/// Free units on top come back by post: their counters are restored when they are received.
fn gives_on_top(promotion: &Promotion) -> bool {
    matches!(&promotion.rule, Rule::BuyGet(rule) if rule.mode == BuyGetMode::Add)
}

/// Adds up what is restored, and takes it off what is held.
fn restore(
    held: &mut [(CounterKey, i64)],
    restored: &mut Vec<(CounterKey, i64)>,
    key: CounterKey,
    amount: i64,
) -> Result<(), Overflow> {
    let Some((_, left)) = held.iter_mut().find(|(of, _)| *of == key) else { return Ok(()) };
    // INVARIANT: no more is restored than was taken.
    let amount = amount.min(*left);
    if amount <= 0 {
        return Ok(());
    }
    *left = left.minus(amount)?;
    match restored.iter_mut().find(|(of, _)| *of == key) {
        Some((_, sum)) => *sum = sum.plus(amount)?,
        None => restored.push((key, amount)),
    }
    Ok(())
}
