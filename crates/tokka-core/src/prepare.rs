//! What looks at this basket? The active promotions that cover a line, the coupons offered, what the request selects,
//! and the limited quantities that all of these ask about.

use std::ops::Range;

use jiff::Timestamp;
use smallvec::SmallVec;

use crate::basket::{Basket, CouponsOffered, FieldViolation, Line, Strategy};
use crate::outcome::{LineCoverage, NotCovered, Outcome, Subject, Verdict};
use crate::promotion::{Promotion, Stage};
use crate::quote::{Counter, Quote, QuoteError, View};
use crate::rulebook::{Rulebook, is_published};
use crate::stages::Pricing;
use crate::table::{CounterIx, Ix, LineIx, PromoIx, Table};
pub use active::Visitor;
use active::why_not_active;
use layout::Layout;
use limits::{GiftStock, Limits, Slot, Slots};
use select::Selections;

pub(crate) mod active;
pub(crate) mod layout;
pub(crate) mod limits;
pub(crate) mod select;

/// A basket with the promotions that look at it. Everything here is independent of the counters' usage.
#[derive(Debug)]
pub struct Prepared<'a> {
    pub(crate) rulebook: &'a Rulebook,
    pub(crate) basket: &'a Basket,
    pub(crate) layout: Layout<'a>,
    /// Non-coupons in order of application, then coupons in the order offered.
    pub(crate) candidates: Vec<Candidate>,
    /// The lines of the candidates, in request order each.
    covered: Vec<LineIx>,
    /// Which item promotion looks at which group, by group, then in order of application.
    pub(crate) item_looks: Vec<ItemLook>,
    /// The lines of the item looks, in request order each.
    look_lines: Vec<LineIx>,
    pub(crate) coupons: Vec<CouponOffer>,
    /// Selected promotions that cannot apply, whatever the counters say.
    pub(crate) idle: Vec<Outcome>,
    pub(crate) selections: Selections,
    pub(crate) slots: Vec<Slot>,
    pub(crate) gift_stocks: SmallVec<[GiftStock; 4]>,
    counters: Table<CounterIx, Counter>,
    next_change_at: Option<Timestamp>,
    /// The same by line, where each line is for itself; else empty.
    pub(crate) line_changes: Vec<Option<Timestamp>>,
}

/// An active promotion that covers a line.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) promotion: PromoIx,
    pub(crate) stage: Stage,
    lines: Range<usize>,
    pub(crate) limits: Limits,
}

/// An item promotion that covers lines of a group.
#[derive(Debug, Clone)]
pub(crate) struct ItemLook {
    pub(crate) group: u32,
    pub(crate) candidate: usize,
    lines: Range<usize>,
}

/// A coupon offered.
#[derive(Debug)]
pub(crate) enum CouponOffer {
    /// It may apply.
    Candidate(usize),
    /// It cannot.
    Decided(Outcome),
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(rulebook: &'a Rulebook, basket: &'a Basket) -> Result<Self, QuoteError> {
        Self::looking(rulebook, basket, Finder::new(rulebook, basket), |layout, line| layout.group(line))
    }

    /// Each line for itself, as if it were alone, and of the promotions only those of stage 1.
    pub(crate) fn of_each_line(rulebook: &'a Rulebook, basket: &'a Basket) -> Result<Self, QuoteError> {
        let lines = basket.lines().len();
        let finder = Finder { items_only: true, line_changes: vec![None; lines], ..Finder::new(rulebook, basket) };
        let by_line = |_: &Layout<'_>, line: LineIx| u32::try_from(line.position()).unwrap_or(u32::MAX);
        Self::looking(rulebook, basket, finder, by_line)
    }

    /// With these coupons, though nobody offers them.
    pub(crate) fn with_coupons(rulebook: &'a Rulebook, basket: &'a Basket, coupons: Vec<PromoIx>) -> Result<Self, QuoteError> {
        let finder = Finder { unoffered: coupons, ..Finder::new(rulebook, basket) };
        Self::looking(rulebook, basket, finder, |layout, line| layout.group(line))
    }

    fn looking(
        rulebook: &'a Rulebook,
        basket: &'a Basket,
        mut finder: Finder<'a>,
        group: impl Fn(&Layout<'_>, LineIx) -> u32,
    ) -> Result<Self, QuoteError> {
        let currency = &rulebook.settings().currency;
        if basket.currency() != currency {
            let description = format!("`{}` is not the currency of this catalogue, which is `{currency}`", basket.currency());
            return Err(QuoteError::Invalid(vec![FieldViolation::new("currency", description)]));
        }
        let (CouponsOffered::These(offered) | CouponsOffered::Auto { held: offered }) = basket.coupons();

        finder.find_covering();
        let mut coupons = finder.every_coupon();
        for (position, id) in offered.iter().enumerate() {
            // An id twice is one offer.
            if !offered.iter().take(position).any(|earlier| earlier == id) {
                coupons.push(finder.offer(id));
            }
        }
        let (selections, idle) = select::read(&finder).map_err(QuoteError::Invalid)?;

        let Finder { candidates, covered, next_change_at, line_changes, .. } = finder;
        let layout = Layout::of(basket);
        let (item_looks, look_lines) = item_looks(&candidates, &covered, |line| group(&layout, line));
        let mut slots = Slots::new(rulebook, basket, &layout);
        let candidates = candidates
            .into_iter()
            .map(|found| {
                let lines = covered.get(found.lines.clone()).unwrap_or_default();
                let limits = slots.of(found.promotion, lines);
                Candidate { promotion: found.promotion, stage: found.stage, lines: found.lines, limits }
            })
            .collect();
        let Slots { slots, gift_stocks, counters, .. } = slots;
        Ok(Self {
            rulebook,
            basket,
            layout,
            candidates,
            covered,
            item_looks,
            look_lines,
            coupons,
            idle,
            selections,
            slots,
            gift_stocks,
            counters,
            next_change_at,
            line_changes,
        })
    }

    /// The limited quantities that the price depends on, to be read before [`Prepared::price`].
    #[must_use]
    pub fn counters(&self) -> &Table<CounterIx, Counter> {
        &self.counters
    }

    /// The nearest moment at which a window or schedule of what covers the basket opens or closes.
    #[must_use]
    pub fn next_change_at(&self) -> Option<Timestamp> {
        self.next_change_at
    }

    /// Every promotion that the answer speaks of, ascending: active ones that cover a line, coupons offered, and what is
    /// selected. A rulebook of these alone, with the same stores and gifts, prices this basket and any part of it the
    /// same.
    #[must_use]
    pub fn promotions(&self) -> Vec<PromoIx> {
        let of_outcome = |outcome: &Outcome| match outcome.subject {
            Subject::Promotion(promotion) => Some(promotion),
            Subject::OutOfForce(_) => None,
        };
        let decided = self.coupons.iter().filter_map(|offer| match offer {
            CouponOffer::Candidate(_) => None,
            CouponOffer::Decided(outcome) => of_outcome(outcome),
        });
        let candidates = self.candidates.iter().map(|candidate| candidate.promotion);
        let mut all: Vec<PromoIx> = candidates.chain(decided).chain(self.idle.iter().filter_map(of_outcome)).collect();
        all.extend(self.selections.promotions());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Prices the basket; `usage` is parallel to [`Prepared::counters`], what is missing counts as 0.
    ///
    /// # Errors
    /// [`QuoteError`]
    pub fn price(&self, usage: &[i64], view: View) -> Result<Quote, QuoteError> {
        self.price_within(usage, view, crate::best::BUDGET)
    }

    /// Does a price that was worked out as if nothing were used rest on what it claims alone? It does where it claims of every
    /// counter that it asks about, and stands as well where all is used but what it claims: it is the same at both ends of what
    /// may be used when its claims fit. In between a choice that turns on units cut from what is not taken in the end may still
    /// come out otherwise.
    ///
    /// # Errors
    /// [`QuoteError`]
    pub fn rests_on_its_claims(&self, unread: &Quote) -> Result<bool, QuoteError> {
        let mut usage: Vec<i64> = vec![-1; self.counters.len()];
        for claim in &unread.claims {
            let limit = self.counters.get(claim.counter).map_or(0, |counter| counter.limit);
            if let Some(used) = usage.get_mut(claim.counter.position()) {
                *used = limit.saturating_sub(claim.amount);
            }
        }
        if usage.iter().any(|used| *used < 0) {
            return Ok(false);
        }
        let tight = self.price(&usage, View::Basic)?;
        Ok(tight.fingerprint == unread.fingerprint && tight.payable == unread.payable && tight.claims == unread.claims)
    }

    /// Prices the basket; a search, where the request asks for one, does at most this much work.
    ///
    /// # Errors
    /// [`QuoteError`]
    pub fn price_within(&self, usage: &[i64], view: View, budget: u64) -> Result<Quote, QuoteError> {
        match self.searches() {
            Some(free) => crate::best::price(self, usage, view, budget, free),
            None => Pricing::new(self, usage, view).run(),
        }
    }

    /// Does the request leave choices to a search, and are all of them free?
    pub(crate) fn searches(&self) -> Option<bool> {
        match (self.basket.strategy(), self.basket.coupons()) {
            (Strategy::Best, _) => Some(true),
            (Strategy::Sequential, CouponsOffered::Auto { .. }) => Some(false),
            (Strategy::Sequential, CouponsOffered::These(_)) => None,
        }
    }

    /// The first candidate of a stage from this number on.
    pub(crate) fn next_of(&self, stage: Stage, next: usize) -> Option<(usize, &Candidate)> {
        self.candidates.iter().enumerate().skip(next).find(|(_, candidate)| candidate.stage == stage)
    }

    pub(crate) fn lines_of(&self, candidate: &Candidate) -> &[LineIx] {
        self.covered.get(candidate.lines.clone()).unwrap_or_default()
    }

    pub(crate) fn lines_of_look(&self, look: &ItemLook) -> &[LineIx] {
        self.look_lines.get(look.lines.clone()).unwrap_or_default()
    }

    pub(crate) fn promotion_of(&self, candidate: &Candidate) -> &'a Promotion {
        self.rulebook.promotion(candidate.promotion)
    }
}

/// An active promotion that covers a line, before its limits are looked up.
#[derive(Debug)]
struct Found {
    promotion: PromoIx,
    stage: Stage,
    lines: Range<usize>,
}

/// Finds what looks at a basket.
pub(crate) struct Finder<'a> {
    rulebook: &'a Rulebook,
    basket: &'a Basket,
    candidates: Vec<Found>,
    covered: Vec<LineIx>,
    next_change_at: Option<Timestamp>,
    /// The same by line, where it is wanted; else empty.
    line_changes: Vec<Option<Timestamp>>,
    /// Only stage 1 is looked for.
    items_only: bool,
    /// These coupons are looked for without being offered.
    unoffered: Vec<PromoIx>,
}

impl<'a> Finder<'a> {
    fn new(rulebook: &'a Rulebook, basket: &'a Basket) -> Self {
        Self {
            rulebook,
            basket,
            candidates: Vec::new(),
            covered: Vec::new(),
            next_change_at: None,
            line_changes: Vec::new(),
            items_only: false,
            unoffered: Vec::new(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = (LineIx, &'a Line)> + use<'a> {
        self.basket.lines().iter().enumerate().map(|(position, line)| (LineIx::new(position), line))
    }

    /// Asks the index, and keeps what is active and covers a line.
    fn find_covering(&mut self) {
        let mut pairs: SmallVec<[(PromoIx, LineIx); 128]> = SmallVec::new();
        for (ix, line) in self.lines() {
            self.rulebook.may_cover(line, |promotion| pairs.push((promotion, ix)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        for of_promotion in pairs.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((promotion, _)) = of_promotion.first() else { continue };
            if self.items_only && self.rulebook.compiled(*promotion).stage != Stage::Item {
                continue;
            }
            let start = self.covered.len();
            let exact = self.rulebook.compiled(*promotion).exact;
            for (_, line) in of_promotion {
                if exact || self.covers(*promotion, *line) {
                    self.covered.push(*line);
                }
            }
            self.keep(*promotion, start);
        }
    }

    fn covers(&self, promotion: PromoIx, line: LineIx) -> bool {
        let row = self.basket.lines().get(line.position());
        row.is_some_and(|row| self.rulebook.why_not_covered(promotion, row).is_none())
    }

    /// Keeps a promotion that covers the lines from `start` on, if there are any and it is active.
    fn keep(&mut self, promotion: PromoIx, start: usize) -> bool {
        if self.covered.len() == start {
            return false;
        }
        self.note_change(promotion, start);
        if self.why_not_active(promotion).is_some() {
            self.covered.truncate(start);
            return false;
        }
        let stage = self.rulebook.compiled(promotion).stage;
        self.candidates.push(Found { promotion, stage, lines: start..self.covered.len() });
        true
    }

    fn note_change(&mut self, promotion: PromoIx, start: usize) {
        let document = self.rulebook.promotion(promotion);
        if document.window.start.is_none() && document.window.end.is_none() && document.schedule.is_empty() {
            return;
        }
        let change = self.rulebook.next_change(promotion, self.basket.at());
        let nearer = |nearest: Option<Timestamp>| match (nearest, change) {
            (Some(nearest), Some(change)) => Some(nearest.min(change)),
            (nearest, change) => nearest.or(change),
        };
        self.next_change_at = nearer(self.next_change_at);
        for line in self.covered.iter().skip(start) {
            if let Some(of_line) = self.line_changes.get_mut(line.position()) {
                *of_line = nearer(*of_line);
            }
        }
    }

    /// Coupons that are looked for without being offered: those that are active and cover a line.
    fn every_coupon(&mut self) -> Vec<CouponOffer> {
        let mut coupons = Vec::new();
        for promotion in std::mem::take(&mut self.unoffered) {
            let start = self.cover(promotion);
            if self.keep(promotion, start) {
                coupons.push(CouponOffer::Candidate(self.candidates.len().saturating_sub(1)));
            }
        }
        coupons
    }

    /// Notes the lines that a promotion covers, from the number that is answered on.
    fn cover(&mut self, promotion: PromoIx) -> usize {
        let start = self.covered.len();
        for (line, _) in self.lines() {
            if self.covers(promotion, line) {
                self.covered.push(line);
            }
        }
        start
    }

    /// A coupon by the id offered.
    fn offer(&mut self, id: &str) -> CouponOffer {
        let is_coupon = |ix: &PromoIx| matches!(self.rulebook.compiled(*ix).stage, Stage::StoreCoupon | Stage::PlatformCoupon);
        let Some(promotion) = self.rulebook.find(id).filter(is_coupon) else {
            let known = self.basket.stage_out_of_force(id);
            let known = known.is_some_and(|stage| matches!(stage, Stage::StoreCoupon | Stage::PlatformCoupon));
            let verdict = if known { Verdict::NotPublished } else { Verdict::UnknownCoupon };
            let subject = Subject::OutOfForce(id.to_owned());
            return CouponOffer::Decided(Outcome { subject, verdict, coverage: Vec::new() });
        };
        let published = is_published(self.rulebook.promotion(promotion));
        let start = if published { self.cover(promotion) } else { self.covered.len() };
        if published && self.keep(promotion, start) {
            return CouponOffer::Candidate(self.candidates.len().saturating_sub(1));
        }
        let verdict = self.why_idle(promotion).unwrap_or(Verdict::NoBenefit);
        let coverage = self
            .lines()
            .map(|(line, row)| LineCoverage { line, why_not: self.rulebook.why_not_covered(promotion, row) })
            .collect();
        CouponOffer::Decided(Outcome { subject: Subject::Promotion(promotion), verdict, coverage })
    }

    /// Why an existing promotion is no candidate: it is not active, or covers nothing.
    fn why_idle(&self, promotion: PromoIx) -> Option<Verdict> {
        if let Some(verdict) = self.why_not_active(promotion) {
            return Some(verdict);
        }
        let mut lines: Vec<(LineIx, NotCovered)> = Vec::new();
        for (ix, line) in self.lines() {
            lines.push((ix, self.rulebook.why_not_covered(promotion, line)?));
        }
        Some(Verdict::NotCovered { lines })
    }

    fn why_not_active(&self, promotion: PromoIx) -> Option<Verdict> {
        why_not_active(self.rulebook, promotion, &Visitor::of(self.basket))
    }
}

/// Which item promotion looks at which group.
fn item_looks(candidates: &[Found], covered: &[LineIx], group: impl Fn(LineIx) -> u32) -> (Vec<ItemLook>, Vec<LineIx>) {
    let mut rows: SmallVec<[(u32, usize, LineIx); 64]> = SmallVec::new();
    for (number, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.stage == Stage::Item) {
        let lines = covered.get(candidate.lines.clone()).unwrap_or_default();
        rows.extend(lines.iter().map(|line| (group(*line), number, *line)));
    }
    rows.sort_unstable();
    let lines = rows.iter().map(|(.., line)| *line).collect();
    let mut looks: Vec<ItemLook> = Vec::new();
    for (position, (group, candidate, _)) in rows.iter().enumerate() {
        let end = position.saturating_add(1);
        match looks.last_mut() {
            Some(look) if (look.group, look.candidate) == (*group, *candidate) => look.lines.end = end,
            _ => looks.push(ItemLook { group: *group, candidate: *candidate, lines: position..end }),
        }
    }
    (looks, lines)
}
