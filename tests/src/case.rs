//! What is one experiment? Documents, a basket, what is used, and what goes back, as plain values that can be changed
//! and tried again.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, Selection, SpendSelection};
use tokka_core::catalogue::{Catalogue, Gift, Settings, Store};
use tokka_core::promotion::Promotion;
use tokka_core::rate::Rounding;

use crate::priced::{Key, Usage};

/// Units by line id that go back in one step.
pub type Step = BTreeMap<String, i64>;

/// One experiment.
#[derive(Debug, Clone)]
pub struct Case {
    /// How discounts are rounded.
    pub rounding: Rounding,
    /// For schedules.
    pub time_zone: TimeZone,
    /// The sellers.
    pub stores: Vec<Store>,
    /// The gift library.
    pub gifts: Vec<Gift>,
    /// In the order of the catalogue.
    pub promotions: Vec<Promotion>,
    /// The basket.
    pub request: BasketRequest,
    /// What is used of counters.
    pub usage: Usage,
    /// What goes back, step by step.
    pub steps: Vec<Step>,
}

impl Case {
    /// The documents, checked.
    ///
    /// # Errors
    /// The violations, a line each.
    pub fn catalogue(&self) -> Result<Catalogue, String> {
        let settings =
            Settings { currency: "JPY".to_owned(), exponent: 0, rounding: self.rounding, time_zone: self.time_zone.clone() };
        Catalogue::new(settings, self.stores.clone(), self.gifts.clone(), self.promotions.clone())
            .map_err(|violations| violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The basket, checked.
    ///
    /// # Errors
    /// The violations, a line each.
    pub fn basket(&self) -> Result<Basket, String> {
        Basket::parse(self.request.clone())
            .map_err(|violations| violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The same order by somebody who used nothing before, where nobody is named: only so can it be said what the order
    /// holds of limits by user.
    #[must_use]
    pub fn by_somebody(&self) -> Self {
        let mut case = self.clone();
        if case.request.user.is_none() {
            case.request.user = Some("somebody".to_owned());
            case.usage.retain(|key, _| !matches!(key, Key::UserUnits(_) | Key::UserUnitsOfSku(..) | Key::UserOrders(_)));
        }
        case
    }

    /// A promotion by id.
    #[must_use]
    pub fn promotion(&self, id: &str) -> Option<&Promotion> {
        self.promotions.iter().find(|promotion| promotion.id == id)
    }

    /// Without one promotion, and without what the request says about it.
    #[must_use]
    pub fn without_promotion(&self, index: usize) -> Self {
        let mut case = self.clone();
        let gone = case.promotions.remove(index).id.to_string();
        if let CouponsOffered::These(ids) = &mut case.request.coupons {
            ids.retain(|id| *id != gone);
        }
        case.request.select.retain(|_, selection| *selection != Selection::Promotion(gone.clone()));
        for selection in case.request.select_spend.values_mut() {
            if let SpendSelection::Promotions(ids) = selection {
                ids.retain(|id| *id != gone);
            }
        }
        let kept = |selection: &SpendSelection| !matches!(selection, SpendSelection::Promotions(ids) if ids.is_empty());
        case.request.select_spend.retain(|_, selection| kept(selection));
        case.request.select_gift.remove(&gone);
        case
    }

    /// Without one line, and without what the request says about it.
    #[must_use]
    pub fn without_line(&self, index: usize) -> Self {
        let mut case = self.clone();
        let gone = case.request.lines.remove(index);
        let lines = &case.request.lines;
        case.request.select.retain(|sku, _| lines.iter().any(|line| line.sku == *sku));
        case.request.select_spend.remove(&gone.line_id);
        for step in &mut case.steps {
            step.remove(&gone.line_id);
        }
        case.steps.retain(|step| !step.is_empty());
        case
    }

    /// Leaves out of the steps what is not there to go back.
    pub fn clamp_steps(&mut self) {
        let mut left: BTreeMap<String, i64> =
            self.request.lines.iter().map(|line| (line.line_id.clone(), line.quantity)).collect();
        for step in &mut self.steps {
            for (line, units) in step.iter_mut() {
                let there = left.entry(line.clone()).or_insert(0);
                *units = (*units).min(*there);
                *there -= *units;
            }
            step.retain(|_, units| *units > 0);
        }
        self.steps.retain(|step| !step.is_empty());
    }

    /// How many units it has.
    #[must_use]
    pub fn units(&self) -> i64 {
        self.request.lines.iter().map(|line| line.quantity).sum()
    }
}
