//! How is a coupon of this catalogue handed out? Its distributions, found by id and by coupon.

use std::collections::{BTreeMap, HashMap};

use tokka_catalog::{Codes, Distribution};

use super::code;
use super::hand_out::digest;
use super::redeem::folded;

/// The distributions of a revision.
#[derive(Debug, Default)]
pub(crate) struct Distributions {
    by_id: BTreeMap<String, Distribution>,
    /// Ids, by the coupon that they hand out.
    by_coupon: BTreeMap<String, Vec<String>>,
    /// Ids of those with single-use codes, by the tag of these.
    by_tag: HashMap<u16, Vec<String>>,
    /// Ids, by the digest of the shared code: how long it takes to look one up says nothing of how near a guess is.
    by_shared_code: HashMap<u128, String>,
}

impl Distributions {
    pub(crate) fn new(distributions: Vec<Distribution>) -> Self {
        let mut index = Self::default();
        for distribution in distributions {
            let id = distribution.id.as_str().to_owned();
            index.by_coupon.entry(distribution.coupon.as_str().to_owned()).or_default().push(id.clone());
            match &distribution.codes {
                Codes::None => {}
                Codes::SingleUse(_) => index.by_tag.entry(code::tag(&id)).or_default().push(id.clone()),
                Codes::Shared { code, .. } => {
                    index.by_shared_code.insert(digest(&[folded(code.as_str()).as_bytes()]), id.clone());
                }
            }
            index.by_id.insert(id, distribution);
        }
        index
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Distribution> {
        self.by_id.get(id)
    }

    /// Those that whoever asks can have, at some time, by id.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Distribution> {
        self.by_id.values().filter(|distribution| distribution.visible && distribution.codes == Codes::None)
    }

    /// The one with this shared code, as [`folded`] writes it.
    pub(crate) fn of_shared_code(&self, folded: &str) -> Option<&Distribution> {
        self.by_shared_code.get(&digest(&[folded.as_bytes()])).and_then(|id| self.by_id.get(id))
    }

    /// Those whose single-use codes have this tag: nearly always one.
    pub(crate) fn with_tag(&self, tag: u16) -> impl Iterator<Item = &Distribution> {
        self.by_tag.get(&tag).into_iter().flatten().filter_map(|id| self.by_id.get(id))
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
