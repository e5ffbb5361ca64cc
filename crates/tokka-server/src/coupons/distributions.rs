//! How is a coupon of this catalogue handed out? Its distributions, found by id and by coupon.

use std::collections::BTreeMap;

use tokka_catalog::Distribution;

/// The distributions of a revision.
#[derive(Debug, Default)]
pub(crate) struct Distributions {
    by_id: BTreeMap<String, Distribution>,
    /// Ids, by the coupon that they hand out.
    by_coupon: BTreeMap<String, Vec<String>>,
}

impl Distributions {
    pub(crate) fn new(distributions: Vec<Distribution>) -> Self {
        let mut index = Self::default();
        for distribution in distributions {
            let id = distribution.id.as_str().to_owned();
            index.by_coupon.entry(distribution.coupon.as_str().to_owned()).or_default().push(id.clone());
            index.by_id.insert(id, distribution);
        }
        index
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Distribution> {
        self.by_id.get(id)
    }

    /// Those that hand out a coupon.
    pub(crate) fn of_coupon(&self, coupon: &str) -> impl Iterator<Item = &Distribution> {
        self.by_coupon.get(coupon).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// A coupon without a distribution is for everyone; one that is handed out is shown if one of its distributions is.
    pub(crate) fn hides(&self, coupon: &str) -> bool {
        let mut of = self.of_coupon(coupon).peekable();
        of.peek().is_some() && !of.any(|distribution| distribution.visible)
    }
}
