//! Why did a promotion apply, or not? One outcome for each, with the numbers behind it.

use jiff::Timestamp;

use crate::amount::Amount;
use crate::promotion::Basis;
use crate::table::{GiftIx, LineIx, PromoIx};

/// What became of one promotion: every active one that covers a line, every coupon offered, every one selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Of what.
    pub subject: Subject,
    /// What became of it.
    pub verdict: Verdict,
    /// Coupons: the lines that it looked at, and why it did not look at the others; empty for other promotions.
    pub coverage: Vec<LineCoverage>,
}

/// What an outcome speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A promotion of the rulebook.
    Promotion(PromoIx),
    /// One that the rulebook does not hold, by the id that the request names: nobody knows it, or it is not published.
    OutOfForce(String),
}

/// `Applied`, or the first reason that holds, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It lowered the amount, or gave something.
    Applied(Applied),
    /// Coupons: no such coupon.
    UnknownCoupon,
    /// Draft, paused or archived.
    NotPublished,
    /// Coupons: the user does not hold it.
    CouponNotOwned,
    /// Coupons: the user's instance is used.
    CouponUsed,
    /// Coupons: the user's instance is past its validity.
    CouponExpired,
    /// Its window begins later.
    NotStarted {
        /// When.
        start: Timestamp,
    },
    /// Its window is over.
    Ended {
        /// Since when.
        end: Timestamp,
    },
    /// Outside its sessions.
    OutOfSchedule,
    /// The basket is not among those it is for.
    Audience,
    /// It covers no line.
    NotCovered {
        /// Each line and why not.
        lines: Vec<(LineIx, NotCovered)>,
    },
    /// Another coupon of this owner applied.
    OnePerOrder {
        /// Which.
        promotion: PromoIx,
    },
    /// No segment is left: another promotion of its group took one.
    ExcludedBy {
        /// Which.
        promotion: PromoIx,
    },
    /// No segment is left: promotions that touched them keep it out.
    NotStackable {
        /// The first of these.
        promotion: PromoIx,
    },
    /// A limit on orders, units or sets leaves nothing.
    LimitReached(LimitUse),
    /// Its stock leaves nothing.
    StockExhausted(LimitUse),
    /// Too few pieces.
    BelowQuantity(Shortfall),
    /// Too small an amount.
    BelowThreshold(Shortfall),
    /// It would change nothing.
    NoBenefit,
    /// The rest of its budget is short of the whole discount.
    BudgetExhausted(LimitUse),
    /// It would have applied; the request chose otherwise.
    NotSelected,
    /// Another one was chosen.
    BeatenBy {
        /// Which.
        promotion: PromoIx,
        /// What the group would have cost under this one, minor units; `None` for sets.
        amount: Option<Amount>,
        /// What it costs under the other.
        winner: Option<Amount>,
    },
}

impl Verdict {
    /// The stable code, as in `docs/reasons/` and on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Applied(_) => "APPLIED",
            Self::UnknownCoupon => "UNKNOWN_COUPON",
            Self::NotPublished => "NOT_PUBLISHED",
            Self::CouponNotOwned => "COUPON_NOT_OWNED",
            Self::CouponUsed => "COUPON_USED",
            Self::CouponExpired => "COUPON_EXPIRED",
            Self::NotStarted { .. } => "NOT_STARTED",
            Self::Ended { .. } => "ENDED",
            Self::OutOfSchedule => "OUT_OF_SCHEDULE",
            Self::Audience => "AUDIENCE",
            Self::NotCovered { .. } => "NOT_COVERED",
            Self::OnePerOrder { .. } => "ONE_PER_ORDER",
            Self::ExcludedBy { .. } => "EXCLUDED_BY",
            Self::NotStackable { .. } => "NOT_STACKABLE",
            Self::LimitReached(_) => "LIMIT_REACHED",
            Self::StockExhausted(_) => "STOCK_EXHAUSTED",
            Self::BelowQuantity(_) => "BELOW_QUANTITY",
            Self::BelowThreshold(_) => "BELOW_THRESHOLD",
            Self::NoBenefit => "NO_BENEFIT",
            Self::BudgetExhausted(_) => "BUDGET_EXHAUSTED",
            Self::NotSelected => "NOT_SELECTED",
            Self::BeatenBy { .. } => "BEATEN_BY",
        }
    }

    /// Did it apply?
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }
}

/// What a promotion brought, over all groups of the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// In all.
    pub discount: Amount,
    /// Units on top.
    pub free_units: i64,
    /// Gifts given.
    pub gifts: Vec<(GiftIx, i64)>,
    /// The limits that cut it.
    pub cut: Vec<LimitUse>,
    /// What floors took off the discount.
    pub floor_cut: Amount,
}

/// Where a limit stood when it refused or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitUse {
    /// Which limit.
    pub counter: LimitName,
    /// Pieces, orders or sets; for a budget minor units.
    pub limit: i64,
    /// What was used before, and by earlier groups of this order.
    pub used: i64,
    /// The group's quantity, or 1; for a budget the discount.
    pub requested: i64,
}

/// The key of a limit, as written in `limits` (or in the rule block: `max_sets`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the file format")]
pub enum LimitName {
    Stock,
    StockBySku,
    UnitsPerOrder,
    UnitsPerUser,
    OrdersPerUser,
    MaxSets,
    Budget,
}

impl LimitName {
    /// As written in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::StockBySku => "stock_by_sku",
            Self::UnitsPerOrder => "units_per_order",
            Self::UnitsPerUser => "units_per_user",
            Self::OrdersPerUser => "orders_per_user",
            Self::MaxSets => "max_sets",
            Self::Budget => "budget",
        }
    }
}

/// What is missing to a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// In which unit: pieces or minor units.
    pub basis: Basis,
    /// The tier.
    pub threshold: i64,
    /// What there is.
    pub actual: i64,
    /// `threshold − actual`
    pub missing: i64,
    /// Covered lines that stacking kept out, each with the promotion that did.
    pub kept_out: Vec<(LineIx, PromoIx)>,
    /// The limit that cut the quantity.
    pub limit: Option<LimitUse>,
}

/// Whether and why a coupon looked at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCoverage {
    /// Which line.
    pub line: LineIx,
    /// `None`: it is covered and takes part.
    pub why_not: Option<NotCovered>,
}

/// Why a promotion does not look at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCovered {
    /// The line is sold by another store than the owner.
    OtherStore,
    /// Nothing that the scope includes matches.
    NotIncluded,
    /// Something that the scope excludes matches.
    Excluded,
    /// All its units are closed to it by a promotion that touched them.
    NotStackable(PromoIx),
    /// The request keeps the line for another, or out.
    NotSelected,
}

impl NotCovered {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherStore => "OTHER_STORE",
            Self::NotIncluded => "NOT_INCLUDED",
            Self::Excluded => "EXCLUDED",
            Self::NotStackable(_) => "NOT_STACKABLE",
            Self::NotSelected => "NOT_SELECTED",
        }
    }
}
