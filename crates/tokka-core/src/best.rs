//! What is the least that these offers let an order cost, and is that proven?
//!
//! The sequential choice is where the search begins, so its answer is never above that. Work is counted, never time: the
//! same request, rulebook and usage give the same answer everywhere.

use std::rc::Rc;

use crate::amount::Amount;
use crate::prepare::Prepared;
use crate::promotion::Stage;
use crate::quote::{Quote, QuoteError, View};
use crate::stages::{Pricing, coupon, item, set, spend};
use crate::table::{Ix, LineIx};
use crate::totals;
use blocks::{Ahead, Block, Parts};
use bound::{Atom, Places, rounded};
use items::{Groups, Weights};
use plan::Plan;
use search::{Aim, Best, Search};
use tie::Rank;

mod blocks;
mod bound;
mod curve;
mod items;
mod left_out;
pub(crate) mod plan;
mod search;
mod tie;

/// The work that a search may do where nothing else is asked: about 20 ms on a slow core. A unit is a segment looked at
/// by a bound, or a choice made.
pub const BUDGET: u64 = 100_000;
/// Of the budget, what may be spent on the order among choices of the lowest price.
const TIES_PART: u64 = 16;

/// How an answer was searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    /// What is known about the price.
    pub certificate: Certificate,
    /// What the rules of choice would have cost.
    pub sequential: Amount,
    /// The work done, of the budget.
    pub work: u64,
}

/// What is known about a price that was searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// No choice costs less.
    Proven,
    /// The budget ended first.
    Bound {
        /// No choice costs less than this.
        lower_bound: Amount,
    },
}

/// Prices a request that leaves choices to a search; `free`: all of them, else the coupons alone.
pub(crate) fn price(prepared: &Prepared<'_>, usage: &[i64], view: View, budget: u64, free: bool) -> Result<Quote, QuoteError> {
    let sequential = Pricing::new(prepared, usage, View::Basic).run()?;
    let (best, searched) = look(prepared, usage, budget, free, &sequential)?;
    let planned;
    let mut pricing = match &best {
        Some(plan) => {
            planned = plan.clone();
            Pricing::planned(prepared, usage, view, &planned)
        }
        None => Pricing::new(prepared, usage, view),
    };
    pricing.stages()?;
    if view == View::Full {
        left_out::explain(&mut pricing, best.as_ref())?;
    }
    let mut quote = totals::answer(pricing)?;
    quote.search = Some(searched);
    Ok(quote)
}

/// The best plan (`None`: the sequential choice) and what is known about it.
fn look(
    prepared: &Prepared<'_>,
    usage: &[i64],
    budget: u64,
    free: bool,
    sequential: &Quote,
) -> Result<(Option<Plan>, Searched), QuoteError> {
    let mut searched =
        Searched { certificate: Certificate::Bound { lower_bound: Amount::ZERO }, sequential: sequential.payable, work: 0 };
    let pricing = Pricing::amounts_only(prepared, usage);
    let parts = Parts::of(prepared, !free);
    let Some(mut places) = Places::of(&pricing, |line| parts.of_line(prepared, line)) else { return Ok((None, searched)) };
    places.expect_segments(Groups::segments(&pricing));
    // The bounds should be close around the sequential choice.
    let mut near = pricing.clone();
    item::run(&mut near)?;
    let after_items = places.atoms(&near, Stage::Set);
    set::run(&mut near)?;
    spend::run(&mut near, Stage::StoreSpend)?;
    coupon::run(&mut near, Stage::StoreCoupon)?;
    let ahead = Ahead::of(&pricing, &places, &places.atoms(&near, Stage::PlatformSpend));
    let mut blocks = Vec::new();
    for number in 0..parts.count {
        let of_block = |atom: &&Atom| parts.of_line(prepared, LineIx::new(atom.line)) == number;
        let near: Vec<Atom> = after_items.iter().filter(of_block).copied().collect();
        let weights = Weights::of(&pricing, &places, number, &near, &ahead, &parts);
        let groups = Groups::of(&pricing, weights, number, &parts)?;
        blocks.push(Rc::new(Block { least: groups.least(), groups }));
    }
    let minimums = sequential.stores.iter().map(|(_, store)| {
        let id = pricing.line(store.first_line).map_or("", |line| line.store.as_str());
        let minimum = prepared.rulebook.store(id).and_then(|store| store.minimum_order);
        minimum.filter(|_| store.below_minimum.is_zero())
    });
    let mut search = Search {
        prepared,
        usage,
        places,
        parts,
        ahead,
        blocks,
        minimums: minimums.collect(),
        aim: Aim::Price,
        budget,
        work: 0,
        best: Best { payable: sequential.payable, plan: None, rank: None },
        unsearched: None,
        plan: Plan { coupons_only: !free, ..Plan::default() },
        block: 0,
        done: Vec::new(),
        done_weight: 0,
        lightest: None,
    };
    if free {
        search.weigh_blocks()?;
    }
    search.run()?;
    searched.certificate = match search.unsearched.map(rounded) {
        Some(lower_bound) if lower_bound < search.best.payable => Certificate::Bound { lower_bound },
        _ => Certificate::Proven,
    };
    if let (Some(plan), Certificate::Proven) = (search.best.plan.clone(), searched.certificate) {
        // Of the choices of this price, the one that comes first.
        let mut found = Pricing::planned(prepared, usage, View::Basic, &plan);
        found.stages()?;
        search.best.rank = Some(Rank::of(&found));
        search.aim = Aim::Ties;
        search.budget = search.work.saturating_add(budget.checked_div(TIES_PART).unwrap_or(0));
        search.run()?;
    }
    searched.work = search.work;
    Ok((search.best.plan, searched))
}

impl Search<'_> {
    /// Finds the least that each block can weigh by itself, each within a part of the budget; and begins with the order in
    /// which every block is so.
    fn weigh_blocks(&mut self) -> Result<(), QuoteError> {
        let budget = self.budget;
        let share = budget.checked_div(u64::try_from(self.blocks.len()).unwrap_or(1).saturating_mul(2)).unwrap_or(0);
        let mut whole = Plan::default();
        let mut done = Vec::with_capacity(self.blocks.len());
        for number in 0..self.blocks.len() {
            self.block = number;
            self.aim = Aim::Weight(i128::MAX);
            self.budget = self.work.saturating_add(share);
            self.items()?;
            let Aim::Weight(found) = self.aim else { continue };
            let least = self.unsearched.take().map_or(found, |unsearched| unsearched.min(found));
            if let Some(block) = self.blocks.get_mut(number).and_then(Rc::get_mut) {
                block.least = block.least.max(least);
            }
            if let Some((plan, pricing)) = self.lightest.take() {
                whole.add(plan);
                done.push(pricing);
            }
        }
        self.aim = Aim::Price;
        self.budget = budget;
        if done.len() == self.blocks.len() {
            let least = self.blocks.iter().fold(0i128, |sum, block| sum.saturating_add(block.least));
            self.plan = whole;
            self.done = done;
            self.platform(least.saturating_sub(self.ahead.credit))?;
            self.plan = Plan::default();
            self.done = Vec::new();
            // What was left unsearched below this one is searched again below.
            self.unsearched = None;
        }
        self.block = 0;
        Ok(())
    }
}
