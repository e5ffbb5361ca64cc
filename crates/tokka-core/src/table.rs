//! How do parts of a quote name each other? By typed numbers into typed tables, so that a line is never mistaken
//! for a promotion.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;

/// A number into one kind of table.
pub trait Ix: Copy {
    /// From a position.
    fn new(position: usize) -> Self;
    /// The position.
    fn position(self) -> usize;
}

macro_rules! ix {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl Ix for $name {
            fn new(position: usize) -> Self {
                // INVARIANT: a rulebook has fewer than 2^32 documents, a basket at most 1,000 lines.
                Self(u32::try_from(position).unwrap_or(u32::MAX))
            }
            fn position(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}#{}", stringify!($name), self.0)
            }
        }
    )*};
}

ix! {
    /// A promotion of a rulebook. The order of these numbers is the order of application: priority descending,
    /// then id ascending.
    PromoIx,
    /// A gift of a rulebook.
    GiftIx,
    /// A line of a basket, in request order.
    LineIx,
    /// A store that a basket buys from, in order of its first line.
    StoreIx,
    /// A counter that a basket's promotions ask about.
    CounterIx,
}

/// A vector indexed by one kind of number.
#[derive(Clone)]
pub struct Table<I, T> {
    rows: Vec<T>,
    index: PhantomData<fn(I)>,
}

impl<I: Ix, T> Table<I, T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: Vec::new(), index: PhantomData }
    }

    /// Adds a row and answers its number.
    pub fn push(&mut self, row: T) -> I {
        let index = I::new(self.rows.len());
        self.rows.push(row);
        index
    }

    /// The row, if the number is of this table.
    #[must_use]
    pub fn get(&self, index: I) -> Option<&T> {
        self.rows.get(index.position())
    }

    /// The row of a number that this table made.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a typed number is made by the table that it indexes, and rows are never removed"
    )]
    pub fn at(&self, index: I) -> &T {
        &self.rows[index.position()]
    }

    /// The row of a number that this table made, to be changed.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "a typed number is made by the table that it indexes, and rows are never removed"
    )]
    pub fn at_mut(&mut self, index: I) -> &mut T {
        &mut self.rows[index.position()]
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is it empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows with their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (I, &T)> {
        self.rows.iter().enumerate().map(|(position, row)| (I::new(position), row))
    }

    /// The rows alone.
    #[must_use]
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// The rows alone, to be changed.
    pub fn rows_mut(&mut self) -> &mut [T] {
        &mut self.rows
    }
}

impl<I: Ix, T> Default for Table<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I, T: fmt::Debug> fmt::Debug for Table<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f)
    }
}

impl<I, T: PartialEq> PartialEq for Table<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<I: Ix, T> FromIterator<T> for Table<I, T> {
    fn from_iter<R: IntoIterator<Item = T>>(rows: R) -> Self {
        Self { rows: rows.into_iter().collect(), index: PhantomData }
    }
}

impl<I: Ix, T> Index<I> for Table<I, T> {
    type Output = T;

    fn index(&self, index: I) -> &T {
        self.at(index)
    }
}
