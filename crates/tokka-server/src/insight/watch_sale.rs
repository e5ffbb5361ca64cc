//! How much of a promotion is left, now and as it goes?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::OwnedSemaphorePermit;
use tokka_core::basket::FieldViolation;
use tokka_ledger::name::Name;
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;
use tonic::Status;

use super::Insight;
use crate::claims;
use crate::error::ApiError;
use crate::response::reservation::moment;

/// Ids of a call about counters.
const IDS_MAX: usize = 100;
const EVERY_MS: i32 = 1_000;
const EVERY_MS_MIN: i32 = 100;
const EVERY_MS_MAX: i32 = 60_000;
const MINUTE_MS: i64 = 60_000;

impl Insight {
    /// See `InsightService.CounterUsage`.
    pub(super) async fn usage_of(&self, asked: v1::CounterUsageRequest) -> Result<v1::CounterUsageResponse, ApiError> {
        let mut wrong = Vec::new();
        for (field, ids) in [("promotions", &asked.promotions), ("gifts", &asked.gifts)] {
            if ids.len() > IDS_MAX {
                wrong.push(FieldViolation::new(field, format!("{} ids, at most {IDS_MAX} are taken", ids.len())));
            }
        }
        let published = self.catalogue.current();
        let mut counters = Vec::new();
        for (index, id) in asked.promotions.iter().enumerate() {
            match published.rulebook.find(id) {
                Some(ix) => counters.extend(claims::shared(published.rulebook.promotions().at(ix))),
                None => wrong.push(FieldViolation::new(format!("promotions[{index}]"), format!("there is no promotion `{id}`"))),
            }
        }
        for (index, id) in asked.gifts.iter().enumerate() {
            match published.rulebook.find_gift(id) {
                Some(ix) => counters.extend(claims::inventory(published.rulebook.gifts().at(ix))),
                None => wrong.push(FieldViolation::new(format!("gifts[{index}]"), format!("there is no gift `{id}`"))),
            }
        }
        if !wrong.is_empty() {
            return Err(ApiError::Invalid(wrong));
        }
        let used = used(&*self.ledger, &counters).await?;
        let rows = counters.iter().zip(used);
        let rows =
            rows.map(|((name, limit), used)| v1::UsedCounter { counter: Some(claims::to_wire(name)), limit: *limit, used });
        Ok(v1::CounterUsageResponse { counters: rows.collect() })
    }

    /// See `InsightService.WatchSale`.
    pub(super) async fn watch(
        &self,
        asked: v1::WatchSaleRequest,
    ) -> Result<BoxStream<'static, Result<v1::WatchSaleResponse, Status>>, ApiError> {
        if *self.stopping.borrow() {
            return Err(ApiError::Stopping);
        }
        let v1::WatchSaleRequest { promotion, every_ms, looks_max } = asked;
        let mut wrong = Vec::new();
        let every_ms = if every_ms == 0 { EVERY_MS } else { every_ms };
        if !(EVERY_MS_MIN..=EVERY_MS_MAX).contains(&every_ms) {
            wrong.push(FieldViolation::new("every_ms", format!("`{every_ms}` is not {EVERY_MS_MIN} to {EVERY_MS_MAX}")));
        }
        if looks_max < 0 {
            wrong.push(FieldViolation::new("looks_max", format!("`{looks_max}` is below 0")));
        }
        if !wrong.is_empty() {
            return Err(ApiError::Invalid(wrong));
        }
        if self.stock(&promotion)?.is_empty() {
            let why = format!("promotion `{promotion}` has no stock");
            return Err(ApiError::Invalid(vec![FieldViolation::new("promotion", why)]));
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let watcher = Watcher {
            insight: self.clone(),
            promotion,
            every: Duration::from_millis(u64::try_from(every_ms).unwrap_or(0)),
            left: (looks_max > 0).then_some(looks_max),
            before: None,
            over: false,
            _place: place.map_err(|_| ApiError::Store(LedgerError::Overloaded))?,
        };
        Ok(stream::unfold(watcher, Watcher::next).boxed())
    }

    /// The stock of a promotion as the catalogue has it now, or that of each sku.
    fn stock(&self, promotion: &str) -> Result<Vec<(Name, i64)>, ApiError> {
        let published = self.catalogue.current();
        let ix = published.rulebook.find(promotion).ok_or_else(|| ApiError::NoPromotion(promotion.to_owned()))?;
        Ok(claims::stock(published.rulebook.promotions().at(ix)))
    }
}

async fn used(ledger: &dyn Ledger, counters: &[(Name, i64)]) -> Result<Vec<i64>, ApiError> {
    if counters.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<Name> = counters.iter().map(|(name, _)| name.clone()).collect();
    Ok(ledger.usage(&names).await?)
}

/// One open stream.
struct Watcher {
    insight: Insight,
    promotion: String,
    every: Duration,
    /// Looks that are left, where they are bounded.
    left: Option<i32>,
    /// When the last look was, and what was used then.
    before: Option<(i64, HashMap<Name, i64>)>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<v1::WatchSaleResponse, Status>, Self)> {
        if self.over || self.left == Some(0) {
            return None;
        }
        if self.before.is_some() {
            let stopping = tokio::select! {
                () = tokio::time::sleep(self.every) => false,
                // Also where nobody is left to say it.
                _ = self.insight.stopping.wait_for(|stopping| *stopping) => true,
            };
            if stopping {
                self.over = true;
                return Some((Err(ApiError::Stopping.into()), self));
            }
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        let look = self.look().await;
        self.over = look.is_err();
        Some((look.map_err(Into::into), self))
    }

    async fn look(&mut self) -> Result<v1::WatchSaleResponse, ApiError> {
        let counters = self.insight.stock(&self.promotion)?;
        let ledger = &*self.insight.ledger;
        let used = used(ledger, &counters).await?;
        let at = ledger.now().await?;
        let mut rows = Vec::with_capacity(counters.len());
        for ((name, limit), used) in counters.iter().zip(&used) {
            let before = self.before.as_ref().and_then(|(then, used)| Some((at.saturating_sub(*then), *used.get(name)?)));
            rows.push(v1::SaleCounter {
                counter: Some(claims::to_wire(name)),
                limit: *limit,
                remaining: limit.saturating_sub(*used).max(0),
                rate_per_minute: before.map_or(0, |(ms, before)| per_minute(used.saturating_sub(before), ms)),
            });
        }
        let names = counters.into_iter().map(|(name, _)| name);
        self.before = Some((at, names.zip(used).collect()));
        Ok(v1::WatchSaleResponse { at: Some(moment(at)), counters: rows })
    }
}

/// Rounded towards 0; nothing where no time has passed.
fn per_minute(went: i64, ms: i64) -> i64 {
    went.saturating_mul(MINUTE_MS).checked_div(ms.max(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_by_the_minute_and_never_divides_by_nothing() {
        assert_eq!((per_minute(50, 1_000), per_minute(-1, 500), per_minute(9, 0), per_minute(9, -5)), (3_000, -120, 0, 0));
        assert_eq!(per_minute(1, 61_000), 0);
    }
}
