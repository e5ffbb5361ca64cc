//! Which parts of an order can be chosen for by themselves? Up to stage 4 stores do not meet, unless they share a limited
//! quantity; only the platform's stages see them all.

use super::bound::{Atom, From, Places, Style, product};
use super::items::Groups;
use crate::basket::Line;
use crate::prepare::Prepared;
use crate::promotion::{Owner, Rule, Stage};
use crate::rulebook::Allows;
use crate::stages::Pricing;
use crate::table::{Ix, LineIx};

/// Stores that have to be chosen for together.
pub(crate) struct Block<'p> {
    pub(crate) groups: Groups<'p>,
    /// The least that it can weigh, × [`ONE`](super::curve::ONE).
    pub(crate) least: i128,
}

/// By store: the number of its block, in order of its first store.
pub(crate) struct Parts {
    by_store: Vec<usize>,
    pub(crate) count: usize,
}

impl Parts {
    /// `together`: all stores are one block.
    pub(crate) fn of(prepared: &Prepared<'_>, together: bool) -> Self {
        let stores = prepared.layout.stores();
        let mut parts = Self { by_store: (0..stores).collect(), count: stores };
        let store_of = |line: &LineIx| prepared.layout.store_position(*line);
        let mut by_gift: Vec<Option<usize>> = vec![None; prepared.gift_stocks.len()];
        for candidate in &prepared.candidates {
            let lines = prepared.lines_of(candidate);
            let Some(first) = lines.first().map(store_of) else { continue };
            let document = prepared.promotion_of(candidate);
            if candidate.stage == Stage::Item && document.owner == Owner::Platform && candidate.limits.any() {
                for line in lines {
                    parts.join(first, store_of(line));
                }
            }
            let Rule::Spend(rule) = &document.rule else { continue };
            if candidate.stage != Stage::StoreSpend {
                continue;
            }
            for id in rule.tiers.iter().flat_map(|tier| &tier.gifts).flat_map(|reward| &reward.options) {
                let gift = prepared.rulebook.find_gift(id);
                let stock = prepared.gift_stocks.iter().position(|stock| Some(stock.gift) == gift);
                let Some(known) = stock.and_then(|stock| by_gift.get_mut(stock)) else { continue };
                match *known {
                    Some(other) => parts.join(first, other),
                    None => *known = Some(first),
                }
            }
        }
        if together {
            (0..stores).for_each(|store| parts.join(0, store));
        }
        parts.number();
        parts
    }

    fn join(&mut self, a: usize, b: usize) {
        let of = |store: usize| self.by_store.get(store).copied().unwrap_or(0);
        let (a, b) = (of(a), of(b));
        for part in self.by_store.iter_mut().filter(|part| **part == b) {
            *part = a;
        }
    }

    fn number(&mut self) {
        let mut seen: Vec<usize> = Vec::new();
        for part in &mut self.by_store {
            let position = seen.iter().position(|known| known == part).unwrap_or_else(|| {
                seen.push(*part);
                seen.len().saturating_sub(1)
            });
            *part = position;
        }
        self.count = seen.len();
    }

    pub(crate) fn of_line(&self, prepared: &Prepared<'_>, line: LineIx) -> usize {
        self.of_store(prepared.layout.store_position(line))
    }

    pub(crate) fn of_store(&self, store: usize) -> usize {
        self.by_store.get(store).copied().unwrap_or(0)
    }
}

/// What a unit of money left by stage 4 comes to at least in the end, by line and by what later stages are open; and
/// what the platform's stages take off besides.
pub(crate) struct Ahead {
    by_line: Vec<[i64; 16]>,
    pub(crate) credit: i128,
}

impl Ahead {
    /// `near`: segments behind stage 4 around which this should be close.
    pub(crate) fn of(pricing: &Pricing<'_>, places: &Places, near: &[Atom]) -> Self {
        let most = whole_lines(pricing, |_| true);
        let atoms = every_opening(&most);
        let from = From { stage: Stage::PlatformSpend, next: 0, block: None };
        let charges = places.charges(&most, near, from, None, Style::Tangents);
        let (coefficients, credit) = places.backwards(&charges, &atoms, places.segments, |_| super::curve::ONE);
        let mut ahead = Self { by_line: vec![[0; 16]; most.len()], credit };
        for (atom, coefficient) in atoms.iter().zip(coefficients) {
            let slot = ahead.by_line.get_mut(atom.line).and_then(|line| line.get_mut(atom.open.number()));
            if let Some(slot) = slot {
                *slot = coefficient;
            }
        }
        ahead
    }

    pub(crate) fn weigh(&self, atom: &Atom) -> i64 {
        self.by_line.get(atom.line).and_then(|line| line.get(atom.open.number())).copied().unwrap_or(0)
    }

    /// What segments behind stage 4 weigh.
    pub(crate) fn of_segments(&self, atoms: &[Atom]) -> i128 {
        atoms.iter().fold(0i128, |sum, atom| sum.saturating_add(product(self.weigh(atom), atom.amount)))
    }
}

/// Some lines as they come, before any promotion.
pub(crate) fn whole_lines(pricing: &Pricing<'_>, of: impl Fn(LineIx) -> bool) -> Vec<Atom> {
    let rows = pricing.prepared.basket.lines().iter().enumerate();
    let whole = |(line, row): (usize, &Line)| {
        let amount = row.unit_price.get().saturating_mul(row.quantity);
        Atom { line, open: Allows::ALL, amount, at_item: amount, units: row.quantity, taken: 0 }
    };
    rows.filter(|(line, _)| of(LineIx::new(*line))).map(whole).collect()
}

/// Each with every combination of later stages open.
pub(crate) fn every_opening(atoms: &[Atom]) -> Vec<Atom> {
    let openings = |atom: &Atom| {
        let atom = *atom;
        (0..16u8).map(move |open| Atom { open: Allows::from_number(open), ..atom })
    };
    atoms.iter().flat_map(openings).collect()
}
