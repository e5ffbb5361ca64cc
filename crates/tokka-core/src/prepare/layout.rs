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
        let mut first_lines: SmallVec<[LineIx; 8]> = SmallVec::new();
        let (stores, _) = numbered(lines, |line| &line.store);
        let (groups, _) = numbered(lines, |line| (&line.store, &line.sku));
        let (skus, first_of_skus) = numbered(lines, |line| &line.sku);
        let mut places = Table::new();
        for (position, ((store, group), sku)) in stores.iter().zip(&groups).zip(&skus).enumerate() {
            let store = usize::try_from(*store).unwrap_or(0);
            if store == first_lines.len() {
                first_lines.push(LineIx::new(position));
            }
            let first_of_sku = usize::try_from(*sku).ok().and_then(|sku| first_of_skus.get(sku));
            let first_of_sku = first_of_sku.copied().unwrap_or(LineIx::new(position));
            places.push(Place { store: StoreIx::new(store), group: *group, first_of_sku });
        }
        Self { lines, places, first_lines }
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
