//! What does an entry of the log mean in money? The order is priced again from its record, under the documents that priced
//! it, and its books before and after are compared.
//!
//! Nothing is read here that another moment would read differently: the question of an order and the answers of its returns
//! never change, so that the same log has the same meaning whenever it is read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use prost::Message;
use serde::{Deserialize, Serialize};
use tokka_core::promotion::Rule;
use tokka_core::quote::Payer;
use tokka_core::refund::{Books, Order, ToReturn};
use tokka_core::table::{Ix, LineIx, PromoIx};
use tokka_ledger::model::{Event, Record, Return, Transition};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::totals::{Account, Column};
use crate::claims::coupons::{instance_key, used_instance};
use crate::coupons::record::HandedOut;
use crate::error::ApiError;
use crate::reservations::order::{Recalled, take_received, units_of};
use crate::reservations::{self, Reservations};

/// How an operator hands a coupon out; users claim it, by themselves or by a code.
const ISSUED: &str = "HANDED_OUT_ISSUED";

/// What is kept of an order between two of its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderRow {
    /// The last version that was counted.
    pub(crate) version: u64,
    /// It was paid, at this version.
    pub(crate) paid: bool,
    /// The answers of its returns so far.
    pub(crate) steps: Vec<Vec<u8>>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    /// Of the order, in the tables.
    pub(crate) key: Vec<u8>,
    pub(crate) reservation_id: String,
    pub(crate) version: u64,
    pub(crate) at: i64,
    /// `2026-11-24`, where the catalogue of the order is.
    pub(crate) day: String,
    pub(crate) user: Option<String>,
    /// Of the basket; empty: none.
    pub(crate) channel: String,
    /// Of the coupons that came into the wallet by one: which.
    pub(crate) coupon_channels: BTreeMap<String, String>,
    /// What the order is called; only of what was paid.
    pub(crate) order: Option<v1::OrderReference>,
    pub(crate) what: What,
    /// What is to be kept of the order.
    pub(crate) row: OrderRow,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Nothing that is counted.
    Nothing,
    Reserved(Snapshot),
    Expired(Snapshot),
    Cancelled(Snapshot),
    Paid(Snapshot),
    /// A coupon came into a wallet.
    HandedOut {
        /// Its key in the wallet.
        instance: Vec<u8>,
        coupon: Coupon,
        /// By an operator, not by the user.
        issued: bool,
    },
    /// Something of a paid order went back.
    Returned {
        /// As it was paid.
        paid: Snapshot,
        before: Snapshot,
        after: Snapshot,
    },
}

/// A coupon in a wallet: which, and by which channel it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coupon {
    pub(crate) design: String,
    pub(crate) channel: String,
}

/// An order as it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) account: Account,
    /// By promotion.
    pub(crate) promotions: BTreeMap<String, Part>,
}

/// What a promotion does to an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) is_coupon: bool,
    /// By store: pieces that it touches, and what it takes off them.
    pub(crate) stores: BTreeMap<String, (i64, i64)>,
    pub(crate) gifts: i64,
    pub(crate) free_units: i64,
    /// What those are worth.
    pub(crate) given_value: i64,
}

/// The key of an order in the tables.
pub(crate) fn key_of(shard_key: &str, id: &str) -> Vec<u8> {
    Name::of(&[shard_key, id]).as_bytes().to_vec()
}

/// What an entry means, with what is kept of its order so far.
///
/// # Errors
/// [`ApiError::Store`]: the documents of the order cannot be had now. Anything else: they never can.
pub(crate) async fn read(
    reservations: &Reservations,
    event: &Event,
    row: &OrderRow,
    coupon_of: impl Fn(&[u8]) -> Option<Coupon>,
) -> Result<Fact, ApiError> {
    let Event { entry, record } = event;
    let mut fact = Fact {
        key: key_of(&entry.shard_key, &entry.id),
        reservation_id: entry.id.clone(),
        version: entry.version,
        at: entry.at,
        day: String::new(),
        user: None,
        channel: String::new(),
        coupon_channels: BTreeMap::new(),
        order: None,
        what: What::Nothing,
        row: OrderRow { version: entry.version, ..row.clone() },
    };
    if matches!(entry.transition, Transition::Extended | Transition::Tombstone) {
        return Ok(fact);
    }
    let record = record.as_ref().ok_or_else(|| ApiError::Bug(format!("the record of `{}` is gone", entry.id)))?;
    if record.tombstone {
        return Ok(fact);
    }
    if let Some(handed_out) = HandedOut::of(record).map_err(ApiError::Bug)? {
        let entry = handed_out.entry.unwrap_or_default();
        let issued = entry.how().as_str_name() == ISSUED;
        fact.day = day_in(&reservations.catalogue.current().rulebook.settings().time_zone, event.entry.at);
        let instance = instance_key(&handed_out.user, handed_out.place);
        fact.user = Some(handed_out.user);
        fact.what = What::HandedOut { instance, coupon: Coupon { design: entry.design, channel: entry.channel }, issued };
        return Ok(fact);
    }
    let recalled = reservations.recall(&as_of(record, row)).await?;
    let used = record.claims.iter().filter_map(|claim| coupon_of(&used_instance(&claim.counter)?));
    fact.coupon_channels = used.map(|coupon| (coupon.design, coupon.channel)).collect();
    let basket = &recalled.basket;
    fact.user = basket.user().map(|user| user.as_str().to_owned());
    fact.channel = basket.channel().map(|channel| channel.as_str().to_owned()).unwrap_or_default();
    fact.day = day_in(&recalled.rulebook.settings().time_zone, entry.at);
    let standing = |recalled: &Recalled| snapshot(recalled, &recalled.order, &received(recalled, &row.steps)?);
    fact.what = match entry.transition {
        Transition::Reserved => What::Reserved(standing(&recalled)?),
        Transition::Expired => What::Expired(standing(&recalled)?),
        Transition::Replaced => What::Cancelled(standing(&recalled)?),
        Transition::RolledBack if !row.paid => What::Cancelled(standing(&recalled)?),
        Transition::Committed | Transition::Reacquired | Transition::Taken => {
            fact.row.paid = true;
            (_, fact.order) = reservations::named(record)?;
            What::Paid(standing(&recalled)?)
        }
        Transition::RolledBack | Transition::PartReturned => {
            (_, fact.order) = reservations::named(record)?;
            let before = standing(&recalled)?;
            let paid = snapshot(&recalled, &recalled.as_paid()?, &[])?;
            let answer = answer_of(record, entry.version)?;
            let step = v1::RollbackStep::decode(answer.as_slice());
            let step = step.map_err(|error| ApiError::Bug(format!("a stored return cannot be read: {error}")))?;
            let left = match step.lines.is_empty() {
                true => recalled.order.clone(),
                false => recalled.order.give_back(&recalled.rulebook, &units_of(&step.lines))?.0,
            };
            fact.row.steps.push(answer);
            let after = snapshot(&recalled, &left, &received(&recalled, &fact.row.steps)?)?;
            What::Returned { paid, before, after }
        }
        Transition::Extended | Transition::Tombstone => What::Nothing,
    };
    Ok(fact)
}

/// A record with the returns that were counted so far, and no later one.
fn as_of(record: &Record, row: &OrderRow) -> Record {
    let step = |answer: &Vec<u8>| Return {
        rollback_id: String::new(),
        request_hash: 0,
        portions: Vec::new(),
        answer: answer.clone(),
        version: 0,
        at: 0,
    };
    Record { returns: row.steps.iter().map(step).collect(), ..record.clone() }
}

/// What the return was answered that made a version.
fn answer_of(record: &Record, version: u64) -> Result<Vec<u8>, ApiError> {
    let step = record.returns.iter().find(|step| step.version == version);
    let answer = step.map(|step| step.answer.clone()).filter(|answer| !answer.is_empty());
    answer.ok_or_else(|| ApiError::Bug(format!("the log does not say what version {version} of `{}` gave back", record.id)))
}

fn day_in(zone: &TimeZone, at: i64) -> String {
    zone.to_datetime(Timestamp::from_millisecond(at).unwrap_or_default()).date().to_string()
}

/// Gifts and free pieces that came back in these steps.
fn received(recalled: &Recalled, steps: &[Vec<u8>]) -> Result<Vec<ToReturn>, ApiError> {
    let (mut outstanding, mut came) = (Vec::new(), Vec::new());
    for step in steps {
        let step = v1::RollbackStep::decode(step.as_slice());
        let step = step.map_err(|error| ApiError::Bug(format!("a stored return cannot be read: {error}")))?;
        outstanding.extend(step.refund.map(|refund| refund.to_return).unwrap_or_default());
        let (taken, _) = take_received(&mut outstanding, &step.received);
        came.extend(taken.iter().filter_map(|taken| to_core(recalled, taken)));
    }
    Ok(came)
}

fn to_core(recalled: &Recalled, came: &v1::ToReturn) -> Option<ToReturn> {
    let promotion = recalled.rulebook.find(&came.promotion)?;
    match came.what.as_ref()? {
        v1::to_return::What::Gift(gift) => {
            Some(ToReturn::Gift { gift: recalled.rulebook.find_gift(gift)?, promotion, units: came.quantity })
        }
        v1::to_return::What::Sku(_) => {
            let line = recalled.basket.lines().iter().position(|line| line.line_id == came.line_id.as_str())?;
            Some(ToReturn::FreeUnits { line: LineIx::new(line), promotion, units: came.quantity })
        }
    }
}

/// The books of an order with every name written out.
fn snapshot(recalled: &Recalled, order: &Order, came: &[ToReturn]) -> Result<Snapshot, ApiError> {
    let overflow = |_| ApiError::Bug("the books of an order leave 64 bits".to_owned());
    let books = order.books().map_err(overflow)?;
    let due = order.due(&books).map_err(overflow)?;
    let mut snapshot = Snapshot { account: account(recalled, &books), promotions: BTreeMap::new() };
    for (store, due) in due {
        snapshot.account.sellers.entry(store.as_str().to_owned()).or_default().1.due = due.get();
    }
    let prepared = recalled.rulebook.prepare(&recalled.basket)?;
    let given = prepared.given_value(&recalled.quote, came).map_err(overflow)?;
    for (payer, amount) in given {
        snapshot.account.given.insert(payer.to_string(), amount.get());
    }
    promotions(recalled, &books, came, &mut snapshot.promotions);
    Ok(snapshot)
}

fn account(recalled: &Recalled, books: &Books) -> Account {
    let mut account = Account::default();
    for line in &books.lines {
        let (units, column) = account.sellers.entry(store_of(recalled, line.line)).or_default();
        *units = units.saturating_add(line.units);
        column.add(&Column {
            gross: line.gross.get(),
            discounts: line.discounts.map(tokka_core::amount::Amount::get),
            waived: line.waived.get(),
            payable: line.kept.get(),
            ..Column::default()
        });
    }
    for part in &books.funding {
        let (seller, payer, amount) = (store_of(recalled, part.line), part.payer.to_string(), part.amount.get());
        if payer != seller {
            let of_seller = &mut account.sellers.entry(seller.clone()).or_default().1;
            of_seller.funded_by_others = of_seller.funded_by_others.saturating_add(amount);
            if matches!(part.payer, Payer::Store(_)) {
                let of_payer = &mut account.sellers.entry(payer.clone()).or_default().1;
                of_payer.funded_for_others = of_payer.funded_for_others.saturating_add(amount);
            }
        }
        let (promotion, stage) = match part.of {
            Some((promotion, stage)) => (id_of(recalled, promotion), stage.name().to_owned()),
            None => (String::new(), String::new()),
        };
        let sum = account.funding.entry((payer, promotion, stage, seller)).or_insert(0);
        *sum = sum.saturating_add(amount);
    }
    account
}

/// What each promotion does to what is left, and gives: also one that takes nothing off.
fn promotions(recalled: &Recalled, books: &Books, came: &[ToReturn], parts: &mut BTreeMap<String, Part>) {
    for of in &books.uses {
        let part = parts.entry(id_of(recalled, of.promotion)).or_default();
        let (units, discount) = part.stores.entry(store_of(recalled, of.line)).or_insert((0, 0));
        *units = units.saturating_add(of.units);
        *discount = discount.saturating_add(of.discount.get());
    }
    let came_back = |matches: &dyn Fn(&ToReturn) -> Option<i64>| came.iter().filter_map(matches).fold(0, i64::saturating_add);
    for gift in &recalled.quote.gifts {
        let back = came_back(&|of| match of {
            ToReturn::Gift { gift: it, promotion, units } if (*it, *promotion) == (gift.gift, gift.promotion) => Some(*units),
            _ => None,
        });
        let left = gift.given.saturating_sub(back).max(0);
        let worth = recalled.rulebook.gifts().at(gift.gift).value.map_or(0, tokka_core::amount::Amount::get);
        let part = parts.entry(id_of(recalled, gift.promotion)).or_default();
        part.gifts = part.gifts.saturating_add(left);
        part.given_value = part.given_value.saturating_add(worth.saturating_mul(left));
    }
    for free in &recalled.quote.free_units {
        let back = came_back(&|of| match of {
            ToReturn::FreeUnits { line, promotion, units } if (*line, *promotion) == (free.line, free.promotion) => Some(*units),
            _ => None,
        });
        let left = free.units.saturating_sub(back).max(0);
        let worth = recalled.basket.lines().get(free.line.position()).map_or(0, |line| line.unit_price.get());
        let part = parts.entry(id_of(recalled, free.promotion)).or_default();
        part.free_units = part.free_units.saturating_add(left);
        part.given_value = part.given_value.saturating_add(worth.saturating_mul(left));
    }
    for (id, part) in parts {
        let document = recalled.rulebook.find(id).map(|ix| recalled.rulebook.promotions().at(ix));
        part.is_coupon = document.is_some_and(|promotion| matches!(promotion.rule, Rule::Coupon(_)));
    }
}

fn id_of(recalled: &Recalled, promotion: PromoIx) -> String {
    recalled.rulebook.promotions().at(promotion).id.as_str().to_owned()
}

fn store_of(recalled: &Recalled, line: LineIx) -> String {
    recalled.basket.lines().get(line.position()).map(|line| line.store.as_str().to_owned()).unwrap_or_default()
}
