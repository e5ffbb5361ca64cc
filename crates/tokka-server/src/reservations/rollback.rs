//! What goes back, and to whom? Rollback computes a refund from a version of the record and writes both in one step; where
//! the record has moved on, it computes again.

use prost::Message;
use tokka_core::basket::FieldViolation;
use tokka_core::refund::Refund;
use tokka_ledger::model::{self, Portion, Record, Revived, RolledBack, State};
use tokka_proto::v1;

use super::order::{Recalled, counters_of, step_of, take_received, units_of};
use super::{Reservations, TRIES_MAX, ended};
use crate::error::{ApiError, Forbidden};
use crate::request::reservation::{Extent, RollbackOrder, rollback_order};
use crate::{claims, response};

/// No record has this version: a rollback computed for an id that was not there is refused where it is by now.
const NOT_THERE: u64 = 0;

impl Reservations {
    /// See `PricingService.Rollback`.
    pub(crate) async fn rollback(&self, request: v1::RollbackRequest) -> Result<v1::RollbackResponse, ApiError> {
        let order = rollback_order(&self.receipts, request)?;
        for _ in 0..TRIES_MAX {
            let record = match self.found(&order.target).await? {
                Some(record) => Some(record),
                None => self.revived(&order).await?,
            };
            let Some(record) = record else {
                match self.remember(&order).await? {
                    Some(answer) => return Ok(answer),
                    None => continue,
                }
            };
            if let Some(answer) = self.answer_as_before(&order, &record)? {
                return Ok(answer);
            }
            if let Some(named) = order.version.filter(|named| u64::try_from(*named) != Ok(record.version)) {
                return Err(ApiError::VersionMoved { named, is: record.version });
            }
            let step = self.step(&order, &record).await?;
            if order.validate_only {
                let reservation = Some(self.head(&record)?);
                return Ok(v1::RollbackResponse { refund: step.answer.refund, reservation, unknown: false });
            }
            let rollback = model::Rollback {
                rollback_id: order.rollback_id.clone(),
                request_hash: order.hash,
                version: Some(record.version),
                extent: step.extent,
                payload: None,
                answer: step.answer.encode_to_vec(),
            };
            match self.ledger.rollback(order.target.shard_key(), &order.target.id, rollback).await? {
                RolledBack::Done(record) => return self.returned(&record, step.answer.refund),
                // Another call was quicker: what it did is looked at in the next round.
                RolledBack::VersionMoved(_) | RolledBack::Repeated(_) | RolledBack::Conflict | RolledBack::Ended(_) => {}
                // It aged meanwhile: its receipt brings it back once more.
                RolledBack::NotFound if order.target.receipt.is_some() => {}
                RolledBack::NotFound => return Err(ApiError::NotFound { reservation: order.target.id }),
                RolledBack::TooManyReturns(record) => {
                    return Err(ApiError::Forbidden(Forbidden::TooManyReturns(super::stands(&record))));
                }
                other @ (RolledBack::Unknown(_) | RolledBack::NotReturnable(_)) => return Err(super::unexpected(other)),
            }
        }
        Err(ApiError::Contention)
    }

    /// A paid reservation lives on in its receipt after its record has aged; for a return it is brought back.
    async fn revived(&self, order: &RollbackOrder) -> Result<Option<Record>, ApiError> {
        let target = &order.target;
        let Some(receipt) = &target.receipt else { return Ok(None) };
        match self.ledger.revive(Record::clone(receipt)).await? {
            Revived::Known(record) | Revived::Back(record) => Ok(Some(record)),
            Revived::Superseded => Err(ApiError::Forbidden(Forbidden::ReceiptSuperseded(target.id.clone()))),
            // There was one: nothing is on its way that would have to be stopped.
            Revived::NotFound => Err(ApiError::NotFound { reservation: target.id.clone() }),
        }
    }

    /// Leaves a tombstone for an id that was never seen, so that a Reserve still on its way holds nothing; `None` where
    /// that Reserve has arrived meanwhile.
    async fn remember(&self, order: &RollbackOrder) -> Result<Option<v1::RollbackResponse>, ApiError> {
        let not_found = || ApiError::NotFound { reservation: order.target.id.clone() };
        if order.extent != Extent::All || order.version.is_some() || !order.received.is_empty() {
            return Err(not_found());
        }
        let unknown = v1::RollbackResponse { refund: None, reservation: None, unknown: true };
        if order.validate_only {
            return Ok(Some(unknown));
        }
        let rollback = model::Rollback {
            rollback_id: order.rollback_id.clone(),
            request_hash: order.hash,
            version: Some(NOT_THERE),
            extent: model::Extent::Whole { except: Vec::new() },
            payload: None,
            answer: Vec::new(),
        };
        match self.ledger.rollback(order.target.shard_key(), &order.target.id, rollback).await? {
            RolledBack::Unknown(_) => Ok(Some(unknown)),
            RolledBack::NotFound => Err(not_found()),
            _ => Ok(None),
        }
    }

    /// A rollback that happened before is answered as it was.
    fn answer_as_before(&self, order: &RollbackOrder, record: &Record) -> Result<Option<v1::RollbackResponse>, ApiError> {
        let Some(step) = record.returns.iter().find(|step| step.rollback_id == order.rollback_id) else { return Ok(None) };
        if step.request_hash != order.hash {
            return Err(ApiError::Taken { field: "rollback_id", id: order.rollback_id.clone() });
        }
        if record.tombstone {
            return Ok(Some(v1::RollbackResponse { refund: None, reservation: None, unknown: true }));
        }
        self.returned(record, step_of(step)?.refund).map(Some)
    }

    fn returned(&self, record: &Record, refund: Option<v1::Refund>) -> Result<v1::RollbackResponse, ApiError> {
        Ok(v1::RollbackResponse { refund, reservation: Some(self.head(record)?), unknown: false })
    }

    /// What this rollback does to a record as it stands.
    async fn step(&self, order: &RollbackOrder, record: &Record) -> Result<Step, ApiError> {
        let only_received = order.extent == Extent::Received;
        match record.state {
            State::RolledBack if record.tombstone || !only_received => return Err(ended(record)),
            State::Expired if order.extent != Extent::All => return Err(ended(record)),
            State::Held if order.extent != Extent::All => {
                return Err(ApiError::Forbidden(Forbidden::NotCommitted(super::stands(record))));
            }
            State::Held | State::Committed | State::Expired | State::RolledBack => {}
        }
        let recalled = self.recall(record).await?;
        let lines = returned_lines(&order.extent, &recalled)?;
        let (left, refund) = if lines.is_empty() {
            (recalled.order.clone(), Refund::default())
        } else {
            recalled.order.give_back(&recalled.rulebook, &units_of(&lines))?
        };
        let mut answer = v1::RollbackStep {
            refund: Some(recalled.refund(&refund)),
            lines,
            received: order.received.clone(),
            ..Default::default()
        };
        let paid = matches!(record.state, State::Committed | State::RolledBack);
        let mut outstanding = recalled.outstanding.clone();
        if let Some(refund) = answer.refund.as_mut() {
            if !paid {
                // Nothing was paid or sent out, so nothing goes or comes back, and everything is for sale again.
                *refund = v1::Refund::default();
            }
            outstanding.extend(refund.to_return.iter().cloned());
        }
        let (came, unasked) = take_received(&mut outstanding, &order.received);
        if let Some(wrong) = not_waited_for(&unasked) {
            return Err(ApiError::Invalid(wrong));
        }
        let nothing_left = left.lines().rows().iter().all(|line| line.units == 0);
        let (extent, gone) = if nothing_left && !only_received {
            let mut stays = counters_of(&record.holding, &outstanding);
            if paid {
                stays.extend(recalled.kept_of_coupons());
            }
            let except = claims::sum(&record.holding, stays);
            let gone = without(&record.holding, &except);
            (model::Extent::Whole { except }, gone)
        } else {
            let back = recalled.restored(&refund).into_iter().chain(counters_of(&record.holding, &came));
            let back = back.chain(recalled.coupons_back(&left));
            let portions = claims::sum(&record.holding, back);
            (model::Extent::Part { portions: portions.clone() }, portions)
        };
        if let Some(refund) = answer.refund.as_mut() {
            refund.restored = response::reservation::amounts(&gone);
        }
        Ok(Step { extent, answer })
    }
}

/// What is written.
struct Step {
    extent: model::Extent,
    answer: v1::RollbackStep,
}

/// The pieces that go back.
fn returned_lines(extent: &Extent, recalled: &Recalled) -> Result<Vec<v1::LineUnits>, ApiError> {
    match extent {
        Extent::All => Ok(recalled.all_left()),
        Extent::Received => Ok(Vec::new()),
        Extent::Lines(lines) => Ok(lines.clone()),
        Extent::Stores(stores) => {
            let lines = recalled.basket.lines();
            let sells = |store: &str, line_id: &str| lines.iter().any(|line| line.line_id == *line_id && line.store == *store);
            let left = recalled.all_left();
            let mut wrong = Vec::new();
            for (index, store) in stores.iter().enumerate() {
                if !left.iter().any(|line| sells(store, &line.line_id)) {
                    let description = format!("nothing of store `{store}` is left in the order");
                    wrong.push(FieldViolation::new(format!("stores[{index}]"), description));
                }
            }
            if !wrong.is_empty() {
                return Err(ApiError::Invalid(wrong));
            }
            Ok(left.into_iter().filter(|line| stores.iter().any(|store| sells(store, &line.line_id))).collect())
        }
    }
}

fn not_waited_for(unasked: &[(usize, i64)]) -> Option<Vec<FieldViolation>> {
    let one = |(index, more): &(usize, i64)| {
        FieldViolation::new(format!("received[{index}].quantity"), format!("{more} more than are to come back"))
    };
    (!unasked.is_empty()).then(|| unasked.iter().map(one).collect())
}

/// What is left of a holding without some of it.
fn without(holding: &[Portion], except: &[Portion]) -> Vec<Portion> {
    let kept = |portion: &Portion| except.iter().find(|kept| kept.counter == portion.counter).map_or(0, |kept| kept.amount);
    let left = holding
        .iter()
        .map(|portion| Portion { counter: portion.counter.clone(), amount: portion.amount.saturating_sub(kept(portion)) });
    left.filter(|portion| portion.amount > 0).collect()
}
