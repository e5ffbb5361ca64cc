//! What did an order cost, and what is left of it? Computed again from its record, under the documents that priced it.

use std::sync::Arc;

use prost::Message;
use tokka_core::basket::Basket;
use tokka_core::promotion::Stage;
use tokka_core::quote::{Quote, View};
use tokka_core::refund::{Order, Refund};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{Ix, LineIx};
use tokka_ledger::model::{Portion, Record, Return};
use tokka_proto::v1;

use super::Reservations;
use crate::claims;
use crate::counters::CounterState;
use crate::coupons::offers::Offered;
use crate::error::ApiError;
use crate::payload::Stored;
use crate::request::reservation::basket_as_reserved;
use crate::response;

/// An order as it stands.
#[derive(Debug)]
pub(crate) struct Recalled {
    pub(crate) rulebook: Arc<Rulebook>,
    pub(crate) basket: Basket,
    /// As reserved.
    pub(crate) quote: Quote,
    pub(super) stored: Stored,
    /// After all steps so far.
    pub(crate) order: Order,
    /// What the customer should still send back, in the order in which it was named.
    pub(super) outstanding: Vec<v1::ToReturn>,
    limited: bool,
}

impl Reservations {
    /// Computes an order again.
    pub(crate) async fn recall(&self, record: &Record) -> Result<Recalled, ApiError> {
        let stored = Stored::from_bytes(&record.payload)?;
        let rulebook = self.thawed.rulebook(&*self.ledger, &stored.frozen).await?;
        let Some(at) = stored.at else {
            return Err(ApiError::Bug(format!("the stored order `{}` has no moment", record.id)));
        };
        let stage = |id: &str| Stage::ALL.get(usize::try_from(*stored.out_of_force.get(id)?).ok()?).copied();
        let basket = basket_as_reserved(stored.request()?, at)?.knowing(stage);
        let prepared = rulebook.prepare(&basket)?;
        let quote = prepared.price(&stored.usage, View::Full)?;
        let limited = !prepared.counters().is_empty();
        drop(prepared);
        // INVARIANT: the same question under the same documents has the same answer. A refund of another price would be
        // money, so it is refused.
        if quote.payable.get() != stored.payable || quote.fingerprint.to_be_bytes()[..] != stored.fingerprint[..] {
            let (now, then) = (quote.payable.get(), stored.payable);
            return Err(ApiError::Bug(format!("order `{}` was priced {then} and is now {now}", record.id)));
        }
        let mut order = Order::new(&rulebook, &basket, quote.clone(), stored.policy(), false)?;
        let mut outstanding = Vec::new();
        for step in &record.returns {
            let step = step_of(step)?;
            if !step.lines.is_empty() {
                order = order.give_back(&rulebook, &units_of(&step.lines))?.0;
            }
            outstanding.extend(step.refund.map(|refund| refund.to_return).unwrap_or_default());
            take_received(&mut outstanding, &step.received);
        }
        Ok(Recalled { rulebook, basket, quote, stored, order, outstanding, limited })
    }
}

impl Recalled {
    /// The price as reserved.
    pub(super) fn quote(&self, view: View) -> v1::Quote {
        let state = if self.limited { CounterState::Known } else { CounterState::NotLimited };
        let mut quote = response::quote(&self.rulebook, &self.stored.revision, &self.basket, &self.quote, state, view);
        quote.next_change_at = self.stored.next_change_at;
        response::coupons::say_of_quote(&mut quote, &self.rulebook, self.user(), &self.stored.coupons, view);
        quote
    }

    fn user(&self) -> Option<&str> {
        self.basket.user().map(|user| user.as_str())
    }

    /// The order before anything of it went back.
    pub(crate) fn as_paid(&self) -> Result<Order, ApiError> {
        Ok(Order::new(&self.rulebook, &self.basket, self.quote.clone(), self.stored.policy(), false)?)
    }

    /// All that is left, by line.
    pub(super) fn all_left(&self) -> Vec<v1::LineUnits> {
        let left = self.order.lines().iter().filter(|(_, left)| left.units > 0);
        left.map(|(ix, left)| v1::LineUnits { line_id: self.line_id(ix).to_owned(), units: left.units }).collect()
    }

    pub(super) fn line_id(&self, ix: LineIx) -> &str {
        self.basket.lines().get(ix.position()).map_or("", |line| line.line_id.as_str())
    }

    /// A step of a return on the wire, without what it restores.
    pub(super) fn refund(&self, refund: &Refund) -> v1::Refund {
        response::reservation::refund(&self.rulebook, &self.basket, refund)
    }

    /// What of a record's counters stands for coupons that the order no longer earns: `left` is what is left of it.
    pub(super) fn coupons_back(&self, left: &Order) -> Vec<Portion> {
        let Some(user) = self.user() else { return Vec::new() };
        let holds = left.coupons();
        let still = |offered: &Offered| holds.iter().any(|ix| self.rulebook.promotions().at(*ix).id == offered.design.as_str());
        let ended = self.stored.coupons.iter().filter(|offered| offered.applied && !still(offered));
        ended.flat_map(|offered| offered.returned(user)).map(|counter| Portion { counter, amount: 1 }).collect()
    }

    /// What of a record's counters stays taken for good where a paid order goes back as a whole.
    pub(super) fn kept_of_coupons(&self) -> Vec<Portion> {
        let Some(user) = self.user() else { return Vec::new() };
        let used = self.stored.coupons.iter().filter(|offered| offered.applied);
        used.filter_map(|offered| offered.kept(user)).map(|counter| Portion { counter, amount: 1 }).collect()
    }

    /// What of a record's counters the refund gives back at once.
    pub(super) fn restored(&self, refund: &Refund) -> Vec<Portion> {
        let portion =
            |(key, amount): &(_, i64)| Portion { counter: claims::name(&self.rulebook, &self.basket, *key), amount: *amount };
        refund.restored.iter().map(portion).collect()
    }
}

/// What a step of a return was, as it was stored with it.
pub(crate) fn step_of(step: &Return) -> Result<v1::RollbackStep, ApiError> {
    // No return is answered by nothing: what this one gave back is not known, so nothing more may be given.
    if step.answer.is_empty() {
        let why = "its store was restored from an archive, without the receipt of this return";
        return Err(ApiError::Bug(format!("what return `{}` gave back is not known: {why}", step.rollback_id)));
    }
    let read = v1::RollbackStep::decode(step.answer.as_slice());
    read.map_err(|error| ApiError::Bug(format!("a stored return cannot be read: {error}")))
}

pub(crate) fn units_of(lines: &[v1::LineUnits]) -> Vec<(&str, i64)> {
    lines.iter().map(|line| (line.line_id.as_str(), line.units)).collect()
}

/// Takes what came back off what is outstanding, and answers what was taken, entry by entry. What nobody waits for stays
/// in the answer's second part.
pub(crate) fn take_received(
    outstanding: &mut Vec<v1::ToReturn>,
    received: &[v1::ReceivedUnits],
) -> (Vec<v1::ToReturn>, Vec<(usize, i64)>) {
    use v1::received_units::What as Came;
    use v1::to_return::What as Waited;
    let (mut taken, mut unasked) = (Vec::new(), Vec::new());
    for (index, received) in received.iter().enumerate() {
        let mut rest = received.quantity;
        for waited in outstanding.iter_mut() {
            let same = match (&received.what, &waited.what) {
                (Some(Came::Gift(came)), Some(Waited::Gift(gift))) => came == gift,
                (Some(Came::Sku(came)), Some(Waited::Sku(sku))) => came == sku,
                _ => false,
            };
            let quantity = if same { rest.min(waited.quantity) } else { 0 };
            if quantity > 0 {
                taken.push(v1::ToReturn { quantity, ..waited.clone() });
                waited.quantity = waited.quantity.saturating_sub(quantity);
                rest = rest.saturating_sub(quantity);
            }
        }
        if rest > 0 {
            unasked.push((index, rest));
        }
    }
    outstanding.retain(|waited| waited.quantity > 0);
    (taken, unasked)
}

/// What of a record's counters stands for gifts and free pieces.
pub(super) fn counters_of(holding: &[Portion], entries: &[v1::ToReturn]) -> Vec<Portion> {
    use v1::to_return::What;
    let mut portions = Vec::new();
    for entry in entries {
        portions.extend(match &entry.what {
            Some(What::Gift(gift)) => claims::of_gift(holding, gift, entry.quantity),
            Some(What::Sku(sku)) => claims::of_free_units(holding, &entry.promotion, sku, entry.quantity),
            None => Vec::new(),
        });
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(promotion: &str, gift: &str, quantity: i64) -> v1::ToReturn {
        let what = Some(v1::to_return::What::Gift(gift.to_owned()));
        v1::ToReturn { promotion: promotion.to_owned(), what, quantity, ..Default::default() }
    }

    fn came(gift: &str, quantity: i64) -> v1::ReceivedUnits {
        v1::ReceivedUnits { what: Some(v1::received_units::What::Gift(gift.to_owned())), quantity }
    }

    #[test]
    fn what_came_back_is_taken_in_order_and_no_more_than_was_waited_for() {
        let mut outstanding = vec![waited("a", "tote", 2), waited("b", "lamp", 1), waited("c", "tote", 3)];
        let (taken, unasked) = take_received(&mut outstanding, &[came("tote", 3)]);
        assert_eq!((taken, unasked), (vec![waited("a", "tote", 2), waited("c", "tote", 1)], Vec::new()));
        assert_eq!(outstanding, [waited("b", "lamp", 1), waited("c", "tote", 2)]);
        let (taken, unasked) = take_received(&mut outstanding, &[came("pen", 1), came("tote", 5)]);
        assert_eq!((taken, unasked), (vec![waited("c", "tote", 2)], vec![(0, 1), (1, 3)]));
    }
}
