//! What is an order while it is being priced? Every unit by itself, with what it costs now and who touched it
//! (`pricing.md` §2).

use std::collections::BTreeMap;
use std::rc::Rc;

use tokka_core::basket::{Basket, Line};
use tokka_core::catalogue::Catalogue;
use tokka_core::promotion::{Promotion, Stage};

use super::active::{lets_into, why_not_active, why_not_covered};
use super::allocate::{Participant, allocate};
use super::choice::Choices;
use super::defect::Defect;
use super::group::Looked;
use super::hint::Hint;
use super::numbers::Minor;
use super::verdict::Verdict;
use crate::priced::Key;

/// A promotion, by its position in the catalogue.
pub type Promo = usize;

/// What the order is priced under.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The documents.
    pub catalogue: &'a Catalogue,
    /// What is bought.
    pub basket: &'a Basket,
    /// What is used of a counter of this limit.
    pub used: &'a dyn Fn(&Key, Minor) -> Minor,
    /// The rule that is broken on purpose.
    pub defect: Option<Defect>,
}

/// One piece of a line.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The line's unit price.
    pub price: Minor,
    /// No discount takes it below this.
    pub floor: Minor,
    /// What it costs now.
    pub pay: Minor,
    /// What it cost after stage 1.
    pub after_item: Minor,
    /// The index of its segment within the line.
    pub segment: usize,
    /// Beyond the limits of its item promotion.
    pub over_limit: bool,
    /// It is in a set.
    pub in_set: bool,
    /// Who touched it, in order.
    pub touches: Vec<Touch>,
    /// Stage and exclusion group in which a spend promotion took it.
    pub taken: Vec<(Stage, String, Promo)>,
}

/// A promotion's mark on a unit.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// Whose.
    pub promotion: Promo,
    /// What the unit cost before.
    pub before: Minor,
    /// What it cost after.
    pub after: Minor,
}

/// A segment: the line's position and the segment's index.
pub type Segment = (usize, usize);

/// An order on its way through the stages.
#[derive(Clone)]
pub struct Order<'a> {
    /// What it is priced under.
    pub world: World<'a>,
    /// The units of each line, in order.
    pub lines: Vec<Vec<Unit>>,
    /// Units (stage 1, by sku) or sets (stage 2, under no sku) that promotions took in this order.
    pub counted: BTreeMap<(Promo, String), Minor>,
    /// What became of promotions.
    pub verdicts: BTreeMap<String, Verdict>,
    /// Promotion, gift, wanted, given; in order of application.
    pub gifts: Vec<(Promo, String, Minor, Minor)>,
    /// Promotion, the group's first line, units on top.
    pub free_units: Vec<(Promo, usize, Minor)>,
    /// Promotion, the group's first line, free units among those of the group.
    pub free_among: Vec<(Promo, usize, Minor)>,
    /// Stage, promotion and discount, in order of application.
    pub applied: Vec<(Stage, Promo, Minor)>,
    /// What store spend promotions looked at, in order of application.
    pub looked: Vec<Looked>,
    /// What a little more would bring.
    pub hints: Vec<Hint>,
    /// By coupon offered: which lines it looked at, and why not at the others.
    pub coverage: BTreeMap<String, String>,
    /// A promotion that applied or was cut has a per-user limit, and there is no user.
    pub needs_user: bool,
    /// The amount of each line after stage 3.
    pub after_store_spend: Vec<Minor>,
    /// What is decided beforehand, instead of by the rules of choice.
    pub choices: Option<Rc<Choices>>,
}

impl<'a> Order<'a> {
    /// Every line is one segment, all its units at `unit_price`.
    pub fn new(world: World<'a>) -> Self {
        let units = |line: &Line| {
            let price = Minor::from(line.unit_price.get());
            let floor = Minor::from(line.floor().get());
            let floor = if world.defect == Some(Defect::FloorIgnored) { 0 } else { floor };
            let unit = Unit {
                price,
                floor,
                pay: price,
                after_item: price,
                segment: 0,
                over_limit: false,
                in_set: false,
                touches: Vec::new(),
                taken: Vec::new(),
            };
            vec![unit; usize::try_from(line.quantity).expect("a quantity is positive")]
        };
        Self {
            world,
            lines: world.basket.lines().iter().map(units).collect(),
            counted: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            gifts: Vec::new(),
            free_units: Vec::new(),
            free_among: Vec::new(),
            applied: Vec::new(),
            looked: Vec::new(),
            hints: Vec::new(),
            coverage: BTreeMap::new(),
            needs_user: false,
            after_store_spend: Vec::new(),
            choices: None,
        }
    }

    /// A promotion's document.
    pub fn promotion(&self, promo: Promo) -> &'a Promotion {
        &self.world.catalogue.promotions()[promo]
    }

    /// Its id.
    pub fn id(&self, promo: Promo) -> &'a str {
        self.promotion(promo).id.as_str()
    }

    /// A line of the basket.
    pub fn line(&self, line: usize) -> &'a Line {
        &self.world.basket.lines()[line]
    }

    /// The active promotions of a stage that cover a line, by priority descending, then id ascending.
    pub fn in_order(&self, stage: Stage) -> Vec<Promo> {
        let mut promos: Vec<Promo> = (0..self.world.catalogue.promotions().len())
            .filter(|&promo| {
                let promotion = self.promotion(promo);
                promotion.stage() == stage
                    && why_not_active(promotion, self.world.catalogue, self.world.basket).is_none()
                    && !self.covered_lines(promo).is_empty()
            })
            .collect();
        if self.world.defect != Some(Defect::CatalogueOrder) {
            promos.sort_by(|&a, &b| {
                let (a, b) = (self.promotion(a), self.promotion(b));
                b.priority.cmp(&a.priority).then(a.id.cmp(&b.id))
            });
        }
        promos
    }

    /// The lines that a promotion covers.
    pub fn covered_lines(&self, promo: Promo) -> Vec<usize> {
        let promotion = self.promotion(promo);
        let lines = self.world.basket.lines().iter().enumerate();
        lines.filter(|(_, line)| why_not_covered(promotion, line).is_none()).map(|(index, _)| index).collect()
    }

    /// The segments of some lines, in request order.
    pub fn segments_of(&self, lines: &[usize]) -> Vec<Segment> {
        let mut segments = Vec::new();
        for &line in lines {
            for unit in &self.lines[line] {
                if segments.last() != Some(&(line, unit.segment)) {
                    segments.push((line, unit.segment));
                }
            }
        }
        segments
    }

    /// The units of a segment.
    pub fn units(&self, segment: Segment) -> Vec<&Unit> {
        self.lines[segment.0].iter().filter(|unit| unit.segment == segment.1).collect()
    }

    /// What a segment costs now.
    pub fn amount(&self, segment: Segment) -> Minor {
        self.units(segment).iter().map(|unit| unit.pay).sum()
    }

    /// What it cost after stage 1.
    pub fn item_amount(&self, segment: Segment) -> Minor {
        self.units(segment).iter().map(|unit| unit.after_item).sum()
    }

    /// §2 Floor: its amount less the floor price of its units.
    pub fn room(&self, segment: Segment) -> Minor {
        self.units(segment).iter().map(|unit| unit.pay - unit.floor).sum()
    }

    /// §2 Stacking: the first promotion of an earlier stage that touched the segment and closes this stage to it.
    pub fn closed_by(&self, segment: Segment, stage: Stage) -> Option<Promo> {
        let touches = self.units(segment)[0].touches.iter().map(|touch| touch.promotion);
        let earlier = touches.filter(|&promo| self.promotion(promo).stage() < stage);
        earlier.into_iter().find(|&promo| !lets_into(self.promotion(promo), stage))
    }

    /// §9: lines of which stacking keeps units out of a stage, each with the promotion that does so first, in words.
    pub fn kept_out(&self, lines: &[usize], stage: Stage) -> String {
        let one = |&line: &usize| {
            let by = self.segments_of(&[line]).into_iter().find_map(|segment| self.closed_by(segment, stage))?;
            Some(format!("{} by {}", self.line(line).line_id, self.id(by)))
        };
        lines.iter().filter_map(one).collect::<Vec<_>>().join(", ")
    }

    /// A stage that takes k of a segment's units takes the first k, which become a segment in front of the rest.
    pub fn split(&mut self, segment: Segment, k: usize) {
        let (line, index) = segment;
        let units = &mut self.lines[line];
        let size = units.iter().filter(|unit| unit.segment == index).count();
        assert!(0 < k && k <= size, "{k} of {size} units");
        if k == size {
            return;
        }
        let first = units.iter().position(|unit| unit.segment == index).expect("a segment has units");
        for unit in &mut units[first + k..] {
            unit.segment += 1;
        }
    }

    /// Takes a discount off segments: allocates it by room (§6) and marks every one of them as touched.
    pub fn take_off(&mut self, promo: Promo, discount: Minor, segments: &[Segment]) {
        let participants: Vec<Participant> = segments
            .iter()
            .map(|&segment| Participant {
                store: self.line(segment.0).store.to_string(),
                line: self.line(segment.0).line_id.to_string(),
                segment: segment.1,
                weight: self.room(segment),
            })
            .collect();
        let shares = allocate(discount, &participants, self.world.defect);
        for (&segment, share) in segments.iter().zip(shares) {
            let left = self.amount(segment) - share;
            let of_segment = self.lines[segment.0].iter_mut().filter(|unit| unit.segment == segment.1);
            let mut of_segment: Vec<&mut Unit> = of_segment.collect();
            let q = Minor::try_from(of_segment.len()).expect("a quantity fits");
            for (i, unit) in (0..q).zip(&mut of_segment) {
                // §6: unit i pays n_i(P) = ⌊(P + q − 1 − i) / q⌋.
                let after = (left + q - 1 - i).div_euclid(q);
                unit.touches.push(Touch { promotion: promo, before: unit.pay, after });
                unit.pay = after;
            }
        }
    }
}
