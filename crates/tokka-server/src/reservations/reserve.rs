//! Can it be had at this price, and is it held now? Reserve prices as if nothing were used and lets the hold decide: most ids
//! are new and most claims fit. Where that comes to nothing it looks its id up, and prices with the usage that it sees.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokka_core::basket::{CouponsOffered, FieldViolation, Strategy};
use tokka_core::prepare::Prepared;
use tokka_core::quote::{Quote, View};
use tokka_core::refund::RefundPolicy;
use tokka_core::table::Ix;
use tokka_ledger::model::{CLAIMS_MAX, Hold, Millis, Record, Reserved, State};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::price_change::causes;
use super::{Reservations, TRIES_MAX, ended, unexpected};
use crate::catalogue::Published;
use crate::counters::CounterState;
use crate::coupons::offers::{self, Resolved};
use crate::error::{ApiError, Forbidden};
use crate::payload::Stored;
use crate::request::reservation::{Expect, ReserveOrder, reserve_order};
use crate::{claims, frozen, open_orders, response};

/// A counter that refused is read first for so long, …
const SCARCE_FOR: Duration = Duration::from_millis(100);
/// … and at most so many of them: a few are sold out at a time.
const SCARCE_MAX: usize = 4_096;

impl Reservations {
    /// See `PricingService.Reserve`.
    pub(crate) async fn reserve(&self, request: v1::ReserveRequest) -> Result<v1::ReserveResponse, ApiError> {
        let mut order = reserve_order(request, Timestamp::now(), &self.catalogue.current().settings)?;
        order.basket = self.catalogue.told(order.basket);
        if let Some(answer) = self.at_once(&order).await? {
            return Ok(answer);
        }
        Box::pin(self.with_care(&order)).await
    }

    /// The long way, which looks before it promises.
    async fn with_care(&self, order: &ReserveOrder) -> Result<v1::ReserveResponse, ApiError> {
        // The id is answered for before the price: a repetition gets its first answer, whatever things cost by now.
        if let Some(answer) = self.known(order).await? {
            return Ok(answer);
        }
        let decided = self.decide(order).await;
        // The same call may have come twice at once: what this one was refused for may be what the other one took.
        if is_refusal(&decided)
            && let Some(answer) = self.known(order).await?
        {
            return Ok(answer);
        }
        decided
    }

    /// Most ids are new and most claims fit, so that nothing is read first: it is priced as if nothing were used of any counter,
    /// and the hold itself finds out whether its claims fit and its id is unknown. Where the customer agreed to a fingerprint, the
    /// price that bears it is the one agreed to, whatever was used when it was quoted; any other price has to rest on what it
    /// claims. Whatever else comes out is not looked at, and the order goes the long way.
    async fn at_once(&self, order: &ReserveOrder) -> Result<Option<v1::ReserveResponse>, ApiError> {
        let published = self.catalogue.current();
        // A full answer tells what is used, what is replaced has to be read and so has a wallet, and a search weighs also what it
        // does not take.
        let searched = order.basket.strategy() == Strategy::Best || matches!(order.basket.coupons(), CouponsOffered::Auto { .. });
        let wallet = order.wanted().asks_for_a_wallet(&published);
        let reads = order.view == View::Full || order.replaces.is_some() || searched || wallet;
        if reads || order.too_long.is_some() || published.ready().is_err() {
            return Ok(None);
        }
        let mut seen = Seen { unread: true, ..Seen::default() };
        match self.attempt(order, &published, &mut seen).await {
            Ok(Attempt::Answered(answer)) => Ok(Some(*answer)),
            Ok(Attempt::DidNotFit) => Ok(None),
            Err(error @ (ApiError::Store(_) | ApiError::Bug(_) | ApiError::Taken { .. })) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// What an id stands for that has a record.
    async fn known(&self, order: &ReserveOrder) -> Result<Option<v1::ReserveResponse>, ApiError> {
        match self.ledger.get(order.target.shard_key(), &order.target.id).await? {
            Some(record) => self.answer_again(order, &record).await.map(Some),
            None => Ok(None),
        }
    }

    /// Prices and holds an id that has no record.
    async fn decide(&self, order: &ReserveOrder) -> Result<v1::ReserveResponse, ApiError> {
        if let Some(too_long) = &order.too_long {
            return Err(ApiError::Invalid(vec![too_long.clone()]));
        }
        let mut seen = self.held_by_replaced(order).await?;
        for _ in 0..TRIES_MAX {
            let published = self.catalogue.current();
            published.ready()?;
            match self.attempt(order, &published, &mut seen).await? {
                Attempt::Answered(answer) => return Ok(*answer),
                Attempt::DidNotFit => {}
            }
        }
        Err(ApiError::Contention)
    }

    /// One price and one hold.
    async fn attempt(&self, order: &ReserveOrder, published: &Published, seen: &mut Seen) -> Result<Attempt, ApiError> {
        let resolved = Box::pin(self.coupons.look_up(order.wanted(), &order.basket, published, &seen.released)).await?;
        let (rulebook, basket) = (&published.rulebook, &*resolved.basket);
        let prepared = rulebook.prepare(basket)?;
        let names: Vec<Name> =
            prepared.counters().rows().iter().map(|counter| claims::name(rulebook, basket, counter.key)).collect();
        if seen.unread && self.scarce.any_of(&names) {
            return Ok(Attempt::DidNotFit);
        }
        let usage = if seen.unread { vec![0; names.len()] } else { Box::pin(self.usage(&names, seen)).await? };
        let quote = prepared.price(&usage, order.view)?;
        if quote.needs_user {
            return Err(ApiError::Forbidden(Forbidden::UserRequired));
        }
        if !is_expected(&order.expect, &quote) {
            if seen.unread {
                return Ok(Attempt::DidNotFit);
            }
            return Box::pin(self.price_changed(order, published, &resolved, &prepared, &usage)).await;
        }
        let policy = allowed_policy(order, published, &quote)?;
        let of_quote = claims::of_quote(rulebook, basket, prepared.counters(), &quote);
        if seen.unread && !order.expect.is_a_fingerprint() && !prepared.rests_on_its_claims(&quote)? {
            return Ok(Attempt::DidNotFit);
        }
        let mut coupons = resolved.offered.clone();
        offers::mark(&mut coupons, rulebook, &quote.applied);
        let of_coupons = offers::claims(&coupons, order.user(), published);
        let wanted = of_quote.len().saturating_add(of_coupons.len());
        if wanted > CLAIMS_MAX {
            let description = format!("take {wanted} limited quantities, at most {CLAIMS_MAX} are held at once");
            return Err(ApiError::Invalid(vec![FieldViolation::new("basket.lines", description)]));
        }

        // The documents that a refund will look at are durable before the hold that depends on them.
        let set = frozen::freeze(&*self.ledger, &published.kept, rulebook, basket, &prepared).await?;
        let stored = Stored {
            request: offers::as_priced(&order.canonical, &resolved)?,
            at: Some(response::timestamp(basket.at())),
            usage: usage.clone(),
            refund_policy: policy.into(),
            frozen: set,
            payable: quote.payable.get(),
            fingerprint: quote.fingerprint.to_be_bytes().to_vec(),
            revision: published.revision.clone(),
            next_change_at: quote.next_change_at.map(response::timestamp),
            order: order.order.clone(),
            coupons,
            out_of_force: basket.out_of_force().iter().map(|(id, stage)| (id.clone(), *stage as u32)).collect(),
        };
        let hold_ms = Millis::try_from(order.hold_for.as_millis()).unwrap_or(Millis::MAX);
        let hold = Hold {
            id: order.target.id.clone(),
            shard_key: order.target.shard_key().to_owned(),
            request_hash: order.hash,
            claims: of_quote.iter().map(|(_, claim)| claim.clone()).chain(of_coupons).collect(),
            deadline: self.ledger.now().await?.saturating_add(hold_ms),
            revision: published.admission,
            payload: stored.to_bytes(),
            documents: Vec::new(),
        };
        let reserved = match &order.replaces {
            Some(replaced) => self.ledger.replace(replaced, hold).await?,
            None => self.ledger.reserve(hold).await?,
        };
        match reserved {
            Reserved::Taken(record) => {
                let counters = if usage.is_empty() { CounterState::NotLimited } else { CounterState::Known };
                let mut quote = response::quote(rulebook, &published.revision, basket, &quote, counters, order.view);
                response::coupons::say_of_quote(&mut quote, rulebook, order.user(), &stored.coupons, order.view);
                let reservation = self.head_of(&record, Some(&stored), order.order.clone())?;
                Ok(Attempt::Answered(Box::new(v1::ReserveResponse {
                    outcome: v1::ReserveOutcome::Reserved.into(),
                    reservation: Some(reservation),
                    quote: Some(quote),
                    price_change: None,
                })))
            }
            Reserved::Refused { usage, .. } => {
                for ((counter, claim), used) in of_quote.iter().zip(usage) {
                    if used.saturating_add(claim.amount) > claim.limit {
                        self.scarce.note(&claim.counter);
                    }
                    seen.usage.extend(names.get(counter.position()).map(|name| (name.clone(), used)));
                }
                Ok(Attempt::DidNotFit)
            }
            Reserved::Repeated(record) | Reserved::Ended(record) => {
                Ok(Attempt::Answered(Box::new(Box::pin(self.answer_again(order, &record)).await?)))
            }
            // A newer revision is in force: the next try prices on it.
            Reserved::Stale { admitted } => {
                Box::pin(self.catalogue.reach(admitted)).await;
                Ok(Attempt::DidNotFit)
            }
            Reserved::Conflict => Err(taken(order)),
            Reserved::NotReplaceable(_) => Err(not_replaceable(order)),
        }
    }

    /// What a known id stands for.
    async fn answer_again(&self, order: &ReserveOrder, record: &Record) -> Result<v1::ReserveResponse, ApiError> {
        if record.tombstone {
            return Err(ended(record));
        }
        if record.request_hash != order.hash {
            return Err(taken(order));
        }
        match record.state {
            State::Held | State::Committed => {}
            State::RolledBack | State::Expired => return Err(ended(record)),
        }
        let recalled = self.recall(record).await?;
        Ok(v1::ReserveResponse {
            outcome: v1::ReserveOutcome::Reserved.into(),
            reservation: Some(self.head(record)?),
            quote: Some(recalled.quote(order.view)),
            price_change: None,
        })
    }

    /// The reservation that is replaced gives back what it holds in the same step, so the price may use it.
    async fn held_by_replaced(&self, order: &ReserveOrder) -> Result<Seen, ApiError> {
        let Some(replaced) = &order.replaces else { return Ok(Seen::default()) };
        let record = self.ledger.get(order.target.shard_key(), replaced).await?;
        let Some(record) = record.filter(|record| record.state == State::Held) else { return Err(not_replaceable(order)) };
        let released = record.holding.into_iter().map(|portion| (portion.counter, portion.amount)).collect();
        Ok(Seen { released, ..Seen::default() })
    }

    /// What is used of each counter: as a refused hold told, or else as it is now without what is replaced.
    async fn usage(&self, names: &[Name], seen: &Seen) -> Result<Vec<i64>, ApiError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.ledger.usage(names).await?;
        if now.len() != names.len() {
            return Err(unexpected(now));
        }
        let usage = names.iter().zip(now).map(|(name, now)| match seen.usage.get(name) {
            Some(told) => *told,
            None => now.saturating_sub(seen.released.get(name).copied().unwrap_or(0)),
        });
        Ok(usage.collect())
    }

    async fn price_changed(
        &self,
        order: &ReserveOrder,
        published: &Published,
        resolved: &Resolved<'_>,
        prepared: &Prepared<'_>,
        usage: &[i64],
    ) -> Result<Attempt, ApiError> {
        // The counters stand in the outcomes, which only a full price has.
        let full = prepared.price(usage, View::Full)?;
        let (rulebook, basket) = (&published.rulebook, &*resolved.basket);
        let causes = causes(prepared, usage, |quote| is_expected(&order.expect, quote))?;
        let causes: Vec<_> = causes.iter().map(|cause| (cause.counter, cause.wanted)).collect();
        let (mut change, names) =
            response::reservation::price_change(rulebook, basket, prepared.counters(), usage, &full, &causes);
        open_orders::say_of_shortages(&*self.ledger, order.target.shard_key(), &names, &mut change.counters).await;
        response::coupons::say_of_price_change(&mut change, order.user(), &resolved.offered);
        if !order.return_quote {
            return Err(ApiError::PriceChanged(Box::new(change)));
        }
        let counters = if usage.is_empty() { CounterState::NotLimited } else { CounterState::Known };
        let mut quote = response::quote(rulebook, &published.revision, basket, &full, counters, order.view);
        open_orders::say_of_outcomes(&*self.ledger, rulebook, basket, prepared.counters(), &full, &mut quote).await;
        let mut coupons = resolved.offered.clone();
        offers::mark(&mut coupons, rulebook, &full.applied);
        response::coupons::say_of_quote(&mut quote, rulebook, order.user(), &coupons, order.view);
        Ok(Attempt::Answered(Box::new(v1::ReserveResponse {
            outcome: v1::ReserveOutcome::PriceChanged.into(),
            reservation: None,
            quote: Some(quote),
            price_change: Some(change),
        })))
    }
}

/// What one try came to.
enum Attempt {
    Answered(Box<v1::ReserveResponse>),
    DidNotFit,
}

/// What is known of counters beside what the ledger says when it is asked.
#[derive(Default)]
struct Seen {
    /// Nothing was read: all counters are taken for unused.
    unread: bool,
    /// By the last hold that did not fit.
    usage: HashMap<Name, i64>,
    /// What is held by the reservation that this one takes the place of.
    released: HashMap<Name, i64>,
}

/// Counters that refused something just now: who asks for them reads first.
#[derive(Default)]
pub(crate) struct Scarce(Mutex<HashMap<Name, Instant>>);

impl Scarce {
    fn note(&self, counter: &Name) {
        let now = Instant::now();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= SCARCE_MAX {
            noted.retain(|_, since| now.duration_since(*since) < SCARCE_FOR);
        }
        if noted.len() < SCARCE_MAX {
            noted.insert(counter.clone(), now);
        }
    }

    fn any_of(&self, counters: &[Name]) -> bool {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter().any(|counter| noted.get(counter).is_some_and(|since| since.elapsed() < SCARCE_FOR))
    }
}

fn is_expected(expect: &Expect, quote: &Quote) -> bool {
    match expect {
        Expect::Fingerprint(fingerprint) => *fingerprint == quote.fingerprint,
        Expect::Payable(payable) => *payable == quote.payable.get(),
        Expect::Anything => true,
    }
}

/// The refund policy that will hold, unless something forbids this order.
fn allowed_policy(order: &ReserveOrder, published: &Published, quote: &Quote) -> Result<v1::RefundPolicy, ApiError> {
    let below = quote.stores.rows().iter().filter(|store| store.below_minimum.is_positive());
    let below: Vec<(String, i64)> = below
        .map(|store| {
            let line = order.basket.lines().get(store.first_line.position());
            (line.map(|line| line.store.as_str().to_owned()).unwrap_or_default(), store.below_minimum.get())
        })
        .collect();
    if !below.is_empty() && !order.accept_below_minimum {
        return Err(ApiError::Forbidden(Forbidden::BelowMinimum(below)));
    }
    if quote.clawback_only {
        return match order.policy {
            Some(RefundPolicy::Proportional) => Err(ApiError::Forbidden(Forbidden::ClawbackOnly)),
            Some(RefundPolicy::Clawback) | None => Ok(v1::RefundPolicy::Clawback),
        };
    }
    Ok(match order.policy.unwrap_or(published.settings.refund_policy) {
        RefundPolicy::Proportional => v1::RefundPolicy::Proportional,
        RefundPolicy::Clawback => v1::RefundPolicy::Clawback,
    })
}

/// Did the state of things decide against the order? What the store did not answer is not decided.
fn is_refusal(decided: &Result<v1::ReserveResponse, ApiError>) -> bool {
    match decided {
        Ok(answer) => answer.outcome() != v1::ReserveOutcome::Reserved,
        Err(error) => !matches!(error, ApiError::Store(_) | ApiError::Bug(_)),
    }
}

fn taken(order: &ReserveOrder) -> ApiError {
    ApiError::Taken { field: "reservation_id", id: order.target.id.clone() }
}

fn not_replaceable(order: &ReserveOrder) -> ApiError {
    ApiError::Forbidden(Forbidden::NotReplaceable(order.replaces.clone().unwrap_or_default()))
}
