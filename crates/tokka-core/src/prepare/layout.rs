//! How do the lines of a basket stand to each other? By store, by group of equal products, and in the order of names
//! that breaks ties.

use smallvec::SmallVec;

use crate::basket::{Basket, Line};
use crate::table::{Ix, LineIx, StoreIx, Table};

/// The order of a basket's lines and stores.
#[derive(Debug)]
pub(crate) struct Layout {
    store_of: Table<LineIx, StoreIx>,
    group_of: Table<LineIx, u32>,
    first_of_sku: Table<LineIx, LineIx>,
    line_rank: Table<LineIx, u32>,
    store_rank: SmallVec<[u32; 8]>,
    first_lines: SmallVec<[LineIx; 8]>,
}

impl Layout {
    pub(crate) fn of(basket: &Basket) -> Self {
        let lines = basket.lines();
        let mut first_lines: SmallVec<[LineIx; 8]> = SmallVec::new();
        let stores = numbered(&firsts(lines, |line| &line.store));
        let mut store_of = Table::new();
        for (position, store) in stores.rows().iter().enumerate() {
            let store = usize::try_from(*store).unwrap_or(0);
            if store == first_lines.len() {
                first_lines.push(LineIx::new(position));
            }
            store_of.push(StoreIx::new(store));
        }
        let line = |position: usize| lines.get(position);
        let store = |position: usize| first_lines.get(position).and_then(|first| line(first.position()));
        let store_rank = ranks(first_lines.len(), |a, b| store(a).map(|line| &line.store).cmp(&store(b).map(|line| &line.store)));
        let line_rank = ranks(lines.len(), |a, b| line(a).map(|line| &line.line_id).cmp(&line(b).map(|line| &line.line_id)));
        let group_of = numbered(&firsts(lines, |line| (&line.store, &line.sku)));
        let first_of_sku = firsts(lines, |line| &line.sku).into_iter().map(LineIx::new).collect();
        Self { store_of, group_of, first_of_sku, line_rank: line_rank.into_iter().collect(), store_rank, first_lines }
    }

    /// The sub-order of a line.
    pub(crate) fn store(&self, line: LineIx) -> StoreIx {
        *self.store_of.at(line)
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

    /// The rank of a line's id among all, bytewise.
    pub(crate) fn line_rank(&self, line: LineIx) -> u32 {
        *self.line_rank.at(line)
    }

    /// The rank of a store's id among all, bytewise.
    pub(crate) fn store_rank_at(&self, position: usize) -> u32 {
        self.store_rank.get(position).copied().unwrap_or(u32::MAX)
    }

    /// The group (store, sku) of a line, numbered in order of each group's first line.
    pub(crate) fn group(&self, line: LineIx) -> u32 {
        *self.group_of.at(line)
    }

    /// The first line that has the same sku: it names the sku in counters.
    pub(crate) fn first_of_sku(&self, line: LineIx) -> LineIx {
        *self.first_of_sku.at(line)
    }
}

/// The rank of each position under an order.
fn ranks(len: usize, compare: impl Fn(usize, usize) -> std::cmp::Ordering) -> SmallVec<[u32; 8]> {
    let mut order: SmallVec<[usize; 32]> = (0..len).collect();
    order.sort_unstable_by(|a, b| compare(*a, *b));
    let mut ranks: SmallVec<[u32; 8]> = SmallVec::from_elem(0, len);
    for (rank, position) in (0u32..).zip(order) {
        if let Some(slot) = ranks.get_mut(position) {
            *slot = rank;
        }
    }
    ranks
}

/// Of each line, the first line that has the same key.
fn firsts<'a, K: Ord>(lines: &'a [Line], key: impl Fn(&'a Line) -> K) -> SmallVec<[usize; 32]> {
    let key = |position: usize| lines.get(position).map(&key);
    let mut order: SmallVec<[usize; 32]> = (0..lines.len()).collect();
    order.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)).then(a.cmp(b)));
    let mut first_of: SmallVec<[usize; 32]> = SmallVec::from_elem(0, lines.len());
    for same in order.chunk_by(|a, b| key(*a) == key(*b)) {
        let Some(first) = same.first() else { continue };
        for position in same {
            if let Some(slot) = first_of.get_mut(*position) {
                *slot = *first;
            }
        }
    }
    first_of
}

/// Numbers the firsts in order, and gives every line the number of its first.
fn numbered(firsts: &[usize]) -> Table<LineIx, u32> {
    let mut numbers: Table<LineIx, u32> = Table::new();
    let mut next = 0u32;
    for (position, first) in firsts.iter().enumerate() {
        let number = match numbers.get(LineIx::new(*first)) {
            Some(number) if *first != position => *number,
            _ => {
                let number = next;
                next = next.saturating_add(1);
                number
            }
        };
        numbers.push(number);
    }
    numbers
}
