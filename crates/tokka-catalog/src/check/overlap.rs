//! Could two item promotions be active for one product at one moment? What `item_overlap: forbid` refuses, and what a
//! customer chooses from elsewhere.
//!
//! Promotions are looked at in the order in which they begin, and each is compared only with those that it shares a store
//! and a word with and that are not over by then: a marketplace has many promotions, and each meets few.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokka_core::catalogue::Catalogue;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Promotion, Status};
use tokka_core::schedule::Session;

use super::{Code, Document, Finding, Severity, Telling};
use crate::documents::ItemOverlap;
use crate::products::Products;

use self::item::Item;
pub(super) use self::item::Stores;
pub(super) use self::moment::{is_ever_open, share_a_moment_by_the_clock, windows_meet};

mod item;
mod moment;

/// So many pairs are refused by name; whoever has more has another problem than to find them.
const PAIRS_MAX: usize = 100;
/// A promotion that names more stores than this is looked at from every store.
const STORES_INDEXED_MAX: usize = 256;

/// Tells of each item promotion one that it meets. Where that is forbidden, first those that are both published: what is
/// refused is never hidden behind what only may be.
pub(super) fn look(telling: &mut Telling<'_>, products: Option<&Products>) {
    let forbidden = telling.loaded.settings.item_overlap == ItemOverlap::Forbid;
    let (at, changed) = (telling.at, telling.changed);
    let is_there = |promotion: &Promotion| promotion.status != Status::Archived && !super::is_over(promotion, at);
    let is_published = |promotion: &Promotion| promotion.status == Status::Published && is_there(promotion);
    let catalogue = &telling.loaded.catalogue;
    let matters = |number| super::is_changed(changed, number);
    let refused = if forbidden { Search::of(catalogue, products, is_published, matters, usize::MAX).pairs } else { Vec::new() };
    let told: HashSet<usize> = refused.iter().map(|(later, _)| *later).collect();
    let doubtful = Search::of(catalogue, products, is_there, matters, usize::MAX).pairs.into_iter();
    for (later, earlier) in refused.into_iter().chain(doubtful.filter(|(later, _)| !told.contains(later))) {
        let (Some(promotion), Some(other)) = (telling.promotion(later), telling.promotion(earlier)) else { continue };
        let both = promotion.status == Status::Published && other.status == Status::Published;
        let (severity, consequence) = match (forbidden, both) {
            (false, _) => (Code::ItemOverlap.severity(), "and the customer chooses"),
            (true, true) => (Severity::Blocking, "which `item_overlap: forbid` refuses"),
            (true, false) => (Severity::Warning, "which `item_overlap: forbid` refuses once both are published"),
        };
        let message = format!("could be active for one product together with `{}`, {consequence}", other.id);
        let mut finding = Finding::new(Code::ItemOverlap, Document::Promotion(later), "scope", message);
        finding.severity = severity;
        let priorities = finding.count("priority", i64::from(promotion.priority)).count("other", i64::from(other.priority));
        telling.tell(priorities.beside([Document::Promotion(earlier)]));
    }
}

/// Pairs of published item promotions that could be active for one (store, sku) at one moment, by their positions in the
/// catalogue, the later one first: of each promotion one that it meets among those that begin before it. Without products
/// a sku and a category count as shared.
pub(crate) fn pairs(catalogue: &Catalogue, products: Option<&Products>) -> Vec<(usize, usize)> {
    let search = Search::of(catalogue, products, |promotion| promotion.status == Status::Published, |_| true, PAIRS_MAX);
    search.pairs.into_iter().map(|(one, other)| (one.max(other), one.min(other))).collect()
}

/// What came of a search.
struct Search {
    /// One that was looked at, and one that begins before and that it meets.
    pairs: Vec<(usize, usize)>,
    /// How many promotions were compared with one another: what it costs.
    compared: usize,
}

impl Search {
    /// Pairs of which at least one matters.
    fn of(
        catalogue: &Catalogue,
        products: Option<&Products>,
        looked_at: impl Fn(&Promotion) -> bool,
        matters: impl Fn(usize) -> bool,
        pairs_max: usize,
    ) -> Self {
        let zone = &catalogue.settings().time_zone;
        let mut schedules: HashMap<Vec<(u8, u16, u16)>, usize> = HashMap::new();
        let mut items: Vec<Item<'_>> = Vec::new();
        for (at, promotion) in catalogue.promotions().iter().enumerate().filter(|(_, one)| looked_at(one)) {
            let next = schedules.len();
            let number = *schedules.entry(written(&promotion.schedule)).or_insert(next);
            items.extend(Item::of(at, promotion, number, products));
        }
        // By the start, where none is before all; then by the id, so that the order of files changes nothing.
        items.sort_by(|a, b| (a.window().start, a.id()).cmp(&(b.window().start, b.id())));
        let (mut all, mut those_that_matter) = (Index::default(), Index::default());
        let mut search = Self { pairs: Vec::new(), compared: 0 };
        for (number, item) in items.iter().enumerate() {
            let mattering = matters(item.at);
            let before = if mattering { &mut all } else { &mut those_that_matter };
            let other = before.any(item, &items, |other| {
                search.compared += 1;
                item.meets(other, zone, products)
            });
            if let Some(other) = other.and_then(|other| items.get(other)) {
                search.pairs.push((item.at, other.at));
                if search.pairs.len() >= pairs_max {
                    break;
                }
            }
            all.add(number, item);
            if mattering {
                those_that_matter.add(number, item);
            }
        }
        search
    }
}

/// A schedule that can be compared and hashed.
fn written(schedule: &[Session]) -> Vec<(u8, u16, u16)> {
    let days = |session: &Session| {
        let days = tokka_core::schedule::Days::WEEK.iter().enumerate();
        days.fold(0u8, |bits, (bit, (day, _))| if session.days.contains(*day) { bits | (1 << bit) } else { bits })
    };
    let mut all: Vec<(u8, u16, u16)> = schedule.iter().map(|session| (days(session), session.from, session.to)).collect();
    all.sort_unstable();
    all
}

/// Promotions that began before, by what another can meet them through.
#[derive(Default)]
struct Index<'a> {
    /// All of them, for those that look at any store.
    everywhere: Shelf<'a>,
    /// Those that look at any store.
    any_store: Shelf<'a>,
    /// Those that name few stores, by store.
    by_store: HashMap<&'a Id, Shelf<'a>>,
}

/// Promotions that share a word, by their schedule: where two schedules never meet, none of the list is looked at.
#[derive(Default)]
struct Listed(Vec<(usize, Vec<usize>)>);

impl Listed {
    fn push(&mut self, number: usize, item: &Item<'_>) {
        match self.0.iter_mut().find(|(schedule, _)| *schedule == item.schedule) {
            Some((_, numbers)) => numbers.push(number),
            None => self.0.push((item.schedule, vec![number])),
        }
    }

    /// One that meets the item. Those that are over when it begins are over for all that come after it: they are dropped.
    fn any(&mut self, item: &Item<'_>, items: &[Item<'_>], meets: &mut impl FnMut(&Item<'_>) -> bool) -> Option<usize> {
        let begins = item.window().start;
        for (_, numbers) in &mut self.0 {
            let of_schedule = numbers.first().and_then(|number| items.get(*number));
            if !of_schedule.is_some_and(|other| item.week_meets(other)) {
                continue;
            }
            let mut position = 0;
            while let Some(number) = numbers.get(position).copied() {
                let Some(other) = items.get(number) else { break };
                if is_over(other.window().end, begins) {
                    numbers.swap_remove(position);
                } else if meets(other) {
                    return Some(number);
                } else {
                    position += 1;
                }
            }
        }
        None
    }
}

fn is_over(end: Option<Timestamp>, begins: Option<Timestamp>) -> bool {
    matches!((end, begins), (Some(end), Some(begins)) if end <= begins)
}

/// Promotions by what they name.
#[derive(Default)]
struct Shelf<'a> {
    /// All of the shelf.
    items: Listed,
    /// Those for all products.
    for_all: Listed,
    by_sku: HashMap<&'a Token, Listed>,
    by_category: HashMap<&'a Token, Listed>,
    /// Those that name skus, by the categories that these are known to have.
    by_category_of_sku: HashMap<&'a Token, Listed>,
    /// Those that name skus of which nothing is known.
    of_unknown_skus: Listed,
    /// Those that name categories.
    of_categories: Listed,
}

impl<'a> Index<'a> {
    fn add(&mut self, number: usize, item: &Item<'a>) {
        self.everywhere.add(number, item);
        match few_stores(item) {
            Some(stores) => stores.iter().for_each(|store| self.by_store.entry(store).or_default().add(number, item)),
            None => self.any_store.add(number, item),
        }
    }

    /// One that it meets.
    fn any(&mut self, item: &Item<'a>, items: &[Item<'a>], mut meets: impl FnMut(&Item<'_>) -> bool) -> Option<usize> {
        let look = &mut |listed: &mut Listed| listed.any(item, items, &mut meets);
        match few_stores(item) {
            Some(stores) => self.any_store.any(item, look).or_else(|| {
                stores.iter().find_map(|store| self.by_store.get_mut(*store).and_then(|shelf| shelf.any(item, look)))
            }),
            None => self.everywhere.any(item, look),
        }
    }
}

fn few_stores<'s, 'a>(item: &'s Item<'a>) -> Option<&'s [&'a Id]> {
    match &item.stores {
        Stores::Only(stores) if stores.len() <= STORES_INDEXED_MAX => Some(stores),
        Stores::Only(_) | Stores::AllBut(_) => None,
    }
}

impl<'a> Shelf<'a> {
    fn add(&mut self, number: usize, item: &Item<'a>) {
        self.items.push(number, item);
        if item.is_for_all() {
            self.for_all.push(number, item);
        }
        item.skus.iter().for_each(|sku| self.by_sku.entry(sku).or_default().push(number, item));
        item.categories.iter().for_each(|category| self.by_category.entry(category).or_default().push(number, item));
        match &item.categories_of_skus {
            Some(categories) => {
                categories.iter().for_each(|category| self.by_category_of_sku.entry(category).or_default().push(number, item));
            }
            None if item.skus.is_empty() => {}
            None => self.of_unknown_skus.push(number, item),
        }
        if !item.categories.is_empty() {
            self.of_categories.push(number, item);
        }
    }

    /// The first answer over the lists of those that an item can meet.
    fn any(&mut self, item: &Item<'a>, look: &mut impl FnMut(&mut Listed) -> Option<usize>) -> Option<usize> {
        if item.is_for_all() {
            return look(&mut self.items);
        }
        if let Some(found) = look(&mut self.for_all) {
            return Some(found);
        }
        for sku in &item.skus {
            if let Some(found) = self.by_sku.get_mut(*sku).and_then(&mut *look) {
                return Some(found);
            }
        }
        for category in &item.categories {
            let found = self.by_category.get_mut(*category).and_then(&mut *look);
            if let Some(found) = found.or_else(|| self.by_category_of_sku.get_mut(*category).and_then(&mut *look)) {
                return Some(found);
            }
        }
        if !item.categories.is_empty()
            && let Some(found) = look(&mut self.of_unknown_skus)
        {
            return Some(found);
        }
        match &item.categories_of_skus {
            Some(categories) => categories.iter().find_map(|category| self.by_category.get_mut(*category).and_then(&mut *look)),
            None if item.skus.is_empty() => None,
            None => look(&mut self.of_categories),
        }
    }
}

#[cfg(test)]
mod tests;
