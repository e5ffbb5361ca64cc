//! How little can the rest of the stages still make an order cost? A lower bound that no choice goes below.
//!
//! Seen from before a stage, what is paid in the end is at least `Σ coefficient × amount − credit` over the segments:
//! after the last stage every coefficient is 1 and the credit 0, and each stage, taken backwards, charges the lines above
//! the curves of its promotions ([`curve`](super::curve)). Within a place where only one promotion can take a unit, a
//! unit is charged once.

use smallvec::SmallVec;

use super::curve::{Above, Corners, Curve, Measures, ONE, WIDE, above, anchored, tangent};
use crate::amount::Amount;
use crate::prepare::Candidate;
use crate::promotion::{MixMatchReward, Owner, Rule, SetReward, Stage};
use crate::rulebook::Allows;
use crate::stages::Pricing;
use crate::table::{Ix, LineIx, PromoIx};

/// At most so many promotions compete for one place; beyond, nothing is searched.
pub(crate) const MEMBERS_MAX: usize = 64;

/// Equal units, as a bound sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Atom {
    pub(crate) line: usize,
    /// The later stages that those who touched it leave open.
    pub(crate) open: Allows,
    pub(crate) amount: i64,
    pub(crate) at_item: i64,
    pub(crate) units: i64,
    /// Places of the present stage in which it was taken, by bit.
    pub(crate) taken: u64,
}

/// Where promotions compete: all sets; a stage, store and exclusion group of spends; the coupons of an owner.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) stage: Stage,
    pub(crate) kind: Kind,
    pub(crate) members: Vec<Member>,
    /// The block that it belongs to; none for places of the platform.
    block: Option<usize>,
    /// By line: the members that cover it.
    covers: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of them takes each unit.
    Shared,
    /// One of them applies.
    One,
}

#[derive(Debug)]
pub(crate) struct Member {
    /// The number of its candidate.
    pub(crate) number: usize,
    promotion: PromoIx,
    does: Does,
}

#[derive(Debug)]
enum Does {
    Discounts(Curve),
    /// Sets: in all at most this (× [`ONE`]), and at most this part of the amount besides what rounding adds.
    Sets {
        most: i128,
        rate: i64,
        rounding: i128,
    },
}

/// From where on a bound looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From {
    pub(crate) stage: Stage,
    /// Candidates of that stage below this number are done; for coupons, places below this number.
    pub(crate) next: usize,
    /// `None`: the platform's stages.
    pub(crate) block: Option<usize>,
}

/// A spend promotion whose lines are being chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choosing<'s> {
    pub(crate) number: usize,
    /// By line: given to it, kept from it, or open.
    pub(crate) lines: &'s [Given],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    Open,
    Yes,
    No,
}

/// Which lines above the curves are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The closest at the amounts that there are.
    Tangents,
    /// Parts of the amount.
    Rates,
    /// Amounts.
    Caps,
}

/// The charge of a place: an intercept for all, and a slope for each member.
pub(crate) struct Charge {
    place: usize,
    intercept: i128,
    slopes: SmallVec<[i64; 8]>,
    /// Members that may still apply.
    active: u64,
    /// The bit of those who were taken here before: they are not charged again.
    taken: u64,
    /// Where lines are being chosen: by line, those that may still take it.
    chosen: Option<SmallVec<[u64; 32]>>,
}

/// The places of a basket.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) places: Vec<Place>,
    /// By line: has it a floor?
    floors: Vec<bool>,
    /// Segments that there may be in all.
    pub(crate) segments: i64,
}

impl Places {
    /// `None`: too many compete.
    pub(crate) fn of(pricing: &Pricing<'_>, block_of: impl Fn(LineIx) -> usize) -> Option<Self> {
        let prepared = pricing.prepared;
        let lines = prepared.basket.lines();
        let rounding = prepared.rulebook.settings().rounding;
        let mut places: Vec<Place> = Vec::new();
        let mut keys: Vec<(Stage, &Owner, u32)> = Vec::new();
        for (number, candidate) in prepared.candidates.iter().enumerate() {
            let document = prepared.promotion_of(candidate);
            let stage = candidate.stage;
            if stage == Stage::Item {
                continue;
            }
            let key = (stage, &document.owner, prepared.rulebook.compiled(candidate.promotion).exclusion_group);
            let refused = pricing.orders_refused(candidate, 1).is_some()
                || pricing.exhausted(candidate.limits.stock.into_iter(), 1).is_some();
            if refused {
                continue;
            }
            let most = candidate.limits.budget.map_or(i64::MAX, |slot| pricing.left(slot));
            let does = match stage {
                Stage::Set => sets(pricing, candidate, most),
                _ => Does::Discounts(Curve::of(&document.rule, most, rounding)?),
            };
            let kind = if matches!(stage, Stage::StoreCoupon | Stage::PlatformCoupon) { Kind::One } else { Kind::Shared };
            let position = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                let block = prepared.lines_of(candidate).first().filter(|_| stage < Stage::PlatformSpend);
                let block = block.map(|line| block_of(*line));
                places.push(Place { stage, kind, members: Vec::new(), block, covers: vec![0; lines.len()] });
                places.len().saturating_sub(1)
            });
            let Some(place) = places.get_mut(position) else { continue };
            if place.members.len() >= MEMBERS_MAX {
                return None;
            }
            for line in prepared.lines_of(candidate) {
                if let Some(covers) = place.covers.get_mut(line.position()) {
                    *covers |= bit(place.members.len());
                }
            }
            place.members.push(Member { number, promotion: candidate.promotion, does });
        }
        places.sort_by_key(|place| place.stage);
        if places.len() > MEMBERS_MAX {
            return None;
        }
        let floors = lines.iter().map(|line| line.floor().is_positive()).collect();
        Some(Self { places, floors, segments: 0 })
    }

    /// The first place of a stage and block from this number on.
    pub(crate) fn next_of(&self, stage: Stage, block: Option<usize>, next: usize) -> Option<usize> {
        let mut numbered = self.places.iter().enumerate().skip(next);
        numbered.find(|(_, place)| place.stage == stage && place.block == block).map(|(number, _)| number)
    }

    /// The candidates that compete for a place, in order of application.
    pub(crate) fn members(&self, place: usize) -> SmallVec<[usize; 16]> {
        let members = self.places.get(place).map(|place| place.members.iter().map(|member| member.number).collect());
        members.unwrap_or_default()
    }

    /// May a spend promotion apply, if it is given all that it may take?
    pub(crate) fn reachable(&self, pricing: &Pricing<'_>, number: usize, stage: Stage) -> bool {
        let found = self.places.iter().enumerate().find_map(|(at, place)| {
            let position = place.members.iter().position(|member| member.number == number)?;
            Some((at, place, position))
        });
        let Some((at, place, position)) = found else { return false };
        let Some(Member { does: Does::Discounts(curve), .. }) = place.members.get(position) else { return true };
        let mut measured = 0i64;
        for atom in &self.atoms(pricing, stage) {
            let covers = place.covers.get(atom.line).is_some_and(|covers| covers & bit(position) != 0);
            if covers && atom.open.lets_into(stage) && atom.taken & bit(at) == 0 {
                measured = measured.saturating_add(match curve.measures {
                    Measures::Same => atom.amount,
                    Measures::Units => atom.units,
                    Measures::AtItem => atom.at_item,
                    Measures::Other => i64::MAX,
                });
            }
        }
        measured >= curve.lowest()
    }

    /// How many segments stage 1 may make; sets split each once more.
    pub(crate) fn expect_segments(&mut self, after_items: i64) {
        let sets = self.places.iter().filter(|place| place.stage == Stage::Set).map(|place| place.members.len()).sum::<usize>();
        let sets = i64::try_from(sets).unwrap_or(i64::MAX);
        self.segments = after_items.saturating_mul(sets.saturating_add(1));
    }

    /// The segments of an order on its way.
    pub(crate) fn atoms(&self, pricing: &Pricing<'_>, stage: Stage) -> SmallVec<[Atom; 32]> {
        let mut atoms = SmallVec::new();
        for segment in &pricing.segments {
            let mut open = Allows::ALL;
            let mut taken = 0u64;
            for touch in &segment.chain {
                open = open.and(pricing.compiled(touch.promotion).allows);
                if touch.stage == stage {
                    taken |= self.place_of(touch.promotion).map_or(0, bit);
                }
            }
            atoms.push(Atom {
                line: segment.line.position(),
                open,
                amount: segment.amount.get(),
                at_item: segment.amount_after(Stage::Item).get(),
                units: segment.units,
                taken,
            });
        }
        atoms
    }

    fn place_of(&self, promotion: PromoIx) -> Option<usize> {
        self.places.iter().position(|place| place.members.iter().any(|member| member.promotion == promotion))
    }

    /// The least that what is on its way can still weigh (× [`ONE`]), as units weigh before stage 5 (of a block) or in the
    /// end (of the order).
    pub(crate) fn least(
        &self,
        pricing: &Pricing<'_>,
        from: From,
        choosing: Option<Choosing<'_>>,
        style: Style,
        weigh: impl Fn(&Atom) -> i64,
    ) -> i128 {
        let atoms = self.atoms(pricing, from.stage);
        let charges = self.charges(&atoms, &atoms, from, choosing, style);
        let segments = if from.stage > Stage::Set { i64::try_from(atoms.len()).unwrap_or(i64::MAX) } else { self.segments };
        let (coefficients, credit) = self.backwards(&charges, &atoms, segments, weigh);
        let amounts = atoms.iter().zip(&coefficients);
        let paid = amounts.fold(0i128, |sum, (atom, coefficient)| sum.saturating_add(product(*coefficient, atom.amount)));
        paid.saturating_sub(credit)
    }

    /// The charges of all places of a block (of none: the platform's) from here on. `most`: segments that no amount goes above; `near`: those at which the
    /// charges should be close.
    pub(crate) fn charges(
        &self,
        most: &[Atom],
        near: &[Atom],
        from: From,
        choosing: Option<Choosing<'_>>,
        style: Style,
    ) -> SmallVec<[Charge; 8]> {
        let mut charges = SmallVec::new();
        for (number, place) in self.places.iter().enumerate().rev() {
            if place.stage < from.stage {
                break;
            }
            if place.block != from.block {
                continue;
            }
            let here = place.stage == from.stage;
            let mut active = 0u64;
            if here && place.kind == Kind::One {
                if number < from.next {
                    continue;
                }
                active = u64::MAX;
            } else {
                for (position, member) in place.members.iter().enumerate() {
                    if !here || member.number >= from.next {
                        active |= bit(position);
                    }
                }
            }
            let choosing = choosing.and_then(|choosing| {
                let member = place.members.iter().position(|member| member.number == choosing.number)?;
                Some((bit(member), choosing.lines))
            });
            let chosen = choosing.map(|(member, given)| {
                let of_line = |(covers, given): (&u64, &Given)| match given {
                    Given::Open => *covers,
                    Given::Yes => covers & member,
                    Given::No => covers & !member,
                };
                place.covers.iter().zip(given).map(of_line).collect()
            });
            let taken = if here { bit(number) } else { 0 };
            if let Some(charge) = place.charge(number, most, near, active, taken, chosen, style) {
                charges.push(charge);
            }
        }
        charges
    }

    /// The coefficient of each segment, and the credit, both × [`ONE`].
    /// Shares are whole: `segments` of them may stray.
    /// `weigh`: the coefficients behind the last of these stages.
    pub(crate) fn backwards(
        &self,
        charges: &[Charge],
        atoms: &[Atom],
        segments: i64,
        weigh: impl Fn(&Atom) -> i64,
    ) -> (SmallVec<[i64; 32]>, i128) {
        let mut coefficients: SmallVec<[i64; 32]> = atoms.iter().map(weigh).collect();
        let mut after_stage = coefficients.clone();
        let mut stage = None;
        let mut credit = 0i128;
        for charge in charges {
            let Some(place) = self.places.get(charge.place) else { continue };
            if stage != Some(place.stage) {
                after_stage.clone_from(&coefficients);
                stage = Some(place.stage);
            }
            let slopes: SmallVec<[i64; 32]> = atoms.iter().map(|atom| charge.slope(place, atom)).collect();
            // The discount of sets stands on the units in them alone.
            let (mut high, mut low, mut floors, mut any) = (0i64, ONE, place.stage == Stage::Set, false);
            for ((atom, slope), (coefficient, after)) in atoms.iter().zip(&slopes).zip(coefficients.iter().zip(&after_stage)) {
                if *slope >= 0 {
                    any = true;
                    high = high.max(*after);
                    low = low.min(*coefficient);
                    floors |= self.floors.get(atom.line).copied().unwrap_or(false);
                }
            }
            if !any {
                continue;
            }
            let charged =
                charge.intercept.saturating_mul(i128::from(high)).saturating_add(WIDE.saturating_sub(1)).wrapping_shr(30);
            credit = credit.saturating_add(charged);
            if !floors && high > low {
                // Shares are whole: a segment may bear almost one more than its part.
                let strays = i128::from(high.saturating_sub(low)).saturating_mul(i128::from(segments));
                credit = credit.saturating_add(strays.wrapping_shr(1)).saturating_add(1);
            }
            for (coefficient, slope) in coefficients.iter_mut().zip(slopes).filter(|(_, slope)| *slope > 0) {
                // With floors, shares follow what lies above them: the dearest segment may bear all.
                let by = if floors { high } else { *coefficient };
                let charged = by.saturating_mul(slope).saturating_add(ONE.saturating_sub(1)).wrapping_shr(30);
                *coefficient = coefficient.saturating_sub(charged).max(0);
            }
        }
        (coefficients, credit)
    }
}

impl Place {
    #[expect(clippy::too_many_arguments, reason = "what a charge depends on")]
    fn charge(
        &self,
        number: usize,
        most: &[Atom],
        near: &[Atom],
        active: u64,
        taken: u64,
        chosen: Option<SmallVec<[u64; 32]>>,
        style: Style,
    ) -> Option<Charge> {
        let mut charge =
            Charge { place: number, intercept: 0, slopes: SmallVec::from_elem(0, self.members.len()), active, taken, chosen };
        let may = |charge: &Charge, atom: &Atom| charge.may_take(self, atom);
        let mut any = 0u64;
        let mut lines: SmallVec<[Option<(Above, Above)>; 8]> = SmallVec::new();
        let mut joint = Corners::new();
        let mut joint_about = (0i128, 0i128);
        for (position, member) in self.members.iter().enumerate() {
            let mut amount = 0i64;
            let mut measured = 0i64;
            let mut at = 0i64;
            let measures = match &member.does {
                Does::Discounts(curve) => curve.measures,
                Does::Sets { .. } => Measures::Same,
            };
            for atom in most.iter().filter(|atom| may(&charge, atom) & bit(position) != 0) {
                amount = amount.saturating_add(atom.amount);
                measured = measured.saturating_add(match measures {
                    Measures::Same => 0,
                    Measures::Units => atom.units,
                    Measures::AtItem => atom.at_item,
                    Measures::Other => i64::MAX,
                });
            }
            if amount == 0 {
                lines.push(None);
                continue;
            }
            if std::ptr::eq(most, near) {
                at = amount;
            } else {
                for atom in near.iter().filter(|atom| may(&charge, atom) & bit(position) != 0) {
                    at = at.saturating_add(atom.amount);
                }
            }
            match &member.does {
                Does::Discounts(curve) => {
                    let mut corners = Corners::new();
                    let about = curve.corners(amount, measured, &mut corners);
                    if corners.is_empty() {
                        lines.push(None);
                        continue;
                    }
                    if self.kind == Kind::One {
                        joint.extend(corners);
                        joint_about.0 = joint_about.0.max(about.0);
                        joint_about.1 = joint_about.1.max(about.1);
                        lines.push(None);
                    } else {
                        let close = if style == Style::Caps { above(&corners, 0) } else { tangent(&corners, at) };
                        lines.push(Some((close.and(about), anchored(&corners).and(about))));
                    }
                }
                Does::Sets { most, rate, rounding } => {
                    let cap = Above { intercept: *most, slope: 0 };
                    lines.push(Some((cap, Above { intercept: *rounding, slope: *rate })));
                }
            }
            any |= bit(position);
        }
        charge.active &= any;
        if any == 0 {
            return None;
        }
        if self.kind == Kind::One {
            let mut at = 0i64;
            for atom in near.iter().filter(|atom| may(&charge, atom) != 0) {
                at = at.saturating_add(atom.amount);
            }
            let line = match style {
                Style::Tangents => tangent(&joint, at),
                Style::Rates => anchored(&joint),
                Style::Caps => above(&joint, 0),
            };
            charge.intercept = line.and(joint_about).intercept;
            charge.slopes = SmallVec::from_elem(line.slope, self.members.len());
        } else {
            self.share(&mut charge, near, &lines, style);
        }
        Some(charge)
    }

    /// Each member by its rate, or by the line that is close, whichever charges less.
    fn share(&self, charge: &mut Charge, near: &[Atom], lines: &[Option<(Above, Above)>], style: Style) {
        let by_rate = style != Style::Caps;
        for (slope, line) in charge.slopes.iter_mut().zip(lines) {
            let Some((close, rate)) = line else { continue };
            let line = if by_rate { rate } else { close };
            *slope = line.slope;
            charge.intercept = charge.intercept.saturating_add(line.intercept);
        }
        if style != Style::Tangents {
            return;
        }
        let total = |charge: &Charge| {
            near.iter().fold(charge.intercept, |sum, atom| {
                let may = charge.may_take(self, atom);
                sum.saturating_add(product(charge.steepest(may).max(0), atom.amount))
            })
        };
        let mut least = total(charge);
        for (position, line) in lines.iter().enumerate() {
            let Some((close, rate)) = line else { continue };
            let before = (charge.intercept, charge.slopes.clone());
            charge.intercept = charge.intercept.saturating_sub(rate.intercept).saturating_add(close.intercept);
            if let Some(slope) = charge.slopes.get_mut(position) {
                *slope = close.slope;
            }
            let now = total(charge);
            if now < least {
                least = now;
            } else {
                (charge.intercept, charge.slopes) = before;
            }
        }
    }
}

impl Charge {
    /// The members that may take it.
    fn may_take(&self, place: &Place, atom: &Atom) -> u64 {
        if !atom.open.lets_into(place.stage) || atom.taken & self.taken != 0 {
            return 0;
        }
        let covers = self.chosen.as_ref().unwrap_or(&SmallVec::new()).get(atom.line).copied();
        let covers = covers.or_else(|| place.covers.get(atom.line).copied());
        covers.unwrap_or(0) & self.active
    }

    /// The steepest slope of these; −1 where there is none.
    fn steepest(&self, members: u64) -> i64 {
        if members == 0 {
            return -1;
        }
        let of = |(position, slope): (usize, &i64)| if members & bit(position) != 0 { *slope } else { 0 };
        self.slopes.iter().enumerate().map(of).fold(0, i64::max)
    }

    /// What a unit of money of it is charged; −1 where nobody may take it.
    fn slope(&self, place: &Place, atom: &Atom) -> i64 {
        self.steepest(self.may_take(place, atom))
    }
}

/// A coefficient × an amount.
pub(crate) fn product(coefficient: i64, amount: i64) -> i128 {
    Amount::minor(coefficient).wide_times(amount)
}

/// Up to the next whole minor unit: no order costs a part of one.
pub(crate) fn rounded(scaled: i128) -> Amount {
    let up = scaled.saturating_add(WIDE.saturating_sub(1)).wrapping_shr(30);
    Amount::minor(i64::try_from(up.max(0)).unwrap_or(i64::MAX))
}

fn bit(position: usize) -> u64 {
    u32::try_from(position).ok().and_then(|position| 1u64.checked_shl(position)).unwrap_or(0)
}

/// What a set promotion takes off at most, whatever stage 1 leaves.
fn sets(pricing: &Pricing<'_>, candidate: &Candidate, budget: i64) -> Does {
    let prepared = pricing.prepared;
    let lines = prepared.lines_of(candidate);
    let rows = || lines.iter().filter_map(|line: &LineIx| prepared.basket.lines().get(line.position()));
    let gross = rows().fold(0i64, |sum, line| sum.saturating_add(line.unit_price.get().saturating_mul(line.quantity)));
    let units = rows().fold(0i64, |sum, line| sum.saturating_add(line.quantity));
    let (size, reward) = match &prepared.promotion_of(candidate).rule {
        Rule::MixMatch(rule) => (rule.pick, Some(rule.reward)),
        Rule::Bundle(rule) => {
            let size = rule.components.iter().fold(0i64, |sum, component| sum.saturating_add(component.quantity));
            (size, rule.reward.map(MixMatchReward::Set))
        }
        _ => (1, None),
    };
    let slots = candidate.limits.units().slots(candidate.limits.stock);
    let limit = slots.map(|slot| pricing.left(slot)).fold(i64::MAX, i64::min);
    let sets = units.checked_div(size.max(1)).unwrap_or(0).min(limit);
    let wide = |amount: i64| i128::from(amount).saturating_mul(WIDE);
    let part = |micro: u64| {
        let part = i128::from(micro).saturating_mul(WIDE).checked_div(100_000_000).unwrap_or(WIDE).saturating_add(1);
        i64::try_from(part).unwrap_or(ONE).min(ONE)
    };
    // The dearest units that fit into that many sets.
    let dearest = |wanted: i64| {
        let mut prices: SmallVec<[(i64, i64); 32]> = rows().map(|line| (line.unit_price.get(), line.quantity)).collect();
        prices.sort_unstable_by(|a, b| b.cmp(a));
        let mut left = wanted;
        let mut sum = 0i64;
        for (price, quantity) in prices {
            let taken = left.min(quantity);
            sum = sum.saturating_add(price.saturating_mul(taken));
            left = left.saturating_sub(taken);
        }
        sum
    };
    let in_sets = || dearest(sets.saturating_mul(size));
    let (most, rate, rounding) = match reward {
        Some(MixMatchReward::Set(SetReward::FixedTotal(total))) => {
            let each = total.get().checked_div(size.max(1)).unwrap_or(0);
            // What the dearest units cost over their part of the total.
            let mut prices: SmallVec<[(i64, i64); 32]> = rows().map(|line| (line.unit_price.get(), line.quantity)).collect();
            prices.sort_unstable_by(|a, b| b.cmp(a));
            let mut left = sets.saturating_mul(size);
            let mut most = 0i64;
            for (price, quantity) in prices {
                let taken = left.min(quantity);
                most = most.saturating_add(price.saturating_sub(each).max(0).saturating_mul(taken));
                left = left.saturating_sub(taken);
            }
            (wide(most), ONE, 0)
        }
        Some(MixMatchReward::Set(SetReward::AmountOff(off))) => (wide(off.get().saturating_mul(sets).min(in_sets())), ONE, 0),
        Some(MixMatchReward::Set(SetReward::PercentOff(rate))) => {
            let rate = part(rate.as_micro_percent());
            (product(rate, in_sets()).saturating_add(wide(sets)), rate, wide(sets))
        }
        Some(MixMatchReward::Cheapest { count, percent_off }) => {
            // The cheapest of a set cost at most their part of it.
            let whole = i128::from(part(percent_off.as_micro_percent()));
            let rate = whole.saturating_mul(i128::from(count)).checked_div(i128::from(size.max(1))).unwrap_or(WIDE);
            let rate = i64::try_from(rate.saturating_add(1)).unwrap_or(ONE).min(ONE);
            let rounded = wide(sets.saturating_mul(count));
            (product(rate, in_sets()).saturating_add(rounded), rate, rounded)
        }
        None => (wide(in_sets()), ONE, 0),
    };
    Does::Sets { most: most.min(wide(budget.min(gross))), rate, rounding }
}
