//! In which order do promotions work, and on what? Six stages, each on the amounts that the one before left; this is
//! the state that they share.

use smallvec::SmallVec;

use crate::allocate::{Leaf, allocate};
use crate::amount::{Amount, Exact, Overflow, first_units};
use crate::basket::Line;
use crate::best::plan::Plan;
use crate::outcome::{Applied, LimitName, LimitUse, LineCoverage, Verdict};
use crate::prepare::limits::SlotIx;
use crate::prepare::{Candidate, Prepared};
use crate::promotion::Stage;
use crate::quote::{Claim, FreeUnits, GiftGiven, Hint, Quote, QuoteError, Segment, Touch, View, line_at};
use crate::rulebook::Compiled;
use crate::table::{GiftIx, Ix, LineIx, PromoIx};

mod buy_get;
pub(crate) mod coupon;
pub(crate) mod item;
pub(crate) mod reward;
pub(crate) mod set;
pub(crate) mod spend;

/// An order on its way through the stages.
#[derive(Clone)]
pub(crate) struct Pricing<'p> {
    pub(crate) prepared: &'p Prepared<'p>,
    pub(crate) usage: &'p [i64],
    /// What a search decided; `None`: the rules of choice decide.
    pub(crate) plan: Option<&'p Plan>,
    /// Coupons are judged each as if it were the only one, and none is taken.
    pub(crate) coupons_apart: bool,
    /// Are outcomes and hints wanted?
    pub(crate) full: bool,
    /// Line by line, in unit order.
    pub(crate) segments: Vec<Segment>,
    /// Where the segments of each line begin, and behind the last, where they end.
    line_starts: Vec<usize>,
    /// What this order took of each slot so far.
    pub(crate) taken: SmallVec<[i64; 16]>,
    /// What it took of each gift of a limited inventory.
    pub(crate) gifts_taken: SmallVec<[i64; 4]>,
    /// What became of each candidate; empty while a search looks for the best choice.
    pub(crate) verdicts: Vec<Option<Verdict>>,
    /// Coupons, view FULL: the lines that each looked at.
    pub(crate) coverage: Vec<Vec<LineCoverage>>,
    pub(crate) gifts: Vec<GiftGiven>,
    pub(crate) free_units: Vec<FreeUnits>,
    pub(crate) included_units: Vec<FreeUnits>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) clawback_only: bool,
    pub(crate) needs_user: bool,
    /// Candidates that would have applied, had the plan not left them out.
    pub(crate) left_out: Vec<usize>,
}

impl<'p> Pricing<'p> {
    pub(crate) fn new(prepared: &'p Prepared<'p>, usage: &'p [i64], view: View) -> Self {
        let candidates = prepared.candidates.len();
        Self {
            prepared,
            usage,
            plan: None,
            coupons_apart: false,
            full: view == View::Full,
            segments: Vec::with_capacity(prepared.basket.lines().len()),
            line_starts: Vec::with_capacity(prepared.basket.lines().len().saturating_add(1)),
            taken: SmallVec::from_elem(0, prepared.slots.len()),
            gifts_taken: SmallVec::from_elem(0, prepared.gift_stocks.len()),
            verdicts: vec![None; candidates],
            coverage: Vec::new(),
            gifts: Vec::new(),
            free_units: Vec::new(),
            included_units: Vec::new(),
            hints: Vec::new(),
            clawback_only: false,
            needs_user: false,
            left_out: Vec::new(),
        }
    }

    /// As a plan says.
    pub(crate) fn planned(prepared: &'p Prepared<'p>, usage: &'p [i64], view: View, plan: &'p Plan) -> Self {
        Self { plan: Some(plan), ..Self::new(prepared, usage, view) }
    }

    /// For a search: the amounts alone, without verdicts.
    pub(crate) fn amounts_only(prepared: &'p Prepared<'p>, usage: &'p [i64]) -> Self {
        Self { verdicts: Vec::new(), ..Self::new(prepared, usage, View::Basic) }
    }

    /// All six stages, and the answer.
    pub(crate) fn run(mut self) -> Result<Quote, QuoteError> {
        self.stages()?;
        crate::totals::answer(self)
    }

    /// All six stages.
    pub(crate) fn stages(&mut self) -> Result<(), QuoteError> {
        item::run(self)?;
        set::run(self)?;
        spend::run(self, Stage::StoreSpend)?;
        coupon::run(self, Stage::StoreCoupon)?;
        spend::run(self, Stage::PlatformSpend)?;
        coupon::run(self, Stage::PlatformCoupon)
    }

    /// What the segments cost now.
    pub(crate) fn left_to_pay(&self) -> Result<Amount, Overflow> {
        Amount::sum(self.segments.iter().map(|segment| segment.amount))
    }

    pub(crate) fn line(&self, line: LineIx) -> Option<&'p Line> {
        line_at(self.prepared.basket, line)
    }

    pub(crate) fn compiled(&self, promotion: PromoIx) -> Compiled {
        self.prepared.rulebook.compiled(promotion)
    }

    /// The candidates of a stage, in order of application (coupons: in the order offered).
    pub(crate) fn candidates(&self, stage: Stage) -> impl Iterator<Item = (usize, &'p Candidate)> + use<'p> {
        self.prepared.candidates.iter().enumerate().filter(move |(_, candidate)| candidate.stage == stage)
    }

    // --- Segments -------------------------------------------------------------------------------------------------

    /// Replaces the segments and looks up where each line's begin.
    pub(crate) fn lay_out(&mut self, segments: Vec<Segment>) {
        self.segments = segments;
        self.line_starts.clear();
        let mut position = 0usize;
        for line in 0..self.prepared.basket.lines().len() {
            while self.segments.get(position).is_some_and(|segment| segment.line.position() < line) {
                position = position.saturating_add(1);
            }
            self.line_starts.push(position);
        }
        self.line_starts.push(self.segments.len());
    }

    /// The segments of a line, by number.
    fn segments_of(&self, line: LineIx) -> std::ops::Range<usize> {
        let at = |position: usize| self.line_starts.get(position).copied().unwrap_or(self.segments.len());
        at(line.position())..at(line.position().saturating_add(1))
    }

    /// The segments of the lines that a candidate covers, by number.
    pub(crate) fn segments_covered(&self, candidate: &Candidate) -> impl Iterator<Item = (usize, &Segment)> {
        let lines = self.prepared.lines_of(candidate).iter();
        lines.flat_map(|line| self.segments_of(*line)).filter_map(|number| Some((number, self.segments.get(number)?)))
    }

    /// The first promotion of an earlier stage that touched the segment and closes this stage to it.
    pub(crate) fn closed_by(&self, segment: &Segment, stage: Stage) -> Option<PromoIx> {
        let earlier = segment.chain.iter().filter(|touch| touch.stage < stage);
        earlier.map(|touch| touch.promotion).find(|promotion| !self.compiled(*promotion).allows.lets_into(stage))
    }

    /// Its amount less the floor price of its units.
    fn room(&self, segment: &Segment) -> Result<Amount, Overflow> {
        let floor = self.line(segment.line).map_or(Amount::ZERO, Line::floor);
        segment.amount.minus(floor.times(segment.units)?)
    }

    /// Takes a discount, which their rooms hold, off segments (by number, ascending): allocates it, and marks every one
    /// of them as touched.
    fn take_off(&mut self, promotion: PromoIx, stage: Stage, discount: Amount, numbers: &[usize]) -> Result<(), Overflow> {
        let mut leaves: SmallVec<[Leaf; 32]> = SmallVec::new();
        for segment in numbers.iter().filter_map(|number| self.segments.get(*number)) {
            leaves.push(Leaf { line: segment.line, weight: self.room(segment)? });
        }
        let shares = allocate(discount, &leaves, &self.prepared.layout)?;
        for (number, share) in numbers.iter().zip(shares) {
            if let Some(segment) = self.segments.get_mut(*number) {
                segment.amount = segment.amount.minus(share)?;
                segment.chain.push(Touch { promotion, stage, after: segment.amount });
            }
        }
        Ok(())
    }

    // --- Limits ---------------------------------------------------------------------------------------------------

    /// What a slot has used: before this order, and by earlier groups of it.
    fn used(&self, slot: SlotIx) -> i64 {
        let counter = self.prepared.slots.get(slot).and_then(|slot| slot.counter);
        let before = counter.and_then(|counter| self.usage.get(counter.position())).copied().unwrap_or(0);
        before.saturating_add(self.taken.get(slot).copied().unwrap_or(0))
    }

    /// What is left of a slot; negative counts as 0.
    pub(crate) fn left(&self, slot: SlotIx) -> i64 {
        let limit = self.prepared.slots.get(slot).map_or(i64::MAX, |slot| slot.limit);
        limit.saturating_sub(self.used(slot)).max(0)
    }

    pub(crate) fn limit_use(&self, slot: SlotIx, requested: i64) -> Option<LimitUse> {
        let row = self.prepared.slots.get(slot)?;
        Some(LimitUse { counter: row.name, limit: row.limit, used: self.used(slot), requested })
    }

    /// `orders_per_user` used up: this order counts once, so what it took itself does not refuse it.
    pub(crate) fn orders_refused(&self, candidate: &Candidate, requested: i64) -> Option<Verdict> {
        let slot = candidate.limits.orders_per_user?;
        let own = self.taken.get(slot).copied().unwrap_or(0);
        let mut stands = self.limit_use(slot, requested)?;
        stands.used = stands.used.saturating_sub(own);
        (stands.used >= stands.limit).then_some(Verdict::LimitReached(stands))
    }

    /// The first of these slots that leaves nothing.
    pub(crate) fn exhausted(&self, slots: impl Iterator<Item = SlotIx>, requested: i64) -> Option<Verdict> {
        for slot in slots {
            if self.left(slot) == 0 {
                let stands = self.limit_use(slot, requested)?;
                return Some(match stands.counter {
                    LimitName::Stock | LimitName::StockBySku => Verdict::StockExhausted(stands),
                    _ => Verdict::LimitReached(stands),
                });
            }
        }
        None
    }

    /// A budget is all or nothing.
    fn budget_refused(&self, candidate: &Candidate, discount: Amount) -> Option<Verdict> {
        let slot = candidate.limits.budget.filter(|slot| self.left(*slot) < discount.get())?;
        self.limit_use(slot, discount.get()).map(Verdict::BudgetExhausted)
    }

    /// What a promotion that applies takes of its slots: an order, once; these slots by `count`; its budget.
    fn claim(
        &mut self,
        candidate: &Candidate,
        slots: impl Iterator<Item = SlotIx>,
        count: i64,
        discount: Amount,
    ) -> Result<(), Overflow> {
        if let Some(taken) = candidate.limits.orders_per_user.and_then(|slot| self.taken.get_mut(slot)) {
            *taken = 1;
        }
        for slot in slots {
            if let Some(taken) = self.taken.get_mut(slot) {
                *taken = taken.plus(count)?;
            }
        }
        if let Some(taken) = candidate.limits.budget.and_then(|slot| self.taken.get_mut(slot)) {
            *taken = taken.plus(discount.get())?;
        }
        self.needs_user |= candidate.limits.per_user && self.prepared.basket.user().is_none();
        Ok(())
    }

    /// Without a user, a promotion that a per-user limit cut needs one, though it did not apply.
    fn note_cut(&mut self, cut: &[LimitUse]) {
        let by_user = |cut: &LimitUse| matches!(cut.counter, LimitName::UnitsPerUser | LimitName::OrdersPerUser);
        self.needs_user |= self.prepared.basket.user().is_none() && cut.iter().any(by_user);
    }

    /// What this order takes of each counter.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let of_slots = self.prepared.slots.iter().zip(&self.taken);
        let of_slots = of_slots.filter_map(|(slot, taken)| Some((slot.counter?, *taken)));
        let of_gifts = self.prepared.gift_stocks.iter().zip(&self.gifts_taken).map(|(stock, taken)| (stock.counter, *taken));
        let mut claims: Vec<Claim> = of_slots
            .chain(of_gifts)
            .filter(|(_, amount)| *amount > 0)
            .map(|(counter, amount)| Claim { counter, amount })
            .collect();
        claims.sort_unstable_by_key(|claim| claim.counter);
        claims
    }

    // --- Gifts ----------------------------------------------------------------------------------------------------

    /// What is left of a gift; `None` = any number.
    fn gift_left(&self, gift: GiftIx) -> Option<i64> {
        let position = self.prepared.gift_stocks.iter().position(|stock| stock.gift == gift)?;
        let stock = self.prepared.gift_stocks.get(position)?;
        let used = self.usage.get(stock.counter.position()).copied().unwrap_or(0);
        let taken = self.gifts_taken.get(position).copied().unwrap_or(0);
        Some(stock.inventory.saturating_sub(used).saturating_sub(taken).max(0))
    }

    fn give(&mut self, gift: GiftGiven) -> Result<(), Overflow> {
        let position = self.prepared.gift_stocks.iter().position(|stock| stock.gift == gift.gift);
        if let Some(taken) = position.and_then(|position| self.gifts_taken.get_mut(position)) {
            *taken = taken.plus(gift.given)?;
        }
        self.gifts.push(gift);
        Ok(())
    }

    // --- Verdicts -------------------------------------------------------------------------------------------------

    /// Notes what a promotion brought; over several groups it adds up.
    fn applied(&mut self, candidate: usize, more: Applied) -> Result<(), Overflow> {
        if let Some(verdict) = self.verdicts.get_mut(candidate) {
            match verdict {
                Some(Verdict::Applied(sum)) => {
                    sum.discount = sum.discount.plus(more.discount)?;
                    sum.free_units = sum.free_units.plus(more.free_units)?;
                    sum.floor_cut = sum.floor_cut.plus(more.floor_cut)?;
                    sum.gifts.extend(more.gifts);
                    sum.cut.extend(more.cut);
                }
                _ => *verdict = Some(Verdict::Applied(more)),
            }
        }
        Ok(())
    }

    /// Notes why a promotion did not apply; the first reason stands.
    fn refused(&mut self, candidate: usize, reason: Verdict) {
        if let Some(verdict @ None) = self.verdicts.get_mut(candidate) {
            *verdict = Some(reason);
        }
    }
}

/// Takes the first `k` units of a segment of more as a segment of their own.
fn split_front(segment: Segment, k: i64) -> Result<[Segment; 2], Overflow> {
    let q = segment.units;
    let front_of = |amount: Amount| first_units(amount, q, k);
    let mut rest = segment.clone();
    let mut front = segment;
    front.units = k;
    front.gross = front_of(rest.gross);
    front.amount = front_of(rest.amount);
    rest.units = q.minus(k)?;
    rest.gross = rest.gross.minus(front.gross)?;
    rest.amount = rest.amount.minus(front.amount)?;
    for (front, rest) in front.chain.iter_mut().zip(&mut rest.chain) {
        front.after = front_of(rest.after);
        rest.after = rest.after.minus(front.after)?;
    }
    Ok([front, rest])
}
