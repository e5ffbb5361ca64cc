//! What does this basket cost, and why? The answer, whose columns add up at every level.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;
use smallvec::SmallVec;

use crate::amount::{Amount, Overflow, first_units};
use crate::basket::{Basket, FieldViolation, Line};
use crate::id::{Id, Token};
use crate::outcome::Outcome;
use crate::promotion::{Basis, Discount, GiftReward, Stage, UnitPrice};
use crate::rulebook::Rulebook;
use crate::table::{CounterIx, GiftIx, LineIx, PromoIx, StoreIx, Table};

/// How much of the explanation is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    /// Amounts, gifts, claims.
    Basic,
    /// Also outcomes, hints, groups, funding.
    #[default]
    Full,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteError {
    /// `INVALID_ARGUMENT`: fields of the request that break a rule.
    Invalid(Vec<FieldViolation>),
    /// `INTERNAL`: a sum left 64 bits although the basket is valid. A bug of ours.
    Overflow,
}

impl From<Overflow> for QuoteError {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}

/// A priced basket. Σ lines = Σ stores = order, on every stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// In the basket's order.
    pub lines: Table<LineIx, LinePrice>,
    /// The segments of all lines, line by line, in unit order.
    pub segments: Vec<Segment>,
    /// In order of their first line: the sub-orders.
    pub stores: Table<StoreIx, StorePrice>,
    /// Sums of `payable` by store and tax class, in order of first appearance.
    pub tax_totals: Vec<TaxTotal>,
    /// Σ unit price × quantity.
    pub gross: Amount,
    /// By stage; see [`Stage`].
    pub discounts: [Amount; 6],
    /// What the customer pays.
    pub payable: Amount,
    /// Gifts by promotion, in order of application; those wanted but not given too.
    pub gifts: Vec<GiftGiven>,
    /// Units on top, by promotion and group.
    pub free_units: Vec<FreeUnits>,
    /// Units of the basket itself that a `buy_get` of mode `include` counts as free, by promotion and group.
    pub included_units: Vec<FreeUnits>,
    /// Promotions that applied, in order of stage and application.
    pub applied: Vec<PromoIx>,
    /// What this order takes of each counter (only what is above 0).
    pub claims: Vec<Claim>,
    /// A promotion that applied or was cut has a per-user limit, and the basket names no user.
    pub needs_user: bool,
    /// A promotion with a `qualify` lowered the order: it is reserved under CLAWBACK only.
    pub clawback_only: bool,
    /// The nearest moment at which a window or schedule of what covers the basket opens or closes.
    pub next_change_at: Option<Timestamp>,
    /// 128 bits over currency, user, lines (id, sku, store, quantity, unit price, amounts by stage), gifts, free
    /// units and applied ids.
    pub fingerprint: u128,
    /// How the choice was searched for; `None` where the rules of choice decided.
    pub search: Option<crate::best::Searched>,
    /// View FULL: what became of each promotion.
    pub outcomes: Vec<Outcome>,
    /// View FULL: what a little more would bring.
    pub hints: Vec<Hint>,
    /// View FULL: how pages group the lines.
    pub groups: Vec<Group>,
    /// View FULL: who funds how much of each line's discounts.
    pub funding: Vec<FundingPart>,
    /// View FULL: the value of gifts and added free units by funder, outside every sum.
    pub given_value: Vec<(Payer, Amount)>,
    /// View FULL: what each store is due: payable of its lines + what others funded, − what it funded on other stores'
    /// lines. Sellers in order of their first line, then stores that only fund. Σ = payable + what the platform funded.
    pub settlements: Vec<(Id, Amount)>,
}

/// One line's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinePrice {
    /// The sub-order.
    pub store: StoreIx,
    /// Unit price × quantity.
    pub gross: Amount,
    /// By stage.
    pub discounts: [Amount; 6],
    /// `gross` − all discounts.
    pub payable: Amount,
    /// Units beyond the limits of its item promotion.
    pub over_limit: i64,
    /// Its rows in [`Quote::segments`].
    pub segments: Range<usize>,
}

/// One store's sub-order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePrice {
    /// Its first line, which names it.
    pub first_line: LineIx,
    /// Σ of its lines.
    pub gross: Amount,
    /// By stage, Σ of its lines.
    pub discounts: [Amount; 6],
    /// `gross` − stages 1–4.
    pub subtotal: Amount,
    /// `subtotal` − its share of stages 5–6.
    pub payable: Amount,
    /// What is missing to its minimum order, compared with the amount after stage 3.
    pub below_minimum: Amount,
    /// View FULL: what it is due; see [`Quote::settlements`].
    pub settlement: Amount,
}

/// What is payable in one store for one tax class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxTotal {
    /// The sub-order.
    pub store: StoreIx,
    /// `None`: lines that name none.
    pub tax_class: Option<Token>,
    /// Σ payable.
    pub payable: Amount,
}

/// Equal units of one line. Their history is the chain of promotions that touched them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Whose units.
    pub line: LineIx,
    /// How many, at least 1.
    pub units: i64,
    /// Beyond the limits of the line's item promotion.
    pub over_limit: bool,
    /// Unit price × units.
    pub gross: Amount,
    /// What it costs now.
    pub amount: Amount,
    /// The promotions that touched it, in order, each with the amount that it left.
    pub chain: SmallVec<[Touch; 4]>,
}

/// One promotion's mark on a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Which promotion.
    pub promotion: PromoIx,
    /// In which stage.
    pub stage: Stage,
    /// The amount that it left.
    pub after: Amount,
}

impl Segment {
    /// The amount after all of `stage`.
    #[must_use]
    pub fn amount_after(&self, stage: Stage) -> Amount {
        self.chain.iter().rev().find(|touch| touch.stage <= stage).map_or(self.gross, |touch| touch.after)
    }

    /// Its unit payables as runs of equal units: the first pay at most one minor unit more than the rest.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        let low = first_units(self.amount, self.units, self.units).get().checked_div(self.units).unwrap_or(0);
        let more = self.amount.get().checked_rem(self.units).unwrap_or(0);
        [
            Run { units: more, each: Amount::minor(low.saturating_add(1)) },
            Run { units: self.units.saturating_sub(more), each: Amount::minor(low) },
        ]
        .into_iter()
        .filter(|run| run.units > 0)
    }
}

/// Units that pay the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub units: i64,
    /// What each pays.
    pub each: Amount,
}

/// A gift that a promotion gives, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiftGiven {
    /// By which promotion.
    pub promotion: PromoIx,
    /// Which gift.
    pub gift: GiftIx,
    /// Earned.
    pub wanted: i64,
    /// What is left of it; less than `wanted` is reported as missing.
    pub given: i64,
}

/// Free units of a `buy_get` on top of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeUnits {
    /// By which promotion.
    pub promotion: PromoIx,
    /// The group's first line, whose sku and store they have.
    pub line: LineIx,
    /// How many.
    pub units: i64,
}

/// What an order takes of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Which, of [`Prepared::counters`](crate::prepare::Prepared::counters).
    pub counter: CounterIx,
    /// How much: pieces, orders, sets, or minor units of a budget.
    pub amount: i64,
}

/// A limited quantity that a basket's promotions ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What it counts.
    pub key: CounterKey,
    /// The limit of the rulebook.
    pub limit: i64,
}

/// What a counter counts. Users and periods are those of the basket: a counter of a user exists only where the
/// basket names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CounterKey {
    /// A promotion's stock, for life.
    Stock(PromoIx),
    /// A promotion's stock of the sku of this line, for life.
    StockBySku(PromoIx, LineIx),
    /// Units (or sets) of the basket's user in a period.
    UserUnits(PromoIx, Option<Date>),
    /// Units of the basket's user in a period, of the sku of this line.
    UserUnitsOfSku(PromoIx, LineIx, Option<Date>),
    /// Orders of the basket's user in a period.
    UserOrders(PromoIx, Option<Date>),
    /// A promotion's budget in minor units, for life.
    Budget(PromoIx),
    /// A gift's inventory, for life.
    GiftInventory(GiftIx),
}

/// Who funds a discount, resolved: `seller` is the line's own store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// The marketplace.
    Platform,
    /// A store, by its id.
    Store(Id),
}

impl std::fmt::Display for Payer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Store(id) => id.fmt(f),
        }
    }
}

/// What one payer funds of one promotion's discount on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingPart {
    /// Of which promotion.
    pub promotion: PromoIx,
    /// On which line.
    pub line: LineIx,
    /// Who.
    pub payer: Payer,
    /// How much.
    pub amount: Amount,
}

/// What a little more would bring.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Of which promotion.
    pub promotion: PromoIx,
    /// Item promotions: the group's first line; else none.
    pub line: Option<LineIx>,
    /// In which unit the missing is counted.
    pub basis: Basis,
    /// The next tier (or multiple).
    pub threshold: i64,
    /// What is missing to it.
    pub missing: i64,
    /// What it brings.
    pub then: Then,
    /// Buying more would lose something that is given now: a larger discount, or a gift.
    pub loses: bool,
}

/// What the next tier brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// A unit price.
    Price(UnitPrice),
    /// So many free units in all.
    FreeUnits(i64),
    /// A spend reward, counted so many times.
    Reward {
        /// The discount of one time.
        discount: Option<Discount>,
        /// The gifts of one time.
        gifts: Vec<GiftReward>,
        /// How often it counts.
        times: i64,
    },
}

/// Lines as pages show them together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Within which store.
    pub store: StoreIx,
    /// What holds it together.
    pub by: GroupedBy,
    /// Its segments.
    pub entries: Vec<GroupEntry>,
}

/// What holds a group together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupedBy {
    /// A store's spend promotion that applied, or that a hint speaks of.
    Spend(PromoIx),
    /// A set promotion.
    Set(PromoIx),
    /// Nothing: a single line.
    Line,
}

/// Units of a line within a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// Whose.
    pub line: LineIx,
    /// How many.
    pub units: i64,
    /// Mark: beyond the limits of the line's item promotion.
    pub over_limit: bool,
    /// Mark: the units are in the group of no store spend promotion, and this one would be theirs, were it not for this: it
    /// excludes the line, stacking closes it, or the request keeps the line for another. Of several the first in order of
    /// application.
    pub not_in_spend: Option<(PromoIx, crate::outcome::NotCovered)>,
}

impl Quote {
    /// What the whole order saves.
    #[must_use]
    pub fn discount(&self) -> Amount {
        self.gross.less_or_zero(self.payable)
    }

    /// The segments of one line, in unit order.
    #[must_use]
    pub fn segments_of(&self, line: LineIx) -> &[Segment] {
        self.lines.get(line).and_then(|price| self.segments.get(price.segments.clone())).unwrap_or_default()
    }

    /// The unit payables of one line, as runs of equal neighbours.
    #[must_use]
    pub fn runs_of(&self, line: LineIx) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for run in self.segments_of(line).iter().flat_map(Segment::runs) {
            match runs.last_mut() {
                Some(last) if last.each == run.each => last.units = last.units.saturating_add(run.units),
                _ => runs.push(run),
            }
        }
        runs
    }

    /// Gifts given, summed over promotions, in order of first appearance.
    #[must_use]
    pub fn gifts_given(&self) -> Vec<(GiftIx, i64)> {
        let mut sums: Vec<(GiftIx, i64)> = Vec::new();
        for gift in self.gifts.iter().filter(|gift| gift.given > 0) {
            match sums.iter_mut().find(|(ix, _)| *ix == gift.gift) {
                Some((_, sum)) => *sum = sum.saturating_add(gift.given),
                None => sums.push((gift.gift, gift.given)),
            }
        }
        sums
    }

    /// What each payer funds in all, bytewise by name with the platform first; only what is above 0.
    #[must_use]
    pub fn funding_by_payer(&self) -> std::collections::BTreeMap<Payer, Amount> {
        let mut sums = std::collections::BTreeMap::new();
        for part in self.funding.iter().filter(|part| part.amount.is_positive()) {
            let sum = sums.entry(part.payer.clone()).or_insert(Amount::ZERO);
            // INVARIANT: discounts of a valid basket sum to at most its gross.
            *sum = Amount::minor(sum.get().saturating_add(part.amount.get()));
        }
        sums
    }
}

/// Prices a basket: the one public verb of this crate. `usage` holds what is used of each counter that
/// [`Prepared::counters`](crate::prepare::Prepared::counters) names, in that order; what is missing counts as 0.
///
/// # Errors
/// [`QuoteError`]
pub fn quote(rulebook: &Rulebook, basket: &Basket, usage: impl Fn(&Counter) -> i64, view: View) -> Result<Quote, QuoteError> {
    let prepared = rulebook.prepare(basket)?;
    let usage: Vec<i64> = prepared.counters().rows().iter().map(usage).collect();
    prepared.price(&usage, view)
}

/// The line that a number names.
pub(crate) fn line_at(basket: &Basket, line: LineIx) -> Option<&Line> {
    use crate::table::Ix;
    basket.lines().get(line.position())
}
