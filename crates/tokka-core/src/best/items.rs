//! Which item promotion serves each group, if any? The first choices of a search: one for each (store, sku).
//!
//! What an option of a group can lead to at least is added up beforehand, so that a node costs a few additions.

use smallvec::SmallVec;

use super::blocks::{Ahead, Parts, every_opening, whole_lines};
use super::bound::{Atom, From, Places, Style, product};
use super::curve::ONE;
use super::search::Search;
use crate::amount::Amount;
use crate::prepare::ItemLook;
use crate::prepare::select::ItemSelection;
use crate::promotion::{Rule, Stage};
use crate::quote::QuoteError;
use crate::rulebook::Allows;
use crate::stages::Pricing;
use crate::stages::item::{self, Offer, Piece, Spread};
use crate::table::{Ix, LineIx};

/// How many bounds are added up side by side.
const BOUNDS: usize = 3;
/// Sums × [`ONE`], one for each bound.
type Sums = [i128; BOUNDS];

/// The groups that an item promotion looks at.
pub(crate) struct Groups<'p> {
    groups: Vec<Group<'p>>,
    weights: Weights,
    /// Of all groups behind, and of what no promotion looks at; the last is the least that lines without looks cost.
    least_behind: Vec<Sums>,
}

struct Group<'p> {
    number: u32,
    looks: &'p [ItemLook],
    /// What the options cost does not depend on other groups.
    alone: bool,
    options: Vec<GroupOption<'p>>,
}

/// An item promotion for a group, or none.
#[derive(Clone)]
struct GroupOption<'p> {
    chosen: Option<(&'p ItemLook, Offer)>,
    least: Sums,
}

/// Coefficients by line and by what later stages are open, and the credits.
pub(crate) struct Weights {
    by_line: Vec<[Sums; 16]>,
    credits: Sums,
}

impl Weights {
    /// Of a block; `near`: its segments behind stage 1, around which the bounds should be close.
    pub(crate) fn of(pricing: &Pricing<'_>, places: &Places, block: usize, near: &[Atom], ahead: &Ahead, parts: &Parts) -> Self {
        let most = whole_lines(pricing, |line| parts.of_line(pricing.prepared, line) == block);
        let atoms = every_opening(&most);
        let count = pricing.prepared.basket.lines().len();
        let mut weights = Self { by_line: vec![[[0; BOUNDS]; 16]; count], credits: [0; BOUNDS] };
        let from = From { stage: Stage::Set, next: 0, block: Some(block) };
        for (bound, style) in [Style::Tangents, Style::Rates, Style::Caps].into_iter().enumerate() {
            let charges = places.charges(&most, near, from, None, style);
            let (coefficients, credit) = places.backwards(&charges, &atoms, places.segments, |atom| ahead.weigh(atom));
            for (atom, coefficient) in atoms.iter().zip(coefficients) {
                let of_line = weights.by_line.get_mut(atom.line).and_then(|line| line.get_mut(atom.open.number()));
                if let Some(slot) = of_line.and_then(|sums| sums.get_mut(bound)) {
                    *slot = i128::from(coefficient);
                }
            }
            if let Some(slot) = weights.credits.get_mut(bound) {
                *slot = credit;
            }
        }
        weights
    }

    fn at(&self, line: LineIx, open: Allows) -> Sums {
        let of_line = self.by_line.get(line.position()).and_then(|line| line.get(open.number()));
        of_line.copied().unwrap_or([0; BOUNDS])
    }
}

fn add(sums: &mut Sums, weight: Sums, amount: i64) {
    for (sum, weight) in sums.iter_mut().zip(weight) {
        *sum = sum.saturating_add(product(i64::try_from(weight).unwrap_or(ONE), amount));
    }
}

fn added(a: Sums, b: Sums) -> Sums {
    let mut sums = a;
    for (sum, more) in sums.iter_mut().zip(b) {
        *sum = sum.saturating_add(more);
    }
    sums
}

fn least_of(a: Sums, b: Sums) -> Sums {
    let mut sums = a;
    for (sum, other) in sums.iter_mut().zip(b) {
        *sum = (*sum).min(other);
    }
    sums
}

impl<'p> Groups<'p> {
    /// Of a block.
    pub(crate) fn of(pricing: &Pricing<'p>, weights: Weights, block: usize, parts: &Parts) -> Result<Self, QuoteError> {
        let prepared = pricing.prepared;
        let mut groups = Vec::new();
        for looks in prepared.item_looks.chunk_by(|a, b| a.group == b.group) {
            let Some(first) = looks.first().and_then(|look| prepared.lines_of_look(look).first()) else { continue };
            if parts.of_line(prepared, *first) != block {
                continue;
            }
            let number = prepared.layout.group(*first);
            let limited = |look: &ItemLook| {
                let elsewhere =
                    prepared.item_looks.iter().any(|other| other.candidate == look.candidate && other.group != look.group);
                let candidate = prepared.candidates.get(look.candidate);
                elsewhere && candidate.is_some_and(|candidate| candidate.limits.any())
            };
            let alone = !looks.iter().any(limited);
            let mut group = Group { number, looks, alone, options: Vec::new() };
            group.options = group.options(pricing, &weights)?;
            groups.push(group);
        }
        // Lines of no group cost what they cost.
        let mut rest: Sums = weights.credits.map(|credit| credit.saturating_neg());
        for (position, row) in prepared.basket.lines().iter().enumerate() {
            let line = LineIx::new(position);
            let looked_at = groups.iter().any(|group: &Group<'_>| group.number == prepared.layout.group(line));
            if !looked_at && parts.of_line(prepared, line) == block {
                add(&mut rest, weights.at(line, Allows::ALL), row.unit_price.get().saturating_mul(row.quantity));
            }
        }
        let mut least_behind = vec![rest];
        for group in groups.iter().rev() {
            let least = match group.alone {
                true => group.options.iter().map(|option| option.least).reduce(least_of),
                false => Some(group.shared_least(pricing, &weights)),
            };
            let behind = least_behind.last().copied().unwrap_or(rest);
            least_behind.push(added(behind, least.unwrap_or([0; BOUNDS])));
        }
        least_behind.reverse();
        Ok(Self { groups, least_behind, weights })
    }

    /// The least that any choice can weigh.
    pub(crate) fn least(&self) -> i128 {
        self.least_behind.first().map_or(0, highest)
    }

    /// How many segments stage 1 may make.
    pub(crate) fn segments(pricing: &Pricing<'_>) -> i64 {
        let prepared = pricing.prepared;
        let pieces = |look: &ItemLook| {
            let rule = prepared.candidates.get(look.candidate).map(|candidate| &prepared.promotion_of(candidate).rule);
            match rule {
                Some(Rule::VolumePrice(rule)) => rule.tiers.len().saturating_add(2),
                _ => 2,
            }
        };
        let most = prepared.item_looks.iter().map(pieces).max().unwrap_or(1);
        i64::try_from(prepared.basket.lines().len().saturating_mul(most)).unwrap_or(i64::MAX)
    }
}

impl<'p> Group<'p> {
    /// What may serve the group as limits stand now: what the request selects, if it applies, else each, then none.
    fn options(&self, pricing: &Pricing<'p>, weights: &Weights) -> Result<Vec<GroupOption<'p>>, QuoteError> {
        let prepared = pricing.prepared;
        let Some(first) = self.looks.first().and_then(|look| prepared.lines_of_look(look).first()) else { return Ok(Vec::new()) };
        let selection = prepared.selections.item(*first);
        let mut options: Vec<GroupOption<'p>> = Vec::new();
        if selection != Some(ItemSelection::None) {
            for look in self.looks {
                let Ok(offer) = item::bid(pricing, look)? else { continue };
                let Some(candidate) = prepared.candidates.get(look.candidate) else { continue };
                let least = self.least_of_offer(pricing, weights, look, &offer)?;
                let option = GroupOption { chosen: Some((look, offer)), least };
                if selection == Some(ItemSelection::One(candidate.promotion)) {
                    return Ok(vec![option]);
                }
                options.push(option);
            }
        }
        let mut none = [0; BOUNDS];
        self.untouched(pricing, weights, &[], &mut none);
        options.push(GroupOption { chosen: None, least: none });
        let best = |option: &GroupOption<'_>| option.least.iter().max().copied();
        options.sort_by_key(best);
        Ok(options)
    }

    /// Adds the lines of the group that are not among these.
    fn untouched(&self, pricing: &Pricing<'_>, weights: &Weights, but: &[LineIx], sums: &mut Sums) {
        for (position, row) in pricing.prepared.basket.lines().iter().enumerate() {
            let line = LineIx::new(position);
            if pricing.prepared.layout.group(line) == self.number && !but.contains(&line) {
                add(sums, weights.at(line, Allows::ALL), row.unit_price.get().saturating_mul(row.quantity));
            }
        }
    }

    fn least_of_offer(
        &self,
        pricing: &Pricing<'_>,
        weights: &Weights,
        look: &ItemLook,
        offer: &Offer,
    ) -> Result<Sums, QuoteError> {
        let prepared = pricing.prepared;
        let mut sums: Sums = [0; BOUNDS];
        let lines = prepared.lines_of_look(look);
        self.untouched(pricing, weights, lines, &mut sums);
        let Some(candidate) = prepared.candidates.get(look.candidate) else { return Ok(sums) };
        let allows = prepared.rulebook.compiled(candidate.promotion).allows;
        if let Rule::BuyGet(_) = prepared.promotion_of(candidate).rule {
            // The discount is spread over the group: it may stand where it weighs most.
            let mut heaviest = [0; BOUNDS];
            for line in lines {
                let Some(row) = pricing.line(*line) else { continue };
                let weight = weights.at(*line, allows);
                add(&mut sums, weight, row.unit_price.get().saturating_mul(row.quantity));
                for (heaviest, weight) in heaviest.iter_mut().zip(weight) {
                    *heaviest = (*heaviest).max(weight);
                }
            }
            add(&mut sums, heaviest, 0i64.saturating_sub(offer.discount.get()));
            return Ok(sums);
        }
        for Piece { line, units, made_cheaper, .. } in &offer.pieces {
            let Some(row) = pricing.line(*line) else { continue };
            let (weight, each) = match made_cheaper {
                Some((_, each)) => (weights.at(*line, allows), *each),
                None => (weights.at(*line, Allows::ALL), row.unit_price),
            };
            add(&mut sums, weight, each.times(*units)?.get());
        }
        Ok(sums)
    }

    /// Where limits are shared with other groups: each unit at its least, whatever the limits leave.
    fn shared_least(&self, pricing: &Pricing<'_>, weights: &Weights) -> Sums {
        let prepared = pricing.prepared;
        let rounding = prepared.rulebook.settings().rounding;
        let mut sums: Sums = [0; BOUNDS];
        for (position, row) in prepared.basket.lines().iter().enumerate() {
            let line = LineIx::new(position);
            if prepared.layout.group(line) != self.number {
                continue;
            }
            let mut least: Sums = [0; BOUNDS];
            add(&mut least, weights.at(line, Allows::ALL), row.unit_price.get());
            for look in self.looks.iter().filter(|look| prepared.lines_of_look(look).contains(&line)) {
                let Some(candidate) = prepared.candidates.get(look.candidate) else { continue };
                let allows = prepared.rulebook.compiled(candidate.promotion).allows;
                let mut each = |price: Amount| {
                    let mut sums: Sums = [0; BOUNDS];
                    add(&mut sums, weights.at(line, allows), price.max(row.floor()).get());
                    least = least_of(least, sums);
                };
                match &prepared.promotion_of(candidate).rule {
                    Rule::ItemPrice(rule) => each(item::target(row.unit_price, rule.price, rounding)),
                    Rule::VolumePrice(rule) => {
                        rule.tiers.iter().for_each(|tier| each(item::target(row.unit_price, tier.price, rounding)));
                    }
                    _ => each(Amount::ZERO),
                }
            }
            for (sum, least) in sums.iter_mut().zip(least) {
                *sum = sum.saturating_add(least.saturating_mul(i128::from(row.quantity)));
            }
        }
        sums
    }
}

/// What groups took so far.
#[derive(Clone, Default)]
struct Taken {
    pieces: Vec<Piece>,
    spread: SmallVec<[Spread; 4]>,
}

fn highest(sums: &Sums) -> i128 {
    sums.iter().copied().fold(i128::MIN, i128::max)
}

impl<'p> Search<'p> {
    /// Stage 1 of the present block.
    pub(crate) fn items(&mut self) -> Result<(), QuoteError> {
        let pricing = Pricing::amounts_only(self.prepared, self.usage);
        let Some(block) = self.blocks.get(self.block).cloned() else { return Ok(()) };
        let mut taken = Taken::default();
        let least = self.in_all(block.groups.least());
        self.group(&block.groups, 0, pricing, &mut taken, [0; BOUNDS], least)
    }

    fn group(
        &mut self,
        groups: &Groups<'p>,
        next: usize,
        pricing: Pricing<'p>,
        taken: &mut Taken,
        so_far: Sums,
        least: i128,
    ) -> Result<(), QuoteError> {
        if !self.goes_on(0, least) {
            return Ok(());
        }
        let Some(group) = groups.groups.get(next) else {
            let mut pricing = pricing;
            let block = self.block;
            let (prepared, parts) = (self.prepared, &self.parts);
            item::finish(&mut pricing, taken.pieces.clone(), taken.spread.clone(), |line| {
                parts.of_line(prepared, line) == block
            })?;
            return self.sets(&pricing, least, 0);
        };
        let after = next.saturating_add(1);
        let behind = groups.least_behind.get(after).copied().unwrap_or([0; BOUNDS]);
        let anew;
        let options = if group.alone {
            &group.options
        } else {
            anew = group.options(&pricing, &groups.weights)?;
            &anew
        };
        for option in options {
            let sums = added(so_far, option.least);
            let least = least.max(self.in_all(highest(&added(sums, behind))));
            if !self.may_win(least) {
                continue;
            }
            let before = (taken.pieces.len(), taken.spread.len());
            let mut with = pricing.clone();
            if let Some((look, offer)) = &option.chosen {
                let Some(candidate) = self.prepared.candidates.get(look.candidate) else { continue };
                item::take(&mut with, look, candidate.promotion, offer.clone(), &mut taken.pieces, &mut taken.spread)?;
                self.plan.items.push((group.number, look.candidate));
            }
            self.group(groups, after, with, taken, sums, least)?;
            if option.chosen.is_some() {
                self.plan.items.pop();
            }
            taken.pieces.truncate(before.0);
            taken.spread.truncate(before.1);
        }
        Ok(())
    }
}
