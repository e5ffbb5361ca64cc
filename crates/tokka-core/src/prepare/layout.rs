//! How do the lines of a basket stand to each other? By store, by sku, by group of equal products, and in the order of
//! names that breaks ties.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::basket::{Basket, Line};
use crate::table::{Ix, LineIx, StoreIx, Table};

/// The order of a basket's lines and stores.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    lines: &'a [Line],
    places: Table<LineIx, Place>,
    first_lines: SmallVec<[LineIx; 8]>,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    store: StoreIx,
    group: u32,
    first_of_sku: LineIx,
}

impl<'a> Layout<'a> {
    pub(crate) fn of(basket: &'a Basket) -> Self {
        let lines = basket.lines();
        let stores = Stores::of(lines);
        let (skus, first_of_skus) = numbered(lines, |line| &line.sku);
        let first_of_sku = |sku: u32| usize::try_from(sku).ok().and_then(|sku| first_of_skus.get(sku)).copied();
        let mut places: Table<LineIx, Place> = Table::new();
        let mut groups = 0u32;
        for (position, (store, sku)) in stores.of_lines.iter().zip(&skus).enumerate() {
            let first = first_of_sku(*sku).unwrap_or(LineIx::new(position));
            // Few baskets have a sku twice, so its lines are looked through.
            let earlier = (first.position()..position).filter(|at| skus.get(*at) == Some(sku)).map(LineIx::new);
            let same = earlier.map(|at| places.at(at)).find(|place| place.store == *store);
            let group = same.map_or(groups, |place| place.group);
            if group == groups {
                groups = groups.saturating_add(1);
            }
            places.push(Place { store: *store, group, first_of_sku: first });
        }
        Self { lines, places, first_lines: stores.first_lines }
    }

    /// The sub-order of a line.
    pub(crate) fn store(&self, line: LineIx) -> StoreIx {
        self.places.at(line).store
    }

    pub(crate) fn store_position(&self, line: LineIx) -> usize {
        self.store(line).position()
    }

    pub(crate) fn stores(&self) -> usize {
        self.first_lines.len()
    }

    /// The first line of each store, in order.
    pub(crate) fn first_lines(&self) -> &[LineIx] {
        &self.first_lines
    }

    /// The group (store, sku) of a line, numbered in order of each group's first line.
    pub(crate) fn group(&self, line: LineIx) -> u32 {
        self.places.at(line).group
    }

    /// The first line that has the same sku: it names the sku in counters.
    pub(crate) fn first_of_sku(&self, line: LineIx) -> LineIx {
        self.places.at(line).first_of_sku
    }

    /// Lines by their ids, bytewise.
    pub(crate) fn compare_lines(&self, a: Option<LineIx>, b: Option<LineIx>) -> Ordering {
        let id = |line: Option<LineIx>| line.and_then(|line| self.lines.get(line.position())).map(|line| &line.line_id);
        id(a).cmp(&id(b))
    }

    /// Stores (by position) by their ids, bytewise.
    pub(crate) fn compare_stores(&self, a: u32, b: u32) -> Ordering {
        let id = |store: u32| {
            let first = usize::try_from(store).ok().and_then(|store| self.first_lines.get(store))?;
            self.lines.get(first.position()).map(|line| &line.store)
        };
        id(a).cmp(&id(b))
    }
}

/// The stores of a basket, in order of their first line.
struct Stores {
    of_lines: SmallVec<[StoreIx; 32]>,
    first_lines: SmallVec<[LineIx; 8]>,
}

/// Up to this many stores are looked through one by one.
const STORES_FEW: usize = 16;

impl Stores {
    fn of(lines: &[Line]) -> Self {
        let mut stores = Self { of_lines: SmallVec::with_capacity(lines.len()), first_lines: SmallVec::new() };
        for (position, line) in lines.iter().enumerate() {
            let is = |first: &LineIx| lines.get(first.position()).is_some_and(|first| first.store == line.store);
            let known = stores.first_lines.iter().rposition(is);
            let store = known.unwrap_or_else(|| {
                stores.first_lines.push(LineIx::new(position));
                stores.first_lines.len().saturating_sub(1)
            });
            if store >= STORES_FEW {
                return Self::of_many(lines);
            }
            stores.of_lines.push(StoreIx::new(store));
        }
        stores
    }

    fn of_many(lines: &[Line]) -> Self {
        let (numbers, firsts) = numbered(lines, |line| &line.store);
        let stores = numbers.iter().map(|number| StoreIx::new(usize::try_from(*number).unwrap_or(0)));
        Self { of_lines: stores.collect(), first_lines: firsts.into_iter().collect() }
    }
}

/// Numbers equal keys in order of their first line: the number of each line, and the first line of each number.
fn numbered<'a, K: Eq + Hash>(lines: &'a [Line], key: impl Fn(&'a Line) -> K) -> (SmallVec<[u32; 32]>, SmallVec<[LineIx; 32]>) {
    let hasher = FixedState::default();
    let mut seen: HashTable<(u64, u32)> = HashTable::with_capacity(lines.len());
    let mut numbers: SmallVec<[u32; 32]> = SmallVec::with_capacity(lines.len());
    let mut firsts: SmallVec<[LineIx; 32]> = SmallVec::new();
    for (position, line) in lines.iter().enumerate() {
        let own = key(line);
        let hash = hasher.hash_one(&own);
        let first = |number: u32| usize::try_from(number).ok().and_then(|number| firsts.get(number));
        let same = |(other, number): &(u64, u32)| {
            *other == hash && first(*number).and_then(|first| lines.get(first.position())).is_some_and(|first| key(first) == own)
        };
        let number = match seen.find(hash, same) {
            Some((_, number)) => *number,
            None => {
                let number = u32::try_from(firsts.len()).unwrap_or(u32::MAX);
                seen.insert_unique(hash, (hash, number), |(hash, _)| *hash);
                firsts.push(LineIx::new(position));
                number
            }
        };
        numbers.push(number);
    }
    (numbers, firsts)
}
