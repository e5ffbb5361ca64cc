//! What do the totals say of some days? Statistics, settlement, and the entries that it is the sum of.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prost::Message;
use tokka_core::basket::FieldViolation;
use tokka_proto::v1;

use super::fold::{Cell, Entry, Role};
use super::follow::Totals;
use super::people::People;
use super::tables::Broken;
use super::totals::{Seller, Stat};
use crate::error::ApiError;
use crate::page_token;
use crate::response::insight as response;

const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;
const PROMOTIONS_MAX: usize = 1_000;

impl From<Broken> for ApiError {
    fn from(error: Broken) -> Self {
        match error {
            Broken::Closed => Self::Stopping,
            broken @ Broken::Because(_) => Self::Bug(broken.to_string()),
        }
    }
}

/// What the catalogue says by now.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) currency: String,
    pub(super) zone: TimeZone,
}

/// From which day to which; empty: no bound.
#[derive(Debug, Clone)]
pub(super) struct Days {
    first: String,
    last: String,
}

/// Checks both days.
///
/// # Errors
/// [`ApiError::Invalid`].
pub(super) fn days(first: String, last: String) -> Result<Days, ApiError> {
    let mut wrong = Vec::new();
    let days = days_of(first, last, &mut wrong);
    if wrong.is_empty() { Ok(days) } else { Err(ApiError::Invalid(wrong)) }
}

fn days_of(first: String, last: String, wrong: &mut Vec<FieldViolation>) -> Days {
    for (field, day) in [("first_day", &first), ("last_day", &last)] {
        // As it is written in keys: other ways of writing a day sort elsewhere.
        if !day.is_empty() && Date::from_str(day).ok().map(|date| date.to_string()).as_ref() != Some(day) {
            wrong.push(FieldViolation::new(field, format!("`{day}` is not a day like `2026-11-11`")));
        }
    }
    if !first.is_empty() && !last.is_empty() && last < first && wrong.is_empty() {
        wrong.push(FieldViolation::new("last_day", format!("`{last}` is before `{first}`")));
    }
    Days { first, last }
}

fn page_size(asked: i32, wrong: &mut Vec<FieldViolation>) -> usize {
    match usize::try_from(asked) {
        Ok(0) => PAGE_SIZE,
        Ok(size) => size.min(PAGE_SIZE_MAX),
        Err(_) => {
            wrong.push(FieldViolation::new("page_size", format!("`{asked}` is below 0")));
            PAGE_SIZE
        }
    }
}

/// What is asked of statistics.
#[derive(Debug)]
pub(super) struct StatsAsked {
    days: Days,
    promotions: BTreeSet<String>,
    store: String,
    channel: Option<String>,
    by: BTreeSet<v1::StatsDimension>,
    size: usize,
    begin: usize,
    page: page_token::Of,
}

/// Checks what is asked of statistics.
///
/// # Errors
/// [`ApiError::Invalid`].
pub(super) fn stats_asked(request: v1::PromotionStatsRequest) -> Result<StatsAsked, ApiError> {
    let list = v1::PromotionStatsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let page = page_token::Of::new(&list.encode_to_vec(), "");
    let mut wrong = Vec::new();
    let days = days_of(request.first_day, request.last_day, &mut wrong);
    let size = page_size(request.page_size, &mut wrong);
    if request.promotions.len() > PROMOTIONS_MAX {
        let count = request.promotions.len();
        wrong.push(FieldViolation::new("promotions", format!("{count} promotions, at most {PROMOTIONS_MAX} are taken")));
    }
    let mut by = BTreeSet::new();
    for (index, dimension) in request.by.iter().enumerate() {
        match v1::StatsDimension::try_from(*dimension) {
            Ok(v1::StatsDimension::Unspecified) | Err(_) => {
                wrong.push(FieldViolation::new(format!("by[{index}]"), format!("`{dimension}` is no dimension")));
            }
            Ok(dimension) => drop(by.insert(dimension)),
        }
    }
    if by.contains(&v1::StatsDimension::CouponChannel) && !by.contains(&v1::StatsDimension::Promotion) {
        wrong.push(FieldViolation::new("by", "coupons are told apart by their channel only together with promotions"));
    }
    let begin = if request.page_token.is_empty() { Some(0) } else { page.read(&request.page_token) };
    if begin.is_none() {
        wrong.push(FieldViolation::new("page_token", "it is not of this list"));
    }
    if !wrong.is_empty() {
        return Err(ApiError::Invalid(wrong));
    }
    let promotions = request.promotions.into_iter().collect();
    let (store, channel, begin) = (request.store, request.channel, begin.unwrap_or(0));
    Ok(StatsAsked { days, promotions, store, channel, by, size, begin, page })
}

impl StatsAsked {
    /// The row that a cell belongs to; `None`: no row.
    fn row_of(&self, cell: &Cell) -> Option<Cell> {
        let by = |dimension| self.by.contains(&dimension);
        let of_promotions = by(v1::StatsDimension::Promotion) || !self.promotions.is_empty();
        let wanted = of_promotions != cell.promotion.is_empty()
            && (self.promotions.is_empty() || self.promotions.contains(&cell.promotion))
            && self.channel.as_ref().is_none_or(|channel| *channel == cell.channel);
        let of_store = match (self.store.is_empty(), by(v1::StatsDimension::Store)) {
            (true, false) => cell.store.is_empty(),
            (true, true) => !cell.store.is_empty(),
            (false, _) => cell.store == self.store,
        };
        let part = |kept: bool, part: &String| if kept { part.clone() } else { String::new() };
        (wanted && of_store).then(|| Cell {
            day: part(by(v1::StatsDimension::Day), &cell.day),
            promotion: part(by(v1::StatsDimension::Promotion), &cell.promotion),
            store: part(by(v1::StatsDimension::Store), &cell.store),
            channel: part(by(v1::StatsDimension::Channel), &cell.channel),
            coupon_channel: part(by(v1::StatsDimension::CouponChannel), &cell.coupon_channel),
        })
    }
}

/// The roles in which people are counted, in the order of the answer.
pub(crate) const ROLES: [Role; 5] = [Role::Took, Role::WasIssued, Role::Claimed, Role::Used, Role::GaveBack];

/// A page of statistics.
///
/// # Errors
/// [`ApiError::Bug`]: the totals cannot be read.
pub(super) fn stats(totals: &Totals, asked: &StatsAsked, here: Here) -> Result<v1::PromotionStatsResponse, ApiError> {
    let counted = counted(totals, &here)?;
    let Days { first, last } = &asked.days;
    let mut rows: BTreeMap<Cell, Stat> = BTreeMap::new();
    totals.with(|tables| {
        tables.stats(first, last, |cell, stat| {
            if let Some(row) = asked.row_of(&cell) {
                rows.entry(row).or_default().add(&stat);
            }
        })
    })?;
    let next = asked.begin.saturating_add(asked.size);
    let next_page_token = if next < rows.len() { asked.page.write(next) } else { String::new() };
    let page: Vec<(Cell, Stat)> = rows.into_iter().skip(asked.begin).take(asked.size).collect();
    let mut people: BTreeMap<&Cell, [People; 5]> = page.iter().map(|(cell, _)| (cell, Default::default())).collect();
    let by_role = |cell: &Cell, role: &str, add: &dyn Fn(&mut People) -> Result<(), Broken>| {
        let at = ROLES.iter().position(|of| of.name() == role);
        let row = asked.row_of(cell).and_then(|row| people.get_mut(&row));
        match at.zip(row).and_then(|(at, row)| row.get_mut(at)) {
            Some(people) => add(people),
            None => Ok(()),
        }
    };
    totals.with(|tables| tables.people(first, last, by_role))?;
    let rows = page.iter().map(|(cell, stat)| {
        let people = people.get(cell).map(|sets| sets.each_ref().map(People::count)).unwrap_or_default();
        response::stats_row(cell, stat, &people)
    });
    Ok(v1::PromotionStatsResponse { rows: rows.collect(), counted: Some(counted), currency: here.currency, next_page_token })
}

/// A statement.
///
/// # Errors
/// [`ApiError::Bug`]: the totals cannot be read.
pub(super) fn settlement(totals: &Totals, days: &Days, here: Here) -> Result<v1::SettlementResponse, ApiError> {
    let counted = counted(totals, &here)?;
    let mut found = totals.with(|tables| tables.settlement(&days.first, &days.last))?;
    let mut total = found.sellers.remove("").unwrap_or_default();
    for seller in found.sellers.values() {
        total.add(&Seller { orders: 0, ..*seller });
    }
    let sellers = found.sellers.iter().map(|(store, seller)| response::seller(store, seller));
    let funders = found.funders.iter().map(|(key, granted)| response::funder(key, granted));
    let given = found.given.iter().map(|(payer, granted)| response::given(payer, granted));
    Ok(v1::SettlementResponse {
        sellers: sellers.collect(),
        total: Some(response::seller("", &total)),
        funders: funders.collect(),
        given: given.collect(),
        counted: Some(counted),
        currency: here.currency,
    })
}

/// What is asked of entries.
#[derive(Debug)]
pub(super) struct EntriesAsked {
    days: Days,
    size: usize,
    after: Vec<u8>,
    page: page_token::Of,
}

/// Checks what is asked of entries.
///
/// # Errors
/// [`ApiError::Invalid`].
pub(super) fn entries_asked(request: v1::ListEntriesRequest) -> Result<EntriesAsked, ApiError> {
    let list = v1::ListEntriesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let page = page_token::Of::new(&list.encode_to_vec(), "");
    let mut wrong = Vec::new();
    let days = days_of(request.first_day, request.last_day, &mut wrong);
    let size = page_size(request.page_size, &mut wrong);
    let after = if request.page_token.is_empty() { Some(Vec::new()) } else { page.read_key(&request.page_token) };
    if after.is_none() {
        wrong.push(FieldViolation::new("page_token", "it is not of this list"));
    }
    if !wrong.is_empty() {
        return Err(ApiError::Invalid(wrong));
    }
    Ok(EntriesAsked { days, size, after: after.unwrap_or_default(), page })
}

/// A page of entries.
///
/// # Errors
/// [`ApiError::Bug`]: the totals cannot be read.
pub(super) fn entries(totals: &Totals, asked: &EntriesAsked, here: Here) -> Result<v1::ListEntriesResponse, ApiError> {
    let counted = counted(totals, &here)?;
    let Days { first, last } = &asked.days;
    let found = totals.with(|tables| tables.entries(first, last, &asked.after, asked.size))?;
    let full = found.len() == asked.size;
    let last = found.last().filter(|_| full);
    let next_page_token = last.map(|(key, _)| asked.page.write_key(key)).unwrap_or_default();
    let mut entries = Vec::with_capacity(found.len());
    for (_, entry) in &found {
        entries.push(response::entry(entry, order_of(entry)?));
    }
    Ok(v1::ListEntriesResponse { entries, next_page_token, counted: Some(counted), currency: here.currency })
}

fn order_of(entry: &Entry) -> Result<Option<v1::OrderReference>, ApiError> {
    if entry.order.is_empty() {
        return Ok(None);
    }
    let read = v1::OrderReference::decode(entry.order.as_slice());
    read.map(Some).map_err(|error| ApiError::Bug(format!("an order reference cannot be read: {error}")))
}

/// Read before what it speaks of: nothing that is counted by then is missing.
fn counted(totals: &Totals, here: &Here) -> Result<v1::Counted, ApiError> {
    let as_of = totals.as_of();
    let state = totals.with(super::tables::Tables::state)?;
    Ok(v1::Counted {
        as_of: Some(crate::response::reservation::moment(as_of)),
        gaps: state.gaps,
        unreadable: state.unreadable,
        open_day: here.zone.to_datetime(Timestamp::from_millisecond(as_of).unwrap_or_default()).date().to_string(),
        rebuilding: totals.rebuilding(),
    })
}
