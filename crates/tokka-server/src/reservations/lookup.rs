//! How does a reservation stand? Everything that is known of it.

use tokka_core::amount::Amount;
use tokka_core::refund::RefundPolicy;
use tokka_ledger::model::{Record, State};
use tokka_proto::v1;

use super::order::{Recalled, step_of};
use super::{Reservations, claims_of};
use crate::error::ApiError;
use crate::request::reservation as request;
use crate::response;

impl Reservations {
    /// See `PricingService.GetReservation`.
    pub(crate) async fn look_up(&self, request: v1::GetReservationRequest) -> Result<v1::GetReservationResponse, ApiError> {
        let v1::GetReservationRequest { reservation_id, user, receipt } = request;
        let mut wrong = Vec::new();
        let target = request::target(&self.receipts, reservation_id, user, &receipt, &mut wrong);
        if !wrong.is_empty() {
            return Err(ApiError::Invalid(wrong));
        }
        let record = self.record(&target).await?;
        let reservation = Some(self.head(&record)?);
        if record.tombstone {
            return Ok(v1::GetReservationResponse { reservation, ..Default::default() });
        }
        let recalled = self.recall(&record).await?;
        let state = record.state;
        // Pricing what remains once a line: not on the threads that answer other calls.
        let left = tokio::task::spawn_blocking(move || left_by_line(&recalled, state).map(|left| (recalled, left)));
        let (recalled, left) = left.await.map_err(|failure| ApiError::Bug(failure.to_string()))??;
        Ok(v1::GetReservationResponse {
            reservation,
            quote: Some(recalled.quote(tokka_core::quote::View::Full)),
            left,
            rollbacks: steps(&record)?,
            claims: claims_of(&record),
        })
    }
}

/// What is left of each line, and what it would bring.
fn left_by_line(recalled: &Recalled, state: State) -> Result<Vec<v1::LineLeft>, ApiError> {
    let mut lines = Vec::with_capacity(recalled.basket.lines().len());
    for (ix, left) in recalled.order.lines().iter() {
        let line_id = recalled.line_id(ix).to_owned();
        if state == State::RolledBack || left.units == 0 {
            lines.push(v1::LineLeft { line_id, ..Default::default() });
            continue;
        }
        let refundable = match recalled.order.policy() {
            _ if state != State::Committed => Amount::ZERO,
            RefundPolicy::Proportional => left.kept,
            RefundPolicy::Clawback => recalled.order.give_back(&recalled.rulebook, &[(&line_id, left.units)])?.1.refund,
        };
        lines.push(v1::LineLeft { line_id, units: left.units, payable: left.kept.get(), refundable: refundable.get() });
    }
    Ok(lines)
}

fn steps(record: &Record) -> Result<Vec<v1::RollbackStep>, ApiError> {
    let mut steps = Vec::with_capacity(record.returns.len());
    for step in &record.returns {
        steps.push(v1::RollbackStep {
            rollback_id: step.rollback_id.clone(),
            version: i64::try_from(step.version).unwrap_or(i64::MAX),
            at: Some(response::reservation::moment(step.at)),
            ..step_of(step)?
        });
    }
    Ok(steps)
}
