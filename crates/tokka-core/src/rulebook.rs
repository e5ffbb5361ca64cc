//! Which promotions cover a line? The catalogue, compiled: immutable, indexed, shared.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use jiff::Timestamp;
use std::hash::BuildHasher;

use crate::basket::{Basket, Line};
use crate::catalogue::{Catalogue, Gift, Settings, Store};
use crate::id::{Id, Token};
use crate::outcome::{NotCovered, Verdict};
use crate::prepare::active::why_not_active;
use crate::prepare::{Prepared, Visitor};
use crate::promotion::{Owner, Promotion, Rule, Scope, Stage, Status};
use crate::quote::QuoteError;
use crate::schedule;
use crate::table::{GiftIx, PromoIx, Table};
use index::ScopeIndex;

pub(crate) mod index;

/// A hash map whose seed is fixed: the same catalogue is compiled the same way everywhere.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, FixedState>;

/// A compiled catalogue. The order of its promotions is the order of application: priority descending, id ascending.
#[derive(Debug)]
pub struct Rulebook {
    settings: Settings,
    /// By id.
    stores: Vec<Store>,
    gifts: Table<GiftIx, Gift>,
    gifts_by_id: Map<Id, GiftIx>,
    promotions: Table<PromoIx, Promotion>,
    compiled: Table<PromoIx, Compiled>,
    by_id: HashTable<PromoIx>,
    index: ScopeIndex,
    coupons: ScopeIndex,
}

/// What the stages ask about a promotion again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compiled {
    pub(crate) stage: Stage,
    pub(crate) allows: Allows,
    /// Of a spend promotion: the number of its exclusion group.
    pub(crate) exclusion_group: u32,
    /// The index finds it for the lines that it covers and no others.
    pub(crate) exact: bool,
}

/// Which later stages may still use the units that a promotion touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allows(u8);

impl Allows {
    pub(crate) const ALL: Allows = Allows(0b1111);

    fn of(promotion: &Promotion, stage: Stage) -> Self {
        if stage > Stage::StoreSpend {
            return Self::ALL;
        }
        let keys = promotion.stacking;
        let bit = |written: Option<bool>, default: bool, bit: u8| if written.unwrap_or(default) { bit } else { 0 };
        Self(bit(keys.set, false, 1) | bit(keys.spend, true, 2) | bit(keys.store_coupon, true, 4) | bit(keys.platform, true, 8))
    }

    /// Is this later stage open to the units?
    pub(crate) const fn lets_into(self, stage: Stage) -> bool {
        match stage {
            Stage::Item => true,
            Stage::Set => self.0 & 1 != 0,
            Stage::StoreSpend => self.0 & 2 != 0,
            Stage::StoreCoupon => self.0 & 4 != 0,
            Stage::PlatformSpend | Stage::PlatformCoupon => self.0 & 8 != 0,
        }
    }

    /// What two promotions both leave open.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// From a number below 16.
    pub(crate) const fn from_number(number: u8) -> Self {
        Self(number & 15)
    }

    /// As a number below 16.
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }
}

impl Rulebook {
    /// Compiles a checked catalogue.
    #[must_use]
    pub fn compile(catalogue: Catalogue) -> Self {
        let (settings, mut stores, gifts, mut promotions) = catalogue.into_parts();
        stores.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        promotions.sort_unstable_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        for promotion in &mut promotions {
            sort_for_lookup(promotion);
        }
        let gifts: Table<GiftIx, Gift> = gifts.into_iter().collect();
        let gifts_by_id = gifts.iter().map(|(ix, gift)| (gift.id.clone(), ix)).collect();
        let mut exclusion_groups: Map<Id, u32> = Map::default();
        let mut compiled = Table::new();
        let mut by_id = HashTable::with_capacity(promotions.len());
        let promotions: Table<PromoIx, Promotion> = promotions.into_iter().collect();
        for (ix, promotion) in promotions.iter() {
            let stage = promotion.stage();
            let exclusion_group = match &promotion.rule {
                Rule::Spend(spend) => {
                    let next = u32::try_from(exclusion_groups.len()).unwrap_or(u32::MAX);
                    *exclusion_groups.entry(spend.exclusion_group.clone()).or_insert(next)
                }
                _ => 0,
            };
            compiled.push(Compiled {
                stage,
                allows: Allows::of(promotion, stage),
                exclusion_group,
                exact: index::is_exact(promotion),
            });
            by_id.insert_unique(hash(promotion.id.as_str()), ix, |ix| hash(promotions.at(*ix).id.as_str()));
        }
        let index = ScopeIndex::of(&promotions, false);
        let coupons = ScopeIndex::of(&promotions, true);
        Self { settings, stores, gifts, gifts_by_id, promotions, compiled, by_id, index, coupons }
    }

    /// Currency, rounding, time zone.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A store by id.
    #[must_use]
    pub fn store(&self, id: &str) -> Option<&Store> {
        let position = self.stores.binary_search_by(|store| store.id.as_str().cmp(id)).ok()?;
        self.stores.get(position)
    }

    /// All promotions, in order of application.
    #[must_use]
    pub fn promotions(&self) -> &Table<PromoIx, Promotion> {
        &self.promotions
    }

    /// All gifts, in the order of their documents.
    #[must_use]
    pub fn gifts(&self) -> &Table<GiftIx, Gift> {
        &self.gifts
    }

    /// A promotion by id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<PromoIx> {
        self.by_id.find(hash(id), |ix| self.promotions.at(*ix).id == *id).copied()
    }

    /// A gift by id.
    #[must_use]
    pub fn find_gift(&self, id: impl AsRef<str>) -> Option<GiftIx> {
        self.gifts_by_id.get(id.as_ref()).copied()
    }

    /// Finds what covers a basket and which counters that asks about.
    ///
    /// # Errors
    /// [`QuoteError::Invalid`] for another currency and for selections of what does not exist.
    pub fn prepare<'a>(&'a self, basket: &'a Basket) -> Result<Prepared<'a>, QuoteError> {
        Prepared::new(self, basket)
    }

    /// Why a promotion is not active for somebody; `None`: it is.
    #[must_use]
    pub fn why_not_active(&self, ix: PromoIx, visitor: &Visitor<'_>) -> Option<Verdict> {
        why_not_active(self, ix, visitor)
    }

    /// The first moment after `at` at which a promotion opens or closes, by its window and its sessions; `None`: never.
    #[must_use]
    pub fn next_change(&self, ix: PromoIx, at: Timestamp) -> Option<Timestamp> {
        let document = self.promotion(ix);
        schedule::next_change(&document.window, &document.schedule, &self.settings.time_zone, at)
    }

    /// Published coupons that cover the line, in order of application.
    pub(crate) fn coupons_of(&self, line: &Line) -> Vec<PromoIx> {
        let mut found = Vec::new();
        self.coupons.look_up(line, |promotion| found.push(promotion));
        found.sort_unstable();
        found.dedup();
        found.retain(|promotion| self.why_not_covered(*promotion, line).is_none());
        found
    }

    /// Coupons that are active for a basket and cover one of its lines, in order of application, whether or not it offers
    /// them.
    #[must_use]
    pub fn coupons_covering(&self, basket: &Basket) -> Vec<PromoIx> {
        let visitor = Visitor::of(basket);
        let mut found: Vec<PromoIx> = basket.lines().iter().flat_map(|line| self.coupons_of(line)).collect();
        found.sort_by_key(|coupon| (self.compiled(*coupon).stage, *coupon));
        found.dedup();
        found.retain(|coupon| self.why_not_active(*coupon, &visitor).is_none());
        found
    }

    pub(crate) fn promotion(&self, ix: PromoIx) -> &Promotion {
        self.promotions.at(ix)
    }

    pub(crate) fn compiled(&self, ix: PromoIx) -> Compiled {
        *self.compiled.at(ix)
    }

    /// Published promotions, coupons aside, that may cover the line, each at least once and in no order.
    pub(crate) fn may_cover(&self, line: &Line, found: impl FnMut(PromoIx)) {
        self.index.look_up(line, found);
    }

    /// `None`: the promotion covers the line. Else why not.
    pub(crate) fn why_not_covered(&self, ix: PromoIx, line: &Line) -> Option<NotCovered> {
        let promotion = self.promotion(ix);
        why_not_in_scope(&promotion.owner, &promotion.scope, line)
    }
}

/// `None`: a scope of this owner holds the line. Its lists must be sorted. A store's scope looks at its own lines only.
pub(crate) fn why_not_in_scope(owner: &Owner, scope: &Scope, line: &Line) -> Option<NotCovered> {
    if let Owner::Store(store) = owner
        && line.store != *store
    {
        return Some(NotCovered::OtherStore);
    }
    let lists_category = |list: &[Token]| line.categories.iter().any(|category| list.binary_search(category).is_ok());
    let include = &scope.include;
    let store = include.stores.as_ref().is_none_or(|stores| stores.binary_search(&line.store).is_ok());
    let product = match (&include.skus, &include.categories) {
        (None, None) => true, // `all`, or stores alone
        (skus, categories) => {
            skus.as_ref().is_some_and(|skus| skus.binary_search(&line.sku).is_ok())
                || categories.as_ref().is_some_and(|list| lists_category(list))
        }
    };
    if !(store && product) {
        return Some(NotCovered::NotIncluded);
    }
    let exclude = &scope.exclude;
    let excluded = exclude.skus.binary_search(&line.sku).is_ok()
        || exclude.stores.binary_search(&line.store).is_ok()
        || lists_category(&exclude.categories);
    excluded.then_some(NotCovered::Excluded)
}

/// Only a published promotion is ever active.
pub(crate) fn is_published(promotion: &Promotion) -> bool {
    promotion.status == Status::Published
}

fn hash(id: &str) -> u64 {
    FixedState::default().hash_one(id)
}

/// Sorts what is written in any order: lists of scopes, and tiers from the lowest.
fn sort_for_lookup(promotion: &mut Promotion) {
    sort_scope(&mut promotion.scope);
    match &mut promotion.rule {
        Rule::VolumePrice(rule) => rule.tiers.sort_unstable_by_key(|tier| tier.min_quantity),
        Rule::BuyGet(rule) => rule.tiers.sort_unstable_by_key(|tier| tier.buy),
        Rule::Spend(rule) => {
            rule.tiers.sort_by_key(|tier| tier.threshold);
            rule.qualify.iter_mut().for_each(sort_scope);
        }
        Rule::Coupon(rule) => rule.qualify.iter_mut().for_each(sort_scope),
        Rule::Bundle(rule) => {
            for component in &mut rule.components {
                component.skus.sort_unstable();
                component.categories.sort_unstable();
            }
        }
        Rule::ItemPrice(_) | Rule::MixMatch(_) => {}
    }
}

fn sort_scope(scope: &mut Scope) {
    let include = &mut scope.include;
    for list in [&mut include.skus, &mut include.categories].into_iter().flatten() {
        list.sort_unstable();
    }
    include.stores.iter_mut().for_each(|stores| stores.sort_unstable());
    scope.exclude.skus.sort_unstable();
    scope.exclude.categories.sort_unstable();
    scope.exclude.stores.sort_unstable();
}
