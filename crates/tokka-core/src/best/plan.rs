//! Which choice is priced? One decision for each place that a search is free in.

use smallvec::SmallVec;

use crate::table::LineIx;

/// The decisions of a search, by the numbers of candidates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// By group: the item promotion that serves it. What is not listed has none.
    pub(crate) items: Vec<(u32, usize)>,
    /// Set promotions that are on.
    pub(crate) sets: Vec<usize>,
    /// The lines (ascending) that each spend promotion is given.
    pub(crate) spends: Vec<(usize, SmallVec<[LineIx; 16]>)>,
    /// Coupons that are used.
    pub(crate) coupons: Vec<usize>,
    /// Only the coupons were searched: the rules of choice decide the rest.
    pub(crate) coupons_only: bool,
}

impl Plan {
    /// With the decisions of another, about other stores.
    pub(crate) fn add(&mut self, other: Self) {
        self.items.extend(other.items);
        self.sets.extend(other.sets);
        self.spends.extend(other.spends);
        self.coupons.extend(other.coupons);
    }

    /// Does it decide more than coupons?
    pub(crate) fn all_stages(&self) -> bool {
        !self.coupons_only
    }

    pub(crate) fn item(&self, group: u32) -> Option<usize> {
        self.items.iter().find(|(of, _)| *of == group).map(|(_, candidate)| *candidate)
    }

    pub(crate) fn uses_set(&self, candidate: usize) -> bool {
        self.coupons_only || self.sets.contains(&candidate)
    }

    pub(crate) fn uses_coupon(&self, candidate: usize) -> bool {
        self.coupons.contains(&candidate)
    }

    pub(crate) fn given(&self, candidate: usize) -> &[LineIx] {
        self.spends.iter().find(|(of, _)| *of == candidate).map_or(&[], |(_, lines)| lines.as_slice())
    }
}
