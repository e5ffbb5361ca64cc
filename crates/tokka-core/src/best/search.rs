//! Which choice costs least? A search through the stages in their order, depth first, that leaves a branch as soon as
//! its bound says that nothing below it can beat the best choice so far.
//!
//! A node is an order on its way ([`Pricing`]), brought there by the same code that prices without a search; so what a
//! choice costs is never estimated.

use std::cmp::Reverse;
use std::rc::Rc;

use smallvec::SmallVec;

use super::blocks::{Ahead, Block, Parts};
use super::bound::{Choosing, From, Given, Places, Style, rounded};
use super::curve::ONE;
use super::plan::Plan;
use super::tie::Rank;
use crate::amount::{Amount, Exact};
use crate::prepare::{Candidate, Prepared};
use crate::promotion::Stage;
use crate::quote::QuoteError;
use crate::stages::{Pricing, coupon, item, set, spend};
use crate::table::{Ix, LineIx};

/// Above this many lines, a spend promotion is given all lines that it may take, or none.
const LINES_MAX: usize = 64;

/// The best choice so far.
pub(crate) struct Best {
    pub(crate) payable: Amount,
    /// `None`: the sequential one.
    pub(crate) plan: Option<Plan>,
    pub(crate) rank: Option<Rank>,
}

/// What the search looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The least that the present block can weigh; so far this.
    Weight(i128),
    /// A lower price.
    Price,
    /// Among choices of the price found, the one that comes first.
    Ties,
}

/// A search on its way.
pub(crate) struct Search<'p> {
    pub(crate) prepared: &'p Prepared<'p>,
    pub(crate) usage: &'p [i64],
    pub(crate) places: Places,
    pub(crate) parts: Parts,
    pub(crate) ahead: Ahead,
    pub(crate) blocks: Vec<Rc<Block<'p>>>,
    /// By store, the minimum order that it must not fall below.
    pub(crate) minimums: Vec<Option<Amount>>,
    pub(crate) aim: Aim,
    pub(crate) budget: u64,
    pub(crate) work: u64,
    pub(crate) best: Best,
    /// The least that what was left unsearched can come to (× [`ONE`](super::curve::ONE)).
    pub(crate) unsearched: Option<i128>,
    pub(crate) plan: Plan,
    /// The block whose choices are made now.
    pub(crate) block: usize,
    /// The blocks before it, and what they weigh.
    pub(crate) done: Vec<Pricing<'p>>,
    pub(crate) done_weight: i128,
    /// While a block is weighed: how it weighs least.
    pub(crate) lightest: Option<(Plan, Pricing<'p>)>,
}

impl<'p> Search<'p> {
    /// Searches everything, as far as the budget goes.
    pub(crate) fn run(&mut self) -> Result<(), QuoteError> {
        if self.plan.all_stages() {
            return self.items();
        }
        let mut pricing = Pricing::amounts_only(self.prepared, self.usage);
        item::run(&mut pricing)?;
        set::run(&mut pricing)?;
        spend::run(&mut pricing, Stage::StoreSpend)?;
        self.coupons(&pricing, 0, 0)
    }

    /// What the order comes to at least, if the present block weighs this.
    pub(crate) fn in_all(&self, weight: i128) -> i128 {
        if matches!(self.aim, Aim::Weight(_)) {
            return weight;
        }
        let behind = self.blocks.iter().skip(self.block.saturating_add(1));
        let behind = behind.fold(0i128, |sum, block| sum.saturating_add(block.least));
        weight.saturating_add(self.done_weight).saturating_add(behind).saturating_sub(self.ahead.credit)
    }

    /// Counts work; is there any left? Where not, what lies below is left unsearched.
    pub(crate) fn goes_on(&mut self, work: usize, least: i128) -> bool {
        if self.work >= self.budget {
            self.leave(least);
            return false;
        }
        self.work = self.work.saturating_add(u64::try_from(work).unwrap_or(u64::MAX)).saturating_add(1);
        true
    }

    fn leave(&mut self, least: i128) {
        self.unsearched = Some(self.unsearched.map_or(least, |other| other.min(least)));
    }

    /// Can a choice that comes to at least this still be the one?
    pub(crate) fn may_win(&self, least: i128) -> bool {
        match self.aim {
            Aim::Weight(best) => least < best,
            Aim::Price => rounded(least) < self.best.payable,
            Aim::Ties => rounded(least) <= self.best.payable,
        }
    }

    /// The bound of a node, if it may win.
    fn bound(&mut self, pricing: &Pricing<'p>, from: From, choosing: Option<Choosing<'_>>, least: i128) -> Option<i128> {
        let mut least = least;
        for style in [Style::Caps, Style::Tangents] {
            self.work = self.work.saturating_add(u64::try_from(pricing.segments.len()).unwrap_or(0));
            let bound = match from.block {
                Some(_) => {
                    let weight = self.places.least(pricing, from, choosing, style, |atom| self.ahead.weigh(atom));
                    self.in_all(weight)
                }
                None => self.places.least(pricing, from, choosing, style, |_| ONE),
            };
            least = least.max(bound);
            if !self.may_win(least) {
                return None;
            }
        }
        Some(least)
    }

    /// The block of a stage's choices.
    fn block_of(&self, stage: Stage) -> Option<usize> {
        (stage < Stage::PlatformSpend).then_some(self.block)
    }

    /// The next candidate of a stage, of the present block or of the platform.
    fn next_of(&self, stage: Stage, next: usize) -> Option<(usize, &'p Candidate)> {
        let mut next = next;
        loop {
            let (number, candidate) = self.prepared.next_of(stage, next)?;
            let line = self.prepared.lines_of(candidate).first()?;
            if stage >= Stage::PlatformSpend || self.parts.of_line(self.prepared, *line) == self.block {
                return Some((number, candidate));
            }
            next = number.saturating_add(1);
        }
    }

    /// Stage 2: each promotion on, then off.
    pub(crate) fn sets(&mut self, pricing: &Pricing<'p>, least: i128, next: usize) -> Result<(), QuoteError> {
        if !self.goes_on(pricing.segments.len(), least) {
            return Ok(());
        }
        let Some((number, candidate)) = self.next_of(Stage::Set, next) else {
            return self.spends(pricing, least, Stage::StoreSpend, 0);
        };
        let after = number.saturating_add(1);
        let mut with = pricing.clone();
        if set::apply(&mut with, number, candidate)?
            && let Some(least) = self.bound(&with, From { stage: Stage::Set, next: after, block: Some(self.block) }, None, least)
        {
            self.plan.sets.push(number);
            self.sets(&with, least, after)?;
            self.plan.sets.pop();
        }
        match self.bound(pricing, From { stage: Stage::Set, next: after, block: Some(self.block) }, None, least) {
            Some(least) => self.sets(pricing, least, after),
            None => Ok(()),
        }
    }

    /// Stages 3 and 5: each promotion is given some of the lines that it may take.
    fn spends(&mut self, pricing: &Pricing<'p>, least: i128, stage: Stage, next: usize) -> Result<(), QuoteError> {
        if !self.goes_on(pricing.segments.len(), least) {
            return Ok(());
        }
        let Some((number, candidate)) = self.next_of(stage, next) else {
            return match stage {
                Stage::StoreSpend if self.below_minimum(pricing)? => Ok(()),
                Stage::StoreSpend => self.coupons(pricing, least, 0),
                _ => self.end(pricing),
            };
        };
        let after = number.saturating_add(1);
        if !self.plan.all_stages() {
            // Only coupons are searched: it takes what it may.
            let mut with = pricing.clone();
            let lines = spend::may_take(pricing, candidate);
            spend::apply(&mut with, number, candidate, &lines)?;
            return self.spends(&with, least, stage, after);
        }
        let mut lines = spend::may_take(pricing, candidate);
        if lines.is_empty() || !self.reachable(pricing, number, stage) {
            return self.spends(pricing, least, stage, after);
        }
        let from = From { stage, next: number, block: self.block_of(stage) };
        if self.prepared.basket.lines().len() > LINES_MAX {
            self.leave(least);
            self.give(pricing, least, from, &lines)?;
            return self.give(pricing, least, from, &[]);
        }
        // The largest first: leaving these away decides most.
        let amount = |line: &LineIx| {
            let of_line = pricing.segments.iter().filter(|segment| segment.line == *line);
            of_line.fold(0i64, |sum, segment| sum.saturating_add(segment.amount.get()))
        };
        lines.sort_by_key(|line| Reverse(amount(line)));
        let mut given: SmallVec<[Given; 32]> = SmallVec::from_elem(Given::No, self.prepared.basket.lines().len());
        for line in &lines {
            if let Some(given) = given.get_mut(line.position()) {
                *given = Given::Open;
            }
        }
        self.choose(pricing, least, from, &lines, &mut given, 0)
    }

    /// Decides line by line.
    fn choose(
        &mut self,
        pricing: &Pricing<'p>,
        least: i128,
        from: From,
        lines: &[LineIx],
        given: &mut SmallVec<[Given; 32]>,
        next: usize,
    ) -> Result<(), QuoteError> {
        if !self.goes_on(0, least) {
            return Ok(());
        }
        let Some(line) = lines.get(next) else {
            let is_given = |line: &&LineIx| given.get(line.position()) == Some(&Given::Yes);
            let mut chosen: SmallVec<[LineIx; 32]> = lines.iter().filter(is_given).copied().collect();
            chosen.sort_unstable();
            return self.give(pricing, least, from, &chosen);
        };
        let after = next.saturating_add(1);
        let position = line.position();
        let decide = |choice: Given, given: &mut SmallVec<[Given; 32]>| {
            if let Some(given) = given.get_mut(position) {
                *given = choice;
            }
        };
        let mut choices: SmallVec<[(i128, Given); 2]> = SmallVec::new();
        for choice in [Given::Yes, Given::No] {
            decide(choice, given);
            let choosing = Choosing { number: from.next, lines: given };
            if let Some(least) = self.bound(pricing, from, Some(choosing), least) {
                choices.push((least, choice));
            }
        }
        // The more promising first; of two that promise the same, the line is given.
        choices.sort_by_key(|(least, _)| *least);
        for (least, choice) in choices {
            if self.may_win(least) {
                decide(choice, given);
                self.choose(pricing, least, from, lines, given, after)?;
            }
        }
        decide(Given::Open, given);
        Ok(())
    }

    /// Gives these lines to the next promotion, and goes on.
    fn give(&mut self, pricing: &Pricing<'p>, least: i128, from: From, lines: &[LineIx]) -> Result<(), QuoteError> {
        let From { stage, next: number, block } = from;
        let after = number.saturating_add(1);
        let from = From { stage, next: after, block };
        if lines.is_empty() {
            return match self.bound(pricing, from, None, least) {
                Some(least) => self.spends(pricing, least, stage, after),
                None => Ok(()),
            };
        }
        let Some(candidate) = self.prepared.candidates.get(number) else { return Ok(()) };
        let mut with = pricing.clone();
        // What does not apply is the same as nothing given.
        if !spend::apply(&mut with, number, candidate, lines)? {
            return Ok(());
        }
        if let Some(least) = self.bound(&with, from, None, least) {
            self.plan.spends.push((number, lines.iter().copied().collect()));
            self.spends(&with, least, stage, after)?;
            self.plan.spends.pop();
        }
        Ok(())
    }

    /// Is the lowest threshold within reach of all that it covers?
    fn reachable(&self, pricing: &Pricing<'p>, number: usize, stage: Stage) -> bool {
        self.places.reachable(pricing, number, stage)
    }

    fn below_minimum(&self, pricing: &Pricing<'p>) -> Result<bool, QuoteError> {
        for (store, minimum) in self.minimums.iter().enumerate() {
            let Some(minimum) = minimum else { continue };
            if self.parts.of_store(store) != self.block {
                continue;
            }
            let of_store = |line: LineIx| self.prepared.layout.store_position(line) == store;
            let segments = pricing.segments.iter().filter(|segment| of_store(segment.line));
            if Amount::sum(segments.map(|segment| segment.amount))? < *minimum {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stage 4: store by store, one coupon or none, the most valuable first.
    fn coupons(&mut self, pricing: &Pricing<'p>, least: i128, next: usize) -> Result<(), QuoteError> {
        if !self.goes_on(pricing.segments.len(), least) {
            return Ok(());
        }
        let Some(place) = self.places.next_of(Stage::StoreCoupon, Some(self.block), next) else {
            return self.block_done(pricing, least);
        };
        let after = place.saturating_add(1);
        let from = From { stage: Stage::StoreCoupon, next: after, block: Some(self.block) };
        for (worth, number) in self.worths(pricing, place)? {
            let Some(candidate) = self.prepared.candidates.get(number).filter(|_| worth.is_positive()) else { continue };
            let mut with = pricing.clone();
            coupon::apply(&mut with, number, candidate)?;
            if let Some(least) = self.bound(&with, from, None, least) {
                self.plan.coupons.push(number);
                self.coupons(&with, least, after)?;
                self.plan.coupons.pop();
            }
        }
        match self.bound(pricing, from, None, least) {
            Some(least) => self.coupons(pricing, least, after),
            None => Ok(()),
        }
    }

    /// A block is through stage 4: on to the next, or to the platform's stages.
    fn block_done(&mut self, pricing: &Pricing<'p>, least: i128) -> Result<(), QuoteError> {
        let atoms = self.places.atoms(pricing, Stage::PlatformSpend);
        let weight = self.ahead.of_segments(&atoms);
        if let Aim::Weight(best) = &mut self.aim {
            if weight < *best {
                *best = weight;
                self.lightest = Some((self.plan.clone(), pricing.clone()));
            }
            return Ok(());
        }
        if !self.may_win(least.max(self.in_all(weight))) {
            return Ok(());
        }
        let before = (self.block, self.done_weight);
        self.done.push(pricing.clone());
        self.done_weight = self.done_weight.saturating_add(weight);
        self.block = self.block.saturating_add(1);
        let result = if self.plan.all_stages() && self.block < self.blocks.len() { self.items() } else { self.platform(least) };
        (self.block, self.done_weight) = before;
        self.done.pop();
        result
    }

    /// All blocks are done: the platform's stages.
    pub(crate) fn platform(&mut self, least: i128) -> Result<(), QuoteError> {
        let whole = self.together()?;
        let from = From { stage: Stage::PlatformSpend, next: 0, block: None };
        match self.bound(&whole, from, None, least) {
            Some(least) => self.spends(&whole, least, Stage::PlatformSpend, 0),
            None => Ok(()),
        }
    }

    /// The whole order, as its blocks are.
    fn together(&self) -> Result<Pricing<'p>, QuoteError> {
        let mut whole = Pricing::amounts_only(self.prepared, self.usage);
        let mut segments = Vec::with_capacity(self.prepared.basket.lines().len().saturating_mul(2));
        for block in &self.done {
            segments.extend(block.segments.iter().cloned());
            whole.gifts.extend(block.gifts.iter().copied());
            whole.free_units.extend(block.free_units.iter().copied());
            for (sum, taken) in whole.taken.iter_mut().zip(&block.taken) {
                *sum = sum.plus(*taken)?;
            }
            for (sum, taken) in whole.gifts_taken.iter_mut().zip(&block.gifts_taken) {
                *sum = sum.plus(*taken)?;
            }
        }
        segments.sort_by_key(|segment| segment.line);
        whole.lay_out(segments);
        Ok(whole)
    }

    /// What each coupon of an owner would take off now, the most first.
    fn worths(&mut self, pricing: &Pricing<'p>, place: usize) -> Result<SmallVec<[(Amount, usize); 16]>, QuoteError> {
        let mut worths: SmallVec<[(Amount, usize); 16]> = SmallVec::new();
        for number in self.places.members(place) {
            let Some(candidate) = self.prepared.candidates.get(number) else { continue };
            worths.push((coupon::worth(pricing, candidate)?, number));
        }
        self.work = self.work.saturating_add(u64::try_from(pricing.segments.len()).unwrap_or(0));
        worths.sort_by_key(|(worth, number)| (Reverse(*worth), *number));
        Ok(worths)
    }

    /// Stage 6: the last choice needs no bound.
    fn end(&mut self, pricing: &Pricing<'p>) -> Result<(), QuoteError> {
        let left = pricing.left_to_pay()?;
        let mut choices: SmallVec<[(Amount, Option<usize>); 16]> = SmallVec::new();
        if let Some(place) = self.places.next_of(Stage::PlatformCoupon, None, 0) {
            for (worth, number) in self.worths(pricing, place)? {
                if worth.is_positive() {
                    choices.push((left.minus(worth)?, Some(number)));
                }
            }
        }
        choices.push((left, None));
        for (payable, coupon) in choices {
            let wins = match self.aim {
                Aim::Price | Aim::Weight(_) => payable < self.best.payable,
                Aim::Ties => payable <= self.best.payable,
            };
            if !wins {
                break;
            }
            self.plan.coupons.extend(coupon);
            let rank = match self.aim {
                Aim::Price | Aim::Weight(_) => None,
                Aim::Ties => {
                    let mut with = pricing.clone();
                    if let Some((number, candidate)) =
                        coupon.and_then(|number| Some((number, self.prepared.candidates.get(number)?)))
                    {
                        coupon::apply(&mut with, number, candidate)?;
                    }
                    Some(Rank::of(&with))
                }
            };
            let first = match (&rank, &self.best.rank) {
                (Some(rank), Some(best)) if payable == self.best.payable => rank < best,
                _ => true,
            };
            if first {
                self.best = Best { payable, plan: Some(self.plan.clone()), rank };
            }
            if coupon.is_some() {
                self.plan.coupons.pop();
            }
        }
        Ok(())
    }
}
