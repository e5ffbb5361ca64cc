//! What can be put to the test? Anything that prices a case and takes its units back.

use crate::case::Case;
use crate::naive;
use crate::naive::defect::Defect;
use crate::naive::order::{Order, World};
use crate::priced::{Key, Policy, Priced, PricedRefund};

/// A pricing.
pub trait Pricer {
    /// Its name, for messages.
    fn name(&self) -> String;

    /// Prices a case.
    ///
    /// # Errors
    /// What it refused, in words.
    fn price(&self, case: &Case) -> Result<Priced, String>;

    /// Takes a case's steps back, one after the other.
    ///
    /// # Errors
    /// What it refused, in words.
    fn refunds(&self, case: &Case, policy: Policy) -> Result<Vec<PricedRefund>, String>;
}

/// The slow one, whole or with one rule broken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Naive {
    /// Which.
    pub defect: Option<Defect>,
}

impl Naive {
    /// With one rule broken.
    #[must_use]
    pub fn with(defect: Defect) -> Self {
        Self { defect: Some(defect) }
    }

    fn order<T>(self, case: &Case, then: impl FnOnce(&Order<'_>) -> T) -> Result<T, String> {
        let (catalogue, basket) = (case.catalogue()?, case.basket()?);
        if let Some(field) = naive::request::why_invalid(&catalogue, &basket) {
            return Err(format!("INVALID_ARGUMENT at {field}"));
        }
        let used = |key: &Key, _limit: i128| i128::from(case.usage.get(key).copied().unwrap_or(0));
        let order = naive::price(World { catalogue: &catalogue, basket: &basket, used: &used, defect: self.defect });
        Ok(then(&order))
    }
}

impl Pricer for Naive {
    fn name(&self) -> String {
        self.defect.map_or("the naive pricing".to_owned(), |defect| format!("the naive pricing with {defect:?}"))
    }

    fn price(&self, case: &Case) -> Result<Priced, String> {
        self.order(case, naive::totals::priced)
    }

    fn refunds(&self, case: &Case, policy: Policy) -> Result<Vec<PricedRefund>, String> {
        self.order(&case.by_somebody(), |order| naive::refund::refunds(order, policy, &case.steps))
    }
}
