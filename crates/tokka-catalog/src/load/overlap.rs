//! Could two item promotions be active for one product at one moment? What `item_overlap: forbid` refuses.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokka_core::catalogue::{Catalogue, Settings};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Promotion, Scope, Stage, Status};
use tokka_core::schedule::{is_open, next_change};

/// So many pairs are told; whoever has more has another problem than to find them.
const PAIRS_MAX: usize = 100;
/// Two schedules that do not meet within these days do not meet at all: a week, and one more for a clock that is changed.
const DAYS_LOOKED_AT: i64 = 15;

/// Pairs of published item promotions that could be active for one (store, sku) at one moment, by their positions in the
/// catalogue: the later one, and the first earlier one that it meets. A sku and a category count as shared, since nothing
/// is known of products here.
pub(super) fn pairs(catalogue: &Catalogue) -> Vec<(usize, usize)> {
    let items: Vec<Item<'_>> = catalogue.promotions().iter().enumerate().filter_map(|(at, one)| Item::of(at, one)).collect();
    let mut index = Index::default();
    let mut pairs = Vec::new();
    for item in &items {
        let first = index.candidates(item).into_iter().find(|other| item.meets(other, catalogue.settings()));
        if let Some(other) = first {
            pairs.push((item.at, other.at));
            if pairs.len() >= PAIRS_MAX {
                break;
            }
        }
        index.add(item);
    }
    pairs
}

/// A published item promotion.
#[derive(Clone, Copy)]
struct Item<'a> {
    at: usize,
    promotion: &'a Promotion,
}

impl<'a> Item<'a> {
    fn of(at: usize, promotion: &'a Promotion) -> Option<Self> {
        let live = promotion.stage() == Stage::Item && promotion.status == Status::Published;
        live.then_some(Self { at, promotion })
    }

    fn scope(&self) -> &'a Scope {
        &self.promotion.scope
    }

    /// Only skus: nothing but the same sku, a category or `all` can meet it.
    fn names_skus_only(&self) -> bool {
        self.scope().include.skus.is_some() && self.scope().include.categories.is_none()
    }

    fn skus(&self) -> &'a [Token] {
        self.scope().include.skus.as_deref().unwrap_or_default()
    }

    fn categories(&self) -> &'a [Token] {
        self.scope().include.categories.as_deref().unwrap_or_default()
    }

    /// Neither skus nor categories: all products of its stores.
    fn is_for_all(&self) -> bool {
        self.scope().include.skus.is_none() && self.scope().include.categories.is_none()
    }

    fn meets(&self, other: &Self, settings: &Settings) -> bool {
        share_a_store(self, other) && share_a_product(self, other) && share_a_moment(self, other, &settings.time_zone)
    }
}

fn share_a_store(a: &Item<'_>, b: &Item<'_>) -> bool {
    let covers = |item: &Item<'_>, store: &Id| {
        let owns = match &item.promotion.owner {
            Owner::Platform => true,
            Owner::Store(owner) => owner == store,
        };
        let included = item.scope().include.stores.as_ref().is_none_or(|stores| stores.contains(store));
        owns && included && !item.scope().exclude.stores.contains(store)
    };
    // Stores that one of them names; if neither names any, there is always one that both may cover.
    let named = |item: &Item<'_>| -> Option<Vec<Id>> {
        match &item.promotion.owner {
            Owner::Store(owner) => Some(vec![owner.clone()]),
            Owner::Platform => item.scope().include.stores.clone(),
        }
    };
    match named(a).or_else(|| named(b)) {
        Some(stores) => stores.iter().any(|store| covers(a, store) && covers(b, store)),
        None => true,
    }
}

fn share_a_product(a: &Item<'_>, b: &Item<'_>) -> bool {
    let [(skus_a, categories_a), (skus_b, categories_b)] = [(a, b), (b, a)].map(|(one, other)| {
        let (own, others) = (&one.scope().exclude, &other.scope().exclude);
        let sku = |sku: &&Token| !own.skus.contains(sku) && !others.skus.contains(sku);
        let category = |category: &&Token| !own.categories.contains(category) && !others.categories.contains(category);
        let skus: HashSet<&Token> = one.skus().iter().filter(sku).collect();
        let categories: HashSet<&Token> = one.categories().iter().filter(category).collect();
        (skus, categories)
    });
    match (a.is_for_all(), b.is_for_all()) {
        (true, true) => true,
        (true, false) => !skus_b.is_empty() || !categories_b.is_empty(),
        (false, true) => !skus_a.is_empty() || !categories_a.is_empty(),
        (false, false) => {
            let crosswise = (!skus_a.is_empty() && !categories_b.is_empty()) || (!skus_b.is_empty() && !categories_a.is_empty());
            crosswise || !skus_a.is_disjoint(&skus_b) || !categories_a.is_disjoint(&categories_b)
        }
    }
}

fn share_a_moment(a: &Item<'_>, b: &Item<'_>, zone: &TimeZone) -> bool {
    let (one, other) = (a.promotion, b.promotion);
    let start = one.window.start.max(other.window.start);
    let end = match (one.window.end, other.window.end) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let days = SignedDuration::from_hours(24 * DAYS_LOOKED_AT);
    // Where nothing is said of the start, the last days before the end are as good as any.
    let from = start.or_else(|| end.and_then(|end| end.checked_sub(days).ok())).unwrap_or(Timestamp::UNIX_EPOCH);
    let horizon = from.checked_add(days).unwrap_or(Timestamp::MAX);
    let until = end.map_or(horizon, |end| end.min(horizon));
    let mut moment = from;
    while moment < until {
        if is_open(&one.schedule, zone, moment) && is_open(&other.schedule, zone, moment) {
            return true;
        }
        let edges = [one, other].map(|promotion| next_change(&promotion.window, &promotion.schedule, zone, moment));
        match edges.into_iter().flatten().min() {
            Some(next) if next > moment => moment = next,
            _ => return false,
        }
    }
    false
}

/// Earlier promotions, by what a later one can meet them through.
#[derive(Default)]
struct Index<'a> {
    /// Those that name skus only, by sku.
    by_sku: HashMap<&'a Token, Vec<Item<'a>>>,
    /// The same by position, for those that look at more than skus.
    of_skus: BTreeMap<usize, Item<'a>>,
    /// The others.
    wide: Vec<Item<'a>>,
}

impl<'a> Index<'a> {
    fn add(&mut self, item: &Item<'a>) {
        if !item.names_skus_only() {
            self.wide.push(*item);
            return;
        }
        self.of_skus.insert(item.at, *item);
        for sku in item.skus() {
            self.by_sku.entry(sku).or_default().push(*item);
        }
    }

    /// Those that it could meet, in order.
    fn candidates(&self, item: &Item<'a>) -> Vec<Item<'a>> {
        let mut found: Vec<Item<'a>> = self.wide.clone();
        if item.names_skus_only() {
            found.extend(item.skus().iter().filter_map(|sku| self.by_sku.get(sku)).flatten());
        } else {
            found.extend(self.of_skus.values());
        }
        found.sort_by_key(|other| other.at);
        found.dedup_by_key(|other| other.at);
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::load_text;

    const DAY: &str = "window: {start: \"2026-11-11T00:00:00Z\", end: \"2026-11-12T00:00:00Z\"}";

    /// What is told of two item promotions that say this, beside what every promotion says.
    fn told(settings: &str, one: &str, other: &str) -> Vec<String> {
        let promotion = |id: &str, rest: &str| {
            let owner = if rest.contains("owner") { "" } else { "owner: shop\n" };
            let status = if rest.contains("status") { "" } else { "status: published\n" };
            format!("---\nkind: promotion\nid: {id}\nname: P\n{owner}{status}item_price: {{fixed: 1}}\n{rest}\n")
        };
        let head = format!("kind: catalogue\ncurrency: JPY\ntime_zone: Europe/Berlin\n{settings}\n");
        let stores = "---\nkind: store\nid: shop\nname: S\n---\nkind: store\nid: mart\nname: M\n";
        let text = format!("{head}{stores}{}{}", promotion("one", one), promotion("two", other));
        let problems = load_text("c.yaml", &text).err();
        problems.iter().flatten().map(ToString::to_string).collect()
    }

    fn meet(one: &str, other: &str) -> bool {
        let both = [told("item_overlap: forbid", one, other), told("item_overlap: forbid", other, one)];
        assert_eq!(both[0].len(), both[1].len(), "one | other is as other | one: {both:#?}");
        assert_eq!(told("", one, other), Vec::<String>::new(), "nothing is refused where it is not forbidden");
        !both[0].is_empty()
    }

    #[test]
    fn what_meets_is_told_at_the_later_one() {
        assert_eq!(
            told("item_overlap: forbid", "", "scope: {include: {skus: [a]}}"),
            [
                "c.yaml:28:1: scope: could be active for one product together with `one`, which `item_overlap: forbid` refuses (the \
              other is in c.yaml on line 14: end one before the other begins, or name other products)"
            ]
        );
    }

    #[test]
    fn scopes_meet_by_a_sku_a_category_or_all() {
        let scope = |include: &str, exclude: &str| format!("scope: {{include: {{{include}}}, exclude: {{{exclude}}}}}");
        let a = scope("skus: [a]", "");
        assert!(meet(&a, &scope("skus: [b, a]", "")));
        assert!(!meet(&a, &scope("skus: [b]", "")));
        assert!(meet(&a, &scope("categories: [pens]", "")), "a sku and a category count as shared");
        assert!(meet(&a, ""));
        assert!(!meet(&a, &scope("all: true", "skus: [a]")));
        assert!(!meet(&a, &scope("categories: [pens]", "skus: [a]")));
        assert!(meet(&scope("categories: [pens]", ""), &scope("categories: [pens, bags]", "")));
        assert!(!meet(&scope("categories: [pens]", ""), &scope("categories: [bags]", "")));
        assert!(!meet(&scope("categories: [pens]", ""), &scope("all: true", "categories: [pens]")));
        assert!(meet("", ""));
    }

    #[test]
    fn stores_meet_where_both_may_cover_one() {
        assert!(!meet("owner: shop", "owner: mart"));
        assert!(meet("owner: platform", "owner: mart"));
        assert!(!meet("owner: platform\nscope: {include: {stores: [shop]}}", "owner: mart"));
        assert!(!meet("owner: platform\nscope: {include: {all: true}, exclude: {stores: [mart]}}", "owner: mart"));
        assert!(meet("owner: platform\nscope: {include: {stores: [shop, mart]}}", "owner: platform"));
        assert!(!meet(
            "owner: platform\nscope: {include: {stores: [shop]}}",
            "owner: platform\nscope: {include: {stores: [mart]}}"
        ));
    }

    #[test]
    fn windows_and_schedules_meet_at_a_moment() {
        assert!(!meet(DAY, "window: {start: \"2026-11-12T00:00:00Z\"}"), "the end is not in the window");
        assert!(meet(DAY, "window: {start: \"2026-11-11T23:59:59Z\"}"));
        assert!(!meet("window: {end: \"2026-11-12T00:00:00Z\"}", "window: {start: \"2026-11-12T00:00:00Z\"}"));
        let at = |days: &str, from: &str, to: &str| format!("schedule: [{{days: [{days}], from: \"{from}\", to: \"{to}\"}}]");
        assert!(!meet(&at("", "10:00", "12:00"), &at("", "12:00", "14:00")));
        assert!(meet(&at("", "10:00", "12:01"), &at("", "12:00", "14:00")));
        assert!(!meet(&at("mon", "10:00", "12:00"), &at("tue", "10:00", "12:00")));
        assert!(meet(&at("mon", "22:00", "02:00"), &at("tue", "01:00", "03:00")), "past midnight");
        assert!(!meet(&format!("{DAY}\n{}", at("mon", "10:00", "12:00")), DAY), "that day is a Wednesday");
        assert!(meet(&format!("{DAY}\n{}", at("wed", "10:00", "12:00")), DAY));
    }

    #[test]
    fn only_published_item_promotions_count() {
        assert!(!meet("status: draft", ""));
        assert!(!meet("status: paused", ""));
    }
}
