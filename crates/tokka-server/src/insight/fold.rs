//! What do facts add up to? Changes of totals: of one fact or of many, in any order between orders, the sums are the same.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use serde::{Deserialize, Serialize};
use tokka_ledger::name::Name;

use super::facts::{Coupon, Fact, OrderRow, Snapshot, What};
use super::people::{Person, person};
use super::totals::{Account, Granted, Seller, Stat};

/// What a row of people has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Paid an order.
    Took,
    /// Was given a coupon.
    WasIssued,
    /// Claimed one.
    Claimed,
    /// Paid an order with one.
    Used,
    /// Got the use of one back.
    GaveBack,
}

impl Role {
    /// In keys: it never changes.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Took => "took",
            Self::WasIssued => "issued",
            Self::Claimed => "claimed",
            Self::Used => "used",
            Self::GaveBack => "back",
        }
    }
}

/// What statistics are told apart by. Empty: the whole of it; of a channel: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) day: String,
    pub(crate) promotion: String,
    pub(crate) store: String,
    pub(crate) channel: String,
    pub(crate) coupon_channel: String,
}

impl Cell {
    /// The key of its statistics: days stand in order.
    pub(crate) fn key(&self) -> Vec<u8> {
        key(&[&self.day, &self.promotion, &self.store, &self.channel, &self.coupon_channel])
    }

    /// The key of its people in a role.
    pub(crate) fn people_key(&self, role: Role) -> Vec<u8> {
        key(&[&self.day, &self.promotion, &self.store, &self.channel, &self.coupon_channel, role.name()])
    }

    /// From a key of statistics, or of people with their role.
    pub(crate) fn of_key(bytes: &[u8]) -> Option<(Self, String)> {
        let name = Name::from_bytes(bytes);
        let parts = name.parts()?;
        let (day, promotion, store, channel, coupon_channel, role) = match parts[..] {
            [day, promotion, store, channel, coupon_channel] => (day, promotion, store, channel, coupon_channel, ""),
            [day, promotion, store, channel, coupon_channel, role] => (day, promotion, store, channel, coupon_channel, role),
            _ => return None,
        };
        let [day, promotion, store, channel, coupon_channel] =
            [day, promotion, store, channel, coupon_channel].map(str::to_owned);
        Some((Self { day, promotion, store, channel, coupon_channel }, role.to_owned()))
    }
}

/// A key of parts.
pub(crate) fn key(parts: &[&str]) -> Vec<u8> {
    Name::of(parts).as_bytes().to_vec()
}

/// One payment or return, for whoever wants each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) reservation_id: String,
    pub(crate) version: u64,
    pub(crate) at: i64,
    pub(crate) day: String,
    pub(crate) is_return: bool,
    pub(crate) user: Option<String>,
    pub(crate) channel: String,
    /// What the caller calls it, as on the wire.
    pub(crate) order: Vec<u8>,
    pub(crate) account: Account,
}

/// What is to be added to the totals, in one step with how far the log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) orders: BTreeMap<Vec<u8>, OrderRow>,
    pub(crate) stats: BTreeMap<Cell, Stat>,
    pub(crate) people: BTreeMap<Vec<u8>, BTreeSet<Person>>,
    /// By day and store; the store `` counts whole orders.
    pub(crate) sellers: BTreeMap<(String, String), Seller>,
    /// By day, payer, promotion, stage, seller.
    pub(crate) funders: BTreeMap<[String; 5], Granted>,
    /// By day and payer.
    pub(crate) given: BTreeMap<(String, String), Granted>,
    /// What is in wallets, by user and place.
    pub(crate) coupons: BTreeMap<Vec<u8>, Coupon>,
    /// By day, moment, order and version.
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
    /// Entries of the log that nobody can read.
    pub(crate) unreadable: i64,
}

impl Changes {
    /// Counts a fact in. Whoever calls has seen to it that no version of an order comes twice.
    pub(crate) fn add(&mut self, fact: &Fact) {
        self.orders.insert(fact.key.clone(), fact.row.clone());
        match &fact.what {
            What::Nothing => {}
            What::Reserved(order) => self.count(fact, order, |stat| stat.reserved = 1),
            What::Expired(order) => self.count(fact, order, |stat| stat.expired = 1),
            What::Cancelled(order) => self.count(fact, order, |stat| stat.cancelled = 1),
            What::Paid(order) => {
                self.paid(fact, order);
                self.book(fact, false, order.account.clone());
            }
            What::HandedOut { instance, coupon, issued } => {
                self.coupons.insert(instance.clone(), coupon.clone());
                self.handed_out(fact, coupon, *issued);
            }
            What::Returned { paid, before, after } => {
                self.returned(fact, paid, before, after);
                self.book(fact, true, before.account.less(&after.account));
            }
        }
    }

    fn handed_out(&mut self, fact: &Fact, coupon: &Coupon, issued: bool) {
        let cell = Cell {
            day: fact.day.clone(),
            promotion: coupon.design.clone(),
            coupon_channel: coupon.channel.clone(),
            ..Cell::default()
        };
        let (role, stat) = match issued {
            true => (Role::WasIssued, Stat { issued: 1, ..Stat::default() }),
            false => (Role::Claimed, Stat { claimed: 1, ..Stat::default() }),
        };
        self.person(fact, &cell, role);
        self.stats.entry(cell).or_default().add(&stat);
    }

    fn count(&mut self, fact: &Fact, order: &Snapshot, one: impl Fn(&mut Stat)) {
        for subject in subjects(order) {
            let mut stat = Stat::default();
            one(&mut stat);
            self.stats.entry(cell(fact, &subject)).or_default().add(&stat);
        }
    }

    fn paid(&mut self, fact: &Fact, order: &Snapshot) {
        for subject in subjects(order) {
            let (amounts, is_coupon) = (amounts(order, &subject), is_coupon(order, &subject));
            let stat = Stat {
                orders: 1,
                units: amounts.units,
                value: amounts.value,
                discount: amounts.discount,
                gifts: amounts.gifts,
                free_units: amounts.free_units,
                given_value: amounts.given_value,
                used: i64::from(is_coupon),
                ..Stat::default()
            };
            let cell = cell(fact, &subject);
            self.person(fact, &cell, Role::Took);
            if is_coupon {
                self.person(fact, &cell, Role::Used);
            }
            self.stats.entry(cell).or_default().add(&stat);
        }
    }

    fn returned(&mut self, fact: &Fact, paid: &Snapshot, before: &Snapshot, after: &Snapshot) {
        let of_paid = subjects(paid);
        let all: BTreeSet<Subject> = [paid, before, after].into_iter().flat_map(subjects).collect();
        for subject in all {
            let (was, is) = (amounts(before, &subject), amounts(after, &subject));
            let mut stat = Stat {
                units_returned: was.units.saturating_sub(is.units),
                discount_returned: was.discount.saturating_sub(is.discount),
                given_value: is.given_value.saturating_sub(was.given_value),
                ..Stat::default()
            };
            // One that a price of what remains brought in has no order of its own.
            if of_paid.contains(&subject) {
                let at_first = amounts(paid, &subject).units_of_order;
                stat.value_returned = was.value.saturating_sub(is.value);
                let (was, is) = (was.units_of_order, is.units_of_order);
                stat.orders_with_returns = i64::from(was == at_first && is < was);
                stat.orders_returned = i64::from(is == 0 && was > 0);
            }
            let cell = cell(fact, &subject);
            if is_coupon(before, &subject) && !is_coupon(after, &subject) {
                stat.used_returned = 1;
                self.person(fact, &cell, Role::GaveBack);
            }
            if stat != Stat::default() {
                self.stats.entry(cell).or_default().add(&stat);
            }
        }
    }

    fn person(&mut self, fact: &Fact, cell: &Cell, role: Role) {
        if let Some(user) = &fact.user {
            self.people.entry(cell.people_key(role)).or_default().insert(person(user));
        }
    }

    /// Puts a payment or a return into the books of its day.
    fn book(&mut self, fact: &Fact, is_return: bool, account: Account) {
        let day = || fact.day.clone();
        let granted = |amount: i64| match is_return {
            true => Granted { given: 0, back: amount },
            false => Granted { given: amount, back: 0 },
        };
        for (store, (units, column)) in &account.sellers {
            let mut seller = Seller::default();
            if is_return {
                seller.returned = *column;
            } else {
                seller.sold = *column;
                seller.orders = i64::from(*units > 0);
            }
            self.sellers.entry((day(), store.clone())).or_default().add(&seller);
        }
        if !is_return {
            self.sellers.entry((day(), String::new())).or_default().add(&Seller { orders: 1, ..Seller::default() });
        }
        for ((payer, promotion, stage, seller), amount) in &account.funding {
            let key = [fact.day.clone(), payer.clone(), promotion.clone(), stage.clone(), seller.clone()];
            self.funders.entry(key).or_default().add(&granted(*amount));
        }
        for (payer, amount) in &account.given {
            self.given.entry((day(), payer.clone())).or_default().add(&granted(*amount));
        }
        let key = [&key(&[&fact.day])[..], &fact.at.to_be_bytes(), &fact.key, &fact.version.to_be_bytes()].concat();
        let entry = Entry {
            reservation_id: fact.reservation_id.clone(),
            version: fact.version,
            at: fact.at,
            day: fact.day.clone(),
            is_return,
            user: fact.user.clone(),
            channel: fact.channel.clone(),
            order: fact.order.as_ref().map(Message::encode_to_vec).unwrap_or_default(),
            account,
        };
        self.entries.insert(key, entry);
    }
}

/// A promotion, or `` for the order as such; and a store, or `` for all of them.
type Subject = (String, String);

/// Everything that statistics speak of in an order.
fn subjects(order: &Snapshot) -> BTreeSet<Subject> {
    let selling = order.account.sellers.iter().filter(|(_, (units, _))| *units > 0).map(|(store, _)| store);
    let mut subjects: BTreeSet<Subject> = selling.map(|store| (String::new(), store.clone())).collect();
    subjects.insert(Subject::default());
    for (promotion, part) in &order.promotions {
        subjects.insert((promotion.clone(), String::new()));
        subjects.extend(part.stores.keys().map(|store| (promotion.clone(), store.clone())));
    }
    subjects
}

/// What an order comes to for a subject.
#[derive(Debug, Default)]
struct Amounts {
    units: i64,
    /// Of the order, or of the store's part, whoever touches them.
    units_of_order: i64,
    value: i64,
    discount: i64,
    gifts: i64,
    free_units: i64,
    given_value: i64,
}

fn amounts(order: &Snapshot, (promotion, store): &Subject) -> Amounts {
    let mut amounts = Amounts::default();
    let here = |of: &String| store.is_empty() || of == store;
    for (units, column) in order.account.sellers.iter().filter(|(of, _)| here(of)).map(|(_, row)| row) {
        amounts.units_of_order = amounts.units_of_order.saturating_add(*units);
        amounts.value = amounts.value.saturating_add(column.payable);
        if promotion.is_empty() {
            amounts.units = amounts.units.saturating_add(*units);
            amounts.discount = amounts.discount.saturating_add(column.gross.saturating_sub(column.payable));
        }
    }
    for (_, part) in order.promotions.iter().filter(|(of, _)| promotion.is_empty() || *of == promotion) {
        if !promotion.is_empty() {
            for (units, discount) in part.stores.iter().filter(|(of, _)| here(of)).map(|(_, row)| row) {
                amounts.units = amounts.units.saturating_add(*units);
                amounts.discount = amounts.discount.saturating_add(*discount);
            }
        }
        // Gifts are an order's, and no store's part of it.
        if store.is_empty() {
            amounts.gifts = amounts.gifts.saturating_add(part.gifts);
            amounts.free_units = amounts.free_units.saturating_add(part.free_units);
            amounts.given_value = amounts.given_value.saturating_add(part.given_value);
        }
    }
    amounts
}

/// Is it a coupon that is used here?
fn is_coupon(order: &Snapshot, (promotion, store): &Subject) -> bool {
    let used =
        |stores: &BTreeMap<String, (i64, i64)>| if store.is_empty() { !stores.is_empty() } else { stores.contains_key(store) };
    order.promotions.get(promotion).is_some_and(|part| part.is_coupon && used(&part.stores))
}

fn cell(fact: &Fact, (promotion, store): &Subject) -> Cell {
    let coupon_channel = fact.coupon_channels.get(promotion).cloned().unwrap_or_default();
    Cell {
        day: fact.day.clone(),
        promotion: promotion.clone(),
        store: store.clone(),
        channel: fact.channel.clone(),
        coupon_channel,
    }
}
