//! Where do totals stand between two starts? In one file beside the archive: what was added and how far the log was read
//! change in one step, so that a crash counts nothing twice and forgets nothing.
//!
//! The file holds nothing that the log and the archive do not: one of another layout or another store is begun anew.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokka_ledger::model::Cursor;
use tokka_ledger::name::Name;

use super::facts::{Coupon, OrderRow};
use super::fold::{Cell, Changes, Entry, key};
use super::people::{EXACT_MAX, People};
use super::totals::{Granted, Seller, Stat};

/// What the bytes of the tables mean; another number means something else.
const LAYOUT: u32 = 1;

type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta");
const ORDERS: Bytes = Bytes::new("orders");
const STATS: Bytes = Bytes::new("stats");
const CROWDS: Bytes = Bytes::new("crowds");
const PEOPLE: Bytes = Bytes::new("people");
const SELLERS: Bytes = Bytes::new("sellers");
const FUNDERS: Bytes = Bytes::new("funders");
const GIVEN: Bytes = Bytes::new("given");
const COUPONS: Bytes = Bytes::new("coupons");
const ENTRIES: Bytes = Bytes::new("entries");
const STATE: &str = "state";

/// Why totals cannot be read or written: the disk, or bytes that are not ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the totals cannot be kept: {0}")]
    Because(String),
    /// The server stops.
    #[error("the totals are closed")]
    Closed,
}

impl<E: Into<redb::Error>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Because(error.into().to_string())
    }
}

/// How far the log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    layout: u32,
    /// Whose log it is.
    store: String,
    /// The archive is read to its end; before, only it is read.
    pub(crate) in_log: bool,
    /// All up to here is counted.
    pub(crate) cursor: Cursor,
    /// Everything that happened before is counted; the store's clock.
    pub(crate) as_of: i64,
    pub(crate) gaps: i64,
    pub(crate) unreadable: i64,
}

/// How many different people stand in a cell.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Crowd {
    /// While they stand in [`PEOPLE`] one by one.
    count: u32,
    /// Afterwards.
    #[serde(with = "serde_bytes")]
    sketch: Option<Vec<u8>>,
}

/// The totals of one store.
#[derive(Debug)]
pub(crate) struct Tables {
    database: Database,
}

impl Tables {
    /// Opens the totals of a store, or begins them.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn open(path: &Path, store: &str) -> Result<Self, Broken> {
        let opened = Database::create(path);
        let tables = match opened {
            Ok(database) => Self { database },
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => return Err(redb::DatabaseError::DatabaseAlreadyOpen.into()),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the file of totals cannot be read: they are counted anew");
                std::fs::remove_file(path).map_err(|error| Broken::Because(error.to_string()))?;
                Self { database: Database::create(path)? }
            }
        };
        let known = tables.stored_state()?;
        if known.as_ref().is_none_or(|state| state.layout != LAYOUT || state.store != store) {
            tables.begin_anew(store)?;
        }
        Ok(tables)
    }

    fn begin_anew(&self, store: &str) -> Result<(), Broken> {
        let write = self.database.begin_write()?;
        for table in [ORDERS, STATS, CROWDS, PEOPLE, SELLERS, FUNDERS, GIVEN, COUPONS, ENTRIES] {
            write.delete_table(table)?;
            write.open_table(table)?;
        }
        let state = State { layout: LAYOUT, store: store.to_owned(), ..State::default() };
        put_state(&write, &state)?;
        write.commit()?;
        Ok(())
    }

    fn stored_state(&self) -> Result<Option<State>, Broken> {
        let read = self.database.begin_read()?;
        let table = match read.open_table(META) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bytes = table.get(STATE)?;
        // One that cannot be read is of another layout.
        Ok(bytes.and_then(|bytes| postcard::from_bytes(bytes.value()).ok()))
    }

    /// How far the log was read.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn state(&self) -> Result<State, Broken> {
        self.stored_state()?.ok_or_else(|| Broken::Because("their state is gone".to_owned()))
    }

    /// What is kept of orders, by their keys; one never seen is the first.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn orders(&self, keys: impl Iterator<Item = Vec<u8>>) -> Result<BTreeMap<Vec<u8>, OrderRow>, Broken> {
        self.rows(ORDERS, keys)
    }

    fn rows<T: DeserializeOwned>(
        &self,
        table: Bytes,
        keys: impl Iterator<Item = Vec<u8>>,
    ) -> Result<BTreeMap<Vec<u8>, T>, Broken> {
        let table = self.database.begin_read()?.open_table(table)?;
        let mut rows = BTreeMap::new();
        for key in keys {
            if let Some(bytes) = table.get(key.as_slice())? {
                rows.insert(key, decode(bytes.value())?);
            }
        }
        Ok(rows)
    }

    /// What is in wallets, by user and place.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn coupons(&self, keys: impl Iterator<Item = Vec<u8>>) -> Result<BTreeMap<Vec<u8>, Coupon>, Broken> {
        self.rows(COUPONS, keys)
    }

    /// Adds changes to the totals, and notes how far the log was read with them.
    ///
    /// # Errors
    /// [`Broken`]; then nothing has changed.
    pub(crate) fn apply(&self, changes: &Changes, state: &State) -> Result<(), Broken> {
        let write = self.database.begin_write()?;
        {
            let mut orders = write.open_table(ORDERS)?;
            for (key, row) in &changes.orders {
                orders.insert(key.as_slice(), encode(row)?.as_slice())?;
            }
            let mut stats = write.open_table(STATS)?;
            for (cell, more) in &changes.stats {
                add(&mut stats, &cell.key(), more, Stat::add)?;
            }
            let mut sellers = write.open_table(SELLERS)?;
            for ((day, store), more) in &changes.sellers {
                add(&mut sellers, &key(&[day, store]), more, Seller::add)?;
            }
            let mut funders = write.open_table(FUNDERS)?;
            for (parts, more) in &changes.funders {
                add(&mut funders, &key(&parts.each_ref().map(String::as_str)), more, Granted::add)?;
            }
            let mut given = write.open_table(GIVEN)?;
            for ((day, payer), more) in &changes.given {
                add(&mut given, &key(&[day, payer]), more, Granted::add)?;
            }
            let mut coupons = write.open_table(COUPONS)?;
            for (key, coupon) in &changes.coupons {
                coupons.insert(key.as_slice(), encode(coupon)?.as_slice())?;
            }
            let mut entries = write.open_table(ENTRIES)?;
            for (key, entry) in &changes.entries {
                entries.insert(key.as_slice(), encode(entry)?.as_slice())?;
            }
            let (mut crowds, mut people) = (write.open_table(CROWDS)?, write.open_table(PEOPLE)?);
            for (cell, more) in &changes.people {
                join(&mut crowds, &mut people, cell, more)?;
            }
        }
        put_state(&write, state)?;
        write.commit()?;
        Ok(())
    }

    /// Statistics of the days from `first` to `last`, both within; empty: no bound.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn stats(&self, first: &str, last: &str, mut each: impl FnMut(Cell, Stat)) -> Result<(), Broken> {
        let table = self.database.begin_read()?.open_table(STATS)?;
        for row in table.range::<&[u8]>(days(first, last).as_ref_bounds())? {
            let (key, value) = row?;
            let (cell, _) = Cell::of_key(key.value()).ok_or_else(|| Broken::Because("a key of statistics".to_owned()))?;
            each(cell, decode(value.value())?);
        }
        Ok(())
    }

    /// Brings the people of some days, by cell and role: `each` is handed what adds them to a set.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn people(
        &self,
        first: &str,
        last: &str,
        mut each: impl FnMut(&Cell, &str, &dyn Fn(&mut People) -> Result<(), Broken>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let read = self.database.begin_read()?;
        let (crowds, people) = (read.open_table(CROWDS)?, read.open_table(PEOPLE)?);
        for row in crowds.range::<&[u8]>(days(first, last).as_ref_bounds())? {
            let (key, value) = row?;
            let (cell, role) = Cell::of_key(key.value()).ok_or_else(|| Broken::Because("a key of people".to_owned()))?;
            let crowd: Crowd = decode(value.value())?;
            each(&cell, &role, &|set| match &crowd.sketch {
                Some(sketch) => set.add_sketch(sketch).map_err(Broken::Because),
                None => each_person(&people, key.value(), |person| set.add(person)),
            })?;
        }
        Ok(())
    }

    /// What sellers sold, funders funded and givers gave on some days.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn settlement(&self, first: &str, last: &str) -> Result<Settlement, Broken> {
        let read = self.database.begin_read()?;
        let mut settlement = Settlement::default();
        let range = days(first, last);
        for row in read.open_table(SELLERS)?.range::<&[u8]>(range.as_ref_bounds())? {
            let (key, value) = row?;
            let [_, store] = parts(key.value())?;
            settlement.sellers.entry(store).or_default().add(&decode(value.value())?);
        }
        for row in read.open_table(FUNDERS)?.range::<&[u8]>(range.as_ref_bounds())? {
            let (key, value) = row?;
            let [_, payer, promotion, stage, seller] = parts(key.value())?;
            settlement.funders.entry([payer, promotion, stage, seller]).or_default().add(&decode(value.value())?);
        }
        for row in read.open_table(GIVEN)?.range::<&[u8]>(range.as_ref_bounds())? {
            let (key, value) = row?;
            let [_, payer] = parts(key.value())?;
            settlement.given.entry(payer).or_default().add(&decode(value.value())?);
        }
        Ok(settlement)
    }

    /// At most `max` entries of some days behind a key, each with its own.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn entries(&self, first: &str, last: &str, after: &[u8], max: usize) -> Result<Vec<(Vec<u8>, Entry)>, Broken> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let mut range = days(first, last);
        if !after.is_empty() {
            range.0 = Bound::Excluded(after.to_vec());
        }
        let mut entries = Vec::new();
        for row in table.range::<&[u8]>(range.as_ref_bounds())?.take(max) {
            let (key, value) = row?;
            entries.push((key.value().to_vec(), decode(value.value())?));
        }
        Ok(entries)
    }
}

/// A statement.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    /// By store; `` counts whole orders.
    pub(crate) sellers: BTreeMap<String, Seller>,
    /// By payer, promotion, stage and seller.
    pub(crate) funders: BTreeMap<[String; 4], Granted>,
    /// By payer.
    pub(crate) given: BTreeMap<String, Granted>,
}

/// Keys of days.
struct Days(Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Days {
    fn as_ref_bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.0.as_ref().map(Vec::as_slice), self.1.as_ref().map(Vec::as_slice))
    }
}

/// A day is the first part of a key, and all days are of one length.
fn days(first: &str, last: &str) -> Days {
    let begin = if first.is_empty() { Bound::Unbounded } else { Bound::Included(key(&[first])) };
    // No part of a name is longer than 255 bytes, so that no key of the last day is beyond it.
    let end = if last.is_empty() { Bound::Unbounded } else { Bound::Included([&key(&[last])[..], &[u8::MAX; 2]].concat()) };
    Days(begin, end)
}

fn parts<const N: usize>(bytes: &[u8]) -> Result<[String; N], Broken> {
    let name = Name::from_bytes(bytes);
    let parts = name.parts().and_then(|parts| <[&str; N]>::try_from(parts).ok());
    parts.map(|parts| parts.map(str::to_owned)).ok_or_else(|| Broken::Because("a key of a statement".to_owned()))
}

/// Adds to what stands under a key.
fn add<T: Default + Serialize + DeserializeOwned>(
    table: &mut Table<'_, &'static [u8], &'static [u8]>,
    key: &[u8],
    more: &T,
    add: fn(&mut T, &T),
) -> Result<(), Broken> {
    let mut sum = match table.get(key)? {
        Some(bytes) => decode(bytes.value())?,
        None => T::default(),
    };
    add(&mut sum, more);
    table.insert(key, encode(&sum)?.as_slice())?;
    Ok(())
}

/// Adds people to a cell: one by one, until there are too many.
fn join(
    crowds: &mut Table<'_, &'static [u8], &'static [u8]>,
    people: &mut Table<'_, &'static [u8], &'static [u8]>,
    cell: &[u8],
    more: &std::collections::BTreeSet<u128>,
) -> Result<(), Broken> {
    let mut crowd: Crowd = match crowds.get(cell)? {
        Some(bytes) => decode(bytes.value())?,
        None => Crowd::default(),
    };
    if let Some(sketch) = &crowd.sketch {
        let mut all = People::default();
        all.add_sketch(sketch).map_err(Broken::Because)?;
        more.iter().for_each(|person| all.add(*person));
        crowd.sketch = all.sketched();
    } else {
        for person in more {
            let key = [cell, &person.to_be_bytes()].concat();
            if people.insert(key.as_slice(), [].as_slice())?.is_none() {
                crowd.count = crowd.count.saturating_add(1);
            }
        }
        if usize::try_from(crowd.count).is_ok_and(|count| count > EXACT_MAX) {
            let mut all = People::default();
            each_person(people, cell, |person| all.add(person))?;
            crowd = Crowd { count: 0, sketch: all.sketched() };
            people.retain_in::<&[u8], _>(of_cell(cell).as_ref_bounds(), |_, _| false)?;
        }
    }
    crowds.insert(cell, encode(&crowd)?.as_slice())?;
    Ok(())
}

fn each_person(
    people: &impl ReadableTable<&'static [u8], &'static [u8]>,
    cell: &[u8],
    mut each: impl FnMut(u128),
) -> Result<(), Broken> {
    for row in people.range::<&[u8]>(of_cell(cell).as_ref_bounds())? {
        let (key, _) = row?;
        let person = key.value().strip_prefix(cell).and_then(|person| person.try_into().ok());
        each(u128::from_be_bytes(person.ok_or_else(|| Broken::Because("a person".to_owned()))?));
    }
    Ok(())
}

/// The people of a cell: its key, and 16 bytes.
fn of_cell(cell: &[u8]) -> Days {
    Days(Bound::Included([cell, &[0; 16]].concat()), Bound::Included([cell, &[u8::MAX; 16]].concat()))
}

fn put_state(write: &WriteTransaction, state: &State) -> Result<(), Broken> {
    write.open_table(META)?.insert(STATE, encode(state)?.as_slice())?;
    Ok(())
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, Broken> {
    postcard::to_allocvec(value).map_err(|error| Broken::Because(error.to_string()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Broken> {
    postcard::from_bytes(bytes).map_err(|error| Broken::Because(error.to_string()))
}
